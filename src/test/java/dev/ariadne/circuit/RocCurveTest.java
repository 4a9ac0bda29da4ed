package dev.ariadne.circuit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.ariadne.circuit.RocCurve.Level;
import dev.ariadne.circuit.RocCurve.Point;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.knowm.xchart.XYSeries;

class RocCurveTest {
    private final ComputationalGraph graph = Graphs.of(Granularity.SPLIT_QKV);
    private final Circuit truth = Graphs.circuit(graph, "m1->logits", "embed->m1", "a0.h0->m1", "embed->a0.h0<v>");

    @Test
    void sumsStepsUnderThePointsThatNoneBeats() {
        RocCurve curve = new RocCurve(
                "by hand",
                List.of(
                        new Point("a", 0.5, 0.75),
                        new Point("b", 0.25, 0.5),
                        new Point("c", 0.375, 0.25), // beaten by b
                        new Point("d", 0.25, 0.25))); // not beaten: nothing is left of it and above
        assertThat(curve.pareto()).extracting(Point::label).containsExactly("none", "d", "b", "a", "all");
        // (1 - 0.25) * 0.25 + (1 - 0.25) * 0.25 + (1 - 0.5) * 0.25 + (1 - 1) * 0.25
        assertThat(curve.auc()).isEqualTo(0.5);
        assertThat(new RocCurve("nothing", List.of()).auc()).isZero();
        assertThat(new RocCurve("perfect", List.of(new Point("", 0, 1))).auc()).isEqualTo(1);
        assertThatThrownBy(() -> new Point("x", Double.NaN, 0.5)).hasMessageContaining("'x' must be from 0 to 1");
    }

    @Test
    void countsEdgesAgainstTheTruth() {
        Map<String, List<Edge>> found = Map.of("0.1", Graphs.edges(graph, "m1->logits", "m0->logits", "embed->m1"));
        Point point = RocCurve.of("t", Level.EDGES, truth, found).points().get(1);
        assertThat(point).isEqualTo(new Point("0.1", 1.0 / (graph.size() - 4), 2.0 / 4));
        // nodes of the truth: m1 logits embed a0.h0 a0.h0<v>; found: m1 logits m0 embed; of 15 + 4 in all
        Point nodes = RocCurve.of("t", Level.NODES, truth, found).points().get(1);
        assertThat(nodes).isEqualTo(new Point("0.1", 1.0 / (8 + 12 - 5), 3.0 / 5));
    }

    @Test
    void aRankingIsTheCurveOfItsPrefixesAndTiesEnterTogether() {
        Random random = new Random(3);
        Map<Edge, Double> scores = new LinkedHashMap<>();
        graph.edges().forEach(edge -> scores.put(edge, (double) random.nextInt(5)));
        for (Level level : Level.values()) {
            Map<String, List<Edge>> prefixes = new LinkedHashMap<>();
            for (int least = 4; least >= 0; least--) {
                double bar = least;
                prefixes.put(
                        Double.toString(bar),
                        scores.keySet().stream()
                                .filter(edge -> scores.getOrDefault(edge, 0.0) >= bar)
                                .toList());
            }
            assertThat(RocCurve.ofScores("t", level, truth, scores))
                    .isEqualTo(RocCurve.of("t", level, truth, prefixes));
        }
        scores.put(graph.edge("m1->logits"), Double.NaN);
        assertThatThrownBy(() -> RocCurve.ofScores("t", Level.EDGES, truth, scores))
                .hasMessageContaining("the score of 'm1->logits' is NaN");
    }

    @Test
    void edgesThatSeparatePerfectlyHaveAnAreaOfOne() {
        Map<Edge, Double> scores = graph.edges().stream()
                .collect(Collectors.toMap(edge -> edge, edge -> truth.edgeSet().contains(edge) ? 1.0 : 0.0));
        assertThat(RocCurve.ofScores("t", Level.EDGES, truth, scores).auc()).isEqualTo(1);
        scores.replaceAll((edge, score) -> -score);
        assertThat(RocCurve.ofScores("t", Level.EDGES, truth, scores).auc()).isZero();
    }

