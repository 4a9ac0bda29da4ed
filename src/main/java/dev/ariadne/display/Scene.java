package dev.ariadne.display;

import java.util.ArrayList;
import java.util.List;

/** A picture as a list of shapes in pixels, painted in order on a white card; the SVG and the PNG are made from it. */
final class Scene {
    static final int INK = 0x1F2328;
    static final int FAINT = 0x57606A;
    static final int RULE = 0xD0D7DE;
    static final double PAD = 10;

    private final List<Shape> shapes = new ArrayList<>();
    private double width;
    private double height;

    /** Something that is painted. */
    sealed interface Shape permits Box, Words, Picture, Curve, Area {}

    /** A filled rectangle. */
    record Box(double x, double y, double width, double height, int rgb) implements Shape {}

    /** One line of text; (x, y) is on the base line; the angle in degrees turns it about that point. */
    record Words(double x, double y, String text, Font font, Anchor anchor, int angle) implements Shape {}

    /** Cells stretched to a rectangle, with hard edges. */
    record Picture(double x, double y, double width, double height, IndexedImage image) implements Shape {}

    /** A line of cubic curves: x and y of the start, then of two control points and of the end for each curve. */
    record Curve(List<Double> points, int rgb, double width, boolean dashed) implements Shape {}

    /** A filled polygon: x and y of each corner. */
    record Area(List<Double> points, int rgb) implements Shape {}

    /** Size in pixels, color, weight, and whether all characters have one width. */
    record Font(double size, int rgb, boolean bold, boolean mono) {
        static Font of(double size, int rgb) {
            return new Font(size, rgb, false, false);
        }

        static Font heading() {
            return new Font(13, INK, true, false);
        }
    }

    /** Which end of the text lies at its point. */
    enum Anchor {
        START,
        MIDDLE,
        END
    }

    List<Shape> shapes() {
        return shapes;
    }

    double width() {
        return Math.ceil(width);
    }

    double height() {
        return Math.ceil(height);
    }

    void add(Shape shape) {
        shapes.add(shape);
    }

    void text(double x, double y, String text, Font font) {
        shapes.add(new Words(x, y, text, font, Anchor.START, 0));
    }

    /** Grows the card so that it contains a point. */
    void include(double x, double y) {
        width = Math.max(width, x);
        height = Math.max(height, y);
    }

    /**
     * Writes a heading, in as many lines as it needs.
     *
     * @return where the content below it starts
     */
    double heading(String title, String subtitle, double maxWidth) {
        double y = PAD;
        if (!title.isBlank()) {
            Font font = Font.heading();
            for (String line : Glyphs.wrap(Glyphs.visible(title), maxWidth, font.size() * 1.08)) { // bold is wider
                y += 16;
                text(PAD, y - 4, line, font);
                include(2 * PAD + Glyphs.width(line, font.size() * 1.08), y);
            }
        }
        if (!subtitle.isBlank()) {
            for (String line : Glyphs.wrap(Glyphs.visible(subtitle), maxWidth, 11)) {
                y += 15;
                text(PAD, y - 4, line, Font.of(11, FAINT));
                include(2 * PAD + Glyphs.width(line, 11), y);
            }
        }
        return y == PAD ? y : y + 4;
    }

    /** Puts another scene below what is there. */
    void below(Scene other) {
        double dy = height;
        for (Shape shape : other.shapes) {
            shapes.add(moved(shape, dy));
        }
        include(other.width, dy + other.height);
    }

    private static Shape moved(Shape shape, double dy) {
        if (shape instanceof Box b) {
            return new Box(b.x, b.y + dy, b.width, b.height, b.rgb);
        }
        if (shape instanceof Words w) {
            return new Words(w.x, w.y + dy, w.text, w.font, w.anchor, w.angle);
        }
        if (shape instanceof Picture p) {
            return new Picture(p.x, p.y + dy, p.width, p.height, p.image);
        }
        if (shape instanceof Curve c) {
            return new Curve(lower(c.points, dy), c.rgb, c.width, c.dashed);
        }
        if (shape instanceof Area a) {
            return new Area(lower(a.points, dy), a.rgb);
        }
        throw new AssertionError("unhandled shape " + shape);
    }

    private static List<Double> lower(List<Double> points, double dy) {
        List<Double> lower = new ArrayList<>(points);
        for (int i = 1; i < lower.size(); i += 2) {
            lower.set(i, lower.get(i) + dy);
        }
        return lower;
    }
}
