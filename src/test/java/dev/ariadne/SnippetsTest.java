package dev.ariadne;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ariadne.model.HookedTransformer;
import dev.ariadne.model.RealModels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/**
 * Every snippet of README, docs and Javadoc compiles and runs, as the cells of a notebook do. What stands before one of Javadoc's ("a model,
 * a task") is in contexts.jsh, under the name of its class; in a page, under the page's name, nothing but what one snippet leaves to the next.
 */
public class SnippetsTest {
    private static final Pattern JAVADOC = Pattern.compile("<pre>\\{@code\\n(.*?)\\n *\\* *\\}</pre>", Pattern.DOTALL);
    private static final Pattern MARKDOWN = Pattern.compile("```java\\n(.*?)```", Pattern.DOTALL);

    @TempDir
    Path folder;

    /** For contexts of snippets about a real model. */
    public static HookedTransformer smolLm2() {
        return HookedTransformer.load(RealModels.smolLm2().toString(), "cpu");
    }

    @TestFactory
    Stream<DynamicTest> javadoc() throws IOException {
        Map<String, String> contexts = contexts();
        return sources()
                .map(SnippetsTest::read)
                .flatMap(source -> JAVADOC.matcher(source.text()).results().map(found -> {
                    String code = found.group(1).replaceAll("(?m)^ *\\* ?", "");
                    assertThat(contexts)
                            .as("contexts.jsh, or a snippet that needs none")
                            .containsKey(source.name());
                    return test(
                            source.name() + ": " + code.lines().findFirst().orElse(""),
                            contexts.getOrDefault(source.name(), ""),
                            code);
                }));
    }

    @TestFactory
    Stream<DynamicTest> pages() throws IOException {
        Map<String, String> contexts = contexts();
        return Stream.concat(Stream.of(Path.of("README.md")), files(Path.of("docs"), ".md"))
                .map(SnippetsTest::read)
                .filter(page -> MARKDOWN.matcher(page.text()).find())
                .map(page -> {
                    String code = MARKDOWN.matcher(page.text())
                            .results()
                            .map(found -> found.group(1))
                            .collect(Collectors.joining("\n"));
                    return test(page.name(), contexts.getOrDefault(page.name(), ""), code);
                });
    }

    private DynamicTest test(String name, String context, String code) {
        return DynamicTest.dynamicTest(name, () -> {
            if ((context + code).contains("smolLm2()") || code.contains("smollm2-135m")) {
                RealModels.smolLm2(); // or skipped
            }
            try (Cells cells = new Cells(context.isEmpty() ? Cells.KERNEL : everything())) {
                Path own = Files.createTempDirectory(folder, "snippet");
                run(cells, context, own);
                run(cells, code, own);
            }
        });
    }

    /** Files are read and written in a folder of the test's own; magics are not Java; what runs for hours is only compiled. */
    private static void run(Cells cells, String code, Path own) {
        String here = "java.nio.file.Path.of(\"" + own + "\").resolve(";
        cells.run(code.replaceAll("(?m)^%.*$", "")
                .replaceAll("(?:java\\.nio\\.file\\.)?Path\\.of\\(", Matcher.quoteReplacement(here)));
    }

    private static List<String> everything() throws IOException {
        return Stream.concat(
                        Stream.concat(
                                Cells.KERNEL.stream(),
                                Stream.of("java.nio.file.*", "ai.djl.ndarray.*", "ai.djl.ndarray.index.*")),
                        sources()
                                .map(path -> path.toString()
                                        .replaceAll(".*src.main.java.|.\\w+(-\\w+)?\\.java$", "")
                                        .replaceAll("[/\\\\]", "."))
                                .distinct()
                                .map(name -> name + ".*"))
                .toList();
    }

    private static Stream<Path> sources() throws IOException {
        return files(Path.of("src/main/java"), ".java");
    }

    private static Stream<Path> files(Path root, String end) throws IOException {
        try (Stream<Path> files = Files.walk(root)) {
            return files.filter(file -> file.toString().endsWith(end)).sorted().toList().stream();
        }
    }

    private record Page(String name, String text) {}

    private static Page read(Path file) {
        try {
            return new Page(file.getFileName().toString().replaceFirst("\\.java$", ""), Files.readString(file));
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    /** From a line "/// Name, Other" to the next such line. */
    private static Map<String, String> contexts() throws IOException {
        Map<String, String> contexts = new LinkedHashMap<>();
        for (String section : Files.readString(Path.of("src/test/resources/snippets/contexts.jsh"))
                .split("(?m)^/// ", -1)) {
            String[] parts = section.split("\\n", 2);
            for (String name : parts[0].split(", ", -1)) {
                contexts.put(name.strip(), parts.length > 1 ? parts[1] : "");
            }
        }
        return contexts;
    }
}
