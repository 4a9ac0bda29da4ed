package dev.ariadne.task;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;

/** Checks the token ids that answers are given by. */
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

    /**
     * Picks one number per prompt; a batch of several copies of the prompts repeats the answers.
     *
     * @param last [batch, dVocab]
     * @return [batch]
     */
    static NDArray gather(NDArray last, long[] answers) {
        int batch = Math.toIntExact(last.getShape().get(0));
        if (answers.length != 1 && batch % answers.length != 0) {
            throw new IllegalArgumentException("the metric has answers for " + answers.length
                    + " prompts, the batch has " + batch + "; give one answer for all prompts, or one per prompt");
        }
        for (long answer : answers) {
            requireIn(last.getShape().get(1), answer);
        }
        long[] ids = new long[batch];
        for (int i = 0; i < batch; i++) {
            ids[i] = answers[i % answers.length];
        }
        return last.gather(last.getManager().create(ids, new Shape(batch, 1)), 1)
                .reshape(batch);
    }
}
