package dev.ariadne.view;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ariadne.view.View.Bar;
import dev.ariadne.view.View.Bars;
import dev.ariadne.view.View.Graph;
import dev.ariadne.view.View.HeatMap;
import dev.ariadne.view.View.Scale;
import dev.ariadne.view.View.Table;
import dev.ariadne.view.View.Tokens;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ViewTest {
    @Test
    void refusesARowThatIsTooShort() {
        assertThatThrownBy(() -> new Table("edges", List.of("from", "to"), List.of(List.of("a", "b"), List.of("c"))))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("row 1 of the table 'edges' must have one entry for each of the 2 columns, got 1;"
                        + " columns are [from, to]");
    }

    @Test
    void refusesAHeatMapWithAMissingRowOrCell() {
        assertThatThrownBy(() -> map(new float[1][2])).hasMessageContaining("each of the 2 rows, got 1");
        assertThatThrownBy(() -> map(new float[][] {{1, 2}, {3}}))
                .hasMessageContaining("values[1] of the heat map 'grid'")
                .hasMessageContaining("each of the 2 columns, got 1");
    }

    @Test
    void refusesTokensAndNotesThatDoNotMatch() {
        assertThatThrownBy(() -> new Tokens("t", List.of("a"), new double[2], "nats"))
                .hasMessageContaining("each of the 1 tokens, got 2");
        assertThatThrownBy(() -> new Bars("t", "token", "p", List.of("id"), List.of(new Bar("x", 1))))
                .hasMessageContaining("notes of the bar 'x'");
    }

    @Test
    void refusesTextsThatDoNotFitTheCells() {
        HeatMap map = map(new float[2][2]);
        List<String> two = List.of("a", "b");
        assertThat(map.withTexts(List.of(two, two)))
                .isNotEqualTo(map)
                .extracting(HeatMap::texts)
                .isEqualTo(List.of(two, two));
        assertThatThrownBy(() -> map.withTexts(List.of(two))).hasMessageContaining("each of the 2 rows, got 1");
        assertThatThrownBy(() -> map.withTexts(List.of(two, List.of("a"))))
                .hasMessageContaining("texts[1]")
                .hasMessageContaining("each of the 2 columns, got 1");
    }

    @Test
    void refusesGraphsThatDoNotHangTogether() {
        Graph.Node a = new Graph.Node("a", "A", 0, 0, 1);
        Graph.Node b = new Graph.Node("b", "A", 1, 0, Double.NaN);
        assertThat(graph(List.of(a, b), new Graph.Edge("a", "b", -1))).hasToString("Graph[g, 2 nodes, 1 edges]");
        assertThatThrownBy(() -> graph(List.of(a, a))).hasMessageContaining("two nodes have the id 'a'");
        assertThatThrownBy(() -> graph(List.of(new Graph.Node("c", "c", 2, 0, 1))))
                .hasMessageContaining("'c' is in row 2, but rows are [r, s]");
        for (Graph.Edge edge :
                List.of(new Graph.Edge("a", "a", 1), new Graph.Edge("a", "x", 1), new Graph.Edge("x", "a", 1))) {
            assertThatThrownBy(() -> graph(List.of(a, b), edge))
                    .hasMessageContaining("'" + edge.from() + "' -> '" + edge.to() + "'");
        }
    }

    private static Graph graph(List<Graph.Node> nodes, Graph.Edge... edges) {
        return new Graph("g", "row", List.of("r", "s"), nodes, "", List.of(edges), "");
    }

    @Test
    void copiesWhatItIsGiven() {
        float[][] values = {{1, 2}, {3, 4}};
        HeatMap map = map(values);
        values[0][0] = 99;
        map.values()[1][1] = 99;
        assertThat(map.value(0, 0)).isEqualTo(1);
        assertThat(map.value(1, 1)).isEqualTo(4);

        List<String> columns = new ArrayList<>(List.of("a"));
        Table table = new Table("t", columns, List.of());
        columns.add("b");
        assertThat(table.columns()).containsExactly("a");
    }

    @Test
    void comparesArraysByContent() {
        assertThat(map(new float[][] {{1, 2}, {3, 4}}))
                .isEqualTo(map(new float[][] {{1, 2}, {3, 4}}))
                .hasSameHashCodeAs(map(new float[][] {{1, 2}, {3, 4}}))
                .isNotEqualTo(map(new float[][] {{1, 2}, {3, 5}}))
                .hasToString("HeatMap[grid, 2 layer x 2 head]");
        Tokens tokens = new Tokens("t", List.of("a"), new double[] {1}, "nats");
        assertThat(tokens)
                .isEqualTo(new Tokens("t", List.of("a"), new double[] {1}, "nats"))
                .isNotEqualTo(new Tokens("t", List.of("a"), new double[] {2}, "nats"));
    }

    @Test
    void keepsTheOrderOfFacts() {
        Map<String, String> facts = new LinkedHashMap<>();
        for (String name : List.of("zeta", "alpha", "mu")) {
            facts.put(name, "1");
        }
        assertThat(new View.Facts("", facts).facts().keySet()).containsExactly("zeta", "alpha", "mu");
    }

    @Test
    void isItsOwnView() {
        View view = new View.Text("t", "body");
        assertThat(view.view()).isSameAs(view);
    }

    private static HeatMap map(float[][] values) {
        List<String> two = List.of("0", "1");
        return new HeatMap("grid", "layer", two, "head", two, values, "logits", Scale.DIVERGING);
    }
}
