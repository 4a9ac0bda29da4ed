package dev.ariadne.discovery;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import dev.ariadne.circuit.Ablation;
import dev.ariadne.circuit.Circuit;
import dev.ariadne.circuit.ComputationalGraph;
import dev.ariadne.circuit.Edge;
import dev.ariadne.circuit.EdgePatcher;
import dev.ariadne.circuit.Granularity;
import dev.ariadne.circuit.Node;
import dev.ariadne.circuit.Pareto;
import dev.ariadne.circuit.RocCurve;
import dev.ariadne.discovery.AcdcConfig.Order;
import dev.ariadne.discovery.Decision.Outcome;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.task.Metric;
import dev.ariadne.task.Task;
import dev.ariadne.task.Tasks;
import dev.ariadne.view.View;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class AcdcSearchTest {
    private static final double EXACT = 1e-9; // FLOAT64, summed in another order
    private static final double ROUNDING = 2e-6; // FLOAT32, likewise

    @ParameterizedTest
    @ValueSource(
            strings = {
                "models/llama-tiny",
                "models/gemma2-tiny",
                "models/pythia-tiny",
                "tl/gpt2-tiny",
                "tl/attn-only-tiny"
            })
    void decidesAsALoopThatMeasuresEdgeByEdge(String name) {
        try (HookedTransformer single = SmallTasks.load(name);
                HookedTransformer model = single.to(DataType.FLOAT64)) {
            Task task = SmallTasks.of(model);
            int run = name.length(); // every order with and without absolute, all in all
            int kept = 0;
            int went = 0;
            for (Granularity granularity : Granularity.values()) {
                for (Ablation ablation : Ablation.values()) {
                    run++;
                    if (name.contains("gemma2") && run % 3 > 0) {
                        continue; // four layers: hundreds of whole runs for each search
                    }
                    Order[] orders = Order.values();
                    AcdcConfig config = AcdcConfig.DEFAULT
                            .withGranularity(granularity)
                            .withAblation(ablation)
                            .withOrder(orders[run % 2], orders[run / 2 % 2])
                            .withAbsolute(run / 4 % 2 == 0)
                            .withThreshold(List.of(1e-3, 3e-3, 2e-2).get(run % 3));
                    Task measured = run % 5 < 2 ? task.measuring(Metric.kl()) : task;
                    AcdcTrace trace = new Acdc(measured, config).trace();
                    same(trace, plain(measured, config), EXACT);
                    kept += trace.kept().size();
                    went += trace.evaluations() - trace.kept().size();
                }
            }
            assertThat(kept).as(name).isGreaterThan(50);
            assertThat(went).as(name).isGreaterThan(50);
        }
    }

    /** The algorithm as published, one whole evaluation per edge. */
    private static List<Decision> plain(Task task, AcdcConfig config) {
        ComputationalGraph graph = ComputationalGraph.of(task.model().config(), config.granularity());
        List<Decision> decisions = new ArrayList<>();
        Set<Edge> left = new HashSet<>(graph.edges());
        try (EdgePatcher patcher = EdgePatcher.of(task, graph, config.ablation())) {
            double current = patcher.metric();
            for (AcdcOrder.Group group : AcdcOrder.of(graph, config)) {
                if (!isRead(group.receiver(), graph, left)) {
                    for (Edge edge : group.downward()) {
                        decisions.add(new Decision(edge, Double.NaN, Double.NaN, Outcome.UNREACHABLE));
                        left.remove(edge);
                    }
                    continue;
                }
                for (Edge edge : group.edges()) {
                    left.remove(edge);
                    double after = patcher.metric(left);
                    double worse = task.metric().higherIsBetter() ? current - after : after - current;
                    boolean goes = (config.absolute() ? Math.abs(worse) : worse) < config.threshold();
                    decisions.add(new Decision(edge, current, after, goes ? Outcome.REMOVED : Outcome.KEPT));
                    if (goes) {
                        current = after;
                    } else {
                        left.add(edge);
                    }
                }
            }
        }
        return decisions;
    }

    private static boolean isRead(Node node, ComputationalGraph graph, Set<Edge> left) {
        if (node.isHeadInput() && graph.granularity() == Granularity.SPLIT_QKV) {
            return graph.headsOf(node).stream().anyMatch(head -> isRead(head, graph, left));
        }
        if (node.isHeadInput()) { // a head that nothing reads has lost its direct edges
            return graph.headsOf(node).stream()
                    .anyMatch(head -> isRead(head, graph, left) && left.contains(new Edge(node, head)));
        }
        return node.kind() == Node.Kind.LOGITS
                || left.stream().anyMatch(edge -> edge.from().equals(node));
    }

    private static void same(AcdcTrace trace, List<Decision> plain, double rounding) {
        assertThat(trace.decisions()).as(trace.toString()).hasSameSizeAs(plain);
        for (int i = 0; i < plain.size(); i++) {
            Decision there = plain.get(i);
            Decision here = trace.decisions().get(i);
            assertThat(here.edge()).as(i + " of " + trace).isEqualTo(there.edge());
            assertThat(here.outcome()).as(here + " of " + trace).isEqualTo(there.outcome());
            if (here.outcome() != Outcome.UNREACHABLE) {
                assertThat(here.before()).as(here.toString()).isCloseTo(there.before(), within(rounding));
                assertThat(here.after()).as(here.toString()).isCloseTo(there.after(), within(rounding));
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"tl/gpt2-tiny", "models/llama-tiny"})
    void aSweepFindsWhatSearchesFindAloneAndMeasuresLess(String name) {
        try (HookedTransformer model = SmallTasks.load(name)) {
            Task task = SmallTasks.of(model);
            for (boolean absolute : new boolean[] {false, true}) {
                Acdc acdc = new Acdc(task, AcdcConfig.DEFAULT.withAbsolute(absolute));
                double[] thresholds = {0.001, 0.003, 0.004, 0.01, 0.03, 0.1};
                AcdcSweep sweep = acdc.sweep(thresholds);
                int together = 0;
                int alone = 0;
                for (int i = 0; i < thresholds.length; i++) {
                    AcdcTrace one = acdc.withThreshold(thresholds[i]).trace();
                    same(sweep.traces().get(i), one.decisions(), ROUNDING);
                    assertThat(sweep.traces().get(i).metric()).isCloseTo(one.metric(), within(ROUNDING));
                    together += sweep.traces().get(i).measured();
                    alone += one.measured();
                }
                assertThat(together).isLessThan(alone);
                assertThat(acdc.sweep(0.01, 0.01).traces().get(1).measured()).isZero();
            }
        }
    }

    @Test
    void aSweepIsComparedWithATrueCircuit() throws IOException {
        try (HookedTransformer model = SmallTasks.load("tracr/tracr-reverse")) {
            Acdc acdc = new Acdc(
                    SmallTasks.tracr(model, "tracr-reverse"),
                    AcdcConfig.DEFAULT.withAblation(Ablation.ZERO).withSplitEmbedding(true));
            AcdcSweep sweep = acdc.sweep(1e-3, 0.1, 1e9);
            List<Circuit> circuits = sweep.circuits();
            assertThat(circuits.get(2).edgeCount()).isZero();
            Pareto pareto = sweep.pareto();
            assertThat(pareto.higherIsBetter()).isFalse();
            for (int i = 0; i < 3; i++) {
                Pareto.Point point = pareto.points().get(i);
                assertThat(point.edges()).isEqualTo(sweep.traces().get(i).kept().size());
                assertThat(point.score()).isEqualTo(sweep.traces().get(i).metric());
            }
            assertThat(pareto.front()).contains(pareto.points().get(2));
            Circuit truth = circuits.get(0);
            RocCurve roc = sweep.roc(truth, RocCurve.Level.EDGES);
            for (int i = 0; i < 3; i++) {
                Set<Edge> found = circuits.get(i).edgeSet();
                long right = found.stream().filter(truth.edgeSet()::contains).count();
                String label = "τ " + sweep.traces().get(i).config().threshold();
                assertThat(roc.points())
                        .filteredOn(p -> p.label().equals(label))
                        .singleElement()
                        .satisfies(p -> {
                            assertThat(p.tpr()).isCloseTo((double) right / truth.edgeCount(), within(1e-12));
                            double others = truth.graph().size() - truth.edgeCount();
                            assertThat(p.fpr()).isCloseTo((found.size() - right) / others, within(1e-12));
                        });
            }
            assertThat(roc.auc()).isEqualTo(1);
        }
    }

    @Test
    void stabilityIsSymmetric() {
        try (HookedTransformer model = SmallTasks.load("tl/gpt2-tiny")) {
            Map<Metric, double[]> metrics = new LinkedHashMap<>();
            metrics.put(Metric.kl(), new double[] {0.01, 0.1});
            metrics.put(Metric.meanSquaredError(), new double[] {0.01});
            CircuitStability stability = new Acdc(model, SmallTasks.of(model)).stability(metrics);
            float[][] map = ((View.HeatMap) stability.view()).values();
            assertThat(map).hasDimensions(3, 3);
            for (int i = 0; i < 3; i++) {
                assertThat(map[i][i]).isEqualTo(1);
                for (int j = 0; j < i; j++) {
                    Set<Edge> both = new HashSet<>(stability.circuits().get(i).edgeSet());
                    Set<Edge> either = new HashSet<>(both);
                    both.retainAll(stability.circuits().get(j).edgeSet());
                    either.addAll(stability.circuits().get(j).edgeSet());
                    assertThat(map[i][j]).isEqualTo(map[j][i]).isEqualTo((float) both.size() / either.size());
                }
            }
            assertThat(map[0][1]).isBetween(0.01f, 0.99f);
        }
    }

    @Test
    void whatWorksAgainstTheBehaviorIsKeptOnlyByItsAbsoluteEffect() {
        try (HookedTransformer model = SmallTasks.load("tl/gpt2-tiny")) {
            Acdc acdc = new Acdc(SmallTasks.of(model), AcdcConfig.DEFAULT);
            AcdcTrace signed = acdc.trace();
            assertThat(signed.negative(true)).isNotEmpty().allMatch(d -> d.outcome() == Outcome.REMOVED);
            assertThat(signed.negative(true)).allMatch(d -> d.after() >= d.before() + 0.01);
            AcdcTrace absolute =
                    acdc.with(AcdcConfig.DEFAULT.withAbsolute(true)).trace();
            assertThat(absolute.negative(true))
                    .isEqualTo(absolute.decisions().stream()
                            .filter(d -> d.kept() && d.change() > 0)
                            .toList())
                    .isNotEmpty();
            assertThat(absolute.negative(false))
                    .isEqualTo(absolute.decisions().stream()
                            .filter(d -> d.kept() && d.change() < 0)
                            .toList());
        }
    }

    @ParameterizedTest
    @ValueSource(doubles = {-1e-9, Double.NaN, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY})
    void refusesWhatIsNoThreshold(double threshold) {
        assertThatThrownBy(() -> AcdcConfig.DEFAULT.withThreshold(threshold))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("the threshold must be 0 or more")
                .hasMessageContaining("got " + threshold + "; 0.01 nats");
        try (HookedTransformer model = SmallTasks.load("tl/gpt2-tiny")) {
            Acdc acdc = new Acdc(model, SmallTasks.of(model));
            assertThatThrownBy(() -> acdc.sweep(0.1, threshold)).hasMessageContaining("got " + threshold);
        }
    }

    @Test
    void refusesWhatDoesNotDependOnAnyEdge() {
        long[][] prompts = {{5, 9, 3}, {4, 1, 8}};
        long[][] corrupted = {{5, 2, 3}, {4, 7, 8}};
        try (HookedTransformer model = SmallTasks.load("tl/gpt2-tiny");
                HookedTransformer rotary = SmallTasks.load("models/llama-tiny")) {
            for (Metric metric : List.of(Metric.kl(), Metric.logitDifference(new long[] {4}, new long[] {9}))) {
                for (AcdcConfig config :
                        List.of(AcdcConfig.DEFAULT, AcdcConfig.DEFAULT.withGranularity(Granularity.HEADS))) {
                    Task same = Task.of(model, "same", prompts, prompts, metric);
                    assertThatThrownBy(() -> new Acdc(same, config).trace())
                            .isInstanceOf(IllegalArgumentException.class)
                            .hasMessageContaining("'same' is ")
                            .hasMessageContaining("no edge matters")
                            .hasMessageContaining("use another metric, other corrupted prompts");
                }
            }
            Task deaf = Task.of(model, "deaf", prompts, corrupted, new Of(0));
            assertThatThrownBy(() -> new Acdc(deaf, AcdcConfig.DEFAULT).sweep(0.1))
                    .hasMessageContaining("the metric 'of logits' of the task 'deaf' is 0.0 with every edge");
            Task broken = Task.of(model, "broken", prompts, corrupted, new Of(Float.NaN));
            assertThatThrownBy(() -> new Acdc(broken, AcdcConfig.DEFAULT).trace())
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("must be a number, got NaN with every edge; use another metric");
            assertThatThrownBy(() -> deaf.at(1, 3))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("from 0 to 2, got [1, 3]");
            Task turning = SmallTasks.of(rotary);
            assertThatThrownBy(() -> new Acdc(turning, AcdcConfig.DEFAULT.withSplitEmbedding(true)).trace())
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("positions are ROTARY")
                    .hasMessageContaining("leave it whole");
            assertThatThrownBy(() -> new Acdc(model, turning)).hasMessageContaining("make it again for this model");
            ComputationalGraph graph = ComputationalGraph.of(model.config(), Granularity.SPLIT_QKV);
            assertThatThrownBy(() -> graph.edge("a0.h1->a1.h9<q>"))
                    .hasMessageContaining("no edge 'a0.h1->a1.h9<q>'; the nearest are [a0.h1->a1.h3<q>");
        }
    }

    /** The mean logit, so many times. */
    private record Of(float factor) implements Metric {
        @Override
        public String name() {
            return "of logits";
        }

        @Override
        public String unit() {
            return "logits";
        }

        @Override
        public NDArray perPrompt(NDArray logits) {
            return logits.mul(factor).mean(new int[] {2}).mean(new int[] {1});
        }
    }

    @Test
    void saysThatTheModelDoesNotDoTheTaskAndSearches() throws IOException {
        try (HookedTransformer model = SmallTasks.load("tl/gpt2-tiny");
                HookedTransformer able = HookedTransformer.load("tracr-reverse", "cpu")) {
            Task task = SmallTasks.of(model);
            assertThat(task.accuracy()).isLessThan(Task.LEAST_ACCURACY);
            Acdc acdc = new Acdc(task, AcdcConfig.DEFAULT);
            assertThat(printed(() -> assertThat(acdc.trace().kept()).isNotEmpty()))
                    .contains("small task", "the model does not do this")
                    .containsOnlyOnce("less than 75 %");
            assertThat(printed(() -> acdc.sweep(0.1, 0.2))).containsOnlyOnce("less than 75 %");
            Task reverse = Tasks.tracrReverse(able);
            assertThat(reverse.warning()).isEmpty();
            Task unasked = SmallTasks.tracr(able, "tracr-reverse");
            assertThat(unasked.warning()).isEmpty();
        }
    }

    private static String printed(Runnable work) {
        PrintStream out = System.out;
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        System.setOut(new PrintStream(bytes, true, StandardCharsets.UTF_8));
        try {
            work.run();
        } finally {
            System.setOut(out);
        }
        return bytes.toString(StandardCharsets.UTF_8);
    }

    @Test
    void triesEveryEdgeOnceInTheOrderAsked() {
        try (HookedTransformer model = SmallTasks.load("tl/gpt2-tiny")) {
            ComputationalGraph graph = ComputationalGraph.of(model.config(), Granularity.HEADS);
            for (Order nodes : Order.values()) {
                for (Order heads : Order.values()) {
                    AcdcConfig config = AcdcConfig.DEFAULT
                            .withGranularity(Granularity.HEADS)
                            .withOrder(nodes, heads);
                    AcdcOrder.Group first = AcdcOrder.of(graph, config).get(0);
                    Comparator<Node> byLayer = Comparator.comparingInt(n ->
                            n.kind() == Node.Kind.EMBED ? -1 : 2 * n.layer() + (n.kind() == Node.Kind.MLP ? 1 : 0));
                    Comparator<Node> byHead = Comparator.comparingInt(Node::head);
                    assertThat(first.senders())
                            .containsExactlyInAnyOrderElementsOf(graph.sendersTo(first.receiver()))
                            .isSortedAccordingTo((nodes == Order.ASCENDING ? byLayer : byLayer.reversed())
                                    .thenComparing(heads == Order.ASCENDING ? byHead : byHead.reversed()));
                }
            }
        }
    }
}
