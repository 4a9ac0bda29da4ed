package dev.ariadne.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class WardClustersTest {
    /** At each union the slow way tries all pairs and computes all squared distances anew. */
    @Test
    void agreesWithTheSlowWayAtEveryNumberOfGroups() {
        Random random = new Random(4);
        float[][] vectors = new float[14][3];
        for (float[] vector : vectors) {
            for (int i = 0; i < vector.length; i++) {
                vector[i] = (float) random.nextGaussian();
            }
        }
        List<List<Integer>> groups = new ArrayList<>();
        for (int i = 0; i < vectors.length; i++) {
            groups.add(new ArrayList<>(List.of(i)));
        }
        while (true) {
            int[] labels = WardClusters.of(vectors, groups.size());
            for (List<Integer> group : groups) {
                for (int i = 0; i < vectors.length; i++) {
                    assertThat(labels[i] == labels[group.get(0)]).isEqualTo(group.contains(i));
                }
            }
            if (groups.size() == 1) {
                return;
            }
            unite(vectors, groups);
        }
    }

    private static void unite(float[][] vectors, List<List<Integer>> groups) {
        double least = Double.MAX_VALUE;
        int a = 0;
        int b = 0;
        for (int i = 0; i < groups.size(); i++) {
            for (int j = 0; j < i; j++) {
                List<Integer> union = new ArrayList<>(groups.get(i));
                union.addAll(groups.get(j));
                double added = spread(vectors, union) - spread(vectors, groups.get(i)) - spread(vectors, groups.get(j));
                if (added < least) {
                    least = added;
                    a = j;
                    b = i;
                }
            }
        }
        groups.get(a).addAll(groups.remove(b));
    }

    /** The sum of squared distances from the mean. */
    private static double spread(float[][] vectors, List<Integer> group) {
        double sum = 0;
        for (int c = 0; c < vectors[0].length; c++) {
            int component = c;
            double mean = group.stream()
                    .mapToDouble(i -> vectors[i][component])
                    .average()
                    .orElseThrow();
            sum += group.stream()
                    .mapToDouble(i -> Math.pow(vectors[i][component] - mean, 2))
                    .sum();
        }
        return sum;
    }

    @Test
    void refusesMoreGroupsThanVectors() {
        assertThatThrownBy(() -> WardClusters.of(new float[3][2], 4)).hasMessageContaining("3 vectors, got 4");
        assertThatThrownBy(() -> WardClusters.of(new float[3][2], 0)).hasMessageContaining("got 0");
    }
}
