package dev.ariadne.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.ariadne.model.Weights.Affine;
import dev.ariadne.model.Weights.Layer;
import dev.ariadne.model.Weights.Mlp;
import dev.ariadne.model.weights.NearestNames;
import dev.ariadne.tensor.Tensors;
import dev.ariadne.view.Displayable;
import dev.ariadne.view.Progress;
import dev.ariadne.view.View;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.StringJoiner;
import java.util.WeakHashMap;

/**
 * A model's weights under TransformerLens's names and in its shapes, and the circuits they form (Elhage et al. 2021).
 *
 * <p>Vectors are rows: a head reads with {@code x·W_V} and writes with {@code z·W_O}. Where query heads share key/value heads, W_K, W_V
 * and their biases have one entry per key/value head. A bias that the model lacks is zero. {@code W_E} is what enters the stream, the
 * embedding's scale included.
 *
 * <pre>{@code
 * model.weights().get("W_V", 0)                       // [kvHead, dModel, dHead]
 * model.foldLn().weights().ov(1, 3).eigenvalues()
 * model.weights().allCompositionScores("K")
 * }</pre>
 */
public final class ModelWeights implements Displayable {
    private static final Map<HookedTransformer, String> HASHES = Collections.synchronizedMap(new WeakHashMap<>());

    private final HookedTransformer model;
    private final NDManager manager;
    private final ModelConfig c;
    private final DataType type;
    private final Map<String, Entry> entries = new LinkedHashMap<>();
    private final Set<String> absent = new HashSet<>(); // biases that the model lacks

    /** A weight that can be taken. */
    private record Entry(List<String> axes, Shape shape, Maker array) {}

    /** Makes a weight's array, in a manager. */
    private interface Maker {
        NDArray in(NDManager owner);
    }

    ModelWeights(HookedTransformer model, Weights weights, NDManager manager) {
        this.model = model;
        this.manager = manager;
        this.c = model.config();
        this.type = weights.embed().getDataType();
        add("embed.W_E", weights.embed().getShape(), owner -> embedding(weights.embed(), owner), "dVocab", "dModel");
        weights.positions().ifPresent(table -> plain("pos_embed.W_pos", table, "pos", "dModel"));
        for (int layer = 0; layer < c.nLayers(); layer++) {
            addBlock("blocks." + layer + ".", weights.layers().get(layer));
        }
        if (c.norm().weighted()) {
            addNorm("ln_final", weights.finalNorm(), "dModel");
        }
        addMatrix("unembed.W_U", "unembed.b_U", weights.unembed(), "dModel", "dVocabOut");
        weights.bigrams().ifPresent(table -> plain("unembed.W_bigrams", table, "dVocab", "dVocabOut"));
    }

    private void addBlock(String block, Layer layer) {
        if (c.norm().weighted()) {
            addNorm(block + "ln1", layer.norm(), "dModel");
        }
        String attn = block + "attn.";
        addHeads(attn, "Q", layer.qkv(), 0, c.nHeads());
        addHeads(attn, "K", layer.qkv(), c.nHeads(), c.nKeyValueHeads());
        addHeads(attn, "V", layer.qkv(), c.nHeads() + c.nKeyValueHeads(), c.nKeyValueHeads());
        layer.sinks().ifPresent(sinks -> plain(attn + "W_sinks", sinks, "head"));
        addNorm(attn + "q_norm", layer.qNorm(), "dHead");
        addNorm(attn + "k_norm", layer.kNorm(), "dHead");
        Maker out = owner -> Tensors.alias(layer.out().w(), owner)
                .reshape(c.dModel(), c.nHeads(), c.dHead())
                .transpose(1, 2, 0);
        add(attn + "W_O", new Shape(c.nHeads(), c.dHead(), c.dModel()), out, "head", "dHead", "dModel");
        addBias(attn + "b_O", layer.out().b(), c.dModel(), "dModel");
        addNorm(block + "ln1_post", layer.postNorm(), "dModel");
        layer.mlp().ifPresent(mlp -> addMlp(block, mlp));
    }

    private void addMlp(String block, Mlp mlp) {
        if (c.norm().weighted()) {
            addNorm(block + "ln2", mlp.norm(), "dModel");
        }
        addMatrix(block + "mlp.W_in", block + "mlp.b_in", mlp.in(), "dModel", "dMlp");
        mlp.gate().ifPresent(gate -> {
            addMatrix(block + "mlp.W_gate", block + "mlp.b_gate", gate, "dModel", "dMlp");
        });
        addMatrix(block + "mlp.W_out", block + "mlp.b_out", mlp.out(), "dMlp", "dModel");
        addNorm(block + "ln2_post", mlp.postNorm(), "dModel");
    }

