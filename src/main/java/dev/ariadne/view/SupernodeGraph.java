package dev.ariadne.view;

import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Groups of features in rows, the arrows drawn between them, how active each is after an intervention, and what the model says then.
 *
 * @param title the heading: what was done; empty for none
 * @param prompt the text that the model read
 * @param nodes the groups; of one row, the first is the leftmost
 * @param edges the arrows
 * @param edgeUnit what the arrows' weights are, empty when they have none
 * @param outputs the most probable next tokens, in the order shown
 */
public record SupernodeGraph(
        String title, String prompt, List<Node> nodes, List<Edge> edges, String edgeUnit, List<Output> outputs)
        implements View {
    /** Copies the lists, and checks that ids differ, that rows count from 0, and that edges join two of the nodes. */
    public SupernodeGraph {
        nodes = List.copyOf(nodes);
        edges = List.copyOf(edges);
        outputs = List.copyOf(outputs);
        Set<String> ids = new HashSet<>();
        for (Node node : nodes) {
            if (!ids.add(node.id())) {
                throw new IllegalArgumentException(
                        "two nodes have the id '" + node.id() + "'; ids must differ, labels need not");
            }
            if (node.row() < 0) {
                throw new IllegalArgumentException(
                        "the node '" + node.id() + "' is in row " + node.row() + "; rows count from 0, the lowest");
            }
        }
        for (Edge edge : edges) {
            if (edge.from().equals(edge.to()) || !ids.contains(edge.from()) || !ids.contains(edge.to())) {
                throw new IllegalArgumentException("an edge must join two different nodes, got '" + edge.from()
                        + "' -> '" + edge.to() + "'; the ids are those of the nodes");
            }
        }
    }

    /** What has become of a group. */
    public enum State {
        /** As it was, or about. */
        ACTIVE,
        /** Much less active than without the intervention, though nobody set it. */
        LOWERED,
        /** Set to nothing, or below. */
        OFF,
        /** Set higher, or as high as it was. */
        SET,
        /** Off, and another stands in for it. */
        REPLACED,
        /** Stands in for another, from another prompt. */
        INSERTED,
        /** Something without features of its own, such as a token. */
        INPUT,
        /** A group for which no features were found. */
        EMPTY
    }

    /**
     * A group.
     *
     * @param id what edges call it by
     * @param label its name
     * @param row 0 for the lowest
     * @param state what has become of it
     * @param activation as a fraction of what it is without an intervention; NaN where that is unknown or was set
     * @param note what was done to it, such as "×−2" or "for Texas"; empty for nothing
     */
    public record Node(String id, String label, int row, State state, double activation, String note) {}

    /**
     * An arrow.
     *
     * @param from the id of the node where it starts
     * @param to the id of the node it points at
     * @param weight its strength; NaN for none
     */
    public record Edge(String from, String to, double weight) {}

    /**
     * A possible next token.
     *
     * @param token the token, readable
     * @param before its probability without the intervention, in [0, 1]; NaN when nothing is compared
     * @param now its probability, in [0, 1]
     */
    public record Output(String token, double before, double now) {}

    /** How many rows there are. */
    public int rows() {
        return nodes.stream().mapToInt(node -> node.row() + 1).reduce(0, Math::max);
    }

    @Override
    public String toString() {
        return "SupernodeGraph[" + title + ", " + nodes.size() + " nodes, " + edges.size() + " edges]";
    }
}
