package dev.ariadne.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.Shape;
import dev.ariadne.model.ModelConfig.Extras;
import dev.ariadne.model.ModelConfig.Positions;
import dev.ariadne.model.Positional.Reach;
import dev.ariadne.model.Weights.Affine;
import dev.ariadne.model.Weights.Layer;
import dev.ariadne.model.Weights.Mlp;
import dev.ariadne.tensor.Tensors;
import dev.ariadne.view.Progress;
import java.util.EnumSet;
import java.util.Optional;
import java.util.Set;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * The forward pass of one run, in the order of the papers: embed, then per block attention and MLP, each reading a normalized copy of the
 * residual stream and adding to it, then norm and unembedding (Vaswani et al. 2017; Elhage et al. 2021).
 *
 * <p>Temporaries live in one scope per block. An array belongs to the manager of the array it was computed from, so the stream enters each
 * scope and only its successor leaves it.
 */
final class Forward {
    /** What only leads to a pattern. */
    private static final Set<Site> TO_PATTERN = EnumSet.of(
            Site.Q,
            Site.K,
            Site.Q_NORM_SCALE,
            Site.Q_NORM_NORMALIZED,
            Site.K_NORM_SCALE,
            Site.K_NORM_NORMALIZED,
            Site.ROT_Q,
            Site.ROT_K,
            Site.ATTN_SCORES);

    /** Norms whose weights are folded into what reads them, where any are. */
    private static final Set<Site> FOLDED = EnumSet.of(Site.LN1_NORMALIZED, Site.LN2_NORMALIZED, Site.FINAL_NORMALIZED);

    private final ModelConfig c;
    private final Weights w;
    private final Constants constants;
    private final RunHooks hooks;
    private final NDManager run;
    private @Nullable NDArray positions; // shortformer: what queries and keys read besides the stream

    private final @Nullable Past past;

    /** Prepares one run; with a past, the tokens come after those that it has seen. */
    Forward(
            ModelConfig config,
            Weights weights,
            Constants constants,
            RunHooks hooks,
            NDManager run,
            @Nullable Past past) {
        this.c = config;
        this.w = weights;
        this.constants = constants;
        this.hooks = hooks;
        this.run = run;
        this.past = past;
    }

    /** Adds token and position embeddings: ids [batch, pos] (INT64) → [batch, pos, dModel]. */
    NDArray embed(NDArray ids, Positional at) {
        NDArray tokens = Tensors.embedding(ids, w.embed()); // [batch, pos, dModel]
        if (c.embedScale() != 1) {
            tokens = tokens.muli(constants.embedScale());
        }
        tokens = hooks.at(Site.EMBED, 0, tokens);
        if (w.positions().isEmpty()) {
            return hooks.settle(tokens);
        }
        NDArray where =
                at.vectors(w.positions().get(), run); // [pos, dModel] or [batch, pos, dModel], a view of the weights
        if (hooks.wants(Site.POS_EMBED, 0)) {
            where = where.broadcast(tokens.getShape()).duplicate(); // [batch, pos, dModel], not the weights
            where = hooks.at(Site.POS_EMBED, 0, where);
        }
        if (c.positions() == Positions.SHORTFORMER) {
            positions = Tensors.alias(where, run); // each layer's queries and keys read it, the stream does not
            return hooks.settle(tokens);
        }
        return hooks.settle(tokens.add(where)); // [batch, pos, dModel]
    }

    /** Refuses hooks that a run from the middle would never reach. */
    void refuseHooksBefore(int layer) {
        hooks.requireReached(layer);
    }

    /** Runs the blocks from one layer on: the stream before it [batch, pos, dModel] → the stream after the last. */
    NDArray blocks(NDArray stream, int from, Positional at) {
        if (c.positions() == Positions.SHORTFORMER && positions == null) {
            positions = at.vectors(w.positions().orElseThrow(), run);
        }
        NDArray x = stream;
        x.attach(run);
        for (int layer = from; layer < c.nLayers(); layer++) {
            Progress.checkInterrupted("a run of the model, before block " + layer + " of " + c.nLayers());
            NDManager scope = run.newSubManager();
            try {
                x.attach(scope);
                x = hooks.settle(block(layer, x, at));
                x.attach(run);
            } finally {
                if (!hooks.areReadBackwards(layer)) {
                    scope.close();
                }
            }
        }
        return x;
    }

