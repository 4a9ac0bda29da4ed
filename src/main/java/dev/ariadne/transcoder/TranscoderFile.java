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
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** A layer's transcoder, in memory or in a file that is read when it is first asked for. */
final class TranscoderFile implements AutoCloseable {
    private static final String OTHER_THRESHOLD = "threshold"; // as some files call it
    private static final List<String> NAMES = List.of(
            Transcoder.W_ENC,
            Transcoder.B_ENC,
            Transcoder.W_DEC,
            Transcoder.B_DEC,
            Transcoder.THRESHOLD,
            Transcoder.W_SKIP);

    private final @Nullable Checkpoint file;
    private final Activation activation;
    private final long[] shape; // features, dModel
    private @Nullable Transcoder transcoder;

    private TranscoderFile(
            @Nullable Checkpoint file, Activation activation, long[] shape, @Nullable Transcoder transcoder) {
        this.file = file;
        this.activation = activation;
        this.shape = shape;
        this.transcoder = transcoder;
    }

    static TranscoderFile of(Transcoder transcoder) {
        long[] shape = {transcoder.features(), transcoder.dModel()};
        return new TranscoderFile(null, transcoder.activation(), shape, transcoder);
    }

    /** Reads the header and checks all sizes; k is 0 where the file decides: a threshold makes it JumpReLU. */
    static TranscoderFile open(Path path, int k) throws IOException {
        Checkpoint file = Checkpoint.open(path);
        boolean opened = false;
        try {
            Map<String, long[]> shapes = new LinkedHashMap<>();
            for (String name : NAMES) {
                stored(file, name).ifPresent(as -> shapes.put(name, file.shape(as)));
            }
            boolean jumps = shapes.containsKey(Transcoder.THRESHOLD);
            Activation activation = k > 0 ? Activation.topK(k) : jumps ? Activation.JUMP_RELU : Activation.RELU;
            Transcoder.check(activation, shapes);
            long[] shape = file.shape(Transcoder.W_ENC);
            TranscoderFile layer = new TranscoderFile(file, activation, shape, null);
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

    private static Optional<String> stored(Checkpoint file, String name) {
        if (file.contains(name)) {
            return Optional.of(name);
        }
        return name.equals(Transcoder.THRESHOLD) && file.contains(OTHER_THRESHOLD)
                ? Optional.of(OTHER_THRESHOLD)
                : Optional.empty();
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

    synchronized Transcoder transcoder() {
        if (transcoder == null) {
            if (file == null) {
                throw new AssertionError("neither a file nor a transcoder");
            }
            NDManager owner = Tensors.engine().newBaseManager(Device.cpu());
            try {
                Map<String, NDArray> arrays = new LinkedHashMap<>();
                for (String name : NAMES) {
                    Optional<String> as = stored(file, name);
                    if (as.isPresent()) {
                        arrays.put(name, file.read(owner, as.get()));
                    }
                }
                transcoder = new Transcoder(owner, activation, arrays);
            } catch (IOException e) {
                owner.close();
                throw new UncheckedIOException(e.getMessage(), e);
            } catch (RuntimeException | Error e) {
                owner.close();
                throw e;
            }
        }
        return transcoder;
    }

    @Override
    public synchronized void close() {
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
