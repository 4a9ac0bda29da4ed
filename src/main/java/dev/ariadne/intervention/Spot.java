package dev.ariadne.intervention;

import java.util.List;

/**
 * A token of a prompt.
 *
 * @param prompt the text
 * @param position from 0, with the token that begins each text; negative counts from the end
 * @param token the token there, to be found when the position is not given; empty otherwise
 */
public record Spot(String prompt, int position, String token) {
    /** A token by its position. */
    public static Spot at(String prompt, int position) {
        return new Spot(prompt, position, "");
    }

    /** The last token of a prompt. */
    public static Spot last(String prompt) {
        return at(prompt, -1);
    }

    /** A token by what it says; the last one that says it. Blanks around it do not count, so that there must be something else. */
    public static Spot of(String prompt, String token) {
        if (token.isBlank()) {
            throw new IllegalArgumentException("a spot's token must say something, got '" + token + "' in “" + prompt
                    + "”; name a blank token by its position with Spot.at(prompt, position)");
        }
        return new Spot(prompt, 0, token.strip());
    }

    /** The position among tokens as they are read. */
    int in(List<String> tokens) {
        if (token.isEmpty()) {
            return Positions.at(position).in(tokens.size())[0];
        }
        for (int i = tokens.size() - 1; i >= 0; i--) {
            if (tokens.get(i).strip().equals(token)) {
                return i;
            }
        }
        throw new IllegalArgumentException("'" + token + "' is no token of “" + prompt + "”; its tokens are " + tokens);
    }

    @Override
    public String toString() {
        return "“" + prompt + "” at " + (token.isEmpty() ? Integer.toString(position) : "'" + token + "'");
    }
}
