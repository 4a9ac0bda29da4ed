package dev.ariadne.train;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/**
 * A synthetic language in which it pays to look back. Half of the texts are random tokens, a passage of 5 to 60 of them repeated to the end. The
 * others follow a Markov chain in which each token has six followers, with probabilities from 0.4 down, the same in all texts; now and then
 * a passage of what has been written is copied. Token 0 begins each text and stands nowhere else.
 *
 * @param vocabulary how many tokens there are, the first included
 * @param length how many tokens a text has
 * @param batch how many texts a batch has
 * @param seed decides the chain and the texts
 */
record InductionText(int vocabulary, int length, int batch, long seed) implements Batches {
    private static final double[] FOLLOWERS = {0.4, 0.25, 0.15, 0.1, 0.06, 0.04};
    private static final double COPY = 1 / 12.0; // the chance that a passage is copied, at each token
    private static final int SHORTEST = 5; // of a passage
    private static final int LONGEST_COPY = 20;

    @Override
    public List<Example> batch(int step) {
        Random random = new Random(31 * (31 * seed + 1) + step);
        List<Example> texts = new ArrayList<>();
        for (int i = 0; i < batch; i++) {
            texts.add(Example.of(i % 2 == 0 ? repeated(random) : chain(random)));
        }
        return texts;
    }

    private long[] repeated(Random random) {
        int period = SHORTEST + random.nextInt((length - 1) / 2 - SHORTEST);
        long[] text = new long[length];
        for (int i = 1; i < length; i++) {
            text[i] = i <= period ? anyToken(random) : text[i - period];
        }
        return text;
    }

    private long[] chain(Random random) {
        long[] text = new long[length];
        text[1] = anyToken(random);
        int at = 2;
        while (at < length) {
            if (at > 2 * SHORTEST && random.nextDouble() < COPY) {
                int from = 1 + random.nextInt(at - SHORTEST);
                int passage = SHORTEST + random.nextInt(LONGEST_COPY - SHORTEST);
                for (int i = 0; i < passage && at < length; i++) {
                    text[at++] = text[from + i];
                }
            } else {
                text[at] = follower(text[at - 1], random.nextDouble());
                at++;
            }
        }
        return text;
    }

    private long anyToken(Random random) {
        return 1 + random.nextInt(vocabulary - 1);
    }

    /** The follower of a token that a number from 0 to 1 falls on; which they are is a hash of seed, token and rank. */
    private long follower(long token, double chance) {
        int rank = 0;
        double left = chance;
        while (rank < FOLLOWERS.length - 1 && left >= FOLLOWERS[rank]) {
            left -= FOLLOWERS[rank++];
        }
        return anyToken(new Random(seed * 1_000_003 + token * 101 + rank));
    }
}
