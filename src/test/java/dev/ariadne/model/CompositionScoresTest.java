package dev.ariadne.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;
import static org.assertj.core.api.Assertions.within;

import dev.ariadne.view.View;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tech.tablesaw.api.Table;

/** TransformerLens's own scores are compared by the conformance check. */
class CompositionScoresTest {
    /** By whole matrices, entry by entry, as the definition says. */
    @ParameterizedTest
    @MethodSource("dev.ariadne.model.TestModels#all")
    void theFactorsScoreAsTheWholeMatricesDo(String name) {
        try (HookedTransformer model = TestModels.load(name)) {
            int heads = model.config().nHeads();
            int n = heads * model.config().nLayers();
            List<double[][]> writers = wholes(model, "V", n);
            for (String kind : List.of("Q", "K", "V")) {
                List<double[][]> readers = wholes(model, kind, n);
                double[][] scores = model.weights().allCompositionScores(kind).values();
                assertThat(scores).hasDimensions(n, n);
                for (int i = 0; i < n * n; i++) {
                    double[][] left = writers.get(i / n);
                    double[][] right = readers.get(i % n);
                    boolean later = i / n / heads < i % n / heads;
                    double expected = later ? norm(times(left, right)) / norm(left) / norm(right) : 0;
                    assertThat(scores[i / n][i % n]).as(kind + " " + i).isCloseTo(expected, within(1e-6));
                }
            }
        }
    }

    private static List<double[][]> wholes(HookedTransformer model, String kind, int count) {
        return IntStream.range(0, count)
                .mapToObj(head -> whole(model, kind, head))
                .toList();
    }

    private static double[][] whole(HookedTransformer model, String kind, int head) {
        int layer = head / model.config().nHeads();
        int index = head % model.config().nHeads();
        int width = model.config().dModel();
        try (FactoredMatrix circuit = kind.equals("V")
                ? model.weights().ov(layer, index)
                : model.weights().qk(layer, index)) {
            float[] flat = circuit.ab().toFloatArray();
            double[][] rows = new double[width][width];
            for (int i = 0; i < flat.length; i++) {
                int row = kind.equals("K") ? i % width : i / width;
                int column = kind.equals("K") ? i / width : i % width;
                rows[row][column] = flat[i];
            }
            return rows;
        }
    }

    private static double[][] times(double[][] a, double[][] b) {
        double[][] c = new double[a.length][b[0].length];
        for (int i = 0; i < a.length; i++) {
            for (int n = 0; n < b.length; n++) {
                for (int j = 0; j < b[0].length; j++) {
                    c[i][j] += a[i][n] * b[n][j];
                }
            }
        }
        return c;
    }

    private static double norm(double[][] a) {
        double sum = 0;
        for (double[] row : a) {
            for (double x : row) {
                sum += x * x;
            }
        }
        return Math.sqrt(sum);
    }

    @Test
    void scoresAreShownBestFirstAndOnlyWhereHeadsCanCompose() {
        try (HookedTransformer model = TestModels.gpt2()) {
            int arrays = model.arrayCount();
            CompositionScores scores = model.weights().allCompositionScores("K");
            assertThat(model.arrayCount()).isEqualTo(arrays);
            assertThat(scores.labels()).containsExactly("L0H0", "L0H1", "L0H2", "L0H3", "L1H0", "L1H1", "L1H2", "L1H3");
            Table table = scores.table();
            assertThat(table.rowCount()).isEqualTo(16);
            assertThat(table.doubleColumn("score").asList()).isSortedAccordingTo((a, b) -> Double.compare(b, a));
            String from = table.stringColumn("from").get(0);
            String to = table.stringColumn("to").get(0);
            assertThat(scores.score(from, to))
                    .isEqualTo(table.doubleColumn("score").get(0));
            View.HeatMap map = (View.HeatMap) scores.view();
            assertThat(map.value(0, 4)).isEqualTo((float) scores.score("L0H0", "L1H0"));
            assertThat(map.value(4, 0)).isNaN();
            assertThat(map.value(0, 1)).isNaN();
            assertThat(scores).isEqualTo(model.weights().allCompositionScores("K"));
            assertThat(scores).isNotEqualTo(model.weights().allCompositionScores("Q"));
            assertThat(scores).hasToString("K-composition of gpt2-tiny: 8 heads");
        }
    }

