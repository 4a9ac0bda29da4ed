package dev.ariadne.circuit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.ariadne.model.HookedTransformer;
import dev.ariadne.task.Task;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class EdgePatcherTest {
    private static final double EXACT = 1e-9; // FLOAT64, summed in another order
    private static final int STATES = 10;

    static Stream<String> models() {
        return TinyTasks.models();
    }

    @ParameterizedTest
    @MethodSource("models")
    void equalsOneWholeRunWithHooksPerSetOfEdges(String name) {
        Random random = new Random(name.hashCode());
        try (HookedTransformer model = TinyTasks.load(name)) {
            for (ComputationalGraph graph : TinyTasks.graphs(model)) {
                for (Ablation ablation : Ablation.values()) {
                    compare(graph, ablation, TinyTasks.some(model, random, 2), random);
                }
            }
        }
    }

    private static void compare(
            ComputationalGraph graph, Ablation ablation, Map<Task, SlowMetric> tasks, Random random) {
        SlowPatcher slow = new SlowPatcher(tasks.keySet().iterator().next(), graph, ablation);
        List<Set<Edge>> states = new ArrayList<>(List.of(graph.edges(), Set.of()));
        while (states.size() < STATES) {
            states.add(TinyTasks.subset(graph, random));
        }
        List<double[][][]> logits = states.stream().map(slow::logits).toList();
        tasks.forEach((task, metric) -> {
            String what = graph + " " + ablation + " " + task.metric().name();
            try (EdgePatcher patcher = EdgePatcher.of(task, graph, ablation)) {
                double[] values = patcher.metrics(states);
                for (int i = 0; i < values.length; i++) {
                    double expected = metric.of(slow.clean(), logits.get(i), task.positions());
                    assertThat(values[i]).as(what + " " + states.get(i)).isCloseTo(expected, within(EXACT));
                }
                assertThat(patcher.metric())
                        .as(what)
                        .isCloseTo(metric.of(slow.clean(), slow.clean(), task.positions()), within(EXACT));
            }
        });
    }
}
