package dev.ariadne.circuit;

import dev.ariadne.model.ModelConfig;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/** Small graphs and circuits for tests. */
final class Graphs {
    static final Provenance MADE_UP = new Provenance(
            "task", "KL", "nats", "model", "", "ACDC", "corrupted", Map.of("threshold", "0.01"), 7, "test");

    private Graphs() {}

    static ComputationalGraph of(Granularity granularity, int layers, int heads, int keyValueHeads) {
        ModelConfig config = ModelConfig.builder()
                .nLayers(layers)
                .dModel(4 * heads)
                .heads(heads, 4)
                .nKeyValueHeads(keyValueHeads)
                .dVocab(10)
                .build();
        return ComputationalGraph.of(config, granularity);
    }

    static ComputationalGraph of(Granularity granularity) {
        return of(granularity, 2, 2, 2);
    }

    static List<Edge> edges(ComputationalGraph graph, String... texts) {
        return Arrays.stream(texts).map(graph::edge).toList();
    }

    static Circuit circuit(ComputationalGraph graph, String... texts) {
        return Circuit.of(graph, edges(graph, texts), 0.5, MADE_UP);
    }
}
