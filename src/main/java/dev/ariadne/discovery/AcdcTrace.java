package dev.ariadne.discovery;

import dev.ariadne.circuit.Edge;
import java.util.List;
import java.util.stream.Collectors;

/**
 * Every decision of a search, in order.
 *
 * @param config how it was searched
 * @param decisions one per edge
 * @param metric the metric of what is left
 * @param evaluations edges that were measured
 * @param measured states that were measured, those on a wrong guess included
 * @param batches how many times several states were measured at once
 */
public record AcdcTrace(
        AcdcConfig config, List<Decision> decisions, double metric, int evaluations, int measured, int batches) {
    /** Copies the list. */
    public AcdcTrace {
        decisions = List.copyOf(decisions);
    }

    /** The edges that are left, in the order in which they were tried. */
    public List<Edge> kept() {
        return decisions.stream().filter(Decision::kept).map(Decision::edge).collect(Collectors.toList());
    }
}
