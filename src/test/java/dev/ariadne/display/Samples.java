package dev.ariadne.display;

import dev.ariadne.view.SupernodeGraph;
import dev.ariadne.view.SupernodeGraph.State;
import dev.ariadne.view.View;
import dev.ariadne.view.View.Bar;
import dev.ariadne.view.View.Bars;
import dev.ariadne.view.View.Facts;
import dev.ariadne.view.View.Graph;
import dev.ariadne.view.View.HeatMap;
import dev.ariadne.view.View.Panels;
import dev.ariadne.view.View.Scale;
import dev.ariadne.view.View.Table;
import dev.ariadne.view.View.Text;
import dev.ariadne.view.View.Tokens;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;

/** Views with everything that can go wrong in them. */
final class Samples {
    static final List<String> NASTY = List.of(
            "<script>alert(1)</script>",
            "\"'&amp;",
            "line\nbreak\ttab\r",
            "\u0000\u0007\u001b[31m",
            "lone \ud800 and \udc00",
            "\uFFFE\uFFFF",
            "right\u202eto left",
            "达拉斯",
            "São Paulo é",
            "👩‍👩‍👧",
            "",
            " ".repeat(3),
            "a".repeat(300));

    private Samples() {}

    static List<View> all() {
        List<View> all = new ArrayList<>();
        for (String text : NASTY) {
            all.addAll(with(text));
        }
        all.add(new Table("empty", List.of("a"), List.of()));
        all.add(new Table("nothing", List.of(), List.of()));
        all.add(new Bars("no bars", "token", "p", List.of()));
        all.add(new Panels("no panels", List.of()));
        all.add(new HeatMap("no cells", "row", List.of(), "column", List.of(), new float[0][], "", Scale.SEQUENTIAL));
        all.add(new Tokens("no tokens", List.of(), new double[0], ""));
        all.add(new Graph("no nodes", "", List.of(), List.of(), "", List.of(), ""));
        all.add(graph(50, 90));
        all.add(supernodes(8, 3));
        all.add(new SupernodeGraph("no supernodes", "", List.of(), List.of(), "", List.of()));
        all.add(map(5, 4, Scale.SEQUENTIAL).withTexts(Collections.nCopies(5, tokens(4))));
        all.add(map(30, 12, Scale.DIVERGING));
        all.add(map(64, 64, Scale.SEQUENTIAL));
        all.add(new Panels("heads", Collections.nCopies(12, map(20, 20, Scale.SEQUENTIAL))));
        return all;
    }

    private static List<View> with(String text) {
        float[][] values = {{Float.NaN, -1}, {Float.POSITIVE_INFINITY, 2.5f}};
        List<String> labels = List.of(text, "other");
        Map<String, String> facts = new LinkedHashMap<>();
        facts.put(text, text);
        View map = new HeatMap(text, text, labels, text, labels, values, text, Scale.DIVERGING);
        return List.of(
                new Text(text, text + "\nsecond line"),
                new Facts(text, facts),
                new Table(text, labels, List.of(labels, List.of("1.5", text))),
                new Bars(
                        text,
                        text,
                        text,
                        List.of(text),
                        List.of(
                                new Bar(text, 0.5, List.of(text)),
                                new Bar("b", -1e-9, List.of("2")),
                                new Bar("c", Double.NaN, List.of("3")))),
                map,
                ((HeatMap) map).withTexts(List.of(labels, labels)),
                new Graph(
                        text,
                        text,
                        labels,
                        List.of(
                                new Graph.Node(text, text, 0, 0, Double.NaN),
                                new Graph.Node("b", text, 1, 0, -1),
                                new Graph.Node("c", "c", 1, 0, Double.POSITIVE_INFINITY)),
                        text,
                        List.of(
                                new Graph.Edge(text, "b", -1),
                                new Graph.Edge("c", text, Double.NaN),
                                new Graph.Edge("c", "b", Double.NEGATIVE_INFINITY)),
                        text),
                new SupernodeGraph(
                        text,
                        text,
                        List.of(
                                new SupernodeGraph.Node(text, text, 0, State.SET, Double.NaN, text),
                                new SupernodeGraph.Node("b", text, 2, State.REPLACED, Double.POSITIVE_INFINITY, "")),
                        List.of(new SupernodeGraph.Edge(text, "b", Double.NEGATIVE_INFINITY)),
                        text,
                        List.of(new SupernodeGraph.Output(text, Double.NaN, 0.5))),
                new Tokens(text, List.of(text, "b", "c\n"), new double[] {1, -2, Double.NaN}, text),
                new Panels(text, List.of(map, map, new Text(text, text), new Panels(text, List.of(map)))));
    }