    /** Norm and unembedding, and what the tokens add to the logits after them: [batch, pos, dModel] and ids [batch, pos] → logits [batch, pos, dVocabOut]. */
    NDArray unembed(NDArray stream, NDArray ids) {
        NDArray logits = unembed(stream);
        return w.bigrams()
                .map(table -> logits.add(Tensors.embedding(ids, table)))
                .orElse(logits);
    }

    /** Norm and unembedding: [batch, pos, dModel] → logits [batch, pos, dVocabOut], but for a table of bigrams. */
    NDArray unembed(NDArray stream) {
        NDArray x = norm(Site.FINAL_SCALE, Site.FINAL_NORMALIZED, 0, stream, w.finalNorm());
        NDArray logits = apply(x, w.unembed());
        return hooks.settle(c.logitSoftcap() > 0 ? softcap(logits, constants.logitSoftcap()) : logits);
    }

    private NDArray block(int layer, NDArray stream, Positional at) {
        Layer weights = w.layers().get(layer);
        NDArray pre = hooks.at(Site.RESID_PRE, layer, stream); // [batch, pos, dModel]
        NDArray attention = attention(layer, pre, weights, at.of(c.isLocal(layer)));
        if (weights.postNorm().isPresent()) {
            attention = norm(Site.LN1_POST_SCALE, Site.LN1_POST_NORMALIZED, layer, attention, weights.postNorm());
        }
        attention = hooks.at(Site.ATTN_OUT, layer, kept(attention));
        NDArray post = pre.add(attention);
        if (weights.mlp().isPresent()) {
            Mlp mlp = weights.mlp().get();
            NDArray mid = c.parallel() ? post : hooks.at(Site.RESID_MID, layer, post);
            NDArray in = c.parallel() ? pre : mid;
            if (hooks.wants(Site.MLP_IN, layer)) {
                // a copy: duplicate() would cut the graph, and of a factor the graph keeps memory that the engine's
                // caller frees
                in = hooks.at(Site.MLP_IN, layer, in.add(0));
            }
            NDArray out = mlp(layer, in, mlp);
            if (mlp.postNorm().isPresent()) {
                out = norm(Site.LN2_POST_SCALE, Site.LN2_POST_NORMALIZED, layer, out, mlp.postNorm());
            }
            post = mid.add(hooks.at(Site.MLP_OUT, layer, kept(out)));
        }
        return hooks.at(Site.RESID_POST, layer, post);
    }

    private NDArray attention(int layer, NDArray pre, Layer weights, Reach at) {
        long batch = pre.getShape().get(0);
        long pos = pre.getShape().get(1);
        Given pattern = givenPattern(layer, pre);
        NDArray heads = pattern != null ? underGiven(layer, pre, weights, pattern) : attend(layer, pre, weights, at);
        NDArray z = hooks.at(Site.Z, layer, heads); // [batch, pos, head, dHead]
        if (!hooks.wants(Site.RESULT, layer)) {
            return apply(z.reshape(batch, pos, (long) c.nHeads() * c.dHead()), weights.out());
        }
        NDArray result = eachHead(z, headMatrices(weights.out().w(), c.nHeads(), false)); // [batch, pos, head, dModel]
        NDArray sum = hooks.at(Site.RESULT, layer, result).sum(new int[] {2});
        return weights.out().b().isPresent() ? sum.add(weights.out().b().get()) : sum;
    }

