package dev.ariadne.display;

import dev.ariadne.display.GraphLayout.Route;
import dev.ariadne.display.GraphLayout.Stand;
import dev.ariadne.display.Scene.Anchor;
import dev.ariadne.display.Scene.Area;
import dev.ariadne.display.Scene.Box;
import dev.ariadne.display.Scene.Curve;
import dev.ariadne.display.Scene.Font;
import dev.ariadne.display.Scene.Words;
import dev.ariadne.view.View.Graph;
import dev.ariadne.view.View.Text;
import java.awt.geom.Rectangle2D;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/** Draws graphs: boxes in rows, arrows whose width is their weight, dashed where it is negative. */
final class GraphScene {
    private static final int POSITIVE = 0x2166AC;
    private static final int NEGATIVE = 0xB35806;
    private static final int PLAIN = 0x6E7781;
    private static final int NUMBERS = 30; // arrows, above which their numbers would hide them
    private static final int LABELS = 100; // likewise for labels, which are shorter
    private static final int MOST = 300; // arrows in one picture
    private static final double SMALL = 9;
    private static final double MOST_LABEL = 80;
    private static final double THICKEST = 4;
    private static final double HEAD = 8;

    private final int all; // arrows, also those that are too many to be drawn
    private final Graph graph;
    private final Optional<Boxes> boxes;
    private final GraphLayout layout;
    private final Scene scene = new Scene();
    private final double strongest;
    private double left; // where the graph begins, before it is moved
    private double dx;
    private double dy;

    /** How nodes are drawn, where they are not plain boxes with a label and a number. */
    interface Boxes {
        /** The height of all of them. */
        double height();

        /** The width of one. */
        double width(Graph.Node node);

        /** The weight that the thickest arrow would have; some may be drawn without theirs. */
        double strongest();

        /** Draws one where it stands. */
        void draw(Scene scene, Graph.Node node, Rectangle2D at);
    }

    private GraphScene(Graph whole, Graph graph, Optional<Boxes> boxes) {
        this.all = whole.edges().size();
        this.graph = graph;
        this.boxes = boxes;
        this.layout = boxes.map(own -> new GraphLayout(graph, own.height(), own::width))
                .orElseGet(() -> new GraphLayout(graph));
        this.strongest = boxes.map(Boxes::strongest)
                .orElseGet(() -> graph.edges().stream()
                        .mapToDouble(GraphLayout::strength)
                        .reduce(0, Math::max));
    }

    static Scene of(Graph graph) {
        if (graph.nodes().isEmpty()) {
            return TableScene.of(new Text(graph.title(), "no nodes"));
        }
        return draw(graph, Optional.empty());
    }

    /** Draws the nodes of a graph, of which there is at least one, in a way of its own. */
    static Scene of(Graph graph, Boxes boxes) {
        return draw(graph, Optional.of(boxes));
    }

    private static Scene draw(Graph graph, Optional<Boxes> boxes) {
        GraphScene drawing = new GraphScene(graph, strongest(graph), boxes);
        drawing.draw();
        return drawing.scene;
    }

    /** The same graph with so many arrows that they can still be told apart. */
    private static Graph strongest(Graph graph) {
        if (graph.edges().size() <= MOST) {
            return graph;
        }
        double least = graph.edges().stream()
                .mapToDouble(edge -> -GraphLayout.strength(edge))
                .sorted()
                .skip(MOST - 1)
                .findFirst()
                .orElseThrow();
        List<Graph.Edge> edges = graph.edges().stream()
                .filter(edge -> -GraphLayout.strength(edge) <= least)
                .limit(MOST)
                .toList();
        return new Graph(
                graph.title(), graph.rowName(), graph.rows(), graph.nodes(), graph.nodeUnit(), edges, graph.edgeUnit());
    }

