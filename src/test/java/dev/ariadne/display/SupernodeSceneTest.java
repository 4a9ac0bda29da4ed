package dev.ariadne.display;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ariadne.display.Scene.Box;
import dev.ariadne.display.Scene.Curve;
import dev.ariadne.display.Scene.Words;
import dev.ariadne.view.SupernodeGraph;
import dev.ariadne.view.SupernodeGraph.Edge;
import dev.ariadne.view.SupernodeGraph.Node;
import dev.ariadne.view.SupernodeGraph.Output;
import dev.ariadne.view.SupernodeGraph.State;
import java.awt.geom.Rectangle2D;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SupernodeSceneTest {
    private static SupernodeGraph one(State state, double activation, String note) {
        Node node = new Node("a", "Texas", 0, state, activation, note);
        return new SupernodeGraph("", "prompt", List.of(node), List.of(), "", List.of());
    }

    @ParameterizedTest
    @CsvSource({"1,1", "3,2", "4,6", "8,3", "12,2"})
    void writesNothingOverAnotherAndAllOnTheCard(int rows, int columns) {
        Scene scene = SupernodeScene.of(Samples.supernodes(rows, columns));
        MapSceneTest.noneOverlap(scene);
        Rectangle2D card = new Rectangle2D.Double(0, 0, scene.width(), scene.height());
        for (Words words : MapSceneTest.words(scene)) {
            assertThat(card.contains(MapSceneTest.box(words).getBounds2D()))
                    .as(words.toString())
                    .isTrue();
        }
    }

    /** What differs once all colors are gray: the number and the thickness of lines, and what is written. */
    @Test
    void tellsStatesApartWithoutColor() {
        Set<String> forms = new HashSet<>();
        List<SupernodeGraph> all = List.of(
                one(State.ACTIVE, 1, ""),
                one(State.LOWERED, 0.1, ""),
                one(State.OFF, Double.NaN, "×−2"),
                one(State.SET, Double.NaN, "×2"),
                one(State.REPLACED, 0, ""),
                one(State.INSERTED, Double.NaN, "for Austin"),
                one(State.INPUT, Double.NaN, ""),
                one(State.EMPTY, Double.NaN, ""));
        for (SupernodeGraph graph : all) {
            StringBuilder form = new StringBuilder();
            for (Scene.Shape shape : SupernodeScene.of(graph).shapes()) {
                form.append(
                        shape instanceof Box box
                                ? "box %.1f %.1f;".formatted(box.width(), box.height())
                                : shape instanceof Words words
                                        ? words.text() + ";"
                                        : ((Curve) shape).dashed() ? "dashed;" : "line;");
            }
            forms.add(form.toString());
        }
        assertThat(forms).hasSameSizeAs(all);
    }

    @Test
    void fillsTheGaugeByTheActivationAndNoFurther() {
        for (double activation : new double[] {-1, 0, 0.27, 1, 3}) {
            List<Box> gauge = SupernodeScene.of(one(State.ACTIVE, activation, "")).shapes().stream()
                    .filter(shape -> shape instanceof Box box && box.height() == 5)
                    .map(Box.class::cast)
                    .toList();
            assertThat(gauge.get(1).width() / gauge.get(0).width()).isEqualTo(Math.max(0, Math.min(1, activation)));
        }
    }

    @Test
    void writesLongNamesAndPromptsInFull() {
        SupernodeGraph graph = Samples.supernodes(3, 2);
        String written =
                String.join("", MapSceneTest.texts(SupernodeScene.of(graph))).replace(" ", "");
        assertThat(written).contains("Schifffahrt".repeat(4)).contains("word".repeat(80));
    }

    @Test
    void saysTheSameInWords() {
        List<Node> nodes = List.of(
                new Node("t", "Texas", 0, State.REPLACED, Double.NaN, "×−2"),
                new Node("a", "Say Austin", 1, State.LOWERED, 0.125, ""));
        SupernodeGraph graph = new SupernodeGraph(
                "Texas ×−2",
                "Dallas is",
                nodes,
                List.of(new Edge("t", "a", 0.5)),
                "share",
                List.of(new Output("the", 0.25, 0.5)));
        assertThat(Display.text(graph)).isEqualTo("""
                Texas ×−2
                prompt: Dallas is
                row  supernode   state     activation  set
                  1  Say Austin  lowered   13 %
                  0  Texas       replaced              ×−2
                from      to   share
                t     ->  a   0.5000
                output  before  now
                the     25 %    50 %
                """);
        assertThat(Display.html(graph))
                .contains("alt=\"Supernode graph, Texas ×−2. Texas ×−2; Say Austin 13 %. Top outputs: the 50 %\"");
        assertThat(MapSceneTest.texts(SupernodeScene.of(graph))).contains("+25", "50 %");
        assertThat(Display.tikz(graph)).contains("{Say Austin}", "dash pattern", "{50 \\%}");
    }

    @Test
    void dropsTheWeightOfAnArrowFromWhatIsOff() {
        List<Node> nodes = List.of(
                new Node("t", "Texas", 0, State.OFF, Double.NaN, ""), new Node("a", "a", 1, State.ACTIVE, 1, ""));
        SupernodeGraph graph = new SupernodeGraph("", "", nodes, List.of(new Edge("t", "a", 0.5)), "share", List.of());
        assertThat(MapSceneTest.texts(SupernodeScene.of(graph))).doesNotContain("0.50");
    }

    @Test
    void refusesWhatIsNoGraph() {
        Node node = new Node("a", "a", 0, State.ACTIVE, 1, "");
        assertThatThrownBy(() -> new SupernodeGraph("", "", List.of(node, node), List.of(), "", List.of()))
                .hasMessageContaining("two nodes have the id 'a'");
        List<Edge> edge = List.of(new Edge("a", "b", 1));
        assertThatThrownBy(() -> new SupernodeGraph("", "", List.of(node), edge, "", List.of()))
                .hasMessageContaining("'a' -> 'b'");
    }
}
