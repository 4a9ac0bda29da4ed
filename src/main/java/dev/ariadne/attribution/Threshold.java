package dev.ariadne.attribution;

import java.util.Arrays;
import java.util.function.DoubleConsumer;

/** The score down to which the highest scores make up a fraction of their sum, found by selection: nothing is sorted as a whole. */
final class Threshold {
    private static final int SHIFT = 48; // of a number's bits: what is left tells 16 sizes in each power of two

    private Threshold() {}

    /** Numbers that can be gone through several times. */
    interface Scores {
        void forEach(DoubleConsumer score);
    }

    /**
     * Finds the threshold.
     *
     * @param scores not negative, in any order
     * @param fraction from 0 to 1
     * @return the first of the sorted scores at which their running sum reaches the fraction; all that are as high are to be kept
     */
    static double of(Scores scores, double fraction) {
        double[] sums = new double[1 << (64 - SHIFT - 1)]; // by size
        int[] counts = new int[sums.length];
        scores.forEach(score -> {
            int bucket = bucket(score);
            sums[bucket] += score;
            counts[bucket]++;
        });
        double total = Arrays.stream(sums).sum();
        if (!(total > 0)) {
            return 0;
        }
        double above = 0;
        int bucket = sums.length - 1;
        while (bucket > 0 && above + sums[bucket] < fraction * total) {
            above += sums[bucket--];
        }
        double[] some = within(scores, bucket, counts[bucket]);
        for (int i = some.length - 1; i >= 0; i--) {
            above += some[i];
            if (above >= fraction * total) {
                return some[i];
            }
        }
        return some.length > 0 ? some[0] : 0; // rounding: the sum of all falls short of itself
    }

    private static int bucket(double score) {
        return (int) (Double.doubleToRawLongBits(score) >>> SHIFT);
    }

    /** The scores of one bucket, sorted. */
    private static double[] within(Scores scores, int bucket, int size) {
        double[] some = new double[size];
        int[] count = {size};
        scores.forEach(score -> {
            if (bucket(score) == bucket) {
                some[--count[0]] = score;
            }
        });
        Arrays.sort(some);
        return some;
    }
}
