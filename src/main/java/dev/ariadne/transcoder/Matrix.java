package dev.ariadne.transcoder;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import dev.ariadne.model.weights.Checkpoint;
import dev.ariadne.tensor.Tensors;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Arrays;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/**
 * Weights [row, width]: in memory, or mapped, or left in their file, from which some rows are read at a time. A stored array of more axes is
 * taken as rows of its last one.
 *
 * @param array [row, width]; null where the weights are left in the file
 * @param file where they are left
 * @param name their name in the file
 * @param turned whether the file has them as [width, row]
 * @param rows how many
 * @param width how many numbers a row has
 */
record Matrix(@Nullable NDArray array, @Nullable Checkpoint file, String name, boolean turned, long rows, int width) {
    private static final long AT_ONCE = 1 << 23; // numbers read from a file

    /** In memory. */
    static Matrix of(NDArray array) {
        long width = array.getShape().getLastDimension();
        NDArray rows = array.getShape().dimension() == 2 ? array : array.reshape(-1, width);
        return new Matrix(rows, null, "", false, array.size() / width, (int) width);
    }

    /** Mapped where the file can be, left in it else. */
    static Matrix of(Checkpoint file, String name, boolean turned, NDManager owner) throws IOException {
        long[] shape = file.shape(name);
        long size = Arrays.stream(shape).reduce(1, (a, b) -> a * b);
        long width = turned ? shape[0] : shape[shape.length - 1];
        NDArray mapped = null;
        if (file.isMapped(name)) {
            NDArray stored = file.read(owner, name);
            mapped = turned ? stored.transpose() : stored.reshape(-1, width);
        }
        return new Matrix(mapped, file, name, turned, size / width, (int) width);
    }

    /** All of it, where it is in memory or mapped. */
    NDArray held() {
        if (array == null) {
            throw new AssertionError(name + " is left in " + file);
        }
        return array;
    }

    /**
     * Some rows.
     *
     * @return [chosen, width], FLOAT32, of the owner
     */
    NDArray rows(long[] chosen, NDManager owner) {
        if (array != null) {
            return Tensors.embedding(owner.create(chosen), array);
        }
        if (!turned) {
            NDArray all = read(owner, chosen);
            return all.reshape(-1, width);
        }
        try (NDManager scope = owner.newSubManager()) {
            NDList parts = new NDList();
            NDArray ids = scope.create(chosen);
            for (long from = 0; from < width; from += step(rows)) {
                try (NDManager part = scope.newSubManager()) {
                    NDArray some = read(part, range(from, width, step(rows))); // [some of width, row]
                    NDArray found = Tensors.embedding(Tensors.alias(ids, part), some.transpose());
                    found.attach(scope);
                    parts.add(found);
                }
            }
            NDArray all = NDArrays.concat(parts, 1);
            all.attach(owner);
            return all;
        }
    }

    /** x·matrixᵀ + b: x [..., width] → [..., row], of x's type and manager. */
    NDArray read(NDArray x, NDArray b) {
        if (array != null) {
            return Tensors.linear(x, Encoder.like(array, x), Encoder.like(b, x));
        }
        try (NDManager scope = x.getManager().newSubManager()) {
            NDArray result = turned ? turned(x, b, scope) : plain(x, b, scope);
            result.attach(x.getManager());
            return result;
        }
    }

    private NDArray plain(NDArray x, NDArray b, NDManager scope) {
        NDList parts = new NDList();
        for (long from = 0; from < rows; from += step(width)) {
            try (NDManager part = scope.newSubManager()) {
                long[] some = range(from, rows, step(width));
                NDArray w = read(part, some).toType(x.getDataType(), false);
                NDArray bias = Encoder.like(b, w).get(new NDIndex(from + ":" + (from + some.length)));
                NDArray y = Tensors.linear(Tensors.alias(x, part), w, bias);
                y.attach(scope);
                parts.add(y);
            }
        }
        return NDArrays.concat(parts, x.getShape().dimension() - 1);
    }

    private NDArray turned(NDArray x, NDArray b, NDManager scope) {
        NDArray sum = Tensors.alias(x, scope).get("..., :1").zerosLike().add(Encoder.like(b, Tensors.alias(x, scope)));
        for (long from = 0; from < width; from += step(rows)) {
            try (NDManager part = scope.newSubManager()) {
                long[] some = range(from, width, step(rows));
                NDArray w = read(part, some).toType(x.getDataType(), false); // [some of width, row]
                NDArray here = Tensors.alias(x, part).get("..., " + from + ":" + (from + some.length));
                sum.addi(here.matMul(w));
            }
        }
        return sum;
    }

    private static long step(long numbers) {
        return Math.max(1, AT_ONCE / numbers);
    }

    private static long[] range(long from, long end, long step) {
        return LongStream.range(from, Math.min(end, from + step)).toArray();
    }

    /** Rows as the file has them. */
    private NDArray read(NDManager owner, long... stored) {
        if (file == null) {
            throw new AssertionError("neither in memory nor in a file");
        }
        try {
            return file.readRows(owner, name, stored);
        } catch (IOException e) {
            throw new UncheckedIOException(e.getMessage(), e);
        }
    }
}
