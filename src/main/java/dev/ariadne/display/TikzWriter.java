package dev.ariadne.display;

import dev.ariadne.display.GraphLayout.Route;
import dev.ariadne.display.GraphLayout.Stand;
import dev.ariadne.view.View.Graph;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/** Writes a graph as a TikZ picture, laid out as it is drawn elsewhere; the document needs only the package tikz. */
final class TikzWriter {
    private final Graph graph;
    private final GraphLayout layout;
    private final StringBuilder out = new StringBuilder();

    private TikzWriter(Graph graph) {
        this.graph = graph;
        this.layout = new GraphLayout(graph);
    }

    static String write(Graph graph) {
        return new TikzWriter(graph).write();
    }

    private String write() {
        out.append("\\begin{tikzpicture}[x=0.5pt, y=-0.5pt, font=\\sffamily\\tiny]\n");
        double strongest =
                graph.edges().stream().mapToDouble(GraphLayout::strength).reduce(0, Math::max);
        layout.routes().forEach(route -> arrow(route, strongest));
        double left = layout.lines().stream()
                .mapToDouble(line -> line.get(0).x - line.get(0).width / 2)
                .min()
                .orElse(0);
        double heaviest =
                Grid.max(graph.nodes().stream().map(Graph.Node::weight).toList());
        Set<Integer> rows = new HashSet<>();
        for (List<Stand> line : layout.lines()) {
            for (Stand stand : line) {
                double middle = layout.top(stand.line) + layout.boxHeight() / 2;
                double weight = stand.node.weight();
                String number = Double.isNaN(weight) ? "" : "\\\\" + Numbers.brief(weight, heaviest);
                out.append(String.format(
                        Locale.ROOT,
                        "\\node[draw, fill=white, align=center, inner sep=0pt, minimum width=%.1fpt, minimum height=%.1fpt]"
                                + " at (%.1f, %.1f) {%s%s};\n",
                        stand.width / 2,
                        layout.boxHeight() / 2,
                        stand.x,
                        middle,
                        escape(stand.label),
                        number));
                if (rows.add(stand.node.row())) {
                    out.append(String.format(
                            Locale.ROOT,
                            "\\node[anchor=east, text=gray] at (%.1f, %.1f) {%s};\n",
                            left - 12,
                            middle,
                            escape(graph.rows().get(stand.node.row()))));
                }
            }
        }
        if (!graph.title().isBlank()) {
            out.append(String.format(
                    Locale.ROOT, "\\node[anchor=south west] at (%.1f, -12) {%s};\n", left, escape(graph.title())));
        }
        return out.append("\\end{tikzpicture}\n").toString();
    }

    private void arrow(Route route, double strongest) {
        Graph.Edge edge = route.edge();
        List<Double> points = route.points();
        out.append(String.format(
                Locale.ROOT,
                "\\draw[->, line width=%.2fpt%s] %s",
                GraphScene.width(edge, strongest) / 2,
                edge.weight() < 0 ? ", dashed" : "",
                at(points, 0)));
        for (int i = 2; i + 5 < points.size(); i += 6) {
            out.append(" .. controls ").append(at(points, i)).append(" and ").append(at(points, i + 2));
            out.append(" .. ").append(at(points, i + 4));
        }
        if (!edge.label().isEmpty()) {
            out.append(" node[midway, fill=white, inner sep=0.5pt] {")
                    .append(escape(edge.label()))
                    .append('}');
        }
        out.append(";\n");
    }

    private static String at(List<Double> points, int i) {
        return String.format(Locale.ROOT, "(%.1f, %.1f)", points.get(i), points.get(i + 1));
    }

    /** Text that TeX prints as it is. */
    static String escape(String text) {
        StringBuilder safe = new StringBuilder();
        for (char c : Glyphs.visible(text).toCharArray()) {
            switch (c) {
                case '\\' -> safe.append("\\textbackslash{}");
                case '~' -> safe.append("\\textasciitilde{}");
                case '^' -> safe.append("\\textasciicircum{}");
                case '<' -> safe.append("\\textless{}");
                case '>' -> safe.append("\\textgreater{}");
                case '−' -> safe.append("\\ensuremath{-}"); // pdflatex knows no such letters
                case '→' -> safe.append("\\ensuremath{\\to}");
                case '≤' -> safe.append("\\ensuremath{\\le}");
                case '≥' -> safe.append("\\ensuremath{\\ge}");
                case '{', '}', '$', '&', '#', '_', '%' -> safe.append('\\').append(c);
                default -> safe.append(c);
            }
        }
        return safe.toString();
    }
}
