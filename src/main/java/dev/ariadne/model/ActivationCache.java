package dev.ariadne.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.ariadne.model.Runner.Gradients;
import dev.ariadne.model.weights.NearestNames;
import dev.ariadne.view.Displayable;
import dev.ariadne.view.View;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;

/**
 * The activations of one run, in the order of the forward pass, and its logits; after {@link HookedTransformer#runWithGradients} also
 * the gradients. Owns its arrays: closing it frees them.
 */
public final class ActivationCache implements Displayable, AutoCloseable {
    private final Map<HookName, NDArray> arrays;
    private final Logits logits;
    private final long[][] tokens;
    private final HookedTransformer model;
    private final Optional<Gradients> gradients;
    private final Leak leak;
    private volatile boolean closed;

    ActivationCache(
            NDManager owner,
            Map<HookName, NDArray> arrays,
            Logits logits,
            long[][] tokens,
            HookedTransformer model,
            Optional<Gradients> gradients) {
        this.arrays = arrays;
        this.logits = logits;
        this.tokens = tokens;
        this.model = model;
        this.gradients = gradients;
        this.leak = Leak.watch(this, owner::close);
    }

    /** The logits of the run [batch, pos, dVocab]; freed with the cache. */
    public Logits logits() {
        return logits;
    }

    /** The names of what is kept, in the order of the forward pass. */
    public List<HookName> names() {
        return List.copyOf(arrays.keySet());
    }

    /**
     * An activation.
     *
     * @param name for example {@code blocks.0.attn.hook_pattern}; or short, {@code k6}, {@code embed}; see {@link HookName#of(String)}
     * @throws IllegalArgumentException when it is not kept, with the nearest names that are
     */
    public Activation get(String name) {
        return activation(name, "", arrays);
    }

    /** An activation by its short name and layer, {@code get("pattern", 0)}; a negative layer counts from the last. */
    public Activation get(String shortName, int layer) {
        return get(HookName.of(shortName, layer(layer)).toString());
    }

    /** An activation by its short name, layer and part of the block: {@code get("normalized", 2, "ln2")}. */
    public Activation get(String shortName, int layer, String type) {
        return get(HookName.of(shortName, layer(layer), type).toString());
    }

    private int layer(int layer) {
        return layer < 0 ? layer + model.config().nLayers() : layer;
    }

    /**
     * The gradient of the metric with respect to an activation, of the same shape.
     *
     * @param name as in {@link #get(String)}
     * @throws IllegalStateException when the run took no gradients
     */
    public Activation grad(String name) {
        return activation(name, "gradient at ", gradients().grads());
    }

    /** The gradient with respect to an activation by its short name and layer. */
    public Activation grad(String shortName, int layer) {
        return grad(HookName.of(shortName, layer(layer)).toString());
    }

    /** The gradient with respect to an activation by its short name, layer and part of the block. */
    public Activation grad(String shortName, int layer, String type) {
        return grad(HookName.of(shortName, layer(layer), type).toString());
    }

    /**
     * The value of the metric that was differentiated.
     *
     * @throws IllegalStateException when the run took no gradients
     */
    public double metric() {
        return gradients().metric();
    }

    private Gradients gradients() {
        return gradients.orElseThrow(() -> new IllegalStateException(
                "this run took no gradients; use model.runWithGradients(prompt, metric, names)"));
    }

    void requireOpen() {
        if (closed) {
            throw new IllegalStateException("this cache is closed and its arrays are freed; run the model again");
        }
        model.requireOpen();
    }

    /** An activation as it is kept. */
    NDArray array(HookName name) {
        requireOpen();
        NDArray array = arrays.get(name);
        return array == null ? get(name.toString()).array() : array; // says what is kept instead
    }