    /** A pattern that fits and is given, unless something that only leads to it is asked for. */
    private @Nullable Given givenPattern(int layer, NDArray pre) {
        Given given = hooks.given(Site.PATTERN, layer);
        if (given == null
                || splitInputs(layer)
                || TO_PATTERN.stream().anyMatch(site -> hooks.wants(site, layer))
                || (past != null && !(past instanceof KeptPast))) {
            return null;
        }
        long rows = given.value().getShape().get(0);
        long pos = pre.getShape().get(1);
        long before = past instanceof KeptPast kept ? kept.length() : 0;
        boolean fits = (rows == 1 || rows == pre.getShape().get(0))
                && given.value().getShape().equals(new Shape(rows, c.nHeads(), pos, before + pos))
                && given.value().getDataType() == pre.getDataType();
        return fits ? given : null;
    }

    /** What each head gathers under a pattern that is given [batch, pos, head, dHead]; there are no queries, keys and scores. */
    private NDArray underGiven(int layer, NDArray pre, Layer weights, Given pattern) {
        Shape shape = pre.getShape();
        NDArray x = norm(Site.LN1_SCALE, Site.LN1_NORMALIZED, layer, pre, weights.norm());
        NDIndex rows = new NDIndex((c.nHeads() + c.nKeyValueHeads()) * c.dHead() + ":");
        NDManager scope = x.getManager();
        NDArray values = Tensors.linear(
                        x,
                        weights.qkv().w().get(scope, rows),
                        weights.qkv().b().map(b -> b.get(scope, rows)).orElse(null))
                .reshape(shape.get(0), shape.get(1), c.nKeyValueHeads(), c.dHead());
        NDArray v = hooks.at(Site.V, layer, keptOfHeads(values)); // [batch, pos, kvHead, dHead]
        NDArray all = past instanceof KeptPast kept ? kept.values(layer, v) : v; // [batch, keyPos, kvHead, dHead]
        return gather(hooks.at(Site.PATTERN, layer, pattern.rows(shape.get(0), scope)), all);
    }

    /** What each head gathers by its own queries, keys and values [batch, pos, head, dHead]. */
    private NDArray attend(int layer, NDArray pre, Layer weights, Reach at) {
        NDList qkv = splitInputs(layer) ? perHead(layer, pre, weights) : packed(layer, pre, weights);
        NDArray q = hooks.at(Site.Q, layer, keptOfHeads(qkv.get(0))); // [batch, pos, head, dHead]
        NDArray k = hooks.at(Site.K, layer, keptOfHeads(qkv.get(1))); // [batch, pos, kvHead, dHead]
        NDArray v = hooks.at(Site.V, layer, keptOfHeads(qkv.get(2))); // [batch, pos, kvHead, dHead]
        if (c.qkNorms()) {
            q = norm(Site.Q_NORM_SCALE, Site.Q_NORM_NORMALIZED, layer, q, weights.qNorm());
            k = norm(Site.K_NORM_SCALE, Site.K_NORM_NORMALIZED, layer, k, weights.kNorm());
        }
        if (c.positions() == Positions.ROTARY) {
            q = hooks.at(Site.ROT_Q, layer, Tensors.rotate(q, at.cos(), at.sin()));
            k = hooks.at(Site.ROT_K, layer, Tensors.rotate(k, at.cos(), at.sin()));
        }
        if (past != null) {
            NDList all = past.append(layer, k, v);
            k = all.get(0); // [batch, past + pos, kvHead, dHead]
            v = all.get(1);
        }
        long pos = q.getShape().get(1);
        boolean seen = hooks.recording() || hooks.wants(Site.ATTN_SCORES, layer) || hooks.wants(Site.PATTERN, layer);
        if (pos == 1
                && !seen
                && c.scoreSoftcap() == 0
                && c.extras().equals(Extras.NONE)) { // a new token of a generation: here calls count, not work
            return Tensors.attend(q, k, v, at.mask(), constants.scale());
        }
        NDArray scores = hooks.at(Site.ATTN_SCORES, layer, scores(q, k, at)); // [batch, head, queryPos, keyPos]
        return gather(hooks.at(Site.PATTERN, layer, pattern(scores, layer)), v);
    }

