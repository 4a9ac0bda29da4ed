package dev.ariadne.discovery;

import dev.ariadne.circuit.Node;
import dev.ariadne.circuit.Node.Kind;
import dev.ariadne.model.ModelConfig;
import java.util.ArrayList;
import java.util.List;

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
}
