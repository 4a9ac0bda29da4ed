package dev.ariadne.attribution;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.util.DefaultIndenter;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ariadne.attribution.GraphJson.Kind;
import dev.ariadne.attribution.GraphJson.Link;
import dev.ariadne.attribution.GraphJson.Metadata;
import dev.ariadne.attribution.GraphJson.Node;
import dev.ariadne.view.WholeFile;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;

/** Writes graphs and their list as JSON, node by node: a graph may be larger than what its text would leave room for. */
final class GraphWriter {
    private GraphWriter() {}

    /** Writes one JSON document. */
    interface Document {
        void write(JsonGenerator to) throws IOException;
    }

    static void write(GraphJson graph, Path file) throws IOException {
        save(file, to -> {
            to.writeStartObject();
            to.writeObjectField("metadata", metadata(graph.metadata()));
            to.writeObjectField("qParams", AnnotationFields.write(graph.annotations()));
            to.writeArrayFieldStart("nodes");
            for (Node node : graph.nodes()) {
                to.writeTree(node(node));
            }
            to.writeEndArray();
            to.writeArrayFieldStart("links");
            for (Link link : graph.links()) {
                to.writeStartObject();
                to.writeStringField("source", link.source());
                to.writeStringField("target", link.target());
                to.writeNumberField("weight", link.weight());
                to.writeEndObject();
            }
            to.writeEndArray();
            for (var field : graph.more().entrySet()) {
                to.writeObjectField(field.getKey(), field.getValue());
            }
            to.writeEndObject();
        });
    }

    static ObjectNode metadata(Metadata from) {
        ObjectNode to = JsonFields.JSON.createObjectNode();
        to.put("slug", from.slug());
        to.put("scan", from.scan());
        from.transcoderList().forEach(to.putArray("transcoder_list")::add);
        from.promptTokens().forEach(to.putArray("prompt_tokens")::add);
        to.put("prompt", from.prompt());
        put(to, "node_threshold", from.nodeThreshold());
        to.put("schema_version", 1);
        from.more().forEach((name, value) -> to.set(name, JsonFields.JSON.valueToTree(value)));
        return to;
    }

    /** A node as files have it, with the fields that say nothing here but that other programs ask for. */
    static ObjectNode node(Node from) {
        ObjectNode to = JsonFields.JSON.createObjectNode();
        String layer = from.kind() == Kind.TOKEN ? "E" : String.valueOf(from.layer());
        to.put("node_id", from.id());
        to.put("feature", feature(from));
        to.put("layer", layer);
        to.put("ctx_idx", from.position());
        to.put("feature_type", from.kind().type());
        to.put("token_prob", from.probability());
        to.put("is_target_logit", from.target());
        to.put("run_idx", 0);
        to.put("reverse_ctx_idx", 0);
        to.put("jsNodeId", scriptId(from));
        to.put("clerp", from.label());
        put(to, "influence", from.influence());
        put(to, "activation", from.activation());
        from.more().forEach((name, value) -> to.set(name, JsonFields.JSON.valueToTree(value)));
        return to;
    }

    private static long feature(Node node) {
        return switch (node.kind()) {
            case FEATURE -> FeatureNumber.cantor(node.layer(), node.index());
            case TOKEN -> node.position();
            default -> node.index();
        };
    }

    /** The id that the published front end gives its own elements. */
    private static String scriptId(Node node) {
        return switch (node.kind()) {
            case TOKEN -> "E_" + node.index() + "-" + node.position();
            case LOGIT -> "L_" + node.index() + "-" + node.position();
            case FEATURE, LORSA -> node.layer() + "_" + node.index() + "-0";
            default -> node.layer() + "_" + node.position() + "-0";
        };
    }

    /** JSON has no NaN; what is not known is null. */
    private static void put(ObjectNode node, String name, double value) {
        if (Double.isNaN(value)) {
            node.putNull(name);
        } else {
            node.put(name, value);
        }
    }

    static void writeList(List<ObjectNode> graphs, Path file) throws IOException {
        save(file, to -> {
            to.writeStartObject();
            to.writeArrayFieldStart("graphs");
            for (ObjectNode graph : graphs) {
                to.writeTree(graph);
            }
            to.writeEndArray();
            to.writeEndObject();
        });
    }

    private static void save(Path file, Document document) throws IOException {
        DefaultPrettyPrinter pretty = new DefaultPrettyPrinter();
        pretty.indentArraysWith(DefaultIndenter.SYSTEM_LINEFEED_INSTANCE.withLinefeed("\n"));
        pretty.indentObjectsWith(DefaultIndenter.SYSTEM_LINEFEED_INSTANCE.withLinefeed("\n"));
        try {
            WholeFile.write(file, temporary -> {
                try (OutputStream out = new BufferedOutputStream(
                                Files.newOutputStream(temporary, StandardOpenOption.CREATE_NEW));
                        JsonGenerator to = JsonFields.JSON.createGenerator(out)) {
                    document.write(to.setPrettyPrinter(pretty));
                }
            });
        } catch (IOException e) {
            throw new IOException("cannot write " + file + ": " + e, e);
        }
    }
}
