package dev.ariadne.attribution;

import ai.djl.ndarray.NDArray;
import dev.ariadne.model.Hook;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.model.Tokenizer;
import dev.ariadne.transcoder.FeatureLabels;
import dev.ariadne.transcoder.TranscoderSet;
import dev.ariadne.transcoder.Transcoders;
import dev.ariadne.view.Displayable;
import dev.ariadne.view.View;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.stream.LongStream;

/**
 * A model and transcoders that stand for its MLPs: what attribution graphs and feature interventions are made with.
 *
 * <p>At the first position of a prompt nothing is active, as transcoders are not trained there: a prompt begins with a beginning-of-sequence
 * token, which is put in front where the model has one.
 *
 * <pre>{@code
 * var replacement = ReplacementModel.load("tutorial"); // or a model's name and a folder of transcoders
 * replacement.features("Dallas is in")
 * }</pre>
 */
public final class ReplacementModel implements Displayable, AutoCloseable {
    private final HookedTransformer model;
    private final Transcoders transcoders;
    private final int zeroed;
    private final Map<String, String> labels; // of features, by layer_index
    private final boolean owned;

    private ReplacementModel(
            HookedTransformer model, Transcoders transcoders, int zeroed, Map<String, String> labels, boolean owned) {
        if (zeroed < 0) {
            throw new IllegalArgumentException(
                    "the number of zeroed positions must be 0 or more, got " + zeroed + "; 1 is the first token only");
        }
        this.model = model;
        this.transcoders = transcoders.requireFits(model);
        this.zeroed = zeroed;
        this.labels = Map.copyOf(labels);
        this.owned = owned;
    }

    /**
     * Puts a model and transcoders together; both stay the caller's. With a model in FLOAT64 all is computed in FLOAT64.
     *
     * @throws IllegalArgumentException when the transcoders are for another model: other layers, width or hook points
     */
    public static ReplacementModel of(HookedTransformer model, Transcoders transcoders) {
        return new ReplacementModel(model, transcoders, 1, Map.of(), false);
    }

    /**
     * Loads a model that ships with the library together with its transcoders and the names of their features, or a folder with a model and, in its
     * folder {@code transcoders}, both of these.
     *
     * @param model "tutorial", or a folder
     * @throws IllegalArgumentException when there are no transcoders for it
     */
    public static ReplacementModel load(String model) {
        Path beside = Path.of(model, "transcoders");
        if (Files.isDirectory(beside)) {
            return load(model, beside);
        }
        Transcoders embedded = TranscoderSet.embedded(model);
        try {
            HookedTransformer loaded = HookedTransformer.load(model);
            return new ReplacementModel(loaded, embedded, 1, FeatureLabels.embedded(model), true);
        } catch (RuntimeException | Error e) {
            embedded.close();
            throw e;
        }
    }

    /**
     * Loads a model and its transcoders; they are closed with the result.
     *
     * @param model as for {@link HookedTransformer#load(String)}
     * @param transcoders a folder with a config.yaml; names of features are read from a labels.json in it, if there is one
     */
    public static ReplacementModel load(String model, Path transcoders) {
        return load(model, () -> Transcoders.load(transcoders), () -> FeatureLabels.read(transcoders));
    }

    /**
     * Loads a model and its transcoders; they are closed with the result.
     *
     * @param model as for {@link HookedTransformer#load(String)}
     * @param transcoders as for {@link Transcoders#load(String)}: a folder, or a name on the hub
     */
    public static ReplacementModel load(String model, String transcoders) {
        boolean local = !transcoders.startsWith("hf://") && Files.isDirectory(Path.of(transcoders));
        return load(
                model,
                () -> Transcoders.load(transcoders),
                () -> local ? FeatureLabels.read(Path.of(transcoders)) : Map.of());
    }

    /** Reads something from files. */
    private interface Reading<T> {
        T read() throws IOException;
    }

    private static ReplacementModel load(
            String model, Reading<Transcoders> transcoders, Reading<Map<String, String>> labels) {
        HookedTransformer loaded = HookedTransformer.load(model);
        try {
            Transcoders read = transcoders.read();
            try {
                return new ReplacementModel(loaded, read, 1, labels.read(), true);
            } catch (RuntimeException | IOException e) {
                read.close();
                throw e;
            }
        } catch (IOException e) {
            loaded.close();
            throw new UncheckedIOException(e.getMessage(), e);
        } catch (RuntimeException | Error e) {
            loaded.close();
            throw e;
        }
    }

    /**
     * The same, with nothing active at so many first positions: 4 for the chat models of Gemma 3.
     *
     * @param positions from 0
     * @return shares model and transcoders with this one; closing either closes what was loaded
     */
    public ReplacementModel withZeroed(int positions) {
        return new ReplacementModel(model, transcoders, positions, labels, owned);
    }

    /**
     * The same, with names for features.
     *
     * @param names by layer_index, such as "1_207"
     * @return shares model and transcoders with this one; closing either closes what was loaded
     */
    public ReplacementModel withLabels(Map<String, String> names) {
        return new ReplacementModel(model, transcoders, zeroed, names, owned);
    }