    /** The values that are attended to: pattern [batch, head, queryPos, keyPos], v [batch, keyPos, kvHead, dHead] → [batch, queryPos, head, dHead]. */
    private NDArray gather(NDArray pattern, NDArray v) {
        return unfolded(folded(pattern).matMul(v.transpose(0, 2, 1, 3))).transpose(0, 2, 1, 3);
    }

    /** Scores [batch, head, queryPos, keyPos] → how much of each key is taken; with a sink, less than all together. */
    private NDArray pattern(NDArray scores, int layer) {
        Optional<NDArray> sinks = w.layers().get(layer).sinks();
        if (sinks.isEmpty()) {
            return scores.softmax(3);
        }
        Shape shape = scores.getShape();
        NDArray nothing = Tensors.alias(sinks.get(), scores.getManager())
                .reshape(1, shape.get(1), 1, 1)
                .broadcast(shape.get(0), shape.get(1), shape.get(2), 1);
        return scores.concat(nothing, 3).softmax(3).get("..., :-1");
    }

    /** Keeps the largest of the last axis, where the model does. */
    private NDArray kept(NDArray x) {
        if (c.extras().kept() == 0) {
            return x;
        }
        int width = Math.toIntExact(x.getShape().getLastDimension());
        return Tensors.largestInSize(x, x.getManager().create((long) c.extras().count(width)));
    }

    /** Keeps the largest of all heads together [batch, pos, head, dHead]. */
    private NDArray keptOfHeads(NDArray x) {
        if (c.extras().kept() == 0) {
            return x;
        }
        Shape shape = x.getShape();
        return kept(x.reshape(shape.get(0), shape.get(1), -1)).reshape(shape);
    }

    /**
     * Query heads that share a key/value head lie side by side: folds them into the query axis, instead of copying keys: [batch, head, queryPos,
     * any] → [batch, kvHead, group·queryPos, any].
     */
    private NDArray folded(NDArray x) {
        if (c.groupSize() == 1) {
            return x;
        }
        Shape shape = x.getShape();
        return x.reshape(shape.get(0), c.nKeyValueHeads(), c.groupSize() * shape.get(2), shape.get(3));
    }

    private NDArray unfolded(NDArray x) {
        if (c.groupSize() == 1) {
            return x;
        }
        Shape shape = x.getShape();
        return x.reshape(shape.get(0), c.nHeads(), shape.get(2) / c.groupSize(), shape.get(3));
    }

    /** Masked attention scores [batch, head, queryPos, keyPos]. */
    private NDArray scores(NDArray q, NDArray k, Reach at) {
        NDArray queries = folded(q.transpose(0, 2, 1, 3)); // [batch, kvHead, group·queryPos, dHead]
        NDArray scores = unfolded(queries.matMul(k.transpose(0, 2, 3, 1))).muli(constants.scale());
        if (c.scoreSoftcap() > 0) {
            scores = softcap(scores, constants.scoreSoftcap());
        }
        return scores.addi(at.mask());
    }

    /** cap·tanh(x / cap). */
    static NDArray softcap(NDArray x, NDArray cap) {
        return x.div(cap).tanh().mul(cap);
    }

    /** Queries, keys and values by one product. */
    private NDList packed(int layer, NDArray pre, Layer weights) {
        NDArray x = norm(Site.LN1_SCALE, Site.LN1_NORMALIZED, layer, pre, weights.norm());
        NDArray qkv = apply(x, weights.qkv()); // [batch, pos, (nHeads + 2 nKeyValueHeads)·dHead]
        Shape shape = pre.getShape();
        NDList parts = qkv.reshape(shape.get(0), shape.get(1), c.nHeads() + 2L * c.nKeyValueHeads(), c.dHead())
                .split(new long[] {c.nHeads(), c.nHeads() + c.nKeyValueHeads()}, 2);
        if (positions != null) { // values do not read positions
            NDArray there = apply(x.add(positions), weights.qkv())
                    .reshape(shape.get(0), shape.get(1), c.nHeads() + 2L * c.nKeyValueHeads(), c.dHead());
            NDList placed = there.split(new long[] {c.nHeads(), c.nHeads() + c.nKeyValueHeads()}, 2);
            return new NDList(placed.get(0), placed.get(1), parts.get(2));
        }
        return parts;
    }

