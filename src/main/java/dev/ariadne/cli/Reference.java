package dev.ariadne.cli;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import dev.ariadne.model.weights.Checkpoint;
import dev.ariadne.tensor.Tensors;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Recorded arrays, as plain numbers. */
final class Reference implements AutoCloseable {
    private final Checkpoint file;
    private final Set<String> read = new HashSet<>();
    private final NDManager manager = Tensors.engine().newBaseManager(Device.cpu());

    Reference(Path path) throws IOException {
        file = Checkpoint.open(path);
    }

    Checkpoint file() {
        return file;
    }

    /** The entries that nothing has read so far, in order. */
    List<String> unread() {
        return file.names().stream()
                .filter(name -> !read.contains(name))
                .sorted()
                .toList();
    }

    float[] floats(String name) {
        read.add(name);
        try (NDArray array = file.read(manager, name)) {
            return array.toFloatArray();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    long[] longs(String name) {
        read.add(name);
        try (NDArray array = file.read(manager, name);
                NDArray whole = array.toType(DataType.INT64, true)) {
            return whole.toLongArray();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** A matrix of token ids. */
    long[][] tokens(String name) {
        long[] shape = file.shape(name);
        long[] flat = longs(name);
        long[][] rows = new long[(int) shape[0]][(int) shape[1]];
        for (int i = 0; i < flat.length; i++) {
            rows[i / (int) shape[1]][i % (int) shape[1]] = flat[i];
        }
        return rows;
    }

    @Override
    public void close() throws IOException {
        manager.close();
        file.close();
    }
}
