package dev.ariadne.task;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.index.NDIndex;

/** The log-probability of known answers at the last position, one per prompt or one for all. */
@SuppressWarnings("ArrayRecordComponent") // never shared: the factory copies
record LogProbability(long[] answers) implements Metric {
    LogProbability {
        for (long answer : answers) {
            AnswerIds.requireNotNegative(answer);
        }
    }

    @Override
    public String name() {
        return "log-probability";
    }

    @Override
    public String unit() {
        return "nats";
    }

    @Override
    public NDArray perPrompt(NDArray logits) {
        NDArray last = logits.get(new NDIndex(":, -1")).logSoftmax(1); // [batch, dVocab]
        return AnswerIds.gather(last, answers);
    }
}