    private boolean splitInputs(int layer) {
        return hooks.wants(Site.Q_INPUT, layer)
                || hooks.wants(Site.K_INPUT, layer)
                || hooks.wants(Site.V_INPUT, layer)
                || hooks.wants(Site.ATTN_IN, layer);
    }

    /** Queries, keys and values from a copy of the stream per head, so that each head's input can be replaced alone. */
    private NDList perHead(int layer, NDArray pre, Layer weights) {
        NDArray shared = pre.expandDims(2); // [batch, pos, 1, dModel]
        boolean attnIn = hooks.wants(Site.ATTN_IN, layer);
        boolean split = hooks.wants(Site.Q_INPUT, layer)
                || hooks.wants(Site.K_INPUT, layer)
                || hooks.wants(Site.V_INPUT, layer);
        if (attnIn && (c.groupSize() > 1 || split)) {
            throw new IllegalArgumentException(
                    Site.ATTN_IN.name(layer) + " cannot be combined with split inputs or grouped key/value heads;"
                            + " use hook_q_input, hook_k_input and hook_v_input");
        }
        NDArray in = attnIn ? hooks.at(Site.ATTN_IN, layer, shared.repeat(2, c.nHeads())) : shared;
        Site[] sites = {Site.Q_INPUT, Site.K_INPUT, Site.V_INPUT};
        int[] heads = {c.nHeads(), c.nKeyValueHeads(), c.nKeyValueHeads()};
        NDList qkv = new NDList(3);
        long row = 0;
        for (int i = 0; i < 3; i++) {
            NDArray input =
                    attnIn ? in : hooks.at(sites[i], layer, in.repeat(2, heads[i])); // [batch, pos, head, dModel]
            NDArray x = norm(Site.LN1_SCALE, Site.LN1_NORMALIZED, layer, input, weights.norm());
            if (positions != null && i < 2) {
                x = x.add(positions.expandDims(-2)); // [batch, pos, head, dModel]
            }
            NDIndex rows = new NDIndex(row + ":" + (row + (long) heads[i] * c.dHead()));
            NDArray y = eachHead(
                    x, headMatrices(weights.qkv().w().get(run, rows), heads[i], true)); // [batch, pos, head, dHead]
            if (weights.qkv().b().isPresent()) {
                y = y.add(weights.qkv().b().get().get(run, rows).reshape(heads[i], c.dHead()));
            }
            qkv.add(y);
            row += (long) heads[i] * c.dHead();
        }
        return qkv;
    }

    /** Multiplies each head's vectors by that head's matrix: [batch, pos, head, in] and [head, in, out] → [batch, pos, head, out]. */
    private static NDArray eachHead(NDArray x, NDArray matrices) {
        Shape shape = x.getShape();
        long heads = shape.get(2);
        return x.transpose(2, 0, 1, 3)
                .reshape(heads, shape.get(0) * shape.get(1), shape.get(3))
                .matMul(matrices) // [head, batch·pos, out]
                .reshape(heads, shape.get(0), shape.get(1), matrices.getShape().get(2))
                .transpose(1, 2, 0, 3);
    }

    /** Cuts a matrix into heads: rows [head·dHead, dModel] → [head, dModel, dHead], columns [dModel, head·dHead] → [head, dHead, dModel]. */
    private NDArray headMatrices(NDArray matrix, int heads, boolean rows) {
        NDArray view = Tensors.alias(matrix, run);
        return rows
                ? view.reshape(heads, c.dHead(), c.dModel()).transpose(0, 2, 1)
                : view.reshape(c.dModel(), heads, c.dHead()).transpose(1, 2, 0);
    }