    @Test
    void theStrongestPairsAreArrowsBetweenRowsOfLayers() {
        // L0H0 and L0H1 write, L1H0 and L2H1 read; what is not later counts for nothing, however large
        double[][] values = new double[6][6];
        values[0][2] = 0.3; // L0H0 -> L1H0
        values[1][5] = 0.9; // L0H1 -> L2H1
        values[2][5] = 0.3; // L1H0 -> L2H1, as strong as the first: pairs stay in order
        values[3][4] = 0.1; // L1H1 -> L2H0
        values[5][0] = 1;
        CompositionScores scores =
                new CompositionScores("K", List.of("L0H0", "L0H1", "L1H0", "L1H1", "L2H0", "L2H1"), values, "by hand");
        View.Graph graph = scores.graph(3);
        assertThat(graph.edges())
                .containsExactly(
                        new View.Graph.Edge("L0H1", "L2H1", 0.9),
                        new View.Graph.Edge("L0H0", "L1H0", 0.3),
                        new View.Graph.Edge("L1H0", "L2H1", 0.3));
        assertThat(graph.nodes())
                .extracting(View.Graph.Node::id, View.Graph.Node::row)
                .containsExactly(tuple("L0H0", 0), tuple("L0H1", 0), tuple("L1H0", 1), tuple("L2H1", 2));
        assertThat(graph.rows()).containsExactly("L0", "L1", "L2");
        assertThat(graph.title()).isEqualTo("K-composition of by hand, the strongest 3");
        assertThat(scores.graph().edges()).as("at most 20 of the 12 pairs").hasSize(12);
        assertThat(scores.graph(100)).isEqualTo(scores.graph());
        assertThatThrownBy(() -> scores.graph(0))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("a graph needs at least 1 arrow, got 0; give a larger count");
    }

    @Test
    void theGraphHoldsTheBestLinesOfTheTable() {
        try (HookedTransformer model = TestModels.gpt2()) {
            CompositionScores scores = model.weights().allCompositionScores("V");
            Table best = scores.table().first(5);
            List<View.Graph.Edge> edges = scores.graph(5).edges();
            assertThat(edges)
                    .extracting(View.Graph.Edge::from)
                    .isEqualTo(best.stringColumn("from").asList());
            assertThat(edges)
                    .extracting(View.Graph.Edge::to)
                    .isEqualTo(best.stringColumn("to").asList());
            assertThat(edges)
                    .extracting(View.Graph.Edge::weight)
                    .isEqualTo(best.doubleColumn("score").asList());
        }
    }

    @Test
    void aKindOrHeadThatIsNoneIsRefused() {
        try (HookedTransformer model = TestModels.gpt2()) {
            assertThatThrownBy(() -> model.weights().allCompositionScores("q"))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("composition is through \"Q\", \"K\" or \"V\", got \"q\"");
            CompositionScores scores = model.weights().allCompositionScores("V");
            assertThatThrownBy(() -> scores.score("L2H0", "L1H0"))
                    .hasMessage("no head 'L2H0'; labels are L0H0 to L1H3");
        }
        assertThatThrownBy(() -> new CompositionScores("Q", List.of("L0H0"), new double[1][2], "m"))
                .hasMessageContaining("one score per pair of the 1 heads");
        assertThatThrownBy(() -> new CompositionScores("Q", List.of("L0H0"), new double[0][0], "m"))
                .hasMessageContaining("got 0 rows");
    }
}
