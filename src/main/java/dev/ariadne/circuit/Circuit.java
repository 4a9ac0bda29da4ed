package dev.ariadne.circuit;

import dev.ariadne.circuit.Node.Kind;
import dev.ariadne.model.ModelConfig;
import dev.ariadne.view.Citation;
import dev.ariadne.view.Displayable;
import dev.ariadne.view.View;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Collection;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import tech.tablesaw.api.DoubleColumn;
import tech.tablesaw.api.StringColumn;
import tech.tablesaw.api.Table;

/**
 * Some of the edges of a model's graph: what is left when the others are ablated (Conmy et al. 2023, §2).
 *
 * @param graph whose edges they are
 * @param effects the edges in the order found, each with what its removal did to the metric (after − before), or another method's score;
 *     NaN where nobody asked
 * @param metric what the circuit scores, in the provenance's unit; NaN where it was not run
 * @param provenance how it was found
 */
public record Circuit(ComputationalGraph graph, Map<Edge, Double> effects, double metric, Provenance provenance)
        implements Displayable {
    /**
     * Copies the edges, keeping their order.
     *
     * @throws IllegalArgumentException when an edge is not the graph's
     */
    public Circuit {
        effects = Collections.unmodifiableMap(new LinkedHashMap<>(effects));
        effects.keySet().forEach(graph::require);
    }

    /** A circuit whose edges have no effects of their own. */
    public static Circuit of(ComputationalGraph graph, Collection<Edge> edges, double metric, Provenance provenance) {
        Map<Edge, Double> effects = new LinkedHashMap<>();
        edges.forEach(edge -> effects.put(edge, Double.NaN));
        return new Circuit(graph, effects, metric, provenance);
    }

    /**
     * Reads what {@link #save} wrote.
     *
     * @param config of the model that the circuit is a part of
     * @throws IOException when the file cannot be read, is no circuit, or is one of a model of another shape
     */
    public static Circuit load(Path file, ModelConfig config) throws IOException {
        return CircuitJson.read(file, config);
    }

    /**
     * Writes the circuit as JSON. An existing file is replaced only by a whole new one.
     *
     * @throws IOException when the file cannot be written
     */
    public void save(Path file) throws IOException {
        CircuitJson.write(this, file);
    }

    /** The edges, in the order found. */
    public Set<Edge> edgeSet() {
        return effects.keySet();
    }

    /** The number of edges, direct ones included. */
    public int edgeCount() {
        return effects.size();
    }

    /**
     * The edges, one line each: sender, receiver, type, effect.
     *
     * <p>The type is "direct" between a head's query, key or value input and the head, and "addition" for all that passes the stream.
     */
    public Table edges() {
        Set<Edge> edges = edgeSet();
        return Table.create(
                title(),
                StringColumn.create("sender", edges.stream().map(e -> e.from().toString())),
                StringColumn.create("receiver", edges.stream().map(e -> e.to().toString())),
                StringColumn.create("type", edges.stream().map(e -> e.isDirect() ? "direct" : "addition")),
                DoubleColumn.create("effect", effects.values().stream().mapToDouble(effect -> effect)));
    }

    /**
     * The parts that the edges join: embeddings, heads, MLPs, output, in the order of a forward pass. What a head's queries, keys and values
     * read counts as the head.
     */
    public List<Node> nodes() {
        Fold fold = new Fold(graph, edgeSet());
        Set<Node> nodes = new TreeSet<>();
        for (Edge edge : edgeSet()) {
            nodes.addAll(fold.of(edge.from()));
            nodes.addAll(fold.of(edge.to()));
        }
        return List.copyOf(nodes);
    }

    /** The number of {@link #nodes}. */
    public int nodeCount() {
        return nodes().size();
    }

    /**
     * The circuit without dead ends: edges of nodes that nothing reaches, or that reach nothing, are taken out until there are none.
     *
     * <p>The metric stays with corrupted ablation, where a node without input writes what it wrote in the corrupted run. With another one such
     * a node still writes what it makes of the biases, so the metric is then NaN: measure again with an {@link EdgePatcher}.
     */
    public Circuit prune() {
        Map<Edge, Double> left = new LinkedHashMap<>(effects);
        boolean shrinks = true;
        while (shrinks) {
            Set<Node> written = new HashSet<>();
            Set<Node> writing = new HashSet<>();
            left.keySet().forEach(edge -> {
                writing.add(edge.from());
                written.add(edge.to());
            });
            shrinks = left.keySet().removeIf(edge -> !hasInput(edge.from(), written) || !hasOutput(edge.to(), writing));
        }
        boolean same = left.size() == effects.size() || provenance.ablation().equals("corrupted");
        return new Circuit(graph, left, same ? metric : Double.NaN, provenance);
    }

    private boolean hasInput(Node sender, Set<Node> written) {
        return sender.kind() == Kind.EMBED
                || sender.kind() == Kind.POS_EMBED
                || written.contains(sender)
                || (sender.kind() == Kind.HEAD
                        && graph.granularity() == Granularity.SPLIT_QKV
                        && graph.inputs(sender).stream().anyMatch(written::contains));
    }

    private boolean hasOutput(Node receiver, Set<Node> writing) {
        return receiver.kind() == Kind.LOGITS
                || writing.contains(receiver)
                || (receiver.isHeadInput()
                        && graph.granularity() == Granularity.SPLIT_QKV
                        && graph.headsOf(receiver).stream().anyMatch(writing::contains));
    }

    /** The circuit without some of its nodes: no edge leaves them. */
    Set<Edge> without(Collection<Node> nodes) {
        return edgeSet().stream()
                .filter(edge -> !nodes.contains(edge.from()))
                .collect(Collectors.toCollection(LinkedHashSet::new));
    }

    /**
     * What this circuit shares with another.
     *
     * @param truth a circuit of a graph with the same edges; precision and recall take it for the truth
     * @throws IllegalArgumentException when the graphs have other edges
     */
    public CircuitComparison compare(Circuit truth) {
        return new CircuitComparison(this, truth);
    }

    /**
     * The circuit without dead ends as a picture: a {@link #diagram} while its arrows can be told apart, else a {@link #matrix}.
     */
    public View visualize() {
        return new CircuitPicture(this).view();
    }

    /** All parts as boxes, layer under layer from the embedding at the top, and arrows between them; dead ends left out. */
    public View.Graph diagram() {
        return new CircuitPicture(this).diagram();
    }

    /** Who writes to whom: a column per sender, a row per receiver, and in each cell the strongest effect; dead ends left out. */
    public View.HeatMap matrix() {
        return new CircuitPicture(this).matrix();
    }

    /** What a write-up needs to name this circuit: how it was found, in which model, and the papers of the method. */
    public Citation cite() {
        Map<String, String> facts = new LinkedHashMap<>();
        facts.put("circuit", edgeCount() + " of " + graph.size() + " edges");
        facts.put("task", provenance.task());
        facts.put("metric", provenance.metric() + (Double.isNaN(metric) ? "" : " " + metric + " " + provenance.unit()));
        facts.put("model", provenance.model());
        facts.put("weights (SHA-256)", provenance.weights().isEmpty() ? "not known" : provenance.weights());
        facts.put("method", provenance.method() + ", " + provenance.ablation() + " ablation");
        facts.putAll(provenance.settings());
        facts.put("seed", Long.toString(provenance.seed()));
        facts.put("version", provenance.version());
        return new Citation("How to cite: " + provenance, facts, Citation.Paper.of(provenance.method()));
    }

    @Override
    public View view() {
        return visualize();
    }

    String title() {
        String score = Double.isNaN(metric)
                ? ""
                : String.format(Locale.ROOT, ", %s %.3g %s", provenance.metric(), metric, provenance.unit());
        return String.format(
                Locale.ROOT,
                "%s on %s: %d of %d edges, %d nodes%s",
                provenance.task(),
                provenance.model(),
                edgeCount(),
                graph.size(),
                nodeCount(),
                score);
    }

    @Override
    public String toString() {
        return title() + " (" + provenance + ")";
    }
}
