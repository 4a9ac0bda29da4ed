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
 * @param title what was patched and measured
 * @param rowName what the rows are
 * @param rows their labels
 * @param columnName what the columns are
 * @param columns their labels
 * @param values [row][column], in the metric's unit
 * @param clean the metric of the clean run
 * @param corrupted the metric of the corrupted run
 * @param unit the metric's unit
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
        String unit)
        implements Displayable {
    /** Copies everything. */
    public PatchGrid {
        rows = List.copyOf(rows);
        columns = List.copyOf(columns);
        values = copy(values);
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
     */
    public double recovered(int row, int column) {
        return (values[row][column] - corrupted) / (clean - corrupted);
    }

    /** The row with the largest value in a column. */
    public int bestRow(int column) {
        return IntStream.range(0, values.length)
                .boxed()
                .max((a, b) -> Double.compare(values[a][column], values[b][column]))
                .orElseThrow();
    }

    /** One line per patch: row, column, value, fraction recovered. */
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
                table.doubleColumn(3).append(recovered(row, column));
            }
        }
        return table;
    }

    /** The fraction recovered as a heat map: 0 as in the corrupted run, 1 as in the clean one. */
    @Override
    public View view() {
        float[][] fractions = new float[values.length][];
        for (int row = 0; row < values.length; row++) {
            fractions[row] = new float[values[row].length];
            for (int column = 0; column < fractions[row].length; column++) {
                fractions[row][column] = (float) recovered(row, column);
            }
        }
        String range =
                String.format(Locale.ROOT, "%s; 0 is %.2f (corrupted), 1 is %.2f (clean)", title, corrupted, clean);
        return new View.HeatMap(
                range, rowName, rows, columnName, columns, fractions, "fraction recovered", View.Scale.DIVERGING);
    }

    /**
     * Draws the fraction recovered along the rows, one line per column.
     *
     * @param some the columns to draw; none draws all
     */
    public XYChart chart(int... some) {
        XYChart chart = new XYChartBuilder()
                .width(760)
                .height(380)
                .title(title)
                .xAxisTitle(rowName)
                .yAxisTitle("fraction recovered")
                .build();
        chart.getStyler()
                .setChartBackgroundColor(Color.WHITE)
                .setMarkerSize(4)
                .setLegendPosition(LegendPosition.OutsideE);
        double[] steps = IntStream.range(0, rows.size()).asDoubleStream().toArray();
        for (int at :
                some.length > 0 ? some : IntStream.range(0, columns.size()).toArray()) {
            double[] line = IntStream.range(0, rows.size())
                    .mapToDouble(row -> recovered(row, at))
                    .toArray();
            chart.addSeries(at + " " + columns.get(at), steps, line);
        }
        return chart;
    }

    @Override
    public String toString() {
        return title + ": " + rows.size() + " " + rowName + "s × " + columns.size() + " " + columnName + "s";
    }

    private static double[][] copy(double[][] values) {
        return Arrays.stream(values).map(double[]::clone).toArray(double[][]::new);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof PatchGrid that
                && title.equals(that.title)
                && rows.equals(that.rows)
                && columns.equals(that.columns)
                && Arrays.deepEquals(values, that.values);
    }

    @Override
    public int hashCode() {
        return 31 * title.hashCode() + Arrays.deepHashCode(values);
    }
}
