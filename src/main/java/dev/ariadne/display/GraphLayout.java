package dev.ariadne.display;

import dev.ariadne.view.View.Graph;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;

/**
 * Where the nodes of a graph stand and where its arrows run: the same for the same graph, no node over another, and no arrow through a
 * node that it does not join.
 *
 * <p>Rows become lines of boxes with corridors between them. Boxes move sideways towards those they are joined to, keeping their order.
 * An arrow that passes a line goes through a gap between its boxes, straight; in the corridors it bends.
 */
final class GraphLayout {
    /** The font size of labels. */
    static final double FONT = 11;

    private static final double PAGE = 760;
    private static final double GAP = 20;
    private static final double HEAD = 8; // room for the head of an arrow
    private static final double MAX_LABEL = 130;
    private static final double TRACK = 6; // between arrows side by side, and between an arrow and a box
    private static final int SWEEPS = 12;
    private static final double LOOSE = 0.1;

    private final Graph graph;
    private final List<List<Stand>> lines = new ArrayList<>();
    private final Map<String, Stand> stands = new HashMap<>();
    private final Map<String, Integer> rows = new HashMap<>();
    private final double boxHeight;
    private final ToDoubleFunction<Graph.Node> widths;
    private final double pitch;
    private final double strongest;
    private final List<Route> routes;

    /** A node's box: the line it is on, its middle and its width. */
    static final class Stand {
        final Graph.Node node;
        final String label;
        final int line;
        final double width;
        double x;

        Stand(Graph.Node node, String label, int line, double width) {
            this.node = node;
            this.label = label;
            this.line = line;
            this.width = width;
        }
    }

    /**
     * An arrow's way.
     *
     * @param edge the arrow
     * @param points as those of {@link Scene.Curve}; the last lies on the border of the node it points at
     */
    record Route(Graph.Edge edge, List<Double> points) {}

    GraphLayout(Graph graph) {
        this(
                graph,
                graph.nodes().stream().allMatch(n -> Double.isNaN(n.weight())) ? 22 : 34,
                node -> Glyphs.width(label(node), FONT) + 14);
    }

    /** Lays out boxes of one height and widths of one's own. */
    GraphLayout(Graph graph, double boxHeight, ToDoubleFunction<Graph.Node> widths) {
        this.graph = graph;
        this.boxHeight = boxHeight;
        this.widths = widths;
        graph.nodes().forEach(node -> rows.put(node.id(), node.row()));
        for (int row = 0; row < graph.rows().size(); row++) {
            stand(row);
        }
        this.strongest = Math.max(
                1e-9, graph.edges().stream().mapToDouble(GraphLayout::strength).reduce(0, Math::max));
        this.pitch = boxHeight + 48 + Math.min(60, 3.0 * graph.edges().size() / Math.max(1, lines.size()));
        align();
        this.routes = route();
    }

    List<List<Stand>> lines() {
        return lines;
    }

    List<Route> routes() {
        return routes;
    }

    private List<Route> route() {
        List<Integer> order = IntStream.range(0, graph.edges().size())
                .boxed()
                .sorted(Comparator.comparingDouble(
                        (Integer i) -> -strength(graph.edges().get(i))))
                .toList();
        List<List<Double>> ways = new ArrayList<>(Collections.nCopies(order.size(), List.of()));
        List<List<Double>> taken = new ArrayList<>();
        lines.forEach(line -> taken.add(new ArrayList<>()));
        for (int i : order) { // the strongest choose first
            ways.set(i, way(graph.edges().get(i), taken));
        }
        return new Ports(ways).routes();
    }

    private static String label(Graph.Node node) {
        return Glyphs.shorten(Glyphs.visible(node.label()), MAX_LABEL, FONT);
    }

    double boxHeight() {
        return boxHeight;
    }

    /** The top of a line of boxes. */
    double top(int line) {
        return line * pitch;
    }

    private double bottom(int line) {
        return top(line) + boxHeight;
    }

    static double strength(Graph.Edge edge) {
        return Double.isFinite(edge.weight()) ? Math.abs(edge.weight()) : 0;
    }

