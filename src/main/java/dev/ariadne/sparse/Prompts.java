package dev.ariadne.sparse;

import java.util.List;

/**
 * The prompts of some pairs, first and second in turn, and their two answers.
 *
 * @param tokens [prompt][pos]
 * @param firstAnswers [prompt], the answer to the first prompt of the pair it belongs to
 * @param secondAnswers [prompt], the answer to the second
 */
@SuppressWarnings("ArrayRecordComponent") // never leaves the package, never changed
record Prompts(long[][] tokens, long[] firstAnswers, long[] secondAnswers) {
    static Prompts of(List<Pair> pairs) {
        int count = 2 * pairs.size();
        Prompts prompts = new Prompts(new long[count][], new long[count], new long[count]);
        for (int i = 0; i < count; i++) {
            Pair pair = pairs.get(i / 2);
            prompts.tokens[i] = i % 2 == 0 ? pair.first() : pair.second();
            prompts.firstAnswers[i] = pair.firstAnswer();
            prompts.secondAnswers[i] = pair.secondAnswer();
        }
        return prompts;
    }

    int count() {
        return tokens.length;
    }

    /** 1 where the first answer is right, else -1. */
    static int sign(int prompt) {
        return prompt % 2 == 0 ? 1 : -1;
    }
}
