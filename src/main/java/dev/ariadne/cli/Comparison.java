package dev.ariadne.cli;

import java.util.Locale;

/** Collects differences; each is measured in units of its own tolerance, so that one file may mix tolerances. */
final class Comparison {
    private double worst; // largest error / tolerance
    private double error;
    private double tolerance;
    private String where = "";
    private long count;

    /** Compares arrays of equal length; two equal infinities agree. */
    void close(String what, float[] actual, float[] expected, double allowed) {
        if (actual.length != expected.length) {
            fail(what + " has " + actual.length + " values, expected " + expected.length);
            return;
        }
        for (int i = 0; i < actual.length; i++) {
            double difference = actual[i] == expected[i] ? 0 : Math.abs((double) actual[i] - expected[i]);
            add(what, Double.isNaN(difference) ? Double.POSITIVE_INFINITY : difference, allowed);
        }
    }

    /** Records one difference. */
    void add(String what, double difference, double allowed) {
        count++;
        if (count == 1 || difference / allowed > worst) {
            worst = difference / allowed;
            error = difference;
            tolerance = allowed;
            where = what;
        }
    }

    /** Requires equality. */
    void same(String what, Object actual, Object expected) {
        if (!actual.equals(expected)) {
            fail(what + " is " + actual + ", expected " + expected);
        } else {
            add(what, 0, 1e-9);
        }
    }

    private void fail(String why) {
        if (worst < Double.POSITIVE_INFINITY) {
            worst = Double.POSITIVE_INFINITY;
            error = Double.POSITIVE_INFINITY;
            where = why;
        }
        count++;
    }

    Outcome outcome(String file, long millis) {
        if (count == 0) {
            return new Outcome(Outcome.Status.FAIL, file, 0, 0, millis, "nothing was compared");
        }
        boolean pass = worst <= 1;
        String note = String.format(Locale.ROOT, "%d values, worst at %s", count, where);
        return new Outcome(pass ? Outcome.Status.PASS : Outcome.Status.FAIL, file, error, tolerance, millis, note);
    }
}
