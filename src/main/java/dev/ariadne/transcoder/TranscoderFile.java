package dev.ariadne.transcoder;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.ariadne.model.weights.Checkpoint;
import dev.ariadne.tensor.Tensors;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A layer's transcoder, in memory or in a file: biases are read when the layer is first used, matrices are mapped or left in the file, and
 * all is read when the whole transcoder is asked for.
 */
final class TranscoderFile implements AutoCloseable {
    private final @Nullable Checkpoint file;
    private final Layout layout;
    private final Activation activation;
    private final long[] shape; // features, dModel
    private @Nullable Parts parts;
    private @Nullable Transcoder transcoder;

    /** What is used of a transcoder, its matrices maybe in the file; closed by its manager. */
    record Parts(
            NDManager manager,
            Encoder encoder,
            Matrix decoder,
            NDArray decoderBias,
            @Nullable NDArray skip) {
        static Parts of(NDManager manager, Transcoder all) {
            return new Parts(
                    manager,
                    all.parts(),
                    Matrix.of(all.decoder()),
                    all.decoderBias(),
                    all.skip().orElse(null));
        }
    }

    private TranscoderFile(
            @Nullable Checkpoint file,
            Layout layout,
            Activation activation,
            long[] shape,
            @Nullable Transcoder transcoder) {
        this.file = file;
        this.layout = layout;
        this.activation = activation;
        this.shape = shape;
        this.transcoder = transcoder;
    }

    static TranscoderFile of(Transcoder transcoder) {
        long[] shape = {transcoder.features(), transcoder.dModel()};
        return new TranscoderFile(null, Layout.CIRCUIT_TRACER, transcoder.activation(), shape, transcoder);
    }

    /** Reads the header and checks all sizes; k is 0 where the file decides: a threshold makes it JumpReLU. */
    static TranscoderFile open(Path path, int k) throws IOException {
        Checkpoint file = Checkpoint.open(path);
        boolean opened = false;
        try {
            Layout layout = Layout.of(file);
            Map<String, long[]> shapes = layout.shapes(file);
            boolean jumps = shapes.containsKey(Transcoder.THRESHOLD);
            Activation activation = k > 0 ? Activation.topK(k) : jumps ? Activation.JUMP_RELU : Activation.RELU;
            Transcoder.check(activation, shapes);
            long[] shape = Objects.requireNonNull(shapes.get(Transcoder.W_ENC));
            TranscoderFile layer = new TranscoderFile(file, layout, activation, shape, null);
            opened = true;
            return layer;
        } catch (IllegalArgumentException e) {
            throw new IOException(
                    path + ": it is no transcoder: " + e.getMessage() + ". Its arrays are " + file.names(), e);
        } finally {
            if (!opened) {
                file.close();
            }
        }
    }

    int features() {
        return (int) shape[0];
    }

    int dModel() {
        return (int) shape[1];
    }

    Activation activation() {
        return activation;
    }

    synchronized Parts parts() {
        if (parts == null) {
            parts = read(owner -> {
                if (transcoder != null) {
                    return Parts.of(owner, transcoder);
                }
                Map<String, NDArray> small = new LinkedHashMap<>();
                for (String name :
                        List.of(Transcoder.B_ENC, Transcoder.B_DEC, Transcoder.THRESHOLD, Transcoder.W_SKIP)) {
                    layout.read(file(), name, owner).ifPresent(array -> small.put(name, array));
                }
                Matrix encoder = layout.matrix(file(), Transcoder.W_ENC, owner);
                return new Parts(
                        owner,
                        Encoder.of(
                                owner,
                                activation,
                                encoder,
                                Transcoder.required(small, Transcoder.B_ENC),
                                small.get(Transcoder.THRESHOLD)),
                        layout.matrix(file(), Transcoder.W_DEC, owner),
                        Transcoder.required(small, Transcoder.B_DEC),
                        small.get(Transcoder.W_SKIP));
            });
        }
        return parts;
    }

    synchronized Transcoder transcoder() {
        if (transcoder == null) {
            transcoder = read(owner -> {
                Map<String, NDArray> arrays = new LinkedHashMap<>();
                for (String name : Layout.NAMES) {
                    layout.read(file(), name, owner).ifPresent(array -> arrays.put(name, array));
                }
                return new Transcoder(owner, activation, arrays);
            });
            if (parts != null) { // what was handed out stays until the end
                parts = Parts.of(parts.manager(), transcoder);
            }
        }
        return transcoder;
    }

    private Checkpoint file() {
        if (file == null) {
            throw new AssertionError("neither a file nor a transcoder");
        }
        return file;
    }

    /** Reads something into arrays of an owner, which is closed where it fails. */
    private interface Reading<T> {
        T of(NDManager owner) throws IOException;
    }

    private <T> T read(Reading<T> reading) {
        NDManager owner = Tensors.engine().newBaseManager(Device.cpu());
        try {
            return reading.of(owner);
        } catch (IOException e) {
            owner.close();
            throw new UncheckedIOException(e.getMessage(), e);
        } catch (RuntimeException | Error e) {
            owner.close();
            throw e;
        }
    }

    @Override
    public synchronized void close() {
        if (parts != null) {
            parts.manager().close();
        }
        if (transcoder != null) {
            transcoder.close();
        }
        if (file != null) {
            try {
                file.close();
            } catch (IOException e) {
                throw new UncheckedIOException(e.getMessage(), e);
            }
        }
    }
}
