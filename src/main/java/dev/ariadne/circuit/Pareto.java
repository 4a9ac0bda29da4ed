package dev.ariadne.circuit;

import dev.ariadne.view.Displayable;
import dev.ariadne.view.View;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.XYSeries.XYSeriesRenderStyle;
import org.knowm.xchart.style.markers.SeriesMarkers;
import tech.tablesaw.api.DoubleColumn;
import tech.tablesaw.api.IntColumn;
import tech.tablesaw.api.StringColumn;
import tech.tablesaw.api.Table;

/**
 * What circuits of different sizes score, and which of them no smaller one beats (Conmy et al. 2023, §4.2).
 *
 * @param title the behavior and the model
 * @param metric what is measured, with its unit: "KL, nats"
 * @param higherIsBetter whether a circuit that does the task well scores high
 * @param points the circuits
 */
public record Pareto(String title, String metric, boolean higherIsBetter, List<Point> points) implements Displayable {
    /**
     * One circuit.
     *
     * @param method how it was found; the points of one method are drawn alike
     * @param label the threshold, or another name
     * @param edges its number of edges
     * @param score what it scores
     */
    public record Point(String method, String label, int edges, double score) {
        /** A circuit's size and metric. */
        public static Point of(String label, Circuit circuit) {
            return new Point(circuit.provenance().method(), label, circuit.edgeCount(), circuit.metric());
        }
    }

    /**
     * Copies the points.
     *
     * @throws IllegalArgumentException when one has no score
     */
    public Pareto {
        points = List.copyOf(points);
        for (Point point : points) {
            if (!Double.isFinite(point.score())) {
                throw new IllegalArgumentException("the score of '" + point.label() + "' must be a number, got "
                        + point.score() + "; measure the circuit with EdgePatcher.metric(circuit.edgeSet())");
            }
        }
    }

    /** The same with more circuits of the same behavior, measured by the same metric. */
    public Pareto with(Collection<Point> more) {
        List<Point> all = new ArrayList<>(points);
        all.addAll(more);
        return new Pareto(title, metric, higherIsBetter, all);
    }

    /** The methods, in the order in which they come. */
    public List<String> methods() {
        return points.stream().map(Point::method).distinct().toList();
    }

    /** The points that none beats with fewer edges or as many, from the smallest circuit up; of equal ones the first. */
    public List<Point> front() {
        return front(points);
    }

    private List<Point> front(List<Point> some) {
        Comparator<Point> better = Comparator.comparingDouble(Point::score);
        better = higherIsBetter ? better.reversed() : better;
        List<Point> front = new ArrayList<>();
        for (Point point : some.stream()
                .sorted(Comparator.comparingInt(Point::edges).thenComparing(better))
                .toList()) {
            if (front.isEmpty() || better.compare(point, front.get(front.size() - 1)) < 0) {
                front.add(point);
            }
        }
        return front;
    }

    /** All points: method, label, edges, score, and whether none of any method beats them. */
    public Table table() {
        Set<Point> best = new LinkedHashSet<>(front());
        return Table.create(
                title,
                StringColumn.create("method", points.stream().map(Point::method)),
                StringColumn.create("label", points.stream().map(Point::label)),
                IntColumn.create("edges", points.stream().mapToInt(Point::edges)),
                DoubleColumn.create(metric, points.stream().mapToDouble(Point::score)),
                StringColumn.create("front", points.stream().map(point -> best.contains(point) ? "yes" : "")));
    }

    /** Draws the score over the number of edges: dots for the circuits, steps along each method's front. */
    public XYChart chart() {
        XYChart chart = Plot.of(title, "edges", metric);
        List<String> methods = methods();
        chart.getStyler().setLegendVisible(methods.size() > 1);
        for (int i = 0; i < methods.size(); i++) {
            String method = methods.get(i);
            List<Point> mine = points.stream()
                    .filter(point -> point.method().equals(method))
                    .collect(Collectors.toList());
            List<Double> x = new ArrayList<>();
            List<Double> y = new ArrayList<>();
            for (Point point : front(mine)) {
                if (!x.isEmpty()) {
                    x.add((double) point.edges());
                    y.add(y.get(y.size() - 1));
                }
                x.add((double) point.edges());
                y.add(point.score());
            }
            XYSeries line = chart.addSeries(method.isBlank() ? "circuits" : method, x, y);
            XYSeries dots = chart.addSeries(
                    "points " + i,
                    mine.stream().mapToDouble(Point::edges).toArray(),
                    mine.stream().mapToDouble(Point::score).toArray());
            dots.setXYSeriesRenderStyle(XYSeriesRenderStyle.Scatter).setShowInLegend(false);
            dots.setMarkerColor(
                    chart.getStyler().getSeriesColors()[i % chart.getStyler().getSeriesColors().length]);
            line.setMarker(SeriesMarkers.NONE).setLineColor(dots.getMarkerColor());
            line.setLineStyle(Plot.line(i, 2));
        }
        return chart;
    }

    @Override
    public View view() {
        Set<Point> best = new LinkedHashSet<>(front());
        return new View.Table(
                title,
                List.of("method", "label", "edges", metric, "front"),
                points.stream()
                        .map(point -> List.of(
                                point.method(),
                                point.label(),
                                Integer.toString(point.edges()),
                                String.format(Locale.ROOT, "%.4g", point.score()),
                                best.contains(point) ? "yes" : ""))
                        .toList());
    }

    @Override
    public String toString() {
        return title + ": " + points.size() + " circuits, " + front().size() + " that none beats";
    }
}
