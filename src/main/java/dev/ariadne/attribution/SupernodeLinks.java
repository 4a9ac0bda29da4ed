package dev.ariadne.attribution;

import dev.ariadne.attribution.GraphJson.Link;
import dev.ariadne.attribution.GraphJson.Node;
import dev.ariadne.attribution.GraphJson.SupernodeLink;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What supernodes push each other by: the links between their members, added up. */
final class SupernodeLinks {
    private SupernodeLinks() {}

    /** Supernodes by their names, and each pinned node that is in none, by its label or id. */
    private static Map<String, String> names(GraphJson graph) {
        Map<String, String> names = new HashMap<>(); // by the id of a member
        graph.annotations().byName().forEach((name, ids) -> ids.forEach(id -> names.putIfAbsent(id, name)));
        for (Node node : graph.nodes()) {
            if (graph.annotations().pinnedIds().contains(node.id())) {
                String label = graph.label(node);
                names.putIfAbsent(node.id(), label.isEmpty() ? node.id() : label);
            }
        }
        return names;
    }

    static List<SupernodeLink> of(GraphJson graph) {
        Map<String, String> names = names(graph);
        Map<List<String>, double[]> sums = new LinkedHashMap<>(); // by source and target: signed, absolute
        Map<String, Double> got = new HashMap<>(); // from outside, absolute, by target
        for (Link link : graph.links()) {
            String source = names.getOrDefault(link.source(), "");
            String target = names.get(link.target());
            if (target == null || source.equals(target)) {
                continue;
            }
            got.merge(target, Math.abs(link.weight()), Double::sum);
            if (!source.isEmpty()) {
                double[] sum = sums.computeIfAbsent(List.of(source, target), pair -> new double[2]);
                sum[0] += link.weight();
                sum[1] += Math.abs(link.weight());
            }
        }
        List<SupernodeLink> links = new ArrayList<>();
        sums.forEach((pair, sum) -> {
            double all = got.getOrDefault(pair.get(1), 0.0);
            links.add(new SupernodeLink(pair.get(0), pair.get(1), sum[0], all == 0 ? 0 : sum[1] / all));
        });
        links.sort(Comparator.comparingDouble(link -> -Math.abs(link.weight())));
        return links;
    }
}
