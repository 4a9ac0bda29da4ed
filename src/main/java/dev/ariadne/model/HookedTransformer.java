package dev.ariadne.model;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import dev.ariadne.model.WeightProcessing.Step;
import dev.ariadne.tensor.Tensors;
import dev.ariadne.view.Displayable;
import dev.ariadne.view.View;
import java.lang.ref.Reference;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.UnaryOperator;

/**
 * A transformer whose every activation can be looked at and replaced.
 *
 * <p>Immutable: configuration and weights are set at load, hooks are arguments of a run. Prompts are text, several texts, or token ids
 * [batch, pos]; shorter rows begin with {@link #PADDING}. Several threads may run one model at a time; closing it while another thread runs it is an error of the caller.
 *
 * <pre>{@code
 * var model = HookedTransformer.load("gpt2-tiny");
 * model.next("Dallas is in")
 * model.next("Dallas is in", Hook.at("blocks.1.hook_mlp_out", x -> x.mul(0)))
 * }</pre>
 */
public final class HookedTransformer implements Displayable, AutoCloseable {
    /** The id of no token: rows of a batch that are shorter than others begin with it, and no token attends to it. */
    public static final long PADDING = -1;

    private final String name;
    private final ModelConfig config;
    private final Weights weights;
    private final ModelTokenizer tokenizer;
    private final NDManager manager;
    private final Leak leak;
    private final Runner runner;
    private final long parameters;
    private volatile boolean closed;

    HookedTransformer(
            String name,
            ModelConfig config,
            Weights weights,
            Constants constants,
            ModelTokenizer tokenizer,
            NDManager manager,
            Runnable free) {
        this.name = name;
        this.config = config;
        this.weights = weights;
        this.tokenizer = tokenizer;
        this.manager = manager;
        this.leak = Leak.watch(this, free);
        this.parameters = weights.parameterCount();
        this.runner = new Runner(this, weights, constants, manager);
    }

    /**
     * Loads a model onto a GPU when the engine has one, else onto the CPU.
     *
     * @param model "tutorial", "induction-2l", "sparse", "gpt2-tiny" or another that ships with the library, "smollm2-135m" (fetched by ./run), a folder
     *     (Hugging Face or TransformerLens layout), a .gguf file, or a hub id such as "gpt2" (cached or downloaded)
     * @return the model, to be closed by the caller
     * @throws IllegalArgumentException when there is no such model, or its family is not supported
     * @throws java.io.UncheckedIOException when its files cannot be read or downloaded
     */
    public static HookedTransformer load(String model) {
        return load(model, "auto");
    }

    /**
     * Loads a model onto a device.
     *
     * @param model as in {@link #load(String)}
     * @param device "cpu", "gpu", "gpu1" …, or "auto"
     * @return the model, to be closed by the caller
     * @throws IllegalArgumentException also when the engine has no such device
     */
    public static HookedTransformer load(String model, String device) {
        Device where = Tensors.device(device);
        return ModelFiles.load(model, where);
    }

    /** Loads a model from a folder or file; see {@link #load(String)}. */
    public static HookedTransformer load(Path model) {
        return load(model.toString());
    }

    /**
     * Copies the model in another floating-point type.
     *
     * @param type FLOAT32 or FLOAT64; FLOAT16 on a GPU
     * @return a new model with its own weights, and this model's tokenizer
     * @throws IllegalArgumentException for any other type
     */
    public HookedTransformer to(DataType type) {
        boolean half = Tensors.require(type) == DataType.FLOAT16 && device().isGpu();
        if (type != DataType.FLOAT32 && type != DataType.FLOAT64 && !half) {
            throw new IllegalArgumentException(
                    "a model computes in FLOAT32 or FLOAT64, or in FLOAT16 on a GPU; got " + type + " on " + device());
        }
        requireOpen();
        try {
            return WeightProcessing.convert(type, name, config, weights, tokenizer, device());
        } finally {
            Reference.reachabilityFence(this); // else the weights may be freed while they are copied
        }
    }

    /**
     * Folds the norms' weights and biases into the matrices that read what is normalized, and centers those behind a LayerNorm.
     *
     * @return a new model with its own weights that gives the same logits; norms after attention and MLP, and those of queries and keys,
     *     stay as they are
     * @throws IllegalStateException when the model's norms have no weights, or its positions do not pass them (SHORTFORMER)
     */
    public HookedTransformer foldLn() {
        return processed(List.of(Step.FOLD_LN));
    }

