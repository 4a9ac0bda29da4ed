package dev.ariadne.transcoder;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.ariadne.model.Hook;
import dev.ariadne.model.weights.Checkpoint;
import dev.ariadne.tensor.Tensors;
import dev.ariadne.view.View;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Features that are read at one layer and write to the MLP outputs of all layers from there on (Ameisen et al. 2025, "Circuit Tracing").
 *
 * <p>The output of the MLP of layer j is approximated by b_dec[j] + Σ over layers i ≤ j of features_i · W_dec_i[:, j − i, :]. Weights never
 * change and are FLOAT32.
 */
public final class CrossLayerTranscoder implements Transcoders {
    private final NDManager manager;
    private final List<Checkpoint> files; // mapped
    private final String modelName;
    private final String inputHook;
    private final String outputHook;
    private final List<Layer> layers;

    /**
     * One layer.
     *
     * @param decoder [feature · written layers, dModel]
     * @param written how many layers the decoder has rows for: those from this one on, or all
     * @param decoderBias [dModel], of this layer's MLP output
     * @param skip [dModel, dModel], as x·wᵀ
     */
    private record Layer(
            Encoder encoder,
            Matrix decoder,
            int written,
            NDArray decoderBias,
            @Nullable NDArray skip) {
        /** The rows of features for the layer so far above. */
        long[] rows(long[] features, int above, int count) {
            int first = written == count ? 0 : written - count; // where all layers are written, the lower ones are not
            return Arrays.stream(features)
                    .map(feature -> feature * written + first + above)
                    .toArray();
        }
    }

    private CrossLayerTranscoder(
            NDManager manager,
            List<Checkpoint> files,
            String modelName,
            String inputHook,
            String outputHook,
            List<Layer> layers) {
        this.manager = manager;
        this.files = List.copyOf(files);
        this.modelName = modelName;
        this.inputHook = inputHook;
        this.outputHook = outputHook;
        this.layers = List.copyOf(layers);
    }

    /**
     * A cross-layer transcoder of copies of arrays.
     *
     * @param modelName of the model whose MLPs it stands for
     * @param inputHook what each layer reads, without the block: "hook_resid_mid"
     * @param outputHook what each layer stands for, without the block: "hook_mlp_out"
     * @param arrays of each layer: W_enc [feature, dModel], b_enc [feature], W_dec [feature, layers from this one on, dModel], b_dec [dModel],
     *     and maybe activation_function.threshold [] or [feature] (then it is JumpReLU, else ReLU), W_skip [dModel, dModel], as x·W_skipᵀ
     * @throws IllegalArgumentException when one is missing or the sizes do not fit each other
     */
    public static CrossLayerTranscoder of(
            String modelName, String inputHook, String outputHook, List<Map<String, NDArray>> arrays) {
        if (arrays.isEmpty()) {
            throw new IllegalArgumentException("a cross-layer transcoder has at least one layer, got none");
        }
        NDArray first = Transcoder.required(arrays.get(0), Transcoder.W_ENC);
        NDManager owner = Tensors.engine().newBaseManager(first.getDevice());
        try {
            List<Layer> layers = Tensors.recording(false, () -> {
                List<Layer> copies = new ArrayList<>();
                for (int i = 0; i < arrays.size(); i++) {
                    copies.add(layer(owner, i, arrays.size(), copy(owner, arrays.get(i))));
                }
                return copies;
            });
            return new CrossLayerTranscoder(owner, List.of(), modelName, inputHook, outputHook, layers);
        } catch (RuntimeException | Error e) {
            owner.close();
            throw e;
        }
    }

    /**
     * Opens a folder with {@code config.yaml} and, for each layer i, {@code W_enc_i.safetensors} (W_enc_i, b_enc_i, b_dec_i, maybe threshold_i and
     * W_skip_i, which is applied as x·W_skip) and {@code W_dec_i.safetensors} (W_dec_i); or with GemmaScope 2's files, one for each layer, which
     * the configuration names. Large weights are mapped where they can be, else read a piece at a time when they are used.
     *
     * @throws IOException naming the file and what is wrong with it
     */
    public static CrossLayerTranscoder load(Path folder) throws IOException {
        TranscoderConfig config = TranscoderConfig.readCrossLayer(folder.resolve(TranscoderSet.CONFIG));
        if (config.files().isEmpty()) {
            return open(config, folder);
        }
        List<Path> files = new ArrayList<>();
        for (int layer = 0; layer < config.files().size(); layer++) {
            files.add(config.resolve(folder, layer));
        }
        return open(config, files);
    }

