package dev.ariadne.discovery;

import dev.ariadne.circuit.Circuit;
import dev.ariadne.circuit.CircuitComparison;
import dev.ariadne.view.Displayable;
import dev.ariadne.view.View;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * How alike circuits are that were found with other thresholds, metrics, ablations or prompts: what ACDC finds is known to depend on these
 * (Conmy et al. 2023, §5).
 *
 * @param labels what each circuit was found with
 * @param circuits the circuits, of graphs with the same edges
 */
public record CircuitStability(List<String> labels, List<Circuit> circuits) implements Displayable {
    /** Copies the lists. */
    public CircuitStability {
        labels = List.copyOf(labels);
        circuits = List.copyOf(circuits);
        if (labels.size() != circuits.size() || labels.isEmpty()) {
            throw new IllegalArgumentException(
                    "one label per circuit, at least one, got " + labels.size() + " for " + circuits.size());
        }
    }

    /** Compares what searches found; labels say of task, metric, threshold and ablation what is not the same for all. */
    public static CircuitStability of(List<AcdcTrace> traces) {
        List<Function<AcdcTrace, String>> settings = List.of(
                t -> "τ " + t.config().threshold(),
                t -> t.provenance().ablation(),
                t -> t.provenance().metric(),
                t -> t.provenance().task());
        List<Function<AcdcTrace, String>> varying = settings.stream()
                .filter(s -> traces.stream().map(s).distinct().count() > 1)
                .toList();
        List<String> labels = traces.stream()
                .map(t -> (varying.isEmpty() ? settings : varying)
                        .stream().map(s -> s.apply(t)).collect(Collectors.joining(", ")))
                .toList();
        return new CircuitStability(
                labels, traces.stream().map(AcdcTrace::circuit).toList());
    }

    /** The share of edges of two circuits that both have (Jaccard), from 0 to 1. */
    public double overlap(int one, int other) {
        return new CircuitComparison(circuits.get(one), circuits.get(other))
                .edges()
                .jaccard();
    }

    /** A map of the overlaps, each circuit with its number of edges. */
    @Override
    public View view() {
        int count = circuits.size();
        float[][] overlaps = new float[count][count];
        List<String> rows = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            for (int j = 0; j < count; j++) {
                overlaps[i][j] = (float) overlap(i, j);
            }
            rows.add(String.format(
                    Locale.ROOT, "%s: %d edges", labels.get(i), circuits.get(i).edgeCount()));
        }
        return new View.HeatMap(
                "Share of edges in common",
                "found with",
                rows,
                "compared with",
                labels,
                overlaps,
                "Jaccard index",
                View.Scale.SEQUENTIAL);
    }
}
