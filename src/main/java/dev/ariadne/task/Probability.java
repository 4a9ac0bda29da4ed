package dev.ariadne.task;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.index.NDIndex;

/** The probability of one token at the last position. */
record Probability(String name, long id) implements Metric {
    @Override
    public String unit() {
        return "probability";
    }

    @Override
    public NDArray perPrompt(NDArray logits) {
        return logits.get(new NDIndex(":, -1")).softmax(1).get(new NDIndex(":, " + id)); // [batch]
    }
}
