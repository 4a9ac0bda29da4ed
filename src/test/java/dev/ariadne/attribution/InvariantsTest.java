package dev.ariadne.attribution;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.ariadne.intervention.FeaturePatcher;
import dev.ariadne.intervention.Mode;
import dev.ariadne.intervention.PatchedRun;
import dev.ariadne.intervention.Setting;
import dev.ariadne.model.Hook;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.model.Logits;
import dev.ariadne.model.Weight;
import dev.ariadne.transcoder.Activation;
import dev.ariadne.transcoder.Feature;
import dev.ariadne.transcoder.Transcoders;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a graph says is what the model does with everything but the direct way held (I1 to I5), for random models of all families. */
class InvariantsTest {
    private static final long[] TOKENS = {5, 9, 3, 7, 30, 2};

    @ParameterizedTest
    @CsvSource({
        "models/gpt2-tiny, hook_resid_mid, hook_mlp_out, CROSS_LAYER, 0, false",
        "models/pythia-tiny, mlp.hook_in, hook_mlp_out, JUMP_RELU, 0, false",
        "models/llama-tiny, mlp.hook_in, mlp.hook_out, TOP_K, 5, true",
        "models/mistral-tiny, mlp.hook_in, mlp.hook_out, RELU, 0, false",
        "models/qwen2-tiny, mlp.hook_in, mlp.hook_out, RELU, 0, true",
        "models/qwen3-tiny, hook_mlp_in, hook_mlp_out, RELU, 0, false",
        "models/gemma-tiny, mlp.hook_in, mlp.hook_out, RELU, 0, false",
        "models/gemma2-tiny, mlp.hook_in, mlp.hook_out, JUMP_RELU, 0, true",
        "models/gemma2-tiny, hook_resid_mid, hook_mlp_out, CROSS_LAYER, 0, false",
        "models/gemma3-tiny, mlp.hook_in, mlp.hook_out, RELU, 0, true",
        "tl/relu-tiny, mlp.hook_in, mlp.hook_out, RELU, 0, false",
        "tl/parallel-tiny, mlp.hook_in, mlp.hook_out, RELU, 0, false"
    })
    void whatIsAddedOnceMoreMovesAllByItsColumn(
            String path, String input, String output, String kind, int k, boolean skip) {
        try (HookedTransformer model = HookedTransformer.load(
                        Path.of("src/test/resources").resolve(path).toString(), "cpu");
                Transcoders transcoders = kind.equals("CROSS_LAYER")
                        ? new RandomTranscoders(model, 24, 1).crossLayer(input, output, skip)
                        : new RandomTranscoders(model, 24, 1)
                                .perLayer(input, output, new Activation(Activation.Kind.valueOf(kind), k), skip);
                FeaturePatcher patcher = FeaturePatcher.of(ReplacementModel.of(model, transcoders), TOKENS)) {
            ReplacementModel replacement = ReplacementModel.of(model, transcoders);
            AttributionGraph graph =
                    replacement.attribute(TOKENS, AttributionConfig.DEFAULT.withTargets(new Targets.Salient(10, 1)));
            long first = graph.targets().get(0).id();
            long second = graph.targets().get(1).id();
            Targets difference = Targets.directions(new Targets.Direction("x - y", 1, direction(model, first, second)));
            AttributionGraph between = replacement.attribute(TOKENS, AttributionConfig.DEFAULT.withTargets(difference));
            double[] was = last(patcher.clean().logits(), model);
            List<Feature> features = graph.active().features();
            for (int source = 0; source < features.size(); source += Math.max(1, features.size() / 20)) {
                Feature feature = features.get(source);
                Setting twice = Setting.of(feature, 2 * graph.active().activation(feature));
                try (PatchedRun run = patcher.run(List.of(twice), Mode.DIRECT)) {
                    double[] now = requireMoved(replacement, patcher, run, graph, source);
                    double moved = now[(int) first] - now[(int) second] - was[(int) first] + was[(int) second];
                    close(moved, between.weight(between.targetNode(0), source), 2e-4);
                }
            }
            errorsAndTokens(replacement, patcher, graph);
        }
    }

