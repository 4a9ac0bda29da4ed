package dev.ariadne.circuit;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.ariadne.circuit.Node.Kind;
import dev.ariadne.model.ModelConfig;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/**
 * Circuits that were found by hand, rebuilt from their groups of nodes and how these connect: the ground truth of the ACDC study
 * (Conmy et al. 2023, §4 and appendix).
 *
 * <p>A head's input that anything reads also has its direct edge, where the graph has direct edges.
 */
public enum PublishedCircuit {
    /** Indirect object identification in GPT-2 small (Wang et al. 2023): 1041 of 32,923 edges. */
    IOI("ioi"),
    /** Years greater than a year in GPT-2 small (Hanna et al. 2023): 262 of 32,923 edges. */
    GREATER_THAN("greaterthan"),
    /** Docstring completion in attn-only-4l (Heimersheim and Janiak 2023): 37 of 1,377 edges. */
    DOCSTRING("docstring"),
    /** The compiled program that reverses a sequence (Lindner et al. 2023), embedding split: 15 of 106 edges. */
    TRACR_REVERSE("tracr-reverse"),
    /** The compiled program that counts the share of x (Lindner et al. 2023), embedding split: 10 of 38 edges. */
    TRACR_XPROPORTION("tracr-xproportion");

    private static final String RESOURCE = "published.json";
    private static final String RUNS = "published-runs.csv";

    private final String title;

    PublishedCircuit(String title) {
        this.title = title;
    }

    /** The behavior's name, as in the study: "ioi". */
    public String title() {
        return title;
    }

    /** The groups of nodes by name, the embedding, MLPs and output included, in the order in which they compute. */
    public Map<String, List<Node>> groups() {
        Map<String, List<Node>> groups = new LinkedHashMap<>();
        JsonNode data = data();
        data.get("groups").properties().forEach(group -> {
            List<Node> nodes = new ArrayList<>();
            group.getValue()
                    .forEach(node ->
                            nodes.add(Node.of(node.asText(), data.get("nLayers").asInt())));
            groups.put(group.getKey(), List.copyOf(nodes));
        });
        return Collections.unmodifiableMap(groups);
    }

    /**
     * The circuit in the graph of the study: queries, keys and values apart, with direct edges. Of the model, only layers, heads and kinds of
     * parts are known, so that this circuit can be drawn, counted and compared, but not run: for that, see {@link #on}.
     */
    public Circuit circuit() {
        JsonNode data = data();
        int heads = data.get("nHeads").asInt();
        ModelConfig shape = ModelConfig.builder()
                .nLayers(data.get("nLayers").asInt())
                .dModel(heads)
                .heads(heads, 1)
                .attnOnly(data.get("attnOnly").asBoolean())
                .dVocab(1)
                .build();
        boolean split = data.get("splitEmbedding").asBoolean();
        return on(ComputationalGraph.of(shape, Granularity.SPLIT_QKV_DIRECT, split));
    }

    /**
     * The circuit as edges of a graph.
     *
     * @param graph of the model, or of another of its shape, at any granularity
     * @throws IllegalArgumentException when the graph's model has another shape
     */
    public Circuit on(ComputationalGraph graph) {
        JsonNode data = data();
        ModelConfig config = graph.config();
        if (config.nLayers() != data.get("nLayers").asInt()
                || config.nHeads() != data.get("nHeads").asInt()
                || config.nKeyValueHeads() != config.nHeads()
                || config.attnOnly() != data.get("attnOnly").asBoolean()) {
            throw new IllegalArgumentException("the " + title + " circuit is one of "
                    + data.get("model").asText() + " with " + data.get("nLayers") + " layers, " + data.get("nHeads")
                    + " heads" + (data.get("attnOnly").asBoolean() ? " and no MLPs" : " and MLPs") + "; got a graph of "
                    + config.nLayers() + " layers, " + config.nHeads() + " heads, "
                    + (config.attnOnly() ? "no MLPs" : "MLPs"));
        }
        Map<String, List<Node>> groups = groups();
        Set<Edge> chosen = new LinkedHashSet<>();
        for (JsonNode connection : data.get("connections")) {
            for (Node from : group(groups, connection.get(0))) {
                Node sender = from.kind() == Kind.POS_EMBED && !graph.splitEmbedding() ? Node.embed() : from;
                for (Node to : group(groups, connection.get(1))) {
                    connect(graph, sender, to, connection.get(2).asText(), chosen);
                }
            }
        }
        List<Edge> ordered = graph.edges().stream().filter(chosen::contains).toList();
        Provenance provenance = new Provenance(
                title,
                "",
                "",
                data.get("model").asText(),
                "",
                "by hand",
                "",
                Map.of("source", data.get("source").asText()),
                0,
                Provenance.libraryVersion());
        return Circuit.of(graph, ordered, Double.NaN, provenance);
    }

    private static void connect(
            ComputationalGraph graph, Node sender, Node to, String letters, Collection<Edge> chosen) {
        if (to.kind() != Kind.HEAD || graph.granularity() == Granularity.HEADS) {
            add(graph, new Edge(sender, to), chosen);
            return;
        }
        for (Node input : graph.inputs(to)) { // query, key, value
            if (letters.contains(CircuitPicture.letter(input.kind()))
                    && add(graph, new Edge(sender, input), chosen)
                    && graph.granularity() == Granularity.SPLIT_QKV_DIRECT) {
                chosen.add(new Edge(input, to));
            }
        }
    }

    /** Adds an edge if the sender is behind the receiver: groups connect wherever they can. */
    private static boolean add(ComputationalGraph graph, Edge edge, Collection<Edge> chosen) {
        boolean possible = graph.contains(edge);
        if (possible) {
            chosen.add(edge);
        }
        return possible;
    }

    private static List<Node> group(Map<String, List<Node>> groups, JsonNode name) {
        return Objects.requireNonNull(groups.get(name.asText()), name::asText);
    }

    /**
     * The runs of the ACDC study that it stores (Conmy et al. 2023, §4.1): one curve of edges per method, metric and ablation, such as
     * "ACDC, KL, corrupted (published)".
     *
     * <p>Of this circuit, "ACDC" always, and for {@link #DOCSTRING} "HISP" and "SP", too; of the others it only prints their areas. Points are
     * labeled with τ, with SP's λ, and with the least score that HISP keeps.
     */
    public List<RocCurve> publishedRuns() {
        Map<String, List<RocCurve.Point>> curves = new LinkedHashMap<>();
        for (String line : text(RUNS).lines().toList()) {
            String[] cells = line.split(",", -1);
            if (cells[0].equals(title)) {
                curves.computeIfAbsent(String.join(", ", cells[1], cells[2], cells[3]), name -> new ArrayList<>())
                        .add(new RocCurve.Point(cells[4], Double.parseDouble(cells[6]), Double.parseDouble(cells[7])));
            }
        }
        return curves.entrySet().stream()
                .map(curve -> new RocCurve(curve.getKey() + " (published)", curve.getValue()))
                .toList();
    }

    private JsonNode data() {
        try {
            return new ObjectMapper().readTree(text(RESOURCE)).get(title);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot read " + RESOURCE, e);
        }
    }

    private static String text(String resource) {
        try (InputStream in = Objects.requireNonNull(PublishedCircuit.class.getResourceAsStream(resource), resource)) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot read " + resource, e);
        }
    }
}
