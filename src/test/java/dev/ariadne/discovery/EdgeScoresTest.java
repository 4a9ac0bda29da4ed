package dev.ariadne.discovery;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.ariadne.circuit.Ablation;
import dev.ariadne.circuit.ComputationalGraph;
import dev.ariadne.circuit.Edge;
import dev.ariadne.circuit.EdgePatcher;
import dev.ariadne.circuit.Granularity;
import dev.ariadne.circuit.Pareto;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.model.ModelConfig;
import dev.ariadne.task.Metric;
import dev.ariadne.view.View;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class EdgeScoresTest {
    private static final ModelConfig CONFIG = ModelConfig.builder()
            .nLayers(2)
            .dModel(8)
            .heads(2, 4)
            .attnOnly(true)
            .dVocab(10)
            .nCtx(4)
            .build();

    /** All edges score 0 but these. */
    private static EdgeScores scores(Granularity granularity, Map<String, Double> some) {
        ComputationalGraph graph = ComputationalGraph.of(CONFIG, granularity);
        Map<Edge, Double> all = new LinkedHashMap<>();
        graph.edges().forEach(edge -> all.put(edge, some.getOrDefault(edge.toString(), 0.0)));
        return new EdgeScores(graph, all, "by hand", "logit difference", "logits", "nothing");
    }

    private static List<String> names(Collection<Edge> edges) {
        return edges.stream().map(Edge::toString).toList();
    }

    private static final Map<String, Double> SOME = Map.of(
            "a1.h0->logits", -3.0, "a0.h0->a1.h0", 2.0, "embed->a0.h0", 1.0, "embed->a0.h1", 5.0, "embed->a1.h1", -4.0);

    @Test
    void ordersByAbsoluteScore() {
        EdgeScores scores = scores(Granularity.HEADS, SOME);
        assertThat(names(scores.top(3))).containsExactly("embed->a0.h1", "embed->a1.h1", "a1.h0->logits");
        assertThat(names(scores.threshold(2)))
                .containsExactly("embed->a0.h1", "embed->a1.h1", "a1.h0->logits", "a0.h0->a1.h0");
        assertThat(scores.threshold(0)).hasSize(scores.graph().size());
        assertThat(scores.score("embed->a1.h1")).isEqualTo(-4);
        assertThat(scores.magnitudes().get(scores.graph().edge("embed->a1.h1"))).isEqualTo(4);
        assertThat(names(scores.ranked()).subList(5, 7)).containsExactly("a1.h1->logits", "a0.h1->logits");
    }

    /** Each circuit is measured as it is, with all edges that tie with its last one. */
    @Test
    void itsCircuitsAreMeasured() {
        try (HookedTransformer model = SmallTasks.load("tl/attn-only-tiny")) {
            ComputationalGraph graph = ComputationalGraph.of(model.config(), Granularity.SPLIT_QKV);
            Map<Edge, Double> tied = new LinkedHashMap<>();
            graph.edges().forEach(edge -> tied.put(edge, edge.to().layer() == 1 ? -2.0 : 1.0));
            EdgeScores scores = new EdgeScores(graph, tied, "by layer", "", "", "nothing");
            Set<Edge> second = scores.threshold(2);
            try (EdgePatcher patcher =
                    EdgePatcher.of(SmallTasks.of(model).measuring(Metric.kl()), graph, Ablation.CORRUPTED)) {
                List<Set<Edge>> circuits = List.of(Set.of(), second, graph.edges());
                List<Pareto.Point> points = scores.points(patcher, 0, 3, graph.size());
                assertThat(points)
                        .extracting(Pareto.Point::label)
                        .containsExactly("top 0", "top 3", "top " + graph.size());
                for (int i = 0; i < circuits.size(); i++) {
                    assertThat(points.get(i).edges()).isEqualTo(circuits.get(i).size());
                    assertThat(points.get(i).score()).isCloseTo(patcher.metric(circuits.get(i)), within(2e-6));
                }
                assertThatThrownBy(() -> scores.points(patcher, 1_000)).hasMessageContaining("got 1000");
            }
        }
    }

    @Test
    void growsGreedilyFromTheOutput() {
        EdgeScores scores = scores(Granularity.HEADS, SOME);
        assertThat(names(scores.greedy(3))).containsExactly("a1.h0->logits", "a0.h0->a1.h0", "embed->a0.h0");
        // next a zero: from the output down, a1.h1 comes first, and with it what it reads
        assertThat(names(scores.greedy(5)).subList(3, 5)).containsExactly("a1.h1->logits", "embed->a1.h1");
        assertThat(scores.greedy(scores.graph().size()))
                .containsExactlyInAnyOrderElementsOf(scores.graph().edges());
    }

    @Test
    void prunesWhatHangsLoose() {
        EdgeScores scores = scores(Granularity.HEADS, SOME);
        assertThat(names(scores.prune(scores.top(5))))
                .containsExactlyInAnyOrder("a1.h0->logits", "a0.h0->a1.h0", "embed->a0.h0");
        assertThat(scores.prune(scores.top(4))).isEmpty();
        assertThat(scores.prune(scores.graph().edges())).hasSize(scores.graph().size());
        EdgeScores split = scores(Granularity.SPLIT_QKV, Map.of());
        List<Edge> through = Stream.of("a1.h0->logits", "a0.h0->a1.h0<k>", "embed->a0.h0<v>", "a0.h1->a1.h0<q>")
                .map(split.graph()::edge)
                .toList();
        assertThat(names(split.prune(through))).containsExactly("a1.h0->logits", "a0.h0->a1.h0<k>", "embed->a0.h0<v>");
        EdgeScores direct = scores(Granularity.SPLIT_QKV_DIRECT, Map.of());
        List<Edge> cut = Stream.of("a1.h0->logits", "a1.h0<q>->a1.h0", "embed->a1.h0<q>", "embed->a1.h0<k>")
                .map(direct.graph()::edge)
                .toList();
        assertThat(names(direct.prune(cut))).containsExactly("a1.h0->logits", "a1.h0<q>->a1.h0", "embed->a1.h0<q>");
    }

    /** Every edge of a greedy circuit leads to the output along edges of the circuit. */
    @ParameterizedTest
    @EnumSource(Granularity.class)
    void greedyCircuitsReachTheOutput(Granularity granularity) {
        Random random = new Random(2);
        Map<String, Double> all = new LinkedHashMap<>();
        ComputationalGraph.of(CONFIG, granularity)
                .edges()
                .forEach(edge -> all.put(edge.toString(), random.nextGaussian()));
        EdgeScores scores = scores(granularity, all);
        for (int count = 0; count <= scores.graph().size(); count++) {
            Set<Edge> circuit = scores.greedy(count);
            assertThat(circuit).hasSize(count);
            List<Edge> written = new ArrayList<>(circuit);
            for (Edge edge : circuit) {
                boolean ends = edge.to().toString().equals("logits");
                assertThat(ends
                                || written.stream()
                                        .anyMatch(next -> next.from().equals(edge.to())
                                                || (granularity == Granularity.SPLIT_QKV
                                                        && scores.graph()
                                                                .headsOf(edge.to())
                                                                .contains(next.from()))))
                        .as(edge + " of " + count)
                        .isTrue();
            }
        }
    }

    @Test
    void showsARankedTable() {
        EdgeScores scores = scores(Granularity.HEADS, SOME);
        assertThat(scores.edges().row(1).getString("edge")).isEqualTo("embed->a1.h1");
        assertThat(scores.edges().row(1).getDouble("score")).isEqualTo(-4);
        assertThat(scores.edges().rowCount()).isEqualTo(scores.graph().size());
        assertThat(scores.view()).isInstanceOfSatisfying(View.Bars.class, bars -> {
            assertThat(bars.bars().get(0)).isEqualTo(new View.Bar("embed->a0.h1", 5));
            assertThat(bars.title()).contains("by hand").contains("logit difference");
        });
    }

    @Test
    void refusesWhatItCannotRank() {
        EdgeScores scores = scores(Granularity.HEADS, SOME);
        assertThatThrownBy(() -> scores.top(1000)).hasMessageContaining("got 1000");
        assertThatThrownBy(() -> scores.greedy(-1)).hasMessageContaining("got -1");
        assertThatThrownBy(() -> scores.threshold(Double.NaN)).hasMessageContaining("NaN");
        assertThatThrownBy(() -> scores.score("m0->logits")).hasMessageContaining("no edge 'm0->logits'");
        assertThatThrownBy(() -> scores(Granularity.HEADS, Map.of("embed->logits", Double.NaN)))
                .hasMessageContaining("embed->logits has NaN");
    }
}
