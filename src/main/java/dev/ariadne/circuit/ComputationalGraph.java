package dev.ariadne.circuit;

import dev.ariadne.circuit.Node.Kind;
import dev.ariadne.model.ModelConfig;
import dev.ariadne.model.ModelConfig.Positions;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/**
 * Which nodes a transformer has and which of them can give something to which (Conmy et al. 2023, §3; Elhage et al. 2021).
 *
 * <p>Every node writes to the residual stream and every later one reads the sum, so there is an edge from each sender to each receiver behind
 * it. With grouped heads, queries have an input per head, keys and values one per key/value head. Where attention's sum passes a norm of its
 * own (Gemma 2 and 3), a head's output is its share of what comes out of that norm, with the norm's scale of the clean run. In a model whose
 * blocks compute attention and MLP side by side, an MLP does not read the heads of its own block. Attention's output bias belongs to no node.
 */
public final class ComputationalGraph {
    private final ModelConfig config;
    private final Granularity granularity;
    private final boolean splitEmbedding;
    private final List<Node> senders;
    private final Map<Node, List<Node>> sendersTo = new LinkedHashMap<>();
    private final Map<Edge, Integer> edges = new LinkedHashMap<>(); // to its place

    private ComputationalGraph(ModelConfig config, Granularity granularity, boolean splitEmbedding) {
        this.config = config;
        this.granularity = granularity;
        this.splitEmbedding = splitEmbedding;
        this.senders = Collections.unmodifiableList(allSenders());
        for (Node receiver : receivers(config, granularity)) {
            List<Node> readable =
                    senders.stream().filter(sender -> reads(receiver, sender)).toList();
            if (granularity == Granularity.SPLIT_QKV_DIRECT && receiver.kind() == Kind.HEAD) {
                readable = inputs(receiver);
            }
            sendersTo.put(receiver, readable);
        }
        List<Node> downward = new ArrayList<>(sendersTo.keySet());
        Collections.reverse(downward);
        for (Node receiver : downward) {
            List<Node> from = new ArrayList<>(sendersTo(receiver));
            Collections.reverse(from);
            from.forEach(sender -> edges.put(new Edge(sender, receiver), edges.size()));
        }
    }

    /** The graph with one embedding node. */
    public static ComputationalGraph of(ModelConfig config, Granularity granularity) {
        return of(config, granularity, false);
    }

    /**
     * The graph of a model.
     *
     * @param config the model's
     * @param granularity how finely heads are told apart
     * @param splitEmbedding whether tokens and positions are two senders
     * @throws IllegalArgumentException when the embedding is to be split and the model adds no positions to its stream
     */
    public static ComputationalGraph of(ModelConfig config, Granularity granularity, boolean splitEmbedding) {
        if (splitEmbedding && config.positions() != Positions.LEARNED) {
            throw new IllegalArgumentException("the embedding cannot be split: the model's positions are "
                    + config.positions() + ", and only learned ones are added to the stream; leave it whole");
        }
        return new ComputationalGraph(config, granularity, splitEmbedding);
    }

    private List<Node> allSenders() {
        List<Node> all = new ArrayList<>();
        all.add(Node.embed());
        if (splitEmbedding) {
            all.add(new Node(Kind.POS_EMBED, 0, -1));
        }
        for (int layer = 0; layer < config.nLayers(); layer++) {
            for (int head = 0; head < config.nHeads(); head++) {
                all.add(Node.head(layer, head));
            }
            if (!config.attnOnly()) {
                all.add(Node.mlp(layer));
            }
        }
        return all;
    }

    private static List<Node> receivers(ModelConfig config, Granularity granularity) {
        List<Node> all = new ArrayList<>();
        for (int layer = 0; layer < config.nLayers(); layer++) {
            if (granularity != Granularity.HEADS) {
                for (Kind kind : List.of(Kind.QUERY, Kind.KEY, Kind.VALUE)) {
                    int heads = kind == Kind.QUERY ? config.nHeads() : config.nKeyValueHeads();
                    for (int head = 0; head < heads; head++) {
                        all.add(new Node(kind, layer, head));
                    }
                }
            }
            for (int head = 0; head < config.nHeads() && granularity != Granularity.SPLIT_QKV; head++) {
                all.add(Node.head(layer, head));
            }
            if (!config.attnOnly()) {
                all.add(Node.mlp(layer));
            }
        }
        all.add(new Node(Kind.LOGITS, config.nLayers() - 1, -1));
        return all;
    }

