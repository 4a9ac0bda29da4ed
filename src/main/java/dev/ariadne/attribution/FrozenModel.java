package dev.ariadne.attribution;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.Shape;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.model.ModelConfig;
import dev.ariadne.model.ModelWeights;
import dev.ariadne.model.Weight;
import dev.ariadne.tensor.Tensors;
import dev.ariadne.transcoder.Transcoders;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;

/**
 * The backward pass of the local replacement model: the model with attention patterns and norm scales as they were in one run, and MLP outputs
 * that do not depend on anything but through a skip. So each part is an affine map, and its adjoint a few products.
 *
 * <p>Gradients are [row, pos, dModel], one row per target; positions are the first ones of the prompt. A part's constant is what it adds to a
 * target whatever its input is [row]. Results belong to the manager of the gradient.
 */
final class FrozenModel implements AutoCloseable {
    private static final Set<String> INPUTS =
            Set.of("mlp.hook_in", "ln2.hook_normalized", "hook_resid_mid", "hook_mlp_in");
    private static final Set<String> OUTPUTS = Set.of("mlp.hook_out", "hook_mlp_out");

    private final ModelConfig config;
    private final ModelWeights weights;
    private final Set<String> names; // of weights
    private final Transcoders transcoders;
    private final CleanRun run;
    private final NDManager owner;
    private final List<Weight> open = new ArrayList<>();
    private final Map<String, NDArray> taken = new HashMap<>();
    private final List<Attention> attention = new ArrayList<>();

    /**
     * A layer's attention.
     *
     * @param out [dModel, head·dHead]
     * @param value [kvHead·dHead, dModel]
     * @param constant what it writes whatever the stream is, at each position [pos, dModel]
     */
    private record Attention(NDArray out, NDArray value, NDArray constant) {}

    /**
     * A gradient, and what is constant.
     *
     * @param gradient [row, pos, dModel]
     * @param constant [row]
     */
    record Pulled(NDArray gradient, NDArray constant) {}

    FrozenModel(HookedTransformer model, Transcoders transcoders, CleanRun run) {
        if (!INPUTS.contains(transcoders.inputHook()) || !OUTPUTS.contains(transcoders.outputHook())) {
            throw new IllegalArgumentException(
                    "attribution reads features at one of " + INPUTS + " and writes at one of " + OUTPUTS + ", got '"
                            + transcoders.inputHook() + "' and '" + transcoders.outputHook() + "'");
        }
        this.config = model.config();
        this.weights = model.weights();
        this.names = Set.copyOf(weights.names());
        this.transcoders = transcoders;
        this.run = run;
        this.owner = model.newOwner();
        for (int layer = 0; layer < config.nLayers(); layer++) {
            String attn = "blocks." + layer + ".attn.";
            NDArray out = weight(attn + "W_O").transpose(2, 0, 1).reshape(config.dModel(), -1);
            NDArray value = weight(attn + "W_V").transpose(0, 2, 1).reshape(-1, config.dModel());
            attention.add(new Attention(out, value, constant(layer, out, value)));
        }
    }

    /** Attention's biases: as each query's pattern adds up to 1, what all values have in common goes through. */
    private NDArray constant(int layer, NDArray out, NDArray value) {
        String block = "blocks." + layer + ".";
        try (NDManager scope = owner.newSubManager()) {
            NDArray common = Tensors.alias(weight(block + "attn.b_V"), scope).reshape(config.nKeyValueHeads(), -1);
            if (names.contains(block + "ln1.b")) {
                common = common.add(value.matMul(weight(block + "ln1.b")).reshape(common.getShape()));
            }
            NDArray each = common.repeat(0, config.groupSize()).reshape(-1); // [head·dHead]
            NDArray written = Tensors.alias(weight(block + "attn.b_O"), scope).add(out.matMul(each)); // [dModel]
            long pos = run.features().labels().size();
            NDArray all = written.reshape(1, -1).repeat(0, pos); // [pos, dModel]
            if (config.postNorms()) {
                NDArray centered = centers() ? all.sub(all.mean(new int[] {1}, true)) : all;
                all = centered.div(run.at(block + "ln1_post.hook_scale", scope));
                all = names.contains(block + "ln1_post.w") ? all.mul(weight(block + "ln1_post.w")) : all;
                all = names.contains(block + "ln1_post.b") ? all.add(weight(block + "ln1_post.b")) : all;
            }
            all.attach(owner);
            return all;
        }
    }

    private NDArray weight(String name) {
        return taken.computeIfAbsent(name, each -> {
            open.add(weights.get(each));
            return Tensors.alias(open.get(open.size() - 1).array(), owner);
        });
    }

