package dev.ariadne.notebook;

import dev.ariadne.display.Display;
import dev.ariadne.view.View;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import tech.tablesaw.api.DoubleColumn;
import tech.tablesaw.api.FloatColumn;
import tech.tablesaw.api.NumericColumn;
import tech.tablesaw.api.Table;
import tech.tablesaw.columns.Column;
import tech.tablesaw.columns.numbers.NumberColumnFormatter;

/** Shows a Tablesaw table as our tables are shown; a class of its own because Tablesaw may be missing. */
final class TableRendering {
    static final int ROWS = 50;

    private TableRendering() {}

    static Rendering<Table> get() {
        return new Rendering<>(Table.class, TableRendering::bundle);
    }

    private static Map<String, String> bundle(Table table) {
        String more = table.rowCount() > ROWS ? "… " + (table.rowCount() - ROWS) + " more rows" : "";
        View view = view(table);
        Map<String, String> bundle = new LinkedHashMap<>();
        bundle.put("text/html", Display.html(view) + (more.isEmpty() ? "" : "<div>" + more + "</div>"));
        bundle.put("text/plain", Display.text(view) + (more.isEmpty() ? "" : more + "\n"));
        return bundle;
    }

    private static View view(Table table) {
        List<List<String>> columns =
                table.columns().stream().map(TableRendering::cells).toList();
        List<List<String>> rows = new ArrayList<>();
        for (int r = 0; r < Math.min(ROWS, table.rowCount()); r++) {
            int row = r;
            rows.add(columns.stream().map(column -> column.get(row)).toList());
        }
        String name = table.name() == null ? "" : table.name();
        return new View.Table(name, table.columnNames(), rows);
    }

    /** The cells of a column that are shown; fractions rounded, unless the user has set a format. */
    private static List<String> cells(Column<?> column) {
        int count = Math.min(ROWS, column.size());
        List<String> cells = new ArrayList<>();
        for (int r = 0; r < count; r++) {
            cells.add(column.getString(r));
        }
        if (!(column instanceof DoubleColumn || column instanceof FloatColumn)) {
            return cells;
        }
        NumericColumn<?> numbers = (NumericColumn<?>) column;
        NumberColumnFormatter all = NumberColumnFormatter.floatingPointDefault(); // every digit there is
        all.setColumnType(column.type());
        double max = 0;
        for (int r = 0; r < count; r++) {
            double value = numbers.getDouble(r);
            if (Double.isFinite(value)) {
                max = Math.max(max, Math.abs(value));
                String unrounded =
                        column instanceof FloatColumn floats ? all.format(floats.getFloat(r)) : all.format(value);
                if (!cells.get(r).equals(unrounded)) {
                    return cells;
                }
            }
        }
        for (int r = 0; r < count; r++) {
            double value = numbers.getDouble(r);
            if (Double.isFinite(value)) {
                cells.set(r, rounded(value, max));
            }
        }
        return cells;
    }

    /** Writes a number with as many decimals as the largest of its column leaves room for. */
    private static String rounded(double value, double max) {
        if (max >= 1e7 || (max > 0 && max < 1e-3)) {
            return String.format(Locale.ROOT, "%.3e", value);
        }
        String text = String.format(Locale.ROOT, max >= 1_000 ? "%.1f" : "%.4f", value);
        return text.matches("-[0.]+") ? text.substring(1) : text;
    }
}
