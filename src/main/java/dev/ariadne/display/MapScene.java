package dev.ariadne.display;

import dev.ariadne.display.Scene.Anchor;
import dev.ariadne.display.Scene.Box;
import dev.ariadne.display.Scene.Font;
import dev.ariadne.display.Scene.Picture;
import dev.ariadne.display.Scene.Words;
import dev.ariadne.view.View.HeatMap;
import dev.ariadne.view.View.Scale;
import dev.ariadne.view.View.Text;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Lays out heat maps: one large, or many small ones side by side with one color scale. */
final class MapScene {
    private static final double LABEL = 11;
    private static final double SMALL = 9;
    private static final int TALL = 60; // rows, from which small multiples are taller than wide
    private static final double TEXT = 9.5;
    private static final int MOST_TEXTS = 64; // rows or columns
    private static final double MAX_LABEL = 120;
    private static final double GAP = 14;
    private static final double PALE = 0.1; // of the largest value: nearer to zero no color is seen
    private static final int PAGE = 760; // the width of a notebook's output, about

    private MapScene() {}

    /** Draws one heat map. */
    static Scene of(HeatMap map) {
        if (empty(map)) {
            return TableScene.of(new Text(
                    map.title(),
                    "no cells: " + map.rows().size() + " rows, " + map.columns().size() + " columns"));
        }
        Tint tint = Tint.of(List.of(map));
        boolean texts = showsTexts(map);
        boolean numbers = !texts && showsNumbers(map, tint);
        double cellW = texts ? textWidth(map) : side(map.columns().size(), 600, numbers ? 44 : 40);
        double cellH = texts ? 18 : side(map.rows().size(), map.rows().size() > 40 ? 600 : 460, 26);
        if (!texts && map.rows().size() == map.columns().size() && !numbers) {
            cellW = Math.min(cellW, 30);
            cellH = cellW; // an attention pattern is a square
        } else if (numbers) {
            cellH = Math.max(cellH, 15);
        }
        double gridW = cellW * map.columns().size();
        double room = Math.min(2 * MAX_LABEL, PAGE - gridW - MAX_LABEL); // beside a narrow map
        Labels rows = Labels.rows(map.rows(), cellH, LABEL, Math.max(MAX_LABEL, room));
        Labels columns = Labels.columns(map.columns(), cellW, LABEL, MAX_LABEL);
        double gridH = cellH * map.rows().size();

        Scene scene = new Scene();
        double left = Scene.PAD + Math.max(rows.width() + 6, columns.overhang());
        boolean signs = !numbers && cellH >= 5 && goesBelowZero(map, tint);
        double top = scene.heading(map.title(), legend(map, tint, signs), Math.max(gridW + left + 60, 420));
        top = axisName(scene, map.rowName(), top);
        cells(scene, map, tint, new Box(left, top, gridW, gridH, Scene.RULE), signs);
        rows.drawRows(scene, left, top);
        columns.drawColumns(scene, left, top + gridH);
        if (numbers || texts) {
            writing(scene, map, tint, new Box(left, top, cellW, cellH, 0));
        }
        double bottom = columnName(scene, map.columnName(), left + gridW / 2, top + gridH + columns.depth());
        scene.include(left + gridW + Scene.PAD, bottom + 4);
        colorBar(scene, tint, left + gridW + GAP, top + 4, Math.max(64, Math.min(gridH - 8, 180)));
        return scene;
    }

    /** Draws heat maps as small multiples; they share the color scale, and the labels when these are equal. */
    static Scene of(String title, List<HeatMap> maps) {
        if (maps.size() == 1 && (title.isBlank() || empty(maps.get(0)))) {
            return of(maps.get(0));
        }
        Tint tint = Tint.of(maps);
        HeatMap first = maps.get(0);
        Tiles tiles = Tiles.of(maps);
        Scene scene = new Scene();
        double inset = Scene.PAD + tiles.overhang();
        double width = tiles.columns() * tiles.pitchX();
        boolean signs =
                tiles.gridH() >= 5 * first.rows().size() && maps.stream().anyMatch(map -> goesBelowZero(map, tint));
        double top = scene.heading(title, legend(first, tint, signs), Math.max(width + inset, 420));
        top = axisName(scene, first.rowName(), top);
        for (int i = 0; i < maps.size(); i++) {
            HeatMap map = maps.get(i);
            double x = inset + tiles.left(i);
            double y = top + tiles.top(i) + 15;
            scene.text(
                    x,
                    y - 4,
                    Glyphs.shorten(Glyphs.visible(map.title()), tiles.gridW(), 10.5),
                    Font.of(10.5, Scene.INK));
            cells(scene, map, tint, new Box(x, y, tiles.gridW(), tiles.gridH(), Scene.RULE), signs);
            if (tiles.labelsRows(i)) {
                tiles.rows(map).drawRows(scene, x, y);
            }
            if (tiles.labelsColumns(i)) {
                tiles.columns(map).drawColumns(scene, x, y + tiles.gridH());
            }
        }
        double right = inset + width;
        double bottom = columnName(scene, first.columnName(), inset + width / 2, top + tiles.height());
        scene.include(right, bottom + 4);
        colorBar(scene, tint, right, top + 19, Math.max(64, Math.min(tiles.height() - 30, 180)));
        return scene;
    }

