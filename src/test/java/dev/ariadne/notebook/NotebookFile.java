package dev.ariadne.notebook;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;

/** A notebook of this project, as its JSON. */
record NotebookFile(Path path, JsonNode root) {
    static final Path FOLDER = Path.of("notebooks");

    static NotebookFile read(Path path) throws IOException {
        return new NotebookFile(path, new ObjectMapper().readTree(path.toFile()));
    }

    static List<NotebookFile> all() throws IOException {
        try (Stream<Path> files = Files.list(FOLDER)) {
            List<Path> paths = files.filter(file -> file.toString().endsWith(".ipynb"))
                    .sorted()
                    .toList();
            return List.of(paths.stream().map(NotebookFile::checked).toArray(NotebookFile[]::new));
        }
    }

    private static NotebookFile checked(Path path) {
        try {
            return read(path);
        } catch (IOException e) {
            throw new AssertionError(path + " cannot be read: " + e.getMessage(), e);
        }
    }

    /** The line that the first cell of every notebook must have. */
    static String mavenLine() throws IOException {
        Matcher version = Pattern.compile("<artifactId>ariadne</artifactId>\\s*<version>([^<]+)</version>")
                .matcher(Files.readString(Path.of("pom.xml")));
        if (!version.find()) {
            throw new AssertionError("pom.xml has no version after <artifactId>ariadne</artifactId>");
        }
        return "%maven dev.ariadne:ariadne:" + version.group(1);
    }

    List<JsonNode> cells() {
        return StreamSupport.stream(root.path("cells").spliterator(), false).toList();
    }

    List<JsonNode> codeCells() {
        return cells().stream()
                .filter(cell -> cell.path("cell_type").asText().equals("code"))
                .toList();
    }

    static String source(JsonNode cell) {
        return text(cell.path("source"));
    }

    /** A text that a notebook stores as one string or as its lines. */
    static String text(JsonNode node) {
        return node.isArray()
                ? StreamSupport.stream(node.spliterator(), false)
                        .map(JsonNode::asText)
                        .collect(Collectors.joining())
                : node.asText();
    }

    @Override
    public String toString() {
        return path.toString();
    }
}
