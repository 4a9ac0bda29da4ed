package dev.ariadne.attribution;

import dev.ariadne.transcoder.Feature;
import dev.ariadne.view.Citation;
import dev.ariadne.view.Displayable;
import dev.ariadne.view.TokenGraph;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** The nodes and edges of an attribution graph that matter most; numbered as there. Made by {@link AttributionGraph#prune}. */
public final class PrunedGraph implements Displayable {
    private final AttributionGraph graph;
    private final int[] nodes;
    private final SparseRows kept; // rows as in the graph's matrix
    private final double nodeShare;
    private final double edgeShare;

    PrunedGraph(AttributionGraph graph, int[] nodes, SparseRows kept, double nodeShare, double edgeShare) {
        this.graph = graph;
        this.nodes = nodes;
        this.kept = kept;
        this.nodeShare = nodeShare;
        this.edgeShare = edgeShare;
    }

    /** The whole graph. */
    public AttributionGraph graph() {
        return graph;
    }

    /** The numbers of the nodes that are kept, in order. */
    public int[] nodes() {
        return nodes.clone();
    }

    /** Whether a node is kept. */
    public boolean contains(int node) {
        return Arrays.binarySearch(nodes, node) >= 0;
    }

    /** The weight of an edge; 0 where there is none or it was dropped. */
    public double weight(int target, int source) {
        int row = graph.row(target);
        return row < 0 ? 0 : kept.get(row, source);
    }

    /** How many edges are kept. */
    public long edgeCount() {
        return kept.size();
    }

    /** The edges that are kept, by target, then by source. */
    public List<AttributionGraph.GraphEdge> edges() {
        List<AttributionGraph.GraphEdge> edges = new ArrayList<>();
        for (int row = 0; row < kept.rows(); row++) {
            for (int i = 0; i < kept.columns()[row].length; i++) {
                edges.add(new AttributionGraph.GraphEdge(
                        kept.columns()[row][i], graph.nodeOf(row), kept.weights()[row][i]));
            }
        }
        return edges;
    }

    /**
     * The graph as it is published: the nodes that have an edge, and all tokens and targets.
     *
     * @param slug its name: letters, digits, and {@code _ . -}
     */
    public GraphJson toJson(String slug) {
        return GraphExport.of(this, slug, false);
    }

    /**
     * The same with a node for the biases: what each node gets whatever is active. In a graph of which nothing was pruned, the links to a node
     * then add up to its value. Neuronpedia's schema has such nodes, but its page's scores do not reckon with them.
     *
     * @param slug its name: letters, digits, and {@code _ . -}
     */
    public GraphJson toJsonWithBias(String slug) {
        return GraphExport.of(this, slug, true);
    }

    /**
     * Writes the graph in Neuronpedia's schema, named after the file.
     *
     * @param file a {@code .json}; an existing one is replaced by a whole new one
     */
    public void save(Path file) throws IOException {
        toJson(GraphExport.slug(file)).write(file);
    }

    /**
     * Proposes supernodes: features of one token and of near layers whose signed edges point the same way.
     *
     * @param similarity the least cosine between the edges of any two features of a group, above 0 and at most 1; 0.6 is usual
     * @return groups of at least two nodes' numbers, each in order
     */
    public List<List<Integer>> groups(double similarity) {
        if (!(similarity > 0 && similarity <= 1)) {
            throw new IllegalArgumentException("the similarity must be above 0 and at most 1, got " + similarity);
        }
        return new Grouping(graph, edges()).groups(similarity);
    }

    /**
     * The graph as it is published, with the supernodes that {@link #groups} proposes: named after their most influential member, to be renamed
     * and corrected in the explorer or with {@link GraphJson#with}.
     *
     * @param slug its name: letters, digits, and {@code _ . -}
     * @param similarity as for {@link #groups}
     */
    public GraphJson toJsonWithGroups(String slug, double similarity) {
        List<Annotations.Group> groups = new ArrayList<>();
        for (List<Integer> members : groups(similarity)) {
            GraphNode first = graph.node(members.stream()
                    .max(Comparator.comparingDouble(graph::influence))
                    .orElseThrow());
            String token = graph.active().labels().get(first.position());
            String name = first.label().isEmpty() ? "layer " + first.layer() + " at “" + token + "”" : first.label();
            groups.add(new Annotations.Group(
                    name,
                    members.stream()
                            .map(graph::node)
                            .map(node -> new Feature(node.layer(), node.position(), (int) node.index()).toString())
                            .toList()));
        }
        GraphJson json = toJson(slug);
        return json.with(json.annotations().withSupernodes(groups));
    }

    /**
     * What a write-up needs to name this graph: that of the {@linkplain AttributionGraph#cite whole one}, and what was kept of it.
     *
     * @throws IllegalStateException when the model is closed
     */
    public Citation cite() {
        Citation whole = graph.cite();
        Map<String, String> facts = new LinkedHashMap<>();
        facts.put("pruned graph", toString());
        facts.put("kept", "%s of the nodes' influence, %s of the edges'".formatted(nodeShare, edgeShare));
        facts.putAll(whole.facts());
        return new Citation(whole.title(), facts, whole.papers());
    }

    double nodeShare() {
        return nodeShare;
    }

    double edgeShare() {
        return edgeShare;
    }

    /** The graph to look at, to search and to annotate: nodes by layer and token. */
    @Override
    public TokenGraph view() {
        return view(Map.of());
    }

    /**
     * The same with a card for features, shown where one is clicked.
     *
     * @param cards by layer_index, such as {@code FeatureCards.of(model, transcoders, texts).byName()}
     */
    public TokenGraph view(Map<String, ? extends Displayable> cards) {
        String slug = graph.origin().prompt().replaceAll("[^A-Za-z0-9]+", "-").replaceAll("^-|-$", "");
        return toJson(slug.isEmpty() ? "graph" : slug.substring(0, Math.min(60, slug.length())))
                .view(cards);
    }

    @Override
    public String toString() {
        return String.format(
                Locale.ROOT, "pruned attribution graph of %,d nodes and %,d edges", nodes.length, edgeCount());
    }
}
