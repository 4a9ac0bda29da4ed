package dev.ariadne.attribution;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.ariadne.model.ActivationCache;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.transcoder.Activation;
import dev.ariadne.transcoder.Feature;
import dev.ariadne.transcoder.Transcoders;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What autograd finds under these hooks against the sum over all paths of the attribution graph, which the sweep makes without autograd. */
class LocalHooksTest {
    private static final long[] TOKENS = {5, 9, 3, 7, 30, 2};
    private static final int ANSWER = 11;

    @ParameterizedTest
    @CsvSource({
        "models/gpt2-tiny, mlp.hook_in, mlp.hook_out, RELU, 0, false",
        "models/gpt2-tiny, hook_resid_mid, hook_mlp_out, CROSS_LAYER, 0, true",
        "models/pythia-tiny, mlp.hook_in, hook_mlp_out, JUMP_RELU, 0, true",
        "models/llama-tiny, mlp.hook_in, mlp.hook_out, TOP_K, 5, true",
        "models/gemma3-tiny, mlp.hook_in, mlp.hook_out, JUMP_RELU, 0, false",
        "tl/parallel-tiny, mlp.hook_in, mlp.hook_out, RELU, 0, false"
    })
    void gradientsAreSumsOverAllPaths(String path, String input, String output, String kind, int k, boolean skip) {
        try (HookedTransformer model = HookedTransformer.load(
                        Path.of("src/test/resources").resolve(path).toString(), "cpu");
                Transcoders transcoders = kind.equals("CROSS_LAYER")
                        ? new RandomTranscoders(model, 24, 1).crossLayer(input, output, skip)
                        : new RandomTranscoders(model, 24, 1)
                                .perLayer(input, output, new Activation(Activation.Kind.valueOf(kind), k), skip)) {
            ReplacementModel replacement = ReplacementModel.of(model, transcoders);
            AttributionGraph graph =
                    replacement.attribute(TOKENS, AttributionConfig.DEFAULT.withTargets(Targets.ids(ANSWER)));
            double[] paths = paths(graph);
            double largest = 0;
            try (ActivationCache cache = model.runWithGradients(
                            new long[][] {TOKENS},
                            logits -> {
                                NDArray last = logits.get(0, TOKENS.length - 1); // [dVocab]
                                return last.get(ANSWER).sub(last.mean());
                            },
                            outputs(transcoders),
                            replacement.localHooks());
                    NDManager scope = model.newOwner()) {
                for (int node = 0; node < graph.featureCount(); node++) {
                    Feature feature = graph.active().feature(node);
                    double slope = slope(cache, transcoders, feature, scope);
                    largest = Math.max(largest, Math.abs(paths[node]));
                    assertThat(graph.active().activation(node) * slope)
                            .as(feature.toString())
                            .isCloseTo(paths[node], within(2e-4)); // both in float32
                }
            }
            assertThat(largest).isGreaterThan(1e-2);
        }
    }

    private static List<String> outputs(Transcoders transcoders) {
        List<String> outputs = new ArrayList<>();
        for (int layer = 0; layer < transcoders.size(); layer++) {
            outputs.add(transcoders.output(layer).toString());
        }
        return outputs;
    }

    private static double slope(ActivationCache cache, Transcoders transcoders, Feature feature, NDManager scope) {
        double slope = 0;
        for (int target = feature.layer(); target <= transcoders.lastWritten(feature.layer()); target++) {
            NDArray gradient = cache.grad(transcoders.output(target).toString()).array();
            slope += gradient.get(scope, 0, feature.position())
                    .mul(transcoders
                            .decoderRows(feature.layer(), new long[] {feature.index()}, target, scope)
                            .reshape(-1))
                    .sum()
                    .getFloat();
        }
        return slope;
    }

    /** From the last feature down: what it gives to the target itself, and through each feature that gets from it. */
    private static double[] paths(AttributionGraph graph) {
        double[] paths = new double[graph.featureCount()];
        for (int node = paths.length - 1; node >= 0; node--) {
            paths[node] = graph.weight(graph.targetNode(0), node);
            for (int later = node + 1; later < paths.length; later++) {
                double share = paths[later] / graph.active().activation(later);
                paths[node] += graph.weight(later, node) * share;
            }
        }
        return paths;
    }
}
