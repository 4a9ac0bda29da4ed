package dev.ariadne.cli;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Locale;

/** Collects differences; each is measured in units of its own tolerance, so that one file may mix tolerances. */
final class Comparison {
    private static final int NAMED = 3; // entries named in the note

    private double worst; // largest error / tolerance
    private double error;
    private double tolerance;
    private String where = "";
    private long count;
    private final List<String> left = new ArrayList<>(); // recorded, but not compared

    /** Compares arrays of equal length; two equal infinities agree. */
    void close(String what, float[] actual, float[] expected, double allowed) {
        if (actual.length != expected.length) {
            fail(what + " has " + actual.length + " values, expected " + expected.length);
            return;
        }
        for (int i = 0; i < actual.length; i++) {
            double difference = actual[i] == expected[i] ? 0 : Math.abs((double) actual[i] - expected[i]);
            add(what, difference, allowed);
        }
    }

    /** Records one difference; what is not a number is infinitely wrong. */
    void add(String what, double difference, double allowed) {
        double wrong = Double.isNaN(difference) ? Double.POSITIVE_INFINITY : difference;
        count++;
        if (count == 1 || wrong / allowed > worst) {
            worst = wrong / allowed;
            error = wrong;
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

    /** Records norms or other positive numbers: the difference relative to what is expected. */
    void relative(String what, double actual, double expected, double allowed) {
        double difference = Math.abs(actual - expected) / Math.abs(expected);
        add(what, difference, allowed);
    }

    /** Names recorded entries that no comparison reads; the note says so. */
    void leave(Collection<String> entries) {
        left.addAll(entries);
    }

    private String leftNote() {
        if (left.isEmpty()) {
            return "";
        }
        String few = String.join(", ", left.subList(0, Math.min(left.size(), NAMED)));
        String entries = left.size() == 1 ? " entry" : " entries";
        return "; " + left.size() + entries + " not compared yet: " + few + (left.size() > NAMED ? ", …" : "");
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
        String note = String.format(Locale.ROOT, "%d values, worst at %s", count, where) + leftNote();
        return new Outcome(pass ? Outcome.Status.PASS : Outcome.Status.FAIL, file, error, tolerance, millis, note);
    }
}
