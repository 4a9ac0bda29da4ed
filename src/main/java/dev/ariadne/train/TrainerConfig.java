package dev.ariadne.train;

import java.util.List;

/**
 * How a model is trained.
 *
 * @param steps how many batches it sees
 * @param schedule the learning rate of each
 * @param adamW the optimizer's settings
 * @param clipNorm the largest Euclidean norm of the gradient of all parameters together; a larger one is scaled down to it. Infinity never does
 * @param checkpointEvery after how many steps a checkpoint is written, where there is a folder for it; 0 writes only the last
 * @param frozen names of parameters that stay as they are
 * @param normalized whether each gradient is scaled, up or down, so that its entries have a root mean square of 1; it is not clipped then
 */
public record TrainerConfig(
        int steps,
        Schedule schedule,
        AdamW adamW,
        double clipNorm,
        int checkpointEvery,
        List<String> frozen,
        boolean normalized) {
    /** Checks the numbers. */
    public TrainerConfig {
        frozen = List.copyOf(frozen);
        if (steps < 1 || !(clipNorm > 0) || checkpointEvery < 0) {
            throw new IllegalArgumentException(
                    "training needs at least 1 step, clipNorm > 0 and checkpointEvery >= 0, got " + steps
                            + " steps, clipNorm " + clipNorm + ", checkpointEvery " + checkpointEvery);
        }
    }

    /** AdamW's defaults, gradients clipped to norm 1, a checkpoint every 500 steps, nothing frozen. */
    public static TrainerConfig of(int steps, Schedule schedule) {
        return new TrainerConfig(steps, schedule, AdamW.DEFAULT, 1, 500, List.of(), false);
    }

    /** The same with other settings of the optimizer. */
    public TrainerConfig withAdamW(AdamW value) {
        return new TrainerConfig(steps, schedule, value, clipNorm, checkpointEvery, frozen, normalized);
    }

    /** The same with another largest norm of the gradient. */
    public TrainerConfig withClipNorm(double value) {
        return new TrainerConfig(steps, schedule, adamW, value, checkpointEvery, frozen, normalized);
    }

    /** The same with checkpoints at other distances. */
    public TrainerConfig withCheckpointEvery(int value) {
        return new TrainerConfig(steps, schedule, adamW, clipNorm, value, frozen, normalized);
    }

    /** The same with these parameters frozen. */
    public TrainerConfig withFrozen(String... names) {
        return new TrainerConfig(steps, schedule, adamW, clipNorm, checkpointEvery, List.of(names), normalized);
    }

    /** The same with gradients scaled to a root mean square of 1 (Gao et al. 2025, appendix A.2). */
    public TrainerConfig withNormalizedGradients() {
        return new TrainerConfig(steps, schedule, adamW, clipNorm, checkpointEvery, frozen, true);
    }
}
