package dev.ariadne.circuit;

import dev.ariadne.view.Displayable;
import dev.ariadne.view.View;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.XYSeries.XYSeriesRenderStyle;
import org.knowm.xchart.style.markers.SeriesMarkers;
import tech.tablesaw.api.DoubleColumn;
import tech.tablesaw.api.StringColumn;
import tech.tablesaw.api.Table;

/**
 * How well circuits of rising size agree with a true one: the share of its edges that they find, against the share of other edges that they
 * take for its (Conmy et al. 2023, §4).
 *
 * <p>The curve is pessimistic: between two points it is a step, never a slope, since no threshold is known that reaches what lies between.
 *
 * @param title what was searched for, and how
 * @param points in the order given, (0, 0) and (1, 1) included
 */
public record RocCurve(String title, List<Point> points) implements Displayable {
    /** What is counted. */
    public enum Level {
        /** Edges, direct ones included. */
        EDGES,
        /**
         * Nodes that an edge begins or ends at. As in the study's stored runs, a head's output, what its queries, keys and values read, and
         * the vectors that direct edges lead to are nodes of their own; an MLP is one node.
         */
        NODES
    }

    /**
     * One circuit.
     *
     * @param label the threshold, or another name
     * @param fpr the false positive rate: the share of what is not in the true circuit that is in this one, from 0 to 1
     * @param tpr the true positive rate: the share of the true circuit that is in this one, from 0 to 1
     */
    public record Point(String label, double fpr, double tpr) {
        /**
         * Checks the rates.
         *
         * @throws IllegalArgumentException when one is not from 0 to 1
         */
        public Point {
            if (!(fpr >= 0 && fpr <= 1 && tpr >= 0 && tpr <= 1)) {
                throw new IllegalArgumentException("both rates of the point '" + label
                        + "' must be from 0 to 1, got a false positive rate of " + fpr
                        + " and a true positive rate of " + tpr);
            }
        }
    }

    /** Copies the points, and adds the ends where they are missing: nothing found, and everything. */
    public RocCurve {
        List<Point> all = new ArrayList<>(points);
        if (all.stream().noneMatch(point -> point.fpr() == 0 && point.tpr() == 0)) {
            all.add(0, new Point("none", 0, 0));
        }
        if (all.stream().noneMatch(point -> point.fpr() == 1 && point.tpr() == 1)) {
            all.add(new Point("all", 1, 1));
        }
        points = List.copyOf(all);
    }

    /**
     * The curve of some circuits.
     *
     * @param title what was searched for, and how
     * @param level what is counted
     * @param truth the true circuit
     * @param found edges of the same graph, by label
     * @throws IllegalArgumentException when the true circuit is empty, or all there is
     */
    public static RocCurve of(String title, Level level, Circuit truth, Map<String, ? extends Collection<Edge>> found) {
        Counter counter = new Counter(level, truth);
        List<Point> points = new ArrayList<>();
        found.forEach((label, edges) -> {
            edges.forEach(truth.graph()::require);
            points.add(counter.fresh().add(edges).point(label));
        });
        return new RocCurve(title, points);
    }

    /**
     * The curve of a ranking: a point for each score, at which all edges with this score or a higher one are present.
     *
     * @param title what was searched for, and how
     * @param level what is counted
     * @param truth the true circuit
     * @param scores of edges of the same graph; larger ones enter first, those without a score never
     * @throws IllegalArgumentException when a score is NaN, or the true circuit is empty or all there is
     */
    public static RocCurve ofScores(String title, Level level, Circuit truth, Map<Edge, Double> scores) {
        Counter counter = new Counter(level, truth);
        List<Map.Entry<Edge, Double>> ranked = scores.entrySet().stream()
                .sorted(Map.Entry.<Edge, Double>comparingByValue().reversed())
                .toList();
        List<Point> points = new ArrayList<>();
        for (int i = 0; i < ranked.size(); i++) {
            Edge edge = truth.graph().require(ranked.get(i).getKey());
            double score = ranked.get(i).getValue();
            if (Double.isNaN(score)) {
                throw new IllegalArgumentException(
                        "the score of '" + edge + "' is NaN, so it has no rank; leave it out");
            }
            counter.add(List.of(edge));
            if (i + 1 == ranked.size() || ranked.get(i + 1).getValue() != score) {
                points.add(counter.point(Double.toString(score)));
            }
        }
        return new RocCurve(title, points);
    }

    /** The nodes at an edge's ends, as the study counts them. */
    static Set<String> nodes(Edge edge) {
        return edge.isDirect()
                ? Set.of(edge.from().toString(), "vector of " + edge.from())
                : Set.of(edge.from().toString(), edge.to().toString());
    }

    /** Counts what a growing set of edges has in common with the truth. */
    private static final class Counter {
        private final Level level;
        private final Set<Object> truth = new HashSet<>();
        private final Set<Object> all = new HashSet<>();
        private final Set<Object> found = new HashSet<>();

