package dev.ariadne.train;

import java.util.Arrays;
import java.util.Random;

/** Groups points by k-means from a k-means++ start (Arthur and Vassilvitskii 2007). */
final class KMeans {
    private KMeans() {}

    /**
     * Finds centers.
     *
     * @param points at least as many as groups
     * @param rounds at most; it ends when no point changes its group
     */
    static double[][] of(double[][] points, int groups, int rounds, Random random) {
        double[][] centers = start(points, groups, random);
        int[] groupOf = new int[points.length];
        Arrays.fill(groupOf, -1);
        for (int round = 0; round < rounds; round++) {
            boolean changed = false;
            for (int p = 0; p < points.length; p++) {
                int group = nearest(centers, points[p]);
                changed |= group != groupOf[p];
                groupOf[p] = group;
            }
            if (!changed) {
                break;
            }
            double[][] sums = new double[groups][points[0].length];
            int[] sizes = new int[groups];
            for (int p = 0; p < points.length; p++) {
                sizes[groupOf[p]]++;
                for (int i = 0; i < sums[0].length; i++) {
                    sums[groupOf[p]][i] += points[p][i];
                }
            }
            for (int group = 0; group < groups; group++) {
                for (int i = 0; sizes[group] > 0 && i < sums[group].length; i++) {
                    centers[group][i] = sums[group][i] / sizes[group];
                }
            }
        }
        return centers;
    }

    /** Each next center is a point, drawn by its squared distance from the nearest so far. */
    private static double[][] start(double[][] points, int groups, Random random) {
        double[][] centers = new double[groups][];
        double[] distances = new double[points.length];
        Arrays.fill(distances, Double.POSITIVE_INFINITY);
        int chosen = random.nextInt(points.length);
        for (int group = 0; group < groups; group++) {
            centers[group] = points[chosen].clone();
            double total = 0;
            for (int p = 0; p < points.length; p++) {
                distances[p] = Math.min(distances[p], distance(points[p], centers[group], distances[p]));
                total += distances[p];
            }
            double left = random.nextDouble() * total;
            chosen = 0;
            while (chosen < points.length - 1 && (left -= distances[chosen]) > 0) {
                chosen++;
            }
        }
        return centers;
    }

    static int nearest(double[][] centers, double[] point) {
        int best = 0;
        double least = Double.POSITIVE_INFINITY;
        for (int group = 0; group < centers.length; group++) {
            double distance = distance(point, centers[group], least);
            if (distance < least) {
                least = distance;
                best = group;
            }
        }
        return best;
    }

    /** The squared distance, or some number above the limit. */
    private static double distance(double[] a, double[] b, double limit) {
        double sum = 0;
        for (int i = 0; i < a.length && sum <= limit; i++) {
            sum += (a[i] - b[i]) * (a[i] - b[i]);
        }
        return sum;
    }
}
