package dev.ariadne.circuit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.ariadne.model.HookedTransformer;
import dev.ariadne.task.Task;
import java.util.ArrayList;
import java.util.HashSet;
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

    /** All edges are the full model, none the corrupted run, and what nothing reads may read what it likes. */
    @ParameterizedTest
    @MethodSource("models")
    void endsAreWholeRunsAndDeadReceiversDoNotCount(String name) {
        Random random = new Random(17L * name.hashCode());
        try (HookedTransformer model = TinyTasks.load(name)) {
            for (ComputationalGraph graph : TinyTasks.graphs(model)) {
                Map.Entry<Task, SlowMetric> entry =
                        TinyTasks.some(model, random, 1).entrySet().iterator().next();
                Task task = entry.getKey();
                double[][][] full = SlowPatcher.run(model, task.clean());
                double[][][] away = SlowPatcher.run(model, task.corrupted());
                try (EdgePatcher patcher = EdgePatcher.of(task, graph, Ablation.CORRUPTED)) {
                    double all = entry.getValue().of(full, full, task.positions());
                    assertThat(patcher.metric()).isCloseTo(all, within(EXACT));
                    assertThat(patcher.metric(graph.edges())).isCloseTo(all, within(EXACT));
                    if (!graph.splitEmbedding()
                            && !name.contains("gemma-like")
                            && !model.config().extras().bigrams()) {
                        // split, positions are shuffled too; an attention bias behind a norm keeps the norm's clean
                        // scale; a table of bigrams reads the clean prompt
                        double none = entry.getValue().of(full, away, task.positions());
                        assertThat(patcher.metric(Set.of())).isCloseTo(none, within(EXACT));
                    }
                    Node dead = graph.senders()
                            .get(
                                    graph.splitEmbedding()
                                            ? 2
                                            : 1 + random.nextInt(graph.senders().size() - 1));
                    Set<Edge> without = TinyTasks.subset(graph, random);
                    without.removeIf(edge -> edge.from().equals(dead) || reads(graph, edge, dead));
                    Set<Edge> with = new HashSet<>(without);
                    graph.edges().stream()
                            .filter(edge -> reads(graph, edge, dead))
                            .forEach(with::add);
                    assertThat(with).hasSizeGreaterThan(without.size());
                    assertThat(patcher.metric(with)).isCloseTo(patcher.metric(without), within(EXACT));
                }
            }
        }
    }

    /** Whether an edge ends in a node, or in an input that no other node reads. */
    private static boolean reads(ComputationalGraph graph, Edge edge, Node node) {
        return edge.to().equals(node)
                || (edge.to().isHeadInput() && graph.headsOf(edge.to()).equals(List.of(node)));
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
