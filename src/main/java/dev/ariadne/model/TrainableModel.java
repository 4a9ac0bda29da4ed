package dev.ariadne.model;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.ariadne.model.Weights.Affine;
import dev.ariadne.model.Weights.Layer;
import dev.ariadne.model.Weights.Mlp;
import dev.ariadne.model.weights.Checkpoint;
import dev.ariadne.tensor.Tensors;
import dev.ariadne.view.WholeFile;
import java.io.IOException;
import java.lang.ref.Reference;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.UnaryOperator;

/**
 * A model whose weights change: what training works on. Its arrays are its own; {@link #snapshot} gives the model they make at a moment.
 *
 * <p>Not for several threads.
 *
 * <pre>{@code
 * try (var model = TrainableModel.random(config, 0)) {
 *     new Trainer(model, TrainerConfig.of(1000, Schedule.cosine(3e-3, 100, 1000, 0)), batches).fit();
 *     HookedTransformer trained = model.snapshot();
 * }
 * }</pre>
 */
public final class TrainableModel implements AutoCloseable {
    private static final String CONFIG = "config.json";
    private static final String WEIGHTS = "weights.safetensors";

    private final HookedTransformer live; // computes with the arrays that change, so it is never handed out
    private final NDManager manager;
    private final Runner runner;
    private final Map<String, NDArray> parameters;

    private TrainableModel(HookedTransformer live) {
        this.live = live;
        this.manager = live.newOwner();
        Constants constants =
                Constants.of(manager, live.config(), live.arrays().embed().getDataType());
        this.runner = new Runner(live, live.arrays(), constants, manager);
        this.parameters = Collections.unmodifiableMap(parameters(live.config(), live.arrays()));
        parameters.values().forEach(array -> array.setRequiresGradient(true));
    }

    /** Begins with a copy of a model's weights, in their type and on their device; the model stays as it is. */
    public static TrainableModel of(HookedTransformer model) {
        return new TrainableModel(copy(model));
    }

    /** A model with arrays of its own, also where the type is the same. */
    private static HookedTransformer copy(HookedTransformer model) {
        model.requireOpen();
        NDManager owner = Tensors.engine().newBaseManager(model.device());
        try {
            Weights copied = Tensors.recording(
                    false,
                    () -> model.arrays().map(array -> {
                        NDArray own = array.duplicate();
                        own.attach(owner);
                        return own;
                    }));
            ModelConfig config = model.config();
            Constants constants =
                    Constants.of(owner, config, model.arrays().embed().getDataType());
            return new HookedTransformer(model.name(), config, copied, constants, model.reader(), owner, owner::close);
        } catch (RuntimeException | Error e) {
            owner.close();
            throw e;
        } finally {
            Reference.reachabilityFence(model); // else its weights may be freed while they are copied
        }
    }

    /** Begins with random weights, as GPT-2 did, on a GPU if there is one; see {@link Initialization#GPT2}. */
    public static TrainableModel random(ModelConfig config, long seed) {
        return random(config, Initialization.GPT2, seed, "auto");
    }

    /**
     * Begins with random weights, FLOAT32.
     *
     * @param config what to build; a gated MLP brings a model without biases, as in the families that have one
     * @param initialization how large the weights are
     * @param seed the same seed gives the same weights
     * @param device "cpu", "gpu", "gpu1" …, or "auto"
     */
    public static TrainableModel random(ModelConfig config, Initialization initialization, long seed, String device) {
        Device where = Tensors.device(device);
        NDManager owner = Tensors.engine().newBaseManager(where);
        try {
            Weights weights = new RandomWeights(config, owner).make();
            RandomWeights.fill(parameters(config, weights), config, initialization, seed);
            ModelTokenizer none = ModelTokenizer.absent("it was made from a configuration");
            Constants constants = Constants.of(owner, config, DataType.FLOAT32);
            return new TrainableModel(
                    new HookedTransformer("new model", config, weights, constants, none, owner, owner::close));
        } catch (RuntimeException | Error e) {
            owner.close();
            throw e;
        }
    }

    /** What the model is made of. */
    public ModelConfig config() {
        return live.config();
    }

