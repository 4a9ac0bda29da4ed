package dev.ariadne.task;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.index.NDIndex;
import java.util.Arrays;

/**
 * logit(correct) − the largest logit of the wrong answers, at the last position.
 *
 * @param correct one per prompt, or one for all
 * @param wrong [prompt][token], at least one in each row
 */
@SuppressWarnings("ArrayRecordComponent") // never shared: copied on the way in
record LogitDifference(String name, long[] correct, long[][] wrong) implements Metric {
    LogitDifference {
        if (correct.length != wrong.length || correct.length == 0) {
            throw new IllegalArgumentException("one wrong answer per correct answer, got " + wrong.length + " for "
                    + correct.length + "; give two arrays of the same length, at least 1");
        }
        correct = correct.clone();
        Arrays.stream(correct).forEach(AnswerIds::requireNotNegative);
        wrong = AnswerIds.copy(wrong);
        for (int i = 0; i < wrong.length; i++) {
            if (wrong[i].length == 0) {
                throw new IllegalArgumentException("answer " + correct[i] + " of prompt " + i
                        + " has no wrong answer to be compared with; give at least one, or use logProbability");
            }
            AnswerIds.requireApart("prompt " + i, new long[] {correct[i]}, wrong[i]);
        }
    }

    @Override
    public String unit() {
        return "logits";
    }

    /** The correct token and the wrong ones; where there are fewer of them, the last one again, which leaves the largest the same. */
    @Override
    public long[][] tokens() {
        int most = Arrays.stream(wrong).mapToInt(row -> row.length).max().orElseThrow();
        long[][] rows = new long[correct.length][most + 1];
        for (int i = 0; i < rows.length; i++) {
            rows[i][0] = correct[i];
            for (int j = 0; j < most; j++) {
                rows[i][j + 1] = wrong[i][Math.min(j, wrong[i].length - 1)];
            }
        }
        return rows;
    }

    @Override
    public NDArray perPromptOfTokens(NDArray few) {
        NDArray last = few.get(new NDIndex(":, -1")); // [batch, token]
        NDArray others = last.get(new NDIndex(":, 1:"));
        return last.get(new NDIndex(":, 0")).sub(others.max(new int[] {1}));
    }

    @Override
    public NDArray perPrompt(NDArray logits) {
        return perPromptOfTokens(AnswerIds.gather(logits.get(new NDIndex(":, -1:")), tokens()));
    }

    @Override
    public String toString() {
        return name() + " in " + unit();
    }
}
