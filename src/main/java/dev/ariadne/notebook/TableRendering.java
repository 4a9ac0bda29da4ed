package dev.ariadne.notebook;

import dev.ariadne.display.Display;
import dev.ariadne.view.View;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tech.tablesaw.api.Table;

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
        List<List<String>> rows = new ArrayList<>();
        for (int r = 0; r < Math.min(ROWS, table.rowCount()); r++) {
            List<String> row = new ArrayList<>();
            for (int c = 0; c < table.columnCount(); c++) {
                row.add(table.getString(r, c));
            }
            rows.add(row);
        }
        String name = table.name() == null ? "" : table.name();
        return new View.Table(name, table.columnNames(), rows);
    }
}
