package dev.ariadne.display;

import dev.ariadne.view.View.Tokens;

/** The background of each token: blue above zero, orange and underlined below, stronger for larger values; readable in both themes. */
final class TokenShade {
    /** At this strength both black and white text keep a contrast of 4.5 on the blend with their own background. */
    static final double STRONGEST = 0.62;

    private final double[] values;
    private final double max;

    private TokenShade(double[] values, double max) {
        this.values = values;
        this.max = max;
    }

    static TokenShade of(Tokens tokens) {
        double[] values = tokens.values();
        double max = 0;
        for (double value : values) {
            max = Double.isFinite(value) ? Math.max(max, Math.abs(value)) : max;
        }
        return new TokenShade(values, max);
    }

    static String legend(Tokens tokens) {
        double low = 0;
        double high = 0;
        for (double value : tokens.values()) {
            if (Double.isFinite(value)) {
                low = Math.min(low, value);
                high = Math.max(high, value);
            }
        }
        double max = Math.max(-low, high);
        String unit = tokens.unit().isBlank() ? "color" : "color: " + tokens.unit();
        return unit + ", " + (low < 0 ? Numbers.brief(low, max) + " (orange, underlined) to " : "0 to ")
                + Numbers.brief(high, max) + " (blue)";
    }

    boolean isUnderlined(int i) {
        return values[i] < 0;
    }

    int color(int i) {
        return values[i] < 0 ? TableScene.ORANGE : TableScene.BLUE;
    }

    double alpha(int i) {
        if (max == 0 || Double.isNaN(values[i])) {
            return 0;
        }
        return Math.min(1, Math.abs(values[i]) / max) * STRONGEST;
    }
}
