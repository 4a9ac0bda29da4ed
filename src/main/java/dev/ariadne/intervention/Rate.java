package dev.ariadne.intervention;

import java.util.Locale;

/**
 * How often something happened, with what that says about how often it would.
 *
 * @param hits how often
 * @param all of how many
 */
public record Rate(int hits, int all) {
    private static final double Z = 1.959964; // 95 % of a normal distribution lie within so many deviations

    /** Checks the counts. */
    public Rate {
        if (hits < 0 || hits > all) {
            throw new IllegalArgumentException("hits go from 0 to all, got " + hits + " of " + all);
        }
    }

    /** One more. */
    Rate plus(boolean hit) {
        return new Rate(hits + (hit ? 1 : 0), all + 1);
    }

    /** Between 0 and 1; NaN of none. */
    public double value() {
        return (double) hits / all;
    }

    /** The lower end of the 95 % interval (Wilson 1927). */
    public double low() {
        return all == 0 ? 0 : Math.max(0, middle() - half());
    }

    /** The upper end of the 95 % interval. */
    public double high() {
        return all == 0 ? 1 : Math.min(1, middle() + half());
    }

    private double middle() {
        return (hits + Z * Z / 2) / (all + Z * Z);
    }

    private double half() {
        return Z / (all + Z * Z) * Math.sqrt((double) hits * (all - hits) / all + Z * Z / 4);
    }

    @Override
    public String toString() {
        return String.format(Locale.ROOT, "%d/%d = %.3f [%.3f, %.3f]", hits, all, value(), low(), high());
    }
}