    private void draw() {
        Rectangle2D bounds = bounds();
        left = bounds.getMinX();
        List<String> labels = graph.rows().stream()
                .map(row -> Glyphs.shorten(Glyphs.visible(row), 90, GraphLayout.FONT))
                .toList();
        double margin = labels.stream()
                .mapToDouble(label -> Glyphs.width(label, GraphLayout.FONT))
                .reduce(0, Math::max);
        dx = Scene.PAD + margin + 16 - left;
        double top = scene.heading(graph.title(), legend(), Math.max(bounds.getWidth() + margin, 460));
        if (!graph.rowName().isBlank()) {
            scene.text(
                    Scene.PAD,
                    top + 11,
                    Glyphs.visible(graph.rowName()) + " ↓",
                    Font.of(GraphLayout.FONT, Scene.FAINT));
            top += 17;
        }
        dy = top + 6 - bounds.getMinY();
        List<Route> routes = layout.routes().stream()
                .sorted(Comparator.comparingDouble(route -> GraphLayout.strength(route.edge())))
                .toList();
        routes.forEach(this::arrow);
        rows(labels);
        layout.lines().forEach(line -> line.forEach(this::box));
        words(routes);
        scene.include(dx + bounds.getMaxX() + Scene.PAD, dy + bounds.getMaxY() + Scene.PAD);
    }

    private Rectangle2D bounds() {
        Rectangle2D bounds = new Rectangle2D.Double();
        bounds.setRect(frame(layout.lines().get(0).get(0)));
        layout.lines().forEach(line -> line.forEach(stand -> bounds.add(frame(stand))));
        for (Route route : layout.routes()) {
            bounds.add(ScenePainter.path(new Curve(route.points(), 0, 1, false)).getBounds2D());
        }
        return bounds;
    }

    private Rectangle2D frame(Stand stand) {
        return new Rectangle2D.Double(
                stand.x - stand.width / 2, layout.top(stand.line), stand.width, layout.boxHeight());
    }

    private String legend() {
        List<String> parts = new ArrayList<>();
        if (!graph.nodeUnit().isBlank()) {
            parts.add("in the boxes: " + graph.nodeUnit());
        }
        String unit = graph.edgeUnit().isBlank() ? "" : graph.edgeUnit() + ", ";
        if (strongest > 0) {
            parts.add("arrows: " + unit + "the thickest " + Numbers.brief(strongest, strongest)
                    + (graph.edges().stream().anyMatch(edge -> edge.weight() < 0)
                            ? "; solid (blue) above zero, dashed (orange) below"
                            : ""));
        }
        if (all > MOST) {
            parts.add("the strongest " + MOST + " of " + all + " arrows");
        }
        return String.join(" · ", parts);
    }

    private void rows(List<String> labels) {
        int row = -1;
        for (List<Stand> line : layout.lines()) {
            Stand first = line.get(0);
            if (first.node.row() != row) {
                row = first.node.row();
                double y = dy + layout.top(first.line) + layout.boxHeight() / 2 + GraphLayout.FONT * 0.36;
                scene.text(Scene.PAD, y, labels.get(row), Font.of(GraphLayout.FONT, Scene.FAINT));
            }
        }
    }

    private void box(Stand stand) {
        Rectangle2D at = frame(stand);
        double x = at.getX() + dx;
        double y = at.getY() + dy;
        if (boxes.isPresent()) {
            Rectangle2D there = new Rectangle2D.Double(x, y, at.getWidth(), at.getHeight());
            boxes.get().draw(scene, stand.node, there);
            return;
        }
        scene.add(new Box(x, y, at.getWidth(), at.getHeight(), Scene.FAINT));
        scene.add(new Box(x + 1, y + 1, at.getWidth() - 2, at.getHeight() - 2, fill(stand.node.weight())));
        double middle = stand.x + dx;
        double weight = stand.node.weight();
        double base = Double.isNaN(weight) ? y + at.getHeight() / 2 + GraphLayout.FONT * 0.36 : y + 15;
        scene.add(new Words(middle, base, stand.label, Font.of(GraphLayout.FONT, Scene.INK), Anchor.MIDDLE, 0));
        if (!Double.isNaN(weight)) {
            String number = Numbers.brief(weight, heaviest());
            scene.add(new Words(middle, y + 28, number, Font.of(SMALL, Scene.INK), Anchor.MIDDLE, 0));
        }
    }

    private double heaviest() {
        return Grid.max(graph.nodes().stream().map(Graph.Node::weight).toList());
    }

    private int fill(double weight) {
        double share = heaviest() == 0 || !Double.isFinite(weight) ? 0 : Math.abs(weight) / heaviest();
        return Tint.mix(Tint.WHITE, weight < 0 ? TableScene.ORANGE : TableScene.BLUE, 0.4 * share);
    }

    private double width(Graph.Edge edge) {
        return width(edge, strongest);
    }