    /** The same for error vectors and for embeddings of tokens. */
    private static void errorsAndTokens(ReplacementModel replacement, FeaturePatcher patcher, AttributionGraph graph) {
        HookedTransformer model = replacement.model();
        try (CleanRun clean = new CleanRun(replacement, TOKENS, List.of("hook_embed"), (layer, index) -> "");
                NDManager scope = model.newOwner()) {
            for (int position = 0; position < TOKENS.length; position++) {
                Hook token = plus("hook_embed", position, clean.at("hook_embed", scope));
                try (PatchedRun run = patcher.run(List.of(), Mode.DIRECT, token)) {
                    requireMoved(replacement, patcher, run, graph, graph.tokenNode(position));
                }
                for (int layer = 0; layer < model.config().nLayers() && position > 0; layer++) {
                    String output = replacement.transcoders().output(layer).toString();
                    Hook error = plus(output, position, clean.error(layer));
                    try (PatchedRun run = patcher.run(List.of(), Mode.DIRECT, error)) {
                        requireMoved(replacement, patcher, run, graph, graph.errorNode(layer, position));
                    }
                }
            }
        }
    }

    /** Adds one position's row of [pos, dModel] where it is. */
    private static Hook plus(String point, int position, NDArray rows) {
        float[] all = rows.toFloatArray();
        int width = all.length / TOKENS.length;
        for (int i = 0; i < all.length; i++) {
            all[i] = i / width == position ? all[i] : 0;
        }
        return Hook.at(point, x -> x.add(x.getManager().create(all, new Shape(1, TOKENS.length, width))));
    }

    /** Every feature's pre-activation and every target's centered logit has moved by the source's edge; returns the last logits. */
    private static double[] requireMoved(
            ReplacementModel replacement, FeaturePatcher patcher, PatchedRun run, AttributionGraph graph, int source) {
        Transcoders transcoders = replacement.transcoders();
        HookedTransformer model = replacement.model();
        List<double[][]> before = preactivations(patcher.clean(), transcoders);
        List<double[][]> after = preactivations(run, transcoders);
        for (int target = 0; target < graph.featureCount(); target++) {
            Feature f = graph.active().feature(target);
            double moved =
                    after.get(f.layer())[f.position()][f.index()] - before.get(f.layer())[f.position()][f.index()];
            close(moved, graph.weight(target, source), 5e-4);
        }
        double[] was = last(patcher.clean().logits(), model);
        double[] now = last(run.logits(), model);
        double shift = mean(now) - mean(was);
        for (int place = 0; place < graph.targets().size(); place++) {
            int id = (int) graph.targets().get(place).id();
            close(now[id] - was[id] - shift, graph.weight(graph.targetNode(place), source), 2e-4);
        }
        return now;
    }

    private static void close(double moved, double edge, double tolerance) {
        assertThat(moved).isCloseTo(edge, within(tolerance + 1e-3 * Math.abs(edge)));
    }

    private static double mean(double... values) {
        return Arrays.stream(values).average().orElseThrow();
    }

    private static List<double[][]> preactivations(PatchedRun run, Transcoders transcoders) {
        List<double[][]> all = new ArrayList<>();
        for (int layer = 0; layer < transcoders.size(); layer++) {
            all.add(run.preactivations(layer));
        }
        return all;
    }

    /** The last position's logits before their cap. */
    private static double[] last(Logits logits, HookedTransformer model) {
        double cap = model.config().logitSoftcap();
        try (NDArray array = logits.array().get(0, TOKENS.length - 1)) {
            return Arrays.stream(array.toType(DataType.FLOAT64, true).toDoubleArray())
                    .map(logit -> cap == 0 ? logit : cap * Math.log((cap + logit) / (cap - logit)) / 2)
                    .toArray();
        }
    }

    private static float[] direction(HookedTransformer model, long first, long second) {
        int width = model.config().dModel();
        float[] direction = new float[width];
        try (Weight unembed = model.weights().get("unembed.W_U")) {
            float[] all = unembed.toFloatArray(); // [dModel, dVocab]
            int vocabulary = all.length / width;
            for (int i = 0; i < width; i++) {
                direction[i] = all[i * vocabulary + (int) first] - all[i * vocabulary + (int) second];
            }
        }
        return direction;
    }
}
