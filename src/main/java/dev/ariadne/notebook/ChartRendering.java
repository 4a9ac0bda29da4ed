package dev.ariadne.notebook;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.Map;
import javax.imageio.ImageIO;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.internal.chartpart.IChart;

/** Shows an XChart chart as PNG; its SVG would be larger and needs a library that XChart leaves out. */
final class ChartRendering {
    private ChartRendering() {}

    static Rendering<IChart> get() {
        return new Rendering<>(IChart.class, ChartRendering::bundle);
    }

    private static Map<String, String> bundle(IChart chart) {
        Map<String, String> bundle = new LinkedHashMap<>();
        ByteArrayOutputStream png = new ByteArrayOutputStream();
        try {
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
    private static String text(IChart chart) {
        String title = chart.getTitle();
        String kind = chart.getClass().getSimpleName();
        return title == null || title.isBlank() ? kind : kind + " '" + title + "'";
    }
}