    /** Opens pairs of files. */
    static CrossLayerTranscoder open(TranscoderConfig config, Path folder) throws IOException {
        List<List<Path>> files = new ArrayList<>();
        while (Files.isRegularFile(folder.resolve("W_enc_" + files.size() + ".safetensors"))) {
            int layer = files.size();
            List<Path> pair = Stream.of("W_enc_", "W_dec_")
                    .map(kind -> folder.resolve(kind + layer + ".safetensors"))
                    .toList();
            if (!Files.isRegularFile(pair.get(1))) {
                throw new IOException(pair.get(1) + ": there is no such file; download it into this folder");
            }
            files.add(pair);
        }
        if (files.isEmpty()) {
            throw new IOException(folder + ": there is no file W_enc_0.safetensors here; download it into this folder");
        }
        return openAll(config, files);
    }

    /** Opens one file for each layer. */
    static CrossLayerTranscoder open(TranscoderConfig config, List<Path> files) throws IOException {
        return openAll(config, files.stream().map(List::of).toList());
    }

    private static CrossLayerTranscoder openAll(TranscoderConfig config, List<List<Path>> paths) throws IOException {
        NDManager owner = Tensors.engine().newBaseManager(Device.cpu());
        List<Checkpoint> files = new ArrayList<>();
        boolean opened = false;
        try {
            List<Layer> layers = new ArrayList<>();
            for (List<Path> some : paths) {
                CrossLayerFiles of = new CrossLayerFiles(layers.size());
                try {
                    for (Path path : some) {
                        files.add(Checkpoint.open(path));
                        of.add(files.get(files.size() - 1), owner);
                    }
                    layers.add(layer(owner, layers.size(), paths.size(), of.small(), of.encoder(), of.decoder()));
                } catch (IllegalArgumentException e) {
                    throw new IOException(some.get(0) + ": it is no cross-layer transcoder: " + e.getMessage(), e);
                }
            }
            opened = true;
            return new CrossLayerTranscoder(
                    owner, files, config.modelName(), config.inputHook(), config.outputHook(), layers);
        } finally {
            if (!opened) {
                close(owner, files);
            }
        }
    }

    private static void close(NDManager owner, List<Checkpoint> files) {
        owner.close();
        for (Checkpoint file : files) {
            try {
                file.close();
            } catch (IOException e) {
                throw new UncheckedIOException(e.getMessage(), e);
            }
        }
    }

    private static Map<String, NDArray> copy(NDManager owner, Map<String, NDArray> arrays) {
        Map<String, NDArray> copies = new LinkedHashMap<>();
        arrays.forEach((name, array) -> {
            if (array.getDataType() != DataType.FLOAT32) {
                throw new IllegalArgumentException(name + " must be FLOAT32, got " + array.getDataType());
            }
            NDArray own = array.duplicate();
            own.attach(owner);
            copies.put(name, own);
        });
        return copies;
    }

    private static Layer layer(NDManager owner, int layer, int count, Map<String, NDArray> arrays) {
        NDArray decoder = Transcoder.required(arrays, Transcoder.W_DEC);
        NDArray encoder = Transcoder.required(arrays, Transcoder.W_ENC);
        return layer(owner, layer, count, arrays, Stored.of(encoder), Stored.of(decoder));
    }

    /**
     * A matrix that may be left in its file.
     *
     * @param matrix its rows
     * @param all whether a decoder has rows for all layers, those below too
     * @param shape its sizes
     */
    @SuppressWarnings("ArrayRecordComponent") // package-private, not shared
    record Stored(Matrix matrix, boolean all, long... shape) {
        static Stored of(NDArray array) {
            long[] shape = array.getShape().getShape();
            if (shape.length < 2 || array.size() == 0) {
                throw new IllegalArgumentException(
                        "the matrices of a transcoder have rows, got shape " + array.getShape());
            }
            return new Stored(Matrix.of(array), false, shape);
        }
    }

