package dev.ariadne.display;

import dev.ariadne.display.Scene.Anchor;
import dev.ariadne.display.Scene.Box;
import dev.ariadne.display.Scene.Font;
import dev.ariadne.display.Scene.Words;
import dev.ariadne.view.View.Text;
import dev.ariadne.view.View.Tokens;
import java.util.List;

/** Lays out tables, text and token strips, for readers that show pictures only. */
final class TableScene {
    static final int BLUE = 0x4C8FD6;
    static final int ORANGE = 0xE68A2E;

    private static final int ROWS = 60;
    private static final int LINES = 200;
    private static final double SIZE = 12;
    private static final double LINE = 20;
    private static final double GAP = 16;
    private static final double BAR = 160;
    private static final double MAX_CELL = 360;
    private static final double PAGE = 720;

    private TableScene() {}

    static Scene of(String title, Grid all) {
        Grid grid = all.first(ROWS);
        Scene scene = new Scene();
        double top = scene.heading(title, "", PAGE);
        double x = Scene.PAD;
        for (int c = 0; c < grid.right().size(); c++) {
            x = column(scene, grid, c, x, top);
            if (c == Grid.BAR_AFTER && !grid.bars().isEmpty()) {
                bars(scene, grid, x, top + (grid.columns().isEmpty() ? 0 : LINE));
                x += BAR + GAP;
            }
        }
        double bottom = top + LINE * (grid.rows().size() + (grid.columns().isEmpty() ? 0 : 1));
        if (!grid.columns().isEmpty()) {
            scene.add(new Box(Scene.PAD, top + LINE - 1, Math.max(1, x - GAP - Scene.PAD), 1, Scene.RULE));
        }
        String more = Grid.more(all.rows().size(), ROWS);
        if (!more.isEmpty()) {
            scene.text(Scene.PAD, bottom + 14, more, Font.of(SIZE, Scene.FAINT));
            bottom += LINE;
        }
        scene.include(x - GAP + Scene.PAD, bottom + Scene.PAD);
        return scene;
    }

    private static double column(Scene scene, Grid grid, int c, double x, double top) {
        double width =
                grid.columns().isEmpty() ? 0 : Glyphs.width(grid.columns().get(c), SIZE * 1.08);
        for (List<String> row : grid.rows()) {
            width = Math.max(width, Math.min(MAX_CELL, Glyphs.width(row.get(c), SIZE)));
        }
        boolean right = grid.right().get(c);
        double at = right ? x + width : x;
        Anchor anchor = right ? Anchor.END : Anchor.START;
        double y = top;
        if (!grid.columns().isEmpty()) {
            Font font = new Font(SIZE, Scene.INK, true, false);
            scene.add(new Words(at, y + 13, grid.columns().get(c), font, anchor, 0));
            y += LINE;
        }
        boolean name = grid.columns().isEmpty() && c == 0;
        for (List<String> row : grid.rows()) {
            String text = Glyphs.shorten(row.get(c), MAX_CELL, SIZE);
            scene.add(new Words(at, y + 14, text, Font.of(SIZE, name ? Scene.FAINT : Scene.INK), anchor, 0));
            y += LINE;
        }
        return x + width + GAP;
    }

    private static void bars(Scene scene, Grid grid, double x, double top) {
        double y = top + 5;
        for (double value : grid.bars()) {
            BarSpan span = BarSpan.of(value, grid.bars());
            if (span.length() > 0) {
                int rgb = value < 0 ? ORANGE : BLUE;
                scene.add(new Box(x + span.start() * BAR, y, Math.max(1, span.length() * BAR), 11, rgb));
            }
            y += LINE;
        }
    }

    static Scene of(Text text) {
        Scene scene = new Scene();
        double y = scene.heading(text.title(), "", PAGE);
        List<String> lines = Glyphs.visibleLines(text.body()).lines().toList();
        Font font = new Font(SIZE, Scene.INK, false, true);
        for (String line : lines.subList(0, Math.min(LINES, lines.size()))) {
            y += 17;
            String shown = line.replace("\t", "    ");
            scene.text(Scene.PAD, y - 4, shown, font);
            scene.include(2 * Scene.PAD + 0.62 * SIZE * Glyphs.columns(shown), y);
        }
        if (lines.size() > LINES) {
            y += 17;
            scene.text(Scene.PAD, y - 4, "… " + (lines.size() - LINES) + " more lines", Font.of(SIZE, Scene.FAINT));
        }
        scene.include(120, y + Scene.PAD);
        return scene;
    }

    static Scene of(Tokens tokens) {
        Scene scene = new Scene();
        double top = scene.heading(tokens.title(), TokenShade.legend(tokens), PAGE);
        TokenShade shade = TokenShade.of(tokens);
        double x = Scene.PAD;
        double y = top;
        for (int i = 0; i < tokens.tokens().size(); i++) {
            String text = Glyphs.shorten(Glyphs.visible(tokens.tokens().get(i)), PAGE - 2 * Scene.PAD, SIZE);
            double width = Glyphs.width(text, SIZE) + 2;
            if (x + width > PAGE && x > Scene.PAD) {
                x = Scene.PAD;
                y += LINE + 2;
            }
            double alpha = shade.alpha(i);
            scene.add(new Box(x, y, width, LINE - 1, Tint.mix(0xFFFFFF, shade.color(i), alpha)));
            scene.text(x + 1, y + 14, text, Font.of(SIZE, Scene.INK));
            if (shade.isUnderlined(i)) {
                scene.add(new Box(x + 1, y + 15.5, width - 2, 1, Scene.INK));
            }
            scene.include(x + width + Scene.PAD, y + LINE + Scene.PAD);
            x += width + 1;
            if (tokens.tokens().get(i).endsWith("\n")) {
                x = Scene.PAD;
                y += LINE + 2;
            }
        }
        scene.include(120, y + LINE + Scene.PAD);
        return scene;
    }
}
