package dev.ariadne.display;

import dev.ariadne.view.View.HeatMap;
import dev.ariadne.view.View.Scale;
import java.util.List;

/**
 * How values become colors, for one heat map or for several that share a scale.
 *
 * <p>White to blue, or blue over white to orange: both keep their order for color-blind readers and in gray print.
 *
 * @param scale from zero, or symmetric about zero
 * @param max the value with the strongest color, > 0
 * @param clipped whether a value lies below the scale
 * @param gaps whether a value is missing
 */
record Tint(Scale scale, double max, boolean clipped, boolean gaps) {
    /** Number of color steps; the index after the last step is the gray of NaN. */
    static final int STEPS = 255;

    static final int GRAY = 0xBDBDBD;
    static final int BLACK = 0x000000; // a gray would leave mid-blue without readable ink
    static final int WHITE = 0xFFFFFF;

    private static final int[] BLUES = {0xFFFFFF, 0xC6DBEF, 0x6BAED6, 0x2171B5, 0x08306B};
    private static final int[] BLUE_TO_ORANGE = {0x053061, 0x2166AC, 0x92C5DE, 0xFFFFFF, 0xFDB863, 0xC0580A, 0x7F3B08};

    /** Returns the scale on which all of the maps can be drawn. */
    static Tint of(List<HeatMap> maps) {
        double max = 0;
        boolean clipped = false;
        boolean gaps = false;
        Scale scale = maps.get(0).scale();
        for (HeatMap map : maps) {
            for (float[] row : map.values()) {
                for (float value : row) {
                    gaps |= Float.isNaN(value);
                    clipped |= value < 0 && scale == Scale.SEQUENTIAL;
                    if (Float.isFinite(value)) {
                        max = Math.max(max, scale == Scale.DIVERGING ? Math.abs(value) : value);
                    }
                }
            }
        }
        return new Tint(scale, max > 0 ? max : 1, clipped, gaps);
    }

    /** Returns the step of a value in [0, STEPS), or STEPS for NaN. */
    int step(float value) {
        if (Float.isNaN(value)) {
            return STEPS;
        }
        double fraction = scale == Scale.DIVERGING ? (value / max + 1) / 2 : value / max;
        return (int) Math.round(Math.max(0, Math.min(1, fraction)) * (STEPS - 1));
    }

    int color(int step) {
        if (step == STEPS) {
            return GRAY;
        }
        int[] stops = scale == Scale.DIVERGING ? BLUE_TO_ORANGE : BLUES;
        double place = (double) step / (STEPS - 1) * (stops.length - 1);
        int below = Math.min((int) place, stops.length - 2);
        return mix(stops[below], stops[below + 1], place - below);
    }

    /** Returns black or white, whichever reads better on a color. */
    static int inkOn(int rgb) {
        return contrast(rgb, BLACK) >= contrast(rgb, WHITE) ? BLACK : WHITE;
    }

    /** Returns the contrast ratio of two colors as WCAG 2 defines it, from 1 to 21. */
    static double contrast(int a, int b) {
        double la = luminance(a);
        double lb = luminance(b);
        return (Math.max(la, lb) + 0.05) / (Math.min(la, lb) + 0.05);
    }

    static int mix(int from, int to, double fraction) {
        int rgb = 0;
        for (int shift = 16; shift >= 0; shift -= 8) {
            int a = from >> shift & 0xFF;
            int b = to >> shift & 0xFF;
            rgb |= (int) Math.round(a + (b - a) * fraction) << shift;
        }
        return rgb;
    }

    private static double luminance(int rgb) {
        return 0.2126 * linear(rgb >> 16 & 0xFF) + 0.7152 * linear(rgb >> 8 & 0xFF) + 0.0722 * linear(rgb & 0xFF);
    }

    private static double linear(int channel) {
        double c = channel / 255.0;
        return c <= 0.04045 ? c / 12.92 : Math.pow((c + 0.055) / 1.055, 2.4);
    }
}
