package dev.ariadne.task;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import dev.ariadne.model.Logits;
import java.util.Arrays;
import java.util.stream.LongStream;

/**
 * What a model answers, at the positions that a task reads.
 *
 * @param says [prompt][position] the most probable token
 * @param right [prompt][position] whether a right answer comes before all wrong ones; false where nothing is asked
 * @param accuracy the share of what is asked that is right; NaN where nothing is
 */
@SuppressWarnings("ArrayRecordComponent") // never leaves this package
record Performance(long[][] says, boolean[][] right, double accuracy) {
    private static final long MOST_LOGITS = 1L << 24; // at a time, of all positions: 64 MiB

    /** Runs the model on the clean prompts. */
    static Performance of(Task task) {
        long[][] clean = task.clean();
        int[] positions = task.positions();
        boolean onlyLast = positions.length == 1 && positions[0] == clean[0].length - 1;
        long each = (onlyLast ? 1L : clean[0].length) * task.model().config().dVocabOut();
        int atOnce = (int) Math.max(1, Math.min(64, MOST_LOGITS / each));
        long[][] says = new long[clean.length][positions.length];
        boolean[][] right = new boolean[clean.length][positions.length];
        int asked = 0;
        int hits = 0;
        for (int from = 0; from < clean.length; from += atOnce) {
            long[][] some = Arrays.copyOfRange(clean, from, Math.min(clean.length, from + atOnce));
            float[] flat;
            try (Logits logits =
                            onlyLast ? task.model().next(some) : task.model().run(some);
                    NDArray plain = (onlyLast ? logits.array() : task.select(logits.array(), 0))
                            .toType(DataType.FLOAT32, true)) {
                flat = plain.toFloatArray(); // [prompt, position, dVocab]
            }
            int width = flat.length / some.length / positions.length;
            for (int i = 0; i < some.length * positions.length; i++) {
                int prompt = from + i / positions.length;
                int position = i % positions.length;
                float[] row = Arrays.copyOfRange(flat, i * width, (i + 1) * width);
                says[prompt][position] = largest(row, LongStream.range(0, width).toArray());
                long[] correct = task.correct(prompt, position);
                if (correct.length > 0) {
                    right[prompt][position] = isRight(row, correct, task.wrong(prompt, position));
                    asked++;
                    hits += right[prompt][position] ? 1 : 0;
                }
            }
        }
        return new Performance(says, right, asked == 0 ? Double.NaN : (double) hits / asked);
    }

    private static long largest(float[] row, long[] among) {
        long best = among[0];
        for (long id : among) {
            best = row[(int) id] > row[(int) best] ? id : best;
        }
        return best;
    }

    private static boolean isRight(float[] row, long[] correct, long[] wrong) {
        float best = row[(int) largest(row, correct)];
        if (wrong.length > 0) {
            return best > row[(int) largest(row, wrong)];
        }
        float[] others = row.clone();
        Arrays.stream(correct).forEach(id -> others[(int) id] = Float.NEGATIVE_INFINITY);
        for (float other : others) {
            if (other >= best) {
                return false;
            }
        }
        return true;
    }
}
