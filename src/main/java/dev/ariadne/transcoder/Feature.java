package dev.ariadne.transcoder;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A feature of a layer's transcoder at one token of a prompt. Written as in attribution graphs, layer_index_position: "1_207_9".
 *
 * @param layer the block whose MLP it stands for, from 0
 * @param position of the token, from 0
 * @param index its number in the transcoder, from 0
 */
public record Feature(int layer, int position, int index) {
    private static final Pattern TEXT = Pattern.compile("(\\d{1,9})_(\\d{1,9})_(\\d{1,9})");

    /** Checks the numbers. */
    public Feature {
        if (layer < 0 || position < 0 || index < 0) {
            throw new IllegalArgumentException("a feature has a layer, a position and an index from 0 on, got layer "
                    + layer + ", position " + position + ", index " + index);
        }
    }

    /**
     * Reads what {@link #toString} writes.
     *
     * @throws IllegalArgumentException when the text is no feature
     */
    public static Feature of(String text) {
        Matcher parts = TEXT.matcher(text);
        if (!parts.matches()) {
            throw new IllegalArgumentException(
                    "'" + text + "' is no feature; one is written layer_index_position, such as 1_207_9");
        }
        return new Feature(
                Integer.parseInt(parts.group(1)), Integer.parseInt(parts.group(3)), Integer.parseInt(parts.group(2)));
    }

    @Override
    public String toString() {
        return layer + "_" + index + "_" + position;
    }
}