    /**
     * The arrays that training changes, by name, in the order of the forward pass. Matrices are [out, in], as they are multiplied by:
     * TransformerLens's, transposed, all heads in one; {@code W_QKV} is queries, keys and values of all heads, one below the other.
     *
     * <p>They may be changed in place, outside a recording of gradients: nobody else sees them.
     */
    public Map<String, NDArray> parameters() {
        return parameters;
    }

    /** The number of parameters; a tied unembedding counts once. */
    public long parameterCount() {
        return live.parameterCount();
    }

    /** An owner for arrays that go with the model; freed with it at the latest. */
    public NDManager newOwner() {
        return live.newOwner();
    }

    /**
     * A scalar and its gradients.
     *
     * @param value the scalar
     * @param byName d scalar / d parameter, of the parameter's shape
     * @param owner owns them
     */
    public record Gradients(double value, Map<String, NDArray> byName, NDManager owner) implements AutoCloseable {
        /** Keeps the order. */
        public Gradients {
            byName = Collections.unmodifiableMap(new LinkedHashMap<>(byName));
        }

        /** The gradient of one parameter. */
        public NDArray get(String name) {
            NDArray gradient = byName.get(name);
            if (gradient == null) {
                throw new IllegalArgumentException("no gradient of '" + name + "' was asked for; there are those of "
                        + String.join(", ", byName.keySet()));
            }
            return gradient;
        }

        /** Frees them. */
        @Override
        public void close() {
            owner.close();
        }
    }

    /**
     * Differentiates a scalar of the logits with respect to weights.
     *
     * @param tokens ids [batch, pos]
     * @param places where logits are wanted: row · pos + position, for each
     * @param scalar takes logits [place, dVocabOut], returns a scalar
     * @param names of parameters
     * @param hooks functions on activations, for this run; those at ln_final see [1, place, dModel]
     * @return the gradients, to be closed by the caller
     * @throws IllegalArgumentException when a token, a place or a name does not exist
     */
    public Gradients gradients(
            long[][] tokens, long[] places, UnaryOperator<NDArray> scalar, List<String> names, Hook... hooks) {
        runner.check(tokens);
        long room = (long) tokens.length * tokens[0].length;
        for (long place : places) {
            if (place < 0 || place >= room) {
                throw new IllegalArgumentException("place " + place + " is not in this batch of " + tokens.length
                        + " rows of " + tokens[0].length + " tokens; places are row · pos + position, from 0");
            }
        }
        List<NDArray> arrays = names.stream().map(this::parameter).toList();
        NDManager owner = manager.newSubManager();
        try (NDManager run = owner.newSubManager()) {
            double operations = 3.0 * live.parameterCount() * room;
            return Tensors.run(true, operations, () -> {
                NDArray value = scalar.apply(runner.recorded(tokens, places, run, List.of(hooks)));
                NDList grads = Tensors.grad(value, arrays);
                Map<String, NDArray> byName = new LinkedHashMap<>();
                for (int i = 0; i < arrays.size(); i++) {
                    grads.get(i).attach(owner);
                    byName.put(names.get(i), grads.get(i));
                }
                return new Gradients(value.toType(DataType.FLOAT64, false).getDouble(), byName, owner);
            });
        } catch (RuntimeException | Error e) {
            owner.close();
            throw e;
        }
    }

    /**
     * One of {@link #parameters}.
     *
     * @throws IllegalArgumentException when there is none of this name
     */
    public NDArray parameter(String name) {
        NDArray array = parameters.get(name);
        if (array == null) {
            throw new IllegalArgumentException(
                    "no parameter '" + name + "'; this model's are " + String.join(", ", parameters.keySet()));
        }
        return array;
    }

    /** The model as it is now, with weights of its own; closed by the caller. */
    public HookedTransformer snapshot() {
        return copy(live);
    }

    /** Writes the model as it is now: config.json and weights.safetensors; see {@link #save(Path, Map, Map)}. */
    public void save(Path folder) throws IOException {
        save(folder, Map.of(), Map.of());
    }

