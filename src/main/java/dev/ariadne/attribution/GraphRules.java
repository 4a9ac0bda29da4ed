package dev.ariadne.attribution;

import dev.ariadne.attribution.GraphJson.Link;
import dev.ariadne.attribution.GraphJson.Metadata;
import dev.ariadne.attribution.GraphJson.Node;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.StringJoiner;

/** What holds in every attribution graph: ids differ, links join them once, and nothing pushes itself, not even by a detour. */
final class GraphRules {
    private GraphRules() {}

    static void check(Metadata metadata, List<Node> nodes, List<Link> links) {
        Map<String, Integer> places = places(nodes, metadata.promptTokens().size());
        int[] from = new int[links.size()];
        int[] to = new int[links.size()];
        for (int i = 0; i < from.length; i++) {
            Link link = links.get(i);
            from[i] = place(places, link.source(), i, link);
            to[i] = place(places, link.target(), i, link);
            if (!Double.isFinite(link.weight())) {
                throw new IllegalArgumentException(
                        "links[" + i + "], " + name(link) + ", must have a finite weight, got " + link.weight());
            }
        }
        requireOnce(from, to, nodes);
        requireNoCycle(from, to, nodes);
    }

    private static Map<String, Integer> places(List<Node> nodes, int positions) {
        Map<String, Integer> places = new HashMap<>(2 * nodes.size());
        for (Node node : nodes) {
            if (places.put(node.id(), places.size()) != null) {
                throw new IllegalArgumentException("two nodes have the id '" + node.id() + "'; ids must differ");
            }
            if (node.position() >= positions) {
                throw new IllegalArgumentException("the node '" + node.id() + "' is at position " + node.position()
                        + ", but the prompt has " + positions + " tokens, from 0");
            }
        }
        return places;
    }

    private static int place(Map<String, Integer> places, String id, int i, Link link) {
        Integer place = places.get(id);
        if (place == null) {
            throw new IllegalArgumentException(
                    "links[" + i + "], " + name(link) + ", must join two of the nodes; there is no node '" + id + "'");
        }
        return place;
    }

    private static String name(Link link) {
        return link.source() + " -> " + link.target();
    }

    private static void requireOnce(int[] from, int[] to, List<Node> nodes) {
        long[] pairs = new long[from.length];
        for (int i = 0; i < pairs.length; i++) {
            pairs[i] = (long) from[i] << Integer.SIZE | to[i];
        }
        Arrays.sort(pairs);
        for (int i = 1; i < pairs.length; i++) {
            if (pairs[i] == pairs[i - 1]) {
                String source = nodes.get((int) (pairs[i] >> Integer.SIZE)).id();
                throw new IllegalArgumentException("the link " + source + " -> "
                        + nodes.get((int) pairs[i]).id() + " is there twice; a pair of nodes has one weight");
            }
        }
    }

    /** Takes away nodes that nothing left pushes, until none is left; what cannot be taken away lies on a cycle or after one. */
    private static void requireNoCycle(int[] from, int[] to, List<Node> nodes) {
        int n = nodes.size();
        int[] start = new int[n + 1]; // where the links of a source begin in byTarget
        int[] open = new int[n]; // links into a node from nodes that are left
        for (int i = 0; i < from.length; i++) {
            start[from[i] + 1]++;
            open[to[i]]++;
        }
        for (int i = 0; i < n; i++) {
            start[i + 1] += start[i];
        }
        int[] targets = new int[to.length];
        int[] next = Arrays.copyOf(start, n);
        for (int i = 0; i < from.length; i++) {
            targets[next[from[i]]++] = to[i];
        }
        int[] free = new int[n];
        int found = 0;
        for (int i = 0; i < n; i++) {
            if (open[i] == 0) {
                free[found++] = i;
            }
        }
        for (int done = 0; done < found; done++) {
            for (int i = start[free[done]]; i < start[free[done] + 1]; i++) {
                if (--open[targets[i]] == 0) {
                    free[found++] = targets[i];
                }
            }
        }
        if (found < n) {
            throw new IllegalArgumentException("the links form a cycle: " + cycle(from, to, open, nodes)
                    + "; in an attribution graph, later layers never push earlier ones");
        }
    }

    /** Walks back along links between nodes that are left, until a node comes again. */
    private static String cycle(int[] from, int[] to, int[] open, List<Node> nodes) {
        Map<Integer, Integer> pushedBy = new HashMap<>();
        for (int i = 0; i < from.length; i++) {
            if (open[from[i]] > 0 && open[to[i]] > 0) {
                pushedBy.put(to[i], from[i]);
            }
        }
        int at = pushedBy.keySet().iterator().next();
        for (int i = 0; i < pushedBy.size(); i++) { // now surely on a cycle, not after one
            at = pushedBy.getOrDefault(at, at);
        }
        int first = at;
        StringJoiner names = new StringJoiner(" <- ").add(nodes.get(first).id());
        for (int i = 0; i < 6; i++) {
            at = pushedBy.getOrDefault(at, at);
            names.add(nodes.get(at).id());
            if (at == first) {
                return names.toString();
            }
        }
        return names + " <- …";
    }
}
