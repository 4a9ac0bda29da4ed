package dev.ariadne.discovery;

import dev.ariadne.view.Displayable;
import dev.ariadne.view.View;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import tech.tablesaw.api.StringColumn;
import tech.tablesaw.api.Table;

/**
 * Several patching grids of one pair of prompts, side by side.
 *
 * @param title what was patched and measured
 * @param grids by what was patched, in the order shown
 */
public record PatchGrids(String title, Map<String, PatchGrid> grids) implements Displayable {
    /**
     * Copies the map, keeping its order.
     *
     * @throws IllegalArgumentException when it is empty
     */
    public PatchGrids {
        grids = Collections.unmodifiableMap(new LinkedHashMap<>(grids));
        if (grids.isEmpty()) {
            throw new IllegalArgumentException("'" + title + "' needs at least one grid, got none");
        }
    }

    /**
     * One of the grids.
     *
     * @param patched what was patched: "out", "q", "resid_pre" …
     * @throws IllegalArgumentException when there is no such grid
     */
    public PatchGrid get(String patched) {
        PatchGrid grid = grids.get(patched);
        if (grid == null) {
            throw new IllegalArgumentException("no grid '" + patched + "'; there are " + grids.keySet());
        }
        return grid;
    }

    /** One line per patch of every grid: what was patched, then as in {@link PatchGrid#table()}. */
    public Table table() {
        List<Table> tables = new ArrayList<>();
        grids.forEach((patched, grid) -> {
            Table table = grid.table();
            StringColumn name = StringColumn.create("patched", table.rowCount());
            for (int row = 0; row < table.rowCount(); row++) {
                name.set(row, patched);
            }
            table.insertColumn(0, name);
            tables.add(table);
        });
        Table all = tables.get(0).setName(title);
        tables.subList(1, tables.size()).forEach(all::append);
        return all;
    }

    /** The fractions recovered, on one color scale. */
    @Override
    public View view() {
        PatchGrid first = grids.values().iterator().next();
        List<View> maps = new ArrayList<>();
        grids.forEach((patched, grid) -> maps.add(grid.map(patched)));
        return new View.Panels(
                String.format(
                        Locale.ROOT,
                        "%s; corrupted %.2f, clean %.2f %s",
                        title,
                        first.corrupted(),
                        first.clean(),
                        first.unit()),
                maps);
    }

    @Override
    public String toString() {
        return title + ": " + String.join(", ", grids.keySet()) + " ("
                + grids.values().iterator().next().provenance() + ")";
    }
}
