package dev.ariadne.circuit;

import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Font;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.style.Styler.LegendPosition;

/** How this package's charts look. */
final class Plot {
    /** At least 3:1 on white, and apart for color-blind readers; XChart's own yellow and green are too pale. */
    private static final Color[] COLORS = {
        new Color(0x1F5FBF),
        new Color(0xB35806),
        new Color(0x7B3294),
        new Color(0x1A7F37),
        new Color(0xC2185B),
        new Color(0x57606A)
    };

    private Plot() {}

    /** A line's dashes, so that its color is not all that tells it from the others in the legend. */
    static BasicStroke line(int number, float width) {
        float[][] dashes = {{}, {8, 4}, {2, 3}, {10, 3, 2, 3}, {18, 5}, {8, 3, 2, 3, 2, 3}};
        float[] dash = dashes[number % dashes.length];
        return dash.length == 0
                ? new BasicStroke(width)
                : new BasicStroke(width, BasicStroke.CAP_BUTT, BasicStroke.JOIN_ROUND, 10, dash, 0);
    }

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
                .setSeriesColors(COLORS)
                .setMarkerSize(6)
                .setLegendFont(new Font(Font.SANS_SERIF, Font.PLAIN, 11))
                .setLegendPosition(LegendPosition.OutsideS);
        return chart;
    }
}
