package dev.ariadne.discovery;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.types.DataType;
import dev.ariadne.circuit.Ablation;
import dev.ariadne.circuit.ComputationalGraph;
import dev.ariadne.circuit.Edge;
import dev.ariadne.circuit.Granularity;
import dev.ariadne.circuit.SlowMetric;
import dev.ariadne.circuit.SlowPatcher;
import dev.ariadne.discovery.Decision.Outcome;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.task.Metric;
import dev.ariadne.task.Task;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class AcdcTest {
    private static final long[][] CLEAN = {{5, 9, 3, 7, 30}, {8, 2, 29, 31, 9}};
    private static final long[][] CORRUPTED = {{5, 9, 12, 7, 30}, {8, 6, 29, 31, 9}};

    /** The sequential algorithm, with one whole run of the model per edge that is left to be tried. */
    @ParameterizedTest
    @CsvSource({
        "tl/gpt2-tiny, SPLIT_QKV_DIRECT, CORRUPTED, 0.02, false",
        "models/llama-tiny, SPLIT_QKV_DIRECT, ZERO, 0.05, false",
        "models/qwen3-tiny, HEADS, MEAN, 0.05, true",
        "models/pythia-tiny, SPLIT_QKV, MEAN_POSITIONAL, 0.1, true",
        "tl/gemma-like-tiny, SPLIT_QKV_DIRECT, CORRUPTED, 0.001, false",
        "tl/shortformer-tiny, SPLIT_QKV_DIRECT, ZERO, 0.01, true"
    })
    void decidesAsTheSequentialAlgorithm(
            String name, Granularity granularity, Ablation ablation, double threshold, boolean absolute) {
        try (HookedTransformer single = HookedTransformer.load(
                        Path.of("src/test/resources", name).toString(), "cpu");
                HookedTransformer model = single.to(DataType.FLOAT64)) {
            Task task = Task.of(model, "random", CLEAN, CORRUPTED, Metric.kl());
            AcdcConfig config = AcdcConfig.DEFAULT
                    .withThreshold(threshold)
                    .withAblation(ablation)
                    .withGranularity(granularity)
                    .withAbsolute(absolute);
            AcdcTrace trace = new Acdc(task, config).trace();
            ComputationalGraph graph = ComputationalGraph.of(model.config(), granularity);
            SlowPatcher slow = new SlowPatcher(task, graph, ablation);
            Set<Edge> left = new HashSet<>(graph.edges());
            double current = slow.metric(SlowMetric.kl());
            for (Decision decision : trace.decisions()) {
                assertThat(left.remove(decision.edge()))
                        .as("tried once: " + decision)
                        .isTrue();
                double after = slow.metric(left, SlowMetric.kl());
                double cost = absolute ? Math.abs(after - current) : after - current;
                if (decision.outcome() == Outcome.UNREACHABLE) {
                    assertThat(after).as(decision.toString()).isCloseTo(current, within(1e-9));
                    continue;
                }
                assertThat(decision.before()).as(decision.toString()).isCloseTo(current, within(1e-9));
                assertThat(decision.after()).as(decision.toString()).isCloseTo(after, within(1e-9));
                assertThat(decision.outcome())
                        .as(decision.toString())
                        .isEqualTo(cost < threshold ? Outcome.REMOVED : Outcome.KEPT);
                if (cost < threshold) {
                    current = after;
                } else {
                    left.add(decision.edge());
                }
            }
            assertThat(trace.decisions()).hasSize(graph.size());
            assertThat(left).isEqualTo(Set.copyOf(trace.kept())).isNotEmpty();
            assertThat(trace.metric()).isCloseTo(current, within(1e-9));
        }
    }
}
