package dev.ariadne.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.Shape;
import dev.ariadne.model.ModelConfig.Positions;
import dev.ariadne.model.Positional.Reach;
import dev.ariadne.model.Weights.Affine;
import dev.ariadne.model.Weights.Layer;
import dev.ariadne.model.Weights.Mlp;
import dev.ariadne.tensor.Tensors;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A transformer's parts as functions of what they read from the residual stream, one head at a time, for texts of one length.
 *
 * <p>Inputs have as many rows as one likes, [row, pos, dModel]; queries, MLPs and the unembedding may be given the last positions only, from
 * {@code first} on. Results belong to the manager of the first argument. Called inside {@link Tensors#run}.
 */
public final class Components implements AutoCloseable {
    private static final long CACHED = 1 << 21; // logits at once that stay in a core's cache

    private final ModelConfig c;
    private final Weights w;
    private final Constants constants;
    private final NDManager manager;
    private final Forward forward;
    private final Positional at;
    private final @Nullable NDArray placed; // shortformer: what queries and keys read besides the stream
    private final Affine[][][] projections; // [layer][query, key, value][head]
    private final NDArray[][] outs; // [layer][head], [dModel, dHead]

    /**
     * Prepares the parts.
     *
     * @param recording whether gradients will be asked for, so that nothing is computed in place
     */
    Components(ModelConfig config, Weights weights, Constants constants, NDManager owner, int pos, boolean recording) {
        if (config.extras().kept() > 0) {
            throw new IllegalArgumentException("edges between heads and MLPs cannot be taken apart where a model keeps "
                    + config.extras().kept()
                    + " of its activations: heads that are computed alone would no longer compete for"
                    + " the places; a weight-sparse model's circuit is cut out of its weights by CircuitPruner");
        }
        this.c = config;
        this.w = weights;
        this.constants = constants;
        this.manager = owner;
        RunHooks none = new RunHooks(config, List.of(), null, new LinkedHashMap<>(), recording);
        this.forward = new Forward(config, weights, constants, none, owner, null);
        this.at = Positional.of(config, owner, new Positional.Span(0, pos, new int[1]), constants.type());
        this.placed = config.positions() == Positions.SHORTFORMER
                ? at.vectors(weights.positions().orElseThrow(), owner)
                : null;
        this.projections = new Affine[config.nLayers()][3][];
        this.outs = new NDArray[config.nLayers()][config.nHeads()];
        for (int layer = 0; layer < config.nLayers(); layer++) {
            cut(layer);
        }
    }

    private void cut(int layer) {
        Layer weights = w.layers().get(layer);
        int row = 0;
        for (int kind = 0; kind < 3; kind++) {
            int heads = kind == 0 ? c.nHeads() : c.nKeyValueHeads();
            projections[layer][kind] = new Affine[heads];
            for (int head = 0; head < heads; head++) {
                NDIndex rows = new NDIndex(row + ":" + (row + c.dHead()));
                projections[layer][kind][head] = new Affine(
                        weights.qkv().w().get(manager, rows), weights.qkv().b().map(b -> b.get(manager, rows)));
                row += c.dHead();
            }
        }
        for (int head = 0; head < c.nHeads(); head++) {
            NDIndex columns = new NDIndex(":, " + head * c.dHead() + ":" + (head + 1) * c.dHead());
            outs[layer][head] = weights.out().w().get(manager, columns);
        }
    }

    /**
     * A head's queries, before they are normalized or rotated.
     *
     * @param x what the head reads [row, pos from first on, dModel]
     * @return [row, pos from first on, dHead]
     */
    public NDArray query(int layer, int head, NDArray x, int first) {
        return project(layer, 0, head, place(normalized(layer, x), first));
    }

    /** A key/value head's keys, before they are normalized or rotated: [row, pos, dModel] → [row, pos, dHead]. */
    public NDArray key(int layer, int head, NDArray x) {
        return project(layer, 1, head, place(normalized(layer, x), 0));
    }

    /** A key/value head's values: [row, pos, dModel] → [row, pos, dHead]. */
    public NDArray value(int layer, int head, NDArray x) {
        return project(layer, 2, head, normalized(layer, x));
    }

    private NDArray normalized(int layer, NDArray x) {
        return forward.norm(
                Site.LN1_SCALE,
                Site.LN1_NORMALIZED,
                layer,
                x,
                w.layers().get(layer).norm());
    }

    private NDArray place(NDArray x, int first) {
        return placed == null ? x : x.add(placed.get(x.getManager(), new NDIndex(first + ":")));
    }

    private NDArray project(int layer, int kind, int head, NDArray x) {
        return Forward.apply(x, projections[layer][kind][head]);
    }

    /**
     * What a head gathers.
     *
     * @param head whose slope and sink count, where the model has them
     * @param q queries [row, pos from first on, dHead]
     * @param k keys [row, pos, dHead]
     * @param v values [row, pos, dHead]
     * @return z [row, pos from first on, dHead]
     */
    public NDArray attend(int layer, int head, NDArray q, NDArray k, NDArray v, int first) {
        Layer weights = w.layers().get(layer);
        Reach reach = at.of(c.isLocal(layer));
        NDArray queries = q;
        NDArray keys = k;
        if (c.qkNorms()) {
            queries = forward.norm(Site.Q_NORM_SCALE, Site.Q_NORM_NORMALIZED, layer, q, weights.qNorm());
            keys = forward.norm(Site.K_NORM_SCALE, Site.K_NORM_NORMALIZED, layer, k, weights.kNorm());
        }
        if (c.positions() == Positions.ROTARY) {
            NDArray cos = flat(reach.cos(), q.getManager());
            NDArray sin = flat(reach.sin(), q.getManager());
            NDIndex from = new NDIndex(first + ":");
            queries = Tensors.rotate(queries, cos.get(from), sin.get(from));
            keys = Tensors.rotate(keys, cos, sin);
        }
        NDArray scores = queries.matMul(keys.transpose(0, 2, 1)).muli(constants.scale()); // [row, queryPos, keyPos]
        if (c.scoreSoftcap() > 0) {
            scores = Forward.softcap(scores, constants.scoreSoftcap());
        }
        boolean sloped = !c.extras().slopes().isEmpty(); // then there is a mask per head
        NDArray mask = reach.mask().get(q.getManager(), new NDIndex((sloped ? head + ", " : "") + first + ":"));
        return pattern(layer, head, scores.add(mask)).matMul(v);
    }

    /** Scores [row, queryPos, keyPos] → how much of each key is taken; with a sink, less than all together. */
    private NDArray pattern(int layer, int head, NDArray scores) {
        Optional<NDArray> sinks = w.layers().get(layer).sinks();
        if (sinks.isEmpty()) {
            return scores.softmax(2);
        }
        Shape shape = scores.getShape();
        NDArray nothing = sinks.get()
                .get(scores.getManager(), new NDIndex(head))
                .reshape(1, 1, 1)
                .broadcast(shape.get(0), shape.get(1), 1);
        return scores.concat(nothing, 2).softmax(2).get("..., :-1");
    }

    private static NDArray flat(NDArray table, NDManager owner) {
        Shape shape = table.getShape();
        return Tensors.alias(table, owner).reshape(shape.get(0), shape.get(2));
    }

    /** What a head writes, without the layer's bias and before a norm behind attention: [row, pos, dHead] → [row, pos, dModel]. */
    public NDArray result(int layer, int head, NDArray z) {
        return Tensors.linear(z, outs[layer][head], null);
    }

    /**
     * A head's share of what comes out of the norm behind attention.
     *
     * @param scale that norm's scale, of a run [row or 1, pos, 1]
     */
    public NDArray share(int layer, NDArray result, NDArray scale) {
        return result.div(scale)
                .mul(w.layers().get(layer).postNorm().orElseThrow().w());
    }

    /** Whether attention's sum passes a norm before it joins the stream. */
    public boolean postNorm(int layer) {
        return w.layers().get(layer).postNorm().isPresent();
    }

    /** What attention adds besides its heads [dModel], if anything. */
    public Optional<NDArray> bias(int layer) {
        return w.layers().get(layer).out().b();
    }

    /** What an MLP writes: [row, pos, dModel] → [row, pos, dModel]. */
    public NDArray mlp(int layer, NDArray x) {
        Mlp mlp = w.layers().get(layer).mlp().orElseThrow();
        NDArray out = forward.mlp(layer, x, mlp);
        return mlp.postNorm().isPresent()
                ? forward.norm(Site.LN2_POST_SCALE, Site.LN2_POST_NORMALIZED, layer, out, mlp.postNorm())
                : out;
    }

    /**
     * What the tokens themselves add to the logits after them, by a table of bigrams, if there is one.
     *
     * @param tokens [prompt][pos]
     * @return [prompt, pos, dVocabOut]; this object's
     */
    public Optional<NDArray> bigrams(long[][] tokens) {
        return w.bigrams().map(table -> {
            long[] flat = Arrays.stream(tokens).flatMapToLong(Arrays::stream).toArray();
            return Tensors.embedding(manager.create(flat, new Shape(tokens.length, tokens[0].length)), table);
        });
    }

    /** Final norm and unembedding, but for a table of bigrams: [row, pos, dModel] → [row, pos, dVocabOut]. */
    public NDArray logits(NDArray x) {
        return forward.unembed(x);
    }

    /**
     * Final norm and some rows of the unembedding.
     *
     * @param x the stream behind the last block [copy · prompt, pos, dModel]
     * @param some from {@link #rows}, for these prompts
     * @return [copy · prompt, pos, token]
     */
    public NDArray logits(NDArray x, NDList some) {
        NDArray matrix = some.get(0); // [prompt, dModel, token]
        NDArray n = forward.norm(Site.FINAL_SCALE, Site.FINAL_NORMALIZED, 0, x, w.finalNorm());
        Shape shape = x.getShape();
        NDArray logits = n.reshape(-1, matrix.getShape().get(0), shape.get(1), shape.get(2))
                .matMul(matrix); // [copy, prompt, pos, token]
        if (some.size() > 1) {
            logits = logits.add(some.get(1));
        }
        logits = c.logitSoftcap() > 0 ? Forward.softcap(logits, constants.logitSoftcap()) : logits;
        return logits.reshape(shape.get(0), shape.get(1), matrix.getShape().get(2));
    }

    /**
     * The rows of the unembedding for each prompt's tokens, for {@link #logits(NDArray, NDList)}.
     *
     * @param tokens [prompt][token], as many in each row
     * @return matrices [prompt, dModel, token], and biases [prompt, 1, token] if there are any; this object's
     */
    public NDList rows(long[][] tokens) {
        long[] flat = Arrays.stream(tokens).flatMapToLong(Arrays::stream).toArray();
        NDArray ids = manager.create(flat, new Shape(tokens.length, tokens[0].length));
        NDList rows = new NDList(Tensors.embedding(ids, w.unembed().w()).transpose(0, 2, 1)); // [prompt, dModel, token]
        w.unembed()
                .b()
                .ifPresent(b ->
                        rows.add(Tensors.embedding(ids, b.expandDims(1)).reshape(tokens.length, 1, tokens[0].length)));
        return rows;
    }

    /** Whether {@link #divergence} can be had: the unembedding must be linear, and all there is. */
    public boolean hasDivergence() {
        return c.logitSoftcap() == 0 && !c.extras().bigrams();
    }

    /**
     * What {@link #divergence} compares with.
     *
     * @param x the full model's stream behind the last block, at the positions that are read [prompt, pos, dModel]
     * @return its normalized stream [prompt, pos, dModel], the logarithm of the sum of exponentials of its logits [prompt, pos, 1], and the
     *     mean of the unembedding's rows under its distribution [prompt, pos, dModel]
     */
    public NDList reference(NDArray x) {
        NDArray n = forward.norm(Site.FINAL_SCALE, Site.FINAL_NORMALIZED, 0, x, w.finalNorm());
        NDArray logits = Forward.apply(n, w.unembed());
        NDArray total = Tensors.logSumExp(logits).expandDims(2); // [prompt, pos, 1]
        NDArray mean = logits.sub(total).exp().matMul(w.unembed().w());
        return new NDList(n, total, mean);
    }

    /**
     * KL(full model || this), without keeping any logits: the logarithm of Σ exp(logits − reference total), less what the reference
     * distribution expects of the change. Exact also where the two hardly differ.
     *
     * @param x the stream behind the last block [copy · prompt, pos, dModel]
     * @param reference from {@link #reference}
     * @return [copy · prompt, pos] in nats; not finite where logits have risen by more than 88
     */
    public NDArray divergence(NDArray x, NDList reference) {
        NDArray n = forward.norm(Site.FINAL_SCALE, Site.FINAL_NORMALIZED, 0, x, w.finalNorm());
        Shape one = reference.get(0).getShape();
        NDArray states = n.reshape(-1, one.get(0), one.get(1), one.get(2)); // [copy, prompt, pos, dModel]
        NDArray expected = states.sub(reference.get(0)).mul(reference.get(2)).sum(new int[] {3}); // [copy, prompt, pos]
        NDArray rows = n.reshape(-1, one.get(2)); // [copy·prompt·pos, dModel]
        NDArray totals = Tensors.alias(reference.get(1), n.getManager())
                .reshape(1, -1)
                .broadcast(states.getShape().get(0), one.get(0) * one.get(1))
                .reshape(-1, 1);
        long width = Math.max(512, CACHED / rows.getShape().get(0));
        NDArray sum = totals.zerosLike();
        for (long from = 0; from < c.dVocabOut(); from += width) {
            NDIndex some = new NDIndex(from + ":" + Math.min(c.dVocabOut(), from + width));
            Affine part = new Affine(
                    w.unembed().w().get(n.getManager(), some), w.unembed().b().map(b -> b.get(n.getManager(), some)));
            sum.addi(Tensors.expSum(rows, part.w(), part.b().orElse(null), totals));
        }
        return sum.log()
                .reshape(expected.getShape())
                .sub(expected)
                .reshape(x.getShape().get(0), one.get(1));
    }

    @Override
    public void close() {
        manager.close();
    }
}