    /**
     * Takes the mean out of everything that writes to the residual stream: a LayerNorm does not see it.
     *
     * @return a new model with its own weights that gives the same logits
     * @throws IllegalStateException when what reads the stream is no LayerNorm
     */
    public HookedTransformer centerWritingWeights() {
        return processed(List.of(Step.CENTER_WRITING_WEIGHTS));
    }

    /**
     * Takes the mean over tokens out of the unembedding: a softmax does not see it.
     *
     * @return a new model with its own weights; its logits have mean zero, the probabilities are the same
     * @throws IllegalStateException when the logits are capped
     */
    public HookedTransformer centerUnembed() {
        return processed(List.of(Step.CENTER_UNEMBED));
    }

    /**
     * Moves the biases of values into the bias of attention's output; what zero-ablating a head does changes with it.
     *
     * @return a new model with its own weights that gives the same logits
     */
    public HookedTransformer foldValueBiases() {
        return processed(List.of(Step.FOLD_VALUE_BIASES));
    }

    /**
     * Does what TransformerLens's {@code from_pretrained} does by default: {@link #foldLn}, {@link #centerWritingWeights}, {@link
     * #centerUnembed} and {@link #foldValueBiases}, those that apply to this model.
     *
     * @return a new model with its own weights; its name says which steps were done
     */
    public HookedTransformer processWeights() {
        return processed(Step.defaults(config));
    }

    private HookedTransformer processed(List<Step> steps) {
        requireOpen();
        try {
            return WeightProcessing.apply(steps, name, config, weights, tokenizer, device());
        } finally {
            Reference.reachabilityFence(this); // else the weights may be freed while they are copied
        }
    }

    /** The weights, by name, and the circuits they form. */
    public ModelWeights weights() {
        requireOpen();
        return new ModelWeights(this, weights, manager);
    }

    /** What the model is made of. */
    public ModelConfig config() {
        return config;
    }

    /** The name it was loaded by, with the {@linkplain #processWeights processing} of its weights, if any. */
    public String name() {
        return name;
    }

    /** The device its weights are on. */
    public Device device() {
        return manager.getDevice();
    }

    /**
     * The model's tokenizer. It outlives the model: it is usable as long as it is kept.
     *
     * @throws IllegalStateException when the model came without one, or with one that cannot be read; it says why
     */
    public Tokenizer tokenizer() {
        return tokenizer.require(name);
    }

    /** Whether the model came with a tokenizer that can be read. */
    public boolean hasTokenizer() {
        return tokenizer.found().isPresent();
    }

    /** Token ids of a prompt [1, pos], with the model's beginning-of-sequence token if it uses one. */
    public long[][] toTokens(String prompt) {
        long[] ids = tokenizer().toTokens(prompt);
        if (ids.length == 0) {
            throw new IllegalArgumentException("the prompt is empty; give at least one token");
        }
        return new long[][] {ids};
    }

    /**
     * Token ids of several prompts [batch, pos]; those with fewer tokens than the longest begin with {@link #PADDING}.
     *
     * <p>A run of a padded batch gives what runs of its prompts alone give, at the positions that are no padding: positions are counted
     * from each prompt's first token, and no token attends to padding. What stands at padding itself means nothing.
     *
     * @param prompts texts
     */
    public long[][] toTokens(List<String> prompts) {
        return Padding.pad(prompts.stream().map(prompt -> toTokens(prompt)[0]).toArray(long[][]::new));
    }

    /** The tokenizer, or a stand-in that numbers tokens. */
    ModelTokenizer reader() {
        return tokenizer;
    }

    /** The names of all hook points, in the order of the forward pass; those on demand included. */
    public List<HookName> hookNames() {
        return List.copyOf(RunHooks.all(config, hook -> true));
    }

    /**
     * Runs the model.
     *
     * @param prompt the text
     * @param hooks functions on activations, for this run
     * @return logits at all positions, to be closed by the caller (or by the garbage collector)
     */
    public Logits run(String prompt, Hook... hooks) {
        return run(toTokens(prompt), hooks);
    }

    /** Runs the model on several prompts, padded as by {@link #toTokens(List)}. */
    public Logits run(List<String> prompts, Hook... hooks) {
        return run(toTokens(prompts), hooks);
    }

    /** Runs the model on token ids [batch, pos]; see {@link #run(String, Hook...)}. */
    public Logits run(long[][] tokens, Hook... hooks) {
        return runner.logits(tokens, false, List.of(hooks));
    }

    /** The same as {@link #run(String, Hook...)}, under TransformerLens's name. */
    public Logits runWithHooks(String prompt, Hook... hooks) {
        return run(prompt, hooks);
    }