    /** The activations that must be kept of a run. */
    static List<String> hooks(ModelConfig config) {
        List<String> hooks =
                new ArrayList<>(List.of("hook_embed", "blocks." + (config.nLayers() - 1) + ".hook_resid_post"));
        if (config.positions() == ModelConfig.Positions.LEARNED) {
            hooks.add("hook_pos_embed");
        }
        if (hasNorms(config)) {
            hooks.add("ln_final.hook_scale");
        }
        for (int layer = 0; layer < config.nLayers(); layer++) {
            String block = "blocks." + layer + ".";
            hooks.add(block + "attn.hook_pattern");
            if (hasNorms(config)) {
                hooks.add(block + "ln1.hook_scale");
                hooks.add(block + "ln2.hook_scale");
            }
            if (config.postNorms()) {
                hooks.add(block + "ln1_post.hook_scale");
                hooks.add(block + "ln2_post.hook_scale");
            }
        }
        return hooks;
    }

    private static boolean hasNorms(ModelConfig config) {
        return config.norm() != ModelConfig.Norm.NONE;
    }

    private boolean centers() {
        return config.norm() == ModelConfig.Norm.LAYER || config.norm() == ModelConfig.Norm.LAYER_PRE;
    }

    /**
     * Through a norm with a frozen scale: x ↦ (x − mean, if centered) / scale · w + b.
     *
     * @param norm "blocks.0.ln1", "ln_final"
     * @param weighted whether w and b come into it
     * @param first the position of the gradient's first
     */
    private Pulled norm(String norm, boolean weighted, NDArray gradient, int first) {
        NDArray g = gradient;
        NDArray constant = nothing(gradient);
        if (!hasNorms(config)) {
            return new Pulled(g, constant);
        }
        if (weighted && names.contains(norm + ".b")) {
            constant = constant.add(along(gradient, weight(norm + ".b")));
        }
        if (weighted && names.contains(norm + ".w")) {
            g = g.mul(weight(norm + ".w"));
        }
        long pos = g.getShape().get(1);
        NDArray scale = run.at(norm + ".hook_scale", g.getManager()).get(new NDIndex(first + ":" + (first + pos)));
        g = g.div(scale); // [row, pos, dModel] / [pos, 1]
        return new Pulled(centers() ? g.sub(g.mean(new int[] {2}, true)) : g, constant);
    }

    /** Σ over positions and width of gradient · vector: [row, pos, dModel] and [dModel] → [row]. */
    static NDArray along(NDArray gradient, NDArray vector) {
        return gradient.sum(new int[] {1}).matMul(CleanRun.like(vector, gradient));
    }

    private static NDArray nothing(NDArray gradient) {
        return gradient.getManager().zeros(new Shape(gradient.getShape().get(0)), gradient.getDataType());
    }

    /** From what is unembedded, at the last position, to the stream behind the last block: [row, 1, dModel]. */
    Pulled unembedded(NDArray gradient, int position) {
        return norm("ln_final", true, gradient, position);
    }

    /** From the stream behind a block to the output that the transcoders stand for. */
    Pulled written(int layer, NDArray gradient) {
        return config.postNorms() && transcoders.outputHook().equals("mlp.hook_out")
                ? norm("blocks." + layer + ".ln2_post", true, gradient, 0)
                : new Pulled(gradient, nothing(gradient));
    }

    /** From what a layer's encoder reads to the stream before the MLP. */
    Pulled read(int layer, NDArray gradient, int first) {
        String hook = transcoders.inputHook();
        if (hook.equals("hook_resid_mid") || hook.equals("hook_mlp_in")) {
            return new Pulled(gradient, nothing(gradient));
        }
        return norm("blocks." + layer + ".ln2", hook.equals("mlp.hook_in") || centers(), gradient, first);
    }

    /**
     * From the stream behind attention to the values that were gathered, divided by the scale of the norm before them.
     *
     * <p>The norms' weights go into the matrices and their scales into the pattern: nothing else is as small.
     *
     * @param gradient [row, pos, dModel]
     * @param at of the last rows, the only position at which each is not 0
     * @return [row, pos, kvHead·dHead]
     */
    NDArray values(int layer, NDArray gradient, long[] at) {
        long rows = gradient.getShape().get(0) - at.length;
        return within(gradient, g -> {
            NDArray out = out(layer, g.getManager());
            NDArray pattern = pattern(layer, (int) g.getShape().get(1), g.getManager()); // [head, keyPos, queryPos]
            NDList parts = new NDList();
            if (rows > 0) {
                parts.add(everywhere(g.get(new NDIndex(":" + rows)), out, pattern));
            }
            if (at.length > 0) {
                parts.add(there(g, out, pattern, at));
            }
            return parts.size() == 1 ? parts.get(0) : NDArrays.concat(parts, 0);
        });
    }

    /** Does work that begins with an array, and frees all but its result: at the size of all gradients, temporaries are most of the memory. */
    private static NDArray within(NDArray x, UnaryOperator<NDArray> work) {
        try (NDManager scope = x.getManager().newSubManager()) {
            NDArray result = work.apply(Tensors.alias(x, scope));
            result.attach(x.getManager());
            return result;
        }
    }

