package dev.ariadne.display;

import dev.ariadne.display.Scene.Anchor;
import dev.ariadne.display.Scene.Box;
import dev.ariadne.display.Scene.Curve;
import dev.ariadne.display.Scene.Font;
import dev.ariadne.display.Scene.Words;
import dev.ariadne.view.SupernodeGraph;
import dev.ariadne.view.SupernodeGraph.Node;
import dev.ariadne.view.SupernodeGraph.Output;
import dev.ariadne.view.SupernodeGraph.State;
import dev.ariadne.view.View.Graph;
import java.awt.geom.Rectangle2D;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;

/**
 * Draws supernode graphs. What a box says it says without color: how full its gauge is, whether its frame is thin, thick or broken, whether
 * its name is struck out.
 */
final class SupernodeScene implements GraphScene.Boxes {
    private static final double NAME = 12;
    private static final double NOTE = 10;
    private static final double WIDEST = 124; // a name's line
    private static final int MOST_LINES = 4;
    private static final double LINE = 15;
    private static final double GAUGE = 5;
    private static final double PAGE = 640;
    private static final double BAR = 220;
    private static final double TOKEN = 150;
    private static final int SET = 0x9A4A00;
    private static final int GONE = 0x6E7781;
    private static final Map<State, String> LEGEND = legend();

    private final Map<String, Node> nodes = new HashMap<>();
    private final Map<String, List<String>> names = new HashMap<>();
    private final int lines;
    private final double strongest;

    private SupernodeScene(SupernodeGraph graph) {
        this.strongest = graph.edges().stream()
                .mapToDouble(SupernodeGraph.Edge::weight)
                .filter(Double::isFinite)
                .map(Math::abs)
                .reduce(0, Math::max);
        for (Node node : graph.nodes()) {
            nodes.put(node.id(), node);
            List<String> all = Glyphs.fold(Glyphs.visible(node.label()), WIDEST, NAME);
            List<String> shown = new ArrayList<>(all.subList(0, Math.min(MOST_LINES, all.size())));
            if (all.size() > MOST_LINES) {
                shown.set(
                        MOST_LINES - 1,
                        Glyphs.shorten(shown.get(MOST_LINES - 1) + " " + all.get(MOST_LINES), WIDEST, NAME));
            }
            names.put(node.id(), shown);
        }
        this.lines = names.values().stream().mapToInt(List::size).reduce(1, Math::max);
    }

    private static Map<State, String> legend() {
        Map<State, String> words = new EnumMap<>(State.class);
        words.put(State.LOWERED, "gray name: at most a quarter of its activation is left");
        words.put(State.OFF, "broken frame, struck out: turned off");
        words.put(State.SET, "thick frame: set");
        words.put(State.REPLACED, "broken frame, struck out: turned off, the thick frame beside it stands in for it");
        words.put(State.INSERTED, "thick frame: from another prompt");
        return words;
    }

    static Scene of(SupernodeGraph graph) {
        Scene scene = new Scene();
        if (graph.nodes().isEmpty()) {
            scene.heading(graph.title().isBlank() ? "no supernodes" : graph.title(), "", PAGE);
        } else {
            scene.below(GraphScene.of(asGraph(graph), new SupernodeScene(graph)));
        }
        scene.below(words("Prompt", Glyphs.fold(Glyphs.visible(graph.prompt()), PAGE, NAME), NAME, Scene.INK));
        if (!graph.outputs().isEmpty()) {
            scene.below(outputs(graph.outputs()));
        }
        String key = LEGEND.entrySet().stream()
                .filter(entry -> graph.nodes().stream().anyMatch(node -> node.state() == entry.getKey()))
                .map(Map.Entry::getValue)
                .distinct()
                .collect(Collectors.joining(" · "));
        String gauge = "the bar in a box: its activation, full at 100 %";
        String all = graph.nodes().stream().allMatch(node -> Double.isNaN(node.activation()))
                ? key
                : gauge + (key.isEmpty() ? "" : " · " + key);
        if (!all.isEmpty()) {
            scene.below(words("", Glyphs.fold(all, PAGE, NOTE), NOTE, Scene.FAINT));
        }
        return scene;
    }

    /** The same in rows from the top; arrows that carry nothing any more have no weight. */
    private static Graph asGraph(SupernodeGraph graph) {
        Map<String, State> states = graph.nodes().stream().collect(Collectors.toMap(Node::id, Node::state));
        List<Graph.Node> nodes = new ArrayList<>();
        for (Node node : graph.nodes()) {
            nodes.add(new Graph.Node(node.id(), node.label(), graph.rows() - 1 - node.row(), nodes.size(), Double.NaN));
        }
        List<Graph.Edge> edges = graph.edges().stream()
                .map(edge -> {
                    State from = Objects.requireNonNull(states.get(edge.from()));
                    boolean cut = from == State.OFF || from == State.REPLACED;
                    return new Graph.Edge(edge.from(), edge.to(), cut ? Double.NaN : edge.weight());
                })
                .toList();
        List<String> rows = Collections.nCopies(graph.rows(), "");
        return new Graph(graph.title(), "", rows, nodes, "", edges, graph.edgeUnit());
    }

    @Override
    public double height() {
        return 6 + LINE * lines + LINE + GAUGE + 7;
    }

    @Override
    public double width(Graph.Node node) {
        double name = names(node).stream()
                .mapToDouble(line -> Glyphs.width(line, NAME))
                .reduce(0, Math::max);
        return 18 + Math.max(72, Math.max(name, Glyphs.width(SupernodeText.status(node(node)), NOTE)));
    }

