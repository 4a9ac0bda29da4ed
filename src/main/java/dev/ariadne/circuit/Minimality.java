package dev.ariadne.circuit;

import dev.ariadne.view.Displayable;
import dev.ariadne.view.View;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import tech.tablesaw.api.DoubleColumn;
import tech.tablesaw.api.StringColumn;
import tech.tablesaw.api.Table;

/**
 * How much a circuit's metric changes when one of its parts alone is taken out (after Wang et al. 2023, §4.2, with nothing else taken out).
 *
 * @param title the circuit
 * @param unit the metric's unit
 * @param metric what the whole circuit scores
 * @param changes by edge or node: the metric without it less that of the whole circuit
 */
public record Minimality(String title, String unit, double metric, Map<String, Double> changes) implements Displayable {
    private static final int SHOWN = 40; // bars in a picture

    /** Copies the changes, keeping their order. */
    public Minimality {
        changes = Collections.unmodifiableMap(new LinkedHashMap<>(changes));
    }

    /** The parts whose removal changes the metric by less than this, in the metric's unit: what a smaller circuit might do without. */
    public List<String> idle(double least) {
        return changes.entrySet().stream()
                .filter(change -> Math.abs(change.getValue()) < least)
                .map(Map.Entry::getKey)
                .toList();
    }

    private List<Map.Entry<String, Double>> ranked() {
        return changes.entrySet().stream()
                .sorted(Comparator.comparingDouble(change -> -Math.abs(change.getValue())))
                .toList();
    }

    /** One line per part, the largest change first. */
    public Table table() {
        return Table.create(
                title,
                StringColumn.create("without", ranked().stream().map(Map.Entry::getKey)),
                DoubleColumn.create("change", ranked().stream().mapToDouble(Map.Entry::getValue)));
    }

    /** The largest changes and, where there are many, the smallest. */
    @Override
    public View view() {
        List<Map.Entry<String, Double>> all = ranked();
        List<View.Bar> bars = new ArrayList<>();
        for (int i = 0; i < all.size(); i++) {
            if (all.size() <= SHOWN || i < SHOWN / 2 || i >= all.size() - SHOWN / 2) {
                bars.add(new View.Bar(all.get(i).getKey(), all.get(i).getValue()));
            } else if (i == SHOWN / 2) {
                bars.add(new View.Bar("… " + (all.size() - SHOWN) + " between", Double.NaN));
            }
        }
        return new View.Bars(title, "without", "change, " + unit, bars);
    }

    @Override
    public String toString() {
        double least = changes.values().stream().mapToDouble(Math::abs).min().orElse(Double.NaN);
        return String.format(
                Locale.ROOT, "%d parts; each changes the metric by at least %.3g %s", changes.size(), least, unit);
    }
}
