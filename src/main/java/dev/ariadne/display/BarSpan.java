package dev.ariadne.display;

import java.util.List;

/**
 * Where a bar lies in its column, as shares of the column's width; bars start at zero, which lies at the left unless a
 * value is negative.
 *
 * @param start where the bar starts
 * @param length how long it is
 */
record BarSpan(double start, double length) {
    static BarSpan of(double value, List<Double> all) {
        double high = all.stream().filter(Double::isFinite).reduce(0.0, Math::max);
        double low = all.stream().filter(Double::isFinite).reduce(0.0, Math::min);
        if (!Double.isFinite(value) || high == low) {
            return new BarSpan(0, 0);
        }
        double zero = -low / (high - low);
        double length = Math.abs(value) / (high - low);
        return new BarSpan(value < 0 ? zero - length : zero, length);
    }
}
