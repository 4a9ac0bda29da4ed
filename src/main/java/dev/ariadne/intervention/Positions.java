package dev.ariadne.intervention;

import java.util.stream.IntStream;

/**
 * At which tokens a feature is set: one, or a slice as in Python; negative numbers count from the end of the prompt.
 *
 * @param first the first one
 * @param end the one behind the last; {@link #OPEN} for all that follow, those included that are generated
 * @param single whether it is one token, which must exist; a slice is cut to what there is
 */
public record Positions(int first, int end, boolean single) {
    /** The end of a slice without an end. */
    public static final int OPEN = Integer.MAX_VALUE;

    /** One token; −1 is the last of the prompt. */
    public static Positions at(int position) {
        return new Positions(position, position + 1, true);
    }

    /** Those from the first to the one before the end. */
    public static Positions slice(int first, int end) {
        return new Positions(first, end, false);
    }

    /** Those from the first on, and all tokens that are generated. */
    public static Positions from(int first) {
        return new Positions(first, OPEN, false);
    }

    /** Whether it applies to tokens that are generated. */
    public boolean open() {
        return end == OPEN;
    }

    /**
     * The positions in a prompt.
     *
     * @param length how many tokens it has
     * @throws IllegalArgumentException when the one token does not exist
     */
    int[] in(int length) {
        if (single) {
            int position = first < 0 ? first + length : first;
            if (position < 0 || position >= length) {
                throw new IllegalArgumentException("position " + first + " is not in the prompt, which has " + length
                        + " tokens: 0 to " + (length - 1) + ", or -" + length + " to -1 from its end");
            }
            return new int[] {position};
        }
        return IntStream.range(cut(first, length), open() ? length : cut(end, length))
                .toArray();
    }

    private static int cut(int position, int length) {
        return Math.max(0, Math.min(length, position < 0 ? position + length : position));
    }

    @Override
    public String toString() {
        return single ? Integer.toString(first) : first + ":" + (open() ? "" : Integer.toString(end));
    }
}
