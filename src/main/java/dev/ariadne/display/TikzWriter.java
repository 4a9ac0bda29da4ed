package dev.ariadne.display;

import dev.ariadne.display.Scene.Area;
import dev.ariadne.display.Scene.Box;
import dev.ariadne.display.Scene.Curve;
import dev.ariadne.display.Scene.Picture;
import dev.ariadne.display.Scene.Words;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/** Writes a scene as a TikZ picture; the document needs only the package tikz. */
final class TikzWriter {
    private static final double POINTS = 0.6; // TeX points for a pixel

    /** Signs that the library itself writes and that stop pdflatex, which knows them by another name. */
    private static final Map<Character, String> FORMULAS = Map.ofEntries(
            Map.entry('−', "-"),
            Map.entry('→', "\\to"),
            Map.entry('←', "\\leftarrow"),
            Map.entry('≤', "\\le"),
            Map.entry('≥', "\\ge"),
            Map.entry('✓', "\\surd"),
            Map.entry('✗', "\\times"),
            Map.entry('⚠', "\\triangle"),
            Map.entry('↵', "\\hookleftarrow"),
            Map.entry('⇥', "\\mapsto"),
            Map.entry('␣', "\\sqcup"),
            Map.entry('Δ', "\\Delta"),
            Map.entry('Σ', "\\Sigma"),
            Map.entry('λ', "\\lambda"),
            Map.entry('τ', "\\tau"),
            Map.entry('‖', "\\|"),
            Map.entry('√', "\\surd"),
            Map.entry('∞', "\\infty"),
            Map.entry('∅', "\\emptyset"),
            Map.entry('ᵀ', "^{T}"));

    private TikzWriter() {}

    static String write(Scene scene) {
        StringBuilder out = new StringBuilder("\\begin{tikzpicture}[x=" + POINTS + "pt, y=-" + POINTS + "pt]\n");
        List<Scene.Shape> shapes = scene.shapes();
        for (int i = 0; i < shapes.size(); i++) {
            boolean framed = i + 1 < shapes.size() && frames(shapes.get(i), shapes.get(i + 1));
            out.append(framed ? framed((Box) shapes.get(i), (Box) shapes.get(++i)) : tikz(shapes.get(i)));
            out.append('\n');
        }
        return out.append("\\end{tikzpicture}\n").toString();
    }

    /** Whether one box is painted to be seen as the frame of the next. */
    private static boolean frames(Scene.Shape outer, Scene.Shape inner) {
        return outer instanceof Box a
                && inner instanceof Box b
                && b.x() > a.x()
                && Math.abs(a.width() - b.width() - 2 * (b.x() - a.x())) < 1e-6
                && Math.abs(b.y() - a.y() - (b.x() - a.x())) < 1e-6
                && Math.abs(a.height() - b.height() - 2 * (b.y() - a.y())) < 1e-6;
    }

    /** A frame is drawn as a line: viewers of PDF leave out an area that is thinner than their pixels. */
    private static String framed(Box a, Box b) {
        double line = b.x() - a.x();
        double in = line / 2;
        return format(
                "\\draw[%s, fill=%s, line width=%.2fpt] (%.1f, %.1f) rectangle (%.1f, %.1f);",
                color(a.rgb()),
                color(b.rgb()).replace("color=", ""),
                line * POINTS,
                a.x() + in,
                a.y() + in,
                a.x() + a.width() - in,
                a.y() + a.height() - in);
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
            String face = (words.font().mono() ? "\\ttfamily" : "\\sffamily")
                    + (words.font().bold() ? "\\bfseries" : "");
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
                    escape(words.text()));
        } else if (shape instanceof Picture picture) {
            return cells(picture);
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

    /** The cells of each color as rectangles, those side by side as one. */
    private static String cells(Picture picture) {
        IndexedImage image = picture.image();
        double width = picture.width() / image.width();
        double height = picture.height() / image.height();
        Map<Integer, StringBuilder> colors = new TreeMap<>();
        for (int y = 0; y < image.height(); y++) {
            for (int x = 0, end; x < image.width(); x = end) {
                int rgb = image.rgb(x, y);
                end = x + 1;
                while (end < image.width() && image.rgb(end, y) == rgb) {
                    end++;
                }
                colors.computeIfAbsent(rgb, c -> new StringBuilder())
                        .append(format(
                                " (%.2f, %.2f) rectangle (%.2f, %.2f)",
                                picture.x() + x * width,
                                picture.y() + y * height,
                                picture.x() + end * width,
                                picture.y() + (y + 1) * height));
            }
        }
        StringBuilder out = new StringBuilder();
        colors.forEach((rgb, rectangles) ->
                out.append("\\fill[" + color(rgb) + "]").append(rectangles).append(";\n"));
        return out.toString().stripTrailing();
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

    /** Text that TeX prints as it is. */
    static String escape(String text) {
        StringBuilder safe = new StringBuilder();
        for (char c : Glyphs.visible(text).toCharArray()) {
            switch (c) {
                case '\\' -> safe.append("\\textbackslash{}");
                case '~' -> safe.append("\\textasciitilde{}");
                case '^' -> safe.append("\\textasciicircum{}");
                case '<' -> safe.append("\\textless{}");
                case '>' -> safe.append("\\textgreater{}");
                // the next four are other signs in TeX's oldest fonts, or join with a neighbor
                case '|' -> safe.append("\\textbar{}");
                case '\'' -> safe.append("\\textquotesingle{}");
                case '`' -> safe.append("\\textasciigrave{}");
                case '-' -> safe.append("-{}");
                case '{', '}', '$', '&', '#', '_', '%' -> safe.append('\\').append(c);
                default -> {
                    String formula = FORMULAS.get(c);
                    safe.append(formula == null ? String.valueOf(c) : "\\ensuremath{" + formula + "}");
                }
            }
        }
        return safe.toString();
    }
}
