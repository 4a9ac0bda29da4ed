package dev.ariadne.display;

import dev.ariadne.view.SupernodeGraph;
import dev.ariadne.view.TokenGraph;
import dev.ariadne.view.View;
import dev.ariadne.view.View.Bars;
import dev.ariadne.view.View.Facts;
import dev.ariadne.view.View.Graph;
import dev.ariadne.view.View.HeatMap;
import dev.ariadne.view.View.Panels;
import dev.ariadne.view.View.Table;
import dev.ariadne.view.View.Text;
import dev.ariadne.view.View.Tokens;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.List;
import java.util.Locale;

/**
 * Writes a view as HTML of the few tags and inline styles that JupyterLab keeps in a notebook it does not trust; text
 * has the color of the theme, and fills are half transparent, so that light and dark both read.
 */
final class HtmlWriter {
    private static final int ROWS = 500;
    private static final int LONG = 90; // characters: what is longer may be broken into lines
    private static final String CELL = "padding:2px 12px 2px 4px;white-space:pre;";

    private final StringBuilder out = new StringBuilder(2048);

    private HtmlWriter() {}

    static String write(View view) {
        HtmlWriter writer = new HtmlWriter();
        writer.out.append("<div style=\"max-width:100%;overflow-x:auto\">");
        writer.view(view);
        return writer.out.append("</div>").toString();
    }

    private void view(View view) {
        if (view instanceof HeatMap map) {
            picture(MapScene.of(map), map.title(), map.texts().isEmpty());
        } else if (view instanceof Graph graph) {
            String size = graph.nodes().size() + " nodes, " + graph.edges().size() + " edges";
            picture(GraphScene.of(graph), graph.title() + ": " + size, false);
        } else if (view instanceof SupernodeGraph graph) {
            picture(SupernodeScene.of(graph), SupernodeText.alt(graph), false);
        } else if (view instanceof TokenGraph graph) {
            explorer(graph);
        } else if (view instanceof Table table) {
            table(table.title(), Grid.of(table));
        } else if (view instanceof Facts facts) {
            table(facts.title(), Grid.of(facts));
        } else if (view instanceof Bars bars) {
            table(bars.title(), Grid.of(bars));
        } else if (view instanceof Tokens tokens) {
            tokens(tokens);
        } else if (view instanceof Text text) {
            title(text.title());
            out.append("<pre style=\"margin:2px 4px\">" + Glyphs.escape(Glyphs.visibleLines(text.body())) + "</pre>");
        } else if (view instanceof Panels panels) {
            panels(panels);
        } else {
            throw new AssertionError("unhandled view " + view);
        }
    }

    private void panels(Panels panels) {
        List<List<View>> groups = Scenes.groups(panels);
        boolean one = groups.size() == 1 && groups.get(0).get(0) instanceof HeatMap;
        if (!one) {
            title(panels.title());
        }
        for (List<View> group : groups) {
            out.append("<div style=\"margin-bottom:8px\">");
            if (group.get(0) instanceof HeatMap first) {
                picture(
                        MapScene.of(one ? panels.title() : "", Scenes.maps(group)),
                        one ? panels.title() : first.title(),
                        first.texts().isEmpty());
            } else {
                view(group.get(0));
            }
            out.append("</div>");
        }
    }

    private void title(String title) {
        if (!title.isBlank()) {
            out.append("<div style=\"font-weight:bold;margin:4px\">" + text(title) + "</div>");
        }
    }

    /** Shrinks to the page, or, where that could make small writing illegible, is scrolled. */
    private void picture(Scene scene, String title, boolean shrinks) {
        String data = Base64.getEncoder().encodeToString(SvgWriter.write(scene).getBytes(StandardCharsets.UTF_8));
        out.append("<img alt=\"" + text(title) + "\" width=\"" + (long) scene.width() + "\" style=\"max-width:"
                + (shrinks ? "100%" : "none") + ";height:auto\" src=\"data:image/svg+xml;base64," + data + "\"/>");
    }

