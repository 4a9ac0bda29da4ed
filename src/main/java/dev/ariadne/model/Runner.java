package dev.ariadne.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.ariadne.tensor.Shapes;
import dev.ariadne.tensor.Tensors;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/** Runs a model: checks the prompt, owns what a run makes, and hands on what outlives it. */
final class Runner {
    private final HookedTransformer model;
    private final ModelConfig config;
    private final Weights weights;
    private final Constants constants;
    private final NDManager manager;

    Runner(HookedTransformer model, Weights weights, Constants constants, NDManager manager) {
        this.model = model;
        this.config = model.config();
        this.weights = weights;
        this.constants = constants;
        this.manager = manager;
    }

    /** Runs the blocks from one layer on; see {@link HookedTransformer#runFrom}. */
    Logits from(NDArray stream, int layer, boolean lastPosition, List<Hook> hooks, @Nullable KeptPast past) {
        if (layer < 0 || layer > config.nLayers()) {
            throw new IllegalArgumentException("layer must be from 0 to " + config.nLayers() + ", got " + layer
                    + "; from 0 is before the first block");
        }
        model.requireOpen();
        Shapes.require(stream, "the residual stream", -1, -1, config.dModel());
        int before = past == null ? 0 : past.length();
        int pos = (int) stream.getShape().get(1);
        if (stream.size() == 0
                || before + pos > config.nCtx()
                || stream.getDataType() != weights.embed().getDataType()) {
            throw new IllegalArgumentException("the residual stream must have 1 to " + (config.nCtx() - before)
                    + " positions of type " + weights.embed().getDataType() + ", got " + stream.getShape() + " of "
                    + stream.getDataType());
        }
        if (config.extras().bigrams()) {
            throw new IllegalArgumentException(
                    "model '" + model.name() + "' adds a row of bigrams to the logits, by the"
                            + " token, and a run from the middle knows no tokens; run the whole model, with a hook at "
                            + new HookName(Site.RESID_PRE, Math.min(layer, config.nLayers() - 1)));
        }
        long rows = stream.getShape().get(0) * pos;
        return logits(hooks, new long[0][], rows, past, (forward, run) -> {
            forward.refuseHooksBefore(layer);
            Positional at = Positional.of(config, run, new Positional.Span(before, pos, new int[1]), constants.type());
            NDArray out = forward.blocks(Tensors.alias(stream, run), layer, at);
            if (lastPosition || past == null) {
                return forward.unembed(lastPosition ? last(out) : out);
            }
            NDArray earlier = past.cache().logits().array().get(run, new NDIndex(":, :" + before));
            return earlier.repeat(0, stream.getShape().get(0)).concat(forward.unembed(out), 1);
        });
    }

    Logits logits(long[][] tokens, boolean lastPosition, List<Hook> hooks) {
        check(tokens);
        return logits(hooks, tokens, (long) tokens.length * tokens[0].length, null, (forward, run) -> {
            Positional at = positional(run, Padding.counts(tokens), tokens[0].length);
            NDArray ids = ids(tokens, run);
            NDArray out = forward.blocks(forward.embed(ids, at), 0, at);
            return lastPosition ? forward.unembed(last(out), last(ids)) : forward.unembed(out, ids);
        });
    }

    /** A pass through the model, logits [batch, pos, dVocabOut]. */
    private interface Pass {
        NDArray of(Forward forward, NDManager run);
    }

    private Logits logits(List<Hook> hooks, long[][] tokens, long rows, @Nullable Past past, Pass pass) {
        NDManager owner = manager.newSubManager();
        try (NDManager run = owner.newSubManager()) {
            Forward forward = new Forward(config, weights, constants, hooks(hooks), run, past);
            NDArray out = Tensors.run(false, (double) model.parameterCount() * rows, () -> pass.of(forward, run));
            out.attach(owner);
            return new Logits(owner, out, tokens, model);
        } catch (RuntimeException | Error e) {
            owner.close();
            throw e;
        }
    }

    /** What final norm and unembedding make of each vector [..., dModel]: how it rates one token, as few logits at a time as may be. */
    Ratings rate(NDArray vectors, long[] targets) {
        model.requireOpen();
        double operations = 2.0 * targets.length * weights.unembed().w().size();
        return Tensors.run(
                false,
                operations,
                () -> Ratings.inChunks(Ratings.rowsAtATime(config.dVocabOut()), manager, targets, (run, from, to) -> {
                    RunHooks none = new RunHooks(config, List.of(), null, new LinkedHashMap<>(), false);
                    NDArray some = Tensors.alias(vectors, run)
                            .reshape(-1, config.dModel())
                            .get(new NDIndex(from + ":" + to));
                    return new Forward(config, weights, constants, none, run, null).unembed(some);
                }));
    }