    /**
     * Runs the blocks from one layer on for the last tokens of this prompt only. Earlier tokens cannot hear of them: their keys and values are as
     * they were, and must be kept here, as {@code v} and {@code rot_k}, or {@code k} where positions are not rotary.
     *
     * @param stream the residual stream before that layer at the last tokens [batch, last pos, dModel]; left as it is
     * @param layer from 0; nLayers runs no block
     * @param lastPosition whether to unembed the last position only
     * @param hooks functions on activations at these tokens, for this run
     * @return logits [batch, pos or 1, dVocab]; those at earlier tokens are this cache's
     * @throws IllegalArgumentException when this cache has several prompts or not what is needed, the model's tokens attend to later ones, and
     *     as {@link HookedTransformer#runFrom} does
     */
    public Logits runFrom(NDArray stream, int layer, boolean lastPosition, Hook... hooks) {
        requireOpen();
        long given = stream.getShape().dimension() == 3 ? stream.getShape().get(1) : 0;
        if (tokens.length != 1 || given < 1 || given > tokens[0].length) {
            throw new IllegalArgumentException("the stream must be of the last tokens of one prompt, [batch, 1 to "
                    + tokens[0].length + ", " + model.config().dModel() + "], got " + stream.getShape()
                    + " and a cache of " + tokens.length + " prompts");
        }
        int before = tokens[0].length - (int) given;
        KeptPast past = before == 0 ? null : KeptPast.of(model.config(), this, before);
        return model.runner().from(stream, layer, lastPosition, List.of(hooks), past);
    }

    /** Whether {@link #runFrom} can be used: there is one prompt, and earlier tokens of the model do not hear of later ones. */
    public boolean canRunFrom() {
        return tokens.length == 1 && KeptPast.canStand(model.config());
    }

    private Activation activation(String name, String prefix, Map<HookName, NDArray> from) {
        requireOpen();
        HookName hook = HookName.of(name); // another error when there is no such hook at all
        NDArray array = from.get(hook);
        if (array != null) {
            List<List<String>> strings =
                    PromptSpan.of(model, tokens, 0, tokens[0].length).tokens();
            return new Activation(hook, prefix + hook, array, strings, this);
        }
        List<String> kept = from.keySet().stream().map(HookName::toString).toList();
        throw new IllegalArgumentException("'" + hook + "' was not kept; the nearest of the " + kept.size()
                + " kept are " + String.join(", ", NearestNames.of(hook.toString(), kept, 3))
                + "; name it in the run's filter to keep it");
    }

    /**
     * What each component has written into the residual stream before the unembedding: "embed", "pos_embed", "0_attn_out", "0_mlp_out" …
     * They sum to the stream: biases are in the outputs, post-norms are applied, and positions that only attention reads are left out.
     *
     * @return [component, batch, pos, dModel], to be closed by the caller (or by the garbage collector)
     * @throws IllegalArgumentException when the run did not keep what is needed; it names what to add to the run's filter
     */
    public ResidStack decomposeResid() {
        return decomposeResid(o -> o);
    }

    /**
     * The same for a part of the stream.
     *
     * @param options layer, mlpInput, mode, exclEmbeds, applyLn, pos, maxBytes
     */
    public ResidStack decomposeResid(UnaryOperator<StackOptions> options) {
        StackOptions o = options(options).only("decomposeResid", "mlpInput", "mode", "exclEmbeds");
        Decomposition parts = decomposition("decomposeResid", o);
        return (o.has("exclEmbeds") ? parts : parts.embeddings())
                .outputs(o.takes("attn"), o.takes("mlp"))
                .stack();
    }

    /** The stream itself before each layer and after the last: "0_pre", "1_pre" … "final_post"; see {@link #decomposeResid()}. */
    public ResidStack accumulatedResid() {
        return accumulatedResid(o -> o);
    }

    /**
     * The same for a part of the model.
     *
     * @param options layer, mlpInput, inclMid, applyLn, pos, maxBytes
     */
    public ResidStack accumulatedResid(UnaryOperator<StackOptions> options) {
        StackOptions o = options(options).only("accumulatedResid", "mlpInput", "inclMid");
        return decomposition("accumulatedResid", o).streams().stack();
    }

    /**
     * What each head has written: "L0H0", "L0H1" …; computed from z and W_O where hook_result was not kept. The outputs' biases belong to
     * no head. Behind a post-norm (Gemma 2 and 3) it is what the norm, with the scale of the run, makes of the head's result, so that heads
     * and biases still sum to the layer's output.
     */
    public ResidStack stackHeadResults() {
        return stackHeadResults(o -> o);
    }

    /**
     * The same for some layers.
     *
     * @param options layer or layers, inclRemainder, applyLn, pos, maxBytes
     */
    public ResidStack stackHeadResults(UnaryOperator<StackOptions> options) {
        StackOptions o = options(options).only("stackHeadResults", "layers", "inclRemainder");
        return decomposition("stackHeadResults", o).heads().stack();
    }

    /**
     * What each neuron has written: "L0N0", "L0N1" …; behind a post-norm as {@link #stackHeadResults()}. There are many: what would take more
     * than the memory allowed is refused with its size, before it is made.
     *
     * @throws IllegalArgumentException also when the stack would take more than 1 GiB
     */
    public ResidStack stackNeuronResults() {
        return stackNeuronResults(o -> o);
    }

