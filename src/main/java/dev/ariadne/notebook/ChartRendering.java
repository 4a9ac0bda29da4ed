package dev.ariadne.notebook;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.Map;
import javax.imageio.ImageIO;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.internal.chartpart.Chart;

/** Shows an XChart chart as PNG; its SVG would be larger and needs a library that XChart leaves out. */
final class ChartRendering {
    private ChartRendering() {}

    @SuppressWarnings("rawtypes") // the class object of a generic type is one of the raw type
    static Rendering<Chart> get() {
        return new Rendering<>(Chart.class, ChartRendering::bundle);
    }

    private static Map<String, String> bundle(Chart<?, ?> chart) {
        Map<String, String> bundle = new LinkedHashMap<>();
        try {
            ByteArrayOutputStream png = new ByteArrayOutputStream();
            ImageIO.write(BitmapEncoder.getBufferedImage(chart), "png", png);
            bundle.put("image/png", Base64.getEncoder().encodeToString(png.toByteArray()));
        } catch (LinkageError | InternalError | NullPointerException e) {
            bundle.clear(); // the JDK's ways to say that it has no font: the chart's name remains
        } catch (IOException e) {
            throw new UncheckedIOException("PNG of the chart '" + chart.getTitle() + "'", e);
        }
        bundle.put("text/plain", text(chart));
        return bundle;
    }

    /** Names the chart, where XChart's own text is an identity hash. */
    private static String text(Chart<?, ?> chart) {
        String title = chart.getTitle();
        String kind = chart.getClass().getSimpleName();
        return title == null || title.isBlank() ? kind : kind + " '" + title + "'";
    }
}
