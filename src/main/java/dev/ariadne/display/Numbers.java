package dev.ariadne.display;

import java.util.Locale;

/** Numbers as text, the same on every machine: the point is a point. */
final class Numbers {
    private Numbers() {}

    /** Formats one number by itself. */
    static String format(double value) {
        return format(value, Math.abs(value));
    }

    /**
     * Formats a number among others, so that all of them have the same number of decimals.
     *
     * @param value the number
     * @param max the largest absolute value among them
     */
    static String format(double value, double max) {
        if (!Double.isFinite(value)) {
            return Double.isNaN(value) ? "NaN" : value > 0 ? "∞" : "-∞";
        }
        if (max != 0 && (max >= 1e7 || max < 1e-3)) {
            return value == 0 ? "0" : String.format(Locale.ROOT, "%.2e", value);
        }
        return fixed(value, max >= 10_000 ? 0 : max >= 1_000 ? 1 : max >= 1 ? 3 : 4);
    }

    /** Formats shortly, for a cell or an axis; at most five characters for values that are neither tiny nor huge. */
    static String brief(double value, double max) {
        if (!Double.isFinite(value)) {
            return format(value);
        }
        if (max != 0 && (max >= 1e5 || max < 0.01)) {
            return value == 0 ? "0" : String.format(Locale.ROOT, "%.0e", value);
        }
        return fixed(value, max >= 100 ? 0 : max >= 10 ? 1 : 2);
    }

    private static String fixed(double value, int decimals) {
        String text = String.format(Locale.ROOT, "%." + decimals + "f", value);
        boolean minusZero = text.startsWith("-") && text.chars().allMatch(c -> c == '-' || c == '0' || c == '.');
        return minusZero ? text.substring(1) : text;
    }
}
