package dev.ariadne.view;

import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/**
 * Nodes by layer and token with signed links between them, such as an attribution graph, and what a reader has added: to be explored, and
 * drawn.
 *
 * @param title the heading, empty for none
 * @param key under which a browser keeps what the reader adds, such as the graph's slug
 * @param tokens the prompt: a column for each
 * @param layers the names of the rows, the lowest first
 * @param nodes the nodes
 * @param links the links
 * @param marks what a reader has added
 * @param cards more about nodes, by {@link Node#card}
 */
public record TokenGraph(
        String title,
        String key,
        List<String> tokens,
        List<String> layers,
        List<Node> nodes,
        List<Link> links,
        Marks marks,
        Map<String, View> cards)
        implements View {
    /** Copies everything, and checks that ids differ, that rows and columns exist, and that links join two of the nodes. */
    public TokenGraph {
        Objects.requireNonNull(title, "title");
        Objects.requireNonNull(key, "key");
        tokens = List.copyOf(tokens);
        layers = List.copyOf(layers);
        nodes = List.copyOf(nodes);
        links = List.copyOf(links);
        cards = Collections.unmodifiableMap(new LinkedHashMap<>(cards));
        Set<String> ids = new HashSet<>();
        for (Node node : nodes) {
            if (!ids.add(node.id())) {
                throw new IllegalArgumentException("two nodes have the id '" + node.id() + "'; ids must differ");
            }
            if (node.row() < 0 || node.row() >= layers.size() || node.column() < 0 || node.column() >= tokens.size()) {
                throw new IllegalArgumentException("the node '" + node.id() + "' is in row " + node.row()
                        + " and column " + node.column() + ", but there are " + layers.size() + " layers and "
                        + tokens.size() + " tokens, from 0");
            }
        }
        for (Link link : links) {
            if (link.from() == link.to() || !inside(link.from(), nodes) || !inside(link.to(), nodes)) {
                throw new IllegalArgumentException("a link must join two different nodes, got " + link.from() + " -> "
                        + link.to() + "; there are " + nodes.size() + ", from 0");
            }
            if (!Double.isFinite(link.weight())) {
                throw new IllegalArgumentException(
                        "the link " + nodes.get(link.from()).id() + " -> "
                                + nodes.get(link.to()).id() + " must have a finite weight, got " + link.weight());
            }
        }
    }

    private static boolean inside(int i, List<Node> nodes) {
        return i >= 0 && i < nodes.size();
    }

    /** What a node stands for. */
    public enum Kind {
        /** A feature that is active. */
        FEATURE,
        /** What features leave out. */
        ERROR,
        /** A token of the prompt. */
        TOKEN,
        /** An output. */
        OUTPUT,
        /** A constant. */
        BIAS,
        /** A channel of a circuit that is active. */
        CHANNEL,
        /** One that is about at its mean. */
        AT_REST
    }

    /**
     * A node.
     *
     * @param id what marks call it by
     * @param kind what it stands for
     * @param label what it is called; empty for none
     * @param row of {@link #layers}
     * @param column of {@link #tokens}
     * @param value the activation of a feature, the probability of an output; NaN for none
     * @param influence the share of influence of the nodes at least as influential, in [0, 1]; NaN where nobody counted
     * @param card which of {@link #cards} is about it; empty for none
     */
    public record Node(
            String id, Kind kind, String label, int row, int column, double value, double influence, String card) {}

    /**
     * A link.
     *
     * @param from the index of the node that pushes
     * @param to the index of the node that is pushed
     * @param weight by how much, with its sign
     */
    public record Link(int from, int to, double weight) {}

    /**
     * What a reader has added. Ids that no node has are passed over.
     *
     * @param pinned ids
     * @param groups supernodes
     * @param labels by id, in place of the nodes' own
     * @param notes by id
     * @param threshold nodes whose influence is above it are hidden; NaN for none
     */
    public record Marks(
            List<String> pinned,
            List<Group> groups,
            Map<String, String> labels,
            Map<String, String> notes,
            double threshold) {
        /** Nothing. */
        public static final Marks NONE = new Marks(List.of(), List.of(), Map.of(), Map.of(), Double.NaN);

        /** Copies everything. */
        public Marks {
            pinned = List.copyOf(pinned);
            groups = List.copyOf(groups);
            labels = Collections.unmodifiableMap(new LinkedHashMap<>(labels));
            notes = Collections.unmodifiableMap(new LinkedHashMap<>(notes));
        }
    }

    /**
     * Nodes under one name.
     *
     * @param name what they stand for together
     * @param ids the nodes' ids
     */
    public record Group(String name, List<String> ids) {
        /** Copies the ids. */
        public Group {
            ids = List.copyOf(ids);
        }
    }

    /**
     * Returns what a node is called.
     *
     * @param node one of the nodes
     * @return the reader's label, else its own, else its id
     */
    public String name(Node node) {
        String own = node.label().isEmpty() ? node.id() : node.label();
        return marks.labels().getOrDefault(node.id(), own);
    }

    @Override
    public String toString() {
        return "TokenGraph[" + title + ", " + nodes.size() + " nodes, " + links.size() + " links]";
    }
}
