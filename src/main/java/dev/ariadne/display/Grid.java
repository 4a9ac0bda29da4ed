package dev.ariadne.display;

import dev.ariadne.view.View.Bar;
import dev.ariadne.view.View.Bars;
import dev.ariadne.view.View.Facts;
import dev.ariadne.view.View.HeatMap;
import dev.ariadne.view.View.Table;
import dev.ariadne.view.View.Tokens;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/**
 * A table as all outputs show it: strings, made visible, with the side each column is aligned to.
 *
 * @param columns the headings, empty for none
 * @param right for each column, whether it is aligned right
 * @param rows the cells
 * @param bars for each row the value of its bar, drawn after column {@link #BAR_AFTER}; empty for no bars
 */
record Grid(List<String> columns, List<Boolean> right, List<List<String>> rows, List<Double> bars) {
    /** The column in front of the bar. */
    static final int BAR_AFTER = 1;

    private static final Pattern NUMBER =
            Pattern.compile("[-+−]?([0-9][0-9,]*\\.?[0-9]*|\\.[0-9]+)([eE][-+]?[0-9]+)?%?" + "|NaN|[-+−]?∞");

    static Grid of(Facts facts) {
        List<List<String>> rows = new ArrayList<>();
        facts.facts().forEach((name, value) -> rows.add(List.of(Glyphs.visible(name), Glyphs.visible(value))));
        return new Grid(List.of(), List.of(false, false), rows, List.of());
    }

    static Grid of(Table table) {
        List<List<String>> rows = table.rows().stream().map(Grid::visible).toList();
        List<Boolean> right = IntStream.range(0, table.columns().size())
                .mapToObj(c -> numeric(rows, c))
                .toList();
        return new Grid(visible(table.columns()), right, rows, List.of());
    }

    static Grid of(Bars bars) {
        double max = max(bars.bars().stream().map(Bar::value).toList());
        boolean counts = max < 1e7 && bars.bars().stream().allMatch(bar -> bar.value() == Math.rint(bar.value()));
        List<List<String>> rows = new ArrayList<>();
        for (Bar bar : bars.bars()) {
            List<String> row = new ArrayList<>();
            row.add(Glyphs.visible(bar.label()));
            row.add(counts ? Long.toString((long) bar.value()) : Numbers.format(bar.value(), max));
            row.addAll(visible(bar.notes()));
            rows.add(row);
        }
        List<String> columns = new ArrayList<>(List.of(bars.labelName(), bars.valueName()));
        columns.addAll(bars.noteNames());
        List<Boolean> right = IntStream.range(0, columns.size())
                .mapToObj(c -> c == BAR_AFTER || (c > BAR_AFTER && numeric(rows, c)))
                .toList();
        return new Grid(
                visible(columns),
                right,
                rows,
                bars.bars().stream().map(Bar::value).toList());
    }

    static Grid of(Tokens tokens) {
        double[] values = tokens.values();
        double max =
                max(IntStream.range(0, values.length).mapToObj(i -> values[i]).toList());
        List<List<String>> rows = new ArrayList<>();
        for (int i = 0; i < values.length; i++) {
            rows.add(List.of(Glyphs.visible(tokens.tokens().get(i)), Numbers.format(values[i], max)));
        }
        String unit = tokens.unit().isBlank() ? "value" : Glyphs.visible(tokens.unit());
        return new Grid(List.of("token", unit), List.of(false, true), rows, List.of());
    }

    /** The first column holds the names of the rows. */
    static Grid of(HeatMap map) {
        double max = Tint.of(List.of(map)).max();
        List<String> columns = new ArrayList<>();
        columns.add(map.rowName() + "\\" + map.columnName());
        columns.addAll(map.columns());
        List<List<String>> rows = new ArrayList<>();
        for (int r = 0; r < map.rows().size(); r++) {
            List<String> row = new ArrayList<>();
            row.add(map.rows().get(r));
            for (int c = 0; c < map.columns().size(); c++) {
                String text = map.texts().isEmpty()
                        ? ""
                        : Glyphs.visible(map.texts().get(r).get(c)) + " ";
                row.add(text + Numbers.format(map.value(r, c), max));
            }
            rows.add(row);
        }
        return of(new Table("", columns, rows));
    }

    /** Returns the largest absolute value that is finite. */
    static double max(List<Double> values) {
        return values.stream().filter(Double::isFinite).mapToDouble(Math::abs).reduce(0, Math::max);
    }

    /** Returns the first rows only. */
    Grid first(int limit) {
        if (rows.size() <= limit) {
            return this;
        }
        return new Grid(columns, right, rows.subList(0, limit), bars.isEmpty() ? bars : bars.subList(0, limit));
    }

    /** Says how many rows are not shown, or nothing. */
    static String more(int rows, int limit) {
        return rows <= limit ? "" : String.format(Locale.ROOT, "… %d more rows", rows - limit);
    }

    private static List<String> visible(List<String> cells) {
        return cells.stream().map(Glyphs::visible).toList();
    }

    private static boolean numeric(List<List<String>> rows, int column) {
        boolean any = false;
        for (List<String> row : rows) {
            String cell = row.get(column).strip();
            if (!cell.isEmpty() && !NUMBER.matcher(cell).matches()) {
                return false;
            }
            any |= !cell.isEmpty();
        }
        return any;
    }
}