    /** Numbers of nodes implied by the rates in the study's stored runs: 4 of 34 are 0.1176, and 4 of 196 are 0.0204. */
    @ParameterizedTest
    @CsvSource({"DOCSTRING, 34, 226", "IOI, 196, 1022", "GREATER_THAN, 77, 1022", "TRACR_REVERSE, 16, 35"})
    void countsNodesAsTheStudysStoredRunsDo(PublishedCircuit published, int nodes, int all) {
        Circuit circuit = published.circuit();
        assertThat(circuit.edgeSet().stream()
                        .flatMap(edge -> RocCurve.nodes(edge).stream())
                        .distinct())
                .hasSize(nodes);
        assertThat(circuit.graph().edges().stream()
                        .flatMap(edge -> RocCurve.nodes(edge).stream())
                        .distinct())
                .hasSize(all);
    }

    @Test
    void needsSomethingToFindAndSomethingToMiss() {
        assertThatThrownBy(() -> RocCurve.of("t", Level.EDGES, Graphs.circuit(graph), Map.of()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("has 0 of " + graph.size());
        Circuit whole = Circuit.of(graph, graph.edges(), 0, Graphs.MADE_UP);
        assertThatThrownBy(() -> RocCurve.of("t", Level.EDGES, whole, Map.of()))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void theAreaLiesBelowThatOfAnyOtherRuleThroughItsPoints() {
        Random random = new Random(1);
        for (int i = 0; i < 200; i++) {
            List<Point> points = new ArrayList<>();
            for (int j = 0; j < random.nextInt(8); j++) {
                points.add(new Point("" + j, random.nextInt(5) / 4.0, random.nextInt(5) / 4.0));
            }
            RocCurve curve = new RocCurve("random", points);
            assertThat(curve.auc()).isCloseTo(stairs(curve.points()), within(1e-12));
        }
    }

    /** The area of the union of the boxes from each point to the lower right, on a grid of quarters. */
    private static double stairs(List<Point> points) {
        double area = 0;
        for (double x = 0.125; x < 1; x += 0.25) {
            double at = x;
            area += 0.25
                    * points.stream()
                            .filter(point -> point.fpr() < at)
                            .mapToDouble(Point::tpr)
                            .max()
                            .orElse(0);
        }
        return area;
    }

    @Test
    void drawsEveryCurve() {
        RocCurve curve = new RocCurve("one", List.of(new Point("a", 0.2, 0.5)));
        assertThat(curve.chart().getTitle()).isEqualTo("one, AUC 0.400");
        assertThat(curve.chart(curve, new RocCurve("two", List.of())).getSeriesCollection())
                .extracting(XYSeries::getName)
                .contains("1. AUC 0.400, one", "2. AUC 0.400, one", "3. AUC 0.000, two");
        assertThat(curve.chart(curve, curve).getSeriesCollection())
                .filteredOn(XYSeries::isShowInLegend)
                .extracting(XYSeries::getLineStyle)
                .as("a color is not all that tells lines apart")
                .hasSize(3)
                .doesNotHaveDuplicates();
        assertThat(curve.table().rowCount()).isEqualTo(3);
    }

    @Test
    void paretoKeepsWhatNoSmallerCircuitBeats() {
        Pareto pareto = new Pareto(
                "t",
                "KL, nats",
                false,
                List.of(
                        new Pareto.Point("ACDC", "1", 10, 0.5),
                        new Pareto.Point("ACDC", "2", 20, 0.6),
                        new Pareto.Point("SP", "3", 10, 0.4),
                        new Pareto.Point("SP", "4", 30, 0.1),
                        new Pareto.Point("SP", "5", 30, 0.1)));
        assertThat(pareto.front()).extracting(Pareto.Point::label).containsExactly("3", "4");
        assertThat(pareto.with(List.of(new Pareto.Point("SP", "6", 5, 0.7))).front())
                .extracting(Pareto.Point::label)
                .containsExactly("6", "3", "4");
        Pareto high = new Pareto("t", "logits", true, pareto.points());
        assertThat(high.front()).extracting(Pareto.Point::label).containsExactly("1", "2");
        assertThat(pareto.chart().getSeriesCollection())
                .extracting(XYSeries::getName)
                .contains("ACDC", "SP");
        assertThat(pareto.table().stringColumn("front").asList()).containsExactly("", "", "yes", "yes", "");
        assertThatThrownBy(() -> new Pareto("t", "m", true, List.of(new Pareto.Point("", "x", 1, Double.NaN))))
                .hasMessageContaining("the score of 'x' must be a number");
    }
}
