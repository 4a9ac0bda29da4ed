package dev.ariadne.task;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import java.util.Arrays;

/** Checks the token ids that answers are given by, and looks them up. */
final class AnswerIds {
    private AnswerIds() {}

    static void requireNotNegative(long id) {
        if (id < 0) {
            throw new IllegalArgumentException("an answer's token id must be 0 or more, got " + id
                    + "; look it up with model.tokenizer().toSingleToken(text)");
        }
    }

    static void requireIn(long vocabulary, long id) {
        if (id >= vocabulary) {
            throw new IllegalArgumentException("an answer's token id must be below the vocabulary's size " + vocabulary
                    + ", got " + id + "; look it up with this model's tokenizer().toSingleToken(text)");
        }
    }

    /** Refuses a token that is right and wrong after the same prompt: every measure of the two would be 0. */
    static void requireApart(String where, long[] correct, long[] wrong) {
        for (long id : correct) {
            if (Arrays.stream(wrong).anyMatch(other -> other == id)) {
                throw new IllegalArgumentException(
                        where + ": the token " + id
                                + " is both a right and a wrong answer; give a wrong one that differs, or leave the prompt out");
            }
        }
    }

    /** Sets of ids, copied: at least one set, and nothing negative in it. */
    static long[][] copy(long[][] sets) {
        if (sets.length == 0) {
            throw new IllegalArgumentException("one set of answers per prompt, or one for all, got none");
        }
        for (long[] set : sets) {
            Arrays.stream(set).forEach(AnswerIds::requireNotNegative);
        }
        return Arrays.stream(sets).map(long[]::clone).toArray(long[][]::new);
    }

    /** One id per set. */
    static long[][] columns(long[] ids) {
        return Arrays.stream(ids).mapToObj(id -> new long[] {id}).toArray(long[][]::new);
    }

    /**
     * Picks the numbers of some tokens; a batch of several copies of the prompts repeats the answers.
     *
     * @param last [batch, pos, dVocab]
     * @param answers [prompt][pos · token], or one row for all prompts
     * @return [batch, pos, token]
     */
    static NDArray gather(NDArray last, long[][] answers) {
        Shape shape = last.getShape();
        int batch = Math.toIntExact(shape.get(0));
        requireFits(answers.length, batch);
        int width = answers[0].length;
        long[] ids = new long[batch * width];
        for (int i = 0; i < batch; i++) {
            System.arraycopy(answers[i % answers.length], 0, ids, i * width, width);
        }
        for (long id : ids) {
            requireIn(shape.get(2), id);
        }
        NDArray index = last.getManager().create(ids, new Shape(batch, shape.get(1), width / shape.get(1)));
        return last.gather(index, 2);
    }

    static void requireFits(int prompts, long batch) {
        if (batch % prompts != 0) {
            throw new IllegalArgumentException("the metric has answers for " + prompts + " prompts, the batch has "
                    + batch + "; give one answer for all prompts, or one per prompt");
        }
    }
}
