package dev.ariadne.view;

import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/**
 * What there is to see, as plain data: no colors, no HTML, no tensors.
 *
 * <p>Views are immutable. A view is itself displayable, so a notebook can build one and show it.
 */
public sealed interface View extends Displayable
        permits View.Text,
                View.Facts,
                View.Table,
                View.Bars,
                View.HeatMap,
                View.Panels,
                View.Tokens,
                View.Graph,
                SupernodeGraph,
                TokenGraph {
    @Override
    default View view() {
        return this;
    }

    /**
     * Returns the heading.
     *
     * @return the heading, empty for none
     */
    String title();

    /** How the values of a heat map become colors. */
    enum Scale {
        /** From zero to the largest value: attention patterns, probabilities. */
        SEQUENTIAL,
        /** Symmetric about zero: effects, differences of logits. */
        DIVERGING
    }

    /**
     * Some text, shown in a fixed-width font.
     *
     * @param title the heading, empty for none
     * @param body the text, line breaks kept
     */
    record Text(String title, String body) implements View {}

    /**
     * Names with their values, such as the summary of a model.
     *
     * @param title the heading, empty for none
     * @param facts name to value, in the order shown
     */
    record Facts(String title, Map<String, String> facts) implements View {
        /** Copies the facts, keeping their order. */
        public Facts {
            facts = Collections.unmodifiableMap(new LinkedHashMap<>(facts));
        }
    }

    /**
     * A table; columns in which every cell is a number are aligned right.
     *
     * @param title the heading, empty for none
     * @param columns the column names
     * @param rows the cells, each row as long as {@code columns}
     */
    record Table(String title, List<String> columns, List<List<String>> rows) implements View {
        /** Copies the cells and checks the length of each row. */
        public Table {
            columns = List.copyOf(columns);
            rows = rows.stream().map(List::copyOf).toList();
            for (int r = 0; r < rows.size(); r++) {
                requireSize(
                        "row " + r + " of the table '" + title + "'",
                        rows.get(r).size(),
                        "columns",
                        columns);
            }
        }
    }

    /**
     * A ranked table with a bar in each row, such as the next-token table.
     *
     * @param title the heading, empty for none
     * @param labelName the heading of the label column
     * @param valueName the heading of the column with the bars
     * @param noteNames the headings of the further columns
     * @param bars the rows, in the order shown
     */
    record Bars(String title, String labelName, String valueName, List<String> noteNames, List<Bar> bars)
            implements View {
        /** Copies the rows and checks the number of notes in each. */
        public Bars {
            noteNames = List.copyOf(noteNames);
            bars = List.copyOf(bars);
            for (Bar bar : bars) {
                requireSize(
                        "notes of the bar '" + bar.label() + "'", bar.notes().size(), "noteNames", noteNames);
            }
        }

        /**
         * Creates a table without further columns.
         *
         * @param title the heading, empty for none
         * @param labelName the heading of the label column
         * @param valueName the heading of the column with the bars
         * @param bars the rows, in the order shown
         */
        public Bars(String title, String labelName, String valueName, List<Bar> bars) {
            this(title, labelName, valueName, List.of(), bars);
        }
    }

    /**
     * One row of {@link Bars}.
     *
     * @param label what the bar stands for
     * @param value the length of the bar; negative bars have another color; NaN has no bar
     * @param notes the cells of the further columns
     */
    record Bar(String label, double value, List<String> notes) {
        /** Copies the notes. */
        public Bar {
            Objects.requireNonNull(label, "label");
            notes = List.copyOf(notes);
        }

        /**
         * Creates a row without further columns.
         *
         * @param label what the bar stands for
         * @param value the length of the bar
         */
        public Bar(String label, double value) {
            this(label, value, List.of());
        }
    }

    /**
     * Colored cells with labels on both axes, such as a patching grid or an attention pattern.
     *
     * @param title the heading, empty for none
     * @param rowName what a row is, such as "layer"
     * @param rows the row labels, the first at the top
     * @param columnName what a column is, such as "position"
     * @param columns the column labels
     * @param values [row, column]; NaN cells are gray; copied, and the accessor returns a copy
     * @param unit the unit of the values, such as "logits"
     * @param scale how values become colors
     * @param texts [row][column] what is written in the cells instead of numbers, such as the top token; empty for nothing
     */
    @SuppressWarnings("ArrayRecordComponent") // copied on the way in and out, compared by content below
    record HeatMap(
            String title,
            String rowName,
            List<String> rows,
            String columnName,
            List<String> columns,
            float[][] values,
            String unit,
            Scale scale,
            List<List<String>> texts)
            implements View {
        /** Copies everything and checks the sizes. */
        public HeatMap {
            rows = List.copyOf(rows);
            columns = List.copyOf(columns);
            values = copy(values);
            texts = texts.stream().map(List::copyOf).toList();
            if (!texts.isEmpty()) {
                requireSize("texts of the heat map '" + title + "'", texts.size(), "rows", rows);
            }
            for (int r = 0; r < texts.size(); r++) {
                requireSize(
                        "texts[" + r + "] of the heat map '" + title + "'",
                        texts.get(r).size(),
                        "columns",
                        columns);
            }
            requireSize("values of the heat map '" + title + "'", values.length, "rows", rows);
            for (int r = 0; r < values.length; r++) {
                requireSize("values[" + r + "] of the heat map '" + title + "'", values[r].length, "columns", columns);
            }
        }

        /**
         * Creates a heat map without texts in its cells; the parameters are those above.
         *
         * @param title the heading, empty for none
         * @param rowName what a row is
         * @param rows the row labels
         * @param columnName what a column is
         * @param columns the column labels
         * @param values [row, column]
         * @param unit the unit of the values
         * @param scale how values become colors
         */
        public HeatMap(
                String title,
                String rowName,
                List<String> rows,
                String columnName,
                List<String> columns,
                float[][] values,
                String unit,
                Scale scale) {
            this(title, rowName, rows, columnName, columns, values, unit, scale, List.of());
        }

        /**
         * Returns the same map with a text in each cell.
         *
         * @param cells [row][column]
         * @return a new map
         */
        public HeatMap withTexts(List<List<String>> cells) {
            return new HeatMap(title, rowName, rows, columnName, columns, values, unit, scale, cells);
        }

        @Override
        public float[][] values() {
            return copy(values);
        }

        /**
         * Returns one value, without a copy of the others.
         *
         * @param row index of the row
         * @param column index of the column
         * @return the value, in {@link #unit}
         */
        public float value(int row, int column) {
            return values[row][column];
        }

        private static float[][] copy(float[][] values) {
            float[][] copy = new float[values.length][];
            for (int r = 0; r < values.length; r++) {
                copy[r] = values[r].clone();
            }
            return copy;
        }

        @Override
        public boolean equals(Object other) {
            return other instanceof HeatMap that
                    && title.equals(that.title)
                    && rowName.equals(that.rowName)
                    && rows.equals(that.rows)
                    && columnName.equals(that.columnName)
                    && columns.equals(that.columns)
                    && Arrays.deepEquals(values, that.values)
                    && unit.equals(that.unit)
                    && scale == that.scale
                    && texts.equals(that.texts);
        }

        @Override
        public int hashCode() {
            return Objects.hash(
                    title, rowName, rows, columnName, columns, Arrays.deepHashCode(values), unit, scale, texts);
        }

        @Override
        public String toString() {
            return "HeatMap[" + title + ", " + rows.size() + " " + rowName + " x " + columns.size() + " " + columnName
                    + "]";
        }
    }

    /**
     * Several views together: heat maps side by side with one color scale (small multiples), others below each other.
     *
     * @param title the heading, empty for none
     * @param panels the views, in the order shown
     */
    record Panels(String title, List<View> panels) implements View {
        /** Copies the list. */
        public Panels {
            panels = List.copyOf(panels);
        }
    }

    /**
     * Running text whose pieces are colored by a value.
     *
     * @param title the heading, empty for none
     * @param tokens the pieces of text, in reading order
     * @param values one value for each token; copied, and the accessor returns a copy
     * @param unit the unit of the values
     */
    @SuppressWarnings("ArrayRecordComponent") // copied on the way in and out, compared by content below
    record Tokens(String title, List<String> tokens, double[] values, String unit) implements View {
        /** Copies everything and checks the sizes. */
        public Tokens {
            tokens = List.copyOf(tokens);
            values = values.clone();
            requireSize("values of the token strip '" + title + "'", values.length, "tokens", tokens);
        }

        @Override
        public double[] values() {
            return values.clone();
        }

        @Override
        public boolean equals(Object other) {
            return other instanceof Tokens that
                    && title.equals(that.title)
                    && tokens.equals(that.tokens)
                    && Arrays.equals(values, that.values)
                    && unit.equals(that.unit);
        }

        @Override
        public int hashCode() {
            return Objects.hash(title, tokens, Arrays.hashCode(values), unit);
        }

        @Override
        public String toString() {
            return "Tokens[" + title + ", " + tokens.size() + " tokens]";
        }
    }

    /**
     * Nodes in rows and weighted arrows between them, such as a circuit or the composition of heads.
     *
     * @param title the heading, empty for none
     * @param rowName what a row is, such as "layer"
     * @param rows the row labels, the first at the top; rows without nodes are not shown
     * @param nodes the nodes
     * @param nodeUnit what the nodes' weights are, empty when they have none
     * @param edges the arrows, in any direction
     * @param edgeUnit what the edges' weights are, empty when they have none
     */
    record Graph(
            String title,
            String rowName,
            List<String> rows,
            List<Node> nodes,
            String nodeUnit,
            List<Edge> edges,
            String edgeUnit)
            implements View {
        /** Copies the lists, and checks that ids differ, that rows exist, and that edges join two of the nodes. */
        public Graph {
            rows = List.copyOf(rows);
            nodes = List.copyOf(nodes);
            edges = List.copyOf(edges);
            Set<String> ids = new HashSet<>();
            for (Node node : nodes) {
                if (!ids.add(node.id())) {
                    throw new IllegalArgumentException(
                            "two nodes have the id '" + node.id() + "'; ids must differ, labels need not");
                }
                if (node.row() < 0 || node.row() >= rows.size()) {
                    throw new IllegalArgumentException("the node '" + node.id() + "' is in row " + node.row()
                            + ", but rows are " + rows + ", from 0");
                }
            }
            for (Edge edge : edges) {
                if (edge.from().equals(edge.to()) || !ids.contains(edge.from()) || !ids.contains(edge.to())) {
                    throw new IllegalArgumentException("an edge must join two different nodes, got '" + edge.from()
                            + "' -> '" + edge.to() + "'; the ids are those of the nodes");
                }
            }
        }

        /**
         * A node.
         *
         * @param id what edges call it by
         * @param label what is written in it
         * @param row its row, from 0
         * @param column its place in the row: smaller is further left, equal ones in the order given
         * @param weight a number written below the label; NaN for none
         */
        public record Node(String id, String label, int row, int column, double weight) {}

        /**
         * An arrow.
         *
         * @param from the id of the node where it starts
         * @param to the id of the node it points at
         * @param weight its strength, drawn as its width; negative arrows are dashed; NaN for none
         * @param label what is written on it, where there is room; empty for nothing
         */
        public record Edge(String from, String to, double weight, String label) {
            /**
             * Creates an arrow without a label.
             *
             * @param from the id of the node where it starts
             * @param to the id of the node it points at
             * @param weight its strength
             */
            public Edge(String from, String to, double weight) {
                this(from, to, weight, "");
            }
        }

        @Override
        public String toString() {
            return "Graph[" + title + ", " + nodes.size() + " nodes, " + edges.size() + " edges]";
        }
    }

    private static void requireSize(String what, int size, String namesWhat, List<String> names) {
        if (size != names.size()) {
            throw new IllegalArgumentException(what + " must have one entry for each of the " + names.size() + " "
                    + namesWhat + ", got " + size + "; " + namesWhat + " are " + names);
        }
    }
}
