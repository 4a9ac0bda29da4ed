package dev.ariadne.cli;

import com.fasterxml.jackson.databind.JsonNode;
import dev.ariadne.attribution.ActiveFeatures;
import dev.ariadne.attribution.AttributionConfig;
import dev.ariadne.attribution.AttributionGraph;
import dev.ariadne.attribution.PrunedGraph;
import dev.ariadne.attribution.Target;
import dev.ariadne.model.Logits;
import dev.ariadne.transcoder.Feature;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * A small model with transcoders: its logits, the features that are active on the prompt, the attribution graph with its pruning and scores, and what
 * interventions do.
 */
final class AttributionCheck implements Conformance.Check {
    private static final double TOLERANCE = 1e-4;
    private static final double SCORE = 1e-5;

    @Override
    public boolean reads(String file) {
        return file.matches("attribution/[^/]+\\.expected\\.safetensors");
    }

    @Override
    public void compare(Path folder, String file, Comparison comparison) throws IOException {
        Path path = folder.resolve(file);
        String name = String.valueOf(path.getFileName()).replace(".expected.safetensors", "");
        Path parent = path.resolveSibling("");
        try (AttributionFixture fixture = AttributionFixture.load(parent, name);
                Reference expected = new Reference(path)) {
            long[] tokens = expected.longs("tokens");
            try (Logits logits = fixture.model().run(new long[][] {tokens})) {
                comparison.close("logits", logits.array().toFloatArray(), expected.floats("logits"), TOLERANCE);
            }
            AttributionGraph graph = fixture.replacement().attribute(tokens, AttributionConfig.DEFAULT);
            compare(graph.active(), expected, comparison);
            compare(graph, expected, comparison);
            JsonNode scores = fixture.description();
            comparison.add(
                    "replacement score",
                    Math.abs(graph.replacementScore()
                            - scores.path("replacement").asDouble()),
                    SCORE);
            comparison.add(
                    "completeness score",
                    Math.abs(graph.completenessScore()
                            - scores.path("completeness").asDouble()),
                    SCORE);
            InterventionCheck.compare(fixture, expected, comparison);
            comparison.leave(expected.unread());
        }
    }

    private static void compare(ActiveFeatures features, Reference expected, Comparison comparison) {
        float[] before = expected.floats("preactivations"); // [layer, pos, feature]
        float[] after = expected.floats("activations");
        long[] shape = expected.file().shape("activations");
        int pos = (int) shape[1];
        int width = (int) shape[2];
        long[] places = expected.longs("active_features"); // [active, (layer, position, feature)]
        comparison.same("the number of active features", features.size(), places.length / 3);
        for (int i = 0; i < after.length; i++) {
            Feature feature = new Feature(i / (pos * width), i / width % pos, i % width);
            int place = features.place(feature);
            comparison.add(feature.toString(), Math.abs(features.activation(feature) - after[i]), TOLERANCE);
            if (place >= 0) {
                comparison.add(feature.toString(), Math.abs(features.preactivation(place) - before[i]), TOLERANCE);
            }
        }
        float[] values = expected.floats("activation_values");
        for (int i = 0; i < Math.min(values.length, features.size()); i++) {
            Feature feature = new Feature((int) places[3 * i], (int) places[3 * i + 1], (int) places[3 * i + 2]);
            comparison.same("feature " + i, features.feature(i), feature);
            comparison.add(feature.toString(), Math.abs(features.activation(i) - values[i]), TOLERANCE);
        }
    }

    private static void compare(AttributionGraph graph, Reference expected, Comparison comparison) {
        float[] adjacency = expected.floats("adjacency"); // [target, source]
        int[] nodes = Arrays.stream(expected.longs("node_mask"))
                .mapToInt(Math::toIntExact)
                .toArray();
        long[] edges = expected.longs("edge_mask");
        float[] cumulative = expected.floats("cumulative");
        int size = graph.size();
        comparison.same("the number of nodes", size, nodes.length);
        PrunedGraph pruned = graph.prune();
        double[] influence = graph.cumulativeInfluence();
        for (int node = 0; node < size; node++) {
            comparison.same("whether node " + node + " is kept", pruned.contains(node) ? 1 : 0, nodes[node]);
            comparison.add("influence of node " + node, Math.abs(influence[node] - cumulative[node]), SCORE);
        }
        for (int i = 0; i < adjacency.length; i++) {
            int target = i / size;
            int source = i % size;
            String edge = "edge from " + source + " to " + target;
            comparison.add(edge, Math.abs(graph.weight(target, source) - adjacency[i]), TOLERANCE);
            comparison.same(edge, pruned.weight(target, source) != 0 ? 1L : 0L, edges[i]);
        }
        long[] ids = expected.longs("logit_ids");
        float[] probabilities = expected.floats("logit_probabilities");
        comparison.same(
                "targets",
                graph.targets().stream().map(Target::id).toList(),
                Arrays.stream(ids).boxed().toList());
        for (int i = 0; i < ids.length; i++) {
            double found = graph.targets().get(i).probability();
            comparison.add("probability of target " + i, Math.abs(found - probabilities[i]), TOLERANCE);
        }
        comparison.add("what the bias and all edges miss of a value", Math.abs(graph.residual()), TOLERANCE);
    }
}
