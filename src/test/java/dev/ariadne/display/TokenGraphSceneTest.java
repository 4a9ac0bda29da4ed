package dev.ariadne.display;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ariadne.display.Scene.Area;
import dev.ariadne.display.Scene.Curve;
import dev.ariadne.display.Scene.Words;
import dev.ariadne.view.TokenGraph;
import dev.ariadne.view.TokenGraph.Marks;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TokenGraphSceneTest {
    @ParameterizedTest
    @ValueSource(ints = {1, 12, 300, 3_000})
    void noNodeLiesOverAnotherOrOutsideItsCell(int size) {
        TokenGraph graph = TokenGraphs.random(size, size < 100 ? 3 : 20, 9, size);
        TokenGraphLayout layout = TokenGraphLayout.of(graph, 1.5);
        double r = layout.radius();
        List<String> wrong = new ArrayList<>();
        for (int i = 0; i < size; i++) {
            TokenGraph.Node node = graph.nodes().get(i);
            double x = layout.x().get(i);
            double y = layout.y().get(i);
            var column = layout.columns().get(node.column());
            var row = layout.rows().get(node.row());
            if (x - r < column.start() || x + r > column.end() || y - r < row.start() || y + r > row.end()) {
                wrong.add(i + " outside its cell");
            }
            for (int j = 0; j < i; j++) {
                if (Math.abs(x - layout.x().get(j)) < 2 * r
                        && Math.abs(y - layout.y().get(j)) < 2 * r) {
                    wrong.add(i + " over " + j);
                }
            }
        }
        assertThat(wrong).isEmpty();
        for (int i = 1; i < layout.rows().size(); i++) {
            assertThat(layout.rows().get(i).end())
                    .as("a higher layer stands higher")
                    .isLessThanOrEqualTo(layout.rows().get(i - 1).start() + 1e-9);
        }
    }

    @Test
    void thousandsOfNodesMakeAPictureOfTheShapeAskedFor() {
        TokenGraphLayout layout = TokenGraphLayout.of(TokenGraphs.random(5_000, 26, 11, 1), 1.5);
        assertThat(layout.width() / layout.height()).isBetween(1.2, 2.0);
    }

    @Test
    void drawsSignsAsDashesAndKindsAsShapes() {
        Scene scene = TokenGraphScene.of(TokenGraphs.small());
        List<Curve> curves = scene.shapes().stream()
                .filter(Curve.class::isInstance)
                .map(Curve.class::cast)
                .toList();
        assertThat(curves).hasSize(5);
        assertThat(curves).filteredOn(Curve::dashed).hasSize(1);
        assertThat(curves.get(4).dashed()).as("the strongest, -3, lies on top").isTrue();
        assertThat(curves.get(4).width()).isGreaterThan(2 * curves.get(0).width());
        assertThat(scene.shapes().stream().filter(Area.class::isInstance))
                .as("two features, and one in the legend")
                .hasSize(3);
        assertThat(scene.shapes().stream().filter(Words.class::isInstance).map(shape -> ((Words) shape).text()))
                .as("the reader's label stands for the node's own")
                .contains("capital & state")
                .doesNotContain("Texas");
    }

    @Test
    void textCannotBecomeMarkup() {
        String svg = Display.svg(TokenGraphs.small());
        assertThat(svg).doesNotContain("<script").doesNotContain("<img").contains("&lt;/script&gt;");
        assertThat(svg).isEqualTo(Display.svg(TokenGraphs.small()));
        String text = Display.text(TokenGraphs.small());
        assertThat(text)
                .contains("2 tokens", "2 features", "1 output", "5 links", "-3")
                .doesNotContain("\u202E");
        assertThat(text.indexOf("-3.000")).as("strongest first").isLessThan(text.indexOf("+2.000"));
    }

    @Test
    void aGraphWithoutNodesIsAPictureToo() {
        TokenGraph none =
                new TokenGraph("", "k", List.of(), List.of("tokens"), List.of(), List.of(), Marks.NONE, Map.of());
        assertThat(Display.svg(none)).startsWith("<svg");
        assertThat(Display.png(none)).isNotEmpty();
        assertThat(Display.html(none)).contains("iframe");
        assertThat(Display.text(none)).contains("0 links");
    }
}
