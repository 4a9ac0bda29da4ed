package dev.ariadne.attribution;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ariadne.model.ActivationCache;
import dev.ariadne.model.Hook;
import dev.ariadne.model.HookName;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.tensor.Tensors;
import dev.ariadne.transcoder.Activation;
import dev.ariadne.transcoder.Feature;
import dev.ariadne.transcoder.Transcoders;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.function.Function;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The sweep against a slow twin: the model is run with patterns, scales and MLP outputs held by hooks, and each target differentiated by
 * autograd with respect to the MLP outputs and the embedding.
 */
class SweepTest {
    private static final long[] TOKENS = {5, 9, 3, 7, 30, 2};
    private static final int EVERY = 7; // of the features, one in so many is a target

    @ParameterizedTest
    @CsvSource({
        "models/gpt2-tiny, mlp.hook_in, mlp.hook_out, RELU, 0, false",
        "models/gpt2-tiny, hook_resid_mid, hook_mlp_out, CROSS_LAYER, 0, false",
        "models/gpt2-tiny, ln2.hook_normalized, hook_mlp_out, CROSS_LAYER, 0, true",
        "models/pythia-tiny, mlp.hook_in, hook_mlp_out, JUMP_RELU, 0, true",
        "models/llama-tiny, mlp.hook_in, mlp.hook_out, TOP_K, 5, true",
        "models/llama-tiny, ln2.hook_normalized, mlp.hook_out, JUMP_RELU, 0, true",
        "models/gemma2-tiny, mlp.hook_in, mlp.hook_out, JUMP_RELU, 0, true",
        "models/gemma2-tiny, hook_resid_mid, hook_mlp_out, CROSS_LAYER, 0, false",
        "models/gemma3-tiny, mlp.hook_in, mlp.hook_out, RELU, 0, true",
        "models/qwen3-tiny, hook_mlp_in, hook_mlp_out, RELU, 0, false",
        "models/mistral-tiny, mlp.hook_in, mlp.hook_out, RELU, 0, false",
        "tl/relu-tiny, mlp.hook_in, mlp.hook_out, RELU, 0, true",
        "tl/parallel-tiny, mlp.hook_in, mlp.hook_out, RELU, 0, true"
    })
    void equalsAutograd(String path, String input, String output, String kind, int k, boolean skip) {
        try (HookedTransformer model = HookedTransformer.load(
                        Path.of("src/test/resources").resolve(path).toString(), "cpu");
                Transcoders transcoders = kind.equals("CROSS_LAYER")
                        ? new RandomTranscoders(model, 24, 1).crossLayer(input, output, skip)
                        : new RandomTranscoders(model, 24, 1)
                                .perLayer(input, output, new Activation(Activation.Kind.valueOf(kind), k), skip);
                Twin twin = new Twin(ReplacementModel.of(model, transcoders))) {
            AttributionGraph graph =
                    ReplacementModel.of(model, transcoders).attribute(TOKENS, AttributionConfig.DEFAULT);
            assertThat(graph.residual()).isLessThan(1e-4);
            List<Integer> targets = new ArrayList<>();
            for (int node = 0; node < graph.size(); node++) {
                if (node >= graph.targetNode(0) || (node < graph.featureCount() && node % EVERY == 0)) {
                    targets.add(node);
                }
            }
            double size = 0;
            for (int target : targets) {
                double[] slow = twin.row(graph, target);
                for (int source = 0; source < graph.size(); source++) {
                    size = Math.max(size, Math.abs(slow[source]));
                    assertThat(graph.weight(target, source))
                            .as("%s <- %s", graph.node(target), graph.node(source))
                            .isCloseTo(slow[source], within(1e-4));
                }
            }
            assertThat(size).isGreaterThan(1e-2);
        }
    }

