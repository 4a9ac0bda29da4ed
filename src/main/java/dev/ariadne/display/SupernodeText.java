package dev.ariadne.display;

import dev.ariadne.view.SupernodeGraph;
import dev.ariadne.view.SupernodeGraph.Node;
import dev.ariadne.view.SupernodeGraph.Output;
import dev.ariadne.view.SupernodeGraph.State;
import dev.ariadne.view.View.Table;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** A supernode graph in words: for terminals, and for those who do not see its picture. */
final class SupernodeText {
    private SupernodeText() {}

    /** A probability or a fraction as a whole percentage. */
    static String percent(double fraction) {
        return Double.isNaN(fraction)
                ? ""
                : String.format(Locale.ROOT, "%.0f %%", 100 * fraction).replace("-0 %", "0 %");
    }

    /** The change of a probability in points, with its sign; empty where nothing is compared or nothing changes. */
    static String change(Output output) {
        long points = Math.round(100 * output.now()) - Math.round(100 * output.before());
        return Double.isNaN(output.before()) || points == 0
                ? ""
                : String.format(Locale.ROOT, "%+d", points).replace('-', '−');
    }

    /** What a node says besides its name. */
    static String status(Node node) {
        String active = node.state() == State.EMPTY ? "no features" : percent(node.activation());
        String note = Glyphs.visible(node.note());
        return note + (note.isEmpty() || active.isEmpty() ? "" : ", ") + active;
    }

    static String alt(SupernodeGraph graph) {
        String nodes = graph.nodes().stream()
                .filter(node -> node.state() != State.INPUT)
                .map(node -> node.label() + (status(node).isEmpty() ? "" : " " + status(node)))
                .collect(Collectors.joining("; "));
        String outputs = graph.outputs().stream()
                .map(output -> output.token() + " " + percent(output.now()))
                .collect(Collectors.joining(", "));
        return "Supernode graph" + (graph.title().isBlank() ? "" : ", " + graph.title()) + ". " + nodes
                + ". Top outputs: " + outputs;
    }

    /** Nodes from the top row down, arrows, outputs. */
    static String write(SupernodeGraph graph) {
        List<List<String>> nodes = graph.nodes().stream()
                .sorted(Comparator.comparingInt(node -> -node.row()))
                .map(node -> List.of(
                        Integer.toString(node.row()),
                        node.label(),
                        node.state().name().toLowerCase(Locale.ROOT),
                        percent(node.activation()),
                        node.note()))
                .toList();
        double strongest =
                Grid.max(graph.edges().stream().map(SupernodeGraph.Edge::weight).toList());
        List<List<String>> edges = new ArrayList<>();
        for (SupernodeGraph.Edge edge : graph.edges()) {
            String weight = Double.isNaN(edge.weight()) ? "" : Numbers.format(edge.weight(), strongest);
            edges.add(List.of(edge.from(), "->", edge.to(), weight));
        }
        List<List<String>> outputs = graph.outputs().stream()
                .map(output -> List.of(output.token(), percent(output.before()), percent(output.now())))
                .toList();
        return "prompt: " + Glyphs.visible(graph.prompt()) + "\n"
                + table(List.of("row", "supernode", "state", "activation", "set"), nodes)
                + (edges.isEmpty() ? "" : table(List.of("from", "", "to", graph.edgeUnit()), edges))
                + table(List.of("output", "before", "now"), outputs);
    }

    private static String table(List<String> columns, List<List<String>> rows) {
        return PlainText.grid(Grid.of(new Table("", columns, rows)));
    }
}
