package dev.ariadne.circuit;

import dev.ariadne.view.Displayable;
import dev.ariadne.view.View;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import java.util.stream.DoubleStream;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYSeries.XYSeriesRenderStyle;
import org.knowm.xchart.style.markers.SeriesMarkers;
import tech.tablesaw.api.DoubleColumn;
import tech.tablesaw.api.StringColumn;
import tech.tablesaw.api.Table;

/**
 * What a circuit and the full model score when the same nodes are taken out of both (Wang et al. 2023, §4.1). Points far from the diagonal
 * show what the circuit lacks: a part of the model that stands in for the nodes that are gone.
 *
 * @param title the circuit
 * @param unit the metric's unit
 * @param points the sets taken out
 * @param seed where the random sets began
 */
public record Completeness(String title, String unit, List<Point> points, long seed) implements Displayable {
    /**
     * One set of nodes.
     *
     * @param label the group, or "random" with a number
     * @param nodes what was taken out
     * @param circuit what is left of the circuit scores this
     * @param model what is left of the full model scores this
     */
    public record Point(String label, List<Node> nodes, double circuit, double model) {
        /** Copies the nodes. */
        public Point {
            nodes = List.copyOf(nodes);
        }

        /** How far the two are apart, never negative; 0 for all sets where the circuit is complete. */
        public double incompleteness() {
            return Math.abs(circuit - model);
        }
    }

    /** Copies the points. */
    public Completeness {
        points = List.copyOf(points);
    }

    /** The largest incompleteness of any set. */
    public double worst() {
        return points.stream().mapToDouble(Point::incompleteness).max().orElse(Double.NaN);
    }

    /** The mean incompleteness over the sets. */
    public double mean() {
        return points.stream().mapToDouble(Point::incompleteness).average().orElse(Double.NaN);
    }

    /** One line per set: label, nodes, what circuit and model score, how far they are apart. */
    public Table table() {
        return Table.create(
                title,
                StringColumn.create("taken out", points.stream().map(Point::label)),
                StringColumn.create("nodes", points.stream().map(Completeness::names)),
                DoubleColumn.create("circuit", points.stream().mapToDouble(Point::circuit)),
                DoubleColumn.create("model", points.stream().mapToDouble(Point::model)),
                DoubleColumn.create("incompleteness", points.stream().mapToDouble(Point::incompleteness)));
    }

    private static String names(Point point) {
        return point.nodes().stream().map(Node::toString).collect(Collectors.joining(" "));
    }

    /** Draws the model's scores over the circuit's, with the diagonal where they are equal. */
    public XYChart chart() {
        XYChart chart = Plot.of("completeness", "circuit without K, " + unit, "model without K, " + unit);
        chart.getStyler().setLegendVisible(false);
        double[] circuit = points.stream().mapToDouble(Point::circuit).toArray();
        double[] model = points.stream().mapToDouble(Point::model).toArray();
        double[] both = DoubleStream.concat(DoubleStream.of(circuit), DoubleStream.of(model))
                .sorted()
                .toArray();
        if (both.length > 0) {
            double[] ends = {both[0], both[both.length - 1]};
            chart.addSeries("equal", ends, ends).setMarker(SeriesMarkers.NONE);
            chart.addSeries("sets", circuit, model).setXYSeriesRenderStyle(XYSeriesRenderStyle.Scatter);
        }
        return chart;
    }

    @Override
    public View view() {
        return new View.Table(
                String.format(
                        Locale.ROOT,
                        "%s; incompleteness %.3g on average, %.3g %s at worst",
                        title,
                        mean(),
                        worst(),
                        unit),
                List.of("taken out", "nodes", "circuit, " + unit, "model, " + unit, "incompleteness"),
                points.stream()
                        .map(point -> List.of(
                                point.label(),
                                Integer.toString(point.nodes().size()),
                                String.format(Locale.ROOT, "%.4f", point.circuit()),
                                String.format(Locale.ROOT, "%.4f", point.model()),
                                String.format(Locale.ROOT, "%.4f", point.incompleteness())))
                        .toList());
    }

    @Override
    public String toString() {
        return String.format(
                Locale.ROOT,
                "incompleteness over %d sets: %.3g on average, %.3g %s at worst",
                points.size(),
                mean(),
                worst(),
                unit);
    }
}