    /**
     * Continues texts; see {@link HookedTransformer#generate(long[][], Sampling, Hook...)}.
     *
     * @throws IllegalArgumentException when the model is none that continues texts, or a prompt leaves no room
     */
    Generation generate(long[][] prompts, Sampling sampling, List<Hook> hooks) {
        check(prompts);
        if (!config.causal() || config.dVocabOut() != config.dVocab()) {
            throw new IllegalArgumentException("model '" + model.name() + "' cannot continue a text: "
                    + (config.causal() ? "it predicts other tokens than it reads" : "its tokens attend to later ones")
                    + "; use run(prompt)");
        }
        for (int row = 0; row < prompts.length; row++) {
            int length = Padding.strip(prompts[row]).length;
            if (length >= config.nCtx()) {
                throw new IllegalArgumentException("prompt " + row + " has " + length
                        + " tokens and fills the model's context of " + config.nCtx()
                        + ": there is no room for a new one; shorten it");
            }
        }
        return new Generator(model, this, prompts, sampling, hooks).generate(prompts);
    }

    Components components(int pos) {
        model.requireOpen();
        if (pos < 1 || pos > config.nCtx()) {
            throw new IllegalArgumentException(
                    "the model takes 1 to " + config.nCtx() + " tokens, got " + pos + "; shorten the texts");
        }
        return new Components(config, weights, constants, manager.newSubManager(), pos, false);
    }

    /**
     * Logits at some places of a batch, for a recording of gradients with respect to the weights.
     *
     * @param places row · pos + position, for each
     * @param run owns the result
     * @return [place, dVocabOut]
     */
    NDArray recorded(long[][] tokens, long[] places, NDManager run, List<Hook> hooks) {
        RunHooks table = new RunHooks(config, hooks, null, new LinkedHashMap<>(), true);
        Forward forward = new Forward(config, weights, constants, table, run, null);
        Positional at = positional(run, Padding.counts(tokens), tokens[0].length);
        NDArray ids = ids(tokens, run);
        NDArray stream = forward.blocks(forward.embed(ids, at), 0, at);
        NDArray rows = stream.reshape(1, -1, config.dModel());
        NDArray read = ids.reshape(1, -1); // [1, place]
        if (!Arrays.equals(places, LongStream.range(0, ids.size()).toArray())) {
            NDArray where = run.create(places);
            rows = Tensors.embedding(where.expandDims(0), rows.reshape(-1, config.dModel()));
            read = read.reshape(-1).get(where).expandDims(0);
        }
        return forward.unembed(rows, read).reshape(places.length, config.dVocabOut());
    }

    KeyValueCache newCache() {
        return new KeyValueCache(manager, config.nLayers());
    }

    RunHooks hooks(List<Hook> hooks) {
        return new RunHooks(config, hooks, null, new LinkedHashMap<>(), false);
    }

    /**
     * Runs tokens and says what may come next.
     *
     * @param tokens [batch, pos], not checked
     * @param padding how many of each row's first tokens are padding, those in the past included
     * @param past what came before, and receives these; null without a cache
     * @return log-probabilities at the last position [batch · dVocab], in nats
     */
    double[] next(long[][] tokens, int[] padding, RunHooks table, @Nullable KeyValueCache past) {
        model.requireOpen();
        int pos = tokens[0].length;
        int before = past == null ? 0 : past.length();
        try (NDManager run = manager.newSubManager()) {
            Forward forward = new Forward(config, weights, constants, table, run, past);
            return Tensors.run(false, (double) model.parameterCount() * tokens.length * pos, () -> {
                Positional at = Positional.of(config, run, new Positional.Span(before, pos, padding), constants.type());
                NDArray ids = ids(tokens, run);
                NDArray stream = forward.blocks(forward.embed(ids, at), 0, at);
                if (past != null) {
                    past.advance(pos);
                }
                // in float64, else taking the logarithm of the sum away could make two logits equal
                NDArray logits = forward.unembed(last(stream), last(ids)).toType(DataType.FLOAT64, false);
                return logits.logSoftmax(2).toDoubleArray();
            });
        }
    }

    /** The last position of [batch, pos, dModel], or of [batch, pos]. */
    private static NDArray last(NDArray stream) {
        return stream.getShape().get(1) > 1 ? stream.get(":, -1:") : stream; // [batch, 1, ...]
    }

