package dev.ariadne.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.ariadne.model.StackOptions.Range;
import dev.ariadne.model.Weights.Affine;
import dev.ariadne.tensor.Tensors;
import dev.ariadne.view.Progress;
import java.lang.ref.Reference;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.IntStream;

/**
 * Takes the residual stream of a cached run apart: it is a sum of what embeddings, heads, neurons and biases have written (Elhage et al.
 * 2021), so any reader of it can be told how much comes from whom.
 *
 * <p>A stack is filled piece by piece: beside the stack itself, one layer's piece is in memory at a time.
 *
 * <p>Behind a post-norm (Gemma 2 and 3), what is added to the stream is norm(heads + b_O): with the scale of the run that norm is
 * linear, so each head is centered (if the norm centers), divided by the scale and multiplied by the weight; b_O too, and the norm's own
 * bias goes to the biases. The parts then sum to the stream, as they do in models without post-norms.
 */
final class Decomposition {
    private static final int GROUP = 64; // components normalized at a time

    private final String method;
    private final ActivationCache cache;
    private final HookedTransformer model;
    private final ModelConfig config;
    private final Map<HookName, NDArray> kept;
    private final StackOptions options;
    private final PromptSpan span;
    private final int allPositions;
    private final Range layers;
    private final List<Piece> pieces = new ArrayList<>();
    private final Set<String> missing = new LinkedHashSet<>();

    /**
     * Some components of one origin.
     *
     * @param values [component, batch, pos, dModel], owned by the manager given
     */
    private record Piece(List<String> labels, Function<NDManager, NDArray> values) {}

    Decomposition(
            String method,
            ActivationCache cache,
            HookedTransformer model,
            Map<HookName, NDArray> kept,
            long[][] tokens,
            StackOptions options) {
        this.method = method;
        this.cache = cache;
        this.model = model;
        this.config = model.config();
        this.kept = kept;
        this.options = options;
        this.allPositions = tokens[0].length;
        Range positions = options.positions(allPositions);
        this.span = PromptSpan.of(model, tokens, positions.from(), positions.to());
        this.layers = options.layers(config);
    }

    Decomposition embeddings() {
        one("embed", Site.EMBED, 0);
        if (config.positions() == ModelConfig.Positions.LEARNED) { // shortformer positions are not in the stream
            one("pos_embed", Site.POS_EMBED, 0);
        }
        return this;
    }

    /** What attention and MLP of each layer have written. */
    Decomposition outputs(boolean attn, boolean mlp) {
        for (int layer = 0; layer < layers.to(); layer++) {
            if (attn) {
                one(layer + "_attn_out", Site.ATTN_OUT, layer);
            }
            if (mlp && !config.attnOnly()) {
                one(layer + "_mlp_out", Site.MLP_OUT, layer);
            }
        }
        if (attn && attentionOfReader()) {
            one(layers.to() + "_attn_out", Site.ATTN_OUT, layers.to());
        }
        return this;
    }

    /** Whether the reader is an MLP behind its layer's attention; in a parallel block the two read the same. */
    private boolean attentionOfReader() {
        return options.has("mlpInput") && !config.parallel();
    }

    /** The stream itself, before each layer and after the last. */
    Decomposition streams() {
        for (int layer = 0; layer <= layers.to(); layer++) {
            boolean last = layer == config.nLayers();
            stream(last ? "final_post" : layer + "_pre", layer);
            boolean mid = layer < layers.to() ? options.has("inclMid") : attentionOfReader();
            if (mid && !last) {
                if (!Site.RESID_MID.existsIn(config)) {
                    throw new IllegalArgumentException("inclMid: this model has no hook_resid_mid, because "
                            + (config.attnOnly() ? "it has no MLPs" : "attention and MLP read the same stream")
                            + "; leave it out");
                }
                one(layer + "_mid", Site.RESID_MID, layer);
            }
        }
        return this;
    }

    Decomposition heads() {
        int to = layers.to() + (attentionOfReader() ? 1 : 0);
        for (int l = layers.from(); l < to; l++) {
            int layer = l;
            boolean result = kept.containsKey(new HookName(Site.RESULT, layer));
            if (!result) {
                need(Site.Z, layer);
            }
            postNorm(Site.LN1_POST_SCALE, layer);
            pieces.add(new Piece(
                    IntStream.range(0, config.nHeads())
                            .mapToObj(head -> "L" + layer + "H" + head)
                            .toList(),
                    scope -> {
                        NDArray heads = result
                                ? at(Site.RESULT, layer, scope).transpose(2, 0, 1, 3)
                                : headsFromZ(layer, at(Site.Z, layer, scope));
                        return throughPostNorm(Site.LN1_POST_SCALE, layer, heads);
                    }));
        }
        return this;
    }

