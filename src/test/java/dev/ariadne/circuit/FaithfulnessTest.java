package dev.ariadne.circuit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.model.weights.Checkpoint;
import dev.ariadne.task.Metric;
import dev.ariadne.task.Task;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.knowm.xchart.XYSeries;

class FaithfulnessTest {
    private static final Path RESOURCES = Path.of("src/test/resources");
    private static HookedTransformer model;
    private static EdgePatcher patcher;
    private static ComputationalGraph graph;
    private static Faithfulness faithfulness;

    @BeforeAll
    static void open() throws IOException {
        Path folder = RESOURCES.resolve("tl/gpt2-tiny");
        model = HookedTransformer.load(folder.toString(), "cpu");
        graph = ComputationalGraph.of(model.config(), Granularity.SPLIT_QKV);
        try (Checkpoint data = Checkpoint.open(folder.resolve("acdc_data.safetensors"));
                NDManager manager = NDManager.newBaseManager()) {
            Task task = Task.of(
                    model,
                    "tiny",
                    tokens(data, manager, "clean_tokens"),
                    tokens(data, manager, "corrupt_tokens"),
                    Metric.kl());
            patcher = EdgePatcher.of(task, graph, Ablation.CORRUPTED);
        }
        faithfulness = Faithfulness.of(patcher);
    }

    private static long[][] tokens(Checkpoint data, NDManager manager, String name) throws IOException {
        NDArray array = data.read(manager, name);
        int pos = (int) array.getShape().get(1);
        long[] flat = array.toLongArray();
        long[][] rows = new long[flat.length / pos][pos];
        for (int i = 0; i < flat.length; i++) {
            rows[i / pos][i % pos] = flat[i];
        }
        return rows;
    }

    @AfterAll
    static void close() {
        patcher.close();
        model.close();
    }

    private static Circuit circuit(Set<Edge> edges) {
        return Circuit.of(graph, edges, Double.NaN, Graphs.MADE_UP);
    }

    private static Circuit some() {
        return circuit(new RandomEdges(graph, new Random(5)).connected(60));
    }

    /** KL divergence with one sender replaced by its corrupted output, recorded from a plain PyTorch forward. */
    private static Map<String, Double> recorded() throws IOException {
        List<String> lines = Files.readAllLines(RESOURCES.resolve("edges/gpt2-tiny/node_patching.csv"));
        Map<String, Double> kl = new LinkedHashMap<>();
        for (String line : lines.subList(1, lines.size())) {
            String[] cells = line.split(",", -1);
            kl.put(Node.of(cells[0], model.config().nLayers()).toString(), Double.valueOf(cells[1]));
        }
        return kl;
    }

    @Test
    void theFullModelIsFaithfulAndNothingIsNot() {
        assertThat(faithfulness.of(graph.edges())).isCloseTo(1, within(1e-6));
        assertThat(faithfulness.of(Set.of())).isZero();
        double metric = patcher.metric(some().edgeSet());
        assertThat(faithfulness.of(some().edgeSet()))
                .isCloseTo(1 - metric / faithfulness.empty(), within(1e-6)); // KL(full || full) = 0
    }

    @Test
    void takingANodeOutOfTheWholeGraphIsPatchingIt() throws IOException {
        Map<String, Double> expected = recorded();
        Circuit whole = circuit(graph.edges());
        Minimality minimality = faithfulness.minimalityOfNodes(whole);
        assertThat(minimality.changes()).hasSize(expected.size() - 1); // not the embedding
        minimality
                .changes()
                .forEach((node, change) ->
                        assertThat(change).as(node).isCloseTo(expected.getOrDefault(node, Double.NaN), within(5e-6)));
        Map<String, List<Node>> groups = new LinkedHashMap<>();
        minimality.changes().keySet().forEach(node -> groups.put(node, List.of(Node.of(node, 2))));
        Completeness completeness = faithfulness.completeness(whole, groups, 0, 0);
        completeness
                .points()
                .forEach(point -> assertThat(point.model())
                        .as(point.label())
                        .isCloseTo(expected.getOrDefault(point.label(), Double.NaN), within(5e-6)));
        assertThat(completeness.worst()).as("the whole graph is complete").isZero();
    }

    @Test
    void completenessComparesWhatIsLeftOfCircuitAndModel() {
        Circuit circuit = some();
        Map<String, List<Node>> groups = Map.of("elsewhere", List.of(new Node(Node.Kind.LOGITS, 1, -1)));
        Completeness completeness = faithfulness.completeness(circuit, groups, 12, 3);
        assertThat(completeness.points()).hasSize(12);
        assertThat(completeness).isEqualTo(faithfulness.completeness(circuit, groups, 12, 3));
        assertThat(completeness.points())
                .isNotEqualTo(faithfulness.completeness(circuit, groups, 12, 4).points());
        for (Completeness.Point point : completeness.points()) {
            assertThat(circuit.nodes()).containsAll(point.nodes());
            Set<Edge> left = new HashSet<>(circuit.edgeSet());
            left.removeIf(edge -> point.nodes().contains(edge.from()));
            assertThat(point.circuit()).isCloseTo(patcher.metric(left), within(1e-6));
        }
        assertThatThrownBy(() -> faithfulness.completeness(circuit, groups, 0, 0))
                .hasMessageContaining("no group of [elsewhere] is in");
        assertThat(completeness.chart().getSeriesCollection())
                .extracting(XYSeries::getName)
                .contains("sets", "equal");
    }

