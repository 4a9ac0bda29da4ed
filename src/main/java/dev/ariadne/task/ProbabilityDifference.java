package dev.ariadne.task;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.Shape;
import java.util.Arrays;

/** p(one set of tokens) − p(another set), at the last position. */
@SuppressWarnings("ArrayRecordComponent") // never shared: copied on the way in
record ProbabilityDifference(long[][] good, long[][] bad) implements Metric {
    ProbabilityDifference {
        if (good.length != bad.length || good.length == 0) {
            throw new IllegalArgumentException("one set of wrong answers per set of right ones, got " + bad.length
                    + " for " + good.length + "; give two arrays of the same length, at least 1");
        }
        good = copy(good);
        bad = copy(bad);
    }

    private static long[][] copy(long[][] sets) {
        return Arrays.stream(sets)
                .map(set -> {
                    Arrays.stream(set).forEach(AnswerIds::requireNotNegative);
                    return set.clone();
                })
                .toArray(long[][]::new);
    }

    @Override
    public String name() {
        return "probability difference";
    }

    @Override
    public String unit() {
        return "probability";
    }

    @Override
    public NDArray perPrompt(NDArray logits) {
        NDArray p = logits.get(new NDIndex(":, -1")).softmax(1); // [batch, dVocab]
        int width = Math.toIntExact(p.getShape().get(1));
        if (p.getShape().get(0) % good.length != 0) {
            throw new IllegalArgumentException("the metric has answers for " + good.length + " prompts, the batch has "
                    + p.getShape().get(0) + "; give one set for all prompts, or one per prompt");
        }
        float[] signs = new float[good.length * width];
        for (int row = 0; row < good.length; row++) {
            mark(signs, row * width, width, good[row], 1);
            mark(signs, row * width, width, bad[row], -1);
        }
        NDArray sign =
                p.getManager().create(signs, new Shape(good.length, width)).toType(p.getDataType(), false);
        return p.reshape(-1, good.length, width)
                .mul(sign)
                .sum(new int[] {2})
                .reshape(p.getShape().get(0));
    }

    private static void mark(float[] signs, int from, int width, long[] tokens, float sign) {
        for (long token : tokens) {
            AnswerIds.requireIn(width, token);
            signs[from + (int) token] += sign;
        }
    }
}
