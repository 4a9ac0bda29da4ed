package dev.ariadne.task;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.Shape;
import java.util.Arrays;
import java.util.stream.IntStream;

/** p(one set of tokens) − p(another set), at the last position. */
@SuppressWarnings("ArrayRecordComponent") // never shared: copied on the way in
record ProbabilityDifference(long[][] good, long[][] bad) implements Metric {
    ProbabilityDifference {
        if (good.length != bad.length || good.length == 0) {
            throw new IllegalArgumentException("one set of wrong answers per set of right ones, got " + bad.length
                    + " for " + good.length + "; give two arrays of the same length, at least 1");
        }
        good = AnswerIds.copy(good);
        bad = AnswerIds.copy(bad);
        for (int i = 0; i < good.length; i++) {
            AnswerIds.requireApart("prompt " + i, good[i], bad[i]);
        }
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
        NDArray p = logits.get(new NDIndex(":, -1:")).softmax(2); // [batch, 1, dVocab]
        int width = IntStream.range(0, good.length)
                .map(i -> good[i].length + bad[i].length)
                .max()
                .orElseThrow();
        long[][] ids = new long[good.length][width]; // where a row has fewer, token 0 with sign 0
        float[] signs = new float[good.length * width];
        for (int i = 0; i < good.length; i++) {
            System.arraycopy(good[i], 0, ids[i], 0, good[i].length);
            System.arraycopy(bad[i], 0, ids[i], good[i].length, bad[i].length);
            int start = i * width;
            Arrays.fill(signs, start, start + good[i].length, 1);
            Arrays.fill(signs, start + good[i].length, start + good[i].length + bad[i].length, -1);
        }
        NDArray sign =
                p.getManager().create(signs, new Shape(good.length, width)).toType(p.getDataType(), false);
        return AnswerIds.gather(p, ids)
                .reshape(-1, good.length, width)
                .mul(sign)
                .sum(new int[] {2})
                .reshape(p.getShape().get(0));
    }

    @Override
    public String toString() {
        return name(); // which is its unit, too
    }
}