    /**
     * Where small multiples go.
     *
     * @param count how many there are
     * @param columns how many stand side by side
     * @param gridW the width of the cells of one map
     * @param gridH the height of the cells of one map
     * @param shared whether all maps have the same labels, so that only the outer ones are written
     * @param labelW the room for row labels
     * @param labelH the room for column labels
     */
    private record Tiles(
            int count, int columns, double gridW, double gridH, boolean shared, double labelW, double labelH) {
        static Tiles of(List<HeatMap> maps) {
            HeatMap first = maps.get(0);
            boolean shared = maps.stream()
                    .allMatch(m -> m.rows().equals(first.rows()) && m.columns().equals(first.columns()));
            int n = maps.size();
            double room = n <= 2 ? 300 : n <= 4 ? 230 : 150;
            double gridW = Math.min(room, first.columns().size() * 26.0);
            double gridH = Math.min(room, first.rows().size() * 26.0);
            boolean square = first.rows().size() == first.columns().size();
            int most = maps.stream().mapToInt(map -> map.rows().size()).reduce(0, Math::max);
            gridH = square ? gridW : most > TALL ? Math.max(gridH, Math.min(450, most * 2.0)) : gridH;
            double labelW = 0;
            double labelH = 0;
            for (HeatMap map : maps) {
                labelW = Math.max(labelW, rows(map, gridH).width() + 6);
                labelH = Math.max(labelH, columns(map, gridW).depth());
            }
            double pitch = gridW + GAP + (shared ? 0 : labelW);
            int fit = Math.max(1, (int) ((PAGE - (shared ? labelW : 0)) / pitch));
            int lines = (n + fit - 1) / fit;
            return new Tiles(n, (n + lines - 1) / lines, gridW, gridH, shared, labelW, labelH);
        }

        private static Labels rows(HeatMap map, double gridH) {
            return Labels.rows(map.rows(), gridH / map.rows().size(), SMALL, 70);
        }

        private static Labels columns(HeatMap map, double gridW) {
            return Labels.columns(map.columns(), gridW / map.columns().size(), SMALL, 70);
        }

        Labels rows(HeatMap map) {
            return rows(map, gridH);
        }

        Labels columns(HeatMap map) {
            return columns(map, gridW);
        }

        /** The room to the left of the first map. */
        double overhang() {
            return Math.max(labelW, 0.75 * labelH); // column labels that are turned by 45 degrees reach to the left
        }

        double pitchX() {
            return gridW + GAP + (shared ? 0 : overhang());
        }

        double pitchY() {
            return gridH + 15 + GAP + (shared ? 0 : labelH);
        }

        double left(int i) {
            return i % columns * pitchX();
        }

        double top(int i) {
            return Math.floorDiv(i, columns) * pitchY();
        }

        double height() {
            int lines = (count + columns - 1) / columns;
            return lines * pitchY() - GAP + (shared ? labelH : 0);
        }

        boolean labelsRows(int i) {
            return !shared || i % columns == 0;
        }

        boolean labelsColumns(int i) {
            // the lowest of its column; above a hole in the last line, the labels go where the hole is
            return !shared || i + columns >= count;
        }
    }

    private static double side(int cells, double room, double max) {
        return cells == 0 ? max : Math.min(max, room / cells);
    }

    private static boolean goesBelowZero(HeatMap map, Tint tint) {
        boolean below = false;
        for (float[] row : map.values()) {
            for (float value : row) {
                below |= isBelowZero(value, tint);
            }
        }
        return below;
    }

    private static boolean isBelowZero(float value, Tint tint) {
        return tint.scale() == Scale.DIVERGING && value <= -PALE * tint.max();
    }

