package dev.ariadne.train;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/**
 * A synthetic language in which it pays to look back. Half of the texts are random tokens, a passage of 5 or more repeated to the end. The others
 * follow a Markov chain in which each token has six followers, with probabilities from 0.4 down, the same in all texts; now and then a
 * passage of what has been written is copied. Token 0 begins each text and stands nowhere else.
 */
final class InductionText implements Batches {
    private static final double[] CHANCES = {0.4, 0.25, 0.15, 0.1, 0.06, 0.04};
    private static final double COPY = 1 / 12.0; // the chance that a passage is copied, at each token
    private static final int SHORTEST = 5; // of a passage
    private static final int LONGEST_COPY = 20;
    private static final long SPREAD = 0x9E3779B97F4A7C15L; // far-apart seeds: the first numbers of near ones are alike

    private final int vocabulary;
    private final int length;
    private final int batch;
    private final long seed;
    private final long[][] followers; // [token][rank]

    /**
     * Makes the language.
     *
     * @param vocabulary how many tokens there are, the first included
     * @param length how many tokens a text has
     * @param batch how many texts a batch has
     * @param seed decides the chain and the texts
     */
    InductionText(int vocabulary, int length, int batch, long seed) {
        this.vocabulary = vocabulary;
        this.length = length;
        this.batch = batch;
        this.seed = seed;
        Random random = new Random(seed);
        this.followers = new long[vocabulary][];
        for (int token = 0; token < vocabulary; token++) {
            followers[token] =
                    random.longs(1, vocabulary).distinct().limit(CHANCES.length).toArray();
        }
    }

    /** The entropy of the next token of a chain, given the one before, in nats: no model can do better there. */
    static double entropy() {
        double sum = 0;
        for (double chance : CHANCES) {
            sum -= chance * Math.log(chance);
        }
        return sum;
    }

    @Override
    public List<Example> batch(int step) {
        Random random = new Random((seed + 1) * SPREAD + (step + 1) * (SPREAD >>> 1));
        List<Example> texts = new ArrayList<>();
        for (int i = 0; i < batch; i++) {
            texts.add(Example.of(i % 2 == 0 ? repeated(random) : chain(random, COPY)));
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

    /** A text that follows the chain, with passages copied now and then. */
    long[] chain(Random random, double copy) {
        long[] text = new long[length];
        text[1] = anyToken(random);
        int at = 2;
        while (at < length) {
            if (at > 2 * SHORTEST && random.nextDouble() < copy) {
                int from = 1 + random.nextInt(at - SHORTEST);
                int passage = SHORTEST + random.nextInt(LONGEST_COPY - SHORTEST);
                for (int i = 0; i < passage && at < length; i++) {
                    text[at++] = text[from + i];
                }
            } else {
                text[at] = followers[(int) text[at - 1]][rank(random.nextDouble())];
                at++;
            }
        }
        return text;
    }

    private long anyToken(Random random) {
        return 1L + random.nextInt(vocabulary - 1);
    }

    /** The rank that a number from 0 to 1 falls on. */
    private static int rank(double chance) {
        int rank = 0;
        double left = chance;
        while (rank < CHANCES.length - 1 && left >= CHANCES[rank]) {
            left -= CHANCES[rank++];
        }
        return rank;
    }
}
