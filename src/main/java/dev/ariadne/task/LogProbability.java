package dev.ariadne.task;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.index.NDIndex;
import dev.ariadne.model.HookedTransformer;
import java.util.Arrays;

/**
 * The log-probability of known answers, or minus it.
 *
 * @param answers [prompt][position], the last positions of those given; {@link HookedTransformer#PADDING} where nothing is asked
 */
@SuppressWarnings("ArrayRecordComponent") // never shared: copied on the way in
record LogProbability(long[][] answers, boolean negative) implements Metric {
    LogProbability {
        if (answers.length == 0) {
            throw new IllegalArgumentException("one answer per prompt, or one for all, got none");
        }
        answers = Arrays.stream(answers).map(long[]::clone).toArray(long[][]::new);
        for (long[] row : answers) {
            for (long answer : row) {
                if (answer != HookedTransformer.PADDING || row.length == 1) {
                    AnswerIds.requireNotNegative(answer);
                }
            }
        }
        mask(answers); // refuses rows of different lengths
    }

    private static Mask mask(long[][] answers) {
        boolean[][] asked = new boolean[answers.length][];
        for (int i = 0; i < asked.length; i++) {
            asked[i] = new boolean[answers[i].length];
            for (int j = 0; j < asked[i].length; j++) {
                asked[i][j] = answers[i][j] != HookedTransformer.PADDING;
            }
        }
        return new Mask(asked);
    }

    @Override
    public String name() {
        return negative ? "negative log-probability" : "log-probability";
    }

    @Override
    public String unit() {
        return "nats";
    }

    @Override
    public boolean higherIsBetter() {
        return !negative;
    }

    @Override
    public NDArray perPrompt(NDArray logits) {
        int width = answers[0].length;
        long pos = logits.getShape().get(1);
        if (pos < width) {
            throw new IllegalArgumentException("the metric has answers for " + width + " positions, the logits are of "
                    + pos + "; read as many with task.at(positions)");
        }
        NDArray log = logits.get(new NDIndex(":, " + (pos - width) + ":")).logSoftmax(2); // [batch, pos, dVocab]
        long[][] ids = Arrays.stream(answers)
                .map(row -> Arrays.stream(row).map(id -> Math.max(0, id)).toArray())
                .toArray(long[][]::new);
        NDArray each = AnswerIds.gather(log, ids).reshape(log.getShape().get(0), width); // [batch, pos]
        NDArray mean = mask(answers).mean(each);
        return negative ? mean.neg() : mean;
    }

    @Override
    public String toString() {
        return name() + " in " + unit();
    }
}
