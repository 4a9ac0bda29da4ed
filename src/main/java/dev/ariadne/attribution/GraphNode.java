package dev.ariadne.attribution;

import java.util.Locale;

/**
 * A node of an attribution graph.
 *
 * @param kind what it is
 * @param layer of a feature or an error, from 0; −1 of a token, the number of layers of a target
 * @param position of the token, from 0
 * @param index a feature's number, a token's or target's id; −1 of an error
 * @param activation of a feature; else 0
 * @param label what it is called: a feature's name, a token, readable; may be empty
 */
public record GraphNode(Kind kind, int layer, int position, long index, double activation, String label) {
    /** The kinds. */
    public enum Kind {
        /** A feature that is active at a token. */
        FEATURE,
        /** What the transcoders miss of an MLP's output at a token. */
        ERROR,
        /** A token of the prompt. */
        TOKEN,
        /** An output token, or a direction. */
        TARGET
    }

    @Override
    public String toString() {
        String name = label.isEmpty() ? "" : " “" + label + "”";
        return switch (kind) {
            case FEATURE ->
                String.format(Locale.ROOT, "feature %d_%d_%d%s %.2f", layer, index, position, name, activation);
            case ERROR -> "error of layer " + layer + " at position " + position;
            case TOKEN -> "token" + name + " at position " + position;
            case TARGET -> "target" + name;
        };
    }
}