    NDArray mlp(int layer, NDArray stream, Mlp weights) {
        NDArray x = hooks.at(
                Site.MLP_INPUT,
                layer,
                norm(Site.LN2_SCALE, Site.LN2_NORMALIZED, layer, stream, weights.norm())); // [batch, pos, dModel]
        Affine first = weights.gate().orElse(weights.in());
        NDArray pre = hooks.at(Site.PRE, layer, apply(x, first)); // [batch, pos, dMlp]
        NDArray post = activate(pre, !hooks.recording() && !hooks.wants(Site.PRE, layer));
        if (c.topK() > 0) {
            post = Tensors.largest(post, constants.topK());
        }
        post = kept(post);
        if (weights.gate().isPresent()) {
            NDArray linear = Tensors.linear(x, weights.in().w(), null);
            post = post.mul(hooks.at(Site.PRE_LINEAR, layer, linear));
            post = weights.in().b().isPresent() ? post.add(weights.in().b().get()) : post;
        }
        return hooks.at(
                Site.MLP_OUTPUT, layer, apply(hooks.at(Site.POST, layer, post), weights.out())); // [batch, pos, dModel]
    }

    private NDArray activate(NDArray x, boolean inPlace) {
        return switch (c.activation()) {
            case GELU_TANH -> Tensors.geluTanh(x, inPlace);
            case GELU -> x.getNDArrayInternal().gelu();
            case SILU -> Tensors.silu(x, inPlace);
            case RELU -> x.getNDArrayInternal().relu();
        };
    }

    static NDArray apply(NDArray x, Affine affine) {
        return Tensors.linear(x, affine.w(), affine.b().orElse(null));
    }

    /** TransformerLens's hooks: LayerNorm's "normalized" comes after weight and bias, RMSNorm's before the weight. */
    NDArray norm(Site scaleSite, Site normalizedSite, int layer, NDArray x, Optional<Affine> norm) {
        if (norm.isEmpty()) {
            return x;
        }
        Affine affine = norm.get();
        boolean parts = hooks.wants(scaleSite, layer) || hooks.wants(normalizedSite, layer);
        if (!c.norm().centers()) {
            UnaryOperator<NDArray> some = normalizedSite == Site.FINAL_NORMALIZED ? all -> all : this::kept;
            if (!parts) {
                boolean ones = !c.norm().weighted() && FOLDED.contains(normalizedSite);
                NDArray weight = ones ? null : affine.w();
                return some.apply(Tensors.rmsNorm(x, weight, constants.eps()));
            }
            if (hooks.edits(scaleSite, layer)) {
                NDArray scale = hooks.at(scaleSite, layer, rootMeanSquare(x)); // [batch, pos, 1]
                return hooks.at(normalizedSite, layer, some.apply(x.div(scale))).mul(affine.w());
            }
            NDList both = Tensors.rmsNormParts(x, constants.eps());
            hooks.at(scaleSite, layer, both.get(0));
            return hooks.at(normalizedSite, layer, some.apply(both.get(1))).mul(affine.w());
        }
        NDArray bias = affine.b().orElseThrow(() -> new AssertionError("a LayerNorm without bias"));
        if (!parts) {
            return Tensors.layerNorm(x, affine.w(), bias, c.eps());
        }
        if (hooks.recording() || hooks.edits(scaleSite, layer)) {
            NDArray centered = x.sub(mean(x));
            NDArray scale = hooks.at(scaleSite, layer, rootMeanSquare(centered)); // [batch, pos, 1]
            return hooks.at(
                    normalizedSite, layer, centered.div(scale).mul(affine.w()).add(bias));
        }
        NDList both = Tensors.layerNormParts(x, affine.w(), bias, constants.eps());
        hooks.at(scaleSite, layer, both.get(0));
        return hooks.at(normalizedSite, layer, both.get(1));
    }

    private NDArray rootMeanSquare(NDArray x) {
        return mean(x.square()).add(constants.eps()).sqrt();
    }

    private static NDArray mean(NDArray x) {
        return x.mean(new int[] {x.getShape().dimension() - 1}, true);
    }
}
