package dev.ariadne.notebook;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The notebooks as they are committed: short cells, outputs present, nothing in them that belongs to one machine or one run. */
class NotebookFilesTest {
    private static final int LONGEST_CELL = 12; // lines
    private static final int MEDIAN_CELL = 4;
    private static final Pattern IDENTITY_HASH = Pattern.compile("@[0-9a-f]{6,8}\\b");
    private static final Pattern ABSOLUTE_PATH =
            Pattern.compile("(?<![\\w.~/])/(home|root|tmp|Users|usr|opt|var|work|mnt)/|\\b[A-Z]:\\\\");
    private static final Pattern EMBEDDED_PICTURE = Pattern.compile("data:image/[a-z+]+;base64,[A-Za-z0-9+/=]+");

    static List<NotebookFile> notebooks() throws IOException {
        return NotebookFile.all();
    }

    @Test
    void areAllThere() throws IOException {
        assertThat(notebooks())
                .extracting(NotebookFile::toString)
                .contains("notebooks/quickstart.ipynb", "notebooks/causal-trace.ipynb", "notebooks/head-zoo.ipynb");
    }

    @ParameterizedTest
    @MethodSource("notebooks")
    void loadTheCurrentVersionInTheirFirstCell(NotebookFile notebook) throws IOException {
        String first = NotebookFile.source(notebook.codeCells().get(0));
        assertThat(first.lines().findFirst()).hasValue(NotebookFile.mavenLine());
    }

    @ParameterizedTest
    @MethodSource("notebooks")
    void runInAnyJavaKernel(NotebookFile notebook) {
        JsonNode kernel = notebook.root().path("metadata").path("kernelspec");
        assertThat(kernel.path("name").asText()).isEqualTo("java"); // the id of both kernels
        assertThat(kernel.path("display_name").asText()).isEqualTo("Java");
        assertThat(kernel.path("language").asText()).isEqualTo("java");
    }

    @ParameterizedTest
    @MethodSource("notebooks")
    void sayOneThingPerCell(NotebookFile notebook) {
        List<Integer> lines = new ArrayList<>();
        for (JsonNode cell : notebook.codeCells()) {
            String source = NotebookFile.source(cell);
            lines.add((int) source.lines().count());
            assertThat(lines.get(lines.size() - 1)).as(source).isBetween(1, LONGEST_CELL);
            assertThat(source).doesNotContainPattern("(?m)^[\\w<>\\[\\]]+ \\w+\\([^()]*\\) *\\{"); // a method
            assertThat(source).doesNotContainPattern("(?m)^\\s*(static|public|private|void|record|class|interface)\\s");
        }
        lines.sort(null);
        assertThat(lines.get(lines.size() / 2)).as("median of %s", lines).isLessThanOrEqualTo(MEDIAN_CELL);
    }

    @ParameterizedTest
    @MethodSource("notebooks")
    void explainEveryStep(NotebookFile notebook) {
        List<String> kinds = notebook.cells().stream()
                .map(cell -> cell.path("cell_type").asText())
                .toList();
        assertThat(kinds.get(0)).isEqualTo("markdown");
        assertThat(String.join(" ", kinds)).as("code without a word in between").doesNotContain("code code");
    }

    @ParameterizedTest
    @MethodSource("notebooks")
    void areCommittedWithTheOutputsOfOneCleanRun(NotebookFile notebook) {
        int count = 0;
        int outputs = 0;
        for (JsonNode cell : notebook.codeCells()) {
            assertThat(cell.path("execution_count").asInt())
                    .as(NotebookFile.source(cell))
                    .isEqualTo(++count);
            for (JsonNode output : cell.path("outputs")) {
                outputs++;
                assertThat(output.path("output_type").asText())
                        .as(NotebookFile.source(cell))
                        .isIn("execute_result", "display_data", "stream");
                assertThat(output.path("name").asText()).isNotEqualTo("stderr");
            }
        }
        assertThat(outputs).isGreaterThanOrEqualTo(count / 2);
    }

    @ParameterizedTest
    @MethodSource("notebooks")
    void holdNothingOfOneMachineOrOneRun(NotebookFile notebook) {
        for (String text : texts(notebook.root(), new ArrayList<>())) {
            String plain = EMBEDDED_PICTURE.matcher(text).replaceAll("");
            assertThat(plain).doesNotContainPattern(IDENTITY_HASH).doesNotContainPattern(ABSOLUTE_PATH);
        }
    }

    @Test
    void wouldNotMissAHashOrAPath() {
        assertThat("XYChart@1eeb8af3").containsPattern(IDENTITY_HASH);
        assertThat("/home/jovyan/x.gguf").containsPattern(ABSOLUTE_PATH);
        assertThat("in target/notebooks/ of ~/.cache").doesNotContainPattern(ABSOLUTE_PATH);
    }

    /** Every text of the file, but for the bytes of pictures. */
    private static List<String> texts(JsonNode node, List<String> found) {
        if (node.isTextual()) {
            found.add(node.asText());
        } else if (node.isObject()) {
            node.properties().forEach(field -> {
                if (!field.getKey().equals("image/png")) {
                    texts(field.getValue(), found);
                }
            });
        } else {
            node.forEach(child -> texts(child, found));
        }
        return found;
    }
}
