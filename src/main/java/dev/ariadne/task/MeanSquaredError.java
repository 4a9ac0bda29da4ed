package dev.ariadne.task;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.Shape;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** The mean squared difference from the full model's logits, over positions and columns. */
@SuppressWarnings("ArrayRecordComponent") // never shared: the factory copies
record MeanSquaredError(int[] columns, @Nullable NDArray reference) implements Metric {
    @Override
    public String name() {
        return "mean squared error";
    }

    @Override
    public String unit() {
        return "squared logits";
    }

    @Override
    public boolean higherIsBetter() {
        return false;
    }

    @Override
    public boolean needsReference() {
        return true;
    }

    @Override
    public Metric against(NDArray full) {
        for (int column : columns) {
            AnswerIds.requireIn(full.getShape().get(2), column);
        }
        return new MeanSquaredError(columns, full);
    }

    @Override
    public NDArray perPrompt(NDArray logits) {
        NDArray full = reference;
        if (full == null) {
            throw new IllegalStateException(
                    "the squared error compares with the full model; call against(logits) first");
        }
        Shape shape = full.getShape();
        NDArray square = logits.reshape(-1, shape.get(0), shape.get(1), shape.get(2))
                .sub(full)
                .square();
        return pick(square)
                .mean(new int[] {3})
                .mean(new int[] {2})
                .reshape(logits.getShape().get(0));
    }

    private NDArray pick(NDArray square) {
        if (columns.length == 0) {
            return square;
        }
        NDList some = new NDList();
        Arrays.stream(columns)
                .forEach(column -> some.add(square.get(new NDIndex(":, :, :, " + column + ":" + (column + 1)))));
        return some.size() == 1 ? some.head() : NDArrays.concat(some, 3); // of one, concat is a copy without gradient
    }

    @Override
    public String toString() {
        return name() + " in " + unit();
    }
}
