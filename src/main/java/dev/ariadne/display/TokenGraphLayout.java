package dev.ariadne.display;

import dev.ariadne.view.TokenGraph;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Where the nodes of a graph stand: a column for each token, a row for each layer, the lowest at the bottom; the nodes of a cell side by
 * side, in as many lines as keep the picture about as wide as asked. No two nodes overlap, whatever their number.
 *
 * @param x of each node's center
 * @param y of each node's center
 * @param columns left edge and width of each column
 * @param rows top edge and height of each row
 * @param radius of a node
 */
record TokenGraphLayout(List<Double> x, List<Double> y, List<Span> columns, List<Span> rows, double radius) {
    static final double RADIUS = 4;
    private static final double STEP = 2.75 * RADIUS;
    private static final double PAD = 1.25 * RADIUS;

    /** A stretch of an axis. */
    record Span(double start, double size) {
        double end() {
            return start + size;
        }
    }

    /**
     * Lays out a graph.
     *
     * @param aspect the width of the picture over its height, about; few nodes give what they give
     */
    static TokenGraphLayout of(TokenGraph graph, double aspect) {
        List<List<Integer>> cells = cells(graph);
        int nTokens = graph.tokens().size();
        int[] widest = new int[nTokens];
        for (int i = 0; i < cells.size(); i++) {
            widest[i % nTokens] = Math.max(widest[i % nTokens], cells.get(i).size());
        }
        // The fewest nodes per line that make the picture wide enough: more lines make it higher.
        int perLine = 1;
        int most = IntStream.of(widest).reduce(1, Math::max);
        while (perLine < most && width(widest, perLine) < aspect * height(lines(cells, graph, perLine))) {
            perLine++;
        }
        return placed(graph, cells, widest, perLine);
    }

    private static TokenGraphLayout placed(TokenGraph graph, List<List<Integer>> cells, int[] widest, int perLine) {
        int nTokens = widest.length;
        int[] lines = lines(cells, graph, perLine);
        List<Span> columns = new ArrayList<>();
        double left = 0;
        for (int size : widest) {
            columns.add(new Span(left, 2 * PAD + STEP * Math.max(2, Math.min(size, perLine))));
            left = columns.get(columns.size() - 1).end();
        }
        List<Span> rows = new ArrayList<>();
        double bottom = height(lines);
        for (int count : lines) {
            double size = 2 * PAD + STEP * count;
            rows.add(new Span(bottom - size, size));
            bottom -= size;
        }
        Double[] x = new Double[graph.nodes().size()];
        Double[] y = new Double[graph.nodes().size()];
        for (int cell = 0; cell < cells.size(); cell++) {
            Span column = columns.get(cell % nTokens);
            Span row = rows.get(cell / nTokens);
            List<Integer> members = cells.get(cell);
            for (int i = 0; i < members.size(); i++) {
                int line = i / perLine;
                int inLine = Math.min(perLine, members.size() - line * perLine);
                x[members.get(i)] = column.start() + column.size() / 2 + STEP * (i % perLine - (inLine - 1) / 2.0);
                y[members.get(i)] = row.start() + PAD + STEP * (line + 0.5);
            }
        }
        return new TokenGraphLayout(List.of(x), List.of(y), columns, rows, RADIUS);
    }

    /** The nodes of each layer and token, the most influential first. */
    private static List<List<Integer>> cells(TokenGraph graph) {
        List<List<Integer>> cells = new ArrayList<>();
        for (int i = 0; i < graph.layers().size() * graph.tokens().size(); i++) {
            cells.add(new ArrayList<>());
        }
        for (int i = 0; i < graph.nodes().size(); i++) {
            TokenGraph.Node node = graph.nodes().get(i);
            cells.get(node.row() * graph.tokens().size() + node.column()).add(i);
        }
        Comparator<Integer> influence =
                Comparator.comparingDouble(i -> graph.nodes().get(i).influence()); // NaN comes last
        cells.forEach(cell -> cell.sort(influence));
        return cells;
    }

    private static int[] lines(List<List<Integer>> cells, TokenGraph graph, int perLine) {
        int[] lines = new int[graph.layers().size()];
        for (int i = 0; i < cells.size(); i++) {
            int row = i / graph.tokens().size();
            lines[row] = Math.max(lines[row], (cells.get(i).size() + perLine - 1) / perLine);
        }
        return lines;
    }

    private static double width(int[] widest, int perLine) {
        return IntStream.of(widest)
                .mapToDouble(size -> 2 * PAD + STEP * Math.max(2, Math.min(size, perLine)))
                .sum();
    }

    private static double height(int[] lines) {
        return IntStream.of(lines).mapToDouble(count -> 2 * PAD + STEP * count).sum();
    }

    double width() {
        return columns.isEmpty() ? 0 : columns.get(columns.size() - 1).end();
    }

    double height() {
        return rows.isEmpty() ? 0 : rows.get(0).end();
    }
}
