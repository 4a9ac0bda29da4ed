package dev.ariadne.model;

import java.util.Arrays;
import java.util.Comparator;
import java.util.PriorityQueue;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/** Chooses one row's next tokens; its random numbers are the same on every platform. */
final class Sampler {
    private final Sampling sampling;
    private final SplittableRandom random;

    Sampler(Sampling sampling, int row) {
        this.sampling = sampling;
        this.random = new SplittableRandom(sampling.seed() + row);
    }

    /** Chooses a token by its log-probabilities [dVocab]. */
    int choose(double[] logProbabilities) {
        return sampling.temperature() == 0 ? best(logProbabilities) : draw(weights(logProbabilities));
    }

    /** How probable each token is beside the most probable one, whose weight is 1; those that may not be drawn have 0. */
    double[] weights(double[] logProbabilities) {
        double most = logProbabilities[best(logProbabilities)];
        double least = sampling.topK() == 0 ? Double.NEGATIVE_INFINITY : least(logProbabilities, sampling.topK());
        double[] weights = new double[logProbabilities.length];
        for (int id = 0; id < weights.length; id++) {
            double below = logProbabilities[id] - most;
            weights[id] = logProbabilities[id] < least ? 0 : Math.exp(below / sampling.temperature());
        }
        if (sampling.topP() < 1) {
            keepNucleus(weights, sampling.topP());
        }
        return weights;
    }

    /** The most probable token; of several, the one with the lowest id. */
    private static int best(double[] logProbabilities) {
        int best = 0;
        for (int id = 1; id < logProbabilities.length; id++) {
            best = logProbabilities[id] > logProbabilities[best] ? id : best;
        }
        return best;
    }

    /** The k-th largest value. */
    private static double least(double[] values, int k) {
        PriorityQueue<Double> largest = new PriorityQueue<>();
        for (double value : values) {
            if (largest.size() < k) {
                largest.add(value);
            } else if (value > largest.element()) {
                largest.remove();
                largest.add(value);
            }
        }
        return largest.element();
    }

    /** Makes all weights zero but the fewest largest that have the share p together (Holtzman et al. 2020). */
    private static void keepNucleus(double[] weights, double p) {
        double total = Arrays.stream(weights).sum();
        // below this, even all tokens together have less than 1 − p: none of them is needed, or has to be sorted
        double small = (1 - p) * total / weights.length;
        int[] order = IntStream.range(0, weights.length)
                .filter(id -> weights[id] >= small)
                .boxed()
                .sorted(Comparator.comparingDouble((Integer id) -> -weights[id]).thenComparing(id -> id))
                .mapToInt(Integer::intValue)
                .toArray();
        double[] kept = new double[weights.length];
        double sum = 0;
        for (int i = 0; i < order.length && sum < p * total; i++) {
            kept[order[i]] = weights[order[i]];
            sum += weights[order[i]];
        }
        System.arraycopy(kept, 0, weights, 0, kept.length);
    }

    private int draw(double[] weights) {
        double left = random.nextDouble() * Arrays.stream(weights).sum();
        int last = 0;
        for (int id = 0; id < weights.length; id++) {
            if (weights[id] > 0) {
                last = id;
                left -= weights[id];
                if (left < 0) {
                    return id;
                }
            }
        }
        return last; // rounding left a crumb
    }
}
