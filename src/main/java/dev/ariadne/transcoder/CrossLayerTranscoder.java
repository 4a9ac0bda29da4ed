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
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
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
     * @param decoder [feature, written layers, dModel]
     * @param decoderBias [dModel], of this layer's MLP output
     * @param skip [dModel, dModel], as x·wᵀ
     */
    private record Layer(
            Encoder encoder,
            NDArray decoder,
            NDArray decoderBias,
            @Nullable NDArray skip) {}

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
     * W_skip_i, which is applied as x·W_skip) and {@code W_dec_i.safetensors} (W_dec_i). FLOAT32 weights are mapped, and read where they are used.
     *
     * @throws IOException naming the file and what is wrong with it
     */
    public static CrossLayerTranscoder load(Path folder) throws IOException {
        TranscoderConfig config = TranscoderConfig.readCrossLayer(folder.resolve(TranscoderSet.CONFIG));
        int count = 0;
        while (Files.isRegularFile(folder.resolve("W_enc_" + count + ".safetensors"))) {
            count++;
        }
        if (count == 0) {
            throw new IOException(folder + ": there is no file W_enc_0.safetensors here; download it into this folder");
        }
        NDManager owner = Tensors.engine().newBaseManager(Device.cpu());
        List<Checkpoint> files = new ArrayList<>();
        boolean opened = false;
        try {
            List<Layer> layers = new ArrayList<>();
            for (int i = 0; i < count; i++) {
                Map<String, NDArray> arrays = new LinkedHashMap<>();
                for (String kind : List.of("W_enc_", "W_dec_")) {
                    Path path = folder.resolve(kind + i + ".safetensors");
                    if (!Files.isRegularFile(path)) {
                        throw new IOException(path + ": there is no such file; download it into this folder");
                    }
                    Checkpoint file = Checkpoint.open(path);
                    files.add(file);
                    for (String name : file.names()) {
                        String plain = name.replaceFirst("_" + i + "$", "");
                        arrays.put(plain.equals("threshold") ? Transcoder.THRESHOLD : plain, file.read(owner, name));
                    }
                }
                NDArray skip = arrays.get(Transcoder.W_SKIP);
                if (skip != null) {
                    arrays.put(Transcoder.W_SKIP, skip.transpose().reshape(-1).reshape(skip.getShape()));
                }
                layers.add(layer(owner, i, count, arrays));
            }
            opened = true;
            return new CrossLayerTranscoder(
                    owner, files, config.modelName(), config.inputHook(), config.outputHook(), layers);
        } catch (IllegalArgumentException e) {
            throw new IOException(folder + ": it is no cross-layer transcoder: " + e.getMessage(), e);
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
        @Nullable NDArray threshold = arrays.get(Transcoder.THRESHOLD);
        Activation activation = threshold == null ? Activation.RELU : Activation.JUMP_RELU;
        Map<String, long[]> shapes = new LinkedHashMap<>();
        arrays.forEach((name, array) -> shapes.put(name, array.getShape().getShape()));
        long[] written = decoder.getShape().getShape();
        if (written.length != 3 || written[1] != count - layer) {
            throw new IllegalArgumentException("W_dec of layer " + layer + " must be [features, " + (count - layer)
                    + ", dModel], one entry for each layer from this one to the last, got " + new Shape(written));
        }
        shapes.put(Transcoder.W_DEC, new long[] {written[0], written[2]});
        Transcoder.check(activation, shapes);
        Encoder encoder = Encoder.of(
                owner,
                activation,
                Transcoder.required(arrays, Transcoder.W_ENC),
                Transcoder.required(arrays, Transcoder.B_ENC),
                threshold);
        return new Layer(
                encoder, decoder, Transcoder.required(arrays, Transcoder.B_DEC), arrays.get(Transcoder.W_SKIP));
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
    public NDArray encoderRows(int layer, long[] features, NDManager owner) {
        return Encoder.rows(layer(layer).encoder().w(), features, owner);
    }

    @Override
    public NDArray encoderBias(int layer) {
        return layer(layer).encoder().b();
    }

    @Override
    public NDArray decoderRows(int layer, long[] features, int target, NDManager owner) {
        NDArray decoder = layer(layer).decoder();
        if (target < layer || target >= size()) {
            throw new IllegalArgumentException("features of layer " + layer + " write to layers " + layer + " to "
                    + (size() - 1) + ", got " + target);
        }
        int written = size() - layer;
        long[] rows = IntStream.range(0, features.length)
                .mapToLong(i -> features[i] * written + (target - layer))
                .toArray();
        return Encoder.rows(Tensors.alias(decoder, owner).reshape(-1, dModel()), rows, owner);
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

    /** What a layer's features write into one layer's MLP output: [..., feature] → [..., dModel]. */
    NDArray written(int layer, NDArray features, int target) {
        NDArray all = Tensors.alias(layer(layer).decoder(), features.getManager());
        return features.matMul(Encoder.like(all.get(":, " + (target - layer)), features));
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