        Counter(Level level, Circuit circuit) {
            this.level = level;
            circuit.edgeSet().forEach(edge -> truth.addAll(counted(edge)));
            circuit.graph().edges().forEach(edge -> all.addAll(counted(edge)));
            if (truth.isEmpty() || truth.size() == all.size()) {
                throw new IllegalArgumentException("a curve needs some "
                        + level.name().toLowerCase(Locale.ROOT)
                        + " in the true circuit and some outside, but '" + circuit + "' has " + truth.size() + " of "
                        + all.size());
            }
        }

        private Set<? extends Object> counted(Edge edge) {
            return level == Level.EDGES ? Set.of(edge) : nodes(edge);
        }

        Counter fresh() {
            found.clear();
            return this;
        }

        Counter add(Collection<Edge> edges) {
            edges.forEach(edge -> found.addAll(counted(edge)));
            return this;
        }

        Point point(String label) {
            long right = found.stream().filter(truth::contains).count();
            return new Point(
                    label,
                    (double) (found.size() - right) / (all.size() - truth.size()),
                    (double) right / truth.size());
        }
    }

    /** The points that no other beats in both rates, from left to right. */
    public List<Point> pareto() {
        return points.stream()
                .filter(point ->
                        points.stream().noneMatch(other -> other.fpr() < point.fpr() && other.tpr() > point.tpr()))
                .sorted(Comparator.comparingDouble(Point::fpr).thenComparingDouble(Point::tpr))
                .toList();
    }

    /** The area under the pessimistic curve through {@link #pareto}, from 0 to 1: Σ (1 − x of the next point) · (its rise). */
    public double auc() {
        List<Point> front = pareto();
        double area = 0;
        for (int i = 1; i < front.size(); i++) {
            area += (1 - front.get(i).fpr())
                    * (front.get(i).tpr() - front.get(i - 1).tpr());
        }
        return area;
    }

    /** All points: label, false and true positive rate. */
    public Table table() {
        return Table.create(
                title,
                StringColumn.create("label", points.stream().map(Point::label)),
                DoubleColumn.create("false positive rate", points.stream().mapToDouble(Point::fpr)),
                DoubleColumn.create("true positive rate", points.stream().mapToDouble(Point::tpr)));
    }

    /** Draws the curve, and others with it: dots for the points, steps for what the area is taken under. */
    public XYChart chart(RocCurve... others) {
        XYChart chart = Plot.of(
                others.length == 0 ? String.format(Locale.ROOT, "%s, AUC %.3f", title, auc()) : "ROC",
                "false positive rate",
                "true positive rate");
        chart.getStyler().setXAxisMin(0.0).setXAxisMax(1.0).setYAxisMin(0.0).setYAxisMax(1.0);
        List<RocCurve> all = new ArrayList<>(List.of(this));
        all.addAll(Arrays.asList(others));
        chart.getStyler().setLegendVisible(all.size() > 1);
        for (int i = 0; i < all.size(); i++) {
            RocCurve curve = all.get(i);
            List<Double> x = new ArrayList<>(List.of(0.0));
            List<Double> y = new ArrayList<>(List.of(0.0));
            for (Point point : curve.pareto()) {
                x.add(point.fpr());
                y.add(y.get(y.size() - 1));
                x.add(point.fpr());
                y.add(point.tpr());
            }
            // numbered, as names must differ; the area first, as a legend cuts what is long
            String name = String.format(Locale.ROOT, "%d. AUC %.3f, %s", i + 1, curve.auc(), curve.title());
            XYSeries line = chart.addSeries(name, x, y);
            line.setMarker(SeriesMarkers.NONE);
            XYSeries dots = chart.addSeries(
                    "points " + i,
                    curve.points().stream().mapToDouble(Point::fpr).toArray(),
                    curve.points().stream().mapToDouble(Point::tpr).toArray());
            dots.setXYSeriesRenderStyle(XYSeriesRenderStyle.Scatter).setShowInLegend(false);
            dots.setMarkerColor(
                    chart.getStyler().getSeriesColors()[i % chart.getStyler().getSeriesColors().length]);
            line.setLineColor(dots.getMarkerColor()).setLineStyle(Plot.line(i, 2));
        }
        return chart;
    }

    @Override
    public View view() {
        return new View.Table(
                String.format(Locale.ROOT, "%s, AUC %.3f", title, auc()),
                List.of("label", "false positive rate", "true positive rate"),
                points.stream()
                        .map(p -> List.of(
                                p.label(),
                                String.format(Locale.ROOT, "%.4f", p.fpr()),
                                String.format(Locale.ROOT, "%.4f", p.tpr())))
                        .toList());
    }

    @Override
    public String toString() {
        return String.format(Locale.ROOT, "%s: AUC %.3f, %d points", title, auc(), points.size());
    }
}
