package dev.ariadne.display;

import dev.ariadne.view.SupernodeGraph;
import dev.ariadne.view.TokenGraph;
import dev.ariadne.view.View;
import dev.ariadne.view.View.Graph;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;

/** Writes a graph in Graphviz's language: a rank per row, arrows as wide as they are drawn elsewhere. */
final class DotWriter {
    private DotWriter() {}

    static String of(View view) {
        if (view instanceof Graph graph) {
            return write(graph, "TB");
        } else if (view instanceof TokenGraph graph) {
            return write(plain(graph), "BT");
        } else if (view instanceof SupernodeGraph graph) {
            return write(plain(graph), "BT");
        }
        throw new IllegalArgumentException("only graphs are written as DOT, got a "
                + view.getClass().getSimpleName() + " '" + view.title()
                + "'; circuits show more than their graph: save circuit.diagram()");
    }

    private static Graph plain(TokenGraph graph) {
        List<Graph.Node> nodes = graph.nodes().stream()
                .map(node -> new Graph.Node(node.id(), graph.name(node), node.row(), node.column(), node.value()))
                .toList();
        List<Graph.Edge> edges = graph.links().stream()
                .map(link -> new Graph.Edge(
                        graph.nodes().get(link.from()).id(),
                        graph.nodes().get(link.to()).id(),
                        link.weight()))
                .toList();
        return new Graph(graph.title(), "layer", graph.layers(), nodes, "", edges, "");
    }

    private static Graph plain(SupernodeGraph graph) {
        List<Graph.Node> nodes = graph.nodes().stream()
                .map(node -> new Graph.Node(
                        node.id(),
                        (node.label() + " " + node.note()).strip(),
                        node.row(),
                        0, // in the order given
                        node.activation()))
                .toList();
        List<Graph.Edge> edges = graph.edges().stream()
                .map(edge -> new Graph.Edge(edge.from(), edge.to(), edge.weight()))
                .toList();
        return new Graph(graph.title(), "", Collections.nCopies(graph.rows(), ""), nodes, "", edges, graph.edgeUnit());
    }

    /** Rows are ranks in the direction of the arrows: "TB" puts the first at the top, "BT" at the bottom. */
    private static String write(Graph graph, String direction) {
        StringBuilder out = new StringBuilder("digraph {\n  rankdir=" + direction + ";\n  labelloc=t;\n");
        out.append("  label=").append(quote(graph.title())).append(";\n");
        out.append("  node [shape=box, fontname=\"Helvetica\", fontsize=11, height=0.3];\n");
        out.append("  edge [fontname=\"Helvetica\", fontsize=9, arrowsize=0.6];\n");
        double heaviest =
                Grid.max(graph.nodes().stream().map(Graph.Node::weight).toList());
        double strongest =
                graph.edges().stream().mapToDouble(GraphLayout::strength).reduce(0, Math::max);
        for (int row = 0; row < graph.rows().size(); row++) {
            int at = row;
            out.append("  { rank=same;");
            graph.nodes().stream()
                    .filter(node -> node.row() == at)
                    .sorted(Comparator.comparingInt(Graph.Node::column))
                    .forEach(node -> {
                        String number =
                                Double.isNaN(node.weight()) ? "" : "\n" + Numbers.brief(node.weight(), heaviest);
                        out.append(' ').append(quote(node.id())).append(" [label=");
                        out.append(quote(node.label(), number)).append("];");
                    });
            out.append(" }\n");
        }
        for (Graph.Edge edge : graph.edges()) {
            out.append("  ").append(quote(edge.from())).append(" -> ").append(quote(edge.to()));
            out.append(" [penwidth=");
            out.append(String.format(Locale.ROOT, "%.2f", GraphScene.width(edge, strongest)));
            if (!edge.label().isEmpty()) {
                out.append(", label=").append(quote(edge.label()));
            }
            if (edge.weight() < 0) {
                out.append(", style=dashed");
            }
            out.append("];\n");
        }
        return out.append("}\n").toString();
    }

    private static String quote(String text) {
        return quote(text, "");
    }

    /** A quoted string, then a second line of ours. */
    private static String quote(String text, String more) {
        String safe = Glyphs.visible(text).replace("\\", "\\\\").replace("\"", "\\\"");
        return "\"" + safe + more.replace("\n", "\\n") + "\"";
    }
}