    @Test
    void minimalityTakesOutOneEdgeAtATime() {
        Circuit circuit = some();
        Minimality minimality = faithfulness.minimality(circuit);
        double whole = patcher.metric(circuit.edgeSet());
        assertThat(minimality.changes()).hasSize(60);
        for (Edge edge : circuit.edgeSet()) {
            Set<Edge> rest = new HashSet<>(circuit.edgeSet());
            rest.remove(edge);
            assertThat(minimality.changes().get(edge.toString()))
                    .as(edge.toString())
                    .isCloseTo(patcher.metric(rest) - whole, within(1e-6));
        }
        assertThat(minimality.idle(Double.POSITIVE_INFINITY)).hasSize(60);
        assertThat(minimality.idle(0)).isEmpty();
    }

    @ParameterizedTest
    @EnumSource(Granularity.class)
    void connectedRandomCircuitsHaveNoDeadEnds(Granularity granularity) {
        for (ComputationalGraph other :
                List.of(ComputationalGraph.of(model.config(), granularity), Graphs.of(granularity, 3, 4, 2))) {
            Set<Set<Edge>> different = new HashSet<>();
            for (int seed = 0; seed < 40; seed++) {
                int size = 1 + seed % 30;
                Set<Edge> edges = new RandomEdges(other, new Random(seed)).connected(size);
                Circuit circuit = Circuit.of(other, edges, 0, Graphs.MADE_UP);
                assertThat(circuit.edgeCount()).isEqualTo(size);
                assertThat(circuit.prune()).as("seed %d", seed).isEqualTo(circuit);
                assertThat(new RandomEdges(other, new Random(seed)).connected(size))
                        .isEqualTo(edges);
                different.add(edges);
            }
            assertThat(different).hasSizeGreaterThan(30);
            assertThat(new RandomEdges(other, new Random(0)).connected(other.size()))
                    .isEqualTo(other.edges());
            assertThatThrownBy(() -> new RandomEdges(other, new Random(0)).connected(other.size() + 1))
                    .hasMessageContaining("no connected circuit of " + (other.size() + 1) + " edges");
        }
    }

    @Test
    void randomCircuitsAreAsLargeAndSeeded() {
        Circuit circuit = some();
        RandomControl control = faithfulness.control(circuit, 15, false, 1);
        assertThat(control.random()).hasSize(15);
        assertThat(control).isEqualTo(faithfulness.control(circuit, 15, false, 1));
        assertThat(control.circuit()).isEqualTo(faithfulness.of(circuit.edgeSet()));
        Set<Edge> first = new RandomEdges(graph, new Random(1)).any(60);
        assertThat(first).hasSize(60);
        assertThat(control.random().get(0)).isCloseTo(faithfulness.of(first), within(1e-6));
        RandomControl one = new RandomControl("t", 3, 0.9, List.of(0.95, 0.2, 1.05, 1.2), true, 0);
        assertThat(one.asGood()).isEqualTo(0.5); // 0.95 and 1.05 are as close to 1
        assertThat(one.mean()).isEqualTo(0.85, within(1e-12));
    }

    @Test
    void areasOfACurve() {
        FaithfulnessCurve curve = new FaithfulnessCurve(
                "by hand",
                100,
                List.of(
                        new FaithfulnessCurve.Point(50, 1.2),
                        new FaithfulnessCurve.Point(10, 0.8),
                        new FaithfulnessCurve.Point(100, 1)));
        // 0.1 * 0.4 + 0.4 * 1.0 + 0.5 * 1.1, and 0.1 * 0.6 + 0.4 * 0.2 + 0.5 * 0.1
        assertThat(curve.cpr()).isCloseTo(0.99, within(1e-12));
        assertThat(curve.cmd()).isCloseTo(0.19, within(1e-12));
        assertThat(curve.table().doubleColumn("share").asList()).containsExactly(0.1, 0.5, 1.0);
        assertThat(curve.chart(curve).getSeriesCollection()).hasSize(2);
    }

    @Test
    void aCurveTakesTheBestEdgesOfEachSize() {
        Map<Edge, Double> scores = new HashMap<>();
        Random random = new Random(2);
        graph.edges().forEach(edge -> scores.put(edge, random.nextDouble()));
        FaithfulnessCurve curve = faithfulness.curve("random", scores);
        assertThat(curve.points()).hasSize(10);
        assertThat(curve.points().get(9).edges()).isEqualTo(graph.size());
        assertThat(curve.points().get(9).faithfulness()).isCloseTo(1, within(1e-6)); // two ways to run the full model
        FaithfulnessCurve.Point half = curve.points().get(8);
        Set<Edge> best = graph.edges().stream()
                .sorted((a, b) -> Double.compare(scores.getOrDefault(b, 0.0), scores.getOrDefault(a, 0.0)))
                .limit(half.edges())
                .collect(Collectors.toSet());
        assertThat(half.edges()).isEqualTo(Math.round(graph.size() / 2.0));
        assertThat(half.faithfulness()).isCloseTo(faithfulness.of(best), within(1e-6));
        assertThatThrownBy(() -> faithfulness.curve("x", scores, List.of(1.5))).hasMessageContaining("got 1.5");
        scores.remove(graph.edge("m1->logits"));
        assertThatThrownBy(() -> faithfulness.curve("x", scores)).hasMessageContaining("'m1->logits' has no score");
    }
}
