package dev.ariadne.circuit;

import java.awt.Color;
import java.awt.Font;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.style.Styler.LegendPosition;

/** How this package's charts look. */
final class Plot {
    private Plot() {}

    static XYChart of(String title, String x, String y) {
        XYChart chart = new XYChartBuilder()
                .width(620)
                .height(420)
                .title(title)
                .xAxisTitle(x)
                .yAxisTitle(y)
                .build();
        chart.getStyler()
                .setChartBackgroundColor(Color.WHITE)
                .setMarkerSize(6)
                .setLegendFont(new Font(Font.SANS_SERIF, Font.PLAIN, 11))
                .setLegendPosition(LegendPosition.OutsideS);
        return chart;
    }
}
