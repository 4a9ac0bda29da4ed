package dev.ariadne.discovery;

import dev.ariadne.circuit.Edge;

/**
 * What was decided about one edge.
 *
 * @param edge the edge
 * @param before the metric before, NaN where nothing was measured
 * @param after the metric without the edge, likewise
 * @param outcome what became of it
 */
public record Decision(Edge edge, double before, double after, Outcome outcome) {
    /** What becomes of an edge. */
    public enum Outcome {
        /** Removing it costs the threshold or more. */
        KEPT,
        /** Removing it costs less. */
        REMOVED,
        /** Nothing that is left reads its receiver, so it went without being measured. */
        UNREACHABLE
    }

    /** What removing it does to the metric, after − before; NaN where nothing was measured. */
    public double change() {
        return after - before;
    }

    /** Whether the edge is part of the circuit. */
    public boolean kept() {
        return outcome == Outcome.KEPT;
    }
}