    /**
     * The same for some neurons.
     *
     * @param options layer or layers, neurons, inclRemainder, applyLn, pos, maxBytes
     * @throws IllegalArgumentException also when the stack would take more than maxBytes
     */
    public ResidStack stackNeuronResults(UnaryOperator<StackOptions> options) {
        StackOptions o = options(options).only("stackNeuronResults", "layers", "neurons", "inclRemainder");
        return decomposition("stackNeuronResults", o).neurons().stack();
    }

    /**
     * The stream down to heads, neurons, embeddings and one "bias" with all that belongs to none of them; they sum to the stream.
     *
     * @throws IllegalArgumentException also when the stack would take more than 1 GiB
     */
    public ResidStack fullResidDecomposition() {
        return fullResidDecomposition(o -> o);
    }

    /**
     * The same for a part of the stream, or with MLPs whole.
     *
     * @param options layer, mlpInput, wholeMlps, applyLn, pos, maxBytes
     * @throws IllegalArgumentException also when the stack would take more than maxBytes
     */
    public ResidStack fullResidDecomposition(UnaryOperator<StackOptions> options) {
        StackOptions o = options(options).only("fullResidDecomposition", "mlpInput", "wholeMlps");
        Decomposition parts = decomposition("fullResidDecomposition", o).heads();
        return (o.has("wholeMlps") ? parts.outputs(false, true) : parts.neurons())
                .embeddings()
                .biases(!o.has("wholeMlps"))
                .stack();
    }

    /** The stack as the unembedding's norm scales it; see {@link #applyLnToStack(ResidStack, int, boolean)}. */
    public ResidStack applyLnToStack(ResidStack stack) {
        return applyLnToStack(stack, -1, false);
    }

    /**
     * Normalizes each vector of a stack as part of what a layer reads: centered if the model's norm centers, and divided by the scale that
     * the whole stream had in the run. As in TransformerLens, the norm's own weight and bias are left out, which in a model with folded norms
     * are part of the next matrix. A model without norms leaves the stack as it is.
     *
     * @param stack components of this run
     * @param layer whose input it is, from 0; nLayers or -1 for the unembedding
     * @param mlpInput whether the layer's MLP reads it, not its attention
     * @return a new stack
     */
    public ResidStack applyLnToStack(ResidStack stack, int layer, boolean mlpInput) {
        requireOwn(stack);
        StackOptions o = new StackOptions()
                .layer(layer)
                .applyLn()
                .pos(stack.span().from(), stack.span().to())
                .maxBytes(Long.MAX_VALUE);
        return decomposition(stack.title(), mlpInput ? o.mlpInput() : o)
                .of(stack)
                .stack();
    }

    private void requireOwn(ResidStack stack) {
        if (stack.shape()[1] != tokens.length || stack.span().to() > tokens[0].length) {
            throw new IllegalArgumentException("the stack has " + stack.shape()[1] + " prompts and positions up to "
                    + (stack.span().to() - 1) + ", this run " + tokens.length + " and up to " + (tokens[0].length - 1)
                    + "; make the stack from this cache");
        }
    }

    /** How much each component adds to one token's logit; see {@link #logitAttrs(ResidStack, long[], long[])}. */
    public LogitAttrs logitAttrs(ResidStack stack, String correct) {
        return logitAttrs(stack, ids(correct), new long[0]);
    }

    /** How much each component adds to logit(correct) − logit(wrong); see {@link #logitAttrs(ResidStack, long[], long[])}. */
    public LogitAttrs logitAttrs(ResidStack stack, String correct, String wrong) {
        return logitAttrs(stack, ids(correct), ids(wrong));
    }

    /**
     * How much each component adds to a logit, or a difference of two, by the same rule as TransformerLens's {@code logit_attrs}: {@link
     * #applyLnToStack} times the unembedding. On a model whose final norm has a weight of its own that is not the logit: there use {@link
     * #directLogitAttribution}; once norms are folded the two agree.
     *
     * @param stack components of this run, not normalized
     * @param correct one token id, or one per prompt
     * @param wrong the same for the logits that are subtracted; empty for none
     * @return attributions in logits
     */
    public LogitAttrs logitAttrs(ResidStack stack, long[] correct, long[] wrong) {
        return attribution(stack, new LogitAttrs.Target(correct, wrong, false));
    }

