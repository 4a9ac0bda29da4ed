package dev.ariadne.discovery;

import dev.ariadne.circuit.ComputationalGraph;
import dev.ariadne.circuit.Edge;
import dev.ariadne.circuit.Granularity;
import dev.ariadne.circuit.Node;
import dev.ariadne.circuit.Node.Kind;
import dev.ariadne.discovery.AcdcConfig.Order;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/** The order in which edges are tried: receivers from the output down, senders as configured. */
final class AcdcOrder {
    private AcdcOrder() {}

    /**
     * Edges that are tried together.
     *
     * @param receiver where they end
     * @param senders where they begin, in order
     */
    record Group(Node receiver, List<Node> senders) {
        List<Edge> edges() {
            return senders.stream().map(sender -> new Edge(sender, receiver)).toList();
        }

        /** Whether it is one direct edge, from a head's input to the head. */
        boolean isDirect() {
            return senders.get(0).isHeadInput();
        }

        /** The order in which edges go that nothing reads: always from the last down. */
        List<Edge> downward() {
            return senders.stream()
                    .sorted(Comparator.comparingInt(AcdcOrder::stage)
                            .thenComparingInt(Node::head)
                            .reversed())
                    .map(sender -> new Edge(sender, receiver))
                    .toList();
        }
    }

    /** All edges of a graph, by receiver, and each direct edge by itself. */
    static List<Group> of(ComputationalGraph graph, AcdcConfig config) {
        List<Group> groups = new ArrayList<>();
        int layers = graph.config().nLayers();
        groups.add(group(graph, new Node(Kind.LOGITS, layers - 1, -1), config));
        for (int layer = layers - 1; layer >= 0; layer--) {
            if (!graph.config().attnOnly()) {
                groups.add(group(graph, Node.mlp(layer), config));
            }
            if (graph.granularity() == Granularity.SPLIT_QKV_DIRECT) {
                for (Kind kind : List.of(Kind.VALUE, Kind.KEY, Kind.QUERY)) {
                    direct(graph, layer, kind, groups);
                }
            }
            for (Kind kind : graph.granularity() == Granularity.HEADS
                    ? List.of(Kind.HEAD)
                    : List.of(Kind.VALUE, Kind.KEY, Kind.QUERY)) {
                int heads = kind == Kind.KEY || kind == Kind.VALUE
                        ? graph.config().nKeyValueHeads()
                        : graph.config().nHeads();
                for (int head = heads - 1; head >= 0; head--) {
                    groups.add(group(graph, new Node(kind, layer, head), config));
                }
            }
        }
        return groups;
    }

    private static void direct(ComputationalGraph graph, int layer, Kind kind, List<Group> groups) {
        for (int head = graph.config().nHeads() - 1; head >= 0; head--) {
            Node receiver = Node.head(layer, head);
            Node input = graph.inputs(receiver).stream()
                    .filter(node -> node.kind() == kind)
                    .findFirst()
                    .orElseThrow();
            groups.add(new Group(receiver, List.of(input)));
        }
    }

    private static Group group(ComputationalGraph graph, Node receiver, AcdcConfig config) {
        Comparator<Node> byLayer = Comparator.comparingInt(AcdcOrder::stage);
        Comparator<Node> byHead = Comparator.comparingInt(Node::head);
        if (config.nodes() == Order.DESCENDING) {
            byLayer = byLayer.reversed();
        }
        if (config.heads() == Order.DESCENDING) {
            byHead = byHead.reversed();
        }
        List<Node> senders = new ArrayList<>(graph.sendersTo(receiver));
        senders.sort(byLayer.thenComparing(byHead));
        return new Group(receiver, senders);
    }

    /** Positions, tokens, then attention before MLP, block by block. */
    private static int stage(Node sender) {
        return switch (sender.kind()) {
            case POS_EMBED -> -1;
            case EMBED -> 0;
            case MLP -> 2 * sender.layer() + 2;
            default -> 2 * sender.layer() + 1;
        };
    }
}