    /**
     * The frozen model is linear: gradients of the most probable logit are the same for other tokens (all but the first are replaced), and where
     * noise is added to the embeddings and to what MLPs write, so that second derivatives are zero.
     */
    @ParameterizedTest
    @CsvSource({
        "models/gpt2-tiny, hook_resid_mid, hook_mlp_out, false",
        "models/llama-tiny, mlp.hook_in, mlp.hook_out, true",
        "models/gemma2-tiny, mlp.hook_in, mlp.hook_out, true",
        "models/qwen3-tiny, hook_mlp_in, hook_mlp_out, false",
        "tl/parallel-tiny, mlp.hook_in, mlp.hook_out, true"
    })
    void gradientsDependNeitherOnTokensNorOnActivations(String path, String input, String output, boolean skip) {
        try (HookedTransformer model = HookedTransformer.load(
                        Path.of("src/test/resources").resolve(path).toString(), "cpu");
                Transcoders transcoders =
                        new RandomTranscoders(model, 24, 1).perLayer(input, output, Activation.RELU, skip);
                Twin twin = new Twin(ReplacementModel.of(model, transcoders))) {
            long best = model.next(new long[][] {TOKENS}).top(1).get(0).id();
            Map<String, float[]> expected = twin.gradients(best, TOKENS, 0);
            assertThat(expected).hasSize(model.config().nLayers() + 1);
            assertThat(expected.values().stream()
                            .mapToDouble(SweepTest::largest)
                            .max()
                            .orElseThrow())
                    .isGreaterThan(1e-2);
            long[] others = {TOKENS[0], 8, 11, 4, 21, 17};
            assertSame(twin.gradients(best, others, 0), expected);
            assertSame(twin.gradients(best, TOKENS, 3), expected);
        }
    }

    private static double largest(float... values) {
        double most = 0;
        for (float value : values) {
            most = Math.max(most, Math.abs(value));
        }
        return most;
    }

    private static void assertSame(Map<String, float[]> found, Map<String, float[]> expected) {
        expected.forEach((name, values) -> assertThat(found.get(name)).as(name).containsExactly(values, within((float)
                (1e-5 * Math.max(1, largest(values))))));
    }

    /** Rows by autograd. */
    private static final class Twin implements AutoCloseable {
        private final HookedTransformer model;
        private final Transcoders transcoders;
        private final NDManager manager = Tensors.engine().newBaseManager(Device.cpu());
        private final Map<String, NDArray> clean = new LinkedHashMap<>();

        Twin(ReplacementModel replacement) {
            this.model = replacement.model();
            this.transcoders = replacement.transcoders();
            try (ActivationCache cache = model.runWithCache(new long[][] {TOKENS}, filter().toArray(String[]::new))) {
                for (HookName name : cache.names()) {
                    NDArray copy = cache.get(name.toString()).array().duplicate();
                    copy.attach(manager);
                    clean.put(name.toString(), copy);
                }
            }
        }

        private List<String> filter() {
            List<String> names = new ArrayList<>(List.of("*.hook_pattern"));
            if (!model.config().norm().name().equals("NONE")) {
                names.add("*.hook_scale");
            }
            for (int layer = 0; layer < transcoders.size(); layer++) {
                names.add(transcoders.input(layer).toString());
                names.add(transcoders.output(layer).toString());
            }
            names.add("hook_embed");
            return names;
        }

        private NDArray clean(String name) {
            return Objects.requireNonNull(clean.get(name), name);
        }

        /** Gradients of a scalar of what one layer reads, or of the logits where there is no layer. */
        private ActivationCache differentiate(int layer, Function<NDArray, NDArray> scalar) {
            return differentiate(layer, scalar, TOKENS, 0);
        }

        /** Gradients of a logit with respect to the embedding and to each MLP output. */
        Map<String, float[]> gradients(long token, long[] tokens, double noise) {
            Map<String, float[]> all = new LinkedHashMap<>();
            Function<NDArray, NDArray> scalar =
                    logits -> uncapped(logits.get(0, tokens.length - 1)).get(token);
            try (ActivationCache cache = differentiate(transcoders.size(), scalar, tokens, noise)) {
                all.put("hook_embed", cache.grad("hook_embed").array().toFloatArray());
                for (int i = 0; i < transcoders.size(); i++) {
                    String name = transcoders.output(i).toString();
                    all.put(name, cache.grad(name).array().toFloatArray());
                }
            }
            return all;
        }

        private NDArray noisy(NDArray x, double noise) {
            Random random = new Random(x.getShape().size());
            float[] values = new float[(int) x.size()];
            for (int i = 0; i < values.length; i++) {
                values[i] = (float) (noise * random.nextGaussian());
            }
            return x.add(x.getManager().create(values, x.getShape()));
        }

