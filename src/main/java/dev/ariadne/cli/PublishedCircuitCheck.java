package dev.ariadne.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.ariadne.circuit.Circuit;
import dev.ariadne.circuit.Edge;
import dev.ariadne.circuit.Node;
import dev.ariadne.circuit.PublishedCircuit;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** The circuits that were found by hand, edge by edge, and the groups of nodes that they are made of. */
final class PublishedCircuitCheck implements Conformance.Check {
    @Override
    public boolean reads(String file) {
        return file.matches("circuits/[^/]+\\.(csv|json)");
    }

    @Override
    public void compare(Path folder, String file, Comparison comparison) throws IOException {
        String name = file.replaceFirst("circuits/(.*)\\..*", "$1");
        PublishedCircuit published = Arrays.stream(PublishedCircuit.values())
                .filter(circuit -> circuit.title().equals(name))
                .findFirst()
                .orElseThrow(() -> new Conformance.Skip("no published circuit is called '" + name + "'"));
        Circuit circuit = published.circuit();
        if (file.endsWith(".json")) {
            groups(new ObjectMapper().readTree(folder.resolve(file).toFile()), published, circuit, comparison);
            return;
        }
        Set<Edge> expected = new HashSet<>();
        List<String> lines = Files.readAllLines(folder.resolve(file));
        for (String line : lines.subList(1, lines.size())) { // sender, receiver, type
            expected.add(edge(line.split(",", -1), circuit.graph().config().nLayers()));
        }
        comparison.same("number of lines", lines.size() - 1, expected.size());
        comparison.same("edges", circuit.edgeSet(), expected);
    }

    /** A direct edge is written input:a0.1.q, vector:a0.1.q. */
    private static Edge edge(String[] cells, int layers) {
        if (cells[2].equals("direct")) {
            Node input = Node.of(cells[0].replace("input:", ""), layers);
            return new Edge(input, Node.head(input.layer(), input.head()));
        }
        return new Edge(Node.of(cells[0], layers), Node.of(cells[1], layers));
    }

    private static void groups(JsonNode recorded, PublishedCircuit published, Circuit circuit, Comparison comparison) {
        comparison.same("edges", circuit.edgeCount(), recorded.get("n_edges").asInt());
        comparison.same(
                "edges of the graph",
                circuit.graph().size(),
                recorded.get("n_edges_full").asInt());
        recorded.path("groups").properties().forEach(group -> {
            Set<Node> nodes = new HashSet<>();
            for (JsonNode pair : group.getValue()) { // layer, head; no head for an MLP
                int layer = pair.get(0).asInt();
                nodes.add(
                        pair.get(1).isNull()
                                ? Node.mlp(layer)
                                : Node.head(layer, pair.get(1).asInt()));
            }
            List<Node> ours = published.groups().getOrDefault(group.getKey(), List.of());
            comparison.same("group " + group.getKey(), new HashSet<>(ours), nodes);
        });
    }
}
