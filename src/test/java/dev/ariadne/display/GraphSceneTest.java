package dev.ariadne.display;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ariadne.display.Scene.Area;
import dev.ariadne.display.Scene.Box;
import dev.ariadne.display.Scene.Curve;
import dev.ariadne.display.Scene.Words;
import dev.ariadne.view.View.Graph;
import java.awt.geom.PathIterator;
import java.awt.geom.Rectangle2D;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class GraphSceneTest {
    @ParameterizedTest
    @CsvSource({"2,1", "12,16", "50,90", "200,30", "60,300"})
    void noBoxLiesOnAnotherAndNoArrowRunsThroughOne(int heads, int arrows) {
        Scene scene = GraphScene.of(Samples.graph(heads, arrows));
        List<Rectangle2D> boxes = boxes(scene);
        assertThat(boxes).hasSize(heads);
        for (int i = 0; i < heads; i++) {
            for (int j = i + 1; j < heads; j++) {
                assertThat(boxes.get(i).intersects(boxes.get(j))).isFalse();
            }
        }
        assertThat(shapes(scene, Curve.class)).hasSize(arrows);
        for (Curve curve : shapes(scene, Curve.class)) {
            for (double[] point : points(curve)) {
                assertThat(boxes).noneMatch(box -> box.contains(point[0], point[1]));
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"2,1", "12,16", "12,25", "50,90"})
    void writesNothingOverAnotherAndAllOnTheCard(int heads, int arrows) {
        Scene scene = GraphScene.of(Samples.graph(heads, arrows));
        MapSceneTest.noneOverlap(scene);
        Rectangle2D card = new Rectangle2D.Double(0, 0, scene.width(), scene.height());
        for (Words words : MapSceneTest.words(scene)) {
            assertThat(card.contains(MapSceneTest.box(words).getBounds2D()))
                    .as(words.toString())
                    .isTrue();
        }
        for (Curve curve : shapes(scene, Curve.class)) {
            assertThat(points(curve)).allMatch(point -> card.contains(point[0], point[1]));
        }
    }

    /** One arrow of each direction: to a lower row, to a higher one, within a row. */
    @Test
    void arrowHeadsTouchTheBoxTheyPointAt() {
        List<Graph.Node> nodes = List.of(
                new Graph.Node("a", "a", 0, 1, Double.NaN),
                new Graph.Node("b", "b", 0, 0, Double.NaN),
                new Graph.Node("c", "c", 2, 0, Double.NaN));
        for (String[] ends : new String[][] {{"a", "c"}, {"c", "a"}, {"a", "b"}}) {
            List<Graph.Edge> edge = List.of(new Graph.Edge(ends[0], ends[1], 1));
            Scene scene = GraphScene.of(new Graph("", "", List.of("0", "1", "2"), nodes, "", edge, ""));
            Rectangle2D target = boxOf(scene, ends[1]);
            Area head = shapes(scene, Area.class).get(0);
            double y = head.points().get(1);
            assertThat(head.points().get(0)).isBetween(target.getMinX(), target.getMaxX());
            assertThat(y).isEqualTo(ends[1].equals("c") || ends[0].equals("a") ? target.getMinY() : target.getMaxY());
            assertThat(Math.abs(head.points().get(3) - y)).isBetween(5.0, 15.0);
            List<double[]> line = points(shapes(scene, Curve.class).get(0));
            Rectangle2D source = boxOf(scene, ends[0]);
            assertThat(line.get(0)[0]).isBetween(source.getMinX(), source.getMaxX());
            assertThat(line.get(line.size() - 1)[1])
                    .as("ends at the head's base")
                    .isEqualTo(head.points().get(3));
        }
    }

    @Test
    void tellsTheSignByDashesTheStrengthByWidthAndAllInNumbers() {
        List<Graph.Node> nodes = List.of(new Graph.Node("a", "a", 0, 0, 0.5), new Graph.Node("b", "b", 1, 0, -0.25));
        List<Graph.Edge> edges = List.of(new Graph.Edge("a", "b", 2), new Graph.Edge("b", "a", -1));
        Graph graph = new Graph("t", "layer", List.of("L0", "L1"), nodes, "score", edges, "composition");
        Scene scene = GraphScene.of(graph);
        List<Curve> curves = shapes(scene, Curve.class); // the weakest first
        assertThat(curves).extracting(Curve::dashed).containsExactly(true, false);
        assertThat(curves.get(1).width()).isEqualTo(2 * curves.get(0).width());
        assertThat(MapSceneTest.texts(scene))
                .contains("0.50", "-0.25", "2.00", "-1.00", "L0", "L1", "layer ↓")
                .anyMatch(text -> text.contains("dashed (orange) below"));
        assertThat(SvgWriter.write(scene)).containsOnlyOnce("stroke-dasharray");
        assertThat(Display.text(graph)).isEqualTo("""
                        t
                        layer  node  label    score
                        L0     a             0.5000
                        L1     b            -0.2500
                        from      to  composition
                        a     ->  b         2.000
                        b     ->  a        -1.000
                        """);
    }

    @Test
    void drawsTheSameEveryTime() {
        Graph graph = Samples.graph(50, 90);
        assertThat(Display.svg(graph)).isEqualTo(Display.svg(Samples.graph(50, 90)));
        assertThat(Display.html(graph))
                .contains("composition: 50 nodes, 90 edges")
                .contains("max-width:none");
    }

    @Test
    void drawsTheStrongestOfTooManyArrows() {
        Graph graph = Samples.graph(60, 1000);
        Scene scene = GraphScene.of(graph);
        assertThat(shapes(scene, Curve.class)).hasSize(300);
        assertThat(MapSceneTest.texts(scene)).anyMatch(text -> text.contains("strongest 300 of 1000 arrows"));
        double thickest = shapes(scene, Curve.class).stream()
                .mapToDouble(Curve::width)
                .max()
                .orElseThrow();
        assertThat(thickest).isEqualTo(4);
    }

    private static Rectangle2D boxOf(Scene scene, String label) {
        Words words = MapSceneTest.words(scene).stream()
                .filter(w -> w.text().equals(label))
                .findFirst()
                .orElseThrow();
        return boxes(scene).stream()
                .filter(box -> box.contains(words.x(), words.y()))
                .findFirst()
                .orElseThrow();
    }

    /** The frames: their inner fill is a second box. */
    private static List<Rectangle2D> boxes(Scene scene) {
        return shapes(scene, Box.class).stream()
                .filter(box -> box.rgb() == Scene.FAINT)
                .map(box -> (Rectangle2D) new Rectangle2D.Double(box.x(), box.y(), box.width(), box.height()))
                .toList();
    }

    private static <T> List<T> shapes(Scene scene, Class<T> kind) {
        return scene.shapes().stream().filter(kind::isInstance).map(kind::cast).toList();
    }

    private static List<double[]> points(Curve curve) {
        List<double[]> points = new ArrayList<>();
        double[] at = new double[6];
        for (PathIterator it = ScenePainter.path(curve).getPathIterator(null, 0.05); !it.isDone(); it.next()) {
            it.currentSegment(at);
            points.add(at.clone());
        }
        return points;
    }
}