    /** Puts a row's boxes side by side, in as many lines as they need. */
    private void stand(int row) {
        List<Graph.Node> nodes = graph.nodes().stream()
                .filter(node -> node.row() == row)
                .sorted(Comparator.comparingInt(Graph.Node::column))
                .toList();
        double room = 0;
        for (Graph.Node node : nodes) {
            double width = Math.max(widths.applyAsDouble(node), Math.max(40, 12 + HEAD * arrows(node)));
            if (room < width + GAP) {
                lines.add(new ArrayList<>());
                room = PAGE + GAP;
            }
            Stand stand = new Stand(node, label(node), lines.size() - 1, width);
            stand.x = PAGE - room + width / 2;
            lines.get(stand.line).add(stand);
            stands.put(node.id(), stand);
            room -= width + GAP;
        }
    }

    /** How many arrows begin or end at the busier side of a box, about: those from or to rows above, or the others. */
    private long arrows(Graph.Node node) {
        List<Boolean> above = graph.edges().stream()
                .filter(edge -> edge.from().equals(node.id()) || edge.to().equals(node.id()))
                .map(edge -> row(edge.from().equals(node.id()) ? edge.to() : edge.from()) < node.row())
                .toList();
        long high = above.stream().filter(up -> up).count();
        return Math.max(high, above.size() - high);
    }

    private int row(String id) {
        return Objects.requireNonNull(rows.get(id));
    }

    /** Moves boxes towards those they are joined to; they keep their order and their distance. */
    private void align() {
        Map<String, List<Graph.Edge>> joined = new HashMap<>();
        for (Graph.Edge edge : graph.edges()) {
            joined.computeIfAbsent(edge.from(), id -> new ArrayList<>()).add(edge);
            joined.computeIfAbsent(edge.to(), id -> new ArrayList<>()).add(edge);
        }
        lines.forEach(line -> place(line, new double[line.size()]));
        for (int sweep = 0; sweep < SWEEPS; sweep++) {
            for (int i = 0; i < lines.size(); i++) {
                List<Stand> line = lines.get(sweep % 2 == 0 ? i : lines.size() - 1 - i);
                place(
                        line,
                        line.stream()
                                .mapToDouble(stand -> wish(stand, joined.getOrDefault(stand.node.id(), List.of())))
                                .toArray());
            }
        }
    }

    private double wish(Stand stand, List<Graph.Edge> joined) {
        double weights = LOOSE * strongest; // a weak pull to the middle keeps what is joined to little near the rest
        double sum = weights * PAGE / 2;
        for (Graph.Edge edge : joined) {
            Stand other = other(edge, stand);
            if (other.line != stand.line) {
                double weight = strength(edge) + LOOSE * strongest;
                sum += weight * other.x;
                weights += weight;
            }
        }
        return sum / weights;
    }

    private Stand other(Graph.Edge edge, Stand stand) {
        return at(edge.from()) == stand ? at(edge.to()) : at(edge.from());
    }

    private Stand at(String id) {
        return Objects.requireNonNull(stands.get(id));
    }

    /** Gives boxes the places nearest to their wishes, in the least squares sense, that keep order and distance. */
    private static void place(List<Stand> line, double[] wishes) {
        double[] offsets = new double[line.size()];
        List<double[]> blocks = new ArrayList<>(); // sum and number of neighbors that move together
        for (int i = 0; i < offsets.length; i++) {
            offsets[i] = i == 0 ? 0 : offsets[i - 1] + (line.get(i - 1).width + line.get(i).width) / 2 + GAP;
            double[] block = {wishes[i] - offsets[i], 1};
            while (!blocks.isEmpty() && mean(blocks.get(blocks.size() - 1)) > mean(block)) {
                double[] left = blocks.remove(blocks.size() - 1);
                block = new double[] {left[0] + block[0], left[1] + block[1]};
            }
            blocks.add(block);
        }
        int i = 0;
        for (double[] block : blocks) {
            for (int n = 0; n < block[1]; n++, i++) {
                line.get(i).x = mean(block) + offsets[i];
            }
        }
    }

    private static double mean(double[] block) {
        return block[0] / block[1];
    }

