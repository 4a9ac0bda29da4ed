package dev.ariadne.display;

import dev.ariadne.display.Scene.Area;
import dev.ariadne.display.Scene.Box;
import dev.ariadne.display.Scene.Curve;
import dev.ariadne.display.Scene.Picture;
import dev.ariadne.display.Scene.Words;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** Writes a scene as SVG that needs nothing from outside: no script, no link, no font file. */
final class SvgWriter {
    private static final String SANS = "Helvetica,Arial,'Noto Sans','Noto Sans CJK SC',sans-serif";
    private static final String MONO = "Menlo,Consolas,'DejaVu Sans Mono','Noto Sans Mono CJK SC',monospace";

    /** Lengths of the strokes of a dashed line and of what is between them. */
    static final int DASH = 5;

    static final int GAP = 4;

    private SvgWriter() {}

    static String write(Scene scene) {
        String w = number(scene.width());
        String h = number(scene.height());
        StringBuilder svg = new StringBuilder(4096);
        svg.append("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" + w + "\" height=\"" + h + "\" viewBox=\"0 0 "
                + w + " " + h + "\" font-family=\"" + SANS
                + "\" style=\"white-space:pre\">\n");
        svg.append("<rect width=\"" + w + "\" height=\"" + h + "\" rx=\"4\" fill=\"#ffffff\"/>\n");
        String group = "";
        for (Scene.Shape shape : scene.shapes()) {
            String next = shape instanceof Words words ? group(words) : "";
            if (!next.equals(group)) {
                svg.append(group.isEmpty() ? "" : "</g>\n").append(next.isEmpty() ? "" : next + "\n");
                group = next;
            }
            shape(svg, shape);
        }
        svg.append(group.isEmpty() ? "" : "</g>\n");
        return svg.append("</svg>\n").toString();
    }

    private static void shape(StringBuilder svg, Scene.Shape shape) {
        if (shape instanceof Box box) {
            svg.append("<rect" + frame(box.x(), box.y(), box.width(), box.height()) + " fill=\"" + color(box.rgb())
                    + "\"/>\n");
        } else if (shape instanceof Words words) {
            text(svg, words);
        } else if (shape instanceof Picture p) {
            svg.append("<image" + frame(p.x(), p.y(), p.width(), p.height())
                    + " preserveAspectRatio=\"none\" style=\"image-rendering:pixelated\" href=\"data:image/png;base64,"
                    + Base64.getEncoder().encodeToString(p.image().png()) + "\"/>\n");
        } else if (shape instanceof Curve c) {
            svg.append("<path d=\"M" + points(c.points().subList(0, 2)) + " C"
                    + points(c.points().subList(2, c.points().size())) + "\" fill=\"none\" stroke=\"" + color(c.rgb())
                    + "\" stroke-width=\"" + number(c.width()) + "\""
                    + (c.dashed() ? " stroke-dasharray=\"" + DASH + " " + GAP + "\"" : "") + "/>\n");
        } else if (shape instanceof Area area) {
            svg.append("<polygon points=\"" + points(area.points()) + "\" fill=\"" + color(area.rgb()) + "\"/>\n");
        } else {
            throw new AssertionError("unhandled shape " + shape);
        }
    }

    private static String points(List<Double> points) {
        return points.stream().map(SvgWriter::number).collect(Collectors.joining(" "));
    }

    static String color(int rgb) {
        return String.format(Locale.ROOT, "#%06x", rgb);
    }

    private static String frame(double x, double y, double width, double height) {
        return " x=\"" + number(x) + "\" y=\"" + number(y) + "\" width=\"" + number(width) + "\" height=\""
                + number(height) + "\"";
    }

    /** Opens the group of texts that look alike: hundreds of cell values share what they have in common. */
    private static String group(Words words) {
        StringBuilder svg =
                new StringBuilder("<g font-size=\"" + number(words.font().size()) + "\" fill=\""
                        + color(words.font().rgb()) + "\"");
        switch (words.anchor()) {
            case START -> {} // the default
            case MIDDLE -> svg.append(" text-anchor=\"middle\"");
            case END -> svg.append(" text-anchor=\"end\"");
        }
        if (words.font().bold()) {
            svg.append(" font-weight=\"bold\"");
        }
        if (words.font().mono()) {
            svg.append(" font-family=\"" + MONO + "\"");
        }
        return svg.append(">").toString();
    }

    private static void text(StringBuilder svg, Words words) {
        String x = number(words.x());
        String y = number(words.y());
        String turn = words.angle() == 0 ? "" : " transform=\"rotate(" + words.angle() + " " + x + " " + y + ")\"";
        svg.append("<text x=\"" + x + "\" y=\"" + y + "\"" + turn + ">" + Glyphs.escape(words.text()) + "</text>\n");
    }

    /** Writes a coordinate with at most two decimals. */
    private static String number(double value) {
        long hundredths = Math.round(value * 100);
        if (hundredths % 100 == 0) {
            return Long.toString(hundredths / 100);
        }
        return String.format(Locale.ROOT, "%.2f", hundredths / 100.0);
    }
}
