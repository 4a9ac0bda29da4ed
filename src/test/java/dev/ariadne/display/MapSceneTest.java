package dev.ariadne.display;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ariadne.display.Scene.Anchor;
import dev.ariadne.display.Scene.Words;
import dev.ariadne.view.View;
import dev.ariadne.view.View.HeatMap;
import dev.ariadne.view.View.Panels;
import dev.ariadne.view.View.Scale;
import java.awt.Font;
import java.awt.Shape;
import java.awt.font.FontRenderContext;
import java.awt.geom.AffineTransform;
import java.awt.geom.Area;
import java.awt.geom.Rectangle2D;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class MapSceneTest {
    @ParameterizedTest
    @CsvSource({"1,1", "1,64", "2,5", "12,12", "20,20", "24,64", "30,9", "30,12", "64,64", "100,200", "500,3"})
    void writesNoLabelOverAnother(int rows, int columns) {
        noneOverlap(MapScene.of(Samples.map(rows, columns, Scale.SEQUENTIAL)));
        HeatMap map = Samples.map(rows, columns, Scale.DIVERGING);
        noneOverlap(MapScene.of(new HeatMap(
                "A rather long title that has to be broken into lines when the grid below it is a narrow one",
                "destination position in the prompt",
                Samples.tokens(rows),
                "head",
                Samples.numbers(columns),
                map.values(),
                "logit(Austin) − logit(Sacramento), clean minus corrupted, mean over all prompts",
                Scale.DIVERGING)));
    }

    @ParameterizedTest
    @CsvSource({"1,8", "2,8", "3,20", "4,20", "9,30", "12,20", "13,5", "25,12"})
    void writesNoLabelOfPanelsOverAnother(int panels, int tokens) {
        HeatMap map = Samples.map(tokens, tokens, Scale.SEQUENTIAL);
        HeatMap named = new HeatMap(
                "head", "query", Samples.tokens(tokens), "key", map.columns(), map.values(), "p", Scale.SEQUENTIAL);
        noneOverlap(Scenes.of(new Panels("blocks.9.attn.hook_pattern", Collections.nCopies(panels, named))));
        List<View> mixed = new ArrayList<>(Collections.nCopies(panels, named));
        mixed.set(0, Samples.map(7, tokens, Scale.SEQUENTIAL)); // labels differ: each panel writes its own
        noneOverlap(MapScene.of("mixed", Scenes.maps(mixed)));
    }

    @Test
    void keepsEveryLabelOnTheCard() {
        for (int columns : new int[] {1, 4, 12, 40, 64}) {
            Scene scene = MapScene.of(Samples.map(6, columns, Scale.DIVERGING));
            Rectangle2D card = new Rectangle2D.Double(0, 0, scene.width(), scene.height());
            for (Words words : words(scene)) {
                assertThat(card.contains(box(words).getBounds2D()))
                        .as(words + " on " + card)
                        .isTrue();
            }
        }
    }

    @Test
    void printsValuesInFewCellsOnly() {
        assertThat(texts(MapScene.of(Samples.map(30, 12, Scale.DIVERGING))))
                .filteredOn(t -> t.matches("-?\\d\\.\\d\\d"))
                .hasSizeGreaterThanOrEqualTo(360);
        assertThat(texts(MapScene.of(Samples.map(13, 13, Scale.DIVERGING))))
                .filteredOn(t -> t.matches("-?\\d\\.\\d\\d"))
                .hasSize(2); // the ends of the color bar
    }

    @Test
    void writesTextsInsteadOfNumbers() {
        HeatMap map = Samples.map(4, 7, Scale.SEQUENTIAL).withTexts(Collections.nCopies(4, Samples.tokens(7)));
        Scene scene = MapScene.of(map);
        noneOverlap(scene);
        assertThat(texts(scene)).filteredOn("达拉斯首都"::equals).hasSizeGreaterThanOrEqualTo(4);
        assertThat(texts(scene)).filteredOn(t -> t.matches("0\\.\\d\\d")).hasSize(1); // the end of the color bar
        assertThat(texts(MapScene.of("two", List.of(map, Samples.map(4, 7, Scale.SEQUENTIAL)))))
                .filteredOn("达拉斯首都"::equals)
                .hasSizeLessThan(4);
        assertThat(texts(Scenes.of(new Panels("two", List.of(map, map)))))
                .as("each by itself, as small ones have no room")
                .filteredOn("达拉斯首都"::equals)
                .hasSizeGreaterThanOrEqualTo(8);
        HeatMap large = Samples.map(2, 65, Scale.SEQUENTIAL).withTexts(Collections.nCopies(2, Samples.tokens(65)));
        assertThat(texts(MapScene.of(large))).anyMatch(text -> text.contains("too many cells for their texts"));
    }

    @Test
    void sharesOneScaleAmongPanels() {
        HeatMap small = new HeatMap("", "", List.of("a"), "", List.of("b"), new float[][] {{1}}, "", Scale.SEQUENTIAL);
        HeatMap large = new HeatMap("", "", List.of("a"), "", List.of("b"), new float[][] {{4}}, "", Scale.SEQUENTIAL);
        Tint tint = Tint.of(List.of(small, large));
        assertThat(tint.max()).isEqualTo(4);
        assertThat(tint.step(1)).isEqualTo(64); // a quarter of 254, rounded
        assertThat(texts(Scenes.of(new Panels("two", List.of(small, large))))).contains("4.00");
    }

    @Test
    void saysWhatGrayAndClippedColorsMean() {
        HeatMap map = new HeatMap(
                "", "", List.of("a"), "", List.of("b", "c"), new float[][] {{Float.NaN, -1}}, "p", Scale.SEQUENTIAL);
        assertThat(texts(MapScene.of(map))).contains("color: p · gray: no value", "≤ 0");
    }

    @Test
    void underlinesWhatIsBelowZeroWhereNoNumberSaysIt() {
        float[][] values = new float[13][13];
        values[2][3] = -1;
        values[4][5] = -0.05f; // too pale to be told from zero
        values[6][7] = 1;
        HeatMap map = new HeatMap("", "", Samples.tokens(13), "", Samples.tokens(13), values, "", Scale.DIVERGING);
        assertThat(texts(MapScene.of(map))).contains("underlined: below zero");
        assertThat(lines(MapScene.of(map))).hasSize(1);
        assertThat(lines(Scenes.of(new Panels("two", List.of(map, map))))).hasSize(2);
        HeatMap small = Samples.map(5, 5, Scale.DIVERGING);
        assertThat(texts(MapScene.of(small)))
                .anyMatch(t -> t.matches("-\\d\\.\\d\\d"))
                .doesNotContain("underlined: below zero");
        assertThat(lines(MapScene.of(small))).isEmpty();
    }

    private static List<Scene.Box> lines(Scene scene) {
        return scene.shapes().stream()
                .filter(Scene.Box.class::isInstance)
                .map(Scene.Box.class::cast)
                .filter(box -> box.height() == 1)
                .toList();
    }

    @Test
    void writesLabelsOnceForPanelsThatShareThem() {
        HeatMap map = Samples.map(4, 4, Scale.SEQUENTIAL);
        Scene scene = Scenes.of(new Panels("", Collections.nCopies(4, map)));
        assertThat(texts(scene)).filteredOn("1"::equals).hasSize(1);
    }

    static void noneOverlap(Scene scene) {
        List<Words> words = words(scene);
        List<Area> areas = words.stream().map(w -> new Area(box(w))).toList();
        for (int i = 0; i < words.size(); i++) {
            for (int j = i + 1; j < words.size(); j++) {
                if (areas.get(i).getBounds2D().intersects(areas.get(j).getBounds2D())) {
                    Area common = new Area(areas.get(i));
                    common.intersect(areas.get(j));
                    assertThat(common.isEmpty())
                            .as(words.get(i) + " touches " + words.get(j))
                            .isTrue();
                }
            }
        }
    }

    /** Measures with a real, wide font, not with our own estimate. */
    static Shape box(Words words) {
        Font font = new Font(Font.SANS_SERIF, words.font().bold() ? Font.BOLD : Font.PLAIN, 12)
                .deriveFont((float) (words.font().size() * 0.95));
        double width = font.getStringBounds(words.text(), new FontRenderContext(null, true, true))
                .getWidth();
        double start = words.anchor() == Anchor.START ? 0 : words.anchor() == Anchor.END ? -width : -width / 2;
        double size = words.font().size();
        AffineTransform turn = AffineTransform.getTranslateInstance(words.x(), words.y());
        turn.rotate(Math.toRadians(words.angle()));
        return turn.createTransformedShape(new Rectangle2D.Double(start, -0.72 * size, width, 0.92 * size));
    }

    static List<Words> words(Scene scene) {
        return scene.shapes().stream()
                .filter(Words.class::isInstance)
                .map(Words.class::cast)
                .filter(w -> !w.text().isBlank())
                .toList();
    }

    static List<String> texts(Scene scene) {
        return words(scene).stream().map(Words::text).toList();
    }
}
