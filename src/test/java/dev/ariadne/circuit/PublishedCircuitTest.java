package dev.ariadne.circuit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PublishedCircuitTest {
    @ParameterizedTest
    @CsvSource({
        "IOI, 1041, 32923, 26",
        "GREATER_THAN, 262, 32923, 9",
        "DOCSTRING, 37, 1377, 6",
        "TRACR_REVERSE, 15, 106, 2",
        "TRACR_XPROPORTION, 10, 38, 1"
    })
    void equalsTheStudysEdges(PublishedCircuit published, int edges, int all, int heads) throws IOException {
        Circuit circuit = published.circuit();
        assertThat(circuit.edgeCount()).isEqualTo(edges);
        assertThat(circuit.graph().size()).isEqualTo(all);
        assertThat(circuit.nodes().stream().filter(node -> node.kind() == Node.Kind.HEAD))
                .hasSize(heads);
        assertThat(circuit.prune()).as("there are no dead ends").isEqualTo(circuit);
        Set<String> written =
                circuit.edgeSet().stream().map(PublishedCircuitTest::row).collect(Collectors.toSet());
        List<String> lines = Files.readAllLines(Path.of("src/test/resources/circuits/" + published.title() + ".csv"));
        lines.replaceAll(line -> line.replace("resid_pre", "embed"));
        assertThat(written).containsExactlyInAnyOrderElementsOf(lines.subList(1, lines.size()));
    }

    /** The areas under all curves that the study stores, by name, to the 1e-6 to which they are recorded. */
    @Test
    void itsRunsHaveTheStudysAreas() throws IOException {
        Map<String, Double> areas = new TreeMap<>();
        for (PublishedCircuit published : PublishedCircuit.values()) {
            published.publishedRuns().forEach(run -> areas.put(published.title() + ", " + run.title(), run.auc()));
        }
        Map<String, Double> recorded = new TreeMap<>();
        for (String line : Files.readAllLines(Path.of("src/test/resources/roc/roc_auc_expected.csv"))) {
            String[] cells = line.split(",");
            boolean twice = cells[4].equals("16H") && cells[1].equals("zero_ablation"); // HISP ablates nothing
            if (cells[0].equals("trained") && cells[5].equals("edge") && !twice) {
                recorded.put(ourName(cells), Double.parseDouble(cells[7]));
            }
        }
        assertThat(recorded).hasSize(16);
        assertThat(areas).containsOnlyKeys(recorded.keySet());
        areas.forEach((run, area) -> assertThat(area).as(run).isCloseTo(recorded.get(run), within(1e-6)));
    }

    private static String ourName(String... cells) {
        Map<String, String> metrics = Map.of(
                "kl_div", "KL", "l2", "L2", "greaterthan", "probability difference", "logit_diff", "logit difference");
        return String.format(
                "%s, %s, %s, %s (published)",
                cells[2].replace("tracr-proportion", "tracr-xproportion"),
                cells[4].replace("16H", "HISP"),
                metrics.getOrDefault(cells[3], "logit difference"),
                cells[1].equals("zero_ablation") ? "zero" : "corrupted");
    }

    /** As the study writes an edge. */
    private static String row(Edge edge) {
        String from = edge.from().toString().replaceAll("\\.h(\\d+)", ".$1").replaceAll("<(.)>", ".$1");
        String to = edge.to().toString().replaceAll("\\.h(\\d+)", ".$1").replaceAll("<(.)>", ".$1");
        if (edge.isDirect()) {
            return "input:" + from + ",vector:" + from + ",direct";
        }
        return from + "," + to + ",addition";
    }

    @Test
    void isOneOfAnyGranularity() {
        ComputationalGraph split = Graphs.of(Granularity.SPLIT_QKV, 12, 12, 12);
        Circuit whole = PublishedCircuit.GREATER_THAN.circuit();
        assertThat(PublishedCircuit.GREATER_THAN.on(split).edgeSet())
                .isEqualTo(whole.edgeSet().stream()
                        .filter(edge -> !edge.isDirect())
                        .collect(Collectors.toSet()));
        ComputationalGraph heads = Graphs.of(Granularity.HEADS, 12, 12, 12);
        Circuit coarse = PublishedCircuit.GREATER_THAN.on(heads);
        assertThat(coarse.nodes()).isEqualTo(whole.nodes());
        assertThat(coarse.edgeSet()).contains(heads.edge("m4->a5.h5")).doesNotContain(heads.edge("m0->logits"));
    }

    @Test
    void namesTheShapeItNeeds() {
        assertThatThrownBy(() -> PublishedCircuit.IOI.on(Graphs.of(Granularity.SPLIT_QKV)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("12 layers, 12 heads and MLPs; got a graph of 2 layers, 2 heads");
        assertThat(PublishedCircuit.IOI.groups().get("induction")).contains(Node.head(5, 5), Node.head(6, 9));
    }
}
