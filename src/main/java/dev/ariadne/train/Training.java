package dev.ariadne.train;

import dev.ariadne.view.Displayable;
import dev.ariadne.view.View;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * A training that has ended.
 *
 * @param losses the mean cross entropy of each step's batch, before the step, in nats; copied, and so is what is returned
 * @param seconds how long the steps took that this run did
 * @param stepsDone how many that were: fewer than there are losses when a checkpoint was taken up
 * @param config how it was done
 */
@SuppressWarnings("ArrayRecordComponent") // copied on the way in and out
public record Training(double[] losses, double seconds, int stepsDone, TrainerConfig config) implements Displayable {
    private static final int BARS = 20;

    /** Copies the losses. */
    public Training {
        losses = losses.clone();
    }

    @Override
    public double[] losses() {
        return losses.clone();
    }

    /** The mean loss of the last steps, at most so many, in nats. */
    public double recentLoss(int steps) {
        return mean(Math.max(0, losses.length - steps), losses.length);
    }

    private double mean(int from, int to) {
        return Arrays.stream(losses, from, to).average().orElse(Double.NaN);
    }

    /** The loss over time, and what it took. */
    @Override
    public View view() {
        List<View.Bar> bars = new ArrayList<>();
        int count = Math.min(BARS, losses.length);
        for (int i = 0; i < count; i++) {
            int from = (int) ((long) losses.length * i / count);
            int to = (int) ((long) losses.length * (i + 1) / count);
            bars.add(new View.Bar(Integer.toString(to), mean(from, to)));
        }
        Map<String, String> facts = new LinkedHashMap<>();
        facts.put("steps", Integer.toString(losses.length));
        facts.put("time", String.format(Locale.ROOT, "%.1f s, %.1f steps/s", seconds, stepsDone / seconds));
        facts.put("learning rate", config.schedule().toString());
        facts.put(
                "optimizer",
                config.adamW()
                        + (config.normalized()
                                ? ", gradients scaled to a root mean square of 1"
                                : ", gradients clipped to norm " + config.clipNorm()));
        return new View.Panels(
                toString(), List.of(new View.Facts("training", facts), new View.Bars("", "step", "loss", bars)));
    }

    @Override
    public String toString() {
        return String.format(Locale.ROOT, "%d steps, loss %.4f nats over the last 100", losses.length, recentLoss(100));
    }
}
