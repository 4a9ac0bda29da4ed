package dev.ariadne.sparse;

import dev.ariadne.circuit.Circuit;
import dev.ariadne.circuit.ComputationalGraph;
import dev.ariadne.circuit.Edge;
import dev.ariadne.circuit.Granularity;
import dev.ariadne.circuit.Node;
import dev.ariadne.circuit.Node.Kind;
import dev.ariadne.circuit.Provenance;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/** A circuit of weights seen as one of edges between heads and MLPs: one writes a channel of the stream that the other reads. */
final class HeadsAndMlps {
    private final SparseCircuit circuit;
    private final ComputationalGraph graph;
    private final Wiring wiring;
    private final Map<Node, Set<Integer>> written = new HashMap<>(); // channels of the stream
    private final Map<Node, Set<Integer>> read = new HashMap<>();

    private HeadsAndMlps(SparseCircuit circuit, Granularity granularity) {
        this.circuit = circuit;
        this.wiring = circuit.pruner().wiring();
        this.graph = ComputationalGraph.of(wiring.c, granularity);
    }

    static Circuit of(SparseCircuit circuit, Granularity granularity) {
        return new HeadsAndMlps(circuit, granularity).project();
    }

    private Circuit project() {
        Node logits = new Node(Kind.LOGITS, wiring.c.nLayers() - 1, -1);
        for (int token : circuit.task().tokens()) {
            add(written, Node.embed(), wiring.embed[token]);
        }
        for (int answer : circuit.task().answers()) {
            add(read, logits, wiring.unembed[answer]);
        }
        circuit.connections().forEach(this::add);
        Set<Edge> edges = new HashSet<>(Set.of(new Edge(Node.embed(), logits))); // is never off
        read.forEach((reader, channels) -> written.forEach((writer, others) -> {
            Edge edge = new Edge(writer, reader);
            if (others.stream().anyMatch(channels::contains) && graph.contains(edge)) {
                edges.add(edge);
            }
        }));
        if (graph.granularity() == Granularity.SPLIT_QKV_DIRECT) {
            read.keySet().stream()
                    .filter(Node::isHeadInput)
                    .forEach(input -> edges.add(new Edge(input, Node.head(input.layer(), input.head()))));
        }
        PruneConfig config = circuit.pruner().config();
        return Circuit.of(
                graph,
                edges.stream()
                        .sorted((a, b) -> graph.indexOf(a) - graph.indexOf(b))
                        .toList(),
                Double.NaN,
                new Provenance(
                        circuit.task().name(),
                        "loss",
                        "nats",
                        circuit.pruner().model().name(),
                        circuit.pruner().model().weights().sha256(),
                        SparseCircuit.METHOD,
                        config.ablation().name().toLowerCase(Locale.ROOT),
                        Map.of("target", Double.toString(config.target())),
                        config.seed(),
                        Provenance.libraryVersion()));
    }

    private static void add(Map<Node, Set<Integer>> channels, Node node, float[] row) {
        for (int i = 0; i < row.length; i++) {
            if (row[i] != 0) {
                channels.computeIfAbsent(node, n -> new HashSet<>()).add(i);
            }
        }
    }

    private void add(Connection weight) {
        Channel from = weight.from();
        Channel to = weight.to();
        switch (to.place()) {
            case Q, K, V -> add(read, input(to), from.index());
            case NEURON -> add(read, Node.mlp(to.layer()), from.index());
            case ATTN_OUT -> add(written, Node.head(to.layer(), from.index() / wiring.c.dHead()), to.index());
            case MLP_OUT -> add(written, Node.mlp(to.layer()), to.index());
            case ATTN_IN, MLP_IN -> throw new AssertionError("no weights write " + to);
        }
    }

    private static void add(Map<Node, Set<Integer>> channels, Node node, int channel) {
        channels.computeIfAbsent(node, n -> new HashSet<>()).add(channel);
    }

    private Node input(Channel channel) {
        int head = channel.index() / wiring.c.dHead();
        Kind kind = graph.granularity() == Granularity.HEADS
                ? Kind.HEAD
                : channel.place() == Place.Q ? Kind.QUERY : channel.place() == Place.K ? Kind.KEY : Kind.VALUE;
        return new Node(kind, channel.layer(), head);
    }
}
