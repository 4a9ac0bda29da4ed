package dev.ariadne.discovery;

import dev.ariadne.circuit.Ablation;
import dev.ariadne.circuit.Granularity;

/**
 * How a circuit is searched for.
 *
 * @param threshold τ: an edge is removed when the metric gets worse by less, in the metric's unit
 * @param ablation what stands in for an absent edge
 * @param granularity how finely heads are told apart
 * @param splitEmbedding whether tokens and positions are two senders
 * @param nodes the order of a receiver's senders by layer
 * @param heads the order of the heads of one layer
 * @param absolute whether an edge is also kept when the metric gets better by τ or more, which finds negative components
 */
public record AcdcConfig(
        double threshold,
        Ablation ablation,
        Granularity granularity,
        boolean splitEmbedding,
        Order nodes,
        Order heads,
        boolean absolute) {
    /** The public implementation's command line: corrupted ablation, split inputs with direct edges, last layer and last head first; τ = 0.01. */
    public static final AcdcConfig DEFAULT = new AcdcConfig(
            0.01, Ablation.CORRUPTED, Granularity.SPLIT_QKV_DIRECT, false, Order.DESCENDING, Order.DESCENDING, false);

    /** In which order. */
    public enum Order {
        /** From the first up. */
        ASCENDING,
        /** From the last down. */
        DESCENDING
    }

    /** Checks the threshold. */
    public AcdcConfig {
        if (!(threshold >= 0) || Double.isInfinite(threshold)) {
            throw new IllegalArgumentException("the threshold must be 0 or more, in the metric's unit, got " + threshold
                    + "; 0.01 nats is a common start for the KL divergence");
        }
    }

    /** The same with another threshold. */
    public AcdcConfig withThreshold(double other) {
        return new AcdcConfig(other, ablation, granularity, splitEmbedding, nodes, heads, absolute);
    }

    /** The same with another ablation. */
    public AcdcConfig withAblation(Ablation other) {
        return new AcdcConfig(threshold, other, granularity, splitEmbedding, nodes, heads, absolute);
    }

    /** The same with another granularity. */
    public AcdcConfig withGranularity(Granularity other) {
        return new AcdcConfig(threshold, ablation, other, splitEmbedding, nodes, heads, absolute);
    }

    /** The same with the embedding whole or split. */
    public AcdcConfig withSplitEmbedding(boolean split) {
        return new AcdcConfig(threshold, ablation, granularity, split, nodes, heads, absolute);
    }

    /** The same with other orders: of a receiver's senders by layer, and of the heads of one layer ("names_mode" and "indices_mode"). */
    public AcdcConfig withOrder(Order byLayer, Order byHead) {
        return new AcdcConfig(threshold, ablation, granularity, splitEmbedding, byLayer, byHead, absolute);
    }

    /** The same with or without the absolute value of changes. */
    public AcdcConfig withAbsolute(boolean other) {
        return new AcdcConfig(threshold, ablation, granularity, splitEmbedding, nodes, heads, other);
    }
}