    private boolean reads(Node receiver, Node sender) {
        if (sender.kind() == Kind.EMBED || sender.kind() == Kind.POS_EMBED || receiver.kind() == Kind.LOGITS) {
            return true;
        }
        boolean sameBlock = receiver.kind() == Kind.MLP && sender.kind() == Kind.HEAD && !config.parallel();
        return sender.layer() < receiver.layer() || (sameBlock && sender.layer() == receiver.layer());
    }

    /** The model's configuration. */
    public ModelConfig config() {
        return config;
    }

    /** How finely heads are told apart. */
    public Granularity granularity() {
        return granularity;
    }

    /** Whether tokens and positions are two senders. */
    public boolean splitEmbedding() {
        return splitEmbedding;
    }

    /** The nodes that write to the stream, in the order of a forward pass. */
    public List<Node> senders() {
        return senders;
    }

    /** The nodes that edges end in, in the order of a forward pass; with direct edges, heads too. */
    public List<Node> receivers() {
        return List.copyOf(sendersTo.keySet());
    }

    /**
     * The nodes that one receiver reads, in the order of a forward pass.
     *
     * @throws IllegalArgumentException when the graph has no such receiver
     */
    public List<Node> sendersTo(Node receiver) {
        List<Node> from = sendersTo.get(receiver);
        if (from == null) {
            throw new IllegalArgumentException("the graph has no receiver '" + receiver + "'; its granularity is "
                    + granularity + ", and its receivers are " + sendersTo.keySet());
        }
        return from;
    }

    /** What a head reads: query, key and value input, or itself where the two are one. */
    public List<Node> inputs(Node head) {
        if (granularity == Granularity.HEADS) {
            return List.of(head);
        }
        int shared = head.head() / config.groupSize();
        return List.of(
                new Node(Kind.QUERY, head.layer(), head.head()),
                new Node(Kind.KEY, head.layer(), shared),
                new Node(Kind.VALUE, head.layer(), shared));
    }

    /** The heads that read an input. */
    public List<Node> headsOf(Node input) {
        if (input.kind() == Kind.HEAD || input.kind() == Kind.QUERY) {
            return List.of(Node.head(input.layer(), input.head()));
        }
        List<Node> heads = new ArrayList<>();
        for (int i = 0; i < config.groupSize(); i++) {
            heads.add(Node.head(input.layer(), input.head() * config.groupSize() + i));
        }
        return heads;
    }

    /** Every edge, from the output down; what the heads' direct edges come before is what the heads read. */
    public Set<Edge> edges() {
        return Collections.unmodifiableSet(edges.keySet());
    }

    /** The number of edges. */
    public int size() {
        return edges.size();
    }

    /** Whether the graph has an edge. */
    public boolean contains(Edge edge) {
        return edges.containsKey(edge);
    }

    /** An edge's place in {@link #edges}, from 0. */
    public int indexOf(Edge edge) {
        return Objects.requireNonNull(edges.get(require(edge)));
    }

    /**
     * Finds an edge by its text form.
     *
     * @param text such as {@code a0.h1->a1.h2<q>}
     * @throws IllegalArgumentException when the graph has none of that name, naming the nearest ones
     */
    public Edge edge(String text) {
        Edge edge = Edge.of(text, config.nLayers());
        return require(edge);
    }

    /**
     * Requires that an edge is one of this graph's.
     *
     * @return the edge
     * @throws IllegalArgumentException when it is not, naming the nearest ones
     */
    public Edge require(Edge edge) {
        if (!edges.containsKey(edge)) {
            List<String> nearest = edges.keySet().stream()
                    .sorted(Comparator.comparingInt(e -> distance(e, edge)))
                    .limit(3)
                    .map(Edge::toString)
                    .toList();
            throw new IllegalArgumentException("the graph has no edge '" + edge + "'; the nearest are " + nearest
                    + " (granularity " + granularity + ", " + edges.size() + " edges)");
        }
        return edge;
    }

    private static int distance(Edge one, Edge other) {
        return distance(one.from(), other.from()) + distance(one.to(), other.to());
    }

    private static int distance(Node one, Node other) {
        return (one.kind() == other.kind() ? 0 : 20)
                + 2 * Math.abs(one.layer() - other.layer())
                + Math.abs(one.head() - other.head());
    }

    /** Two graphs are equal when their models' configurations and their choices are. */
    @Override
    public boolean equals(Object other) {
        return other instanceof ComputationalGraph that
                && config.equals(that.config)
                && granularity == that.granularity
                && splitEmbedding == that.splitEmbedding;
    }

    @Override
    public int hashCode() {
        return Objects.hash(config, granularity, splitEmbedding);
    }

    @Override
    public String toString() {
        return "ComputationalGraph[" + granularity + ", " + sendersTo.size() + " receivers, " + edges.size() + " edges"
                + (splitEmbedding ? ", split embedding]" : "]");
    }
}
