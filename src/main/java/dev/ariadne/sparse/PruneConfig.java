package dev.ariadne.sparse;

import dev.ariadne.circuit.Ablation;

/**
 * How a circuit is cut out (Gao et al. 2025, appendix A.5; in place of their search over settings, what is left over is taken away part by part).
 *
 * @param target the loss a circuit may have on the pairs it is cut out on, in nats; below {@link PairTask#CHANCE}
 * @param ranking what decides which channels come first
 * @param ablation what stands in for what is off: {@code MEAN} is its mean over texts of the training, {@code CORRUPTED} what it is on the other
 *     prompt of the pair, {@code ZERO} nothing
 * @param calibrate whether logit differences may be scaled and shifted before they are judged
 * @param mostScale the largest scale
 * @param minimal whether channels, then weights are taken away until none can be spared
 * @param mostSeconds after how long that ends, with what there is
 * @param seed decides the noise and the order of learned masks, and random circuits
 */
public record PruneConfig(
        double target,
        Ranking ranking,
        Ablation ablation,
        boolean calibrate,
        double mostScale,
        boolean minimal,
        double mostSeconds,
        long seed) {
    /** What decides which channels come first. */
    public enum Ranking {
        /** How much the loss would change, to first order, if a channel were off: gradient times the way to its mean, whatever stands in for it later. */
        ATTRIBUTION,
        /** Masks that are learned by gradient, with a penalty for each channel that is on. */
        LEARNED,
        /** Both, and the smaller circuit is taken. */
        BOTH
    }

    /** Loss 0.15, both rankings, mean ablation, scales up to 8, five minutes at most. */
    public static final PruneConfig DEFAULT = new PruneConfig(0.15, Ranking.BOTH, Ablation.MEAN, true, 8, true, 300, 0);

    /** Checks the numbers. */
    public PruneConfig {
        if (!(target > 0 && target < PairTask.CHANCE)) {
            throw new IllegalArgumentException(
                    "the target must be above 0 and below ln 2 = 0.693, which an empty circuit"
                            + " reaches by guessing, got " + target + " nats; 0.15 is what is published");
        }
        if (ablation == Ablation.MEAN_POSITIONAL) {
            throw new IllegalArgumentException("texts that are cut anywhere have no mean per position, got " + ablation
                    + "; take MEAN, CORRUPTED or ZERO");
        }
        if (!(mostScale >= 1) || !(mostSeconds > 0)) {
            throw new IllegalArgumentException("the largest scale must be at least 1 and the time above 0, got "
                    + mostScale + " and " + mostSeconds + " s");
        }
    }

    /** The same with another loss to be met. */
    public PruneConfig withTarget(double value) {
        return new PruneConfig(value, ranking, ablation, calibrate, mostScale, minimal, mostSeconds, seed);
    }

    /** The same with another ranking. */
    public PruneConfig withRanking(Ranking value) {
        return new PruneConfig(target, value, ablation, calibrate, mostScale, minimal, mostSeconds, seed);
    }

    /** The same with something else in place of what is off. */
    public PruneConfig withAblation(Ablation value) {
        return new PruneConfig(target, ranking, value, calibrate, mostScale, minimal, mostSeconds, seed);
    }

    /** The same with logit differences scaled and shifted before they are judged, or judged as they are. */
    public PruneConfig withCalibrate(boolean value) {
        return new PruneConfig(target, ranking, ablation, value, mostScale, minimal, mostSeconds, seed);
    }

    /** The same with what is left over taken away, or not. */
    public PruneConfig withMinimal(boolean value) {
        return new PruneConfig(target, ranking, ablation, calibrate, mostScale, value, mostSeconds, seed);
    }

    /** The same with another limit of time. */
    public PruneConfig withMostSeconds(double value) {
        return new PruneConfig(target, ranking, ablation, calibrate, mostScale, minimal, value, seed);
    }

    /** The same with another seed. */
    public PruneConfig withSeed(long value) {
        return new PruneConfig(target, ranking, ablation, calibrate, mostScale, minimal, mostSeconds, value);
    }
}
