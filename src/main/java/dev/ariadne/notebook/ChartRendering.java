package dev.ariadne.notebook;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Collectors;
import javax.imageio.ImageIO;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.internal.chartpart.Chart;
import org.knowm.xchart.internal.chartpart.IChart;
import org.knowm.xchart.internal.series.Series;

/** Shows an XChart chart as PNG, with a text for those who do not see it; its SVG would be larger and needs a library that XChart leaves out. */
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
            String data = Base64.getEncoder().encodeToString(png.toByteArray());
            bundle.put("text/html", "<img alt=\"" + alt(chart) + "\" src=\"data:image/png;base64," + data + "\"/>");
            bundle.put("image/png", data); // for readers of notebooks that leave HTML out
        } catch (LinkageError | InternalError | NullPointerException e) {
            bundle.clear(); // the JDK's ways to say that it has no font: the chart's name remains
        } catch (IOException e) {
            throw new UncheckedIOException("PNG of the chart '" + chart.getTitle() + "'", e);
        }
        bundle.put("text/plain", text(chart));
        return bundle;
    }

    /** What is drawn: the title, and the names of the series. */
    private static String alt(IChart chart) {
        String series = chart instanceof Chart<?, ?> drawn
                ? drawn.getSeriesCollection().stream().map(Series::getName).collect(Collectors.joining(", ", ": ", ""))
                : "";
        return (text(chart) + series).replace("&", "&amp;").replace("<", "&lt;").replace("\"", "&quot;");
    }

    /** Names the chart, where XChart's own text is an identity hash. */
    private static String text(IChart chart) {
        String title = chart.getTitle();
        String kind = chart.getClass().getSimpleName();
        return title == null || title.isBlank() ? kind : kind + " '" + title + "'";
    }
}