    ActivationCache capture(
            long[][] tokens, @Nullable UnaryOperator<NDArray> metric, List<String> filter, List<Hook> hooks) {
        check(tokens);
        List<HookName> names = filter.isEmpty()
                ? RunHooks.all(config, hook -> !hook.site.onDemand)
                : filter.stream()
                        .flatMap(f -> RunHooks.resolve(config, f).stream())
                        .distinct()
                        .toList();
        NDManager owner = manager.newSubManager();
        NDManager logitsOwner = manager.newSubManager();
        try (NDManager run = manager.newSubManager()) {
            Map<HookName, NDArray> captured = new LinkedHashMap<>();
            RunHooks table = new RunHooks(config, hooks, owner, captured, metric != null);
            table.capture(names);
            Forward forward = new Forward(config, weights, constants, table, run, null);
            double operations = (double) model.parameterCount() * tokens.length * tokens[0].length;
            return Tensors.run(metric != null, operations, () -> {
                Positional at = positional(run, Padding.counts(tokens), tokens[0].length);
                NDArray ids = ids(tokens, run);
                NDArray out = forward.unembed(forward.blocks(forward.embed(ids, at), 0, at), ids);
                Optional<Gradients> gradients = Optional.empty();
                if (metric != null) {
                    gradients = Optional.of(differentiate(metric, out, captured, run, owner));
                    out = out.stopGradient();
                }
                out.attach(logitsOwner);
                Logits logits = new Logits(logitsOwner, out, tokens, model);
                return new ActivationCache(owner, captured, logits, tokens, model, gradients);
            });
        } catch (RuntimeException | Error e) {
            owner.close();
            logitsOwner.close();
            throw e;
        }
    }

    /** The metric's value and its gradients; both outlive the run. */
    private static Gradients differentiate(
            UnaryOperator<NDArray> metric,
            NDArray logits,
            Map<HookName, NDArray> captured,
            NDManager run,
            NDManager owner) {
        NDArray value = metric.apply(Tensors.alias(logits, run));
        if (value == null || value.isReleased()) {
            String name = metric.getClass().isHidden() ? "" : " '" + metric + "'"; // a lambda has none
            throw new IllegalArgumentException("the metric" + name + " returned "
                    + (value == null ? "null" : "an array that is closed")
                    + "; return a scalar array computed from the logits, such as logits.mean(), and leave it open");
        }
        NDList grads = Tensors.grad(value, List.copyOf(captured.values()));
        Map<HookName, NDArray> byName = new LinkedHashMap<>();
        int i = 0;
        for (HookName hook : captured.keySet()) {
            NDArray grad = grads.get(i++);
            grad.attach(owner);
            byName.put(hook, grad);
        }
        captured.replaceAll((hook, x) -> offGraph(x));
        return new Gradients(value.toType(DataType.FLOAT64, false).getDouble(), byName);
    }

    /** The same values without the recorded graph, which would keep every intermediate alive. */
    private static NDArray offGraph(NDArray x) {
        NDArray plain = x.stopGradient();
        x.close();
        return plain;
    }

    private Positional positional(NDManager run, int[] padding, int pos) {
        return Positional.of(config, run, new Positional.Span(0, pos, padding), constants.type());
    }

    private static NDArray ids(long[][] tokens, NDManager run) {
        int pos = tokens[0].length;
        long[] flat = new long[tokens.length * pos];
        for (int i = 0; i < tokens.length; i++) {
            for (int j = 0; j < pos; j++) {
                flat[i * pos + j] = Math.max(0, tokens[i][j]); // padding looks up any row: nobody sees it
            }
        }
        return run.create(flat, new Shape(tokens.length, pos));
    }

    void check(long[][] tokens) {
        model.requireOpen();
        if (tokens.length == 0 || tokens[0].length == 0) {
            throw new IllegalArgumentException("the prompt is empty; give at least one token");
        }
        int pos = tokens[0].length;
        if (pos > config.nCtx()) {
            throw new IllegalArgumentException(
                    "the prompt has " + pos + " tokens, the model takes at most " + config.nCtx() + "; shorten it");
        }
        int[] padding = Padding.counts(tokens);
        for (int row = 0; row < tokens.length; row++) {
            if (tokens[row].length != pos) {
                throw new IllegalArgumentException("all prompts of a batch need one length: prompt 0 has " + pos
                        + " tokens, prompt " + row + " has " + tokens[row].length
                        + "; begin the shorter with HookedTransformer.PADDING, as toTokens(prompts) does");
            }
            if (padding[row] == pos) {
                throw new IllegalArgumentException("prompt " + row + " is nothing but padding (" + pos + " times "
                        + HookedTransformer.PADDING + "); give at least one token, from 0 to " + (config.dVocab() - 1));
            }
            for (int i = padding[row]; i < pos; i++) {
                check(tokens[row][i], row, i);
            }
        }
    }

    private void check(long id, int row, int i) {
        if (id >= 0 && id < config.dVocab()) {
            return;
        }
        String where = " at prompt " + row + ", position " + i;
        if (id == HookedTransformer.PADDING) {
            throw new IllegalArgumentException(
                    "padding (" + id + ")" + where + " comes after a token; a row's padding comes first, all of it");
        }
        throw new IllegalArgumentException("token id " + id + where + " is out of range: the vocabulary is 0 to "
                + (config.dVocab() - 1) + "; ids come from this model's toTokens(text)");
    }

    /**
     * A metric and its gradients.
     *
     * @param metric the value
     * @param grads d metric / d activation, of the activation's shape
     */
    record Gradients(double metric, Map<HookName, NDArray> grads) {}
}
