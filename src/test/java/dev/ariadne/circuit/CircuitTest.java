package dev.ariadne.circuit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ariadne.display.Display;
import dev.ariadne.view.Citation;
import dev.ariadne.view.View;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import tech.tablesaw.api.Table;

class CircuitTest {
    private final ComputationalGraph split = Graphs.of(Granularity.SPLIT_QKV);
    private final ComputationalGraph direct = Graphs.of(Granularity.SPLIT_QKV_DIRECT);

    @Test
    void listsItsEdgesInTheOrderFoundWithTheirEffects() {
        Map<Edge, Double> effects = new LinkedHashMap<>();
        effects.put(direct.edge("a1.h0->logits"), 0.25);
        effects.put(direct.edge("a1.h0<q>->a1.h0"), -0.5);
        effects.put(direct.edge("embed->a1.h0<q>"), Double.NaN);
        Circuit circuit = new Circuit(direct, effects, 0.125, Graphs.MADE_UP);
        Table table = circuit.edges();
        assertThat(table.columnNames()).containsExactly("sender", "receiver", "type", "effect");
        assertThat(table.stringColumn("sender").asList()).containsExactly("a1.h0", "a1.h0<q>", "embed");
        assertThat(table.stringColumn("receiver").asList()).containsExactly("logits", "a1.h0", "a1.h0<q>");
        assertThat(table.stringColumn("type").asList()).containsExactly("addition", "direct", "addition");
        assertThat(table.doubleColumn("effect").get(1)).isEqualTo(-0.5);
        assertThat(table.doubleColumn("effect").isMissing(2)).isTrue();
        assertThat(circuit.nodes()).extracting(Node::toString).containsExactly("embed", "a1.h0", "logits");
        assertThat(circuit)
                .hasToString("task on model: 3 of " + direct.size()
                        + " edges, 3 nodes, KL 0.125 nats (ACDC, threshold 0.01, corrupted ablation: task on model)");
    }

    @Test
    void ownsItsEdges() {
        Map<Edge, Double> effects = new LinkedHashMap<>(Map.of(split.edge("embed->logits"), 1.0));
        Circuit circuit = new Circuit(split, effects, 0, Graphs.MADE_UP);
        effects.clear();
        assertThat(circuit.edgeCount()).isEqualTo(1);
        assertThatThrownBy(() -> circuit.edgeSet().clear()).isInstanceOf(UnsupportedOperationException.class);
        Edge foreign = new Edge(Node.head(7, 0), split.edge("embed->logits").to());
        assertThatThrownBy(() -> Circuit.of(split, List.of(foreign), 0, Graphs.MADE_UP))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("a7.h0->logits");
    }

    @Test
    void prunesDeadEndsToAFixedPoint() {
        Circuit circuit = Graphs.circuit(
                split,
                "m1->logits", // stays
                "a0.h0->m1", // stays: its value input is read below
                "embed->a0.h0<v>", // stays
                "a1.h1->logits", // goes: nothing reaches a1.h1 but m0, and m0 reads a head that reads nothing
                "m0->a1.h1<q>",
                "a0.h1->m0",
                "embed->a1.h0<k>", // goes: a1.h0 writes to nothing
                "a0.h0->a1.h0<v>"); // goes with it
        assertThat(circuit.prune().edgeSet())
                .containsExactlyElementsOf(Graphs.edges(split, "m1->logits", "a0.h0->m1", "embed->a0.h0<v>"));
        assertThat(circuit.prune().metric()).isEqualTo(0.5);
        assertThat(circuit.prune().prune()).isEqualTo(circuit.prune());
    }

    @Test
    void prunesHeadsWhoseDirectEdgesAreGone() {
        Circuit circuit = Graphs.circuit(
                direct, "a0.h0->logits", "a0.h0<v>->a0.h0", "embed->a0.h0<v>", "embed->a0.h0<q>", "a0.h0<k>->a0.h0");
        assertThat(circuit.prune().edgeSet())
                .containsExactlyElementsOf(Graphs.edges(direct, "a0.h0->logits", "a0.h0<v>->a0.h0", "embed->a0.h0<v>"));
    }

    @Test
    void doesNotClaimToKnowTheMetricOfWhatZeroAblationWouldChange() {
        Provenance zero = new Provenance("t", "KL", "nats", "m", "", "ACDC", "zero", Map.of(), 0, "test");
        Circuit circuit = Circuit.of(split, Graphs.edges(split, "embed->logits", "m1->logits"), 0.5, zero);
        assertThat(circuit.prune().edgeCount()).isEqualTo(1);
        assertThat(circuit.prune().metric()).isNaN();
        assertThat(Circuit.of(split, Graphs.edges(split, "embed->logits"), 0.5, zero)
                        .prune()
                        .metric())
                .isEqualTo(0.5);
    }

