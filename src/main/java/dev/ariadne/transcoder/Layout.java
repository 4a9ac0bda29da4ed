package dev.ariadne.transcoder;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.ariadne.model.weights.Checkpoint;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** How a file of one layer's transcoder names and turns its arrays. */
enum Layout {
    /** circuit-tracer's: encoder rows are features. */
    CIRCUIT_TRACER(false),
    /** GemmaScope's NPZ: encoder columns are features. */
    GEMMA_SCOPE(true),
    /** GemmaScope 2: small letters, encoder columns are features, and the skip is applied as x·w. */
    GEMMA_SCOPE_2(true);

    static final List<String> NAMES = List.of(
            Transcoder.W_ENC,
            Transcoder.B_ENC,
            Transcoder.W_DEC,
            Transcoder.B_DEC,
            Transcoder.THRESHOLD,
            Transcoder.W_SKIP);

    private static final Map<String, String> GEMMA_SCOPE_2_NAMES =
            Map.of(Transcoder.W_ENC, "w_enc", Transcoder.W_DEC, "w_dec", Transcoder.W_SKIP, "affine_skip_connection");
    private static final String OTHER_THRESHOLD = "threshold"; // as all but circuit-tracer call it

    private final boolean turned;

    Layout(boolean turned) {
        this.turned = turned;
    }

    static Layout of(Checkpoint file) {
        return file.contains("w_enc")
                ? GEMMA_SCOPE_2
                : file.format() == Checkpoint.Format.NPZ ? GEMMA_SCOPE : CIRCUIT_TRACER;
    }

    /** What the file calls an array; empty where it has none. */
    private Optional<String> stored(Checkpoint file, String name) {
        String own = this == GEMMA_SCOPE_2 ? GEMMA_SCOPE_2_NAMES.getOrDefault(name, name) : name;
        if (file.contains(own)) {
            return Optional.of(own);
        }
        return name.equals(Transcoder.THRESHOLD) && file.contains(OTHER_THRESHOLD)
                ? Optional.of(OTHER_THRESHOLD)
                : Optional.empty();
    }

    private boolean isTurned(String name) {
        return (turned && name.equals(Transcoder.W_ENC)) || (this == GEMMA_SCOPE_2 && name.equals(Transcoder.W_SKIP));
    }

    /** The sizes of all arrays as circuit-tracer has them. */
    Map<String, long[]> shapes(Checkpoint file) {
        Map<String, long[]> shapes = new LinkedHashMap<>();
        for (String name : NAMES) {
            stored(file, name).ifPresent(as -> {
                long[] shape = file.shape(as);
                shapes.put(name, isTurned(name) && shape.length == 2 ? new long[] {shape[1], shape[0]} : shape);
            });
        }
        return shapes;
    }

    /** Reads an array as circuit-tracer has it, row by row; empty where there is none. */
    Optional<NDArray> read(Checkpoint file, String name, NDManager owner) throws IOException {
        Optional<String> as = stored(file, name);
        if (as.isEmpty()) {
            return Optional.empty();
        }
        NDArray array = file.read(owner, as.get());
        if (isTurned(name)) {
            NDArray view = array.transpose();
            NDArray copy = view.reshape(-1).reshape(view.getShape());
            view.close();
            array.close();
            array = copy;
        }
        return Optional.of(array);
    }

    /** A matrix that may be left in the file. */
    Matrix matrix(Checkpoint file, String name, NDManager owner) throws IOException {
        String as = stored(file, name).orElseThrow(() -> new IOException(file.path() + ": it has no " + name));
        return Matrix.of(file, as, isTurned(name), owner);
    }
}
