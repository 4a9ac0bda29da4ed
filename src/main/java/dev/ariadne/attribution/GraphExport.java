package dev.ariadne.attribution;

import dev.ariadne.attribution.GraphJson.Metadata;
import dev.ariadne.transcoder.Feature;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** From a pruned graph to the form in which graphs are published. */
final class GraphExport {
    private GraphExport() {}

    /** A file's name without its ending. */
    static String slug(Path file) {
        String name = String.valueOf(file.getFileName());
        return name.endsWith(".json") ? name.substring(0, name.length() - ".json".length()) : name;
    }

    /**
     * Exports.
     *
     * @param biased whether a node stands for what targets get whatever is active
     */
    static GraphJson of(PrunedGraph pruned, String slug, boolean biased) {
        AttributionGraph graph = pruned.graph();
        List<AttributionGraph.GraphEdge> edges = pruned.edges();
        Set<Integer> joined = new HashSet<>();
        edges.forEach(edge -> {
            joined.add(edge.source());
            joined.add(edge.target());
        });
        double[] cumulative = graph.cumulativeInfluence();
        Map<Integer, GraphJson.Node> nodes = new LinkedHashMap<>();
        for (int node : pruned.nodes()) {
            if (joined.contains(node) || node >= graph.tokenNode(0)) {
                nodes.put(node, node(graph, node, cumulative[node]));
            }
        }
        List<GraphJson.Link> links = new ArrayList<>();
        for (AttributionGraph.GraphEdge edge : edges) {
            links.add(new GraphJson.Link(id(nodes, edge.source()), id(nodes, edge.target()), edge.weight()));
        }
        List<GraphJson.Node> all = new ArrayList<>(nodes.values());
        if (biased) {
            GraphJson.Node bias = GraphJson.Node.bias(0, 0, Double.NaN);
            all.add(bias);
            nodes.forEach((node, target) -> {
                if (graph.bias(node) != 0) {
                    links.add(new GraphJson.Link(bias.id(), target.id(), graph.bias(node)));
                }
            });
        }
        return new GraphJson(metadata(pruned, slug), all, links);
    }

    private static String id(Map<Integer, GraphJson.Node> nodes, int node) {
        GraphJson.Node found = nodes.get(node);
        if (found == null) {
            throw new AssertionError("an edge from or to node " + node + ", which is not kept");
        }
        return found.id();
    }

    private static GraphJson.Node node(AttributionGraph graph, int number, double cumulative) {
        GraphNode node = graph.node(number);
        return switch (node.kind()) {
            case FEATURE ->
                GraphJson.Node.feature(
                        new Feature(node.layer(), node.position(), (int) node.index()),
                        node.activation(),
                        cumulative,
                        node.label());
            case ERROR -> GraphJson.Node.error(node.layer(), node.position(), cumulative);
            case TOKEN -> GraphJson.Node.token((int) node.index(), node.position(), node.label(), cumulative);
            case TARGET -> {
                int place = number - graph.targetNode(0);
                double probability = graph.targets().get(place).probability();
                yield GraphJson.Node.logit(
                        graph.origin().layers(), node.position(), node.index(), node.label(), probability, place == 0);
            }
        };
    }

    private static Metadata metadata(PrunedGraph pruned, String slug) {
        AttributionGraph graph = pruned.graph();
        Map<String, Object> generator = new LinkedHashMap<>();
        generator.put("name", "Ariadne");
        generator.put("version", graph.origin().version());
        Map<String, Object> pruning = new LinkedHashMap<>();
        pruning.put("node_threshold", pruned.nodeShare());
        pruning.put("edge_threshold", pruned.edgeShare());
        Map<String, Object> more = new LinkedHashMap<>();
        more.put("info", Map.of("generator", generator));
        more.put("pruning_settings", pruning);
        return new Metadata(
                slug,
                graph.origin().model().replaceAll("[^A-Za-z0-9_.-]", "-"),
                List.of(graph.origin().transcoders()),
                graph.active().labels(),
                graph.origin().prompt(),
                pruned.nodeShare(),
                more);
    }
}