    /** The same as {@link #run(long[][], Hook...)}, under TransformerLens's name. */
    public Logits runWithHooks(long[][] tokens, Hook... hooks) {
        return run(tokens, hooks);
    }

    /**
     * Runs the model and unembeds the last position only.
     *
     * @param prompt the text
     * @param hooks functions on activations, for this run
     * @return logits [1, 1, dVocab] of the next token, shown as a ranked table; hooks at ln_final see that one position
     */
    public Logits next(String prompt, Hook... hooks) {
        return next(toTokens(prompt), hooks);
    }

    /** Runs the model on several prompts, padded as by {@link #toTokens(List)}, and unembeds the last position only. */
    public Logits next(List<String> prompts, Hook... hooks) {
        return next(toTokens(prompts), hooks);
    }

    /** Runs the model on token ids [batch, pos] and unembeds the last position only. */
    public Logits next(long[][] tokens, Hook... hooks) {
        return runner.logits(tokens, true, List.of(hooks));
    }

    /**
     * Continues a text, by the most probable token each time; see {@link #generate(String, Sampling, Hook...)}.
     *
     * @param prompt the text
     * @param hooks functions on activations, for this generation
     */
    public Generation generate(String prompt, Hook... hooks) {
        return generate(prompt, Sampling.DEFAULT, hooks);
    }

    /**
     * Continues a text.
     *
     * <p>The first step runs the prompt, each further one the newest token: hooks see activations [batch, pos, …] first, then [batch, 1, …],
     * attention patterns [batch, head, 1, keyPos]; with {@link Sampling#useCache} off, the whole text each time. Keys and values are kept
     * as they are after their hooks. Hooks at ln_final see the last position only.
     *
     * <p>The text appears while it grows, when that takes longer than two seconds. A generation that is interrupted stops before the next
     * token and returns what there is, with {@link Generation.Stop#INTERRUPTED}; the thread stays interrupted, so that a loop around it ends
     * at its next step, and the notebook keeps showing the text so far.
     *
     * @param prompt the text
     * @param sampling how tokens are chosen, how many, and what ends the text
     * @param hooks functions on activations, for this generation
     * @return the text, its tokens and their probabilities; it owns no arrays
     * @throws IllegalArgumentException when the prompt is empty or fills the context, or the model does not continue texts
     * @throws java.util.concurrent.CancellationException when interrupted before the first token
     */
    public Generation generate(String prompt, Sampling sampling, Hook... hooks) {
        return generate(toTokens(prompt), sampling, hooks);
    }

    /** Continues several texts side by side, each as it would be continued alone. */
    public Generation generate(List<String> prompts, Sampling sampling, Hook... hooks) {
        return generate(toTokens(prompts), sampling, hooks);
    }

    /** Continues token ids [batch, pos], shorter rows padded; see {@link #generate(String, Sampling, Hook...)}. */
    public Generation generate(long[][] tokens, Sampling sampling, Hook... hooks) {
        return runner.generate(tokens, sampling, List.of(hooks));
    }

    /**
     * Runs the model and keeps activations.
     *
     * @param prompt the text
     * @param filter hook names, patterns with {@code *}, or short names ("pattern", all layers; "k6", one); none keeps all but those on demand
     * @return the activations and logits, to be closed by the caller (or by the garbage collector)
     */
    public ActivationCache runWithCache(String prompt, String... filter) {
        return runWithCache(toTokens(prompt), List.of(filter));
    }

    /** Runs the model on several prompts, padded as by {@link #toTokens(List)}, and keeps activations. */
    public ActivationCache runWithCache(List<String> prompts, String... filter) {
        return runWithCache(toTokens(prompts), List.of(filter));
    }

    /** Runs the model on token ids [batch, pos] and keeps activations; see {@link #runWithCache(String, String...)}. */
    public ActivationCache runWithCache(long[][] tokens, String... filter) {
        return runWithCache(tokens, List.of(filter));
    }

    /**
     * Runs the model with hooks and keeps activations as they are after the hooks.
     *
     * @param tokens ids [batch, pos]
     * @param filter as in {@link #runWithCache(String, String...)}
     * @param hooks functions on activations, for this run
     */
    public ActivationCache runWithCache(long[][] tokens, List<String> filter, Hook... hooks) {
        return runner.capture(tokens, null, filter, List.of(hooks));
    }