        private ActivationCache differentiate(
                int layer, Function<NDArray, NDArray> scalar, long[] tokens, double noise) {
            NDArray[] read = new NDArray[transcoders.size()];
            List<Hook> hooks = new ArrayList<>();
            clean.forEach((name, value) -> {
                if (name.endsWith("hook_pattern") || name.endsWith("hook_scale")) {
                    hooks.add(Hook.at(name, x -> Tensors.alias(value, x.getManager())));
                }
            });
            for (int i = 0; i < transcoders.size(); i++) {
                int at = i;
                String input = transcoders.input(i).toString();
                hooks.add(Hook.observe(input, x -> {
                    read[at] = x.add(0);
                    read[at].attach(manager);
                }));
                String output = transcoders.output(i).toString();
                hooks.add(Hook.at(output, x -> {
                    NDArray held = noisy(Tensors.alias(clean(output), x.getManager()), noise);
                    return transcoders.skip(at).isEmpty()
                            ? held
                            : held.add(read[at].sub(clean(input))
                                    .matMul(transcoders.skip(at).get().transpose()));
                }));
            }
            hooks.add(Hook.at("hook_embed", x -> noisy(x, noise)));
            List<String> outputs = new ArrayList<>(List.of("hook_embed"));
            for (int i = 0; i < transcoders.size(); i++) {
                outputs.add(transcoders.output(i).toString());
            }
            return model.runWithGradients(
                    new long[][] {tokens},
                    logits -> scalar.apply(layer < transcoders.size() ? read[layer] : logits),
                    outputs,
                    hooks.toArray(Hook[]::new));
        }

        double[] row(AttributionGraph graph, int target) {
            GraphNode node = graph.node(target);
            int layer = node.layer();
            Function<NDArray, NDArray> scalar = node.kind() == GraphNode.Kind.FEATURE
                    ? x -> x.get(0, node.position())
                            .mul(transcoders.encoderRows(layer, new long[] {node.index()}, manager))
                            .sum()
                    : logits -> {
                        NDArray last = uncapped(logits.get(0, TOKENS.length - 1));
                        return last.get(node.index()).sub(last.mean());
                    };
            double[] row = new double[graph.size()];
            try (ActivationCache gradients = differentiate(layer, scalar)) {
                for (int source = 0; source < graph.targetNode(0); source++) {
                    row[source] = along(graph, graph.node(source), gradients);
                }
            }
            return row;
        }

        private NDArray uncapped(NDArray logits) {
            double cap = model.config().logitSoftcap();
            if (cap == 0) {
                return logits;
            }
            NDArray t = logits.div(cap); // cap·atanh(logits / cap)
            return t.add(1).div(t.neg().add(1)).log().mul(cap / 2);
        }

        private double along(AttributionGraph graph, GraphNode source, ActivationCache gradients) {
            if (source.kind() == GraphNode.Kind.TOKEN) {
                return dot(
                        gradients,
                        "hook_embed",
                        source.position(),
                        clean("hook_embed").get(0, source.position()));
            }
            if (source.kind() == GraphNode.Kind.ERROR) {
                return dot(
                        gradients,
                        transcoders.output(source.layer()).toString(),
                        source.position(),
                        error(graph, source.layer(), source.position()));
            }
            double sum = 0;
            for (int target = source.layer(); target <= transcoders.lastWritten(source.layer()); target++) {
                sum += dot(
                        gradients,
                        transcoders.output(target).toString(),
                        source.position(),
                        written(source.layer(), source.index(), target).mul(source.activation()));
            }
            return sum;
        }

        private NDArray written(int layer, long feature, int target) {
            return transcoders
                    .decoderRows(layer, new long[] {feature}, target, manager)
                    .reshape(-1);
        }

        private NDArray error(AttributionGraph graph, int layer, int position) {
            if (position == 0) {
                return manager.zeros(new Shape(model.config().dModel()));
            }
            NDArray error =
                    clean(transcoders.output(layer).toString()).get(0, position).sub(transcoders.decoderBias(layer));
            for (Feature feature : graph.active().features()) {
                boolean writes = feature.layer() <= layer && transcoders.lastWritten(feature.layer()) >= layer;
                if (writes && feature.position() == position) {
                    error = error.sub(written(feature.layer(), feature.index(), layer)
                            .mul(graph.active().activation(feature)));
                }
            }
            if (transcoders.skip(layer).isPresent()) {
                NDArray x = clean(transcoders.input(layer).toString()).get(0, position);
                error = error.sub(transcoders.skip(layer).get().matMul(x));
            }
            return error;
        }

        private static double dot(ActivationCache gradients, String name, int position, NDArray vector) {
            return gradients
                    .grad(name)
                    .array()
                    .get(0, position)
                    .mul(vector)
                    .sum()
                    .getFloat();
        }

        @Override
        public void close() {
            manager.close();
        }
    }
}
