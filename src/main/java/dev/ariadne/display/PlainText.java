package dev.ariadne.display;

import dev.ariadne.view.SupernodeGraph;
import dev.ariadne.view.TokenGraph;
import dev.ariadne.view.View;
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
import java.util.Comparator;
import java.util.List;
import java.util.stream.Collectors;

/** Writes a view as aligned text, for terminals, for readers without pictures, and for comparing two outputs. */
final class PlainText {
    private static final int ROWS = 500;
    private static final int BAR = 20;
    private static final int NUMBER_COLUMNS = 16; // with more columns, one digit stands for a cell
    private static final int DIGITS = 200; // rows and columns of such a map; a long prompt would fill megabytes

    private PlainText() {}

    static String write(View view) {
        if (view instanceof Panels panels) {
            return panels.panels().stream()
                    .map(PlainText::write)
                    .collect(Collectors.joining("\n", title(panels.title()), ""));
        }
        return title(view.title()) + body(view);
    }

    private static String body(View view) {
        if (view instanceof HeatMap map) {
            return map.columns().size() <= NUMBER_COLUMNS || MapScene.showsTexts(map) ? numbers(map) : digits(map);
        } else if (view instanceof Graph graph) {
            return graph(graph);
        } else if (view instanceof SupernodeGraph graph) {
            return SupernodeText.write(graph);
        } else if (view instanceof TokenGraph graph) {
            return TokenGraphText.write(graph);
        } else if (view instanceof Table table) {
            return grid(Grid.of(table));
        } else if (view instanceof Facts facts) {
            return grid(Grid.of(facts));
        } else if (view instanceof Bars bars) {
            return grid(Grid.of(bars));
        } else if (view instanceof Tokens tokens) {
            return grid(Grid.of(tokens));
        } else if (view instanceof Text text) {
            String body = Glyphs.visibleLines(text.body());
            return body.isEmpty() || body.endsWith("\n") ? body : body + "\n";
        }
        throw new AssertionError("unhandled view " + view);
    }

    private static String title(String title) {
        return title.isBlank() ? "" : Glyphs.visible(title) + "\n";
    }

    static String grid(Grid all) {
        Grid grid = all.first(ROWS);
        List<List<String>> lines = new ArrayList<>();
        if (!grid.columns().isEmpty()) {
            lines.add(grid.columns());
        }
        lines.addAll(grid.rows());
        int[] widths = new int[grid.right().size()];
        for (List<String> line : lines) {
            for (int c = 0; c < widths.length; c++) {
                widths[c] = Math.max(widths[c], Glyphs.columns(line.get(c)));
            }
        }
        StringBuilder out = new StringBuilder();
        int header = grid.columns().isEmpty() ? 0 : 1;
        for (int i = 0; i < lines.size(); i++) {
            StringBuilder line = new StringBuilder();
            for (int c = 0; c < widths.length; c++) {
                line.append(Glyphs.pad(
                                lines.get(i).get(c), widths[c], grid.right().get(c)))
                        .append("  ");
                if (c == Grid.BAR_AFTER && !grid.bars().isEmpty()) {
                    line.append(Glyphs.pad(i < header ? "" : bar(i - header, grid), BAR, false))
                            .append("  ");
                }
            }
            out.append(line.toString().stripTrailing()).append('\n');
        }
        String more = Grid.more(all.rows().size(), ROWS);
        return more.isEmpty() ? out.toString() : out + more + "\n";
    }

    private static String bar(int row, Grid grid) {
        BarSpan span = BarSpan.of(grid.bars().get(row), grid.bars());
        int start = (int) Math.round(span.start() * BAR);
        int end = (int) Math.round((span.start() + span.length()) * BAR);
        return " ".repeat(start) + (grid.bars().get(row) < 0 ? "-" : "#").repeat(end - start);
    }

    private static String numbers(HeatMap map) {
        String unit = map.unit().isBlank() ? "" : "unit: " + Glyphs.visible(map.unit()) + "\n";
        return unit + grid(Grid.of(map));
    }

    /** Writes the nodes row by row, then the arrows. */
    private static String graph(Graph graph) {
        double heaviest =
                Grid.max(graph.nodes().stream().map(Graph.Node::weight).toList());
        double strongest =
                Grid.max(graph.edges().stream().map(Graph.Edge::weight).toList());
        List<List<String>> nodes = new ArrayList<>();
        for (int row = 0; row < graph.rows().size(); row++) {
            int at = row;
            graph.nodes().stream()
                    .filter(node -> node.row() == at)
                    .sorted(Comparator.comparingInt(Graph.Node::column))
                    .forEach(node -> nodes.add(List.of(
                            graph.rows().get(at),
                            node.id(),
                            node.label().equals(node.id()) ? "" : node.label(),
                            Double.isNaN(node.weight()) ? "" : Numbers.format(node.weight(), heaviest))));
        }
        List<List<String>> edges = graph.edges().stream()
                .map(edge -> List.of(
                        edge.from(),
                        edge.label().isEmpty() ? "->" : "-" + edge.label() + "->",
                        edge.to(),
                        Double.isNaN(edge.weight()) ? "" : Numbers.format(edge.weight(), strongest)))
                .toList();
        return grid(Grid.of(new Table("", List.of(graph.rowName(), "node", "label", graph.nodeUnit()), nodes)))
                + grid(Grid.of(new Table("", List.of("from", "", "to", graph.edgeUnit()), edges)));
    }

    /** Writes one character for a cell: tenths of the largest value, letters below zero. */
    private static String digits(HeatMap map) {
        Tint tint = Tint.of(List.of(map));
        int width = map.rows().stream()
                .mapToInt(label -> Glyphs.columns(Glyphs.visible(label)))
                .reduce(0, Math::max);
        StringBuilder out = new StringBuilder();
        String unit = map.unit().isBlank() ? "" : " " + Glyphs.visible(map.unit());
        out.append("one character per cell: 1 to 9 = tenths of ")
                .append(Numbers.format(tint.max()))
                .append(unit)
                .append(tint.scale() == Scale.DIVERGING ? ", a to i = tenths below zero" : "")
                .append(tint.gaps() ? ", ? = no value" : "")
                .append(", . = less\n");
        int columns = Math.min(DIGITS, map.columns().size());
        for (int r = 0; r < Math.min(DIGITS, map.rows().size()); r++) {
            out.append(Glyphs.pad(Glyphs.visible(map.rows().get(r)), width, true))
                    .append("  ");
            for (int c = 0; c < columns; c++) {
                out.append(digit(map.value(r, c) / tint.max()));
            }
            out.append(columns < map.columns().size() ? "…\n" : "\n");
        }
        String more = Grid.more(map.rows().size(), DIGITS);
        out.append(more.isEmpty() ? "" : more + "\n");
        String names = map.columns().stream().limit(DIGITS).map(Glyphs::visible).collect(Collectors.joining(" | "));
        return out + Glyphs.visible(map.columnName()) + ": " + names
                + (columns < map.columns().size() ? " …\n" : "\n");
    }

    private static char digit(double share) {
        if (Double.isNaN(share)) {
            return '?';
        }
        int tenths = (int) Math.min(9, Math.floor(Math.abs(share) * 10));
        return tenths == 0 ? '.' : (char) ((share < 0 ? 'a' - 1 : '0') + tenths);
    }
}
