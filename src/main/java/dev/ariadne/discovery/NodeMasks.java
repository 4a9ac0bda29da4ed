package dev.ariadne.discovery;

import dev.ariadne.circuit.ComputationalGraph;
import dev.ariadne.circuit.Edge;
import dev.ariadne.circuit.Granularity;
import dev.ariadne.circuit.Node;
import dev.ariadne.circuit.Node.Kind;
import dev.ariadne.model.ModelConfig;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/** Where the ACDC study's baselines put their masks: each head's query, key and value vectors, and what each MLP writes. */
record NodeMasks(List<Point> points) {
    /**
     * Masks on one activation.
     *
     * @param hook its name
     * @param nodes one per head, in order, or the MLP
     */
    record Point(String hook, List<Node> nodes) {}

    static NodeMasks of(ModelConfig config) {
        List<Point> points = new ArrayList<>();
        for (int layer = 0; layer < config.nLayers(); layer++) {
            points.add(heads(Kind.QUERY, "q", layer, config.nHeads()));
            points.add(heads(Kind.KEY, "k", layer, config.nKeyValueHeads()));
            points.add(heads(Kind.VALUE, "v", layer, config.nKeyValueHeads()));
            if (!config.attnOnly()) {
                points.add(new Point("blocks." + layer + ".hook_mlp_out", List.of(Node.mlp(layer))));
            }
        }
        return new NodeMasks(points);
    }

    private static Point heads(Kind kind, String hook, int layer, int count) {
        List<Node> nodes = new ArrayList<>();
        for (int head = 0; head < count; head++) {
            nodes.add(new Node(kind, layer, head));
        }
        return new Point("blocks." + layer + ".attn.hook_" + hook, nodes);
    }

    /** The activations' names. */
    List<String> hooks() {
        return points.stream().map(Point::hook).toList();
    }

    /** All that have a mask, in the order of the points. */
    List<Node> nodes() {
        return points.stream().flatMap(point -> point.nodes().stream()).toList();
    }

    /** The edges that are left in a graph with split inputs when, of all that have a mask, these are. */
    static Set<Edge> edges(Collection<Node> kept, ComputationalGraph graph) {
        requireSplit(graph);
        Set<Node> there = new HashSet<>(kept);
        Set<Edge> edges = new LinkedHashSet<>();
        for (Edge edge : graph.edges()) {
            if (isThere(edge.from(), there, graph) && isThere(edge.to(), there, graph)) {
                edges.add(edge);
            }
        }
        return edges;
    }

    private static boolean isThere(Node node, Set<Node> there, ComputationalGraph graph) {
        return switch (node.kind()) {
            case EMBED, POS_EMBED, LOGITS -> true;
            case HEAD -> graph.inputs(node).stream().anyMatch(there::contains);
            default -> there.contains(node);
        };
    }

    static void requireSplit(ComputationalGraph graph) {
        if (graph.granularity() == Granularity.HEADS) {
            throw new IllegalArgumentException("queries, keys and values are removed one by one, and " + graph
                    + " does not tell them apart; use Granularity.SPLIT_QKV or SPLIT_QKV_DIRECT");
        }
    }
}