    /** How thick an arrow is drawn. */
    static double width(Graph.Edge edge, double strongest) {
        return strongest == 0 ? 1.2 : Math.max(0.8, THICKEST * GraphLayout.strength(edge) / strongest);
    }

    private void arrow(Route route) {
        Graph.Edge edge = route.edge();
        int rgb = Double.isNaN(edge.weight()) ? PLAIN : edge.weight() < 0 ? NEGATIVE : POSITIVE;
        List<Double> points = shifted(route.points());
        int last = points.size() - 1;
        double tipX = points.get(last - 1);
        double tipY = points.get(last);
        double size = HEAD + width(edge) / 2;
        double back = tipY - Math.copySign(size, tipY - points.get(last - 2)); // arrows end upright
        points.set(last, back);
        if (points.size() == 8) {
            points.set(last - 2, points.get(last - 2) + (back - tipY) / 2);
        }
        scene.add(new Curve(points, rgb, width(edge), edge.weight() < 0));
        double half = size * 0.45;
        scene.add(new Area(List.of(tipX, tipY, tipX - half, back, tipX + half, back), rgb));
    }

    private List<Double> shifted(List<Double> points) {
        List<Double> shifted = new ArrayList<>(points);
        for (int i = 0; i < shifted.size(); i++) {
            shifted.set(i, shifted.get(i) + (i % 2 == 0 ? dx : dy));
        }
        return shifted;
    }

    /** Writes on each arrow its label and its number, where there is room; the strongest choose first. */
    private void words(List<Route> weakestFirst) {
        List<Rectangle2D> taken = new ArrayList<>();
        layout.lines()
                .forEach(line -> line.forEach(stand -> {
                    Rectangle2D box = frame(stand);
                    taken.add(new Rectangle2D.Double(
                            box.getX() + dx - 2,
                            box.getY() + dy - HEAD - 4,
                            box.getWidth() + 4,
                            box.getHeight() + 2 * HEAD + 8));
                }));
        for (int i = weakestFirst.size() - 1; i >= 0; i--) {
            Route route = weakestFirst.get(i);
            Graph.Edge edge = route.edge();
            int count = graph.edges().size();
            String label = count > LABELS ? "" : Glyphs.shorten(Glyphs.visible(edge.label()), MOST_LABEL, SMALL);
            String number =
                    count > NUMBERS || Double.isNaN(edge.weight()) ? "" : Numbers.brief(edge.weight(), strongest);
            String both = label.isEmpty() || number.isEmpty() ? label + number : label + " " + number;
            List<Double> points = shifted(route.points());
            if (!both.isEmpty() && !write(points, both, taken) && !label.isEmpty() && !number.isEmpty()) {
                write(points, label, taken);
            }
        }
    }

    private boolean write(List<Double> points, String text, List<Rectangle2D> taken) {
        double width = Glyphs.width(text, SMALL) + 3;
        for (double aside : new double[] {0, width / 2 + 4, -width / 2 - 4}) { // on the arrow, or else beside it
            for (double share : new double[] {0.5, 0.4, 0.6, 0.3, 0.7, 0.2, 0.8}) {
                for (int start = 0; start + 7 < points.size(); start += 6) {
                    double x = bezier(points, start, share) + aside;
                    double y = bezier(points, start + 1, share);
                    Rectangle2D at = new Rectangle2D.Double(x - width / 2, y - 6, width, 12);
                    if (at.getMinX() >= dx + left && taken.stream().noneMatch(at::intersects)) {
                        taken.add(at);
                        scene.include(at.getMaxX() + Scene.PAD, at.getMaxY() + Scene.PAD);
                        scene.add(new Box(at.getX(), at.getY(), width, 12, Tint.WHITE));
                        scene.add(new Words(x, y + SMALL * 0.36, text, Font.of(SMALL, Scene.INK), Anchor.MIDDLE, 0));
                        return true;
                    }
                }
            }
        }
        return false;
    }

    /** One coordinate of a cubic curve: those of its four points are two apart. */
    private static double bezier(List<Double> points, int start, double t) {
        double u = 1 - t;
        return u * u * u * points.get(start)
                + 3 * u * u * t * points.get(start + 2)
                + 3 * u * t * t * points.get(start + 4)
                + t * t * t * points.get(start + 6);
    }
}