    /**
     * Runs the model and differentiates a scalar of its logits with respect to activations.
     *
     * @param prompt the text
     * @param metric takes logits [batch, pos, dVocab], returns a scalar; numbers multiply by {@link Tensors#times}, not by {@code mul}
     * @param filter hook names, patterns or short names; none is every hook point but those on demand
     * @return activations, their gradients, the metric and the logits
     */
    public ActivationCache runWithGradients(String prompt, UnaryOperator<NDArray> metric, String... filter) {
        return runWithGradients(toTokens(prompt), metric, List.of(filter));
    }

    /** Differentiates on token ids [batch, pos], with hooks; see {@link #runWithGradients(String, UnaryOperator, String...)}. */
    public ActivationCache runWithGradients(
            long[][] tokens, UnaryOperator<NDArray> metric, List<String> filter, Hook... hooks) {
        return runner.capture(tokens, metric, filter, List.of(hooks));
    }

    /**
     * The mean cross entropy of a text's tokens, each predicted from those before it, in nats.
     *
     * @param text at least two tokens
     */
    public double loss(String text) {
        return loss(toTokens(text));
    }

    /** The mean cross entropy of token ids [batch, pos], in nats; see {@link Logits#loss()}. */
    public double loss(long[][] tokens) {
        try (Logits logits = run(tokens)) {
            return logits.loss();
        }
    }

    /**
     * Asks whether the model gives the answer to a prompt, as TransformerLens's {@code utils.test_prompt}: rank, logit and probability of
     * each token of the answer, given those before it, beside the most probable ones.
     *
     * @param prompt the text
     * @param answer the continuation; a blank is put before it unless it begins with one
     */
    public PromptTest testPrompt(String prompt, String answer) {
        return PromptTest.of(this, prompt, List.of(answer), true);
    }

    /** Compares several answers by their first tokens; see {@link #testPrompt(String, String)}. */
    public PromptTest testPrompt(String prompt, List<String> answers) {
        return PromptTest.of(this, prompt, answers, true);
    }

    /** Takes the answers as they are, or puts a blank before those without; see {@link #testPrompt(String, String)}. */
    public PromptTest testPrompt(String prompt, List<String> answers, boolean prependSpace) {
        return PromptTest.of(this, prompt, answers, prependSpace);
    }

    /**
     * Runs the blocks from one layer on, as TransformerLens's {@code start_at_layer} does.
     *
     * @param stream the residual stream before that layer [batch, pos, dModel]; left as it is
     * @param layer from 0; nLayers runs no block
     * @param lastPosition whether to unembed the last position only
     * @param hooks functions on activations, for this run
     * @return logits [batch, pos or 1, dVocab]
     * @throws IllegalArgumentException when the layer is out of range, the stream has another shape or type than the model's, or a hook
     *     sits before the layer
     */
    public Logits runFrom(NDArray stream, int layer, boolean lastPosition, Hook... hooks) {
        return runner.from(stream, layer, lastPosition, List.of(hooks), null);
    }

    /** The number of parameters, embeddings included; a tied unembedding counts once. */
    public long parameterCount() {
        return parameters;
    }

    /** The model's parts as functions, for texts of so many tokens; closed by the caller. */
    public Components components(int pos) {
        return runner.components(pos);
    }

    /** The arrays the model computes with; they are the model's. */
    Weights arrays() {
        return weights;
    }

    /** What runs it. */
    Runner runner() {
        return runner;
    }

    /** An owner for arrays that outlive a run; freed with the model at the latest. */
    public NDManager newOwner() {
        requireOpen();
        return manager.newSubManager();
    }

    void requireOpen() {
        if (closed) {
            throw new IllegalStateException("model '" + name + "' is closed; load it again");
        }
    }

    /** How many arrays live in the model's own memory: constant over runs, when everything is freed. */
    int arrayCount() {
        return manager.getManagedArrays().size();
    }

    @Override
    public View view() {
        Map<String, String> facts = new LinkedHashMap<>();
        facts.put("parameters", String.format(Locale.ROOT, "%,d", parameterCount()));
        facts.putAll(config.facts());
        facts.put(
                "beginning of sequence",
                tokenizer
                        .found()
                        .map(t -> t.prependsBos() ? "prepended" : "not prepended")
                        .orElse("no tokenizer"));
        facts.put("device", device().isGpu() ? device().toString() : "cpu");
        return new View.Facts(name, facts);
    }

    @Override
    public String toString() {
        return name + ": " + config.nLayers() + " layers, d_model " + config.dModel() + ", " + config.nHeads()
                + " heads";
    }

    /** Frees the weights and everything the model's runs have left open. */
    @Override
    public void close() {
        closed = true;
        leak.close();
    }
}