    /** Where an arrow passes the lines between its ends, from the first to the last. */
    private List<Double> way(Graph.Edge edge, List<List<Double>> taken) {
        Stand from = at(edge.from());
        Stand to = at(edge.to());
        int step = Integer.signum(to.line - from.line);
        List<Double> way = new ArrayList<>();
        double x = from.x;
        for (int line = from.line + step; step != 0 && line != to.line; line += step) {
            double straight = x + (to.x - x) / (Math.abs(to.line - line) + 1);
            x = gap(line, straight, taken.get(line));
            taken.get(line).add(x);
            way.add(x);
        }
        return way;
    }

    /** The place nearest to a wish where an arrow touches neither a box of the line nor another arrow. */
    private double gap(int line, double wish, List<Double> taken) {
        for (int i = 0; ; i++) { // ends: far enough to a side there is nothing
            double x = wish + (i % 2 == 0 ? i / 2 : -(i + 1) / 2) * 2.0;
            boolean free = lines.get(line).stream().allMatch(box -> Math.abs(box.x - x) >= box.width / 2 + TRACK)
                    && taken.stream().allMatch(other -> Math.abs(other - x) >= TRACK);
            if (free) {
                return x;
            }
        }
    }

    /** Where arrows leave and reach boxes: side by side, in the order in which they come. */
    private final class Ports {
        private final List<List<Double>> ways;
        private final Map<String, List<Integer>> sides = new HashMap<>(); // node and side to edges

        Ports(List<List<Double>> ways) {
            this.ways = ways;
            for (int i = 0; i < ways.size(); i++) {
                sides.computeIfAbsent(side(i, true), side -> new ArrayList<>()).add(i);
                sides.computeIfAbsent(side(i, false), side -> new ArrayList<>()).add(i);
            }
        }

        private Stand end(int edge, boolean start) {
            return at(
                    start
                            ? graph.edges().get(edge).from()
                            : graph.edges().get(edge).to());
        }

        /** Below where the other end is on a lower line, else above. */
        private boolean below(int edge, boolean start) {
            return end(edge, !start).line > end(edge, start).line;
        }

        private String side(int edge, boolean start) {
            return (below(edge, start) ? "v" : "^") + end(edge, start).node.id();
        }

        /** Where the arrow comes from or goes to, seen from one of its ends. */
        private double next(int edge, boolean start) {
            List<Double> way = ways.get(edge);
            return way.isEmpty() ? end(edge, !start).x : way.get(start ? 0 : way.size() - 1);
        }

        private double port(int edge, boolean start) {
            Stand stand = end(edge, start);
            String side = side(edge, start);
            List<Integer> all = Objects.requireNonNull(sides.get(side)).stream()
                    .sorted(Comparator.comparingDouble(
                            i -> next(i, side(i, true).equals(side))))
                    .toList();
            double step = Math.min(11, (stand.width - 12) / Math.max(1, all.size() - 1));
            return stand.x + (all.indexOf(edge) - (all.size() - 1) / 2.0) * step;
        }

        List<Route> routes() {
            return IntStream.range(0, ways.size())
                    .mapToObj(i -> new Route(graph.edges().get(i), points(i)))
                    .toList();
        }

        private List<Double> points(int edge) {
            Stand from = end(edge, true);
            Stand to = end(edge, false);
            double x = port(edge, true);
            double end = port(edge, false);
            List<Double> points = new ArrayList<>();
            if (from.line == to.line) { // a bow above the line
                double y = top(from.line);
                double high = y - (pitch - boxHeight) * 0.8;
                Collections.addAll(points, x, y, x, high, end, high, end, y);
                return points;
            }
            boolean down = below(edge, true);
            double y = down ? bottom(from.line) : top(from.line);
            Collections.addAll(points, x, y);
            int line = from.line;
            for (double pass : ways.get(edge)) {
                line += down ? 1 : -1;
                bend(points, pass, down ? top(line) : bottom(line));
                bend(points, pass, down ? bottom(line) : top(line));
            }
            bend(points, end, down ? top(to.line) : bottom(to.line));
            return points;
        }

        /** Goes on to a point, upright at both ends. */
        private static void bend(List<Double> points, double x, double y) {
            double x0 = points.get(points.size() - 2);
            double y0 = points.get(points.size() - 1);
            Collections.addAll(points, x0, (y0 + y) / 2, x, (y0 + y) / 2, x, y);
        }
    }
}
