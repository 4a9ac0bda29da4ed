package dev.ariadne.circuit;

import dev.ariadne.circuit.Node.Kind;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;

/** Random sets of edges of a graph. */
final class RandomEdges {
    private static final int ATTEMPTS = 100;

    private final ComputationalGraph graph;
    private final Random random;

    RandomEdges(ComputationalGraph graph, Random random) {
        this.graph = graph;
        this.random = random;
    }

    /** So many edges, each set as likely as any other. */
    Set<Edge> any(int size) {
        List<Edge> edges = new ArrayList<>(graph.edges());
        Collections.shuffle(edges, random);
        return new LinkedHashSet<>(edges.subList(0, size));
    }

    /**
     * So many edges, each on a way from an embedding to the output.
     *
     * @throws IllegalArgumentException when none is found: a head takes several edges, so that not every small number can be had
     */
    Set<Edge> connected(int size) {
        for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
            Growth growth = new Growth(size);
            if (growth.finish()) {
                return growth.chosen;
            }
        }
        throw new IllegalArgumentException("no connected circuit of " + size + " edges was found in " + ATTEMPTS
                + " attempts in " + graph + "; ask for another size, or for circuits that need not be connected");
    }

    /** A circuit that grows from the output down, and keeps enough edges back to join all its nodes to the embedding. */
    private final class Growth {
        private final int size;
        private final Set<Edge> chosen = new LinkedHashSet<>();
        private final List<Edge> candidates = new ArrayList<>(); // edges into nodes from which the output is reached
        private final Set<Node> reading = new HashSet<>(); // receivers whose edges are candidates
        private final Set<Node> open = new HashSet<>(); // nodes that write, but read nothing yet
        private final Set<Node> fed = new HashSet<>(); // nodes that read something

        Growth(int size) {
            this.size = size;
            read(new Node(Kind.LOGITS, graph.config().nLayers() - 1, -1));
        }

        private void read(Node receiver) {
            if (reading.add(receiver)) {
                graph.sendersTo(receiver).forEach(sender -> candidates.add(new Edge(sender, receiver)));
            }
        }

        boolean finish() {
            while (chosen.size() < size) {
                int at = pick();
                if (at < 0) {
                    return false;
                }
                Edge edge = candidates.get(at);
                candidates.set(at, candidates.get(candidates.size() - 1));
                candidates.remove(candidates.size() - 1);
                add(edge);
            }
            return true;
        }

        /** A random candidate after which there are edges enough to close what is open; -1 where there is none. */
        private int pick() {
            for (int i = 0; i < 50 && !candidates.isEmpty(); i++) {
                int at = random.nextInt(candidates.size());
                if (fits(candidates.get(at))) {
                    return at;
                }
            }
            List<Integer> fitting = new ArrayList<>();
            for (int i = 0; i < candidates.size(); i++) {
                if (fits(candidates.get(i))) {
                    fitting.add(i);
                }
            }
            return fitting.isEmpty() ? -1 : fitting.get(random.nextInt(fitting.size()));
        }

        private boolean fits(Edge edge) {
            int cost = open.stream().mapToInt(this::cost).sum();
            cost -= feeds(edge.to()).stream()
                    .filter(open::contains)
                    .mapToInt(this::cost)
                    .sum();
            cost += isNew(edge.from()) ? cost(edge.from()) : 0;
            return chosen.size() + 1 + cost <= size;
        }

        /** How many edges it takes at most to join a node to the embedding. */
        private int cost(Node node) {
            return node.kind() == Kind.HEAD && graph.granularity() == Granularity.SPLIT_QKV_DIRECT ? 2 : 1;
        }

        private boolean isNew(Node sender) {
            return sender.kind() != Kind.EMBED
                    && sender.kind() != Kind.POS_EMBED
                    && !open.contains(sender)
                    && !fed.contains(sender);
        }

        private void add(Edge edge) {
            chosen.add(edge);
            fed.addAll(feeds(edge.to()));
            feeds(edge.to()).forEach(open::remove);
            if (isNew(edge.from())) {
                open.add(edge.from());
            }
            if (edge.from().kind() == Kind.HEAD) {
                boolean direct = graph.granularity() == Granularity.SPLIT_QKV_DIRECT;
                (direct ? List.of(edge.from()) : graph.inputs(edge.from())).forEach(this::read);
            } else if (edge.from().kind() == Kind.MLP || edge.from().isHeadInput()) {
                read(edge.from());
            }
        }

        /** The nodes that read something once an edge ends here. */
        private List<Node> feeds(Node receiver) {
            return receiver.isHeadInput() && graph.granularity() == Granularity.SPLIT_QKV
                    ? graph.headsOf(receiver)
                    : List.of(receiver);
        }
    }
}
