package dev.ariadne.display;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ariadne.view.SupernodeGraph;
import dev.ariadne.view.View;
import dev.ariadne.view.View.Graph;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Graphs as text for other programs: DOT and TikZ. */
class GraphTextTest {
    private static final SupernodeGraph SUPERNODES = new SupernodeGraph(
            "",
            "prompt",
            List.of(
                    new SupernodeGraph.Node("a", "Texas", 0, SupernodeGraph.State.OFF, Double.NaN, "×−2"),
                    new SupernodeGraph.Node("b", "Say Austin", 1, SupernodeGraph.State.LOWERED, 0.25, "")),
            List.of(new SupernodeGraph.Edge("a", "b", -0.5)),
            "share",
            List.of());

    private static Graph graph(String text) {
        return new Graph(
                text,
                "",
                List.of(text, "out"),
                List.of(new Graph.Node("a" + text, "a" + text, 0, 0, Double.NaN), new Graph.Node("b", "b", 1, 0, 0.25)),
                "",
                List.of(new Graph.Edge("a" + text, "b", -2, "q" + text)),
                "");
    }

    @Test
    void dotHasRanksNodesAndArrows() {
        assertThat(Display.dot(graph(""))).isEqualTo("""
                digraph {
                  rankdir=TB;
                  labelloc=t;
                  label="";
                  node [shape=box, fontname="Helvetica", fontsize=11, height=0.3];
                  edge [fontname="Helvetica", fontsize=9, arrowsize=0.6];
                  { rank=same; "a" [label="a"]; }
                  { rank=same; "b" [label="b\\n0.25"]; }
                  "a" -> "b" [penwidth=4.00, label="q", style=dashed];
                }
                """);
    }

    @Test
    void dotQuotesWhatIsInTheText() {
        String dot = Display.dot(graph("\"]; x -> y; \\\n"));
        assertThat(dot).contains("label=\"q\\\"]; x -> y; \\\\↵\"").hasLineCount(10);
        for (String text : Samples.NASTY) {
            assertThat(Display.dot(graph(text)).replace("\\\\", "").replace("\\\"", ""))
                    .satisfies(plain -> assertThat(
                                    plain.chars().filter(c -> c == '"').count() % 2)
                            .isZero())
                    .hasLineCount(10);
        }
    }

    @Test
    void tikzWritesSignsThatPdflatexDoesNotKnowAsFormulas() {
        assertThat(Display.tikz(graph("×−2 → ≤ ≥")))
                .contains("×\\ensuremath{-}2 \\ensuremath{\\to} \\ensuremath{\\le} \\ensuremath{\\ge}");
        assertThat(Display.tikz(graph("<|a|>--'`")))
                .contains(
                        "\\textless{}\\textbar{}a\\textbar{}\\textgreater{}-{}-{}\\textquotesingle{}\\textasciigrave{}");
    }

    @Test
    void linksOfGraphsOfOtherKindsAreRowsOfCsv() {
        assertThat(Display.csv(TokenGraphs.small()).lines())
                .hasSize(6)
                .contains("from,to,weight,from label,to label")
                .contains("0_7_1,3_9_1,2.0,capital & state,\"Output \"\" Austin\"\" (p=0.450)\"");
        assertThat(Display.csv(SUPERNODES)).isEqualTo("from,to,weight\r\na,b,-0.5\r\n");
    }

    /** Their first row is the lowest, as they are drawn. */
    @Test
    void dotOfGraphsOfOtherKindsGoesUp() {
        assertThat(Display.dot(SUPERNODES))
                .contains(
                        "rankdir=BT;",
                        "{ rank=same; \"a\" [label=\"Texas ×−2\"]; }\n  { rank=same; \"b\" [label=\"Say Austin\\n0.25\"]; }",
                        "\"a\" -> \"b\" [penwidth=4.00, style=dashed];");
        assertThat(Display.dot(TokenGraphs.small()))
                .contains("rankdir=BT;", "\"0_7_1\" [label=\"capital & state\\n2.50\"]", "\"0_7_1\" -> \"3_9_1\" [")
                .contains("-> \"0_8_1\" [penwidth=4.00, style=dashed];");
    }

    @Test
    void tikzEscapesWhatTexWouldRead() {
        String tikz = Display.tikz(graph("_{$%#&}^~\\<>"));
        assertThat(tikz)
                .contains(
                        "{a\\_\\{\\$\\%\\#\\&\\}\\textasciicircum{}\\textasciitilde{}\\textbackslash{}\\textless{}\\textgreater{}}")
                .contains("\\draw[color={rgb,255:red,87;green,96;blue,106}, fill={rgb,255:") // a frame is a line
                .contains("line width=2.40pt, dash pattern=on 3pt off 2.4pt] (")
                .startsWith("\\begin{tikzpicture}")
                .endsWith("\\end{tikzpicture}\n");
        for (String text : Samples.NASTY) {
            String plain = Display.tikz(graph(text)).replaceAll("\\\\[{}]", "");
            assertThat(plain.chars().filter(c -> c == '{').count())
                    .as(text)
                    .isEqualTo(plain.chars().filter(c -> c == '}').count());
        }
    }

    @Test
    void tikzDrawsWhateverIsShown(@TempDir Path folder) throws IOException {
        for (View view : Samples.all()) {
            String plain = Display.tikz(view).replaceAll("\\\\[{}]", "");
            assertThat(plain.chars().filter(c -> c == '{').count())
                    .as(view.title())
                    .isEqualTo(plain.chars().filter(c -> c == '}').count());
        }
        View map = new View.HeatMap(
                "",
                "r",
                List.of("a"),
                "c",
                List.of("x", "y", "z"),
                new float[][] {{1, 1, 0}},
                "",
                View.Scale.SEQUENTIAL);
        assertThat(Display.tikz(map)
                        .lines()
                        .filter(line -> line.contains(") rectangle (")
                                && line.startsWith("\\fill[color={rgb,255:red,8;green,48;blue,107}]")))
                .isNotEmpty()
                .allSatisfy(line -> assertThat(line.split("rectangle"))
                        .as("both cells of one color are one rectangle")
                        .hasSize(2));
        Display.save(map, folder.resolve("m.tikz"));
        Display.save(map, folder.resolve("m.tex"));
        Display.save(new View.Text("words", "x"), folder.resolve("t.tex"));
        assertThat(folder.resolve("m.tikz")).hasContent(Display.tikz(map));
        assertThat(folder.resolve("m.tex")).hasContent(Display.latex(map));
        assertThat(folder.resolve("t.tex")).content().startsWith("\\begin{tikzpicture}");
    }

    @Test
    void savesGraphsAndNothingElse(@TempDir Path folder) throws IOException {
        Display.save(graph(""), folder.resolve("g.dot"));
        Display.save(graph(""), folder.resolve("g.tex"));
        assertThat(Files.readString(folder.resolve("g.dot"))).isEqualTo(Display.dot(graph("")));
        assertThat(Files.readString(folder.resolve("g.tex"))).isEqualTo(Display.tikz(graph("")));
        assertThatThrownBy(() -> Display.dot(new View.Text("words", "")))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("got a Text 'words'");
    }

    @Test
    void labelsAreWrittenOnArrows() {
        assertThat(Display.svg(graph(""))).contains(">q -2.00<");
        assertThat(Display.text(graph(""))).contains("-q->");
    }
}
