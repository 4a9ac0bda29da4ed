package dev.ariadne.task;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.index.NDIndex;

/** The probability of one token at the last position. */
record Probability(String name, long id) implements Metric {
    Probability {
        AnswerIds.requireNotNegative(id);
    }

    @Override
    public String unit() {
        return "probability";
    }

    @Override
    public NDArray perPrompt(NDArray logits) {
        NDArray last = logits.get(new NDIndex(":, -1")); // [batch, dVocab]
        AnswerIds.requireIn(last.getShape().get(1), id);
        return last.softmax(1).get(new NDIndex(":, " + id)); // [batch]
    }

    @Override
    public String toString() {
        return name();
    }
}
