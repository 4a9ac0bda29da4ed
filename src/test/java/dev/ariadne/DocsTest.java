package dev.ariadne;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The table of equivalents names tests that exist and methods that exist. */
class DocsTest {
    private static final Pattern CODE = Pattern.compile("`([^`]+)`");
    private static final Pattern CALL = Pattern.compile("\\b([a-z][A-Za-z]+)\\(");

    @Test
    void everyRowNamesATestThatExists() throws IOException {
        Set<String> known = classes(Path.of("src/test/java"), Path.of("src/main/java/dev/ariadne/cli"));
        for (String[] row : rows()) {
            assertThat(row[2].split(", ")).as(row[0]).isSubsetOf(known);
        }
    }

    @Test
    void everyMethodNamedIsPublicSomewhere() throws IOException {
        String sources = text(Path.of("src/main/java/dev/ariadne"));
        for (String[] row : rows()) {
            Matcher code = CODE.matcher(row[1]);
            while (code.find()) {
                Matcher call = CALL.matcher(code.group(1));
                while (call.find()) {
                    assertThat(sources).as(row[1]).containsPattern("\\b" + call.group(1) + "\\(");
                }
            }
        }
    }

    /** The rows of three columns: there, here, shown by. */
    private static List<String[]> rows() throws IOException {
        List<String[]> rows = new ArrayList<>();
        for (String line : Files.readAllLines(Path.of("docs/transformerlens.md"))) {
            String[] cells =
                    line.replaceFirst("^\\| ", "").replaceFirst(" \\|$", "").split(" \\| ", -1);
            if (line.startsWith("| ") && cells.length == 3 && !cells[2].equals("shown by")) {
                rows.add(cells);
            }
        }
        assertThat(rows).hasSizeGreaterThan(35);
        return rows;
    }

    private static Set<String> classes(Path... roots) throws IOException {
        List<Path> all = new ArrayList<>();
        for (Path root : roots) {
            try (Stream<Path> files = Files.walk(root)) {
                files.forEach(all::add);
            }
        }
        return all.stream()
                .map(path -> path.getFileName().toString())
                .filter(name -> name.endsWith(".java"))
                .map(name -> name.replace(".java", ""))
                .collect(Collectors.toSet());
    }

    private static String text(Path root) throws IOException {
        StringBuilder all = new StringBuilder();
        try (Stream<Path> files = Files.walk(root)) {
            for (Path file : files.filter(f -> f.toString().endsWith(".java")).toList()) {
                all.append(Files.readString(file));
            }
        }
        return all.toString();
    }
}
