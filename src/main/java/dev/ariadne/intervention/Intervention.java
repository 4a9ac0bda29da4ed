package dev.ariadne.intervention;

import java.util.Locale;

/**
 * What is done to a supernode.
 *
 * @param node the supernode
 * @param kind what
 * @param amount the factor or the value
 * @param replaces the name of the supernode that it stands in for in the picture; empty for none
 */
public record Intervention(Supernode node, Kind kind, double amount, String replaces) {
    /** Ways to set features. */
    public enum Kind {
        /** Each to a multiple of its activation. */
        TIMES,
        /** Each to a value. */
        TO,
        /** Not at all: it is only looked at. */
        WATCH
    }

    /** Requires a finite number and members to set. */
    public Intervention {
        if (!Double.isFinite(amount)) {
            throw new IllegalArgumentException("'" + node.name() + "' must be set to a finite number, got " + amount);
        }
        if (node.features().isEmpty()) {
            throw new IllegalArgumentException("'" + node.name()
                    + "' has no features, so that there is nothing to set; give it members, or leave it out");
        }
    }

    /** The same, drawn beside another one as its replacement. */
    public Intervention replacing(Supernode other) {
        return new Intervention(node, kind, amount, other.name());
    }

    /** What is written at the node. */
    String note() {
        String set = switch (kind) {
            case TIMES -> "×" + number(amount);
            case TO -> "= " + number(amount);
            case WATCH -> "";
        };
        return set + (set.isEmpty() || replaces.isEmpty() ? "" : " ") + (replaces.isEmpty() ? "" : "for " + replaces);
    }

    /** A number without superfluous decimals, with a minus sign. */
    static String number(double value) {
        String text = value == Math.rint(value) && Math.abs(value) < 1e9
                ? String.format(Locale.ROOT, "%.0f", value)
                : Double.toString(value);
        return text.equals("-0") ? "0" : text.replace('-', '−');
    }

    @Override
    public String toString() {
        return node.name() + (note().isEmpty() ? "" : " " + note());
    }
}
