package dev.ariadne.display;

import dev.ariadne.display.Scene.Anchor;
import dev.ariadne.display.Scene.Font;
import dev.ariadne.display.Scene.Words;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;

/**
 * The labels of one axis, shortened, turned and thinned so that none touches another.
 *
 * @param texts the labels as written
 * @param step the distance between neighbors in pixels
 * @param size the font size
 * @param stride every how many labels one is written
 * @param angle how a column label is turned, in degrees
 */
record Labels(List<String> texts, double step, double size, int stride, int angle) {
    private static final double LINE = 1.25; // distance of lines that do not touch, in font sizes

    /** Lays out labels below each other, as on the left of the rows. */
    static Labels rows(List<String> labels, double step, double size, double maxWidth) {
        List<String> texts = shortened(labels, size, maxWidth);
        return new Labels(texts, step, size, stride(size * 1.1, step, numeric(texts)), 0);
    }

    /** Lays out labels beside each other, as below the columns. */
    static Labels columns(List<String> labels, double step, double size, double maxWidth) {
        List<String> texts = shortened(labels, size, maxWidth);
        double widest = widest(texts, size) + 0.5 * size;
        if (widest <= step || numeric(texts)) {
            return new Labels(texts, step, size, stride(widest, step, numeric(texts)), 0);
        }
        boolean diagonal = step >= size * LINE * Math.sqrt(2);
        return new Labels(texts, step, size, diagonal ? 1 : stride(size * LINE, step, false), diagonal ? -45 : -90);
    }

    double width() {
        return widest(texts, size);
    }

    /** Returns how far the column labels reach below the cells. */
    double depth() {
        return angle == 0 ? size * 1.3 : 4 + size * 0.5 + width() * (angle == -45 ? Math.sqrt(0.5) : 1);
    }

    /** Returns how far the column labels reach to the left of the first column. */
    double overhang() {
        if (angle == -90) {
            return 0;
        }
        double share = angle == 0 ? 0.5 : Math.sqrt(0.5);
        return IntStream.range(0, texts.size())
                .filter(this::written)
                .mapToDouble(i -> Glyphs.width(texts.get(i), size) * share - (i + 0.5) * step)
                .reduce(0, Math::max);
    }

    /** Writes the labels of rows whose cells start at the given left edge and top. */
    void drawRows(Scene scene, double left, double top) {
        for (int i = 0; i < texts.size(); i++) {
            if (written(i)) {
                draw(scene, left - 5, top + (i + 0.5) * step + size * 0.36, i, Anchor.END, 0);
            }
        }
    }

    /** Writes the labels of columns whose cells start at the given left edge and end at the bottom. */
    void drawColumns(Scene scene, double left, double bottom) {
        for (int i = 0; i < texts.size(); i++) {
            if (!written(i)) {
                continue;
            }
            double x = left + (i + 0.5) * step;
            if (angle == 0) {
                draw(scene, x, bottom + size * 1.15, i, Anchor.MIDDLE, 0);
            } else if (angle == -90) {
                draw(scene, x + size * 0.36, bottom + 5, i, Anchor.END, -90);
            } else {
                draw(scene, x + size * 0.3, bottom + size * 0.75, i, Anchor.END, -45);
            }
        }
    }

    private void draw(Scene scene, double x, double y, int i, Anchor anchor, int turn) {
        scene.add(new Words(x, y, texts.get(i), Font.of(size, Scene.INK), anchor, turn));
    }

    private boolean written(int i) {
        return i % stride == 0;
    }

    private static List<String> shortened(List<String> labels, double size, double maxWidth) {
        return labels.stream()
                .map(label -> Glyphs.shorten(Glyphs.visible(label), maxWidth, size))
                .toList();
    }

    private static double widest(List<String> texts, double size) {
        return texts.stream().mapToDouble(t -> Glyphs.width(t, size)).reduce(0, Math::max);
    }

    private static boolean numeric(List<String> texts) {
        return texts.stream().allMatch(t -> t.matches("[0-9]{1,4}"));
    }

    /** Rounds up, for numbers to 1, 2, 5, 10, 20, 50, ...: thinning should leave round ones. */
    private static int stride(double needed, double step, boolean round) {
        int least = Math.max(1, (int) Math.ceil(needed / step));
        if (!round) {
            return least;
        }
        int ten = 1;
        while (least > 5 * ten) {
            ten *= 10;
        }
        return least <= ten ? ten : least <= 2 * ten ? 2 * ten : 5 * ten;
    }

    @Override
    public String toString() {
        return String.format(Locale.ROOT, "Labels[%d, every %d, %d degrees]", texts.size(), stride, angle);
    }
}
