package dev.ariadne.task;

import dev.ariadne.model.HookedTransformer;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * What is right and what is wrong after each prompt, kept apart from the metric so that one task can be measured in several ways.
 *
 * @param correct [prompt][position][token] at the last positions of those the task reads; empty where nothing is asked
 * @param wrong the same; empty where every other token is wrong
 */
@SuppressWarnings("ArrayRecordComponent") // never leaves this package, never written to
record Answers(long[][][] correct, long[][][] wrong) {
    /** One question per prompt, after its last position. */
    static Answers last(long[][] correct, long[][] wrong, int prompts, long vocabulary) {
        if (correct.length != wrong.length) {
            throw new IllegalArgumentException("one set of wrong answers per set of right ones, got " + wrong.length
                    + " for " + correct.length + "; give two arrays of the same length");
        }
        long[][] right = AnswerIds.copy(correct);
        for (int i = 0; i < right.length; i++) {
            AnswerIds.requireApart("prompt " + i, right[i], wrong[i]);
            if (right[i].length == 0) {
                throw new IllegalArgumentException(
                        "prompt " + i + " has no right answer; give at least one token id, or leave the prompt out");
            }
        }
        return of(column(right), column(AnswerIds.copy(wrong)), prompts, vocabulary);
    }

    /** One right next token per prompt and position, {@link HookedTransformer#PADDING} where none is asked for. */
    static Answers next(long[][] next, int prompts, long vocabulary) {
        if (Arrays.stream(next).flatMapToLong(Arrays::stream).allMatch(id -> id == HookedTransformer.PADDING)) {
            throw new IllegalArgumentException("the answers " + Arrays.deepToString(next)
                    + " ask for no token at all; give the id of the right next token at one position at least");
        }
        for (int i = 0; i < next.length; i++) {
            if (next[i].length != next[0].length) {
                throw new IllegalArgumentException("answers are for the same positions of each prompt; prompt 0 has "
                        + next[0].length + ", prompt " + i + " has " + next[i].length
                        + "; put HookedTransformer.PADDING where nothing is asked");
            }
        }
        long[][][] correct = new long[next.length][][];
        long[][][] wrong = new long[next.length][][];
        for (int i = 0; i < next.length; i++) {
            correct[i] = Arrays.stream(next[i])
                    .mapToObj(id -> id == HookedTransformer.PADDING ? new long[0] : new long[] {id})
                    .toArray(long[][]::new);
            wrong[i] = new long[next[i].length][0];
        }
        return of(correct, wrong, prompts, vocabulary);
    }

    /** What a metric tells apart, if it does. */
    static @Nullable Answers of(Metric metric, int prompts, long vocabulary) {
        if (metric instanceof LogitDifference pair) {
            return last(AnswerIds.columns(pair.correct()), pair.wrong(), prompts, vocabulary);
        }
        return metric instanceof ProbabilityDifference sets ? last(sets.good(), sets.bad(), prompts, vocabulary) : null;
    }

    /** Checks ids, and repeats what is given once for all prompts. */
    static Answers of(long[][][] correct, long[][][] wrong, int prompts, long vocabulary) {
        if (correct.length != 1 && correct.length != prompts) {
            throw new IllegalArgumentException("answers for " + correct.length + " prompts, the task has " + prompts
                    + "; give one answer for all prompts, or one per prompt");
        }
        for (long[][][] side : new long[][][][] {correct, wrong}) {
            for (long[][] prompt : side) {
                for (long[] tokens : prompt) {
                    for (long id : tokens) {
                        AnswerIds.requireNotNegative(id);
                        AnswerIds.requireIn(vocabulary, id);
                    }
                }
            }
        }
        return new Answers(repeat(correct, prompts), repeat(wrong, prompts));
    }

    private static long[][][] column(long[][] sets) {
        return Arrays.stream(sets).map(set -> new long[][] {set}).toArray(long[][][]::new);
    }

    private static long[][][] repeat(long[][][] given, int prompts) {
        return IntStream.range(0, prompts)
                .mapToObj(i -> given[i % given.length])
                .toArray(long[][][]::new);
    }

    /** At how many positions something may be asked. */
    int width() {
        return correct[0].length;
    }

    boolean isAsked(int prompt, int position) {
        return correct[prompt][position].length > 0;
    }

    Metric kl() {
        boolean[][] mask = new boolean[correct.length][width()];
        boolean all = true;
        for (int i = 0; i < mask.length; i++) {
            for (int pos = 0; pos < width(); pos++) {
                mask[i][pos] = isAsked(i, pos);
                all &= mask[i][pos];
            }
        }
        return all ? Metric.kl() : Metric.kl(mask);
    }

    Metric logitDifference() {
        long[][] right = onlyPosition(correct, "a logit difference");
        for (long[] tokens : right) {
            requireOne(tokens, "a logit difference compares one; use task.probabilityDifference()");
        }
        return Metric.logitDifference(
                Arrays.stream(right).mapToLong(tokens -> tokens[0]).toArray(),
                onlyPosition(wrong, "a logit difference"));
    }

    Metric probabilityDifference() {
        String what = "a probability difference";
        return Metric.probabilityDifference(onlyPosition(correct, what), onlyPosition(wrong, what));
    }

    Metric logProbability(boolean negative) {
        long[][] next = new long[correct.length][width()];
        for (int i = 0; i < next.length; i++) {
            for (int pos = 0; pos < next[i].length; pos++) {
                if (isAsked(i, pos)) {
                    requireOne(correct[i][pos], "a log-probability is of one; use task.probabilityDifference()");
                }
                next[i][pos] = isAsked(i, pos) ? correct[i][pos][0] : HookedTransformer.PADDING;
            }
        }
        return new LogProbability(next, negative);
    }

    private static void requireOne(long[] tokens, String next) {
        if (tokens.length != 1) {
            throw new IllegalStateException("the task has " + tokens.length + " right answers to one prompt, " + next);
        }
    }

    private long[][] onlyPosition(long[][][] side, String what) {
        if (width() != 1) {
            throw new IllegalStateException(what + " is read at one position, the task asks at " + width()
                    + "; use task.kl() or task.negativeLogProbability()");
        }
        return Arrays.stream(side).map(prompt -> prompt[0]).toArray(long[][]::new);
    }
}
