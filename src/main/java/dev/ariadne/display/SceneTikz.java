package dev.ariadne.display;

import dev.ariadne.display.Scene.Area;
import dev.ariadne.display.Scene.Box;
import dev.ariadne.display.Scene.Curve;
import dev.ariadne.display.Scene.Words;
import java.util.List;
import java.util.Locale;

/** Writes a scene of boxes, words and lines as a TikZ picture; the document needs only the package tikz. */
final class SceneTikz {
    private static final double POINTS = 0.6; // TeX points for a pixel

    private SceneTikz() {}

    static String write(Scene scene) {
        StringBuilder out = new StringBuilder("\\begin{tikzpicture}[x=" + POINTS + "pt, y=-" + POINTS + "pt]\n");
        for (Scene.Shape shape : scene.shapes()) {
            out.append(tikz(shape)).append('\n');
        }
        return out.append("\\end{tikzpicture}\n").toString();
    }

    private static String tikz(Scene.Shape shape) {
        if (shape instanceof Box box) {
            return format(
                    "\\fill[%s] (%.1f, %.1f) rectangle (%.1f, %.1f);",
                    color(box.rgb()), box.x(), box.y(), box.x() + box.width(), box.y() + box.height());
        } else if (shape instanceof Words words) {
            String anchor = switch (words.anchor()) {
                case START -> "base west";
                case MIDDLE -> "base";
                case END -> "base east";
            };
            double size = words.font().size() * POINTS;
            String face = "\\sffamily" + (words.font().bold() ? "\\bfseries" : "");
            return format(
                    "\\node[%s, anchor=%s, inner sep=0pt, rotate=%d, font=\\fontsize{%.1f}{%.1f}\\selectfont%s] at (%.1f, %.1f) {%s};",
                    color(words.font().rgb()).replace("color=", "text="),
                    anchor,
                    -words.angle(),
                    size,
                    1.2 * size,
                    face,
                    words.x(),
                    words.y(),
                    TikzWriter.escape(words.text()));
        } else if (shape instanceof Curve curve) {
            List<Double> p = curve.points();
            StringBuilder path = new StringBuilder(at(p, 0));
            for (int i = 2; i < p.size(); i += 6) {
                path.append(" .. controls " + at(p, i) + " and " + at(p, i + 2) + " .. " + at(p, i + 4));
            }
            String dashes = curve.dashed() ? ", dash pattern=on 3pt off 2.4pt" : "";
            return format(
                    "\\draw[%s, line width=%.2fpt%s] %s;", color(curve.rgb()), curve.width() * POINTS, dashes, path);
        } else if (shape instanceof Area area) {
            StringBuilder path = new StringBuilder();
            for (int i = 0; i < area.points().size(); i += 2) {
                path.append(at(area.points(), i)).append(" -- ");
            }
            return format("\\fill[%s] %scycle;", color(area.rgb()), path);
        }
        throw new AssertionError("unhandled shape " + shape);
    }

    private static String color(int rgb) {
        return format("color={rgb,255:red,%d;green,%d;blue,%d}", rgb >> 16 & 0xFF, rgb >> 8 & 0xFF, rgb & 0xFF);
    }

    private static String at(List<Double> points, int i) {
        return format("(%.1f, %.1f)", points.get(i), points.get(i + 1));
    }

    private static String format(String pattern, Object... values) {
        return String.format(Locale.ROOT, pattern, values);
    }
}
