package dev.ariadne.discovery;

import dev.ariadne.circuit.Circuit;
import dev.ariadne.circuit.Edge;
import dev.ariadne.circuit.Pareto;
import dev.ariadne.circuit.Pareto.Point;
import dev.ariadne.circuit.RocCurve;
import dev.ariadne.view.Displayable;
import dev.ariadne.view.View;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Searches with several thresholds.
 *
 * @param traces one per threshold
 * @param higherIsBetter of the metric
 */
public record AcdcSweep(List<AcdcTrace> traces, boolean higherIsBetter) implements Displayable {
    /** Copies the list. */
    public AcdcSweep {
        traces = List.copyOf(traces);
    }

    /** The circuits, in the order of the thresholds. */
    public List<Circuit> circuits() {
        return traces.stream().map(AcdcTrace::circuit).toList();
    }

    /** Edges against the metric. */
    public Pareto pareto() {
        AcdcTrace first = traces.get(0);
        return new Pareto(
                first.provenance().task() + " on " + first.provenance().model(),
                first.provenance().metric() + ", " + first.provenance().unit(),
                higherIsBetter,
                traces.stream()
                        .map(trace -> Point.of("τ " + trace.config().threshold(), trace.circuit()))
                        .toList());
    }

    /** How well the circuits agree with a true one (Conmy et al. 2023, §4.1). */
    public RocCurve roc(Circuit truth, RocCurve.Level level) {
        Map<String, List<Edge>> found = new LinkedHashMap<>();
        traces.forEach(trace -> found.put("τ " + trace.config().threshold(), trace.kept()));
        return RocCurve.of("ACDC, " + traces.get(0).provenance().task(), level, truth, found);
    }

    @Override
    public View view() {
        AcdcTrace first = traces.get(0);
        String metric = first.provenance().metric() + " (" + first.provenance().unit() + ")";
        return new View.Table(
                "ACDC: " + first.provenance().task() + " on "
                        + first.provenance().model(),
                List.of("threshold", "edges", "nodes", metric, "measured"),
                traces.stream()
                        .map(trace -> List.of(
                                Double.toString(trace.config().threshold()),
                                Integer.toString(trace.kept().size()),
                                Integer.toString(trace.circuit().nodeCount()),
                                String.format(Locale.ROOT, "%.4g", trace.metric()),
                                Integer.toString(trace.measured())))
                        .toList());
    }
}
