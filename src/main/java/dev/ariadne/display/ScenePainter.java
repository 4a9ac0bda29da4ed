package dev.ariadne.display;

import dev.ariadne.display.Scene.Area;
import dev.ariadne.display.Scene.Box;
import dev.ariadne.display.Scene.Curve;
import dev.ariadne.display.Scene.Picture;
import dev.ariadne.display.Scene.Words;
import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Font;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.geom.AffineTransform;
import java.awt.geom.Path2D;
import java.awt.geom.Rectangle2D;
import java.awt.image.BufferedImage;
import java.util.List;

/** Paints a scene with Java2D, as PNG. */
final class ScenePainter {
    private static final double MAX_PIXELS = 2e7; // 80 MB while it is painted

    private ScenePainter() {}

    /**
     * Paints.
     *
     * @param zoom pixels of the picture for a pixel of the scene
     * @throws IllegalStateException when this JVM finds no font
     */
    static byte[] png(Scene scene, double zoom) {
        try {
            return painted(scene, zoom);
        } catch (LinkageError | InternalError | NullPointerException e) { // the JDK's ways to say so
            throw new IllegalStateException(
                    "cannot paint a PNG: this JVM finds no font; install fontconfig and one (Debian: apt install fontconfig"
                            + " fonts-dejavu-core) and start anew, or save as .svg or .html, which need none",
                    e);
        }
    }

    private static byte[] painted(Scene scene, double zoom) {
        if (System.getProperty("java.awt.headless") == null) {
            System.setProperty("java.awt.headless", "true"); // macOS would open an application icon
        }
        double scale = Math.min(zoom, Math.sqrt(MAX_PIXELS / (scene.width() * scene.height())));
        int width = Math.max(1, (int) Math.round(scene.width() * scale));
        int height = Math.max(1, (int) Math.round(scene.height() * scale));
        BufferedImage image = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
        Graphics2D g = image.createGraphics();
        try {
            g.setRenderingHint(RenderingHints.KEY_ANTIALIASING, RenderingHints.VALUE_ANTIALIAS_ON);
            g.setRenderingHint(RenderingHints.KEY_TEXT_ANTIALIASING, RenderingHints.VALUE_TEXT_ANTIALIAS_ON);
            g.setRenderingHint(RenderingHints.KEY_FRACTIONALMETRICS, RenderingHints.VALUE_FRACTIONALMETRICS_ON);
            g.setColor(Color.WHITE);
            g.fillRect(0, 0, width, height);
            g.scale(scale, scale);
            for (Scene.Shape shape : scene.shapes()) {
                paint(g, shape);
            }
        } finally {
            g.dispose();
        }
        return PngWriter.rgb(image);
    }

    private static void paint(Graphics2D g, Scene.Shape shape) {
        if (shape instanceof Box box) {
            g.setColor(new Color(box.rgb()));
            g.fill(new Rectangle2D.Double(box.x(), box.y(), box.width(), box.height()));
        } else if (shape instanceof Words words) {
            paint(g, words);
        } else if (shape instanceof Picture picture) {
            paint(g, picture);
        } else if (shape instanceof Curve curve) {
            paint(g, curve);
        } else if (shape instanceof Area area) {
            g.setColor(new Color(area.rgb()));
            Path2D path = new Path2D.Double();
            path.moveTo(area.points().get(0), area.points().get(1));
            for (int i = 2; i < area.points().size(); i += 2) {
                path.lineTo(area.points().get(i), area.points().get(i + 1));
            }
            g.fill(path);
        } else {
            throw new AssertionError("unhandled shape " + shape);
        }
    }

    private static void paint(Graphics2D g, Curve curve) {
        g.setColor(new Color(curve.rgb()));
        float[] dashes = curve.dashed() ? new float[] {SvgWriter.DASH, SvgWriter.GAP} : null;
        g.setStroke(
                new BasicStroke((float) curve.width(), BasicStroke.CAP_BUTT, BasicStroke.JOIN_MITER, 10, dashes, 0));
        g.draw(path(curve));
    }

    static Path2D path(Curve curve) {
        List<Double> p = curve.points();
        Path2D path = new Path2D.Double();
        path.moveTo(p.get(0), p.get(1));
        for (int i = 2; i < p.size(); i += 6) {
            path.curveTo(p.get(i), p.get(i + 1), p.get(i + 2), p.get(i + 3), p.get(i + 4), p.get(i + 5));
        }
        return path;
    }

    private static void paint(Graphics2D g, Words words) {
        // Logical names: the JDK joins fonts, so that Chinese is seen when any installed font has it.
        String family = words.font().mono() ? Font.MONOSPACED : Font.SANS_SERIF;
        Font font = new Font(family, words.font().bold() ? Font.BOLD : Font.PLAIN, 12)
                .deriveFont((float) (words.font().size() * 0.95)); // the JDK's sans is a wide one
        g.setFont(font);
        g.setColor(new Color(words.font().rgb()));
        AffineTransform before = g.getTransform();
        g.translate(words.x(), words.y());
        g.rotate(Math.toRadians(words.angle()));
        double width = g.getFontMetrics().getStringBounds(words.text(), g).getWidth();
        float start = switch (words.anchor()) {
            case START -> 0;
            case MIDDLE -> (float) (-width / 2);
            case END -> (float) -width;
        };
        g.drawString(words.text(), start, 0);
        g.setTransform(before);
    }

    private static void paint(Graphics2D g, Picture picture) {
        IndexedImage cells = picture.image();
        BufferedImage image = new BufferedImage(cells.width(), cells.height(), BufferedImage.TYPE_INT_RGB);
        for (int y = 0; y < cells.height(); y++) {
            for (int x = 0; x < cells.width(); x++) {
                image.setRGB(x, y, cells.rgb(x, y));
            }
        }
        g.setRenderingHint(RenderingHints.KEY_INTERPOLATION, RenderingHints.VALUE_INTERPOLATION_NEAREST_NEIGHBOR);
        AffineTransform place = AffineTransform.getTranslateInstance(picture.x(), picture.y());
        place.scale(picture.width() / cells.width(), picture.height() / cells.height());
        g.drawImage(image, place, null);
    }
}
