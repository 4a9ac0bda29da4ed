package dev.ariadne.discovery;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.ariadne.circuit.Ablation;
import dev.ariadne.circuit.Edge;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.task.Metric;
import dev.ariadne.task.Task;
import dev.ariadne.task.Tasks;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class CircuitStabilityTest {
    @Test
    void saysWhatTheCircuitsWereFoundWithAndWhatTheyShare() {
        try (HookedTransformer model = HookedTransformer.load("tracr-reverse")) {
            Task task = Tasks.tracrReverse(model);
            AcdcConfig zero = AcdcConfig.DEFAULT.withSplitEmbedding(true).withAblation(Ablation.ZERO);
            List<AcdcTrace> traces = Stream.of(Ablation.ZERO, Ablation.CORRUPTED)
                    .map(ablation -> new Acdc(task, zero.withAblation(ablation)).trace())
                    .toList();
            CircuitStability stability = CircuitStability.of(traces);
            assertThat(stability.labels()).containsExactly("zero", "corrupted");
            Set<Edge> all = new HashSet<>(traces.get(0).kept());
            all.addAll(traces.get(1).kept());
            int both = traces.get(0).kept().size() + traces.get(1).kept().size() - all.size();
            assertThat(stability.overlap(0, 1)).isCloseTo((double) both / all.size(), within(1e-12));
            assertThat(CircuitStability.of(traces.subList(0, 1)).labels().get(0))
                    .isEqualTo("τ 0.01, zero, mean squared error, tracr-reverse (seed 0)");
        }
    }

    /** Several thresholds share what they measure, and must decide as each would alone. */
    @Test
    void aSweepFindsWhatSingleSearchesFind() {
        try (HookedTransformer model = SmallTasks.load("tl/attn-only-tiny")) {
            Acdc acdc = new Acdc(model, SmallTasks.of(model).measuring(Metric.kl()));
            double[] thresholds = {0.3, 0.1, 0.02};
            List<AcdcTrace> together = acdc.sweep(thresholds).traces();
            for (int i = 0; i < thresholds.length; i++) {
                AcdcTrace alone = acdc.withThreshold(thresholds[i]).trace();
                assertThat(together.get(i).kept()).isEqualTo(alone.kept());
            }
            CircuitStability stability = acdc.stability(Map.of(Metric.kl(), new double[] {0.3, 0.1}));
            assertThat(stability.labels()).containsExactly("τ 0.3", "τ 0.1");
        }
    }
}
