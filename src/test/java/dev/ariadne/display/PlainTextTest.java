package dev.ariadne.display;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ariadne.view.View;
import dev.ariadne.view.View.Bar;
import dev.ariadne.view.View.Bars;
import dev.ariadne.view.View.HeatMap;
import dev.ariadne.view.View.Scale;
import dev.ariadne.view.View.Table;
import dev.ariadne.view.View.Tokens;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class PlainTextTest {
    @Test
    void alignsColumnsAlsoWithWideCharacters() {
        assertThat(Display.text(new Table(
                        "Edges", List.of("edge", "KL"), List.of(List.of("达拉斯", "0.25"), List.of("a0.h1", "-10")))))
                .isEqualTo("""
                        Edges
                        edge      KL
                        达拉斯  0.25
                        a0.h1    -10
                        """);
    }

    @Test
    void drawsBarsWithCharacters() {
        Bars bars = new Bars(
                "",
                "token",
                "logit",
                List.of("id"),
                List.of(
                        new Bar(" Texas", 3, List.of("12")),
                        new Bar("\n", -1, List.of("7")),
                        new Bar("é", Double.NaN, List.of(""))));
        assertThat(Display.text(bars)).isEqualTo("""
                        token    logit                        id
                         Texas   3.000       ###############  12
                        ↵       -1.000  -----                  7
                        é          NaN
                        """);
    }

    @Test
    void listsFactsInTheirOrder() {
        Map<String, String> facts = new LinkedHashMap<>();
        facts.put("layers", "12");
        facts.put("dModel", "768");
        assertThat(Display.text(new View.Facts("gpt2", facts))).isEqualTo("gpt2\nlayers  12\ndModel  768\n");
    }

    @Test
    void writesTheValuesOfASmallMap() {
        HeatMap map = new HeatMap(
                "grid",
                "layer",
                List.of("0", "1"),
                "head",
                List.of("0", "1"),
                new float[][] {{1, -2.5f}, {Float.NaN, 0}},
                "logits",
                Scale.DIVERGING);
        assertThat(Display.text(map)).isEqualTo("""
                        grid
                        unit: logits
                        layer\\head      0       1
                                 0  1.000  -2.500
                                 1    NaN   0.000
                        """);
    }

    @Test
    void writesTheTextsOfCellsAlsoWhereTheMapIsWide() {
        HeatMap map = new HeatMap(
                        "",
                        "stream",
                        List.of("0"),
                        "pos",
                        Collections.nCopies(20, "x"),
                        new float[][] {new float[20]},
                        "p",
                        Scale.SEQUENTIAL)
                .withTexts(
                        List.of(IntStream.range(0, 20).mapToObj(i -> " t" + i).toList()));
        assertThat(Display.text(map)).contains("t0 0").contains("t19 0").doesNotContain("one character per cell");
    }

    @Test
    void writesTenthsForAWideMap() {
        float[][] values = new float[1][20];
        values[0][0] = 2;
        values[0][1] = -1;
        values[0][2] = 0.1f;
        values[0][3] = Float.NaN;
        HeatMap map = new HeatMap(
                "", "layer", List.of("7"), "pos", Collections.nCopies(20, "x"), values, "logits", Scale.DIVERGING);
        assertThat(Display.text(map))
                .startsWith("one character per cell: 1 to 9 = tenths of 2.000 logits, a to i = tenths below zero,"
                        + " ? = no value, . = less\n7  9e.?................\npos: x | x | ");
    }

    @Test
    void cutsAMapOfALongPrompt() {
        List<String> labels = Collections.nCopies(300, "x");
        HeatMap map = new HeatMap("", "query", labels, "key", labels, new float[300][300], "p", Scale.SEQUENTIAL);
        List<String> lines = Display.text(map).lines().toList();
        assertThat(lines).hasSize(203); // legend, 200 rows, what is left out, columns
        assertThat(lines.get(1)).isEqualTo("x  " + ".".repeat(200) + "…");
        assertThat(lines.get(201)).isEqualTo("… 100 more rows");
    }

    @Test
    void listsTokensWithTheirValues() {
        assertThat(Display.text(new Tokens("t", List.of("a", "\n"), new double[] {0.5, -12}, "nats")))
                .isEqualTo("t\ntoken     nats\na        0.500\n↵      -12.000\n");
    }

    @Test
    void stacksPanels() {
        assertThat(Display.text(new View.Panels("both", List.of(new View.Text("a", "1"), new View.Text("b", "2\n")))))
                .isEqualTo("both\na\n1\n\nb\n2\n");
    }
}
