package dev.ariadne.transcoder;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.ariadne.model.weights.Checkpoint;
import java.io.IOException;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What the files of one layer of a cross-layer transcoder hold: circuit-tracer's two, or GemmaScope 2's one. */
final class CrossLayerFiles {
    private final int layer;
    private final Map<String, NDArray> small = new LinkedHashMap<>();
    private CrossLayerTranscoder.@Nullable Stored encoder;
    private CrossLayerTranscoder.@Nullable Stored decoder;

    CrossLayerFiles(int layer) {
        this.layer = layer;
    }

    /** Takes a file's arrays in: biases are read, the large ones may stay in it. */
    void add(Checkpoint file, NDManager owner) throws IOException {
        for (String name : file.names()) {
            String plain = name.replaceFirst("_" + layer + "$", "");
            switch (plain) {
                case Transcoder.W_ENC -> encoder = stored(file, name, false, owner);
                case "w_enc" -> encoder = stored(file, name, true, owner);
                case Transcoder.W_DEC, "w_dec" -> decoder = stored(file, name, false, owner);
                case Transcoder.W_SKIP, "affine_skip_connection" -> { // applied as x·w
                    NDArray skip = file.read(owner, name);
                    small.put(
                            Transcoder.W_SKIP,
                            skip.getShape().dimension() == 2
                                    ? skip.transpose()
                                            .reshape(-1)
                                            .reshape(skip.transpose().getShape())
                                    : skip);
                }
                case "threshold" -> small.put(Transcoder.THRESHOLD, file.read(owner, name));
                case Transcoder.B_ENC, Transcoder.B_DEC -> small.put(plain, file.read(owner, name));
                default -> {} // none of a transcoder's
            }
        }
    }

    private static CrossLayerTranscoder.Stored stored(Checkpoint file, String name, boolean turned, NDManager owner)
            throws IOException {
        long[] shape = file.shape(name);
        boolean empty = shape.length < 2;
        for (long size : shape) {
            empty |= size == 0;
        }
        if (empty || (turned && shape.length != 2)) {
            throw new IOException(file.path() + ": " + name + " has shape " + Arrays.toString(shape)
                    + "; the matrices of a transcoder have rows");
        }
        Matrix matrix = Matrix.of(file, name, turned, owner);
        return new CrossLayerTranscoder.Stored(
                matrix, name.equals("w_dec"), turned ? new long[] {shape[1], shape[0]} : shape);
    }

    Map<String, NDArray> small() {
        return small;
    }

    CrossLayerTranscoder.Stored encoder() {
        return required(encoder, Transcoder.W_ENC);
    }

    CrossLayerTranscoder.Stored decoder() {
        return required(decoder, Transcoder.W_DEC);
    }

    private CrossLayerTranscoder.Stored required(CrossLayerTranscoder.@Nullable Stored matrix, String name) {
        if (matrix == null) {
            throw new IllegalArgumentException("layer " + layer + " has no " + name + ", only " + small.keySet());
        }
        return matrix;
    }
}