    static HeatMap map(int rows, int columns, Scale scale) {
        Random random = new Random(7);
        float[][] values = new float[rows][columns];
        for (float[] row : values) {
            for (int c = 0; c < columns; c++) {
                row[c] = (float) (scale == Scale.DIVERGING ? random.nextGaussian() : random.nextDouble());
            }
        }
        return new HeatMap("grid", "layer", numbers(rows), "position", tokens(columns), values, "logits", scale);
    }

    /** A graph of heads in twelve layers, arrows from lower layers to higher ones. */
    static Graph graph(int heads, int arrows) {
        Random random = new Random(7);
        List<Graph.Node> nodes = new ArrayList<>();
        for (int i = 0; i < heads; i++) {
            nodes.add(new Graph.Node("n" + i, "L" + i % 12 + "H" + i, i % 12, random.nextInt(12), random.nextDouble()));
        }
        List<Graph.Edge> edges = new ArrayList<>();
        while (edges.size() < arrows) {
            Graph.Node from = nodes.get(random.nextInt(heads));
            Graph.Node to = nodes.get(random.nextInt(heads));
            if (from.row() < to.row()) {
                edges.add(new Graph.Edge(from.id(), to.id(), random.nextGaussian()));
            }
        }
        return new Graph("composition", "layer", numbers(12), nodes, "score", edges, "composition");
    }

    /** Supernodes in many rows, one of them wide, with names of all lengths and in all states. */
    static SupernodeGraph supernodes(int rows, int columns) {
        List<String> names =
                List.of("preposition followed by the name of a place in the south", "Say", "Schifffahrt".repeat(4));
        Random random = new Random(7);
        List<SupernodeGraph.Node> nodes = new ArrayList<>();
        List<SupernodeGraph.Edge> edges = new ArrayList<>();
        for (int row = 0; row < rows; row++) {
            for (int i = 0; i < (row == 2 ? 4 * columns : columns); i++) {
                State state = State.values()[nodes.size() % State.values().length];
                double activation = state == State.INPUT || state == State.SET ? Double.NaN : random.nextDouble() * 1.5;
                String note = state == State.SET ? "×2" : state == State.INSERTED ? "×−2, for another" : "";
                nodes.add(new SupernodeGraph.Node(
                        row + "/" + i, names.get(nodes.size() % names.size()), row, state, activation, note));
                if (row > 0) {
                    String from = random.nextInt(row) + "/" + random.nextInt(columns);
                    edges.add(new SupernodeGraph.Edge(from, row + "/" + i, random.nextGaussian()));
                }
            }
        }
        List<SupernodeGraph.Output> outputs =
                List.of(new SupernodeGraph.Output(" Austin", 0.4, 0.05), new SupernodeGraph.Output("", 0.1, 0.2));
        return new SupernodeGraph("all sorts", "word ".repeat(80), nodes, edges, "share", outputs);
    }

    static List<String> numbers(int n) {
        return IntStream.range(0, n).mapToObj(String::valueOf).toList();
    }

    static List<String> tokens(int n) {
        List<String> words =
                List.of("<|endoftext|>", " the", " capital", "达拉斯首都", " überraschenderweise", ".", " Marie-Hélène");
        return IntStream.range(0, n).mapToObj(i -> words.get(i % words.size())).toList();
    }
}
