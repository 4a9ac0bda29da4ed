package dev.ariadne.display;

import dev.ariadne.view.View.Graph;
import java.util.Comparator;
import java.util.Locale;

/** Writes a graph in Graphviz's language: a rank per row, arrows as wide as they are drawn elsewhere. */
final class DotWriter {
    private DotWriter() {}

    static String write(Graph graph) {
        StringBuilder out = new StringBuilder("digraph {\n  rankdir=TB;\n  labelloc=t;\n");
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