    private static Layer layer(
            NDManager owner, int layer, int count, Map<String, NDArray> small, Stored encoder, Stored decoder) {
        long[] written = decoder.shape();
        int expected = decoder.all() ? count : count - layer;
        if (written.length != 3 || written[1] != expected) {
            throw new IllegalArgumentException("W_dec of layer " + layer + " must be [features, " + expected
                    + ", dModel], one entry for each layer " + (decoder.all() ? "" : "from this one to the last")
                    + ", got " + new Shape(written));
        }
        @Nullable NDArray threshold = small.get(Transcoder.THRESHOLD);
        Activation activation = threshold == null ? Activation.RELU : Activation.JUMP_RELU;
        Map<String, long[]> shapes = new LinkedHashMap<>();
        small.forEach((name, array) -> shapes.put(name, array.getShape().getShape()));
        shapes.put(Transcoder.W_ENC, encoder.shape());
        shapes.put(Transcoder.W_DEC, new long[] {written[0], written[2]});
        Transcoder.check(activation, shapes);
        return new Layer(
                Encoder.of(
                        owner, activation, encoder.matrix(), Transcoder.required(small, Transcoder.B_ENC), threshold),
                decoder.matrix(),
                (int) written[1],
                Transcoder.required(small, Transcoder.B_DEC),
                small.get(Transcoder.W_SKIP));
    }

    private Layer layer(int layer) {
        if (layer < 0 || layer >= size()) {
            throw new IllegalArgumentException(
                    "layer must be from 0 to " + (size() - 1) + ", got " + layer + "; there are " + size());
        }
        return layers.get(layer);
    }

    @Override
    public int size() {
        return layers.size();
    }

    @Override
    public int dModel() {
        return layers.get(0).encoder().dModel();
    }

    @Override
    public int features(int layer) {
        return layer(layer).encoder().features();
    }

    @Override
    public Activation activation(int layer) {
        return layer(layer).encoder().activation();
    }

    @Override
    public String modelName() {
        return modelName;
    }

    @Override
    public String inputHook() {
        return inputHook;
    }

    @Override
    public String outputHook() {
        return outputHook;
    }

    @Override
    public int lastWritten(int layer) {
        return size() - 1;
    }

    @Override
    public NDArray preactivations(int layer, NDArray x) {
        return layer(layer).encoder().preactivations(x);
    }

    @Override
    public NDArray activate(int layer, NDArray preactivations) {
        return layer(layer).encoder().activate(preactivations);
    }

    @Override
    public NDArray encode(int layer, NDArray x, long[] chosen) {
        return layer(layer).encoder().encode(x, chosen);
    }

    @Override
    public NDArray encoderRows(int layer, long[] features, NDManager owner) {
        return layer(layer).encoder().w().rows(features, owner);
    }

    @Override
    public NDArray encoderBias(int layer) {
        return layer(layer).encoder().b();
    }

    @Override
    public NDArray decoderRows(int layer, long[] features, int target, NDManager owner) {
        if (target < layer || target >= size()) {
            throw new IllegalArgumentException("features of layer " + layer + " write to layers " + layer + " to "
                    + (size() - 1) + ", got " + target);
        }
        Layer from = layer(layer);
        return from.decoder().rows(from.rows(features, target - layer, size() - layer), owner);
    }

    @Override
    public NDArray decoderBias(int layer) {
        return layer(layer).decoderBias();
    }

    @Override
    public Optional<NDArray> skip(int layer) {
        return Optional.ofNullable(layer(layer).skip());
    }

    /**
     * {@inheritDoc}
     *
     * <p>Features of every layer up to the last chosen one are read in the run, those of layers that keep their own MLP too.
     */
    @Override
    public Hook[] hooks(int... chosen) {
        return new CrossLayerHooks(
                        this,
                        manager,
                        chosen.length > 0 ? chosen : IntStream.range(0, size()).toArray())
                .hooks();
    }

    @Override
    public View view() {
        Map<String, String> facts = new LinkedHashMap<>();
        facts.put("model", modelName);
        facts.put("reads", inputHook);
        facts.put("stands for", outputHook + " of this and all later layers");
        long features =
                layers.stream().mapToLong(layer -> layer.encoder().features()).sum();
        facts.put("features", String.format(Locale.ROOT, "%,d in %d layers", features, size()));
        facts.put("activation", activation(0).toString());
        return new View.Facts("cross-layer transcoder", facts);
    }

    @Override
    public String toString() {
        return "cross-layer transcoder of " + size() + " layers for " + modelName;
    }

    @Override
    public void close() {
        close(manager, files);
    }
}