    /**
     * Writes the model as it is now in TransformerLens's layout, so that {@link HookedTransformer#load} and others read it. Each file
     * appears when it is whole, in place of an older one; the weights last.
     *
     * @param folder made if need be
     * @param more other arrays to go into the same file of weights, under names of their own
     * @param notes the file's metadata
     * @throws IllegalArgumentException when the layout has no form for this configuration
     */
    public void save(Path folder, Map<String, NDArray> more, Map<String, String> notes) throws IOException {
        String config = LensConfig.write(live.config()).toPrettyString() + "\n";
        Files.createDirectories(folder);
        WholeFile.write(folder.resolve(CONFIG), temporary -> Files.writeString(temporary, config));
        try (NDManager views = manager.newSubManager()) {
            Map<String, NDArray> all = Tensors.recording(
                    false, () -> new LinkedHashMap<>(live.weights().stored(views)));
            all.putAll(more);
            Checkpoint.write(folder.resolve(WEIGHTS), all, notes);
        }
    }

    /**
     * Takes over the weights that were saved in a folder, exactly.
     *
     * @throws IllegalArgumentException when they are of a model of another shape
     */
    public void restore(Path folder) {
        try (HookedTransformer saved = HookedTransformer.load(folder.toString(), "cpu")) {
            Map<String, NDArray> others = parameters(saved.config(), saved.arrays());
            if (!shapes(others).equals(shapes(parameters))) {
                throw new IllegalArgumentException("the weights in " + folder + " are of another model: they are "
                        + shapes(others) + ", this model's are " + shapes(parameters));
            }
            Tensors.recording(false, () -> {
                parameters.forEach((name, array) ->
                        array.set(Objects.requireNonNull(others.get(name)).toFloatArray()));
                return parameters;
            });
        }
    }

    private static Map<String, Shape> shapes(Map<String, NDArray> arrays) {
        Map<String, Shape> shapes = new LinkedHashMap<>();
        arrays.forEach((name, array) -> shapes.put(name, array.getShape()));
        return shapes;
    }

    /** Names the arrays; those of folded norms are no parameters, and a tied unembedding is the embedding. */
    private static Map<String, NDArray> parameters(ModelConfig c, Weights w) {
        Map<String, NDArray> all = new LinkedHashMap<>();
        all.put("embed.W_E", w.embed());
        w.positions().ifPresent(table -> all.put("pos_embed.W_pos", table));
        for (int i = 0; i < c.nLayers(); i++) {
            Layer layer = w.layers().get(i);
            String block = "blocks." + i + ".";
            Optional<Mlp> mlp = layer.mlp();
            norm(all, c, block + "ln1", layer.norm());
            matrix(all, block + "attn.", "QKV", Optional.of(layer.qkv()));
            norm(all, c, block + "attn.q_norm", layer.qNorm());
            norm(all, c, block + "attn.k_norm", layer.kNorm());
            layer.sinks().ifPresent(sinks -> all.put(block + "attn.W_sinks", sinks));
            matrix(all, block + "attn.", "O", Optional.of(layer.out()));
            norm(all, c, block + "ln1_post", layer.postNorm());
            norm(all, c, block + "ln2", mlp.flatMap(Mlp::norm));
            matrix(all, block + "mlp.", "gate", mlp.flatMap(Mlp::gate));
            matrix(all, block + "mlp.", "in", mlp.map(Mlp::in));
            matrix(all, block + "mlp.", "out", mlp.map(Mlp::out));
            norm(all, c, block + "ln2_post", mlp.flatMap(Mlp::postNorm));
        }
        norm(all, c, "ln_final", w.finalNorm());
        if (!c.tied()) {
            matrix(all, "unembed.", "U", Optional.of(w.unembed()));
        }
        w.bigrams().ifPresent(table -> all.put("unembed.W_bigrams", table));
        return all;
    }

    private static void matrix(Map<String, NDArray> all, String before, String kind, Optional<Affine> affine) {
        affine.ifPresent(a -> all.put(before + "W_" + kind, a.w()));
        affine.flatMap(Affine::b).ifPresent(b -> all.put(before + "b_" + kind, b));
    }

    private static void norm(Map<String, NDArray> all, ModelConfig c, String name, Optional<Affine> norm) {
        norm.filter(n -> c.norm().weighted()).ifPresent(n -> {
            all.put(name + ".w", n.w());
            n.b().ifPresent(b -> all.put(name + ".b", b));
        });
    }

    /** Frees the weights. */
    @Override
    public void close() {
        live.close();
    }
}
