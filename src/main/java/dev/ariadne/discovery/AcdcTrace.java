package dev.ariadne.discovery;

import dev.ariadne.circuit.Circuit;
import dev.ariadne.circuit.ComputationalGraph;
import dev.ariadne.circuit.Edge;
import dev.ariadne.circuit.Provenance;
import dev.ariadne.view.Displayable;
import dev.ariadne.view.View;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import tech.tablesaw.api.DoubleColumn;
import tech.tablesaw.api.StringColumn;
import tech.tablesaw.api.Table;

/**
 * Every decision of a search, in order.
 *
 * @param graph whose edges were tried
 * @param config how it was searched
 * @param provenance for what, with which metric and model
 * @param decisions one per edge
 * @param metric the metric of what is left
 * @param evaluations edges that were measured
 * @param measured states that were measured, those on a wrong guess included
 * @param batches how many times several states were measured at once
 */
public record AcdcTrace(
        ComputationalGraph graph,
        AcdcConfig config,
        Provenance provenance,
        List<Decision> decisions,
        double metric,
        int evaluations,
        int measured,
        int batches)
        implements Displayable {
    private static final int MOST_ROWS = 20;

    /** Copies the list. */
    public AcdcTrace {
        decisions = List.copyOf(decisions);
    }

    /** The edges that are left, in the order in which they were tried. */
    public List<Edge> kept() {
        return decisions.stream().filter(Decision::kept).map(Decision::edge).collect(Collectors.toList());
    }

    /** What is left, each edge with what its removal would have done to the metric (after − before). */
    public Circuit circuit() {
        Map<Edge, Double> effects = new LinkedHashMap<>();
        decisions.stream().filter(Decision::kept).forEach(d -> effects.put(d.edge(), d.change()));
        return new Circuit(graph, effects, metric, provenance);
    }

    /**
     * The edges whose removal makes the metric better by the threshold or more: parts that work against the behavior, such as the negative
     * name movers of indirect object identification. A search keeps them with {@link AcdcConfig#withAbsolute}, else it removes them.
     *
     * @param higherIsBetter of the metric
     */
    public List<Decision> negative(boolean higherIsBetter) {
        return decisions.stream()
                .filter(d -> (higherIsBetter ? d.change() : -d.change()) >= config.threshold())
                .toList();
    }

    /** Every decision: edge, metric before and after in the metric's unit, outcome. */
    public Table table() {
        return Table.create(
                provenance.toString(),
                StringColumn.create("edge", decisions.stream().map(d -> d.edge().toString())),
                DoubleColumn.create("before", decisions.stream().mapToDouble(Decision::before)),
                DoubleColumn.create("after", decisions.stream().mapToDouble(Decision::after)),
                StringColumn.create(
                        "outcome",
                        decisions.stream().map(d -> d.outcome().name().toLowerCase(Locale.ROOT))));
    }

    /** The first decisions that were measured. */
    @Override
    public View view() {
        List<List<String>> rows = decisions.stream()
                .filter(d -> d.outcome() != Decision.Outcome.UNREACHABLE)
                .limit(MOST_ROWS)
                .map(d -> List.of(
                        d.edge().toString(),
                        String.format(Locale.ROOT, "%.5f", d.before()),
                        String.format(Locale.ROOT, "%.5f", d.after()),
                        d.kept() ? "kept" : "removed"))
                .toList();
        String more = evaluations > rows.size()
                ? String.format(Locale.ROOT, "; the first %d of %d measured", rows.size(), evaluations)
                : "";
        return new View.Table(
                this + more,
                List.of("edge", "before (" + provenance.unit() + ")", "after (" + provenance.unit() + ")", ""),
                rows);
    }

    @Override
    public String toString() {
        return String.format(
                Locale.ROOT,
                "%s: %d of %d edges kept, %s %.4g %s",
                provenance,
                kept().size(),
                decisions.size(),
                provenance.metric(),
                metric,
                provenance.unit());
    }
}
