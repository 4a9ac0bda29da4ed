package dev.ariadne.circuit;

import dev.ariadne.view.Displayable;
import dev.ariadne.view.View;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.function.DoubleUnaryOperator;
import org.knowm.xchart.XYChart;
import tech.tablesaw.api.DoubleColumn;
import tech.tablesaw.api.IntColumn;
import tech.tablesaw.api.Table;

/**
 * The faithfulness of circuits over their size.
 *
 * @param title how the circuits were found
 * @param edges how many edges the graph has
 * @param points from the smallest circuit up
 */
public record FaithfulnessCurve(String title, int edges, List<Point> points) implements Displayable {
    /**
     * One circuit.
     *
     * @param edges its number of edges
     * @param faithfulness f, 1 for the full model, 0 with every edge ablated
     */
    public record Point(int edges, double faithfulness) {}

    /** Copies the points and sorts them by size. */
    public FaithfulnessCurve {
        points = points.stream().sorted(Comparator.comparingInt(Point::edges)).toList();
    }

    /**
     * The circuit performance ratio (Mueller et al. 2025): the area under f over the share of edges, by trapezoids, from no edges, where f is
     * 0, to the largest circuit measured. Larger is better.
     */
    public double cpr() {
        return area(f -> f);
    }

    /** The circuit-model distance: the area of |1 − f|, likewise. Smaller is better. */
    public double cmd() {
        return area(f -> Math.abs(1 - f));
    }

    private double area(DoubleUnaryOperator height) {
        double area = 0;
        Point before = new Point(0, 0);
        for (Point point : points) {
            area += (double) (point.edges() - before.edges())
                    / edges
                    * (height.applyAsDouble(point.faithfulness()) + height.applyAsDouble(before.faithfulness()))
                    / 2;
            before = point;
        }
        return area;
    }

    private double share(Point point) {
        return (double) point.edges() / edges;
    }

    /** One line per circuit: edges, their share of all, faithfulness. */
    public Table table() {
        return Table.create(
                title,
                IntColumn.create("edges", points.stream().mapToInt(Point::edges)),
                DoubleColumn.create("share", points.stream().mapToDouble(this::share)),
                DoubleColumn.create("faithfulness", points.stream().mapToDouble(Point::faithfulness)));
    }

    /** Draws the curve, and others with it, over the logarithm of the size; circuits without edges are left out. */
    public XYChart chart(FaithfulnessCurve... others) {
        XYChart chart = Plot.of(others.length == 0 ? title : "faithfulness", "edges, % of all", "faithfulness");
        List<FaithfulnessCurve> all = new ArrayList<>(List.of(this));
        all.addAll(Arrays.asList(others));
        chart.getStyler().setXAxisLogarithmic(true).setLegendVisible(others.length > 0);
        for (int i = 0; i < all.size(); i++) {
            FaithfulnessCurve curve = all.get(i);
            List<Point> some =
                    curve.points().stream().filter(point -> point.edges() > 0).toList();
            String name = String.format(Locale.ROOT, "%s, CPR %.2f, CMD %.2f", curve.title(), curve.cpr(), curve.cmd());
            chart.addSeries(
                    all.size() == 1 ? name : (i + 1) + ". " + name,
                    some.stream().mapToDouble(point -> 100 * curve.share(point)).toArray(),
                    some.stream().mapToDouble(Point::faithfulness).toArray());
        }
        return chart;
    }

    @Override
    public View view() {
        return new View.Table(
                String.format(Locale.ROOT, "%s, CPR %.3f, CMD %.3f", title, cpr(), cmd()),
                List.of("edges", "% of all", "faithfulness"),
                points.stream()
                        .map(point -> List.of(
                                Integer.toString(point.edges()),
                                String.format(Locale.ROOT, "%.2f", 100 * share(point)),
                                String.format(Locale.ROOT, "%.4f", point.faithfulness())))
                        .toList());
    }

    @Override
    public String toString() {
        return String.format(Locale.ROOT, "%s: CPR %.3f, CMD %.3f, %d sizes", title, cpr(), cmd(), points.size());
    }
}