    /** One of queries, keys and values, out of the rows that hold all three. */
    private void addHeads(String attn, String kind, Affine qkv, int first, int heads) {
        String axis = kind.equals("Q") ? "head" : "kvHead";
        NDIndex rows = new NDIndex((long) first * c.dHead() + ":" + (long) (first + heads) * c.dHead());
        Maker w = owner ->
                qkv.w().get(owner, rows).reshape(heads, c.dHead(), c.dModel()).transpose(0, 2, 1);
        add(attn + "W_" + kind, new Shape(heads, c.dModel(), c.dHead()), w, axis, "dModel", "dHead");
        Shape shape = new Shape(heads, c.dHead());
        Maker b = owner ->
                qkv.b().map(all -> all.get(owner, rows).reshape(shape)).orElseGet(() -> owner.zeros(shape, type));
        add(attn + "b_" + kind, shape, b, axis, "dHead");
        if (qkv.b().isEmpty()) {
            absent.add(attn + "b_" + kind);
        }
    }

    private void addMatrix(String weight, String bias, Affine affine, String in, String out) {
        Shape stored = affine.w().getShape(); // [out, in]
        Maker transposed = owner -> Tensors.alias(affine.w(), owner).transpose();
        add(weight, new Shape(stored.get(1), stored.get(0)), transposed, in, out);
        if (affine.b().isPresent() || !bias.endsWith("b_gate")) { // TransformerLens's gates have no bias at all
            addBias(bias, affine.b(), stored.get(0), out);
        }
    }

    private void addBias(String name, Optional<NDArray> bias, long size, String axis) {
        Shape shape = new Shape(size);
        if (bias.isEmpty()) {
            absent.add(name);
        }
        add(
                name,
                shape,
                owner -> bias.map(b -> Tensors.alias(b, owner)).orElseGet(() -> owner.zeros(shape, type)),
                axis);
    }

    private void addNorm(String name, Optional<Affine> norm, String axis) {
        norm.ifPresent(n -> {
            plain(name + ".w", n.w(), axis);
            n.b().ifPresent(b -> plain(name + ".b", b, axis));
        });
    }

    private void plain(String name, NDArray array, String... axes) {
        add(name, array.getShape(), owner -> Tensors.alias(array, owner), axes);
    }

    private void add(String name, Shape shape, Maker array, String... axes) {
        entries.put(name, new Entry(List.of(axes), shape, array));
    }

    /**
     * What a file in TransformerLens's layout has: every weight but the biases that the model lacks.
     *
     * @param owner owns the views
     */
    Map<String, NDArray> stored(NDManager owner) {
        Map<String, NDArray> stored = new LinkedHashMap<>();
        entries.forEach((name, entry) -> {
            if (!absent.contains(name)) {
                boolean shared = entry.axes().get(0).equals("kvHead") && c.groupSize() > 1;
                stored.put(
                        shared ? name.replace(".attn.", ".attn._") : name,
                        entry.array().in(owner));
            }
        });
        return stored;
    }

    private NDArray embedding(NDArray table, NDManager owner) {
        NDArray view = Tensors.alias(table, owner);
        return c.embedScale() == 1 ? view : view.mul(c.embedScale());
    }

    /** The names of all weights, in the order of the forward pass. */
    public List<String> names() {
        return List.copyOf(entries.keySet());
    }

    /**
     * A weight.
     *
     * @param name for example {@code blocks.0.attn.W_Q}; outside the blocks the last part is enough: {@code W_E}, {@code W_U}
     * @return a view, freed when it is closed or lost
     * @throws IllegalArgumentException when the model has no such weight: why, or the nearest names
     */
    public Weight get(String name) {
        String full = name.replace("._", "."); // TransformerLens stores shared keys and values as _W_K, _W_V
        for (String outside : List.of("embed.", "pos_embed.", "unembed.")) {
            full = entries.containsKey(outside + name) ? outside + name : full;
        }
        return take(full, -1);
    }

    /**
     * A weight of a block by the end of its name: {@code get("W_Q", 0)}, {@code get("ln1.w", 0)}.
     *
     * @param layer from 0
     */
    public Weight get(String shortName, int layer) {
        return take(inBlock(shortName, layer), -1);
    }

