package dev.ariadne.task;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import dev.ariadne.tensor.Tensors;
import java.util.Arrays;

/** Which positions of each prompt count, each as much as any other: prompts with more of them weigh more. */
@SuppressWarnings("ArrayRecordComponent") // never leaves this package
record Mask(boolean[][] counts) {
    Mask {
        counts = Arrays.stream(counts).map(boolean[]::clone).toArray(boolean[][]::new);
        int total = total(counts);
        if (total == 0) {
            throw new IllegalArgumentException("the mask of " + counts.length
                    + " prompts leaves no position to measure; set true where a position counts");
        }
        for (int i = 0; i < counts.length; i++) {
            if (counts[i].length != counts[0].length) {
                throw new IllegalArgumentException("a mask has one entry per position of each prompt, the same number;"
                        + " row 0 has " + counts[0].length + ", row " + i + " has " + counts[i].length);
            }
        }
    }

    private static int total(boolean[][] counts) {
        int total = 0;
        for (boolean[] row : counts) {
            for (boolean here : row) {
                total += here ? 1 : 0;
            }
        }
        return total;
    }

    /** Refuses logits [batch, pos, dVocab] of other prompts than the mask's. */
    void require(Shape logits) {
        if (logits.get(0) % counts.length != 0 || logits.get(1) != counts[0].length) {
            throw new IllegalArgumentException("the mask is for " + counts.length + " prompts of " + counts[0].length
                    + " positions, the logits are of " + logits.get(0) + " prompts and " + logits.get(1)
                    + " positions; give one row per prompt, with one entry per position that the task reads");
        }
    }

    /**
     * Averages over what counts, so that the mean over prompts is the mean over all positions that count.
     *
     * @param values [batch, pos]; a batch of several copies of the prompts repeats the mask
     * @return [batch]
     */
    NDArray mean(NDArray values) {
        int pos = counts[0].length;
        float[] weights = new float[counts.length * pos];
        for (int i = 0; i < weights.length; i++) {
            weights[i] = counts[i / pos][i % pos] ? 1 : 0;
        }
        NDArray each = values.getManager()
                .create(weights, new Shape(counts.length, pos))
                .toType(values.getDataType(), false);
        NDArray sums = values.reshape(-1, counts.length, pos).mul(each).sum(new int[] {2});
        return Tensors.times(sums, (double) counts.length / total(counts))
                .reshape(values.getShape().get(0));
    }
}
