package dev.ariadne.attribution;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ariadne.attribution.GraphJson.Metadata;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

/** A folder of published graphs: one file each, and the list {@code graph-metadata.json}. */
final class GraphIndex {
    private static final String LIST = "graph-metadata.json";
    private static final Pattern SLUG = Pattern.compile("[A-Za-z0-9_-][A-Za-z0-9_.-]{0,199}");
    private static final long MOST_BYTES = 1 << 26;

    private GraphIndex() {}

    static Path publish(GraphJson graph, Path folder) throws IOException {
        String slug = graph.metadata().slug();
        if (!SLUG.matcher(slug).matches() || (slug + ".json").equals(LIST)) {
            throw new IllegalArgumentException("a published graph's slug is its file's name: at most 200 letters,"
                    + " digits, '_', '.' and '-', not a dot first, and not 'graph-metadata'; got '" + slug + "'");
        }
        List<ObjectNode> graphs = new ArrayList<>();
        boolean replaced = false;
        for (Metadata one : read(folder)) {
            boolean same = one.slug().equals(slug);
            graphs.add(GraphWriter.metadata(same ? graph.metadata() : one));
            replaced |= same;
        }
        if (!replaced) {
            graphs.add(GraphWriter.metadata(graph.metadata()));
        }
        Path file = folder.resolve(slug + ".json");
        graph.write(file);
        GraphWriter.writeList(graphs, folder.resolve(LIST));
        return file;
    }

    static List<Metadata> read(Path folder) throws IOException {
        Path file = folder.resolve(LIST);
        if (!Files.exists(file)) {
            return List.of();
        }
        if (Files.size(file) > MOST_BYTES) {
            throw new IOException(
                    file + " is no list of graphs: it has " + Files.size(file) + " bytes, at most " + MOST_BYTES);
        }
        try {
            JsonFields root = JsonFields.of(JsonFields.DOCUMENT.readTree(Files.readAllBytes(file)), "the file");
            List<Metadata> graphs = new ArrayList<>();
            for (JsonNode one : JsonFields.list(root.get("graphs"), "graphs")) {
                graphs.add(GraphReader.metadata(JsonFields.of(one, "graphs[" + graphs.size() + "]")));
            }
            return graphs;
        } catch (JacksonException | IllegalArgumentException e) {
            throw new IOException(
                    "cannot read the list of graphs " + file + ": " + e.getMessage() + "; repair or delete it", e);
        }
    }
}