    /** Direct logit attribution for one token; see {@link #directLogitAttribution(ResidStack, long[], long[])}. */
    public LogitAttrs directLogitAttribution(ResidStack stack, String correct) {
        return directLogitAttribution(stack, ids(correct), new long[0]);
    }

    /** Direct attribution of logit(correct) − logit(wrong); see {@link #directLogitAttribution(ResidStack, long[], long[])}. */
    public LogitAttrs directLogitAttribution(ResidStack stack, String correct, String wrong) {
        return directLogitAttribution(stack, ids(correct), ids(wrong));
    }

    /**
     * How much each component adds to a logit, or a difference of two, the final norm's weight included: over a whole decomposition they sum
     * to the logit itself, up to {@link LogitAttrs#constant}, on every model (before the soft cap, in models with one).
     *
     * @param stack components of this run, not normalized
     * @param correct one token id, or one per prompt
     * @param wrong the same for the logits that are subtracted; empty for none
     * @return attributions in logits
     */
    public LogitAttrs directLogitAttribution(ResidStack stack, long[] correct, long[] wrong) {
        return attribution(stack, new LogitAttrs.Target(correct, wrong, true));
    }

    private LogitAttrs attribution(ResidStack stack, LogitAttrs.Target target) {
        requireOwn(stack);
        StackOptions o =
                new StackOptions().pos(stack.span().from(), stack.span().to());
        String name = target.weighted() ? "direct logit attribution" : "logit attribution";
        return LogitAttrs.of(model, stack, decomposition(name, o), target, name);
    }

    private long[] ids(String token) {
        return new long[] {model.tokenizer().toSingleToken(token)};
    }

    /** What the model would predict if it ended before each layer; the target is what it ranks first in the end. */
    public LogitLens logitLens() {
        return logitLens(o -> o);
    }

    /** What the model would predict if it ended before each layer, and the rank of a token. */
    public LogitLens logitLens(String token) {
        return logitLens(token, o -> o);
    }

    /**
     * What the model would predict if it ended before each layer. At most 64 MiB of logits are in memory at a time, about 200
     * with what is computed from them.
     *
     * @param options layer, inclMid, pos, maxBytes
     */
    public LogitLens logitLens(UnaryOperator<StackOptions> options) {
        return lens(options, Optional.empty());
    }

    /** The same, with the rank of a token. */
    public LogitLens logitLens(String token, UnaryOperator<StackOptions> options) {
        return lens(options, Optional.of(token));
    }

    private LogitLens lens(UnaryOperator<StackOptions> options, Optional<String> token) {
        StackOptions o = options(options).only("logitLens", "inclMid");
        if (o.has("applyLn")) {
            throw new IllegalArgumentException("logitLens has no option 'applyLn': each stream is normalized as the"
                    + " model normalizes its last one");
        }
        try (ResidStack streams = decomposition("logitLens", o).streams().stack()) {
            PromptSpan span = streams.span();
            long[][] targets = new long[span.batch()][span.count()];
            if (token.isPresent()) {
                long id = ids(token.get())[0];
                Arrays.stream(targets).forEach(row -> Arrays.fill(row, id));
            } else {
                long[] top = logits.topIds();
                for (int i = 0; i < targets.length * span.count(); i++) {
                    int prompt = i / span.count();
                    targets[prompt][i % span.count()] = top[prompt * tokens[0].length + span.from() + i % span.count()];
                }
            }
            return LogitLens.of(model, streams, targets, token);
        }
    }

    private static StackOptions options(UnaryOperator<StackOptions> options) {
        return options.apply(new StackOptions());
    }

    private Decomposition decomposition(String method, StackOptions options) {
        requireOpen();
        return new Decomposition(method, this, model, arrays, tokens, options);
    }

    @Override
    public View view() {
        requireOpen();
        List<List<String>> rows = new ArrayList<>();
        arrays.forEach((name, array) -> rows.add(List.of(
                name.toString(),
                String.join(", ", name.axes()),
                array.getShape().toString())));
        return new View.Table(arrays.size() + " activations", List.of("name", "axes", "shape"), rows);
    }

    @Override
    public String toString() {
        return "ActivationCache of " + arrays.size() + " activations"
                + (gradients.isPresent() ? " with gradients" : "");
    }

    /** Frees the activations, gradients and logits. */
    @Override
    public void close() {
        closed = true;
        logits.close();
        leak.close();
    }
}
