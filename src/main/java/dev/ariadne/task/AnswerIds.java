package dev.ariadne.task;

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
}
