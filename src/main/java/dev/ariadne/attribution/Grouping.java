package dev.ariadne.attribution;

import dev.ariadne.attribution.AttributionGraph.GraphEdge;
import dev.ariadne.attribution.GraphNode.Kind;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Proposes supernodes: features of one token and of near layers that get from the same nodes and give to the same ones, with the same signs.
 * Two groups become one while even their least similar features are similar enough (complete linkage), the most similar first; ties go by number,
 * so that the same graph gives the same groups.
 */
final class Grouping {
    private static final int LAYERS = 2; // how far apart features of a group may be

    private final AttributionGraph graph;
    private final Map<Integer, Map<Integer, Double>> profiles =
            new HashMap<>(); // node → signed edges, both ways, of length 1

    Grouping(AttributionGraph graph, List<GraphEdge> edges) {
        this.graph = graph;
        for (GraphEdge edge : edges) {
            add(edge.source(), edge.target() + graph.size(), edge.weight()); // what it gives
            add(edge.target(), edge.source(), edge.weight()); // what it gets
        }
        profiles.values().forEach(profile -> {
            double length =
                    Math.sqrt(profile.values().stream().mapToDouble(w -> w * w).sum());
            profile.replaceAll((other, weight) -> weight / length);
        });
    }

    private void add(int node, int other, double weight) {
        if (graph.node(node).kind() == Kind.FEATURE) {
            profiles.computeIfAbsent(node, each -> new HashMap<>()).put(other, weight);
        }
    }

    /** The cosine of the angle between two features' edges; −1 where they may not be together. */
    double similarity(int a, int b) {
        GraphNode one = graph.node(a);
        GraphNode other = graph.node(b);
        if (one.position() != other.position() || Math.abs(one.layer() - other.layer()) > LAYERS) {
            return -1;
        }
        Map<Integer, Double> theirs = profiles.getOrDefault(b, Map.of());
        return profiles.getOrDefault(a, Map.of()).entrySet().stream()
                .mapToDouble(entry -> entry.getValue() * theirs.getOrDefault(entry.getKey(), 0.0))
                .sum();
    }

    private double similarity(List<Integer> some, List<Integer> others) {
        double least = 1;
        for (int a : some) {
            for (int b : others) {
                least = Math.min(least, similarity(a, b));
            }
        }
        return least;
    }

    /** Groups of at least two features, each in order, by their first. */
    List<List<Integer>> groups(double least) {
        Map<Integer, List<List<Integer>>> byPosition = new HashMap<>();
        profiles.keySet().stream()
                .sorted()
                .forEach(node -> byPosition
                        .computeIfAbsent(graph.node(node).position(), each -> new ArrayList<>())
                        .add(List.of(node)));
        List<List<Integer>> found = new ArrayList<>();
        byPosition.values().forEach(groups -> found.addAll(merged(groups, least)));
        return found.stream()
                .filter(group -> group.size() > 1)
                .sorted(Comparator.comparingInt(group -> group.get(0)))
                .toList();
    }

    private List<List<Integer>> merged(List<List<Integer>> groups, double least) {
        while (true) {
            double best = least;
            int first = -1;
            int second = -1;
            for (int i = 0; i < groups.size(); i++) {
                for (int j = i + 1; j < groups.size(); j++) {
                    double here = similarity(groups.get(i), groups.get(j));
                    if (here > best || (here == best && first < 0)) {
                        best = here;
                        first = i;
                        second = j;
                    }
                }
            }
            if (first < 0) {
                return groups;
            }
            List<Integer> together = new ArrayList<>(groups.get(first));
            together.addAll(groups.remove(second));
            together.sort(Comparator.naturalOrder());
            groups.set(first, together);
        }
    }
}