    @Override
    public double strongest() {
        return strongest;
    }

    private List<String> names(Graph.Node node) {
        return Objects.requireNonNull(names.get(node.id()));
    }

    private Node node(Graph.Node node) {
        return Objects.requireNonNull(nodes.get(node.id()));
    }

    @Override
    public void draw(Scene scene, Graph.Node at, Rectangle2D box) {
        Node node = node(at);
        State state = node.state();
        boolean off = state == State.OFF || state == State.REPLACED;
        frame(scene, box, state);
        int ink = off || state == State.LOWERED ? GONE : Scene.INK;
        List<String> name = names(at);
        double room = state == State.INPUT ? box.getHeight() - 12 : LINE * lines;
        double y = box.getY() + 6 + (room - LINE * name.size()) / 2;
        for (String line : name) {
            y += LINE;
            scene.add(new Words(box.getCenterX(), y - 3, line, Font.of(NAME, ink), Anchor.MIDDLE, 0));
            if (off) {
                double width = Glyphs.width(line, NAME);
                scene.add(new Box(box.getCenterX() - width / 2, y - 7.5, width, 1.2, GONE));
            }
        }
        double base = box.getY() + 6 + LINE * (lines + 1) - 3;
        String status = SupernodeText.status(node);
        boolean pill = !node.note().isEmpty();
        if (pill) {
            double width = Glyphs.width(status, NOTE) + 8;
            scene.add(new Box(box.getCenterX() - width / 2, base - 11, width, 14, SET));
        }
        Font font = Font.of(NOTE, pill ? Tint.WHITE : ink);
        scene.add(new Words(box.getCenterX(), base, status, font, Anchor.MIDDLE, 0));
        gauge(scene, box, node.activation());
    }

    private static void gauge(Scene scene, Rectangle2D box, double activation) {
        if (Double.isNaN(activation)) {
            return;
        }
        double width = box.getWidth() - 12;
        double y = box.getMaxY() - GAUGE - 5;
        scene.add(new Box(box.getX() + 6, y, width, GAUGE, Scene.RULE));
        double full = Math.max(0, Math.min(1, activation));
        scene.add(new Box(box.getX() + 6, y, width * full, GAUGE, TableScene.BLUE));
    }

    private static void frame(Scene scene, Rectangle2D box, State state) {
        double x = box.getX();
        double y = box.getY();
        boolean broken = state == State.OFF || state == State.REPLACED;
        double thick = state == State.SET || state == State.INSERTED ? 3 : 1;
        int fill = state == State.INPUT || state == State.EMPTY ? 0xF0F2F4 : Tint.WHITE;
        scene.add(new Box(x, y, box.getWidth(), box.getHeight(), broken ? Tint.WHITE : thick > 1 ? SET : Scene.FAINT));
        scene.add(new Box(x + thick, y + thick, box.getWidth() - 2 * thick, box.getHeight() - 2 * thick, fill));
        if (broken) {
            double right = box.getMaxX();
            double low = box.getMaxY();
            side(scene, x, y, right, y);
            side(scene, right, y, right, low);
            side(scene, right, low, x, low);
            side(scene, x, low, x, y);
        }
    }

    private static void side(Scene scene, double x0, double y0, double x1, double y1) {
        scene.add(new Curve(List.of(x0, y0, x0, y0, x1, y1, x1, y1), GONE, 1.5, true));
    }

    private static Scene words(String heading, List<String> lines, double size, int rgb) {
        Scene scene = new Scene();
        double y = heading.isEmpty() ? 2 : 16;
        if (!heading.isEmpty()) {
            scene.text(Scene.PAD, y - 4, heading, new Font(NOTE, Scene.FAINT, true, false));
        }
        for (String line : lines) {
            y += size + 4;
            scene.text(Scene.PAD, y - 4, line, Font.of(size, rgb));
            scene.include(2 * Scene.PAD + Glyphs.width(line, size), y + 4);
        }
        return scene;
    }

    /** One line for each token: a bar for its probability, a mark where it was, the change in points. */
    private static Scene outputs(List<Output> outputs) {
        boolean compared = outputs.stream().anyMatch(output -> !Double.isNaN(output.before()));
        Scene scene = new Scene();
        String heading = "Top outputs" + (compared ? " · mark: before the intervention" : "");
        scene.text(Scene.PAD, 12, heading, new Font(NOTE, Scene.FAINT, true, false));
        double y = 18;
        for (Output output : outputs) {
            String token = Glyphs.shorten(Glyphs.visible(output.token()), TOKEN - 12, NAME);
            scene.text(Scene.PAD, y + 12, token.isEmpty() ? "(empty)" : token, Font.of(NAME, Scene.INK));
            double x = Scene.PAD + TOKEN;
            scene.add(new Box(x, y + 3, BAR, 11, 0xF0F2F4));
            scene.add(new Box(x, y + 3, BAR * Math.min(1, output.now()), 11, TableScene.BLUE));
            if (!Double.isNaN(output.before())) {
                scene.add(new Box(x + BAR * Math.min(1, output.before()) - 1, y + 1, 2, 15, Scene.INK));
            }
            String now = SupernodeText.percent(output.now());
            scene.add(new Words(x + BAR + 46, y + 12, now, Font.of(NAME, Scene.INK), Anchor.END, 0));
            String change = SupernodeText.change(output);
            scene.add(new Words(x + BAR + 84, y + 12, change, Font.of(NAME, Scene.FAINT), Anchor.END, 0));
            y += 19;
        }
        scene.include(Scene.PAD + TOKEN + BAR + 96, y + 6);
        return scene;
    }
}