    /** The values for the last rows, each at its only position: [at, pos, kvHead·dHead]. */
    private NDArray there(NDArray gradient, NDArray out, NDArray pattern, long[] at) {
        long rows = gradient.getShape().get(0);
        long pos = gradient.getShape().get(1);
        NDManager scope = gradient.getManager();
        long[] places = IntStream.range(0, at.length)
                .mapToLong(i -> (rows - at.length + i) * pos + at[i])
                .toArray();
        NDArray g = Tensors.embedding(scope.create(places), gradient.reshape(-1, config.dModel()));
        NDArray weights = Tensors.embedding(
                        scope.create(at), pattern.transpose(2, 1, 0).reshape(pos, -1))
                .reshape(at.length, pos, config.nHeads(), 1);
        NDArray heads = g.matMul(out).reshape(at.length, 1, config.nHeads(), config.dHead());
        NDArray each = weights.mul(heads); // [row, keyPos, head, dHead]
        NDArray shared = config.groupSize() == 1
                ? each
                : each.reshape(at.length, pos, config.nKeyValueHeads(), config.groupSize(), config.dHead())
                        .sum(new int[] {3});
        return shared.reshape(at.length, pos, -1);
    }

    /** The values for gradients at all positions: [row, pos, dModel] → [row, pos, kvHead·dHead]. */
    private NDArray everywhere(NDArray gradient, NDArray out, NDArray pattern) {
        long rows = gradient.getShape().get(0);
        long pos = gradient.getShape().get(1);
        long heads = config.nHeads();
        try (NDArray byHead = within(
                gradient,
                g -> g.matMul(out)
                        .reshape(rows, pos, heads, config.dHead())
                        .transpose(2, 1, 0, 3)
                        .reshape(heads, pos, rows * config.dHead()))) { // [head, queryPos, row·dHead]
            return within(byHead, each -> {
                NDArray values = Tensors.alias(pattern, each.getManager())
                        .matMul(each)
                        .reshape(config.nKeyValueHeads(), config.groupSize(), pos, rows, config.dHead());
                NDArray shared = config.groupSize() == 1
                        ? values.reshape(heads, pos, rows, config.dHead())
                        : values.sum(new int[] {1}); // [kvHead, keyPos, row, dHead]
                return shared.transpose(2, 1, 0, 3).reshape(rows, pos, (long) config.nKeyValueHeads() * config.dHead());
            });
        }
    }

    /** The output matrix with the norm behind it, but for its scale [dModel, head·dHead]. */
    private NDArray out(int layer, NDManager scope) {
        NDArray out = Tensors.alias(attention.get(layer).out(), scope);
        if (!config.postNorms()) {
            return out;
        }
        NDArray centered = centers() ? out.sub(out.mean(new int[] {0}, true)) : out;
        String w = "blocks." + layer + ".ln1_post.w";
        return names.contains(w) ? centered.mul(weight(w).reshape(-1, 1)) : centered;
    }

    /** The value matrix with the norm before it, but for its scale [kvHead·dHead, dModel]. */
    private NDArray value(int layer, NDManager scope) {
        NDArray value = Tensors.alias(attention.get(layer).value(), scope);
        String w = "blocks." + layer + ".ln1.w";
        NDArray weighted = names.contains(w) ? value.mul(weight(w)) : value;
        return centers() ? weighted.sub(weighted.mean(new int[] {1}, true)) : weighted;
    }

    /** The attention pattern with the scales of the norms on both sides [head, keyPos, queryPos]. */
    private NDArray pattern(int layer, int pos, NDManager scope) {
        String block = "blocks." + layer + ".";
        NDArray pattern = run.at(block + "attn.hook_pattern", scope)
                .get(new NDIndex(":, :" + pos + ", :" + pos))
                .transpose(0, 2, 1);
        NDIndex first = new NDIndex(":" + pos);
        if (hasNorms(config)) {
            pattern = pattern.div(run.at(block + "ln1.hook_scale", scope).get(first)); // [keyPos, 1]
        }
        if (config.postNorms()) {
            pattern = pattern.div(
                    run.at(block + "ln1_post.hook_scale", scope).get(first).transpose());
        }
        return pattern;
    }

    /** From {@link #values} to the stream before attention: what is to be added to the gradient, which also goes past attention. */
    NDArray before(int layer, NDArray values) {
        return within(values, x -> x.matMul(value(layer, x.getManager())));
    }

    /** What {@link #values} are to be multiplied with for a part of the stream before attention: [pos, dModel] → [pos, kvHead·dHead]. */
    NDArray toValues(int layer, NDArray part) {
        return part.matMul(value(layer, part.getManager()).transpose());
    }

    /** What a layer's attention writes whatever the stream is [pos, dModel]. */
    NDArray constant(int layer) {
        return attention.get(layer).constant();
    }

    /** Σ over positions and width of gradient · field: [row, pos, dModel] and [at least pos, dModel] → [row]. */
    static NDArray along(NDArray gradient, NDArray field, long pos) {
        NDArray first = Tensors.alias(field, gradient.getManager()).get(new NDIndex(":" + pos));
        return gradient.reshape(gradient.getShape().get(0), -1).matMul(first.reshape(-1));
    }

    @Override
    public void close() {
        open.forEach(Weight::close);
        owner.close();
    }
}
