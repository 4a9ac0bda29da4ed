package dev.ariadne.discovery;

import dev.ariadne.view.Displayable;
import dev.ariadne.view.View;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import tech.tablesaw.api.DoubleColumn;
import tech.tablesaw.api.IntColumn;
import tech.tablesaw.api.StringColumn;
import tech.tablesaw.api.Table;

/**
 * A number for every head of a model.
 *
 * @param title what was measured
 * @param values [layer][head], in the unit
 * @param unit the unit
 * @param provenance the model and the prompts, as text
 */
@SuppressWarnings("ArrayRecordComponent") // copied on the way in and out, compared by content below
public record HeadScores(String title, double[][] values, String unit, String provenance) implements Displayable {
    /**
     * Copies the values.
     *
     * @throws IllegalArgumentException when layers have different numbers of heads
     */
    public HeadScores {
        values = copy(values);
        for (int layer = 1; layer < values.length; layer++) {
            if (values[layer].length != values[0].length) {
                throw new IllegalArgumentException("every layer needs as many heads, got " + values[0].length
                        + " in layer 0 and " + values[layer].length + " in layer " + layer);
            }
        }
    }

    /**
     * One head and its number.
     *
     * @param layer from 0
     * @param head from 0
     * @param value in the unit of the scores
     */
    public record Head(int layer, int head, double value) {
        /** The head as write-ups name it: L5H3. */
        public String label() {
            return "L" + layer + "H" + head;
        }

        @Override
        public String toString() {
            return String.format(Locale.ROOT, "%s %.3f", label(), value);
        }
    }

    @Override
    public double[][] values() {
        return copy(values);
    }

    /** The number of one head. */
    public double value(int layer, int head) {
        return values[layer][head];
    }

    /** The heads with the largest numbers, the largest first. */
    public List<Head> top(int count) {
        return ranked(count, Comparator.comparingDouble(Head::value).reversed());
    }

    /** The heads with the smallest numbers, the smallest first: where an effect is negative, the strongest. */
    public List<Head> bottom(int count) {
        return ranked(count, Comparator.comparingDouble(Head::value));
    }

    private List<Head> ranked(int count, Comparator<Head> order) {
        if (count < 1) {
            throw new IllegalArgumentException("count must be at least 1, got " + count);
        }
        return heads().stream()
                .filter(head -> !Double.isNaN(head.value()))
                .sorted(order)
                .limit(count)
                .toList();
    }

    private List<Head> heads() {
        return IntStream.range(0, values.length)
                .boxed()
                .flatMap(layer -> IntStream.range(0, values[layer].length)
                        .mapToObj(head -> new Head(layer, head, values[layer][head])))
                .toList();
    }

    /** One line per head: layer, head, label, value. */
    public Table table() {
        List<Head> heads = heads();
        return Table.create(
                title,
                IntColumn.create("layer", heads.stream().mapToInt(Head::layer)),
                IntColumn.create("head", heads.stream().mapToInt(Head::head)),
                StringColumn.create("label", heads.stream().map(Head::label)),
                DoubleColumn.create(unit, heads.stream().mapToDouble(Head::value)));
    }

    /** Layers × heads as a heat map. */
    @Override
    public View view() {
        int heads = values.length == 0 ? 0 : values[0].length;
        float[][] cells = new float[values.length][heads];
        boolean negative = false;
        for (int layer = 0; layer < values.length; layer++) {
            for (int head = 0; head < heads; head++) {
                cells[layer][head] = (float) values[layer][head];
                negative |= values[layer][head] < 0;
            }
        }
        return new View.HeatMap(
                title,
                "layer",
                IntStream.range(0, values.length).mapToObj(i -> "L" + i).toList(),
                "head",
                IntStream.range(0, heads).mapToObj(Integer::toString).toList(),
                cells,
                unit,
                negative ? View.Scale.DIVERGING : View.Scale.SEQUENTIAL);
    }

    @Override
    public String toString() {
        return title + ": " + top(3) + " (" + provenance + ")";
    }

    private static double[][] copy(double[][] values) {
        return Arrays.stream(values).map(double[]::clone).toArray(double[][]::new);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof HeadScores that
                && title.equals(that.title)
                && unit.equals(that.unit)
                && provenance.equals(that.provenance)
                && Arrays.deepEquals(values, that.values);
    }

    @Override
    public int hashCode() {
        return 31 * List.of(title, unit, provenance).hashCode() + Arrays.deepHashCode(values);
    }
}
