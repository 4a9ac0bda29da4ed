package dev.ariadne.attribution;

import dev.ariadne.attribution.GraphJson.Kind;
import dev.ariadne.attribution.GraphJson.Link;
import dev.ariadne.attribution.GraphJson.Node;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * How much of a published graph its features explain (Ameisen et al. 2025, "Evaluating graphs"), as Neuronpedia computes it from a file.
 *
 * @param replacement of the influence that begins at tokens or errors, the share of tokens, from 0 to 1
 * @param completeness the share of what nodes get that is not from errors, over all nodes by their influence, from 0 to 1
 */
public record GraphScores(double replacement, double completeness) {
    /**
     * Computes the scores.
     *
     * @param kept the features of a sub-graph, by id; of each other one, what it gives counts as its error's, and what it gets is left out.
     *     None at all is the whole graph
     */
    static GraphScores of(GraphJson graph, Collection<String> kept) {
        List<Node> nodes = graph.nodes();
        Map<String, Integer> places = new HashMap<>();
        Map<String, Integer> errors = new HashMap<>(); // by layer and position
        for (int place = 0; place < nodes.size(); place++) {
            Node node = nodes.get(place);
            places.put(node.id(), place);
            if (node.kind() == Kind.ERROR) {
                errors.put(node.layer() + "_" + node.position(), place);
            }
            if (node.kind() == Kind.LORSA || node.kind() == Kind.LORSA_ERROR) {
                throw new IllegalArgumentException("scores are defined for features of MLPs; the node '" + node.id()
                        + "' is one of attention (" + node.kind() + "), so this graph has none");
            }
        }
        Set<String> features = new HashSet<>(kept);
        for (String id : features) {
            if (!places.containsKey(id)) {
                throw new IllegalArgumentException(
                        "the sub-graph has a node '" + id + "', and this graph has not; take ids from nodes()");
            }
        }
        List<Map<Integer, Double>> rows = new ArrayList<>(); // what each node gets, by source
        nodes.forEach(node -> rows.add(new LinkedHashMap<>()));
        for (Link link : graph.links()) {
            int target = Objects.requireNonNull(places.get(link.target()));
            @Nullable Integer source = Objects.requireNonNull(places.get(link.source()));
            if (!features.isEmpty() && isOther(nodes.get(source), features)) {
                source = errors.get(
                        nodes.get(source).layer() + "_" + nodes.get(source).position());
            }
            boolean there = features.isEmpty() || !isOther(nodes.get(target), features);
            if (source != null && there) {
                rows.get(target).merge(source, link.weight(), Double::sum);
            }
        }
        return of(nodes, rows);
    }

    private static boolean isOther(Node node, Set<String> features) {
        return node.kind() == Kind.FEATURE && !features.contains(node.id());
    }

    private static GraphScores of(List<Node> nodes, List<Map<Integer, Double>> rows) {
        double[] sums = rows.stream()
                .mapToDouble(row -> row.values().stream().mapToDouble(Math::abs).sum())
                .toArray();
        double[] influence = influence(nodes, rows, sums);
        double tokens = 0;
        double errors = 0;
        double explained = 0;
        double all = 0;
        for (int at = 0; at < influence.length; at++) {
            Kind kind = nodes.get(at).kind();
            tokens += kind == Kind.TOKEN ? influence[at] : 0;
            errors += kind == Kind.ERROR ? influence[at] : 0;
            double missed = 0;
            for (var entry : rows.get(at).entrySet()) {
                missed += nodes.get(entry.getKey()).kind() == Kind.ERROR ? Math.abs(entry.getValue()) : 0;
            }
            explained += (1 - missed / Math.max(sums[at], AttributionGraph.LEAST)) * influence[at];
            all += influence[at];
        }
        return new GraphScores(tokens == 0 ? 0 : tokens / (tokens + errors), all == 0 ? 0 : explained / all);
    }

    /** What of the outputs' probability comes by each node, over all paths, the outputs' own included: each node when all that it gives to is done. */
    private static double[] influence(List<Node> nodes, List<Map<Integer, Double>> rows, double... sums) {
        int[] gives = new int[nodes.size()];
        rows.forEach(row -> row.keySet().forEach(source -> gives[source]++));
        double[] influence = nodes.stream().mapToDouble(Node::probability).toArray();
        Deque<Integer> free = new ArrayDeque<>();
        for (int at = 0; at < gives.length; at++) {
            if (gives[at] == 0) {
                free.add(at);
            }
        }
        while (!free.isEmpty()) {
            int at = free.remove();
            double share = influence[at] / Math.max(sums[at], AttributionGraph.LEAST);
            rows.get(at).forEach((source, weight) -> {
                influence[source] += Math.abs(weight) * share;
                if (--gives[source] == 0) {
                    free.add(source);
                }
            });
        }
        return influence;
    }

    @Override
    public String toString() {
        return String.format(Locale.ROOT, "replacement score %.4f, completeness score %.4f", replacement, completeness);
    }
}
