package dev.ariadne.display;

import dev.ariadne.view.SupernodeGraph;
import dev.ariadne.view.TokenGraph;
import dev.ariadne.view.View;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** Writes what is made of rows and columns for other programs: CSV with all digits, LaTeX with those that are shown. */
final class TableWriter {
    private TableWriter() {}

    /** Comma-separated, RFC 4180, the first line names the columns; a heat map's first column holds the names of its rows. */
    static String csv(View view) {
        List<List<String>> lines = new ArrayList<>();
        if (view instanceof View.HeatMap map) {
            lines.add(line(map.rowName() + "\\" + map.columnName(), map.columns()));
            for (int r = 0; r < map.rows().size(); r++) {
                int row = r;
                lines.add(line(
                        map.rows().get(r),
                        IntStream.range(0, map.columns().size())
                                .mapToObj(column -> Float.toString(map.value(row, column)))
                                .toList()));
            }
        } else if (view instanceof View.Tokens tokens) {
            lines.add(List.of("token", tokens.unit().isBlank() ? "value" : tokens.unit()));
            double[] values = tokens.values();
            for (int i = 0; i < values.length; i++) {
                lines.add(List.of(tokens.tokens().get(i), Double.toString(values[i])));
            }
        } else if (view instanceof View.Bars bars) {
            lines.add(line(bars.labelName(), line(bars.valueName(), bars.noteNames())));
            bars.bars().forEach(bar -> lines.add(line(bar.label(), line(Double.toString(bar.value()), bar.notes()))));
        } else if (view instanceof View.Graph graph) {
            lines.add(List.of("from", "to", "weight", "label"));
            graph.edges()
                    .forEach(edge ->
                            lines.add(List.of(edge.from(), edge.to(), Double.toString(edge.weight()), edge.label())));
        } else if (view instanceof TokenGraph graph) {
            lines.add(List.of("from", "to", "weight", "from label", "to label"));
            graph.links().forEach(link -> lines.add(link(graph, link)));
        } else if (view instanceof SupernodeGraph graph) {
            lines.add(List.of("from", "to", "weight"));
            graph.edges().forEach(edge -> lines.add(List.of(edge.from(), edge.to(), Double.toString(edge.weight()))));
        } else if (view instanceof View.Table table) {
            lines.add(table.columns());
            lines.addAll(table.rows());
        } else {
            lines.addAll(grid(view, "tables and graphs are written as CSV").rows());
        }
        return lines.stream()
                .map(line -> line.stream().map(TableWriter::quoted).collect(Collectors.joining(",")) + "\r\n")
                .collect(Collectors.joining());
    }

    private static List<String> link(TokenGraph graph, TokenGraph.Link link) {
        TokenGraph.Node from = graph.nodes().get(link.from());
        TokenGraph.Node to = graph.nodes().get(link.to());
        return List.of(from.id(), to.id(), Double.toString(link.weight()), graph.name(from), graph.name(to));
    }

    /** A {@code tabular}, for a LaTeX document that needs no package for it; numbers are aligned right. */
    static String latex(View view) {
        Grid grid = grid(view, "tables are written as LaTeX");
        StringBuilder out = new StringBuilder("\\begin{tabular}{");
        grid.right().forEach(right -> out.append(right ? 'r' : 'l'));
        out.append("}\n\\hline\n");
        if (!grid.columns().isEmpty()) {
            out.append(row(grid.columns())).append("\\hline\n");
        }
        grid.rows().forEach(row -> out.append(row(row)));
        return out.append("\\hline\n\\end{tabular}\n").toString();
    }

    private static String row(List<String> cells) {
        String line = cells.stream().map(TikzWriter::escape).collect(Collectors.joining(" & "));
        boolean option =
                line.stripLeading().startsWith("[") || line.stripLeading().startsWith("*");
        return (option ? "{}" : "") + line + " \\\\\n"; // else the row above's \\\\ would read it as its option
    }

    /** Whether a view can be a {@code tabular}. */
    static boolean isTable(View view) {
        return !(view instanceof View.Text
                || view instanceof View.Panels
                || view instanceof View.Graph
                || view instanceof SupernodeGraph
                || view instanceof TokenGraph);
    }

    private static Grid grid(View view, String what) {
        if (view instanceof View.Table table) {
            return Grid.of(table);
        } else if (view instanceof View.Facts facts) {
            return Grid.of(facts);
        } else if (view instanceof View.Bars bars) {
            return Grid.of(bars);
        } else if (view instanceof View.Tokens tokens) {
            return Grid.of(tokens);
        } else if (view instanceof View.HeatMap map) {
            return Grid.of(map);
        }
        throw new IllegalArgumentException(
                "only " + what + ", got a " + view.getClass().getSimpleName() + " '" + view.title()
                        + "'; save it as .svg, .png or .txt, or its table() or diagram() where it has one");
    }

    private static List<String> line(String first, List<String> rest) {
        List<String> line = new ArrayList<>(List.of(first));
        line.addAll(rest);
        return line;
    }

    private static String quoted(String cell) {
        return cell.matches("(?s).*[\",\\r\\n].*") ? '"' + cell.replace("\"", "\"\"") + '"' : cell;
    }
}
