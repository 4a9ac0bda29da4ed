package dev.ariadne.attribution;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ariadne.attribution.GraphJson.Kind;
import dev.ariadne.attribution.GraphJson.Link;
import dev.ariadne.attribution.GraphJson.Metadata;
import dev.ariadne.attribution.GraphJson.Node;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Reads a graph node by node and link by link: a published one has up to 100 MB, and as a tree would take ten times that. */
final class GraphReader {
    private static final long MOST_BYTES = 1L << 29;
    private static final int MOST_LAYERS = 100_000;
    private static final Set<String> METADATA =
            Set.of("slug", "scan", "transcoder_list", "prompt_tokens", "prompt", "node_threshold", "schema_version");
    /** What a node's record holds; other fields that differ from what the writer would write are kept beside it. */
    private static final Set<String> NODE = Set.of(
            "node_id",
            "feature",
            "layer",
            "ctx_idx",
            "feature_type",
            "token_prob",
            "is_target_logit",
            "clerp",
            "influence",
            "activation");

    private static final Set<String> PARTS = Set.of("metadata", "qParams", "nodes", "links");
    /** Under this name, how many links of a feature could be those of an error that had the same id. */
    private static final String DOUBTFUL = "doubtful_links";

    private static final Pattern TOKEN_ID = Pattern.compile("E_(\\d{1,18})_\\d+");
    private static final Map<String, Kind> KINDS =
            Arrays.stream(Kind.values()).collect(Collectors.toMap(Kind::type, kind -> kind));

    private final Path file;
    private final List<Node> nodes = new ArrayList<>();
    private final List<Link> links = new ArrayList<>(); // with the ids of the file
    private final Map<String, String> ids = new HashMap<>(); // one object for each text
    private final Map<String, Node> renamed = new HashMap<>(); // by the id in the file
    private final Map<String, @Nullable Object> more = new LinkedHashMap<>();
    private final Set<String> seen = new HashSet<>();
    private @Nullable Metadata metadata;
    private Annotations annotations = Annotations.NONE;
    private boolean old;

    private GraphReader(Path file) {
        this.file = file;
    }

    static GraphJson read(Path file) throws IOException {
        long size = Files.size(file);
        if (size > MOST_BYTES) {
            throw new IOException(file + " is no graph: it has " + size + " bytes, and a graph at most " + MOST_BYTES);
        }
        try (JsonParser json = JsonFields.JSON.createParser(file.toFile())) {
            return new GraphReader(file).graph(json);
        } catch (JacksonException | IllegalArgumentException | ArithmeticException e) {
            throw new IOException("cannot read a graph from " + file + ": " + e.getMessage(), e);
        }
    }

    private GraphJson graph(JsonParser json) throws IOException {
        if (json.nextToken() != JsonToken.START_OBJECT) {
            throw new IllegalArgumentException("a graph is an object with metadata, qParams, nodes and links");
        }
        while (json.nextToken() == JsonToken.FIELD_NAME) {
            String name = json.currentName();
            if (!seen.add(name)) {
                throw new IllegalArgumentException("'" + name + "' is there twice");
            }
            json.nextToken();
            field(name, json);
        }
        if (json.nextToken() != null) {
            throw new IllegalArgumentException("something follows the graph, at " + json.currentTokenLocation());
        }
        if (metadata == null || !seen.containsAll(PARTS)) {
            throw new IllegalArgumentException("a graph has " + PARTS + ", this one only " + seen);
        }
        OldIds old = new OldIds(nodes, renamed);
        List<Link> joined = old.links(links);
        if (old.doubtful() > 0) {
            more.put(DOUBTFUL, old.doubtful());
        }
        return new GraphJson(metadata, annotations.renamed(old::renamed), nodes, joined, more);
    }

    private void field(String name, JsonParser json) throws IOException {
        switch (name) {
            case "metadata" -> {
                JsonFields fields = JsonFields.of(json.readValueAsTree(), "metadata");
                metadata = metadata(fields);
                old = old(fields);
            }
            case "qParams" -> annotations = AnnotationFields.read(JsonFields.of(json.readValueAsTree(), "qParams"));
            case "nodes" -> {
                if (metadata == null) {
                    old = old(first(file));
                }
                each("nodes", json, this::node);
            }
            case "links" -> each("links", json, this::link);
            default -> more.put(name, JsonFields.plain(json.readValueAsTree(), name));
        }
    }

    private static void each(String name, JsonParser json, Consumer<JsonFields> part) throws IOException {
        if (json.currentToken() != JsonToken.START_ARRAY) {
            throw new IllegalArgumentException("'" + name + "' must be a list, got " + json.currentToken());
        }
        for (int i = 0; json.nextToken() != JsonToken.END_ARRAY; i++) {
            part.accept(JsonFields.of(json.readValueAsTree(), name + "[" + i + "]"));
        }
    }