    /** z [batch, pos, head, dHead] → z·W_O per head [head, batch, pos, dModel]. */
    private NDArray headsFromZ(int layer, NDArray z) {
        NDManager scope = z.getManager();
        int heads = config.nHeads();
        NDArray wO = Tensors.alias(model.arrays().layers().get(layer).out().w(), scope)
                .reshape(config.dModel(), heads, config.dHead())
                .transpose(1, 2, 0); // [head, dHead, dModel]
        return z.transpose(2, 0, 1, 3)
                .reshape(heads, -1, config.dHead())
                .matMul(wO) // [head, batch·pos, dModel]
                .reshape(heads, span.batch(), span.count(), config.dModel());
    }

    Decomposition neurons() {
        if (config.attnOnly()) {
            return this;
        }
        Range range = options.neurons(config.dMlp());
        for (int l = layers.from(); l < layers.to(); l++) {
            int layer = l;
            need(Site.POST, layer);
            postNorm(Site.LN2_POST_SCALE, layer);
            pieces.add(new Piece(
                    IntStream.range(range.from(), range.to())
                            .mapToObj(neuron -> "L" + layer + "N" + neuron)
                            .toList(),
                    scope -> {
                        NDIndex some = new NDIndex(":, " + range.from() + ":" + range.to());
                        NDArray wOut = mlp(layer).out().w().get(scope, some); // [dModel, neuron]
                        NDArray acts = at(Site.POST, layer, scope)
                                .get(new NDIndex(":, :, " + range.from() + ":" + range.to()))
                                .transpose(2, 0, 1); // [neuron, batch, pos]
                        NDArray out =
                                acts.expandDims(3).mul(wOut.transpose().reshape(range.count(), 1, 1, config.dModel()));
                        return throughPostNorm(Site.LN2_POST_SCALE, layer, out);
                    }));
        }
        return this;
    }

    private Weights.Mlp mlp(int layer) {
        return model.arrays()
                .layers()
                .get(layer)
                .mlp()
                .orElseThrow(() -> new AssertionError("no MLP in layer " + layer));
    }

    /** All biases written so far, as one component: b_O, and b_out where the neurons stand alone. */
    Decomposition biases(boolean mlps) {
        int attentions = layers.to() + (attentionOfReader() ? 1 : 0);
        pieces.add(new Piece(List.of("bias"), scope -> {
            NDArray sum = scope.zeros(
                    new Shape(1, span.batch(), span.count(), config.dModel()),
                    model.arrays().embed().getDataType());
            for (int layer = 0; layer < attentions; layer++) {
                Weights.Layer weights = model.arrays().layers().get(layer);
                sum = addBias(sum, weights.out(), weights.postNorm(), Site.LN1_POST_SCALE, layer);
                if (mlps && !config.attnOnly() && layer < layers.to()) {
                    sum = addBias(sum, mlp(layer).out(), mlp(layer).postNorm(), Site.LN2_POST_SCALE, layer);
                }
            }
            return sum;
        }));
        return this;
    }

    private NDArray addBias(NDArray sum, Affine out, Optional<Affine> postNorm, Site scaleSite, int layer) {
        NDArray total = sum;
        if (out.b().isPresent()) {
            NDArray bias = Tensors.alias(out.b().get(), sum.getManager()).reshape(1, 1, 1, config.dModel());
            total = total.add(throughPostNorm(scaleSite, layer, bias));
        }
        return postNorm.isPresent() && postNorm.get().b().isPresent()
                ? total.add(postNorm.get().b().get())
                : total;
    }

    private void postNorm(Site scale, int layer) {
        if (scale.existsIn(config)) {
            need(scale, layer);
        }
    }

    /** What a post-norm makes of a part of its input, with the scale of the run. */
    private NDArray throughPostNorm(Site scaleSite, int layer, NDArray part) {
        if (!scaleSite.existsIn(config)) {
            return part;
        }
        Affine norm = (scaleSite == Site.LN1_POST_SCALE
                        ? model.arrays().layers().get(layer).postNorm()
                        : mlp(layer).postNorm())
                .orElseThrow(() -> new AssertionError("no post-norm in layer " + layer));
        return centered(part).div(at(scaleSite, layer, part.getManager())).mul(norm.w());
    }

    private NDArray centered(NDArray x) {
        return config.norm().centers() ? x.sub(x.mean(new int[] {3}, true)) : x;
    }

    private void one(String label, Site site, int layer) {
        need(site, layer);
        pieces.add(new Piece(List.of(label), scope -> at(site, layer, scope).expandDims(0)));
    }

    /** The stream before a layer; it is also the stream after the layer below, whichever of the two was kept. */
    private void stream(String label, int layer) {
        boolean pre = layer < config.nLayers()
                && (layer == 0
                        || kept.containsKey(new HookName(Site.RESID_PRE, layer))
                        || !kept.containsKey(new HookName(Site.RESID_POST, layer - 1)));
        one(label, pre ? Site.RESID_PRE : Site.RESID_POST, pre ? layer : layer - 1);
    }

    /** Adds the name that a filter must have to the missing ones. */
    void need(Site site, int layer) {
        if (!kept.containsKey(new HookName(site, layer))) {
            boolean scale = site.shortName().equals("scale");
            String pattern = site.template.replace("%d", "*");
            missing.add(scale || !site.inBlock ? pattern : site.shortName());
        }
    }

