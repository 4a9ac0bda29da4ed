package dev.ariadne.display;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.ariadne.view.View;
import dev.ariadne.view.View.HeatMap;
import dev.ariadne.view.View.Scale;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.StringReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.IntStream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tech.tablesaw.api.Table;

class DisplayTest {
    static List<View> all() {
        return Samples.all();
    }

    @ParameterizedTest
    @MethodSource("all")
    void paintsEveryView(View view) throws IOException {
        Scene scene = Scenes.of(view);
        BufferedImage image = ImageIO.read(new ByteArrayInputStream(Display.png(view)));
        assertThat(image.getWidth()).isEqualTo((int) (2 * scene.width()));
        assertThat(image.getHeight()).isEqualTo((int) (2 * scene.height()));
        assertThat(Display.text(view)).doesNotContain("\u0007", "\u001b", "\ud800 ", "\r");
    }

    @Test
    void paintsTheColorOfEachCell() throws IOException {
        HeatMap map =
                new HeatMap("", "", List.of("a"), "", List.of("b", "c"), new float[][] {{-1, 1}}, "", Scale.DIVERGING);
        Scene scene = MapScene.of(map);
        Scene.Picture cells = (Scene.Picture) scene.shapes().stream()
                .filter(Scene.Picture.class::isInstance)
                .findFirst()
                .orElseThrow();
        BufferedImage image = ImageIO.read(new ByteArrayInputStream(Display.png(map)));
        int y = (int) (2 * (cells.y() + 2));
        int left = image.getRGB((int) (2 * (cells.x() + 2)), y) & 0xFFFFFF;
        int right = image.getRGB((int) (2 * (cells.x() + cells.width() - 2)), y) & 0xFFFFFF;
        assertThat(left).isEqualTo(0x053061); // the blue end
        assertThat(right).isEqualTo(0x7F3B08); // the orange end
    }

    @Test
    void writesTheCellsAsAPngThatOthersRead() throws IOException {
        int[] palette = {0x102030, 0xFFFFFF, 0xBDBDBD};
        IndexedImage image = new IndexedImage(300, 300, palette); // more than one stored block
        for (int y = 0; y < 300; y++) {
            for (int x = 0; x < 300; x++) {
                image.set(x, y, (x + 2 * y) % 3);
            }
        }
        BufferedImage read = ImageIO.read(new ByteArrayInputStream(image.png()));
        for (int y = 0; y < 300; y++) {
            for (int x = 0; x < 300; x++) {
                assertThat(read.getRGB(x, y) & 0xFFFFFF).isEqualTo(palette[(x + 2 * y) % 3]);
            }
        }
    }

    @Test
    void writesTheSameNumbersInEveryLocale() {
        Locale before = Locale.getDefault();
        try {
            List<List<String>> outputs = new ArrayList<>();
            for (Locale locale : List.of(Locale.ROOT, Locale.GERMANY, Locale.forLanguageTag("ar-EG"))) {
                Locale.setDefault(locale);
                List<String> output = new ArrayList<>();
                for (View view : Samples.all()) {
                    output.add(Display.html(view));
                    output.add(Display.svg(view));
                    output.add(Display.text(view));
                }
                outputs.add(output);
            }
            assertThat(outputs.get(1)).isEqualTo(outputs.get(0));
            assertThat(outputs.get(2)).isEqualTo(outputs.get(0));
        } finally {
            Locale.setDefault(before);
        }
    }

    @Test
    void bundlesHtmlPictureAndText() throws IOException {
        View view = Samples.map(3, 3, Scale.DIVERGING);
        Map<String, String> bundle = Display.bundle(view);
        assertThat(bundle.keySet()).containsExactly("text/html", "image/png", "text/plain");
        byte[] png = Base64.getDecoder().decode(bundle.get("image/png"));
        assertThat(ImageIO.read(new ByteArrayInputStream(png)).getWidth())
                .isEqualTo((int) MapScene.of((HeatMap) view).width());
    }

