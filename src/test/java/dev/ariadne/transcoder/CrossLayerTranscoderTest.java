package dev.ariadne.transcoder;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ariadne.model.ActivationCache;
import dev.ariadne.model.Hook;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.model.Logits;
import dev.ariadne.model.weights.Checkpoint;
import dev.ariadne.tensor.Tensors;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CrossLayerTranscoderTest {
    private static final HookedTransformer model = HookedTransformer.load("gpt2-tiny", "cpu");
    private static final long[][] TOKENS = {{5, 9, 3, 7, 30}};
    private static final int FEATURES = 20;

    private final NDManager manager = Tensors.engine().newBaseManager(Device.cpu());

    @AfterEach
    void close() {
        manager.close();
    }

    private List<Map<String, NDArray>> arrays() {
        Random random = new Random(3);
        int layers = model.config().nLayers();
        int width = model.config().dModel();
        List<Map<String, NDArray>> all = new ArrayList<>();
        for (int layer = 0; layer < layers; layer++) {
            Map<String, NDArray> arrays = new LinkedHashMap<>();
            arrays.put("W_enc", random(random, FEATURES, width));
            arrays.put("b_enc", random(random, FEATURES));
            arrays.put("W_dec", random(random, FEATURES, layers - layer, width));
            arrays.put("b_dec", random(random, width));
            arrays.put("W_skip", random(random, width, width));
            all.add(arrays);
        }
        return all;
    }

    private NDArray random(Random random, long... sizes) {
        Shape shape = new Shape(sizes);
        float[] values = new float[(int) shape.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) (0.1 * random.nextGaussian());
        }
        return manager.create(values, shape);
    }

    private static float[] floats(Map<String, NDArray> arrays, String name) {
        return Objects.requireNonNull(arrays.get(name), name).toFloatArray();
    }

    private static CrossLayerTranscoder of(List<Map<String, NDArray>> arrays) {
        return CrossLayerTranscoder.of("gpt2-tiny", "hook_resid_mid", "hook_mlp_out", arrays);
    }

    /** What stands in for one MLP, number by number from the plain arrays. */
    private static float[] slowly(List<Map<String, NDArray>> arrays, int target, List<float[]> read) {
        int width = model.config().dModel();
        int pos = TOKENS[0].length;
        double[] out = new double[pos * width];
        for (int layer = 0; layer <= target; layer++) {
            float[] encoder = floats(arrays.get(layer), "W_enc");
            float[] bias = floats(arrays.get(layer), "b_enc");
            float[] decoder = floats(arrays.get(layer), "W_dec");
            float[] x = read.get(layer);
            int written = model.config().nLayers() - layer;
            for (int p = 0; p < pos; p++) {
                for (int f = 0; f < FEATURES; f++) {
                    double a = bias[f];
                    for (int i = 0; i < width; i++) {
                        a += encoder[f * width + i] * x[p * width + i];
                    }
                    for (int i = 0; i < width && a > 0; i++) {
                        out[p * width + i] += a * decoder[(f * written + target - layer) * width + i];
                    }
                }
            }
        }
        float[] bias = floats(arrays.get(target), "b_dec");
        float[] skip = floats(arrays.get(target), "W_skip");
        float[] result = new float[out.length];
        for (int at = 0; at < out.length; at++) {
            int i = at % width;
            double sum = out[at] + bias[i];
            for (int j = 0; j < width; j++) {
                sum += read.get(target)[at - i + j] * skip[i * width + j];
            }
            result[at] = (float) sum;
        }
        return result;
    }

    @Test
    void aRunWithReplacedMlpsIsWhatPatchingByHandGives() {
        List<Map<String, NDArray>> arrays = arrays();
        try (CrossLayerTranscoder transcoder = of(arrays)) {
            List<Hook> patches = new ArrayList<>();
            List<float[]> read = new ArrayList<>();
            for (int layer = 0; layer < transcoder.size(); layer++) {
                String input = transcoder.input(layer).toString();
                try (ActivationCache cache = model.runWithCache(TOKENS, List.of(input), patches.toArray(Hook[]::new))) {
                    read.add(cache.get(input).toFloatArray());
                }
                float[] out = slowly(arrays, layer, read);
                patches.add(Hook.at(
                        transcoder.output(layer).toString(), x -> x.getManager().create(out, x.getShape())));
            }
            try (Logits replaced = model.run(TOKENS, transcoder.hooks());
                    Logits slow = model.run(TOKENS, patches.toArray(Hook[]::new));
                    Logits again = model.run(TOKENS, transcoder.hooks());
                    Logits last = model.run(TOKENS, transcoder.hooks(1));
                    Logits before = model.run(TOKENS)) {
                assertThat(replaced.array().toFloatArray())
                        .containsExactly(slow.array().toFloatArray(), within(1e-4f));
                assertThat(again.array().toFloatArray())
                        .isEqualTo(replaced.array().toFloatArray());
                assertThat(last.array().toFloatArray())
                        .isNotEqualTo(replaced.array().toFloatArray())
                        .isNotEqualTo(before.array().toFloatArray());
            }
        }
    }

    @Test
    void decoderRowsAreThoseOfTheWrittenLayer() {
        List<Map<String, NDArray>> arrays = arrays();
        int width = model.config().dModel();
        try (CrossLayerTranscoder transcoder = of(arrays)) {
            float[] all = floats(arrays.get(0), "W_dec"); // [feature, 2, dModel]
            float[] rows =
                    transcoder.decoderRows(0, new long[] {7, 2}, 1, manager).toFloatArray();
            for (int i = 0; i < width; i++) {
                assertThat(rows[i]).isEqualTo(all[(7 * 2 + 1) * width + i]);
                assertThat(rows[width + i]).isEqualTo(all[(2 * 2 + 1) * width + i]);
            }
            assertThatThrownBy(() -> transcoder.decoderRows(1, new long[] {0}, 0, manager))
                    .hasMessageContaining("features of layer 1 write to layers 1 to 1, got 0");
        }
    }

    @Test
    void whatDoesNotFitIsRefused() {
        List<Map<String, NDArray>> arrays = arrays();
        arrays.get(1)
                .put("W_dec", random(new Random(1), FEATURES, 2, model.config().dModel()));
        assertThatThrownBy(() -> of(arrays))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("W_dec of layer 1 must be [features, 1, dModel]")
                .hasMessageContaining("got (20, 2, 32)");
        arrays.get(1).remove("W_dec");
        assertThatThrownBy(() -> of(arrays)).hasMessageContaining("there is no W_dec");
        assertThatThrownBy(() -> of(List.of())).hasMessageContaining("at least one layer");
    }

    /** Written here as circuit-tracer lays it out: two files for each layer, the skip not transposed. */
    @Test
    void readsWhatCircuitTracerWrites(@TempDir Path folder) throws IOException {
        List<Map<String, NDArray>> arrays = arrays();
        Files.writeString(folder.resolve("config.yaml"), """
                model_name: gpt2-tiny
                model_kind: cross_layer_transcoder
                feature_input_hook: hook_resid_mid
                feature_output_hook: hook_mlp_out
                """);
        for (int layer = 0; layer < arrays.size(); layer++) {
            Map<String, NDArray> own = arrays.get(layer);
            Map<String, NDArray> encoder = new LinkedHashMap<>();
            for (String name : List.of("W_enc", "b_enc", "b_dec")) {
                encoder.put(name + "_" + layer, Objects.requireNonNull(own.get(name)));
            }
            NDArray skip = Objects.requireNonNull(own.get("W_skip"));
            encoder.put("W_skip_" + layer, skip.transpose().add(0).reshape(-1).reshape(skip.getShape()));
            Checkpoint.write(folder.resolve("W_enc_" + layer + ".safetensors"), encoder, Map.of());
            Checkpoint.write(
                    folder.resolve("W_dec_" + layer + ".safetensors"),
                    Map.of("W_dec_" + layer, Objects.requireNonNull(own.get("W_dec"))),
                    Map.of());
        }
        try (CrossLayerTranscoder made = of(arrays);
                Transcoders read = Transcoders.load(folder);
                Logits expected = model.run(TOKENS, made.hooks());
                Logits found = model.run(TOKENS, read.hooks())) {
            assertThat(read.view()).isEqualTo(made.view());
            assertThat(found.array().toFloatArray())
                    .containsExactly(expected.array().toFloatArray(), within(1e-6f));
        }
        Files.delete(folder.resolve("W_dec_1.safetensors"));
        assertThatThrownBy(() -> Transcoders.load(folder))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("W_dec_1.safetensors: there is no such file");
    }

    /** Written here as GemmaScope 2 lays it out: a file for each layer, encoders turned, decoders with rows for lower layers too. */
    @Test
    void readsGemmaScope2(@TempDir Path folder) throws IOException {
        List<Map<String, NDArray>> arrays = arrays();
        int layers = arrays.size();
        int width = model.config().dModel();
        StringBuilder config = new StringBuilder("""
                model_kind: cross_layer_transcoder
                model_name: gpt2-tiny
                feature_input_hook: hook_resid_mid
                feature_output_hook: hook_mlp_out
                transcoders:
                """);
        for (int layer = 0; layer < layers; layer++) {
            Map<String, NDArray> own = arrays.get(layer);
            own.put(
                    "activation_function.threshold",
                    random(new Random(layer), FEATURES).abs());
            Map<String, NDArray> stored = new LinkedHashMap<>();
            stored.put("w_enc", turned(Objects.requireNonNull(own.get("W_enc"))));
            NDArray lower = manager.ones(new Shape(FEATURES, layer, width));
            NDArray decoder = Objects.requireNonNull(own.get("W_dec"));
            stored.put("w_dec", layer == 0 ? decoder : lower.concat(decoder, 1));
            stored.put("b_enc", Objects.requireNonNull(own.get("b_enc")));
            stored.put("b_dec", Objects.requireNonNull(own.get("b_dec")));
            stored.put("threshold", Objects.requireNonNull(own.get("activation_function.threshold")));
            stored.put("affine_skip_connection", turned(Objects.requireNonNull(own.get("W_skip"))));
            Path file = folder.resolve("clt/params_layer_" + layer + ".safetensors");
            Files.createDirectories(file.getParent());
            Checkpoint.write(file, stored, Map.of());
            config.append("- hf://google/gemma-scope-2/clt/params_layer_" + layer + ".safetensors\n");
        }
        Files.writeString(folder.resolve("config.yaml"), config);
        try (CrossLayerTranscoder made = of(arrays);
                Transcoders read = Transcoders.load(folder);
                Logits expected = model.run(TOKENS, made.hooks());
                Logits found = model.run(TOKENS, read.hooks())) {
            assertThat(read.view()).isEqualTo(made.view());
            assertThat(found.array().toFloatArray())
                    .containsExactly(expected.array().toFloatArray(), within(1e-6f));
            for (int layer = 0; layer < layers; layer++) {
                long[] some = {19, 0, 3};
                assertThat(read.decoderRows(layer, some, layers - 1, manager))
                        .isEqualTo(made.decoderRows(layer, some, layers - 1, manager));
                assertThat(read.encoderRows(layer, some, manager)).isEqualTo(made.encoderRows(layer, some, manager));
            }
        }
    }

    private static NDArray turned(NDArray array) {
        return array.transpose()
                .add(0)
                .reshape(-1)
                .reshape(array.getShape().get(1), array.getShape().get(0));
    }
}
