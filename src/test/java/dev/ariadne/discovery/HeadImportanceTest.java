package dev.ariadne.discovery;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.DataType;
import dev.ariadne.circuit.ComputationalGraph;
import dev.ariadne.circuit.Edge;
import dev.ariadne.circuit.Granularity;
import dev.ariadne.circuit.Node;
import dev.ariadne.model.Hook;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.model.Logits;
import dev.ariadne.task.Metric;
import dev.ariadne.task.Task;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class HeadImportanceTest {
    /** Each prompt by itself, the mask moved a little up and down. */
    @ParameterizedTest
    @ValueSource(strings = {"models/llama-tiny", "models/gemma2-tiny", "models/pythia-tiny"})
    void isTheSensitivityToAMask(String name) {
        try (HookedTransformer single = SmallTasks.load(name);
                HookedTransformer model = single.to(DataType.FLOAT64)) {
            Task task = SmallTasks.of(model);
            NodeScores raw = HeadImportance.raw(task);
            for (Node node : raw.scores().keySet()) {
                double step = 1e-5;
                double[] up = perPrompt(task, scaled(node, 1 + step));
                double[] down = perPrompt(task, scaled(node, 1 - step));
                double sum = 0;
                for (int i = 0; i < up.length; i++) {
                    sum += Math.abs((up[i] - down[i]) / (2 * step));
                }
                assertThat(raw.score(node)).as(node.toString()).isCloseTo(sum, within(1e-6 * Math.max(1, sum)));
            }
        }
    }

    private static Hook scaled(Node node, double by) {
        String hook = switch (node.kind()) {
            case QUERY -> "attn.hook_q";
            case KEY -> "attn.hook_k";
            case VALUE -> "attn.hook_v";
            default -> "hook_mlp_out";
        };
        return Hook.at("blocks." + node.layer() + "." + hook, x -> {
            if (node.head() < 0) {
                return x.mul(by);
            }
            NDArray edited = x.duplicate();
            edited.set(
                    new NDIndex(":, :, " + node.head()),
                    x.get(":, :, " + node.head()).mul(by));
            return edited;
        });
    }

    private static double[] perPrompt(Task task, Hook hook) {
        try (Logits logits = task.model().run(task.clean(), hook)) {
            return task.metric().perPrompt(task.select(logits.array(), 0)).toDoubleArray();
        }
    }

    @Test
    void layersAreNormalized() {
        try (HookedTransformer model = SmallTasks.load("models/gpt2-tiny")) {
            NodeScores scores = HeadImportance.of(SmallTasks.of(model));
            for (int layer = 0; layer < 2; layer++) {
                int at = layer;
                double squares = scores.scores().entrySet().stream()
                        .filter(entry -> entry.getKey().layer() == at)
                        .mapToDouble(entry -> entry.getValue() * entry.getValue())
                        .sum();
                assertThat(squares).isCloseTo(1, within(1e-6));
            }
        }
    }

    /** Removal in ascending order, one node at a time, by the rules; the ranking of edges tells the same circuits. */
    @ParameterizedTest
    @ValueSource(strings = {"models/gpt2-tiny", "models/llama-tiny"})
    void nodesTakeTheirEdgesWithThem(String name) {
        try (HookedTransformer model = SmallTasks.load(name)) {
            NodeScores scores = HeadImportance.of(SmallTasks.of(model));
            ComputationalGraph graph = ComputationalGraph.of(model.config(), Granularity.SPLIT_QKV_DIRECT);
            EdgeScores ranking = scores.edgeScores(graph);
            for (int count = scores.scores().size(); count >= 0; count--) {
                Set<Node> kept = scores.top(count);
                Set<Edge> expected = new LinkedHashSet<>();
                for (Edge edge : graph.edges()) {
                    if (!isGone(edge.from(), kept, graph) && !isGone(edge.to(), kept, graph)) {
                        expected.add(edge);
                    }
                }
                assertThat(scores.edges(kept, graph)).isEqualTo(expected);
                if (!isTied(scores, count)) { // a head's query and key often score the same
                    assertThat(new HashSet<>(ranking.top(expected.size()))).isEqualTo(expected);
                }
            }
            assertThat(scores.edges(List.of())).hasSize(1); // embed->logits
            assertThat(scores.edgeScores().graph().size())
                    .isEqualTo(scores.graph().size());
        }
    }

    private static boolean isTied(NodeScores scores, int count) {
        List<Node> ranked = scores.ranked();
        return count > 0
                && count < ranked.size()
                && scores.score(ranked.get(count - 1)) == scores.score(ranked.get(count));
    }

    private static boolean isGone(Node node, Set<Node> kept, ComputationalGraph graph) {
        if (node.kind() == Node.Kind.HEAD) {
            return graph.inputs(node).stream().noneMatch(kept::contains);
        }
        return (node.isHeadInput() || node.kind() == Node.Kind.MLP) && !kept.contains(node);
    }

    @Test
    void showsARankedTable() {
        try (HookedTransformer model = SmallTasks.load("tl/attn-only-tiny")) {
            NodeScores scores = HeadImportance.of(SmallTasks.of(model));
            Node first = scores.ranked().get(0);
            assertThat(scores.table().row(0).getString("node")).isEqualTo(first.toString());
            assertThat(scores.table().row(0).getDouble("score")).isEqualTo(scores.score(first));
            assertThat(scores.toString()).contains("HISP").contains(first.toString());
        }
    }

    @Test
    void saysWhatItCannotScore() {
        try (HookedTransformer model = SmallTasks.load("models/gpt2-tiny")) {
            Task task = SmallTasks.of(model);
            assertThatThrownBy(() -> HeadImportance.of(task.measuring(Metric.kl())))
                    .hasMessageContaining("KL divergence")
                    .hasMessageContaining("minimum");
            NodeScores scores = HeadImportance.of(task);
            assertThatThrownBy(() -> scores.top(99)).hasMessageContaining("got 99");
            assertThatThrownBy(() -> scores.score(Node.embed())).hasMessageContaining("no score for 'embed'");
            ComputationalGraph heads = ComputationalGraph.of(model.config(), Granularity.HEADS);
            assertThatThrownBy(() -> scores.edges(scores.top(2), heads)).hasMessageContaining("SPLIT_QKV");
        }
    }
}