    /**
     * One head's part of a weight, as {@code model.W_V[layer, head]} in TransformerLens.
     *
     * @param shortName W_Q, W_K, W_V, W_O, b_Q, b_K or b_V
     * @param layer from 0
     * @param head the query head, from 0; heads that share keys and values get the same W_K and W_V
     * @return for example [dModel, dHead]
     */
    public Weight get(String shortName, int layer, int head) {
        String name = inBlock(shortName, layer);
        checkIndex("head", head, c.nHeads());
        Entry entry = entries.get(name);
        if (entry != null && !entry.axes().get(0).endsWith("ead")) {
            throw new IllegalArgumentException("'" + name + "' has axes " + entry.axes()
                    + ", none per head; take it whole with get(\"" + shortName + "\", " + layer + ")");
        }
        return take(name, entry != null && entry.axes().get(0).equals("kvHead") ? head / c.groupSize() : head);
    }

    private String inBlock(String shortName, int layer) {
        checkIndex("layer", layer, c.nLayers());
        String block = "blocks." + layer + ".";
        for (String part : List.of("", "attn.", "mlp.")) {
            if (entries.containsKey(block + part + shortName)) {
                return block + part + shortName;
            }
        }
        return block + shortName; // for the message
    }

    private Weight take(String name, int index) {
        model.requireOpen();
        Entry entry = entries.get(name);
        if (entry == null) {
            throw new IllegalArgumentException("no weight named '" + name + "'" + why(name) + "; the nearest are "
                    + String.join(", ", NearestNames.of(name, entries.keySet(), 3))
                    + "; list them all with model.weights().names()");
        }
        NDManager owner = manager.newSubManager();
        try {
            NDArray whole = entry.array().in(owner);
            if (index < 0) {
                return new Weight(name, entry.axes(), whole, owner, model);
            }
            List<String> rest = entry.axes().subList(1, entry.axes().size());
            return new Weight(name + "[" + index + "]", rest, whole.get(index), owner, model);
        } catch (RuntimeException | Error e) {
            owner.close();
            throw e;
        }
    }

    /** Why a name that other models have is missing from this one. */
    private String why(String name) {
        if (name.matches(".*ln(1|2|_final)\\.[wb]")) {
            return switch (c.norm()) {
                case LAYER_PRE, RMS_PRE ->
                    ": the norms' weights are folded into the matrices behind them (norm " + c.norm() + ")";
                case NONE -> ": this model has no norms";
                case RMS -> name.endsWith("b") ? ": an RMSNorm has no bias" : "";
                case LAYER -> "";
            };
        }
        if (name.endsWith("W_pos")) {
            return ": this model has no table of positions (positions " + c.positions() + ")";
        }
        if (name.matches(".*(W|b)_(in|out|gate)")) {
            return c.attnOnly()
                    ? ": this model has no MLPs"
                    : name.endsWith("gate") && !c.gated() ? ": its MLPs have no gate" : "";
        }
        return "";
    }

    /**
     * What makes a head attend: W_Q·W_Kᵀ [dModel, dModel], biases and the scale of scores left out.
     *
     * <p>With rotary positions this is the product at distance zero; with norms of queries and keys (Qwen 3, Gemma 3), before them.
     *
     * @param layer from 0
     * @param head the query head, from 0
     */
    public FactoredMatrix qk(int layer, int head) {
        try (Weight q = get("W_Q", layer, head);
                Weight k = get("W_K", layer, head)) {
            return FactoredMatrix.of(
                    label(layer, head) + " QK", q.array(), k.array().transpose());
        }
    }

    /** What a head moves: W_V·W_O [dModel, dModel], biases left out. */
    public FactoredMatrix ov(int layer, int head) {
        try (Weight v = get("W_V", layer, head);
                Weight o = get("W_O", layer, head)) {
            return FactoredMatrix.of(label(layer, head) + " OV", v.array(), o.array());
        }
    }

    /** Which token attends to which: W_E·W_Q·W_Kᵀ·W_Eᵀ [dVocab, dVocab], never formed as a whole; norms are left out. */
    public FactoredMatrix fullQk(int layer, int head) {
        try (FactoredMatrix qk = qk(layer, head);
                Weight e = get("embed.W_E");
                FactoredMatrix left = qk.matMulLeft(e.array())) {
            return left.matMul(label(layer, head) + " full QK", e.array().transpose());
        }
    }

