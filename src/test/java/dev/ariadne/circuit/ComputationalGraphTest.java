package dev.ariadne.circuit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ariadne.circuit.Node.Kind;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.model.ModelConfig;
import dev.ariadne.model.ModelConfig.Positions;
import dev.ariadne.model.ModelConfig.Rotary;
import dev.ariadne.model.ModelConfigBuilder;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.function.Predicate;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

class ComputationalGraphTest {
    private static ModelConfigBuilder config(int layers, int heads, boolean attnOnly) {
        return ModelConfig.builder()
                .family("test")
                .nLayers(layers)
                .dModel(8 * heads)
                .heads(heads, 8)
                .dMlp(attnOnly ? 0 : 16)
                .dVocab(10)
                .nCtx(16)
                .attnOnly(attnOnly)
                .positions(Positions.LEARNED);
    }

    /** Sizes counted by the public programs: GPT-2 small, four and two layers of attention, two compiled programs, two tiny models. */
    @ParameterizedTest
    @CsvSource({
        "12, 12, false, false, 32491, 32923",
        "4, 8, true, false, 1281, 1377",
        "2, 8, true, false, 257, 305",
        "4, 1, false, true, 94, 106",
        "2, 1, false, true, 32, 38",
        "2, 4, false, false, 110, 134",
        "2, 4, false, true, 137, 161",
        "2, 4, true, false, 81, 105",
        "2, 4, true, true, 106, 130"
    })
    void hasAsManyEdgesAsPublished(
            int layers, int heads, boolean attnOnly, boolean splitEmbedding, int added, int withDirect) {
        ModelConfig config = config(layers, heads, attnOnly).build();
        assertThat(ComputationalGraph.of(config, Granularity.SPLIT_QKV, splitEmbedding)
                        .size())
                .isEqualTo(added);
        assertThat(ComputationalGraph.of(config, Granularity.SPLIT_QKV_DIRECT, splitEmbedding)
                        .size())
                .isEqualTo(withDirect);
    }

    @Test
    void countsThePartsOfGpt2Small() {
        ComputationalGraph graph = ComputationalGraph.of(config(12, 12, false).build(), Granularity.SPLIT_QKV_DIRECT);
        assertThat(count(graph, e -> e.to().isHeadInput())).isEqualTo(31_320);
        assertThat(count(graph, e -> e.to().kind() == Kind.MLP)).isEqualTo(1_014);
        assertThat(count(graph, e -> e.to().kind() == Kind.LOGITS)).isEqualTo(157);
        assertThat(count(graph, Edge::isDirect)).isEqualTo(432);
    }

    private static long count(ComputationalGraph graph, Predicate<Edge> which) {
        return graph.edges().stream().filter(which).count();
    }

    @Test
    void countsWholeHeads() {
        assertThat(ComputationalGraph.of(config(2, 4, false).build(), Granularity.HEADS)
                        .size())
                .isEqualTo(54);
        assertThat(ComputationalGraph.of(config(2, 4, true).build(), Granularity.HEADS)
                        .size())
                .isEqualTo(33);
    }

    @Test
    void headsThatShareKeysAndValuesReadThemOnce() {
        ModelConfig smol = config(30, 9, false)
                .nKeyValueHeads(3)
                .positions(Positions.ROTARY)
                .rotary(new Rotary(10_000, 8, Optional.empty(), 1))
                .build(); // SmolLM2-135M's shape
        ComputationalGraph graph = ComputationalGraph.of(smol, Granularity.SPLIT_QKV);
        assertThat(graph.size()).isEqualTo(70_651);
        assertThat(graph.headsOf(graph.edge("m0->a1.h2<k>").to()))
                .containsExactly(Node.head(1, 6), Node.head(1, 7), Node.head(1, 8));
        assertThat(ComputationalGraph.of(smol, Granularity.SPLIT_QKV_DIRECT).size())
                .isEqualTo(70_651 + 3 * 30 * 9); // every head has its own direct edges
    }

