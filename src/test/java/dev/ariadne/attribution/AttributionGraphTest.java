package dev.ariadne.attribution;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.ariadne.cli.ReplacementFixtures;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class AttributionGraphTest {
    private static final long[] TOKENS = ReplacementFixtures.tokens();

    @ParameterizedTest
    @CsvSource({
        "gemma_small_jumprelu, 0.736797, 0.900482, 34, 292",
        "llama_small_topk_skip, 0.621493, 0.850915, 27, 173",
        "gpt2_small_clt_relu, 0.647957, 0.896788, 53, 653"
    })
    void matchesTheRecordedGraph(String name, double replacement, double completeness, int nodes, int edges) {
        AttributionGraph graph = ReplacementFixtures.load(name).attribute(TOKENS, AttributionConfig.DEFAULT);
        float[] adjacency = ReplacementFixtures.floats(name, "adjacency"); // [target, source]
        long[] edgeMask = ReplacementFixtures.longs(name, "edge_mask");
        long[] nodeMask = ReplacementFixtures.longs(name, "node_mask");
        float[] cumulative = ReplacementFixtures.floats(name, "cumulative");
        int size = graph.size();
        assertThat(size).isEqualTo(nodeMask.length);
        PrunedGraph pruned = graph.prune();
        double[] found = graph.cumulativeInfluence();
        for (int target = 0; target < size; target++) {
            assertThat(pruned.contains(target)).isEqualTo(nodeMask[target] == 1);
            assertThat(found[target]).isCloseTo(cumulative[target], within(1e-5));
            for (int source = 0; source < size; source++) {
                int at = target * size + source;
                assertThat(graph.weight(target, source)).isCloseTo(adjacency[at], within(1e-4));
                assertThat(pruned.weight(target, source))
                        .isEqualTo(edgeMask[at] == 1 ? graph.weight(target, source) : 0);
            }
        }
        assertThat(pruned.nodes()).hasSize(nodes);
        assertThat(pruned.edgeCount()).isEqualTo(edges);
        assertThat(graph.residual()).isLessThan(1e-4); // so says X1: the edges and the bias add up to each value
        assertThat(graph.replacementScore()).isCloseTo(replacement, within(1e-5));
        assertThat(graph.completenessScore()).isCloseTo(completeness, within(1e-5));
    }
}
