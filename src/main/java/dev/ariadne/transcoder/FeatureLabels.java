package dev.ariadne.transcoder;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.ariadne.view.WholeFile;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.Map;
import java.util.TreeMap;

/** Names of features, in a file {@code labels.json} beside transcoders: one object from "layer_index" to a name. */
public final class FeatureLabels {
    private static final String FILE = "labels.json";
    private static final long MOST_BYTES = 64 << 20;
    private static final int MOST_CHARACTERS = 1000;
    private static final ObjectMapper JSON = new ObjectMapper();

    private FeatureLabels() {}

    /**
     * Reads the names of a folder's features; none where there is no file.
     *
     * @return by layer_index, such as "1_207"
     * @throws IOException naming the file and what is wrong with it
     */
    public static Map<String, String> read(Path folder) throws IOException {
        Path file = folder.resolve(FILE);
        if (!Files.isRegularFile(file)) {
            return Map.of();
        }
        if (Files.size(file) > MOST_BYTES) {
            throw new IOException(file + ": it has " + Files.size(file) + " bytes; labels have at most " + MOST_BYTES);
        }
        return parse(file.toString(), Files.readAllBytes(file));
    }

    /** The names of the features of the transcoders that ship with the library for a model; none where there are none. */
    public static Map<String, String> embedded(String model) {
        String place = TranscoderSet.EMBEDDED + model + "/transcoders/" + FILE;
        try (InputStream in = FeatureLabels.class.getResourceAsStream(place)) {
            return in == null ? Map.of() : parse(place, in.readAllBytes());
        } catch (IOException e) {
            throw new UncheckedIOException(e.getMessage(), e);
        }
    }

    private static Map<String, String> parse(String place, byte[] text) throws IOException {
        JsonNode all;
        try {
            all = JSON.readTree(text);
        } catch (JsonProcessingException e) {
            throw new IOException(place + ": it is not JSON: " + e.getOriginalMessage(), e);
        }
        if (!all.isObject()) {
            throw new IOException(
                    place + ": labels are one object of names by layer_index, such as {\"1_207\": \"Texas\"}");
        }
        Map<String, String> labels = new TreeMap<>();
        for (Map.Entry<String, JsonNode> entry : all.properties()) {
            String label = entry.getValue().asText();
            if (!entry.getKey().matches("\\d{1,9}_\\d{1,9}")
                    || !entry.getValue().isTextual()
                    || label.length() > MOST_CHARACTERS) {
                throw new IOException(place + ": '" + entry.getKey() + "' has '"
                        + (label.length() > 80 ? label.substring(0, 80) + "…" : label)
                        + "'; a feature is written layer_index, and its name is a text of at most " + MOST_CHARACTERS
                        + " characters");
            }
            labels.put(entry.getKey(), label);
        }
        return Collections.unmodifiableMap(labels);
    }

    /** Writes names into a folder, in the order of their features. */
    public static void write(Map<String, String> labels, Path folder) throws IOException {
        StringBuilder lines = new StringBuilder("{");
        for (Map.Entry<String, String> label : inOrder(labels).entrySet()) {
            lines.append(lines.length() > 1 ? ",\n" : "\n")
                    .append(JSON.writeValueAsString(label.getKey()))
                    .append(": ")
                    .append(JSON.writeValueAsString(label.getValue()));
        }
        lines.append("\n}\n");
        WholeFile.write(folder.resolve(FILE), temporary -> Files.writeString(temporary, lines));
    }

    private static Map<String, String> inOrder(Map<String, String> labels) {
        Map<String, String> sorted = new TreeMap<>((a, b) -> {
            int layers = Integer.compare(number(a, 0), number(b, 0));
            return layers != 0 ? layers : Integer.compare(number(a, 1), number(b, 1));
        });
        sorted.putAll(labels);
        return sorted;
    }

    private static int number(String feature, int part) {
        return Integer.parseInt(feature.split("_", -1)[part]);
    }
}
