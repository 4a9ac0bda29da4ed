package dev.ariadne.attribution;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.ariadne.cli.ReplacementFixtures;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class InfluenceTest {

    /** I9, a graph made by hand: nodes 0, 1, 3 and 11 get; each by edges of weight 10. */
    @Test
    void matchesAGraphWorkedOutByHand() {
        int[][] from = {{9}, {9, 10}, {}, {0, 1, 6}, {}, {}, {}, {}, {}, {}, {}, {1, 3, 6, 8}};
        SparseRows rows = SparseRows.ofSize(12);
        for (int node = 0; node < 12; node++) {
            double[] dense = new double[12];
            Arrays.stream(from[node]).forEach(source -> dense[source] = 10);
            rows.set(node, dense);
        }
        double[] influence = Influence.of(rows, 12, new double[] {1}, 1e-10);
        double[] expected = {1 / 12., 1 / 3., 0, 1 / 4., 0, 0, 1 / 3., 0, 1 / 4., 1 / 4., 1 / 6., 0};
        assertThat(influence).containsExactly(expected, within(1e-12));
    }

    /** X3: the published way multiplies by the whole matrix until nothing is left. */
    @ParameterizedTest
    @ValueSource(strings = {"gemma_small_jumprelu", "llama_small_topk_skip", "gpt2_small_clt_relu"})
    void onePassEqualsPowerIteration(String name) {
        AttributionGraph graph =
                ReplacementFixtures.load(name).attribute(ReplacementFixtures.tokens(), AttributionConfig.DEFAULT);
        int size = graph.size();
        double[] step = new double[size];
        for (int place = 0; place < graph.targets().size(); place++) {
            step[graph.targetNode(place)] = graph.targets().get(place).probability();
        }
        double[] sum = new double[size];
        while (Arrays.stream(step).anyMatch(value -> value != 0)) {
            double[] next = new double[size];
            for (int target = 0; target < size; target++) {
                int row = target;
                double norm = IntStream.range(0, size)
                        .mapToDouble(source -> Math.abs(graph.weight(row, source)))
                        .sum();
                for (int source = 0; source < size && step[target] != 0; source++) {
                    next[source] += step[target] * Math.abs(graph.weight(target, source)) / Math.max(norm, 1e-10);
                }
            }
            step = next;
            for (int node = 0; node < size; node++) {
                sum[node] += step[node];
            }
        }
        for (int node = 0; node < size; node++) {
            assertThat(graph.influence(node)).isCloseTo(sum[node], within(1e-9));
        }
    }

    @Test
    void theThresholdIsTheOneThatSortingFinds() {
        Random random = new Random(4);
        for (int round = 0; round < 200; round++) {
            double[] scores = IntStream.range(0, 1 + random.nextInt(300))
                    .mapToDouble(i -> random.nextInt(4) == 0 ? 0 : Math.exp(6 * random.nextGaussian()))
                    .toArray();
            double share = random.nextDouble();
            double[] sorted = Arrays.stream(scores).sorted().toArray();
            double total = Arrays.stream(scores).sum();
            double sum = 0;
            int at = sorted.length;
            while (at > 0 && (at == sorted.length || sum < share * total)) {
                sum += sorted[--at];
            }
            assertThat(Threshold.of(each -> Arrays.stream(scores).forEach(each), share))
                    .isEqualTo(total == 0 ? 0 : sorted[at]);
        }
    }
}