    /** A kept activation, at the positions asked for. */
    private NDArray at(Site site, int layer, NDManager scope) {
        NDArray all = Tensors.alias(Objects.requireNonNull(kept.get(new HookName(site, layer))), scope);
        boolean whole = span.from() == 0 && span.to() == allPositions;
        return whole ? all : all.get(new NDIndex(":, " + span.from() + ":" + span.to()));
    }

    /** The components of a stack of this run, to be normalized. */
    Decomposition of(ResidStack stack) {
        List<String> labels = stack.labels();
        for (int i = 0; i < labels.size(); i += GROUP) {
            int from = i;
            int to = Math.min(labels.size(), i + GROUP);
            pieces.add(new Piece(
                    labels.subList(from, to),
                    scope -> Tensors.alias(stack.array(), scope).get(new NDIndex(from + ":" + to))));
        }
        return this;
    }

    /** Makes the stack. */
    ResidStack stack() {
        boolean remainder = options.has("inclRemainder");
        if (remainder) {
            stream("remainder", layers.to());
        }
        Optional<Site> scale =
                options.has("applyLn") ? scaleOf(layers.to(), options.has("mlpInput")) : Optional.empty();
        scale.ifPresent(site -> need(site, layers.to()));
        requireKept();
        List<String> labels = pieces.stream().flatMap(p -> p.labels().stream()).toList();
        if (labels.isEmpty()) {
            throw new IllegalArgumentException(
                    method + ": nothing of this kind is written before layer " + layers.to() + "; take a later layer");
        }
        DataType type = model.arrays().embed().getDataType();
        Shape shape = new Shape(labels.size(), span.batch(), span.count(), config.dModel());
        checkSize(shape, type);
        NDManager owner = model.newOwner();
        try {
            NDArray stack = owner.create(shape, type);
            return Tensors.run(false, (double) shape.size() * config.dHead(), () -> {
                fill(stack, scale, remainder);
                return new ResidStack(method, labels, owner, stack, span, options.has("applyLn"));
            });
        } catch (RuntimeException | Error e) {
            owner.close();
            throw e;
        } finally {
            Reference.reachabilityFence(cache); // lost too early, it would free what is being read
        }
    }

    /** The run's cache: a reader of its arrays keeps it from being lost. */
    ActivationCache cache() {
        return cache;
    }

    private void fill(NDArray stack, Optional<Site> scale, boolean remainder) {
        long at = 0;
        for (Piece piece : pieces) {
            Progress.checkInterrupted(
                    method + ", component " + at + " of " + stack.getShape().get(0));
            try (NDManager scope = stack.getManager().newSubManager()) {
                NDArray values = piece.values().apply(scope);
                if (scale.isPresent()) { // linear, as the scale is the run's: the remainder is normalized with the rest
                    values = centered(values).div(scale(scale.get(), layers.to(), scope));
                }
                long end = at + piece.labels().size();
                if (remainder && end == stack.getShape().get(0) && at > 0) {
                    NDArray others = Tensors.alias(stack, scope).get(new NDIndex("0:" + at));
                    values = values.sub(others.sum(new int[] {0}, true));
                }
                stack.set(new NDIndex(at + ":" + end), values);
                at = end;
            }
        }
    }

    /** The scale of a norm in the run, at the positions asked for [batch, pos, 1]. */
    NDArray scale(Site site, int layer, NDManager scope) {
        NDArray scale = at(site, layer, scope);
        if (scale.getShape().dimension() == 4) {
            throw new IllegalArgumentException(site.name(layer) + " has one scale per head in this run, because it"
                    + " named hook_q_input, hook_k_input, hook_v_input or hook_attn_in; run without them");
        }
        return scale;
    }

    /** The scale of the norm in front of a reader, if the model has norms. */
    Optional<Site> scaleOf(int layer, boolean mlpInput) {
        Site site = layer == config.nLayers() ? Site.FINAL_SCALE : mlpInput ? Site.LN2_SCALE : Site.LN1_SCALE;
        return site.existsIn(config) ? Optional.of(site) : Optional.empty();
    }

    void requireKept() {
        if (!missing.isEmpty()) {
            throw new IllegalArgumentException(method + " needs activations that this run did not keep; add "
                    + String.join(
                            ", ", missing.stream().map(name -> '"' + name + '"').toList())
                    + " to the run's filter, or give no filter");
        }
    }

    private void checkSize(Shape shape, DataType type) {
        double bytes = (double) shape.size() * type.getNumOfBytes();
        if (bytes > options.maxBytes()) {
            throw new IllegalArgumentException(String.format(
                    Locale.ROOT,
                    "%s: %,d components × %d prompts × %d positions × %d would take %,.1f MiB, more than the %,.1f MiB"
                            + " allowed; take fewer with pos, layer or layers, neurons, or allow it with maxBytes(%dL)",
                    method,
                    shape.get(0),
                    shape.get(1),
                    shape.get(2),
                    shape.get(3),
                    bytes / (1 << 20),
                    options.maxBytes() / (double) (1 << 20),
                    (long) bytes));
        }
    }
}
