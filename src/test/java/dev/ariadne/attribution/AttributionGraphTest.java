package dev.ariadne.attribution;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.types.DataType;
import dev.ariadne.cli.ReplacementFixtures;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.model.Weight;
import dev.ariadne.transcoder.Activation;
import dev.ariadne.transcoder.Feature;
import dev.ariadne.transcoder.Transcoders;
import dev.ariadne.view.Citation;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

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

    private static final ReplacementModel gemma = ReplacementFixtures.load("gemma_small_jumprelu");
    private static final AttributionConfig DEFAULT = AttributionConfig.DEFAULT;

    private static double difference(AttributionGraph a, AttributionGraph b) {
        assertThat(a.size()).isEqualTo(b.size());
        double worst = 0;
        for (int target = 0; target < a.size(); target++) {
            for (int source = 0; source < a.size(); source++) {
                worst = Math.max(worst, Math.abs(a.weight(target, source) - b.weight(target, source)));
            }
        }
        return worst;
    }

    /** I6. */
    @Test
    void theSameTargetsGivenInAnyFormGiveTheSameGraph() {
        AttributionGraph plain = gemma.attribute(TOKENS, DEFAULT);
        long[] ids = plain.targets().stream().mapToLong(Target::id).toArray();
        AttributionGraph byId = gemma.attribute(TOKENS, DEFAULT.withTargets(Targets.ids(ids)));
        List<Targets.Direction> directions = new ArrayList<>();
        try (Weight unembed = gemma.model().weights().get("W_U")) {
            float[] all = unembed.toFloatArray(); // [dModel, dVocab]
            int vocabulary = all.length / 8;
            for (Target target : plain.targets()) {
                float[] vector = new float[8];
                for (int i = 0; i < 8; i++) {
                    double mean = 0;
                    for (int token = 0; token < vocabulary; token++) {
                        mean += all[i * vocabulary + token] / vocabulary;
                    }
                    vector[i] = (float) (all[i * vocabulary + (int) target.id()] - mean);
                }
                directions.add(new Targets.Direction(target.label(), target.probability(), vector));
            }
        }
        AttributionGraph byDirection = gemma.attribute(TOKENS, DEFAULT.withTargets(new Targets.Directions(directions)));
        assertThat(byId.targets()).isEqualTo(plain.targets());
        assertThat(difference(plain, byId)).isZero();
        assertThat(difference(plain, byDirection)).isLessThan(1e-5);
        assertThat(byDirection.targets().get(2).id()).isEqualTo(16 + 2); // beyond the vocabulary
        assertThat(byDirection.replacementScore()).isCloseTo(plain.replacementScore(), within(1e-6));
    }

    /** I14. */
    @Test
    void targetsThatAreNoneAreRefused() {
        assertThatThrownBy(() -> Targets.ids()).hasMessageContaining("no targets given; give at least one");
        assertThatThrownBy(() -> gemma.attribute(TOKENS, DEFAULT.withTargets(Targets.ids(3, 16))))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("target 16 is out of range: the model predicts tokens 0 to 15");
        assertThatThrownBy(() -> gemma.attribute(
                        TOKENS, DEFAULT.withTargets(Targets.directions(new Targets.Direction("x", 1, new float[3])))))
                .hasMessageContaining("direction 'x' must have 8 numbers, as wide as the model's stream, got 3");
        assertThatThrownBy(() -> new Targets.Direction("x", 1, new float[] {Float.NaN}))
                .hasMessageContaining("holds NaN");
        assertThatThrownBy(() -> new Targets.Salient(0, 0.5)).hasMessageContaining("got 0 and 0.5");
        try (HookedTransformer model = HookedTransformer.load("gpt2-tiny", "cpu");
                Transcoders transcoders = new RandomTranscoders(model, 4, 1)
                        .perLayer("mlp.hook_in", "mlp.hook_out", Activation.RELU, false)) {
            ReplacementModel replacement = ReplacementModel.of(model, transcoders);
            assertThatThrownBy(() -> replacement.attribute(
                            "the", DEFAULT.withTargets(Targets.tokens("two words that are many tokens"))))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("must be exactly one token");
        }
    }

    @Test
    void littleMemoryGivesTheSameGraphAndTooLittleSaysHowMuchIsNeeded() {
        AttributionGraph plain = gemma.attribute(TOKENS, DEFAULT);
        assertThat(difference(plain, gemma.attribute(TOKENS, DEFAULT.withMemory(700_000))))
                .isLessThan(1e-5);
        assertThatThrownBy(() -> gemma.attribute(TOKENS, DEFAULT.withMemory(1000)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("attribution of 8 tokens with 189 active features needs at least 1 MB of memory");
    }

    /** X1, with nothing constant: no biases, no position at which nothing is active. */
    @Test
    void withoutBiasesTheEdgesAloneAddUpToEachValue() {
        try (HookedTransformer model = HookedTransformer.load("src/test/resources/models/llama-tiny", "cpu");
                Transcoders transcoders = new RandomTranscoders(model, 24, 5)
                        .unbiased()
                        .crossLayer("mlp.hook_in", "mlp.hook_out", true)) {
            AttributionGraph graph =
                    ReplacementModel.of(model, transcoders).withZeroed(0).attribute(TOKENS, DEFAULT);
            double largest = 0;
            for (int target = 0; target < graph.size(); target++) {
                assertThat(graph.bias(target)).isCloseTo(0, within(1e-6));
                double sum = 0;
                for (int source = 0; source < graph.size(); source++) {
                    sum += graph.weight(target, source);
                }
                assertThat(sum).isCloseTo(graph.value(target), within(1e-4));
                largest = Math.max(largest, Math.abs(sum));
            }
            assertThat(largest).isGreaterThan(0.1);
        }
    }

    /** X2. */
    @ParameterizedTest
    @ValueSource(strings = {"gemma_small_jumprelu", "llama_small_topk_skip", "gpt2_small_clt_relu"})
    void featuresGetFromLowerLayersAndEarlierTokensOnly(String name) {
        AttributionGraph graph = ReplacementFixtures.load(name).attribute(TOKENS, DEFAULT);
        for (int target = 0; target < graph.size(); target++) {
            for (AttributionGraph.GraphEdge edge : graph.strongestInputs(target, Integer.MAX_VALUE)) {
                GraphNode from = graph.node(edge.source());
                GraphNode to = graph.node(target);
                assertThat(from.layer()).isLessThan(to.layer());
                assertThat(from.position()).isLessThanOrEqualTo(to.position());
            }
        }
    }

    @Test
    void outputsOfAllNodesAreTheInputsOfAllNodes() {
        AttributionGraph graph = gemma.attribute(TOKENS, DEFAULT);
        List<AttributionGraph.GraphEdge> in = new ArrayList<>();
        List<AttributionGraph.GraphEdge> out = new ArrayList<>();
        for (int node = 0; node < graph.size(); node++) {
            in.addAll(graph.strongestInputs(node, Integer.MAX_VALUE));
            out.addAll(graph.strongestOutputs(node, Integer.MAX_VALUE));
            List<Double> sizes = graph.strongestOutputs(node, 5).stream()
                    .map(edge -> -Math.abs(edge.weight()))
                    .toList();
            assertThat(sizes).hasSizeLessThanOrEqualTo(5).isSorted();
        }
        assertThat(out).hasSizeGreaterThan(1000).containsExactlyInAnyOrderElementsOf(in);
    }

    @Test
    void float64AgreesWithFloat32ToFloat32sError() {
        try (HookedTransformer precise = gemma.model().to(DataType.FLOAT64)) {
            AttributionGraph wide =
                    ReplacementModel.of(precise, gemma.transcoders()).attribute(TOKENS, DEFAULT);
            AttributionGraph narrow = gemma.attribute(TOKENS, DEFAULT);
            assertThat(wide.residual()).isLessThan(1e-12);
            assertThat(narrow.residual()).isBetween(1e-12, 1e-5);
            assertThat(difference(wide, narrow)).isBetween(1e-12, 1e-5);
        }
    }

    @Test
    void onlyTheMostInfluentialFeaturesBecomeNodesWhereFewAreAllowed() {
        AttributionGraph all = gemma.attribute(TOKENS, DEFAULT);
        AttributionGraph some = gemma.attribute(TOKENS, DEFAULT.withMaxFeatureNodes(20));
        assertThat(some.featureCount()).isEqualTo(20);
        assertThat(difference(all, gemma.attribute(TOKENS, DEFAULT.withMaxFeatureNodes(189))))
                .isZero();
        double[] direct = new double[189]; // influence by what targets get at once, all there is to know at first
        for (int place = 0; place < all.targets().size(); place++) {
            int target = all.targetNode(place);
            List<AttributionGraph.GraphEdge> edges = all.strongestInputs(target, Integer.MAX_VALUE);
            double sum =
                    edges.stream().mapToDouble(edge -> Math.abs(edge.weight())).sum();
            for (AttributionGraph.GraphEdge edge : edges) {
                if (edge.source() < 189) {
                    direct[edge.source()] += all.targets().get(place).probability() * Math.abs(edge.weight()) / sum;
                }
            }
        }
        double least = Arrays.stream(direct).sorted().skip(169).findFirst().orElseThrow();
        for (int node = 0; node < 20; node++) {
            GraphNode feature = some.node(node);
            int whole = all.featureNode(new Feature(feature.layer(), feature.position(), (int) feature.index()));
            assertThat(direct[whole]).isGreaterThanOrEqualTo(least * (1 - 1e-6));
        }
        for (int place = 0; place < all.targets().size(); place++) {
            int target = some.targetNode(place);
            double sum = some.bias(target) + some.unselected(target);
            for (int source = 0; source < some.size(); source++) {
                sum += some.weight(target, source);
            }
            assertThat(sum).isCloseTo(some.value(target), within(1e-4));
            assertThat(some.weight(target, some.tokenNode(3)))
                    .isCloseTo(all.weight(all.targetNode(place), all.tokenNode(3)), within(1e-5));
        }
        assertThatThrownBy(() -> some.featureNode(new Feature(0, 0, 0))).hasMessageContaining("not active");
    }

    @Test
    void anInterruptEndsTheWorkAndTheNextGraphIsWhole() {
        AttributionGraph before = gemma.attribute(TOKENS, DEFAULT);
        Thread.currentThread().interrupt();
        assertThatThrownBy(() -> gemma.attribute(TOKENS, DEFAULT)).isInstanceOf(CancellationException.class);
        assertThat(Thread.interrupted()).isTrue();
        assertThat(difference(before, gemma.attribute(TOKENS, DEFAULT))).isZero();
    }

    @Test
    void aSavedGraphIsReadAsItWas(@TempDir Path folder) throws IOException {
        AttributionGraph graph = gemma.attribute(TOKENS, DEFAULT);
        Path file = folder.resolve("small.json");
        graph.save(file);
        GraphJson read = AttributionGraph.load(file);
        PrunedGraph pruned = graph.prune();
        assertThat(read.metadata().slug()).isEqualTo("small");
        assertThat(pruned.view().nodes()).hasSameSizeAs(read.nodes());
        assertThat(read.links()).hasSize((int) pruned.edgeCount());
        assertThat(read.nodes()).isEqualTo(pruned.toJson("small").nodes());
        assertThat(read.links().stream().map(GraphJson.Link::weight))
                .containsExactlyElementsOf(pruned.edges().stream()
                        .map(AttributionGraph.GraphEdge::weight)
                        .toList());
    }

    @Test
    void theLinksOfAWholeFileAddUpToEachValueWhereTheBiasIsANode() {
        AttributionGraph graph = gemma.attribute(TOKENS, DEFAULT);
        GraphJson json = graph.prune(1, 1).toJsonWithBias("whole");
        double[] sums = new double[graph.size()];
        Map<String, Integer> numbers = new HashMap<>();
        for (int node = 0; node < graph.size(); node++) {
            GraphNode each = graph.node(node);
            if (each.kind() == GraphNode.Kind.FEATURE) {
                numbers.put(each.layer() + "_" + each.index() + "_" + each.position(), node);
            } else if (each.kind() == GraphNode.Kind.TARGET) {
                numbers.put(each.layer() + 1 + "_" + each.index() + "_" + each.position(), node);
            }
        }
        json.links().forEach(link -> sums[Objects.requireNonNull(numbers.get(link.target()))] += link.weight());
        for (int target = graph.targetNode(0); target < graph.size(); target++) {
            assertThat(sums[target]).isCloseTo(graph.value(target), within(1e-4));
        }
        assertThat(json.links()).anyMatch(link -> link.source().equals("bias_0_0"));
        assertThat(graph.prune(1, 1).toJson("whole").links())
                .noneMatch(link -> link.source().startsWith("bias"));
    }

    @Test
    void sharesToKeepAreFromZeroToOne() {
        AttributionGraph graph = gemma.attribute(TOKENS, DEFAULT);
        assertThatThrownBy(() -> graph.prune(1.1, 0.5)).hasMessageContaining("from 0 to 1, got 1.1");
        assertThatThrownBy(() -> graph.prune(0.5, Double.NaN)).hasMessageContaining("got NaN");
        assertThat(graph.prune(1, 1).edgeCount())
                .isGreaterThan(graph.prune(0.9, 0.98).edgeCount());
    }

    /** Groups hold what they promise: every pair in one is similar, no two groups could be one, and cosines are those worked out slowly. */
    @ParameterizedTest
    @ValueSource(strings = {"gemma_small_jumprelu", "gpt2_small_clt_relu"})
    void groupsHoldFeaturesThatAllGetAndGiveAlike(String name) {
        PrunedGraph pruned =
                ReplacementFixtures.load(name).attribute(TOKENS, DEFAULT).prune();
        List<List<Integer>> groups = pruned.groups(0.4);
        assertThat(groups).isNotEmpty().isEqualTo(pruned.groups(0.4));
        GraphJson proposed = pruned.toJsonWithGroups("g", 0.4);
        assertThat(proposed.annotations().supernodes()).hasSameSizeAs(groups);
        Set<String> ids = proposed.nodes().stream().map(GraphJson.Node::id).collect(Collectors.toSet());
        assertThat(proposed.annotations().supernodes())
                .allSatisfy(group -> assertThat(ids).containsAll(group.ids()));
        assertThat(proposed.with(Annotations.NONE)).isEqualTo(pruned.toJson("g"));
        for (List<Integer> group : groups) {
            for (int a : group) {
                for (int b : group) {
                    assertThat(cosine(pruned, a, b)).isGreaterThanOrEqualTo(0.4 - 1e-6);
                    assertThat(pruned.graph().node(a).position())
                            .isEqualTo(pruned.graph().node(b).position());
                }
            }
        }
        for (List<Integer> one : groups) {
            for (List<Integer> other : groups) {
                boolean near = pruned.graph().node(one.get(0)).position()
                        == pruned.graph().node(other.get(0)).position();
                if (near && !one.equals(other)) {
                    assertThat(one.stream()
                                    .flatMapToDouble(a -> other.stream().mapToDouble(b -> cosine(pruned, a, b)))
                                    .min()
                                    .orElseThrow())
                            .isLessThan(0.4);
                }
            }
        }
        assertThatThrownBy(() -> pruned.groups(0)).hasMessageContaining("above 0 and at most 1, got 0.0");
    }

    private static double cosine(PrunedGraph graph, int a, int b) {
        double product = 0;
        double first = 0;
        double second = 0;
        for (int other : graph.nodes()) {
            product +=
                    graph.weight(a, other) * graph.weight(b, other) + graph.weight(other, a) * graph.weight(other, b);
            first += Math.pow(graph.weight(a, other), 2) + Math.pow(graph.weight(other, a), 2);
            second += Math.pow(graph.weight(b, other), 2) + Math.pow(graph.weight(other, b), 2);
        }
        return product / Math.sqrt(first * second);
    }

    @Test
    void citesPromptModelTranscodersAndPapers() {
        PrunedGraph pruned =
                gemma.attribute(TOKENS, DEFAULT.withMaxFeatureNodes(7)).prune(0.5, 0.9);
        Citation citation = pruned.cite();
        assertThat(citation.facts())
                .containsEntry("model", gemma.model().name())
                .containsEntry("weights (SHA-256)", gemma.model().weights().sha256())
                .containsEntry("transcoders", gemma.transcoders().toString())
                .containsEntry("targets chosen by", "Salient[most=10, mass=0.95]")
                .containsEntry("feature nodes", "at most 7")
                .containsEntry("kept", "0.5 of the nodes' influence, 0.9 of the edges'")
                .containsAllEntriesOf(pruned.graph().cite().facts())
                .containsKeys("prompt", "targets", "version");
        assertThat(citation.bibtex())
                .contains(
                        "@article{ameisen2025circuit,", "@inproceedings{dunefsky2024transcoders,", "@software{ariadne,")
                .contains("  url = {https://transformer-circuits.pub/2025/attribution-graphs/methods.html}\n}")
                .doesNotContain("conmy");
    }
}
