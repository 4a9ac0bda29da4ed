package dev.ariadne.circuit;

import dev.ariadne.circuit.Node.Kind;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Tells which heads of a circuit an input belongs to: of those that share keys and values, the ones that take part. */
final class Fold {
    private final ComputationalGraph graph;
    private final Set<Node> busy = new HashSet<>(); // heads that write something, or whose queries read something

    Fold(ComputationalGraph graph, Collection<Edge> edges) {
        this.graph = graph;
        for (Edge edge : edges) {
            if (edge.isDirect()) {
                busy.add(edge.to());
            } else {
                busy.add(edge.from());
                if (edge.to().kind() == Kind.QUERY) {
                    busy.add(Node.head(edge.to().layer(), edge.to().head()));
                }
            }
        }
    }

    /** The parts of the model that a node belongs to: itself, or for an input its heads. */
    List<Node> of(Node node) {
        if (!node.isHeadInput()) {
            return List.of(node);
        }
        List<Node> heads = graph.headsOf(node);
        List<Node> some = heads.stream().filter(busy::contains).toList();
        return some.isEmpty() ? heads : some;
    }
}
