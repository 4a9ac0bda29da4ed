package dev.ariadne.task;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.Shape;

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
    public NDArray perPrompt(NDArray logits) {
        NDArray last = logits.get(new NDIndex(":, -1")); // [batch, dVocab]
        long batch = last.getShape().get(0);
        if (correct.length != 1 && batch % correct.length != 0) {
            throw new IllegalArgumentException("the metric has answers for " + correct.length
                    + " prompts, the batch has " + batch + "; give one answer for all prompts, or one per prompt");
        }
        for (int i = 0; i < correct.length; i++) {
            AnswerIds.requireIn(last.getShape().get(1), correct[i]);
            AnswerIds.requireIn(last.getShape().get(1), wrong[i]);
        }
        NDManager scope = logits.getManager();
        return last.gather(ids(scope, correct, batch), 1)
                .sub(last.gather(ids(scope, wrong, batch), 1))
                .reshape(batch);
    }

    /** [batch, 1]; a batch of several copies of the prompts repeats the answers. */
    private static NDArray ids(NDManager scope, long[] answers, long batch) {
        long[] ids = new long[Math.toIntExact(batch)];
        for (int i = 0; i < ids.length; i++) {
            ids[i] = answers[i % answers.length];
        }
        return scope.create(ids, new Shape(batch, 1));
    }
}
