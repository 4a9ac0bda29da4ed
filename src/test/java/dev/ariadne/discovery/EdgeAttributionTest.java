package dev.ariadne.discovery;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDManager;
import dev.ariadne.circuit.Ablation;
import dev.ariadne.circuit.Edge;
import dev.ariadne.circuit.EdgePatcher;
import dev.ariadne.circuit.Granularity;
import dev.ariadne.discovery.EdgeAttributionConfig.Method;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.task.Metric;
import dev.ariadne.task.Task;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class EdgeAttributionTest {
    /** Every edge alone, by walking down, against a whole evaluation of the graph without that edge. */
    @ParameterizedTest
    @CsvSource({
        "models/gpt2-tiny, SPLIT_QKV_DIRECT, true, CORRUPTED",
        "models/llama-tiny, SPLIT_QKV, false, MEAN",
        "models/llama-tiny, HEADS, false, CORRUPTED",
        "models/gemma2-tiny, SPLIT_QKV, false, ZERO",
        "models/pythia-tiny, HEADS, false, CORRUPTED"
    })
    void exactIsAnEvaluationPerEdge(String name, Granularity granularity, boolean split, Ablation ablation) {
        try (HookedTransformer model = SmallTasks.load(name)) {
            Task task = SmallTasks.of(model).measuring(Metric.kl());
            EdgeScores scores =
                    EdgeAttribution.of(task, new EdgeAttributionConfig(Method.EXACT, 1, ablation, granularity, split));
            try (EdgePatcher patcher = EdgePatcher.of(task, scores.graph(), ablation)) {
                List<Edge> some = new ArrayList<>();
                List<List<Edge>> circuits = new ArrayList<>();
                int place = 0;
                for (Edge edge : scores.graph().edges()) {
                    if (edge.isDirect() || place++ % 2 == 0) {
                        List<Edge> others = new ArrayList<>(scores.graph().edges());
                        others.remove(edge);
                        some.add(edge);
                        circuits.add(others);
                    }
                }
                double[] metrics = patcher.metrics(circuits);
                double full = patcher.metric();
                for (int i = 0; i < metrics.length; i++) {
                    assertThat(scores.score(some.get(i)))
                            .as(some.get(i).toString())
                            .isCloseTo(metrics[i] - full, within(5e-6)); // float32
                }
            }
        }
    }

    /** With KL, whose gradient at the clean run is zero, the refusal says so and what to do. */
    @Test
    void refusesEapOfAMetricThatIsAtItsMinimum() {
        try (HookedTransformer model = SmallTasks.load("models/gpt2-tiny")) {
            Task task = SmallTasks.of(model).measuring(Metric.kl());
            assertThatThrownBy(() -> EdgeAttribution.eap(task))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("KL divergence")
                    .hasMessageContaining("minimum")
                    .hasMessageContaining("eapIg");
            assertThat(EdgeAttribution.eapIg(task, 3).score("m1->logits")).isNotCloseTo(0, within(1e-3));
        }
    }

    @Test
    void saysWhichMethodsGoWithWhat() {
        EdgeAttributionConfig config = EdgeAttributionConfig.DEFAULT;
        assertThatThrownBy(() -> config.withSteps(0)).hasMessageContaining("got 0");
        assertThatThrownBy(() -> config.withGranularity(Granularity.SPLIT_QKV_DIRECT))
                .hasMessageContaining("direct edges");
        assertThatThrownBy(() -> config.withMethod(Method.IG_INPUTS).withAblation(Ablation.ZERO))
                .hasMessageContaining("no usable gradient at ZERO");
        assertThat(config.withMethod(Method.IG_ACTIVATIONS)
                        .withAblation(Ablation.ZERO)
                        .toString())
                .isEqualTo("EAP-IG activations, 5 steps, ZERO, SPLIT_QKV");
    }

    /** One step to clean is EAP; the mean of both one-step rules is clean-corrupted. */
    @Test
    void methodsMeetWhereTheyAreOne() {
        try (HookedTransformer model = SmallTasks.load("models/llama-tiny")) {
            Task task = SmallTasks.of(model);
            EdgeAttributionConfig one = EdgeAttributionConfig.DEFAULT.withSteps(1);
            EdgeScores eap = EdgeAttribution.eap(task);
            EdgeScores toClean = EdgeAttribution.of(task, one.withMethod(Method.IG_INPUTS_TO_CLEAN));
            EdgeScores activations = EdgeAttribution.of(task, one.withMethod(Method.IG_ACTIVATIONS));
            EdgeScores fromCorrupted = EdgeAttribution.eapIg(task, 1);
            EdgeScores both = EdgeAttribution.of(task, one.withMethod(Method.CLEAN_CORRUPTED));
            for (Edge edge : eap.graph().edges()) {
                assertThat(toClean.score(edge)).isCloseTo(eap.score(edge), within(1e-5));
                assertThat(activations.score(edge)).isCloseTo(eap.score(edge), within(1e-5));
                assertThat(both.score(edge)).isCloseTo((eap.score(edge) + fromCorrupted.score(edge)) / 2, within(1e-5));
            }
        }
    }

    /** The sum over edges into the output is exact for a model whose output is linear: an estimate without error. */
    @Test
    void isExactWhereTheModelIsLinear() {
        try (HookedTransformer model = SmallTasks.load("tracr/tracr-reverse")) { // no norms
            long[][] clean = {{3, 0, 1, 2}, {3, 2, 1, 0}};
            long[][] corrupted = {{3, 1, 2, 0}, {3, 0, 0, 1}};
            Task task = Task.of(
                    model, "linear output", clean, corrupted, Metric.logitDifference(new long[] {0}, new long[] {1}));
            EdgeScores eap = EdgeAttribution.eap(task);
            Map<Edge, Double> exact = EdgeAttribution.exact(task).scores();
            exact.forEach((edge, change) -> {
                if (edge.to().toString().equals("logits")) {
                    assertThat(eap.score(edge)).as(edge.toString()).isCloseTo(change, within(1e-5));
                }
            });
            assertThat(exact.values().stream().mapToDouble(Math::abs).max().orElse(0))
                    .isGreaterThan(0.1);
        }
    }

    /** What a search opens it closes: the model's own arrays stay as many as they were. */
    @Test
    void repeatedRunsLeaveMemoryFlat() {
        try (HookedTransformer model = SmallTasks.load("models/gemma2-tiny")) {
            Task task = SmallTasks.of(model);
            EdgeAttributionConfig config = EdgeAttributionConfig.DEFAULT;
            Runnable all = () -> {
                EdgeAttribution.eap(task);
                EdgeAttribution.of(task, config.withGranularity(Granularity.HEADS));
                EdgeAttribution.eapIg(task.measuring(Metric.kl()), 2);
                EdgeAttribution.of(task, config.withMethod(Method.EXACT).withGranularity(Granularity.HEADS));
                HeadImportance.of(task);
                SubnetworkProbing.of(task, SubnetworkProbingConfig.DEFAULT.withSteps(2, 0.1))
                        .find();
                SubnetworkProbing.of(task.measuring(Metric.kl()), SubnetworkProbingConfig.EDGES.withSteps(2, 0.1))
                        .find();
            };
            all.run();
            int before = arrays(model);
            for (int i = 0; i < 5; i++) {
                all.run();
            }
            assertThat(arrays(model)).isEqualTo(before);
        }
    }

    private static int arrays(HookedTransformer model) {
        try (NDManager owner = model.newOwner()) {
            return owner.getParentManager().getManagedArrays().size();
        }
    }
}
