package dev.ariadne.task;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.index.NDIndex;

/** logit(correct) − logit(wrong) at the last position, one pair per prompt or one for all. */
@SuppressWarnings("ArrayRecordComponent") // never shared: the factories copy
record LogitDifference(String name, long[] correct, long[] wrong) implements Metric {
    LogitDifference {
        for (int i = 0; i < correct.length; i++) {
            AnswerIds.requireNotNegative(correct[i]);
            AnswerIds.requireNotNegative(wrong[i]);
        }
    }

    @Override
    public String unit() {
        return "logits";
    }

    @Override
    public long[][] tokens() {
        long[][] pairs = new long[correct.length][];
        for (int i = 0; i < pairs.length; i++) {
            pairs[i] = new long[] {correct[i], wrong[i]};
        }
        return pairs;
    }

    @Override
    public NDArray perPromptOfTokens(NDArray few) {
        NDArray last = few.get(new NDIndex(":, -1")); // [batch, 2]
        return last.get(new NDIndex(":, 0")).sub(last.get(new NDIndex(":, 1")));
    }

    @Override
    public NDArray perPrompt(NDArray logits) {
        NDArray last = logits.get(new NDIndex(":, -1")); // [batch, dVocab]
        return AnswerIds.gather(last, correct).sub(AnswerIds.gather(last, wrong));
    }
}
