package dev.ariadne.sparse;

import dev.ariadne.model.HookedTransformer;
import java.util.Arrays;

/**
 * Two prompts that ask for different tokens: the one's answer is the other's wrong answer.
 *
 * @param first the token ids of the one; copied, and so is what is returned
 * @param second those of the other, of any length; copied likewise
 * @param firstAnswer what comes after the first
 * @param secondAnswer what comes after the second
 */
@SuppressWarnings("ArrayRecordComponent") // copied on the way in and out, compared by content below
public record Pair(long[] first, long[] second, long firstAnswer, long secondAnswer) {
    /** Copies the prompts and checks that there is something to tell apart. */
    public Pair {
        first = first.clone();
        second = second.clone();
        if (first.length == 0 || second.length == 0) {
            throw new IllegalArgumentException(
                    "both prompts of a pair need at least one token, got " + first.length + " and " + second.length);
        }
        if (firstAnswer == secondAnswer) {
            throw new IllegalArgumentException("the two answers of a pair must differ, got " + firstAnswer
                    + " twice; there is nothing to tell apart");
        }
        if (Arrays.equals(first, second)) {
            throw new IllegalArgumentException("the two prompts of a pair must differ, got " + Arrays.toString(first)
                    + " twice; no model can answer one text in two ways");
        }
    }

    /** The same with the prompts exchanged. */
    Pair turned() {
        return new Pair(
                /* first= */ second,
                /* second= */ first,
                /* firstAnswer= */ secondAnswer,
                /* secondAnswer= */ firstAnswer);
    }

    /**
     * Reads a pair with a model's tokenizer.
     *
     * @throws IllegalArgumentException when an answer is not exactly one token
     */
    public static Pair of(
            HookedTransformer model, String first, String second, String firstAnswer, String secondAnswer) {
        return new Pair(
                model.toTokens(first)[0],
                model.toTokens(second)[0],
                model.tokenizer().toSingleToken(firstAnswer),
                model.tokenizer().toSingleToken(secondAnswer));
    }

    @Override
    public long[] first() {
        return first.clone();
    }

    @Override
    public long[] second() {
        return second.clone();
    }

    /** How long the longer prompt is. */
    int length() {
        return Math.max(first.length, second.length);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Pair that
                && Arrays.equals(first, that.first)
                && Arrays.equals(second, that.second)
                && firstAnswer == that.firstAnswer
                && secondAnswer == that.secondAnswer;
    }

    @Override
    public int hashCode() {
        return 31 * Arrays.hashCode(first) + Arrays.hashCode(second);
    }

    @Override
    public String toString() {
        return "Pair[" + Arrays.toString(first) + " → " + firstAnswer + ", " + Arrays.toString(second) + " → "
                + secondAnswer + "]";
    }
}