    /** Looks for the metadata of a file in which nodes come first. */
    private static JsonFields first(Path file) throws IOException {
        try (JsonParser json = JsonFields.JSON.createParser(file.toFile())) {
            json.nextToken();
            while (json.nextToken() == JsonToken.FIELD_NAME) {
                boolean found = json.currentName().equals("metadata");
                json.nextToken();
                if (found) {
                    return JsonFields.of(json.readValueAsTree(), "metadata");
                }
                json.skipChildren();
            }
        }
        throw new IllegalArgumentException("'metadata' is missing");
    }

    private static boolean old(JsonFields metadata) {
        return !metadata.has("schema_version") || metadata.whole("schema_version", 0, 1) == 0;
    }

    static Metadata metadata(JsonFields from) {
        old(from); // refuses versions to come
        return new Metadata(
                from.text("slug"),
                from.text("scan"),
                from.has("transcoder_list") ? from.texts("transcoder_list") : List.of(),
                from.texts("prompt_tokens"),
                from.text("prompt"),
                from.numberOrNone("node_threshold"),
                from.more(METADATA));
    }

    private void node(JsonFields from) {
        String type = from.text("feature_type");
        Kind kind = KINDS.get(type);
        if (kind == null) {
            throw new IllegalArgumentException("'" + from.path() + "feature_type' must be one of "
                    + KINDS.keySet().stream().sorted().toList() + ", got '" + type + "'");
        }
        String original = unique(from.text("node_id"));
        int layer = layer(from, kind);
        int position = (int) from.whole("ctx_idx", 0, Integer.MAX_VALUE);
        long index = index(from, kind, layer);
        String id = original;
        if (kind.isError() && !original.startsWith("error_")) {
            id = (kind == Kind.ERROR ? "error_" : "error_lorsa_") + layer + "_" + position;
        } else if (kind == Kind.FEATURE && original.equals(oldId(layer, index, position))) {
            id = layer + "_" + index + "_" + position;
        }
        Node node = new Node(
                unique(id),
                kind,
                layer,
                position,
                index,
                from.has("clerp") ? from.text("clerp") : "",
                from.has("token_prob") ? from.number("token_prob") : 0,
                from.flag("is_target_logit"),
                from.numberOrNone("influence"),
                from.numberOrNone("activation"),
                Map.of());
        nodes.add(kept(node, from));
        if (!id.equals(original) && renamed.put(original, node) != null) {
            throw new IllegalArgumentException("two nodes have the id '" + original + "'; ids must differ");
        }
    }

    /** The node with what the file says beyond it. */
    private static Node kept(Node node, JsonFields from) {
        ObjectNode written = GraphWriter.node(node);
        Map<String, @Nullable Object> more = from.more(NODE);
        more.keySet().removeIf(name -> from.node().get(name).equals(written.get(name)));
        if (more.isEmpty()) {
            return node;
        }
        return new Node(
                node.id(),
                node.kind(),
                node.layer(),
                node.position(),
                node.index(),
                node.label(),
                node.probability(),
                node.target(),
                node.influence(),
                node.activation(),
                more);
    }

    private static int layer(JsonFields from, Kind kind) {
        if (kind == Kind.TOKEN) {
            return -1;
        }
        JsonNode layer = from.get("layer");
        if (layer.isTextual() && layer.textValue().matches("\\d{1,6}")) {
            return Integer.parseInt(layer.textValue());
        }
        return (int) from.whole("layer", 0, MOST_LAYERS);
    }

    private long index(JsonFields from, Kind kind, int layer) {
        if (kind == Kind.TOKEN) {
            Matcher id = TOKEN_ID.matcher(from.text("node_id"));
            return id.matches() ? Long.parseLong(id.group(1)) : -1;
        }
        if (kind.isError() || kind == Kind.BIAS) {
            return -1;
        }
        long number = from.whole("feature", 0, Long.MAX_VALUE / 16);
        if (kind != Kind.FEATURE) {
            return number;
        }
        OptionalLong index = FeatureNumber.index(number, layer, old);
        return index.orElseThrow(() -> new IllegalArgumentException("'" + from.path() + "feature' must be the number"
                + " of a feature of layer " + layer + ", that is Cantor's number of layer and index, got " + number));
    }

    private static String oldId(int layer, long index, int position) {
        return layer + "_" + FeatureNumber.old(layer, index) + "_" + position;
    }

    private void link(JsonFields from) {
        links.add(new Link(unique(from.text("source")), unique(from.text("target")), from.number("weight")));
    }

    private String unique(String id) {
        String known = ids.putIfAbsent(id, id);
        return known == null ? id : known;
    }
}
