package dev.ariadne.circuit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.types.DataType;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.task.Metric;
import dev.ariadne.task.Task;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class EdgeGradientsTest {
    private static final long[][] CLEAN = {{5, 9, 3, 7, 30, 2}, {8, 2, 21, 38, 9, 1}, {1, 1, 2, 3, 5, 8}};
    private static final long[][] CORRUPTED = {{5, 4, 3, 11, 30, 2}, {8, 2, 12, 38, 31, 6}, {14, 1, 2, 33, 5, 8}};

    private interface Body {
        void with(EdgePatcher patcher);
    }

    /** In float64, where differences can be small. */
    private static void with(String name, Granularity granularity, boolean split, Ablation ablation, Body body) {
        try (HookedTransformer single = HookedTransformer.load("src/test/resources/" + name, "cpu");
                HookedTransformer model = single.to(DataType.FLOAT64)) {
            Task task = Task.of(
                            model,
                            "small task",
                            CLEAN,
                            CORRUPTED,
                            Metric.logitDifference(new long[] {4, 6, 20}, new long[] {17, 1, 3}))
                    .at(4);
            ComputationalGraph graph = ComputationalGraph.of(model.config(), granularity, split);
            try (EdgePatcher patcher = EdgePatcher.of(task, graph, ablation)) {
                body.with(patcher);
            }
        }
    }

    @ParameterizedTest
    @CsvSource({
        "models/gpt2-tiny, SPLIT_QKV, true, CORRUPTED",
        "models/gpt2-tiny, HEADS, false, ZERO",
        "models/llama-tiny, SPLIT_QKV, false, CORRUPTED",
        "models/gemma2-tiny, SPLIT_QKV, false, CORRUPTED",
        "models/gemma3-tiny, SPLIT_QKV, false, MEAN",
        "models/pythia-tiny, HEADS, false, CORRUPTED",
        "tl/shortformer-tiny, SPLIT_QKV, false, MEAN_POSITIONAL",
        "tl/attn-only-tiny, SPLIT_QKV, false, ZERO"
    })
    void masksOfZeroAndOneAreCircuits(String name, Granularity granularity, boolean split, Ablation ablation) {
        with(name, granularity, split, ablation, patcher -> {
            Random random = new Random(3);
            for (int i = 0; i < 6; i++) {
                List<Edge> circuit = new ArrayList<>(patcher.graph().edges());
                double share = 0.2 * i;
                circuit.removeIf(edge -> random.nextDouble() < share);
                Set<Edge> present = new LinkedHashSet<>(circuit);
                double[] masks = patcher.graph().edges().stream()
                        .mapToDouble(edge -> present.contains(edge) ? 1 : 0)
                        .toArray();
                assertThat(patcher.gradients().masked(masks).metric())
                        .isCloseTo(patcher.metric(present), within(1e-10)); // float64, other order of sums
            }
        });
    }

    @ParameterizedTest
    @CsvSource({
        "models/gpt2-tiny, SPLIT_QKV, true, CORRUPTED",
        "models/llama-tiny, SPLIT_QKV, false, ZERO",
        "models/gemma2-tiny, SPLIT_QKV, false, CORRUPTED",
        "models/pythia-tiny, HEADS, false, CORRUPTED",
        "tl/shortformer-tiny, SPLIT_QKV, false, CORRUPTED"
    })
    void gradientsOfMasksAgreeWithDifferences(String name, Granularity granularity, boolean split, Ablation ablation) {
        with(name, granularity, split, ablation, patcher -> {
            EdgeGradients gradients = patcher.gradients();
            Random random = new Random(4);
            double[] masks = random.doubles(patcher.graph().size()).toArray();
            double[] found = gradients.masked(masks).gradients();
            for (int i = 0; i < masks.length; i += 7) {
                assertThat(found[i]).isCloseTo(difference(gradients, masks, i), within(1e-6));
            }
            assertThat(Arrays.stream(found).map(Math::abs).max().orElse(0)).isGreaterThan(1e-3);
        });
    }

    private static double difference(EdgeGradients gradients, double[] masks, int i) {
        double step = 2e-6;
        double[] up = masks.clone();
        double[] down = masks.clone();
        up[i] += step;
        down[i] -= step;
        return (gradients.masked(up).metric() - gradients.masked(down).metric()) / (2 * step);
    }

    /** The fast way, plain runs and one product per layer, against gradients of masks, which mix every receiver's input. */
    @ParameterizedTest
    @CsvSource({
        "models/gpt2-tiny, SPLIT_QKV, true, CORRUPTED",
        "models/gpt2-tiny, HEADS, false, MEAN",
        "models/llama-tiny, SPLIT_QKV, false, CORRUPTED",
        "models/gemma2-tiny, SPLIT_QKV, false, CORRUPTED",
        "models/gemma3-tiny, SPLIT_QKV, false, ZERO",
        "models/qwen3-tiny, SPLIT_QKV, false, CORRUPTED",
        "models/pythia-tiny, HEADS, false, CORRUPTED",
        "tl/shortformer-tiny, SPLIT_QKV, false, CORRUPTED"
    })
    void atTheCleanRunTheyAreThoseOfTheMasks(String name, Granularity granularity, boolean split, Ablation ablation) {
        with(name, granularity, split, ablation, patcher -> {
            double[] ones = new double[patcher.graph().size()];
            Arrays.fill(ones, 1);
            double[] masks = patcher.gradients().masked(ones).gradients();
            double[] scores = patcher.gradients().atEmbedding(1);
            for (int i = 0; i < ones.length; i++) {
                assertThat(scores[i]).isCloseTo(-masks[i], within(1e-10));
            }
            assertThat(patcher.gradients().atSender(patcher.graph().senders().get(2), 1))
                    .satisfies(some -> assertThat(
                                    Arrays.stream(some).filter(x -> x != 0).count())
                            .isPositive());
        });
    }

    /** Heads that share keys and values: what the group's heads are given together is what their inputs are given. */
    @ParameterizedTest
    @CsvSource({"models/llama-tiny", "models/gemma2-tiny", "models/qwen3-tiny"})
    void ofWholeHeadsThatShareKeysAddUpToThoseOfTheirInputs(String name) {
        double[][] sums = new double[2][];
        with(name, Granularity.HEADS, false, Ablation.CORRUPTED, patcher -> sums[0] = byGroup(patcher));
        with(name, Granularity.SPLIT_QKV, false, Ablation.CORRUPTED, patcher -> sums[1] = byGroup(patcher));
        assertThat(sums[0]).containsExactly(sums[1], within(1e-10));
        assertThat(Arrays.stream(sums[0]).map(Math::abs).max().orElse(0)).isGreaterThan(1e-3);
        with(
                name,
                Granularity.HEADS,
                false,
                Ablation.CORRUPTED,
                patcher -> assertThatThrownBy(() -> patcher.gradients()
                                .masked(new double[patcher.graph().size()]))
                        .hasMessageContaining("use Granularity.SPLIT_QKV"));
    }

    /** [layer, group, sender], flat: the scores of edges into a group of heads. */
    private static double[] byGroup(EdgePatcher patcher) {
        ComputationalGraph graph = patcher.graph();
        int shared = graph.config().nKeyValueHeads();
        double[] sums =
                new double[graph.config().nLayers() * shared * graph.senders().size()];
        double[] scores = patcher.gradients().atEmbedding(1);
        int i = 0;
        for (Edge edge : graph.edges()) {
            Node to = edge.to();
            if (to.kind() != Node.Kind.LOGITS && to.kind() != Node.Kind.MLP) {
                int group = graph.headsOf(to).get(0).head() / graph.config().groupSize();
                sums[
                                (to.layer() * shared + group) * graph.senders().size()
                                        + graph.senders().indexOf(edge.from())] +=
                        scores[i];
            }
            i++;
        }
        return sums;
    }

    /** Integrated along a path, gradients add up to what the whole path changes; the middle of 40 steps is near enough. */
    @ParameterizedTest
    @CsvSource({
        "models/gpt2-tiny, SPLIT_QKV, true",
        "models/llama-tiny, HEADS, false",
        "models/gemma2-tiny, SPLIT_QKV, false",
        "models/pythia-tiny, SPLIT_QKV, false"
    })
    void integratedTheyAddUpToTheEffectOfTheSender(String name, Granularity granularity, boolean split) {
        with(name, granularity, split, Ablation.CORRUPTED, patcher -> {
            ComputationalGraph graph = patcher.graph();
            for (Node sender : List.of(graph.senders().get(0), Node.head(0, 1), Node.mlp(0))) {
                List<Edge> without = new ArrayList<>(graph.edges());
                without.removeIf(edge -> edge.from().equals(sender));
                double sum = 0;
                for (int k = 0; k < 40; k++) {
                    sum += Arrays.stream(patcher.gradients().atSender(sender, (k + 0.5) / 40))
                                    .sum()
                            / 40;
                }
                assertThat(sum)
                        .as(sender.toString())
                        .isCloseTo(patcher.metric(without) - patcher.metric(), within(2e-3));
            }
        });
    }

    @Test
    void sayWhatTheyCannotDo() {
        with(
                "models/gpt2-tiny",
                Granularity.SPLIT_QKV_DIRECT,
                false,
                Ablation.CORRUPTED,
                patcher -> assertThatThrownBy(patcher::gradients).hasMessageContaining("direct edges"));
        with(
                "models/gpt2-tiny",
                Granularity.SPLIT_QKV,
                false,
                Ablation.CORRUPTED,
                patcher -> assertThatThrownBy(() -> patcher.gradients().masked(new double[3]))
                        .hasMessageContaining("got 3 masks"));
    }
}
