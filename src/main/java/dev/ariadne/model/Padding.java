package dev.ariadne.model;

import java.util.Arrays;

/** Rows of unequal length in one batch: the shorter ones begin with {@link HookedTransformer#PADDING}. */
final class Padding {
    /** What padding looks like where tokens are shown. */
    static final String SHOWN = "·";

    private Padding() {}

    /** Makes rows equally long: [batch] of [pos] → [batch, longest]. */
    static long[][] pad(long[][] rows) {
        int longest = Arrays.stream(rows).mapToInt(row -> row.length).max().orElse(0);
        return Arrays.stream(rows).map(row -> pad(row, longest)).toArray(long[][]::new);
    }

    private static long[] pad(long[] row, int length) {
        long[] padded = new long[length];
        Arrays.fill(padded, 0, length - row.length, HookedTransformer.PADDING);
        System.arraycopy(row, 0, padded, length - row.length, row.length);
        return padded;
    }

    /** How many of each row's first tokens are padding. */
    static int[] counts(long[][] tokens) {
        return Arrays.stream(tokens).mapToInt(Padding::count).toArray();
    }

    private static int count(long[] row) {
        int count = 0;
        while (count < row.length && row[count] == HookedTransformer.PADDING) {
            count++;
        }
        return count;
    }

    /** A row without its padding. */
    static long[] strip(long[] row) {
        return Arrays.copyOfRange(row, count(row), row.length);
    }
}