    /** The formula: with E embeddings and S = heads + MLP per block, (heads + 2 key/value heads)·Σ(E + S·l), Σ(E + S·l + heads), E + S·layers. */
    @Test
    void followsTheFormula() {
        Random random = new Random(5);
        for (int i = 0; i < 200; i++) {
            int layers = 1 + random.nextInt(6);
            int shared = 1 + random.nextInt(4);
            int heads = shared * (1 + random.nextInt(3));
            boolean attnOnly = random.nextBoolean();
            boolean parallel = !attnOnly && random.nextBoolean();
            boolean split = random.nextBoolean();
            ModelConfig config = config(layers, heads, attnOnly)
                    .nKeyValueHeads(shared)
                    .parallel(parallel)
                    .build();
            int mlps = attnOnly ? 0 : 1;
            int embeddings = split ? 2 : 1;
            int sum = 0;
            for (int layer = 0; layer < layers; layer++) {
                sum += embeddings + (heads + mlps) * layer;
            }
            int rest = mlps * (sum + (parallel ? 0 : layers * heads)) + embeddings + (heads + mlps) * layers;
            int qkv = (heads + 2 * shared) * sum + rest;
            assertThat(ComputationalGraph.of(config, Granularity.SPLIT_QKV, split)
                            .size())
                    .isEqualTo(qkv);
            assertThat(ComputationalGraph.of(config, Granularity.SPLIT_QKV_DIRECT, split)
                            .size())
                    .isEqualTo(qkv + 3 * layers * heads);
            assertThat(ComputationalGraph.of(config, Granularity.HEADS, split).size())
                    .isEqualTo(heads * sum + rest);
        }
    }

    @ParameterizedTest
    @MethodSource("dev.ariadne.circuit.TinyTasks#models")
    void everyEdgeIsReadFromWhatItPrintsAndPointsForward(String name) {
        try (HookedTransformer model = TinyTasks.load(name)) {
            for (ComputationalGraph graph : TinyTasks.graphs(model)) {
                Set<String> texts = new HashSet<>();
                for (Edge edge : graph.edges()) {
                    assertThat(graph.edge(edge.toString())).isEqualTo(edge);
                    assertThat(edge.from()).isLessThan(edge.to());
                    assertThat(texts.add(edge.toString())).isTrue();
                }
                assertThat(List.copyOf(graph.edges())).isSorted().hasSize(graph.size());
                for (Node receiver : graph.receivers()) {
                    assertThat(Node.of(receiver.toString(), model.config().nLayers()))
                            .isEqualTo(receiver);
                    assertThat(graph.sendersTo(receiver)).isSorted();
                }
            }
        }
    }

    @Test
    void readsTheNamesOfOtherPrograms() {
        assertThat(Edge.of("resid_pre -> a1.2.q", 2)).isEqualTo(Edge.of("embed->a1.h2<q>", 2));
        assertThat(Edge.of("input->resid_post", 2)).isEqualTo(Edge.of("embed->logits", 2));
    }

    @Test
    void offersTheNearestEdges() {
        ComputationalGraph graph = ComputationalGraph.of(config(2, 4, false).build(), Granularity.SPLIT_QKV);
        assertThatThrownBy(() -> graph.edge("a1.h0->a1.h2<q>"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("no edge 'a1.h0->a1.h2<q>'")
                .hasMessageContaining("a0.h0->a1.h2<q>")
                .hasMessageContaining("110 edges");
        assertThatThrownBy(() -> graph.edge("a0.h0->a1.h2")).hasMessageContaining("SPLIT_QKV");
        assertThatThrownBy(() -> graph.edge("a0.h0")).hasMessageContaining("'sender->receiver'");
        assertThatThrownBy(() -> graph.edge("x->m1")).hasMessageContaining("no node is called 'x'");
        assertThatThrownBy(() -> graph.sendersTo(Node.embed())).hasMessageContaining("no receiver 'embed'");
        ModelConfig none = config(2, 4, true).positions(Positions.NONE).build();
        assertThatThrownBy(() -> ComputationalGraph.of(none, Granularity.HEADS, true))
                .hasMessageContaining("NONE");
    }

    @Test
    void refusesAnotherModelsGraph() {
        try (HookedTransformer model = TinyTasks.load("tl/gpt2-tiny")) {
            ComputationalGraph other = ComputationalGraph.of(config(2, 4, false).build(), Granularity.HEADS);
            var task = TinyTasks.tasks(model, new Random(1)).keySet().iterator().next();
            assertThatThrownBy(() -> EdgePatcher.of(task, other, Ablation.ZERO))
                    .hasMessageContaining("not of the task's model");
            ComputationalGraph graph = ComputationalGraph.of(model.config(), Granularity.HEADS);
            try (EdgePatcher patcher = EdgePatcher.of(task, graph, Ablation.ZERO)) {
                List<Edge> foreign = List.of(Edge.of("embed->a1.h2<q>", 2));
                assertThatThrownBy(() -> patcher.metric(foreign)).hasMessageContaining("the nearest are");
            }
        }
    }
}
