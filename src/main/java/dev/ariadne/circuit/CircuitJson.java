package dev.ariadne.circuit;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ariadne.model.ModelConfig;
import dev.ariadne.view.WholeFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.Map;

/** Circuits as JSON: the shape of the graph, the edges with their effects, and how they were found. */
final class CircuitJson {
    private static final String FORMAT = "ariadne circuit 2";
    private static final String WITHOUT_HASH = "ariadne circuit 1"; // the model had a name only
    private static final long MOST_BYTES = 1 << 26; // an edge takes about 60: far more than a model has
    private static final ObjectMapper JSON = JsonMapper.builder()
            .enable(DeserializationFeature.FAIL_ON_READING_DUP_TREE_KEY)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    private CircuitJson() {}

    static void write(Circuit circuit, Path file) throws IOException {
        ObjectNode root = JSON.createObjectNode();
        root.put("format", FORMAT);
        root.set("graph", shape(circuit.graph()));
        put(root, "metric", circuit.metric());
        root.set("provenance", provenance(circuit.provenance()));
        ArrayNode edges = root.putArray("edges");
        circuit.effects().forEach((edge, effect) -> {
            ObjectNode one = edges.addObject();
            one.put("edge", edge.toString());
            put(one, "effect", effect);
        });
        byte[] bytes = JSON.writerWithDefaultPrettyPrinter().writeValueAsBytes(root);
        try {
            WholeFile.write(file, temporary -> Files.write(temporary, bytes, StandardOpenOption.CREATE_NEW));
        } catch (IOException e) {
            throw new IOException("cannot write the circuit to " + file + ": " + e, e);
        }
    }

    /** JSON has no NaN; what is not known is null. */
    private static void put(ObjectNode node, String name, double value) {
        if (Double.isFinite(value)) {
            node.put(name, value);
        } else {
            node.putNull(name);
        }
    }

    private static ObjectNode shape(ComputationalGraph graph) {
        ModelConfig config = graph.config();
        ObjectNode shape = JSON.createObjectNode();
        shape.put("granularity", graph.granularity().name());
        shape.put("splitEmbedding", graph.splitEmbedding());
        shape.put("nLayers", config.nLayers());
        shape.put("nHeads", config.nHeads());
        shape.put("nKeyValueHeads", config.nKeyValueHeads());
        shape.put("attnOnly", config.attnOnly());
        shape.put("parallel", config.parallel());
        shape.put("edges", graph.size());
        return shape;
    }

    private static ObjectNode provenance(Provenance from) {
        ObjectNode node = JSON.createObjectNode();
        node.put("task", from.task());
        node.put("metric", from.metric());
        node.put("unit", from.unit());
        node.put("model", from.model());
        node.put("weights", from.weights());
        node.put("method", from.method());
        node.put("ablation", from.ablation());
        ObjectNode settings = node.putObject("settings");
        from.settings().forEach(settings::put);
        node.put("seed", from.seed());
        node.put("version", from.version());
        return node;
    }

    static Circuit read(Path file, ModelConfig config) throws IOException {
        long size = Files.size(file);
        if (size > MOST_BYTES) {
            throw new IOException(
                    file + " is no circuit: it has " + size + " bytes, and a circuit at most " + MOST_BYTES);
        }
        try {
            return new Fields(JSON.readTree(Files.readAllBytes(file)), "").circuit(config);
        } catch (JacksonException | IllegalArgumentException e) {
            throw new IOException("cannot read a circuit from " + file + ": " + e.getMessage(), e);
        }
    }

    /** One JSON object, whose fields must be there and of their kind. */
    private record Fields(JsonNode node, String path) {
        Circuit circuit(ModelConfig config) {
            if (!text("format").equals(FORMAT) && !text("format").equals(WITHOUT_HASH)) {
                throw new IllegalArgumentException(
                        "'format' must be '" + FORMAT + "' or '" + WITHOUT_HASH + "', got '" + text("format") + "'");
            }
            ComputationalGraph graph = object("graph").graph(config);
            JsonNode list = get("edges");
            if (!list.isArray() || list.size() > graph.size()) {
                throw new IllegalArgumentException("'edges' must be a list of at most " + graph.size()
                        + " edges, the graph's number, got " + kind(list));
            }
            Map<Edge, Double> effects = new LinkedHashMap<>();
            for (int i = 0; i < list.size(); i++) {
                Fields one = new Fields(list.get(i), "edges[" + i + "].");
                Edge edge = graph.edge(one.text("edge"));
                if (effects.put(edge, one.number("effect")) != null) {
                    throw new IllegalArgumentException("the edge '" + edge + "' is there twice, again at " + one.path);
                }
            }
            return new Circuit(
                    graph, effects, number("metric"), object("provenance").provenance());
        }

        private ComputationalGraph graph(ModelConfig config) {
            Granularity granularity = Granularity.valueOf(text("granularity"));
            ComputationalGraph graph = ComputationalGraph.of(config, granularity, flag("splitEmbedding"));
            ObjectNode expected = shape(graph);
            if (!node.equals(expected)) {
                throw new IllegalArgumentException("the circuit is of a graph of the shape " + node
                        + ", the given model's is " + expected + "; load it with the configuration of its own model");
            }
            return graph;
        }

        private Provenance provenance() {
            Map<String, String> settings = new LinkedHashMap<>();
            Fields given = object("settings");
            given.node.fieldNames().forEachRemaining(name -> settings.put(name, given.text(name)));
            JsonNode seed = get("seed");
            if (!seed.isIntegralNumber() || !seed.canConvertToLong()) {
                throw wrong("seed", "a whole number", seed);
            }
            return new Provenance(
                    text("task"),
                    text("metric"),
                    text("unit"),
                    text("model"),
                    node.has("weights") ? text("weights") : "",
                    text("method"),
                    text("ablation"),
                    settings,
                    seed.longValue(),
                    text("version"));
        }

        private JsonNode get(String name) {
            JsonNode value = node.get(name);
            if (value == null) {
                throw new IllegalArgumentException("'" + path + name + "' is missing from " + kind(node));
            }
            return value;
        }

        private Fields object(String name) {
            JsonNode value = get(name);
            if (!value.isObject()) {
                throw wrong(name, "an object", value);
            }
            return new Fields(value, path + name + ".");
        }

        private String text(String name) {
            JsonNode value = get(name);
            if (!value.isTextual()) {
                throw wrong(name, "text", value);
            }
            return value.textValue();
        }

        private boolean flag(String name) {
            JsonNode value = get(name);
            if (!value.isBoolean()) {
                throw wrong(name, "true or false", value);
            }
            return value.booleanValue();
        }

        private double number(String name) {
            JsonNode value = get(name);
            if (!value.isNumber() && !value.isNull()) {
                throw wrong(name, "a number or null", value);
            }
            return value.isNull() ? Double.NaN : value.doubleValue();
        }

        private IllegalArgumentException wrong(String name, String what, JsonNode value) {
            return new IllegalArgumentException("'" + path + name + "' must be " + what + ", got " + kind(value));
        }

        /** A value in short. */
        private static String kind(JsonNode value) {
            String text = value.toString();
            return value.isContainerNode()
                    ? (value.isArray() ? "a list of " : "an object of ") + value.size()
                    : text.length() > 40 ? text.substring(0, 40) + "…" : text;
        }
    }
}
