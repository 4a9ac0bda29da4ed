package dev.ariadne.circuit;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.ariadne.model.Components;
import dev.ariadne.task.Metric;
import dev.ariadne.task.Task;
import dev.ariadne.tensor.Tensors;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** From the stream behind the last block to the metric: only the positions and tokens that it reads are unembedded. */
final class Readout {
    private static final long MOST_LOGITS = 1 << 25; // numbers at once

    private final Components parts;
    private final Task task;
    private final Metric metric;
    private final @Nullable NDList rows;
    private final @Nullable NDList reference;
    private final @Nullable NDArray bigrams; // [prompt, position, dVocabOut]
    private final @Nullable NDArray bigramsOfRows; // [prompt, position, token]
    private final int batch;
    private final long vocabulary;

    /**
     * Prepares to read.
     *
     * @param clean the prompts: a table of bigrams, where there is one, reads their tokens whatever edges are absent
     * @param cleanStream the full model's stream behind the last block [batch, pos, dModel]; its owner keeps what is compared with
     */
    Readout(Components parts, Task task, long[][] clean, NDArray cleanStream, long vocabulary) {
        this.parts = parts;
        this.task = task;
        this.batch = Math.toIntExact(cleanStream.getShape().get(0));
        this.vocabulary = vocabulary;
        this.bigrams = parts.bigrams(clean).map(table -> task.select(table, 0)).orElse(null);
        this.metric = task.metric().needsReference()
                ? task.metric().against(plus(parts.logits(task.select(cleanStream, 0)), bigrams))
                : task.metric();
        this.reference =
                metric.readsDivergence() && parts.hasDivergence() ? parts.reference(task.select(cleanStream, 0)) : null;
        long[][] tokens = metric.tokens();
        if (tokens.length > 0 && batch % tokens.length != 0) {
            throw new IllegalArgumentException("the metric has answers for " + tokens.length + " prompts, the task has "
                    + batch + "; give one answer for all prompts, or one per prompt");
        }
        this.rows = tokens.length == 0 ? null : parts.rows(repeat(tokens, batch));
        this.bigramsOfRows = rows == null || bigrams == null ? null : columns(bigrams, repeat(tokens, batch));
    }

    /** Some tokens' columns [prompt, position, dVocabOut] → [prompt, position, token]. */
    private static NDArray columns(NDArray table, long[][] tokens) {
        Shape shape = table.getShape();
        long[] flat = Arrays.stream(tokens).flatMapToLong(Arrays::stream).toArray();
        NDArray ids = table.getManager()
                .create(flat, new Shape(tokens.length, 1, tokens[0].length))
                .broadcast(shape.get(0), shape.get(1), tokens[0].length);
        return table.gather(ids, 2);
    }

    /** Adds what is the same in all states [prompt, position, token] to [state · prompt, position, token]. */
    private static NDArray plus(NDArray logits, @Nullable NDArray table) {
        Shape shape = logits.getShape();
        return table == null
                ? logits
                : logits.reshape(-1, table.getShape().get(0), shape.get(1), shape.get(2))
                        .add(table)
                        .reshape(shape);
    }

    private static long[][] repeat(long[][] tokens, int batch) {
        long[][] all = new long[batch][];
        for (int i = 0; i < batch; i++) {
            all[i] = tokens[i % tokens.length];
        }
        return all;
    }

    /**
     * Measures.
     *
     * @param stream [state · batch, pos from first on, dModel]
     * @return the metric of each state, the mean over prompts
     */
    double[] measure(NDArray stream, int first) {
        NDArray read = task.select(stream, first); // [state · batch, position, dModel]
        int states = Math.toIntExact(read.getShape().get(0) / batch);
        if (reference != null) {
            double[] exact = means(metric.perPromptOfDivergence(parts.divergence(read, reference)), states);
            if (Arrays.stream(exact).allMatch(Double::isFinite)) {
                return exact;
            }
        }
        long each = batch * read.getShape().get(1) * vocabulary;
        int atOnce = rows != null ? states : (int) Math.max(1, Math.min(states, MOST_LOGITS / each));
        double[] values = new double[states];
        for (int from = 0; from < states; from += atOnce) {
            int to = Math.min(states, from + atOnce);
            try (NDManager scope = stream.getManager().newSubManager()) {
                NDArray some = read.get(scope, new NDIndex(from * batch + ":" + to * batch));
                NDArray scores = rows != null
                        ? metric.perPromptOfTokens(plus(parts.logits(some, rows), bigramsOfRows))
                        : metric.perPrompt(plus(parts.logits(some), bigrams));
                NDArray means = scores.reshape(to - from, batch)
                        .toType(DataType.FLOAT64, false)
                        .mean(new int[] {1});
                System.arraycopy(means.toDoubleArray(), 0, values, from, to - from);
            }
        }
        return values;
    }

    private double[] means(NDArray scores, int states) {
        return scores.reshape(states, batch)
                .toType(DataType.FLOAT64, false)
                .mean(new int[] {1})
                .toDoubleArray();
    }

    /** The metric of logits of the whole text [batch, pos, dVocab], differentiable: a scalar. */
    NDArray score(NDArray logits) {
        return metric.perPrompt(task.select(Tensors.alias(logits, logits.getManager()), 0))
                .mean();
    }
}
