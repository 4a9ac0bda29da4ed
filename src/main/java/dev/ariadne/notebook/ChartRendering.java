package dev.ariadne.notebook;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.BitmapEncoder.BitmapFormat;
import org.knowm.xchart.internal.chartpart.Chart;

/** Shows an XChart chart as PNG; its SVG would be larger and needs a library that XChart leaves out. */
final class ChartRendering {
    private ChartRendering() {}

    @SuppressWarnings("rawtypes") // the class object of a generic type is one of the raw type
    static Rendering<Chart> get() {
        return new Rendering<>(Chart.class, ChartRendering::forms);
    }

    private static Map<String, Supplier<Optional<String>>> forms(Chart<?, ?> chart) {
        Map<String, Supplier<Optional<String>>> forms = new LinkedHashMap<>();
        forms.put("image/png", () -> Rendering.png(() -> png(chart)));
        forms.put("text/plain", () -> Optional.of(text(chart)));
        return forms;
    }

    private static byte[] png(Chart<?, ?> chart) {
        try {
            return BitmapEncoder.getBitmapBytes(chart, BitmapFormat.PNG);
        } catch (IOException e) {
            throw new UncheckedIOException("PNG of the chart '" + chart.getTitle() + "'", e);
        }
    }

    /** Names the chart, where XChart's own text is an identity hash. */
    private static String text(Chart<?, ?> chart) {
        String title = chart.getTitle();
        String kind = chart.getClass().getSimpleName();
        return title == null || title.isBlank() ? kind : kind + " '" + title + "'";
    }
}
