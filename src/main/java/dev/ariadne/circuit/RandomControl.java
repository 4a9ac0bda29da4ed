package dev.ariadne.circuit;

import dev.ariadne.view.Displayable;
import dev.ariadne.view.View;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * What random circuits of a circuit's size score.
 *
 * @param title the circuit
 * @param edges how many edges each has
 * @param circuit the circuit's faithfulness
 * @param random theirs
 * @param connected whether each of their edges lies on a way from the embedding to the output
 * @param seed where the random numbers began
 */
public record RandomControl(String title, int edges, double circuit, List<Double> random, boolean connected, long seed)
        implements Displayable {
    /** Copies the list. */
    public RandomControl {
        random = List.copyOf(random);
    }

    /** The mean faithfulness of the random circuits. */
    public double mean() {
        return random.stream().mapToDouble(f -> f).average().orElse(Double.NaN);
    }

    /** The share of random circuits that are at least as close to the full model's 1 as the circuit, from 0 to 1. */
    public double asGood() {
        return random.stream()
                        .filter(f -> Math.abs(1 - f) <= Math.abs(1 - circuit))
                        .count()
                / (double) random.size();
    }

    @Override
    public View view() {
        List<View.Bar> bars = new ArrayList<>();
        bars.add(new View.Bar("the circuit", circuit));
        for (int i = 0; i < random.size(); i++) {
            bars.add(new View.Bar("random " + (i + 1), random.get(i)));
        }
        return new View.Bars(title, (connected ? "connected, " : "") + edges + " edges", "faithfulness", bars);
    }

    @Override
    public String toString() {
        return String.format(
                Locale.ROOT,
                "faithfulness %.3f; %d random circuits of %d edges %.3f on average, %.0f %% of them as good",
                circuit,
                random.size(),
                edges,
                mean(),
                100 * asGood());
    }
}
