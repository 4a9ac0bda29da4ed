package dev.ariadne.discovery;

import dev.ariadne.view.Displayable;
import dev.ariadne.view.View;
import java.awt.Color;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.style.Styler.LegendPosition;
import tech.tablesaw.api.DoubleColumn;
import tech.tablesaw.api.StringColumn;
import tech.tablesaw.api.Table;

/**
 * The metric after each of many patches.
 *
 * <p>Where the clean and the corrupted run score the same, there is no fraction to recover: {@link #recovered} throws, the table's column
 * of fractions is missing, and the picture and the chart show the metric itself.
 *
 * @param title what was patched and measured
 * @param rowName what the rows are
 * @param rows their labels
 * @param columnName what the columns are
 * @param columns their labels
 * @param values [row][column], in the metric's unit
 * @param clean the metric of the clean run
 * @param corrupted the metric of the corrupted run
 * @param unit the metric's unit
 * @param provenance the model and the prompts, as text
 */
@SuppressWarnings("ArrayRecordComponent") // copied on the way in and out
public record PatchGrid(
        String title,
        String rowName,
        List<String> rows,
        String columnName,
        List<String> columns,
        double[][] values,
        double clean,
        double corrupted,
        String unit,
        String provenance)
        implements Displayable {
    /**
     * Copies everything.
     *
     * @throws IllegalArgumentException when the labels and the values differ in number
     */
    public PatchGrid {
        rows = List.copyOf(rows);
        columns = List.copyOf(columns);
        values = copy(values);
        if (values.length != rows.size()) {
            throw new IllegalArgumentException("one row of values per row label, got " + values.length + " rows and "
                    + rows.size() + " labels; give every row its label");
        }
        for (int row = 0; row < values.length; row++) {
            if (values[row].length != columns.size()) {
                throw new IllegalArgumentException("one value per column label, got " + values[row].length
                        + " values in row " + row + " and " + columns.size() + " labels; give every column its label");
            }
        }
    }

    @Override
    public double[][] values() {
        return copy(values);
    }

    /** The metric after one patch. */
    public double value(int row, int column) {
        return values[row][column];
    }

    /**
     * How much of the clean run's lead one patch brings back.
     *
     * @return 0 when nothing changed, 1 when the clean metric is reached
     * @throws IllegalStateException when the two runs score the same
     */
    public double recovered(int row, int column) {
        if (!hasLead()) {
            throw new IllegalStateException("nothing to recover: the metric is " + clean + " on the clean run and "
                    + corrupted
                    + " on the corrupted one; choose prompts or a metric that tell them apart, or use value("
                    + row + ", " + column + ")");
        }
        return fraction(row, column);
    }

    /** Whether clean and corrupted run differ in the metric: else no fraction has a meaning. */
    private boolean hasLead() {
        return clean != corrupted;
    }

    private double fraction(int row, int column) {
        return (values[row][column] - corrupted) / (clean - corrupted);
    }

    /** What is drawn: the fraction recovered, or without a lead the metric itself. */
    private double drawn(int row, int column) {
        return hasLead() ? fraction(row, column) : values[row][column];
    }

    private String drawnUnit() {
        return hasLead() ? "fraction recovered" : unit;
    }

    /** The row with the largest value in a column. */
    public int bestRow(int column) {
        return IntStream.range(0, values.length)
                .boxed()
                .max((a, b) -> Double.compare(values[a][column], values[b][column]))
                .orElseThrow();
    }

    /** One line per patch: row, column, value, fraction recovered (missing where clean and corrupted run score the same). */
    public Table table() {
        Table table = Table.create(
                title,
                StringColumn.create(rowName),
                StringColumn.create(columnName),
                DoubleColumn.create(unit),
                DoubleColumn.create("recovered"));
        for (int row = 0; row < values.length; row++) {
            for (int column = 0; column < values[row].length; column++) {
                table.stringColumn(0).append(rows.get(row));
                table.stringColumn(1).append(columns.get(column));
                table.doubleColumn(2).append(values[row][column]);
                if (hasLead()) {
                    table.doubleColumn(3).append(fraction(row, column));
                } else {
                    table.doubleColumn(3).appendMissing();
                }
            }
        }
        return table;
    }

    /** The fraction recovered as a heat map: 0 as in the corrupted run, 1 as in the clean one; without a lead, the metric. */
    @Override
    public View view() {
        String range = hasLead()
                ? String.format(Locale.ROOT, "%s; 0 is %.2f (corrupted), 1 is %.2f (clean)", title, corrupted, clean)
                : String.format(Locale.ROOT, "%s; clean and corrupted are both %.2f, so no fraction", title, clean);
        return map(range);
    }

    /** The same map under another heading. */
    View.HeatMap map(String heading) {
        float[][] cells = new float[values.length][];
        for (int row = 0; row < values.length; row++) {
            cells[row] = new float[values[row].length];
            for (int column = 0; column < cells[row].length; column++) {
                cells[row][column] = (float) drawn(row, column);
            }
        }
        return new View.HeatMap(heading, rowName, rows, columnName, columns, cells, drawnUnit(), View.Scale.DIVERGING);
    }

    /**
     * Draws the fraction recovered (without a lead, the metric) along the rows, one line per column.
     *
     * @param some the columns to draw; none draws all
     */
    public XYChart chart(int... some) {
        XYChart chart = new XYChartBuilder()
                .width(760)
                .height(380)
                .title(title)
                .xAxisTitle(rowName)
                .yAxisTitle(drawnUnit())
                .build();
        chart.getStyler()
                .setChartBackgroundColor(Color.WHITE)
                .setMarkerSize(4)
                .setLegendPosition(LegendPosition.OutsideE);
        double[] steps = IntStream.range(0, rows.size()).asDoubleStream().toArray();
        for (int at :
                some.length > 0 ? some : IntStream.range(0, columns.size()).toArray()) {
            double[] line = IntStream.range(0, rows.size())
                    .mapToDouble(row -> drawn(row, at))
                    .toArray();
            chart.addSeries(at + " " + columns.get(at), steps, line);
        }
        return chart;
    }

    @Override
    public String toString() {
        return title + ": " + rows.size() + " " + rowName + "s × " + columns.size() + " " + columnName + "s" + " ("
                + provenance + ")";
    }

    private static double[][] copy(double[][] values) {
        return Arrays.stream(values).map(double[]::clone).toArray(double[][]::new);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof PatchGrid that
                && labels().equals(that.labels())
                && Arrays.deepEquals(values, that.values);
    }

    @Override
    public int hashCode() {
        return 31 * labels().hashCode() + Arrays.deepHashCode(values);
    }

    /** Every component but the values. */
    private List<Object> labels() {
        return List.of(title, rowName, rows, columnName, columns, clean, corrupted, unit, provenance);
    }
}
