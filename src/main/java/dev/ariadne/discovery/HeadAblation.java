package dev.ariadne.discovery;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.ariadne.discovery.PatchRuns.Piece;
import dev.ariadne.model.ActivationCache;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.task.Metric;
import java.util.Arrays;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;

/**
 * Head ablation: take one head's output z away at all positions, and see how the metric changes.
 *
 * <p>The number of a head is metric(with the head ablated) − metric(as it is): negative where the head helps. The head's share of the
 * value bias goes with z; the output bias, which no head owns, stays.
 *
 * <pre>{@code
 * HeadAblation.of(model, "When Mary and John went to the store, John gave a drink to", Metric.logitDifference(model, " Mary", " John")).zero()
 * }</pre>
 */
public final class HeadAblation {
    private final HookedTransformer model;
    private final long[][] tokens;
    private final Metric metric;

    private HeadAblation(HookedTransformer model, long[][] tokens, Metric metric) {
        this.model = model;
        this.tokens = Arrays.stream(tokens).map(long[]::clone).toArray(long[][]::new);
        this.metric = metric;
    }

    /** Prepares the ablation on one prompt. */
    public static HeadAblation of(HookedTransformer model, String prompt, Metric metric) {
        return of(model, model.toTokens(prompt), metric);
    }

    /** Prepares the ablation on several prompts of equal length in tokens; the metric is their mean. */
    public static HeadAblation of(HookedTransformer model, List<String> prompts, Metric metric) {
        return of(model, model.toTokens(prompts), metric);
    }

    /**
     * Prepares the ablation on token ids [batch, pos].
     *
     * @throws IllegalArgumentException when there is no prompt, or rows begin with padding
     */
    public static HeadAblation of(HookedTransformer model, long[][] tokens, Metric metric) {
        if (tokens.length == 0) {
            throw new IllegalArgumentException("ablation needs at least one prompt, got none");
        }
        for (int row = 0; row < tokens.length; row++) {
            if (tokens[row].length > 0 && tokens[row][0] == HookedTransformer.PADDING) {
                throw new IllegalArgumentException("ablation needs prompts of equal length, prompt " + row
                        + " is shorter than others; choose words that split alike");
            }
        }
        return new HeadAblation(model, tokens, metric);
    }

    /** Replaces z by zero; what follows sees a value that no prompt may ever give. */
    public HeadScores zero() {
        return ablate("zero", NDArray::zerosLike);
    }

    /**
     * Replaces z, at each position, by its mean over the batch: what the head says on all prompts stays, what it says on this one goes.
     *
     * @throws IllegalStateException when there is one prompt only, whose mean it is itself
     */
    public HeadScores mean() {
        if (tokens.length < 2) {
            throw new IllegalStateException("mean ablation needs at least 2 prompts, got 1, whose mean is itself;"
                    + " give more prompts or use zero()");
        }
        return ablate("mean", z -> z.mean(new int[] {0}, true).repeat(0, tokens.length)); // [batch, pos, head, dHead]
    }

    private HeadScores ablate(String how, UnaryOperator<NDArray> replacement) {
        PatchRuns runs = new PatchRuns(model, metric);
        List<Piece> heads = IntStream.range(0, model.config().nHeads())
                .mapToObj(head -> new Piece(-1, head))
                .toList();
        double[][] values;
        try (ActivationCache cache = model.runWithCache(tokens, "resid_pre", "z")) {
            NDManager owner = cache.get("z", 0).array().getManager();
            try (NDManager scope = owner.newSubManager()) {
                values = runs.patch("z", cache, layer -> donor(cache, layer, replacement, scope), heads);
            }
        }
        double baseline = runs.baseline(tokens);
        for (double[] layer : values) {
            for (int head = 0; head < layer.length; head++) {
                layer[head] -= baseline;
            }
        }
        return new HeadScores(
                "change of " + metric.name() + " after " + how + " ablation of a head",
                values,
                metric.unit(),
                PatchRuns.describe(model, tokens));
    }

    private static NDArray donor(
            ActivationCache cache, int layer, UnaryOperator<NDArray> replacement, NDManager scope) {
        NDArray z = cache.get("z", layer).array().duplicate();
        z.attach(scope); // and with it what is computed from it
        return replacement.apply(z);
    }
}
