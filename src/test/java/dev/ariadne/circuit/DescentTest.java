package dev.ariadne.circuit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.ariadne.circuit.Node.Kind;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.task.Task;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class DescentTest {
    private static final double EXACT = 1e-9; // FLOAT64, summed in another order

    static Stream<String> models() {
        return TinyTasks.models();
    }

    @ParameterizedTest
    @MethodSource("models")
    void equalsOneWholeRunWithHooksAtEveryStep(String name) {
        Random random = new Random(31L * name.hashCode());
        try (HookedTransformer model = TinyTasks.load(name)) {
            for (ComputationalGraph graph : TinyTasks.graphs(model)) {
                Ablation ablation = Ablation.values()[random.nextInt(4)];
                Map.Entry<Task, SlowMetric> task =
                        TinyTasks.some(model, random, 1).entrySet().iterator().next();
                try (EdgePatcher patcher = EdgePatcher.of(task.getKey(), graph, ablation);
                        Descent descent = patcher.descend()) {
                    new Walk(patcher, descent, new SlowPatcher(task.getKey(), graph, ablation), task.getValue(), random)
                            .run();
                }
            }
        }
    }

    /** A walk from the output down that takes random edges away, and compares with the slow patcher wherever it measures. */
    private static final class Walk {
        private final EdgePatcher patcher;
        private final ComputationalGraph graph;
        private final Descent descent;
        private final SlowPatcher slow;
        private final SlowMetric metric;
        private final Random random;
        private final double share; // of edges that go
        private final Set<Edge> left;

        Walk(EdgePatcher patcher, Descent descent, SlowPatcher slow, SlowMetric metric, Random random) {
            this.patcher = patcher;
            this.graph = patcher.graph();
            this.descent = descent;
            this.slow = slow;
            this.metric = metric;
            this.random = random;
            this.share = 0.2 + 0.8 * random.nextDouble();
            this.left = new HashSet<>(graph.edges());
        }

        void run() {
            for (Node receiver : downward()) {
                descent.enter(receiver);
                assertThat(descent.isAlive(receiver))
                        .as(receiver + " of " + left)
                        .isEqualTo(isRead(receiver));
                if (graph.sendersTo(receiver).get(0).isHeadInput()) {
                    directEdges(receiver);
                } else {
                    edges(receiver);
                }
            }
            check(patcher.metric(left), left);
        }

        /** Receivers from the output down; those of one layer that do not read one another in any order. */
        private List<Node> downward() {
            List<Node> order = new ArrayList<>(graph.receivers());
            Collections.shuffle(order, random);
            order.sort(Comparator.comparingInt(Walk::stage).reversed());
            return order;
        }

        private static int stage(Node receiver) {
            return switch (receiver.kind()) {
                case LOGITS -> 3 * receiver.layer() + 3;
                case MLP -> 3 * receiver.layer() + 2;
                case HEAD -> 3 * receiver.layer() + 1;
                default -> 3 * receiver.layer();
            };
        }

        /** Whether anything that is left reads a node. */
        private boolean isRead(Node node) {
            if (node.isHeadInput() && graph.granularity() == Granularity.SPLIT_QKV) {
                return graph.headsOf(node).stream().anyMatch(this::isRead);
            }
            return node.kind() == Kind.LOGITS
                    || left.stream().anyMatch(edge -> edge.from().equals(node));
        }

        private void directEdges(Node head) {
            List<Node> inputs = new ArrayList<>(graph.sendersTo(head));
            Collections.shuffle(inputs, random);
            for (Node input : inputs) {
                Edge edge = new Edge(input, head);
                boolean alive = descent.isAlive(head);
                if (alive && random.nextBoolean()) {
                    check(descent.measureWithout(edge), without(List.of(edge)));
                }
                if (!alive || random.nextDouble() < share / 2) {
                    descent.remove(edge);
                    left.remove(edge);
                }
            }
        }

        private void edges(Node receiver) {
            List<Node> senders = new ArrayList<>(graph.sendersTo(receiver));
            Collections.shuffle(senders, random);
            List<Node> gone = new ArrayList<>(senders);
            if (descent.isAlive(receiver)) {
                boolean[][] missing = new boolean[1 + random.nextInt(3)][senders.size()];
                for (boolean[] state : missing) {
                    double some = random.nextDouble();
                    for (int i = 0; i < state.length; i++) {
                        state[i] = random.nextDouble() < some;
                    }
                }
                double[] values = descent.measure(receiver, senders, missing);
                for (int state = 0; state < missing.length; state++) {
                    List<Edge> taken = new ArrayList<>();
                    for (int i = 0; i < senders.size(); i++) {
                        if (missing[state][i]) {
                            taken.add(new Edge(senders.get(i), receiver));
                        }
                    }
                    check(values[state], without(taken));
                }
                gone.removeIf(sender -> random.nextDouble() >= share);
            }
            descent.remove(receiver, gone);
            gone.forEach(sender -> left.remove(new Edge(sender, receiver)));
        }

        private Set<Edge> without(List<Edge> edges) {
            Set<Edge> rest = new HashSet<>(left);
            edges.forEach(rest::remove);
            return rest;
        }

        private void check(double value, Set<Edge> present) {
            assertThat(value).as(graph + " " + present).isCloseTo(slow.metric(present, metric), within(EXACT));
        }
    }
}
