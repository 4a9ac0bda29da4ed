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
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TranscoderSetTest {
    private static final HookedTransformer model = HookedTransformer.load("gpt2-tiny", "cpu");
    private static final long[][] TOKENS = {{5, 9, 3, 7, 30}, {8, 2, 40, 41, 9}};

    @TempDir
    private Path folder;

    @AfterAll
    static void close() {
        model.close();
    }

    private static TranscoderSet random(Activation activation) {
        int layers = model.config().nLayers();
        int width = model.config().dModel();
        List<Transcoder> transcoders = new ArrayList<>();
        Random random = new Random(1);
        try (NDManager manager = Tensors.engine().newBaseManager(Device.cpu())) {
            for (int layer = 0; layer < layers; layer++) {
                Map<String, NDArray> arrays = new LinkedHashMap<>();
                arrays.put("W_enc", random(manager, random, 20, width));
                arrays.put("b_enc", random(manager, random, 20));
                arrays.put("W_dec", random(manager, random, 20, width));
                arrays.put("b_dec", random(manager, random, width));
                if (activation.kind() == Activation.Kind.JUMP_RELU) {
                    arrays.put("activation_function.threshold", manager.create(0.3f));
                }
                transcoders.add(Transcoder.of(activation, arrays));
            }
        }
        return TranscoderSet.of(model.name(), "mlp.hook_in", "mlp.hook_out", transcoders);
    }

    private static NDArray random(NDManager manager, Random random, long... sizes) {
        Shape shape = new Shape(sizes);
        float[] values = new float[(int) shape.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return manager.create(values, shape);
    }

    @ParameterizedTest
    @CsvSource({"RELU, 0", "JUMP_RELU, 0", "TOP_K, 3"})
    void whatIsSavedIsLoaded(Activation.Kind kind, int k) throws IOException {
        try (TranscoderSet set = random(new Activation(kind, k))) {
            set.save(folder, Map.of("made by", "a test"));
            try (TranscoderSet loaded = TranscoderSet.load(folder)) {
                assertThat(loaded.view()).isEqualTo(set.view());
                assertThat(loaded.requireFits(model).modelName()).isEqualTo("gpt2-tiny");
                for (int layer = 0; layer < set.size(); layer++) {
                    Map<String, NDArray> before = set.transcoder(layer).stored();
                    Map<String, NDArray> after = loaded.transcoder(layer).stored();
                    assertThat(after.keySet()).isEqualTo(before.keySet());
                    after.forEach((name, array) -> assertThat(array.toFloatArray())
                            .as(name)
                            .isEqualTo(Objects.requireNonNull(before.get(name)).toFloatArray()));
                }
            }
        }
    }

    /** The slow way: read what the MLP reads in one run, reconstruct it, and patch it in by hand in another. */
    @Test
    void aRunWithReplacedMlpsIsWhatPatchingByHandGives() {
        try (TranscoderSet set = random(Activation.JUMP_RELU);
                Logits before = model.run(TOKENS);
                Logits replaced = model.run(TOKENS, set.hooks())) {
            List<Hook> patches = new ArrayList<>();
            for (int layer = 0; layer < set.size(); layer++) {
                String input = "blocks." + layer + ".ln2.hook_normalized"; // a LayerNorm: with its weights
                try (ActivationCache cache = model.runWithCache(TOKENS, List.of(input), patches.toArray(Hook[]::new))) {
                    float[] out = set.transcoder(layer)
                            .reconstruct(cache.get(input).array())
                            .toFloatArray();
                    patches.add(Hook.at(
                            "blocks." + layer + ".hook_mlp_out",
                            x -> x.getManager().create(out, x.getShape())));
                }
            }
            try (Logits slow = model.run(TOKENS, patches.toArray(Hook[]::new));
                    Logits after = model.run(TOKENS);
                    Logits first = model.run(TOKENS, set.hooks(0));
                    Logits slowFirst = model.run(TOKENS, patches.get(0))) {
                close(replaced, slow);
                close(first, slowFirst);
                assertThat(replaced.array().toFloatArray())
                        .isNotEqualTo(before.array().toFloatArray());
                assertThat(after.array().toFloatArray())
                        .isEqualTo(before.array().toFloatArray()); // hooks are gone
            }
        }
    }

    private static void close(Logits a, Logits b) {
        float[] expected = b.array().toFloatArray();
        float[] actual = a.array().toFloatArray();
        for (int i = 0; i < expected.length; i++) {
            assertThat(actual[i]).isCloseTo(expected[i], within(1e-4f)); // as for all logits of this model
        }
    }

    @Test
    void readsWhatCircuitTracerWrites() throws IOException {
        try (TranscoderSet set = random(Activation.RELU)) {
            set.save(folder, Map.of());
        }
        Files.writeString(folder.resolve("config.yaml"), """
                # from elsewhere
                model_name: 'gpt2-tiny'
                model_kind: transcoder_set
                feature_input_hook: ln2.hook_normalized
                feature_output_hook: "hook_mlp_out"
                scan: null
                transcoders:
                  - "hf://someone/something/layer_0.safetensors?revision=main"
                  - https://example.org/a/b/other.safetensors  # here under its usual name
                """);
        try (TranscoderSet set = TranscoderSet.load(folder)) {
            assertThat(set.size()).isEqualTo(2);
            assertThat(set.input(1)).hasToString("blocks.1.ln2.hook_normalized");
            assertThat(set.output(0)).hasToString("blocks.0.hook_mlp_out");
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "model_kind: cross_layer_transcoder | model_kind is 'cross_layer_transcoder'",
                "model_name: x | it names no transcoders",
                "transcoders: [../../secret.safetensors] | there is no file secret.safetensors or layer_0.safetensors",
                "transcoders: [a.bin] | there is no file a.bin or layer_0.safetensors",
                "activation: topk | 'topk' wants a k of at least 1",
                "k: -3 | k is '-3'",
                "{not: yaml | line 1 is '{not: yaml'",
                "k: [1, 2] | 'k' has 2 values"
            })
    void saysWhatIsWrongWithAConfiguration(String text, String message) throws IOException {
        String rest = text.startsWith("transcoders") || text.startsWith("model_name") ? "" : "\ntranscoders: [a]";
        Files.writeString(folder.resolve("config.yaml"), text + rest);
        assertThatThrownBy(() -> TranscoderSet.load(folder))
                .isInstanceOf(IOException.class)
                .hasMessageContaining(message);
    }

    @Test
    void aFileThatIsNoTranscoderIsRefusedBeforeItIsRead() throws IOException {
        Files.writeString(folder.resolve("config.yaml"), "transcoders: [layer_0.safetensors]");
        Path file = folder.resolve("layer_0.safetensors");
        try (NDManager manager = Tensors.engine().newBaseManager(Device.cpu())) {
            Map<String, NDArray> arrays = new LinkedHashMap<>();
            arrays.put("W_enc", manager.zeros(new Shape(4, 2)));
            arrays.put("b_enc", manager.zeros(new Shape(4)));
            arrays.put("W_dec", manager.zeros(new Shape(2, 4)));
            arrays.put("b_dec", manager.zeros(new Shape(2)));
            Checkpoint.write(file, arrays, Map.of());
            assertThatThrownBy(() -> TranscoderSet.load(folder))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("layer_0.safetensors: it is no transcoder: W_dec must have shape (4, 2)");
            arrays.put("W_enc", manager.zeros(new Shape(0, 2)));
            Checkpoint.write(file, arrays, Map.of());
            assertThatThrownBy(() -> TranscoderSet.load(folder)).hasMessageContaining("both at least 1");
        }
        Files.write(file, new byte[] {1, 2, 3});
        assertThatThrownBy(() -> TranscoderSet.load(folder)).isInstanceOf(IOException.class);
        Files.delete(folder.resolve("config.yaml"));
        assertThatThrownBy(() -> TranscoderSet.load(folder)).hasMessageContaining("a folder with a config.yaml");
    }

    /** The disk is really full: what is written goes to /dev/full. */
    @Test
    void aFullDiskLeavesTheOldSetWhole() throws IOException {
        try (TranscoderSet set = random(Activation.RELU)) {
            set.save(folder, Map.of());
            Files.createSymbolicLink(folder.resolve("layer_1.safetensors.part"), Path.of("/dev/full"));
            assertThatThrownBy(() -> set.save(folder, Map.of()))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("No space left on device");
            try (TranscoderSet loaded = TranscoderSet.load(folder)) {
                assertThat(loaded.transcoder(1).encoder().toFloatArray())
                        .isEqualTo(set.transcoder(1).encoder().toFloatArray());
            }
        }
    }

    @Test
    void aSetFitsItsModelOnly() {
        try (TranscoderSet set = random(Activation.RELU);
                HookedTransformer other = HookedTransformer.load("induction-2l", "cpu")) {
            assertThatThrownBy(() -> set.requireFits(other))
                    .hasMessageContaining("these transcoders are for gpt2-tiny");
            assertThatThrownBy(() -> set.transcoder(2)).hasMessageContaining("layer must be from 0 to 1, got 2");
        }
        assertThatThrownBy(() -> TranscoderSet.of("x", "a", "b", List.of())).hasMessageContaining("at least one");
    }

    /** Number by number, from the activations of one run for each text. */
    @Test
    void statisticsAreThoseOfASlowPass() {
        List<long[]> texts =
                List.of(new long[] {5, 9, 3, 7, 30}, new long[] {8, 2, 40}, new long[] {8, 2, 41}, new long[] {1});
        try (TranscoderSet set = random(Activation.JUMP_RELU)) {
            TranscoderStats stats = set.stats(model, texts);
            assertThat(stats.tokens()).isEqualTo(8);
            for (int layer = 0; layer < set.size(); layer++) {
                String input = set.input(layer).toString();
                String output = set.output(layer).toString();
                boolean[] alive = new boolean[20];
                List<float[]> outputs = new ArrayList<>();
                double missed = 0;
                int active = 0;
                for (long[] text : texts) {
                    try (ActivationCache cache = model.runWithCache(new long[][] {text}, List.of(input, output))) {
                        for (int at = 1; at < text.length; at++) {
                            NDArray x = cache.get(input).array().get("0, " + at + ":" + (at + 1));
                            for (Transcoder.Active each : set.transcoder(layer).active(x)) {
                                alive[each.feature()] = true;
                                active++;
                            }
                            float[] out =
                                    cache.get(output).array().get("0, " + at).toFloatArray();
                            float[] seen = set.transcoder(layer).reconstruct(x).toFloatArray();
                            for (int i = 0; i < out.length; i++) {
                                missed += (out[i] - seen[i]) * (out[i] - seen[i]);
                            }
                            outputs.add(out);
                        }
                    }
                }
                int dead = 0;
                for (boolean each : alive) {
                    dead += each ? 0 : 1;
                }
                TranscoderStats.Layer found = stats.layers().get(layer);
                assertThat(found.l0()).isEqualTo(active / 8.0);
                assertThat(found.dead()).isEqualTo(dead / 20.0);
                assertThat(found.fvu())
                        .isCloseTo(missed / variance(outputs), within(1e-4 * missed / variance(outputs)));
            }
            assertAccuracy(stats, set, texts);
            assertThatThrownBy(() -> set.stats(model, List.of(new long[] {1})))
                    .hasMessageContaining("a text of two tokens");
        }
    }

    /** The sum of squares around the mean. */
    private static double variance(List<float[]> outputs) {
        double sum = 0;
        for (int i = 0; i < outputs.get(0).length; i++) {
            int at = i;
            double mean = outputs.stream().mapToDouble(out -> out[at]).average().orElseThrow();
            sum += outputs.stream()
                    .mapToDouble(out -> (out[at] - mean) * (out[at] - mean))
                    .sum();
        }
        return sum;
    }

    private static void assertAccuracy(TranscoderStats stats, TranscoderSet set, List<long[]> texts) {
        int right = 0;
        int replaced = 0;
        int same = 0;
        for (long[] text : texts) {
            try (Logits own = model.run(new long[][] {text});
                    Logits other = model.run(new long[][] {text}, set.hooks())) {
                for (int at = 0; at + 1 < text.length; at++) {
                    long first = own.array().get("0, " + at).argMax().getLong();
                    long second = other.array().get("0, " + at).argMax().getLong();
                    right += first == text[at + 1] ? 1 : 0;
                    replaced += second == text[at + 1] ? 1 : 0;
                    same += first == second ? 1 : 0;
                }
            }
        }
        assertThat(stats.accuracy()).isEqualTo(right / 8.0);
        assertThat(stats.replaced()).isEqualTo(replaced / 8.0);
        assertThat(stats.agreement()).isEqualTo(same / 8.0);
    }
}