    /** Draws the values' colors; where no numbers will say it, a line under a value says that it is below zero. */
    private static void cells(Scene scene, HeatMap map, Tint tint, Box at, boolean signs) {
        int[] palette = new int[Tint.STEPS + 1];
        for (int step = 0; step < palette.length; step++) {
            palette[step] = tint.color(step);
        }
        int height = map.rows().size();
        int width = map.columns().size();
        IndexedImage image = new IndexedImage(width, height, palette);
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                image.set(x, y, tint.step(map.value(y, x)));
            }
        }
        // a thin frame: white cells would have no end on a white card
        scene.add(new Box(at.x() - 1, at.y() - 1, at.width() + 2, at.height() + 2, at.rgb()));
        scene.add(new Picture(at.x(), at.y(), at.width(), at.height(), image));
        double w = at.width() / width;
        double h = at.height() / height;
        for (int y = 0; signs && y < height; y++) {
            for (int x = 0; x < width; x++) {
                if (isBelowZero(map.value(y, x), tint)) {
                    int ink = Tint.inkOn(tint.color(tint.step(map.value(y, x))));
                    scene.add(new Box(at.x() + (x + 0.2) * w, at.y() + (y + 1) * h - 2.5, 0.6 * w, 1, ink));
                }
            }
        }
    }

    static boolean empty(HeatMap map) {
        return map.rows().isEmpty() || map.columns().isEmpty();
    }

    /** Whether the cells have room for their values. */
    static boolean showsNumbers(HeatMap map, Tint tint) {
        return map.columns().size() <= 12 && map.rows().size() <= 40 && (tint.max() < 1e5 && tint.max() >= 0.01);
    }

    /** Whether the cells have room for their texts, if any. */
    static boolean showsTexts(HeatMap map) {
        return !map.texts().isEmpty()
                && map.columns().size() <= MOST_TEXTS
                && map.rows().size() <= MOST_TEXTS;
    }

    private static double textWidth(HeatMap map) {
        double widest = map.texts().stream()
                .flatMap(List::stream)
                .mapToDouble(text -> Glyphs.width(Glyphs.visible(text), TEXT))
                .reduce(0, Math::max);
        return Math.max(34, Math.min(60, widest + 6));
    }

    /** Writes the values, or the texts, into the cells. */
    private static void writing(Scene scene, HeatMap map, Tint tint, Box cell) {
        boolean texts = showsTexts(map);
        double size = texts ? TEXT : Math.min(10, cell.width() / 4);
        List<Words> light = new ArrayList<>();
        for (int r = 0; r < map.rows().size(); r++) {
            for (int c = 0; c < map.columns().size(); c++) {
                float value = map.value(r, c);
                String text = texts
                        ? Glyphs.shorten(Glyphs.visible(map.texts().get(r).get(c)), cell.width() - 4, size)
                        : Float.isNaN(value) ? "" : Numbers.brief(value, tint.max());
                if (text.isEmpty()) {
                    continue;
                }
                int ink = Tint.inkOn(tint.color(tint.step(value)));
                double x = cell.x() + (c + 0.5) * cell.width();
                double y = cell.y() + (r + 0.5) * cell.height() + size * 0.36;
                Words words = new Words(x, y, text, Font.of(size, ink), Anchor.MIDDLE, 0);
                if (ink == Tint.WHITE) {
                    light.add(words); // after the dark ones, so that the SVG has two groups and not hundreds
                } else {
                    scene.add(words);
                }
            }
        }
        light.forEach(scene::add);
    }

    private static String legend(HeatMap map, Tint tint, boolean signs) {
        String unit = map.unit().isBlank() ? "" : "color: " + map.unit();
        String gap = tint.gaps() ? "gray: no value" : "";
        String texts = map.texts().isEmpty() || showsTexts(map) ? "" : "too many cells for their texts";
        return Stream.of(unit, gap, signs ? "underlined: below zero" : "", texts)
                .filter(part -> !part.isEmpty())
                .collect(Collectors.joining(" · "));
    }

    private static double axisName(Scene scene, String rowName, double top) {
        if (rowName.isBlank()) {
            return top + 2;
        }
        scene.text(Scene.PAD, top + 11, Glyphs.visible(rowName) + " ↓", Font.of(LABEL, Scene.FAINT));
        return top + 17;
    }

    private static double columnName(Scene scene, String columnName, double middle, double bottom) {
        if (columnName.isBlank()) {
            return bottom + 4;
        }
        String text = Glyphs.visible(columnName) + " →";
        double center = Math.max(middle, Scene.PAD + Glyphs.width(text, LABEL) / 2);
        scene.add(new Words(center, bottom + 14, text, Font.of(LABEL, Scene.FAINT), Anchor.MIDDLE, 0));
        scene.include(center + Glyphs.width(text, LABEL) / 2 + Scene.PAD, bottom + 18);
        return bottom + 18;
    }

    private static void colorBar(Scene scene, Tint tint, double x, double y, double height) {
        int[] palette = new int[Tint.STEPS + 1];
        IndexedImage bar = new IndexedImage(1, Tint.STEPS, palette);
        for (int step = 0; step < Tint.STEPS; step++) {
            palette[step] = tint.color(step);
            bar.set(0, Tint.STEPS - 1 - step, step);
        }
        scene.add(new Box(x - 0.5, y - 0.5, 13, height + 1, Scene.RULE));
        scene.add(new Picture(x, y, 12, height, bar));
        boolean both = tint.scale() == Scale.DIVERGING;
        String high = Numbers.brief(tint.max(), tint.max());
        String low = both ? Numbers.brief(-tint.max(), tint.max()) : tint.clipped() ? "≤ 0" : "0";
        Font font = Font.of(10, Scene.INK);
        scene.text(x + 17, y + 7, high, font);
        scene.text(x + 17, y + height + 1, low, font);
        if (both) {
            scene.text(x + 17, y + height / 2 + 4, "0", font);
        }
        double width = Math.max(Glyphs.width(high, 10), Glyphs.width(low, 10));
        scene.include(x + 17 + width + Scene.PAD, y + height + Scene.PAD);
    }
}