    @Test
    void savesByTheEndingOfTheName(@TempDir Path folder) throws IOException {
        View view = new View.Text("Überschrift", "达拉斯");
        Display.save(view, folder.resolve("a.SVG"));
        Display.save(view, folder.resolve("a.html"));
        Display.save(view, folder.resolve("a.txt"));
        Display.save(view, folder.resolve("a.png"));
        Display.save(view, folder.resolve("a.png")); // replaces
        assertThat(folder.resolve("a.SVG")).hasContent(Display.svg(view));
        assertThat(folder.resolve("a.txt")).hasContent("Überschrift\n达拉斯\n");
        assertThat(folder.resolve("a.html")).content().contains("<meta charset=\"utf-8\"/>", "达拉斯");
        assertThat(folder.resolve("a.png")).hasBinaryContent(Display.png(view));
        try (var files = Files.list(folder)) {
            assertThat(files).as("no temporary file stays").hasSize(4);
        }
    }

    @Test
    void saysWhatItCannotSave(@TempDir Path folder) {
        View view = new View.Text("", "x");
        assertThatThrownBy(() -> Display.save(view, folder.resolve("a.gif")))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(
                        "a.gif: the name must end with .html, .svg, .png, .tikz, .txt, .json, .csv, .tex or .dot");
        assertThatThrownBy(() -> Display.save(view, folder.resolve("none").resolve("a.svg")))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("there is no folder");
        assertThat(folder).isEmptyDirectory();
    }

    @Test
    void anotherProgramReadsTheTableBack() {
        View table = new View.Table(
                "t", List.of("token", "logit"), List.of(List.of("a, \"b\"\nc", "1.5"), List.of("达拉斯", "-2")));
        Table read = Table.read().csv(new StringReader(Display.csv(table)));
        assertThat(read.columnNames()).containsExactly("token", "logit");
        assertThat(read.stringColumn("token").asList()).containsExactly("a, \"b\"\nc", "达拉斯");
        assertThat(read.doubleColumn("logit").asDoubleArray()).containsExactly(1.5, -2.0);
    }

    @Test
    void mapsKeepAllTheirDigits() {
        HeatMap map = Samples.map(3, 4, Scale.DIVERGING);
        Table read = Table.read().csv(new StringReader(Display.csv(map)));
        assertThat(IntStream.range(0, 3).mapToObj(row -> read.getUnformatted(row, 0)))
                .containsExactlyElementsOf(map.rows());
        for (int row = 0; row < 3; row++) {
            for (int column = 0; column < 4; column++) {
                assertThat(Float.parseFloat(read.getUnformatted(row, column + 1)))
                        .isEqualTo(map.value(row, column));
            }
        }
    }

    @Test
    void everyViewIsWrittenAsJsonWithAllItsDigits(@TempDir Path folder) throws IOException {
        for (View view : Samples.all()) {
            Display.save(view, folder.resolve("v.json"));
            JsonNode read = new ObjectMapper().readTree(folder.resolve("v.json").toFile());
            assertThat(read.path("view").asText()).isEqualTo(view.getClass().getSimpleName());
            byte[] title = view.title().getBytes(UTF_8); // half a character of UTF-16 is none
            assertThat(read.path("title").asText()).isEqualTo(new String(title, UTF_8));
            if (view instanceof View.Panels panels) {
                for (int i = 0; i < panels.panels().size(); i++) {
                    assertThat(read.path("panels").path(i).path("view").asText())
                            .isEqualTo(panels.panels().get(i).getClass().getSimpleName());
                }
            }
        }
        HeatMap map = Samples.map(3, 4, Scale.DIVERGING);
        JsonNode values = new ObjectMapper().readTree(Display.json(map)).path("values");
        for (int i = 0; i < 12; i++) {
            assertThat(values.path(i / 4).path(i % 4).floatValue()).isEqualTo(map.value(i / 4, i % 4));
        }
    }

    @Test
    void tablesBecomeTabulars(@TempDir Path folder) throws IOException {
        View table = new View.Table("t", List.of("p_%", "n"), List.of(List.of("a&b", "1"), List.of("{x}", "23")));
        Display.save(table, folder.resolve("t.tex"));
        assertThat(folder.resolve("t.tex")).hasContent("""
                \\begin{tabular}{lr}
                \\hline
                p\\_\\% & n \\\\
                \\hline
                a\\&b & 1 \\\\
                \\{x\\} & 23 \\\\
                \\hline
                \\end{tabular}
                """);
        assertThatThrownBy(() -> Display.csv(new View.Text("story", "x")))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("only tables and graphs are written as CSV, got a Text 'story'");
    }
}