    @Test
    void countsOfHeadsThatShareKeysThoseThatTakePart() {
        ComputationalGraph shared = Graphs.of(Granularity.SPLIT_QKV, 2, 4, 2);
        Circuit circuit = Graphs.circuit(shared, "embed->a0.h1<v>", "a0.h2->logits");
        assertThat(circuit.nodes()).extracting(Node::toString).containsExactly("embed", "a0.h2", "logits");
        Circuit open = Graphs.circuit(shared, "embed->a0.h1<v>");
        assertThat(open.nodes()).extracting(Node::toString).containsExactly("embed", "a0.h2", "a0.h3");
    }

    @Test
    void comparesWithAnother() {
        Circuit found = Graphs.circuit(split, "embed->logits", "m1->logits", "embed->m1", "a0.h0->m1");
        Circuit truth = Graphs.circuit(split, "m1->logits", "embed->m1", "a0.h1->m1", "embed->a0.h1<q>", "m0->m1");
        CircuitComparison comparison = found.compare(truth);
        assertThat(comparison.edges()).isEqualTo(new CircuitComparison.Overlap(2, 2, 3));
        assertThat(comparison.edges().precision()).isEqualTo(2 / 4.0);
        assertThat(comparison.edges().recall()).isEqualTo(2 / 5.0);
        assertThat(comparison.edges().jaccard()).isEqualTo(2 / 7.0);
        assertThat(comparison.nodes()) // embed, m1, logits; a0.h0; a0.h1, m0
                .isEqualTo(new CircuitComparison.Overlap(3, 1, 2));
        assertThat(comparison.onlyHere()).containsExactlyElementsOf(Graphs.edges(split, "embed->logits", "a0.h0->m1"));
        assertThat(comparison.onlyThere()).hasSize(3).contains(split.edge("m0->m1"));
        assertThat(comparison.shared()).containsExactlyElementsOf(Graphs.edges(split, "m1->logits", "embed->m1"));
        assertThat(((View.Table) comparison.view()).rows().get(0))
                .containsExactly("edges", "2", "2", "3", "0.500", "0.400", "0.286");
        assertThatThrownBy(() -> found.compare(Graphs.circuit(direct, "m1->logits")))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("SPLIT_QKV_DIRECT");
    }

    @Test
    void drawsInputsAtTheirHead() {
        Map<Edge, Double> effects = new LinkedHashMap<>();
        effects.put(direct.edge("a1.h0->logits"), 0.5);
        effects.put(direct.edge("a1.h0<v>->a1.h0"), 0.1);
        effects.put(direct.edge("a1.h0<q>->a1.h0"), 0.1);
        effects.put(direct.edge("embed->a1.h0<v>"), 0.25);
        effects.put(direct.edge("embed->a1.h0<q>"), -0.75);
        effects.put(direct.edge("m0->m1"), 9.0); // a dead end
        View view = new Circuit(direct, effects, 0, Graphs.MADE_UP).visualize();
        View.Graph graph = (View.Graph) view;
        assertThat(graph.title()).contains(": 6 of ").endsWith("; not drawn: 1 in dead ends");
        assertThat(graph.rows()).containsExactly("in", "L1 heads", "out");
        assertThat(graph.nodes()).extracting(View.Graph.Node::id).containsExactly("embed", "a1.h0", "logits");
        assertThat(graph.edges())
                .containsExactly(
                        new View.Graph.Edge("embed", "a1.h0", -0.75, "qv"),
                        new View.Graph.Edge("a1.h0", "logits", 0.5));
    }

    @Test
    void drawsALargeCircuitAsAMatrix() {
        Circuit ioi = PublishedCircuit.IOI.circuit();
        View.HeatMap map = (View.HeatMap) ioi.visualize();
        assertThat(map.rows())
                .hasSize(39)
                .startsWith("a0.h1")
                .endsWith("logits"); // 40 nodes, the embedding reads nothing
        assertThat(map.columns()).hasSize(39).startsWith("embed").doesNotContain("logits");
        int row = map.rows().indexOf("a9.h9");
        assertThat(map.texts().get(row).get(map.columns().indexOf("a7.h3"))).isEqualTo("q");
        assertThat(map.value(row, map.columns().indexOf("m0"))).isEqualTo(3);
        assertThat(map.value(row, map.columns().indexOf("a5.h5"))).isZero();
        assertThat(ioi.diagram().nodes()).hasSize(40);
    }

    @Test
    void citesModelMethodAndPaper() {
        Provenance found = new Provenance(
                "ioi", "KL", "nats", "gpt2", "ab12", "ACDC", "corrupted", Map.of("threshold", "0.01"), 7, "0.1.0");
        Citation citation = Circuit.of(split, Graphs.edges(split, "embed->logits"), 0.5, found)
                .cite();
        assertThat(citation.facts())
                .containsEntry("model", "gpt2")
                .containsEntry("weights (SHA-256)", "ab12")
                .containsEntry("threshold", "0.01")
                .containsEntry("version", "0.1.0");
        assertThat(citation.bibtex())
                .contains("@software{ariadne", "version = {0.1.0}", "@inproceedings{conmy2023acdc")
                .doesNotContain("syed");
        assertThat(Display.text(citation)).contains("eprint = {2304.14997}");
    }
}
