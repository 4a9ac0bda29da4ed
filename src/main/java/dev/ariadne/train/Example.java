package dev.ariadne.train;

import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * A text and which of its tokens the model is to predict.
 *
 * @param tokens ids; copied, and so is what is returned
 * @param predicted the positions of the tokens whose cross entropy counts, each given those before it: from 1 to tokens − 1
 */
@SuppressWarnings("ArrayRecordComponent") // copied on the way in and out
public record Example(long[] tokens, int[] predicted) {
    /** Copies both and checks the positions. */
    public Example {
        tokens = tokens.clone();
        predicted = predicted.clone();
        int length = tokens.length;
        if (predicted.length == 0 || Arrays.stream(predicted).anyMatch(at -> at < 1 || at >= length)) {
            throw new IllegalArgumentException(
                    "an example of " + length + " tokens predicts at least one of those at 1 to "
                            + (length - 1) + ", got positions " + Arrays.toString(predicted)
                            + "; the first token has nothing to be predicted from");
        }
    }

    /** A text of which every token but the first is to be predicted. */
    public static Example of(long... tokens) {
        return new Example(
                tokens, IntStream.range(1, Math.max(1, tokens.length)).toArray());
    }

    @Override
    public long[] tokens() {
        return tokens.clone();
    }

    @Override
    public int[] predicted() {
        return predicted.clone();
    }

    /** How many tokens it has. */
    public int length() {
        return tokens.length;
    }

    @Override
    public String toString() {
        return "Example[" + tokens.length + " tokens, " + predicted.length + " of them predicted]";
    }
}