    /** What attending to a token does to each logit: W_E·W_V·W_O·W_U [dVocab, dVocabOut], never formed as a whole; norms are left out. */
    public FactoredMatrix fullOv(int layer, int head) {
        try (FactoredMatrix ov = ov(layer, head);
                Weight e = get("embed.W_E");
                Weight u = get("unembed.W_U");
                FactoredMatrix left = ov.matMulLeft(e.array())) {
            return left.matMul(label(layer, head) + " full OV", u.array());
        }
    }

    /**
     * How much each head copies: the {@linkplain FactoredMatrix#copyingScore() copying score} of its full OV circuit.
     *
     * @return one row per layer, one column per head, from -1 to 1
     * @throws IllegalArgumentException when the model predicts other tokens than it reads
     */
    public View.HeatMap copyingScores() {
        if (c.dVocab() != c.dVocabOut()) {
            throw new IllegalArgumentException("copying needs one vocabulary, but the model reads " + c.dVocab()
                    + " tokens and predicts " + c.dVocabOut() + "; use ov(layer, head)");
        }
        float[][] scores = new float[c.nLayers()][c.nHeads()];
        try (NDManager scope = manager.newSubManager();
                Weight e = get("embed.W_E");
                Weight u = get("unembed.W_U")) {
            // the eigenvalues of W_E·(W_V·W_O·W_U) are those of (W_V·W_O)·(W_U·W_E), but for zeros: the vocabulary is
            // summed over once
            NDArray round = Tensors.alias(u.array(), scope).matMul(e.array()); // [dModel, dModel]
            for (int layer = 0; layer < c.nLayers(); layer++) {
                for (int head = 0; head < c.nHeads(); head++) {
                    try (FactoredMatrix ov = ov(layer, head);
                            FactoredMatrix all = ov.matMul(round)) {
                        scores[layer][head] = (float) all.copyingScore();
                    }
                }
            }
        }
        return new View.HeatMap(
                "copying of the full OV circuits of " + model.name(),
                "layer",
                Weight.numbers(c.nLayers()),
                "head",
                Weight.numbers(c.nHeads()),
                scores,
                "Σλ / Σ|λ|",
                View.Scale.DIVERGING);
    }

    /**
     * How much each head reads from what each earlier head writes.
     *
     * @param kind "Q", "K" or "V": through queries, keys or values
     * @return scores from 0 to 1 of all pairs of heads
     * @throws IllegalArgumentException for any other kind
     */
    public CompositionScores allCompositionScores(String kind) {
        return CompositionScores.of(this, model, kind);
    }

    /** The heads' labels, L0H0, L0H1 …, layer by layer. */
    public List<String> allHeadLabels() {
        List<String> labels = new ArrayList<>();
        for (int layer = 0; layer < c.nLayers(); layer++) {
            for (int head = 0; head < c.nHeads(); head++) {
                labels.add(label(layer, head));
            }
        }
        return labels;
    }

    private static String label(int layer, int head) {
        return "L" + layer + "H" + head;
    }

    private static void checkIndex(String what, int index, int size) {
        if (index < 0 || index >= size) {
            throw new IllegalArgumentException(what + " must be from 0 to " + (size - 1) + ", got " + index);
        }
    }

    /**
     * Names these weights, whatever files they came from: the SHA-256 of all names, shapes and numbers, computed once for a model.
     *
     * @return 64 hexadecimal digits
     */
    public String sha256() {
        String known = HASHES.get(model);
        if (known != null) {
            return known;
        }
        MessageDigest digest = digest();
        try (Progress progress = Progress.of("hashing the weights of " + model.name(), entries.size())) {
            entries.forEach((name, entry) -> {
                digest.update((name + entry.shape()).getBytes(StandardCharsets.UTF_8));
                try (NDManager owner = manager.newSubManager()) {
                    NDArray array = entry.array().in(owner);
                    digest.update(array.reshape(array.size()).toByteBuffer()); // in row-major order
                }
                progress.step(name);
            });
        }
        String hash = HexFormat.of().formatHex(digest.digest());
        HASHES.put(model, hash);
        return hash;
    }

    private static MessageDigest digest() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every JVM has SHA-256", e);
        }
    }

    @Override
    public View view() {
        List<List<String>> rows = new ArrayList<>();
        entries.forEach((name, entry) -> {
            StringJoiner sizes = new StringJoiner(" × ");
            for (long size : entry.shape().getShape()) {
                sizes.add(Long.toString(size));
            }
            rows.add(List.of(name, String.join(", ", entry.axes()), sizes.toString()));
        });
        return new View.Table(toString(), List.of("name", "axes", "shape"), rows);
    }

    @Override
    public String toString() {
        return "weights of " + model.name();
    }
}
