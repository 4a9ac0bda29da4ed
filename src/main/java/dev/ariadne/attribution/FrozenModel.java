package dev.ariadne.attribution;

import ai.djl.ndarray.NDArray;
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
     * @param outBias [dModel]
     * @param valueBias [kvHead·dHead]
     */
    private record Attention(NDArray out, NDArray value, NDArray outBias, NDArray valueBias) {}

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
        int dModel = config.dModel();
        for (int layer = 0; layer < config.nLayers(); layer++) {
            String attn = "blocks." + layer + ".attn.";
            attention.add(new Attention(
                    weight(attn + "W_O").transpose(2, 0, 1).reshape(dModel, -1),
                    weight(attn + "W_V").transpose(0, 2, 1).reshape(-1, dModel),
                    weight(attn + "b_O"),
                    weight(attn + "b_V").reshape(-1)));
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
     * From what attention writes to the stream before it, by way of the values.
     *
     * @return what is to be added to the gradient, which goes past attention unchanged
     */
    Pulled attended(int layer, NDArray gradient) {
        Attention weights = attention.get(layer);
        Pulled out = config.postNorms()
                ? norm("blocks." + layer + ".ln1_post", true, gradient, 0)
                : new Pulled(gradient, nothing(gradient));
        NDArray constant = out.constant().add(along(out.gradient(), weights.outBias()));
        NDArray values = mixed(layer, out.gradient().matMul(weights.out())); // [row, pos, kvHead·dHead]
        constant = constant.add(along(values, weights.valueBias()));
        Pulled in = norm("blocks." + layer + ".ln1", true, values.matMul(weights.value()), 0);
        return new Pulled(in.gradient(), constant.add(in.constant()));
    }

    /** From the heads' results to the values they were gathered from: [row, pos, head·dHead] → [row, pos, kvHead·dHead]. */
    private NDArray mixed(int layer, NDArray gradient) {
        long rows = gradient.getShape().get(0);
        long pos = gradient.getShape().get(1);
        long heads = config.nHeads();
        NDArray byHead = gradient.reshape(rows, pos, heads, config.dHead())
                .transpose(2, 1, 0, 3)
                .reshape(heads, pos, rows * config.dHead()); // [head, queryPos, row·dHead]
        NDArray pattern = run.at("blocks." + layer + ".attn.hook_pattern", gradient.getManager())
                .get(new NDIndex(":, :" + pos + ", :" + pos))
                .transpose(0, 2, 1); // [head, keyPos, queryPos]
        NDArray values =
                pattern.matMul(byHead).reshape(config.nKeyValueHeads(), config.groupSize(), pos, rows, config.dHead());
        NDArray shared = config.groupSize() == 1
                ? values.reshape(heads, pos, rows, config.dHead())
                : values.sum(new int[] {1}); // [kvHead, keyPos, row, dHead]
        return shared.transpose(2, 1, 0, 3).reshape(rows, pos, (long) config.nKeyValueHeads() * config.dHead());
    }

    @Override
    public void close() {
        open.forEach(Weight::close);
        owner.close();
    }
}