    /** A picture, and over it the page to explore; a notebook that is not trusted leaves the picture. */
    private void explorer(TokenGraph graph) {
        out.append("<div style=\"position:relative;min-height:560px\">");
        picture(TokenGraphScene.of(graph), TokenGraphText.alt(graph), true);
        out.append("<iframe title=\"" + text(graph.title())
                + "\" style=\"position:absolute;top:0;left:0;width:100%;height:100%;border:0\" srcdoc=\""
                + Glyphs.escape(ExplorerWriter.page(graph))
                + "\"></iframe></div>");
    }

    private void table(String title, Grid all) {
        Grid grid = all.first(ROWS);
        title(title);
        out.append("<table style=\"border-collapse:collapse;margin:2px 4px;width:auto;table-layout:auto\">");
        if (!grid.columns().isEmpty()) {
            out.append("<thead><tr style=\"border-bottom:1px solid rgba(128,128,128,0.5)\">");
            for (int c = 0; c < grid.columns().size(); c++) {
                cell("th", grid.columns().get(c), grid.right().get(c), "font-weight:bold;");
                barCell(grid, c, -1);
            }
            out.append("</tr></thead>");
        }
        out.append("<tbody>");
        for (int r = 0; r < grid.rows().size(); r++) {
            out.append("<tr>");
            for (int c = 0; c < grid.right().size(); c++) {
                boolean name = grid.columns().isEmpty() && c == 0;
                cell("td", grid.rows().get(r).get(c), grid.right().get(c), name ? "opacity:0.75;" : "");
                barCell(grid, c, r);
            }
            out.append("</tr>");
        }
        out.append("</tbody></table>");
        String more = Grid.more(all.rows().size(), ROWS);
        if (!more.isEmpty()) {
            out.append("<div style=\"margin:4px\">" + more + "</div>");
        }
    }

    private void cell(String tag, String text, boolean right, String style) {
        String wrapped = text.length() > LONG ? CELL.replace("pre;", "pre-wrap;min-width:400px;") : CELL;
        out.append("<" + tag + " style=\"" + wrapped + style + "text-align:" + (right ? "right" : "left") + "\">"
                + Glyphs.escape(text) + "</" + tag + ">");
    }

    private void barCell(Grid grid, int column, int row) {
        if (column != Grid.BAR_AFTER || grid.bars().isEmpty()) {
            return;
        }
        if (row < 0) {
            out.append("<th></th>");
            return;
        }
        double value = grid.bars().get(row);
        BarSpan span = BarSpan.of(value, grid.bars());
        out.append("<td style=\"width:160px;min-width:160px;padding:2px 12px 2px 4px\">");
        if (span.length() > 0) {
            String fill = rgba(value < 0 ? TableScene.ORANGE : TableScene.BLUE, 0.85);
            out.append(String.format(
                    Locale.ROOT,
                    "<div style=\"height:11px;min-width:1px;margin-left:%.1f%%;width:%.1f%%;background-color:%s\"></div>",
                    100 * span.start(),
                    100 * span.length(),
                    fill));
        }
        out.append("</td>");
    }

    private void tokens(Tokens tokens) {
        title(tokens.title());
        TokenShade shade = TokenShade.of(tokens);
        double[] values = tokens.values();
        out.append("<div style=\"margin:4px;line-height:1.7\">");
        for (int i = 0; i < values.length; i++) {
            String token = tokens.tokens().get(i);
            out.append("<span title=\"" + Numbers.format(values[i])
                    + "\" style=\"white-space:pre-wrap;margin:0 1px;padding:1px"
                    + (shade.isUnderlined(i) ? ";text-decoration:underline" : "") + ";background-color:"
                    + rgba(shade.color(i), shade.alpha(i)) + "\">" + text(token) + "</span>");
            if (token.endsWith("\n")) {
                out.append("<br/>");
            }
        }
        out.append("</div><div style=\"margin:4px;opacity:0.75;font-size:smaller\">" + text(TokenShade.legend(tokens))
                + "</div>");
    }

    private static String text(String text) {
        return Glyphs.escape(Glyphs.visible(text));
    }

    private static String rgba(int rgb, double alpha) {
        return String.format(Locale.ROOT, "rgba(%d,%d,%d,%.2f)", rgb >> 16 & 0xFF, rgb >> 8 & 0xFF, rgb & 0xFF, alpha);
    }
}
