package dev.ariadne.discovery;

import dev.ariadne.circuit.Ablation;
import dev.ariadne.circuit.Granularity;

/**
 * How edges are scored.
 *
 * @param method by which estimate, or exactly
 * @param steps points at which gradients are taken, for the methods that average over some
 * @param ablation what stands in for an absent edge
 * @param granularity how finely heads are told apart
 * @param splitEmbedding whether tokens and positions are two senders
 */
public record EdgeAttributionConfig(
        Method method, int steps, Ablation ablation, Granularity granularity, boolean splitEmbedding) {
    /** EAP on corrupted prompts, with split inputs; 5 steps for the methods that have some, as in Hanna et al. 2024. */
    public static final EdgeAttributionConfig DEFAULT =
            new EdgeAttributionConfig(Method.EAP, 5, Ablation.CORRUPTED, Granularity.SPLIT_QKV, false);

    /** Estimates of what happens to the metric when one edge is ablated. With L layers and S senders, a run is one forward and one backward. */
    public enum Method {
        /** The gradient of the clean run (Syed et al. 2023): two forwards, one backward in all. */
        EAP("EAP"),

        /**
         * The mean of gradients with the embedding at corrupted + k/m · (clean − corrupted), k = 0 … m − 1, which is what the published code
         * does (Hanna et al. 2024): m runs.
         */
        IG_INPUTS("EAP-IG inputs"),

        /** The same with k = 1 … m, the right end of each step in place of the left. */
        IG_INPUTS_TO_CLEAN("EAP-IG inputs, to clean"),

        /** Each sender by itself between ablated and clean, k = 1 … m: m · S runs. */
        IG_ACTIVATIONS("EAP-IG activations"),

        /** The mean of the gradients of the clean and of the corrupted run: two runs. */
        CLEAN_CORRUPTED("clean-corrupted"),

        /** Every edge alone, measured: what the others estimate, at the price of a run per edge from the edge on. */
        EXACT("every edge alone");

        private final String title;

        Method(String title) {
            this.title = title;
        }

        /** As it is called in tables. */
        public String title() {
            return title;
        }

        /** Whether the number of steps matters. */
        boolean hasSteps() {
            return this == IG_INPUTS || this == IG_INPUTS_TO_CLEAN || this == IG_ACTIVATIONS;
        }

        /** Whether it runs the model on an ablated embedding. */
        boolean ablatesEmbedding() {
            return this == IG_INPUTS || this == IG_INPUTS_TO_CLEAN || this == CLEAN_CORRUPTED;
        }
    }

    /** Checks that the parts go together. */
    public EdgeAttributionConfig {
        if (steps < 1) {
            throw new IllegalArgumentException("steps must be 1 or more, got " + steps + "; 5 is usual");
        }
        if (granularity == Granularity.SPLIT_QKV_DIRECT && method != Method.EXACT) {
            throw new IllegalArgumentException(method.title() + " scores what edges carry through the residual stream,"
                    + " and the direct edges of " + granularity + " carry none; use SPLIT_QKV, or Method.EXACT");
        }
        if (ablation == Ablation.ZERO && method.ablatesEmbedding()) {
            throw new IllegalArgumentException(method.title() + " runs the model on an ablated embedding, and a norm"
                    + " has no usable gradient at ZERO; use CORRUPTED or a mean, or Method.EAP or IG_ACTIVATIONS");
        }
    }

    /** The same by another method. */
    public EdgeAttributionConfig withMethod(Method other) {
        return new EdgeAttributionConfig(other, steps, ablation, granularity, splitEmbedding);
    }

    /** The same with another number of steps. */
    public EdgeAttributionConfig withSteps(int other) {
        return new EdgeAttributionConfig(method, other, ablation, granularity, splitEmbedding);
    }

    /** The same with another ablation. */
    public EdgeAttributionConfig withAblation(Ablation other) {
        return new EdgeAttributionConfig(method, steps, other, granularity, splitEmbedding);
    }

    /** The same with another granularity. */
    public EdgeAttributionConfig withGranularity(Granularity other) {
        return new EdgeAttributionConfig(method, steps, ablation, other, splitEmbedding);
    }

    /** The same with the embedding whole or split. */
    public EdgeAttributionConfig withSplitEmbedding(boolean split) {
        return new EdgeAttributionConfig(method, steps, ablation, granularity, split);
    }

    @Override
    public String toString() {
        return method.title() + (method.hasSteps() ? ", " + steps + " steps" : "") + ", " + ablation + ", "
                + granularity + (splitEmbedding ? ", split embedding" : "");
    }
}
