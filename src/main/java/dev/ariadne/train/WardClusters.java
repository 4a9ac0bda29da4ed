package dev.ariadne.train;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Groups vectors from the bottom up: those two groups become one whose union adds least to the squared distances from the groups' means (Ward
 * 1963), until so many are left.
 */
final class WardClusters {
    private final double[][] distance; // [group, group], what a union would add
    private final int[] size; // 0: part of another group
    private final int[] nearest;
    private final int[] parent;

    private WardClusters(float[][] vectors) {
        int count = vectors.length;
        distance = new double[count][count];
        size = new int[count];
        nearest = new int[count];
        parent = new int[count];
        Arrays.fill(size, 1);
        for (int i = 0; i < count; i++) {
            parent[i] = i;
            for (int j = 0; j < i; j++) {
                distance[i][j] = distance[j][i] = squared(vectors[i], vectors[j]) / 2;
            }
        }
        for (int i = 0; i < count; i++) {
            nearest[i] = nearest(i);
        }
    }

    /**
     * Groups vectors.
     *
     * @param vectors [vector][component]
     * @param groups how many groups, from 1 to as many as there are vectors
     * @return the group of each vector, from 0, in the order of their first vectors
     */
    static int[] of(float[][] vectors, int groups) {
        if (groups < 1 || groups > vectors.length) {
            throw new IllegalArgumentException(
                    "from 1 to " + vectors.length + " groups of " + vectors.length + " vectors, got " + groups);
        }
        WardClusters clusters = new WardClusters(vectors);
        for (int left = vectors.length; left > groups; left--) {
            clusters.unite();
        }
        return clusters.labels();
    }

    private void unite() {
        int a = -1;
        for (int i = 0; i < size.length; i++) {
            if (size[i] > 0 && (a < 0 || distance[i][nearest[i]] < distance[a][nearest[a]])) {
                a = i;
            }
        }
        int b = nearest[a];
        for (int k = 0; k < size.length; k++) {
            if (size[k] > 0 && k != a && k != b) { // Lance and Williams 1967
                double sum = (size[a] + size[k]) * distance[a][k] + (size[b] + size[k]) * distance[b][k];
                distance[a][k] =
                        distance[k][a] = (sum - size[k] * distance[a][b]) / (size[a] + size[b] + (double) size[k]);
            }
        }
        size[a] += size[b];
        size[b] = 0;
        parent[b] = a;
        for (int k = 0; k < size.length; k++) {
            if (size[k] > 0 && (k == a || nearest[k] == a || nearest[k] == b)) {
                nearest[k] = nearest(k);
            }
        }
    }

    /** The nearest other group; a union only moves groups away, so no other one can have come nearer. */
    private int nearest(int i) {
        int best = -1;
        for (int j = 0; j < size.length; j++) {
            if (j != i && size[j] > 0 && (best < 0 || distance[i][j] < distance[i][best])) {
                best = j;
            }
        }
        return best;
    }

    private int[] labels() {
        Map<Integer, Integer> numbers = new LinkedHashMap<>();
        int[] labels = new int[parent.length];
        for (int i = 0; i < labels.length; i++) {
            int root = i;
            while (parent[root] != root) {
                root = parent[root];
            }
            Integer number = numbers.get(root);
            labels[i] = number == null ? numbers.size() : number;
            numbers.putIfAbsent(root, labels[i]);
        }
        return labels;
    }

    /** The squared distance of two vectors. */
    static double squared(float[] a, float[] b) {
        double sum = 0;
        for (int i = 0; i < a.length; i++) {
            double d = a[i] - (double) b[i];
            sum += d * d;
        }
        return sum;
    }
}
