package dev.ariadne.discovery;

import dev.ariadne.circuit.Ablation;

/**
 * How masks are trained.
 *
 * @param masks what has a mask
 * @param ablation what comes in where a mask is 0; of nodes, CORRUPTED or ZERO
 * @param lambda λ, the price of the masks, in the metric's unit: more gives smaller circuits
 * @param targetSize a circuit's size, in masks, above which the price begins; 0 for none
 * @param steps of gradient descent, each on all prompts
 * @param learningRate Adam's
 * @param seed of the masks' noise
 * @param splitEmbedding whether tokens and positions are two senders, for edges
 */
public record SubnetworkProbingConfig(
        Masks masks,
        Ablation ablation,
        double lambda,
        int targetSize,
        int steps,
        double learningRate,
        long seed,
        boolean splitEmbedding) {
    /** The ACDC study's command line: masks on nodes, corrupted ablation, λ = 1, 3,000 steps at 0.001. */
    public static final SubnetworkProbingConfig DEFAULT =
            new SubnetworkProbingConfig(Masks.NODES, Ablation.CORRUPTED, 1, 0, 3_000, 1e-3, 0, false);

    /** As auto-circuit does: masks on edges, λ = 10, 20 rounds at 0.1; a round is a step here. */
    public static final SubnetworkProbingConfig EDGES =
            new SubnetworkProbingConfig(Masks.EDGES, Ablation.CORRUPTED, 10, 0, 20, 0.1, 0, false);

    /** What has a mask. */
    public enum Masks {
        /** Each head's query, key and value vectors, and what each MLP writes. */
        NODES,
        /** Every edge, with split inputs. */
        EDGES
    }

    /** Checks the numbers. */
    public SubnetworkProbingConfig {
        if (!(lambda >= 0) || Double.isInfinite(lambda)) {
            throw new IllegalArgumentException(
                    "lambda must be 0 or more, in the metric's unit, got " + lambda + "; 0.01 to 250 are usual");
        }
        if (!(learningRate > 0) || Double.isInfinite(learningRate)) {
            throw new IllegalArgumentException(
                    "the learning rate must be more than 0, got " + learningRate + "; 0.001 to 0.1 are usual");
        }
        if (steps < 1 || targetSize < 0) {
            throw new IllegalArgumentException("steps must be 1 or more and the target size 0 (none) or more, got "
                    + steps + " steps and target size " + targetSize);
        }
        if (masks == Masks.NODES && ablation != Ablation.CORRUPTED && ablation != Ablation.ZERO) {
            throw new IllegalArgumentException("masks on nodes blend in what the node holds on the corrupted prompts,"
                    + " or nothing: CORRUPTED or ZERO, got " + ablation + "; use Masks.EDGES for means");
        }
    }

    /** The same with another price. */
    public SubnetworkProbingConfig withLambda(double other) {
        return new SubnetworkProbingConfig(
                masks, ablation, other, targetSize, steps, learningRate, seed, splitEmbedding);
    }

    /** The same with another ablation. */
    public SubnetworkProbingConfig withAblation(Ablation other) {
        return new SubnetworkProbingConfig(masks, other, lambda, targetSize, steps, learningRate, seed, splitEmbedding);
    }

    /** The same with a size above which the price begins; 0 for none. */
    public SubnetworkProbingConfig withTargetSize(int other) {
        return new SubnetworkProbingConfig(masks, ablation, lambda, other, steps, learningRate, seed, splitEmbedding);
    }

    /** The same with so many steps of such a size. */
    public SubnetworkProbingConfig withSteps(int count, double rate) {
        return new SubnetworkProbingConfig(masks, ablation, lambda, targetSize, count, rate, seed, splitEmbedding);
    }

    /** The same with other noise. */
    public SubnetworkProbingConfig withSeed(long other) {
        return new SubnetworkProbingConfig(
                masks, ablation, lambda, targetSize, steps, learningRate, other, splitEmbedding);
    }

    /** The same with the embedding whole or split. */
    public SubnetworkProbingConfig withSplitEmbedding(boolean split) {
        return new SubnetworkProbingConfig(masks, ablation, lambda, targetSize, steps, learningRate, seed, split);
    }
}