    /** The model itself. */
    public HookedTransformer model() {
        return model;
    }

    /** What stands for its MLPs. */
    public Transcoders transcoders() {
        return transcoders;
    }

    /** At how many first positions nothing is active. */
    public int zeroed() {
        return zeroed;
    }

    /** What a feature is called; empty when it has no name. */
    public String label(int layer, int index) {
        return labels.getOrDefault(layer + "_" + index, "");
    }

    /** A prompt's token ids, with the model's beginning-of-sequence token in front where it has one, else its end-of-sequence token. */
    public long[] tokens(String prompt) {
        long[] ids = model.toTokens(prompt)[0];
        Tokenizer tokenizer = model.tokenizer();
        OptionalLong front = tokenizer.bosId().isPresent() ? tokenizer.bosId() : tokenizer.eosId();
        if (front.isEmpty() || ids[0] == front.getAsLong()) {
            return ids;
        }
        return LongStream.concat(LongStream.of(front.getAsLong()), Arrays.stream(ids))
                .toArray();
    }

    /** Tokens, readable; "#id" without a tokenizer. */
    List<String> labels(long[] tokens) {
        return model.hasTokenizer()
                ? model.tokenizer().toStrings(tokens)
                : Arrays.stream(tokens).mapToObj(id -> "#" + id).toList();
    }

    /** The features that are active on a prompt, shown as the strongest at each token. */
    public ActiveFeatures features(String prompt) {
        return features(tokens(prompt));
    }

    /** The features that are active on token ids, which begin as {@link #tokens} has them. */
    public ActiveFeatures features(long[] tokens) {
        try (CleanRun run = new CleanRun(this, tokens, List.of(), this::label)) {
            return run.features();
        }
    }

    /** Which features, errors and tokens push which features and output tokens, for the most probable next tokens. */
    public AttributionGraph attribute(String prompt) {
        return attribute(prompt, AttributionConfig.DEFAULT);
    }

    /**
     * Makes an attribution graph.
     *
     * @param prompt the text
     * @param config targets, limits
     * @throws IllegalArgumentException when a target is no single token or out of range, or the memory does not suffice
     */
    public AttributionGraph attribute(String prompt, AttributionConfig config) {
        return new Attribution(this, config, prompt, tokens(prompt)).graph();
    }

    /** Makes an attribution graph of token ids, which begin as {@link #tokens} has them; see {@link #attribute(String, AttributionConfig)}. */
    public AttributionGraph attribute(long[] tokens, AttributionConfig config) {
        String prompt = model.hasTokenizer() ? model.tokenizer().toText(tokens) : "";
        return new Attribution(this, config, prompt, tokens).graph();
    }

    /**
     * Hooks under which {@link HookedTransformer#runWithGradients} differentiates the local replacement model, many prompts at a time: attention patterns
     * and norm scales are constants, and an MLP answers through its features only. What the model says stays the same.
     *
     * <p>So a feature's activation times the gradient at its MLP's output along what it writes is the sum of all its paths in the attribution graph.
     */
    public Hook[] localHooks() {
        List<Hook> hooks = new ArrayList<>();
        FrozenModel.hooks(model.config()).stream()
                .filter(point -> point.endsWith("hook_pattern") || point.endsWith("hook_scale"))
                .forEach(point -> hooks.add(Hook.at(point, NDArray::stopGradient)));
        for (Hook hook : transcoders.hooks()) {
            hooks.add(Hook.at(hook.point(), (out, name) -> {
                NDArray reconstructed = hook.edit().apply(out, name);
                return reconstructed == out ? out : throughFeatures(out, reconstructed);
            }));
        }
        return hooks.toArray(Hook[]::new);
    }

    /** The MLP's output [row, pos, dModel], with the gradient of what its features make of it; none at zeroed positions. */
    private NDArray throughFeatures(NDArray out, NDArray reconstructed) {
        long pos = out.getShape().get(1);
        NDArray counts = out.getManager().arange((int) pos).gte(zeroed).toType(out.getDataType(), false);
        NDArray through = reconstructed.mul(counts.reshape(1, pos, 1)); // [row, pos, dModel]
        return out.sub(through).stopGradient().add(through);
    }

    Map<String, String> labels() {
        return labels;
    }

    @Override
    public View view() {
        Map<String, String> facts = new LinkedHashMap<>();
        facts.put("model", model.name());
        facts.put("layers", Integer.toString(transcoders.size()));
        facts.put("transcoders", transcoders.toString());
        facts.put("reads", transcoders.inputHook());
        facts.put("stands for", transcoders.outputHook());
        facts.put("nothing active at", zeroed == 0 ? "no position" : "the first " + zeroed + " of a prompt");
        facts.put("labeled features", Integer.toString(labels.size()));
        return new View.Facts("replacement model", facts);
    }

    @Override
    public String toString() {
        return model.name() + " with " + transcoders;
    }

    /** Frees model and transcoders if they were loaded by this object. */
    @Override
    public void close() {
        if (owned) {
            transcoders.close();
            model.close();
        }
    }
}
