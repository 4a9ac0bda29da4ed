package dev.ariadne.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.DataType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What families have besides the values that the conformance check compares: gradients, runs from the middle, bad configurations. */
class FamiliesTest {
    /** Longer than every window. */
    private static final long[][] TOKENS = {{5, 9, 3, 7, 30, 11, 12, 5, 9, 21, 2}, {8, 2, 31, 4, 9, 0, 39, 1, 1, 17, 22}
    };

    @TempDir
    private Path folder;

    static List<Path> models() throws IOException {
        try (Stream<Path> hub = Files.list(TestModels.RESOURCES.resolve("models"));
                Stream<Path> lens = Files.list(TestModels.RESOURCES.resolve("tl"))) {
            return Stream.concat(hub, lens).sorted().toList();
        }
    }

    @ParameterizedTest
    @MethodSource("models")
    void aRunFromTheMiddleEqualsTheWholeRun(Path path) {
        try (HookedTransformer model = HookedTransformer.load(path.toString(), "cpu");
                ActivationCache cache = model.runWithCache(TOKENS, "resid_pre")) {
            float[] whole = cache.logits().array().toFloatArray();
            for (int layer = 0; layer < model.config().nLayers(); layer++) {
                var stream = cache.get("resid_pre", layer).array();
                try (Logits logits = model.runFrom(stream, layer, false)) {
                    assertThat(logits.array().toFloatArray()).containsExactly(whole, within(1e-4f));
                }
            }
        }
    }

    /** Something is added to the stream at token 4: the whole run, and one of tokens 4 to 10 only, for one row and for two. */
    @ParameterizedTest
    @MethodSource("models")
    void theLastTokensAloneAnswerAsInTheWholeRun(Path path) {
        long[][] one = {TOKENS[0]};
        NDIndex late = new NDIndex(":, 4:");
        try (HookedTransformer model = HookedTransformer.load(path.toString(), "cpu");
                ActivationCache cache = model.runWithCache(
                        one,
                        "resid_pre",
                        "v",
                        model.config().positions() == ModelConfig.Positions.ROTARY ? "rot_k" : "k")) {
            for (int layer = 0; layer < model.config().nLayers(); layer++) {
                NDArray stream = cache.get("resid_pre", layer).array();
                NDArray changed = stream.duplicate();
                changed.set(late, stream.get(late).add(stream.get(":, 3:-1").mul(0.7f)));
                if (!cache.canRunFrom()) {
                    int from = layer;
                    assertThatThrownBy(() -> cache.runFrom(stream.get(late), from, true))
                            .hasMessageContaining("tokens attend to later ones");
                    continue;
                }
                try (Logits whole = model.runFrom(changed, layer, false);
                        Logits last = cache.runFrom(changed.get(late), layer, false);
                        Logits two = cache.runFrom(changed.concat(stream, 0).get(late), layer, false);
                        Logits end = cache.runFrom(changed.get(late), layer, true)) {
                    float[] expected = whole.array().toFloatArray();
                    assertThat(last.array().toFloatArray()).containsExactly(expected, within(1e-4f));
                    assertThat(two.array().get(0).toFloatArray()).containsExactly(expected, within(1e-4f));
                    assertThat(two.array().get(1).toFloatArray())
                            .containsExactly(cache.logits().array().toFloatArray(), within(1e-4f));
                    assertThat(end.array().toFloatArray())
                            .containsExactly(whole.array().get(":, -1").toFloatArray(), within(1e-4f));
                }
            }
        }
    }

    /** Another text's patterns are put in, without queries and keys, and by a hook that sees the model's own. */
    @ParameterizedTest
    @MethodSource("models")
    void aGivenPatternIsWorthAHookThatReplacesIt(Path path) {
        long[][] one = {TOKENS[0]};
        try (HookedTransformer model = HookedTransformer.load(path.toString(), "cpu");
                ActivationCache other = model.runWithCache(new long[][] {TOKENS[1]}, "pattern")) {
            List<Hook> given = new ArrayList<>();
            List<Hook> replacing = new ArrayList<>();
            for (int layer = 0; layer < model.config().nLayers(); layer++) {
                Activation pattern = other.get("pattern", layer);
                given.add(Hook.given(pattern.name().toString(), pattern.array()));
                replacing.add(Hook.at(
                        pattern.name().toString(),
                        x -> pattern.array()
                                .concat(pattern.array(), 0)
                                .get(":" + x.getShape().get(0))));
            }
            long[][] twice = {TOKENS[0], TOKENS[0]};
            try (Logits plain = model.run(one);
                    Logits slow = model.run(one, replacing.toArray(Hook[]::new));
                    Logits fast = model.run(one, given.toArray(Hook[]::new));
                    Logits rows = model.run(twice, given.toArray(Hook[]::new))) {
                float[] expected = slow.array().toFloatArray();
                assertThat(fast.array().toFloatArray()).containsExactly(expected, within(1e-4f));
                assertThat(rows.array().get(1).toFloatArray()).containsExactly(expected, within(1e-4f));
                assertThat(plain.array().toFloatArray()).isNotEqualTo(expected);
            }
        }
    }

    /** The gradient along a random direction against the difference quotient, in float64. */
    @ParameterizedTest
    @MethodSource("models")
    void gradientsAreThoseOfTheForwardPass(Path path) {
        try (HookedTransformer narrow = HookedTransformer.load(path.toString(), "cpu");
                HookedTransformer model = narrow.to(DataType.FLOAT64);
                ActivationCache cache = model.runWithGradients(
                        TOKENS, x -> x.get(":, -1").pow(2).sum(), List.of("blocks.0.hook_resid_pre"))) {
            double[] grad = cache.grad("blocks.0.hook_resid_pre").array().toDoubleArray(); // [batch, pos, dModel]
            double step = 1e-6;
            for (int at : new int[] {0, 7, grad.length / 2, grad.length - 1}) {
                double quotient = (metric(model, at, step) - metric(model, at, -step)) / (2 * step);
                assertThat(grad[at]).isCloseTo(quotient, within(1e-5 * (1 + Math.abs(quotient))));
            }
        }
    }

    private static double metric(HookedTransformer model, int at, double step) {
        Hook nudge = Hook.at("blocks.0.hook_resid_pre", x -> {
            double[] values = x.toDoubleArray();
            values[at] += step;
            return x.getManager().create(values, x.getShape());
        });
        try (Logits logits = model.run(TOKENS, nudge)) {
            return logits.array().get(":, -1").pow(2).sum().getDouble();
        }
    }

    @ParameterizedTest
    @MethodSource("models")
    void nothingStaysBehind(Path path) {
        try (HookedTransformer model = HookedTransformer.load(path.toString(), "cpu")) {
            model.run(TOKENS).close();
            int before = model.arrayCount();
            model.runWithCache(TOKENS).close();
            model.runWithGradients(TOKENS, x -> x.get(":, -1").sum(), List.of("z"))
                    .close();
            model.next(TOKENS, Hook.at("z", x -> x.mul(0))).close();
            assertThat(model.arrayCount()).isEqualTo(before);
        }
    }

    @Test
    void theLargestActivationsStayAndTheOthersBecomeZero() throws IOException {
        Path lens = copy("tl/relu-tiny", "\"d_vocab_out\"", "\"top_k\": 3, \"d_vocab_out\"");
        try (HookedTransformer all = HookedTransformer.load(TestModels.RESOURCES.resolve("tl/relu-tiny"));
                HookedTransformer some = HookedTransformer.load(lens);
                ActivationCache full = all.runWithCache(TOKENS, "blocks.0.mlp.hook_post");
                ActivationCache kept = some.runWithCache(TOKENS, "blocks.0.mlp.hook_post")) {
            float[] before = full.get("blocks.0.mlp.hook_post").toFloatArray();
            float[] after = kept.get("blocks.0.mlp.hook_post").toFloatArray();
            int width = all.config().dMlp();
            for (int row = 0; row < before.length / width; row++) {
                float[] sorted = Arrays.copyOfRange(before, row * width, (row + 1) * width);
                Arrays.sort(sorted);
                for (int i = row * width; i < (row + 1) * width; i++) {
                    assertThat(after[i]).isEqualTo(before[i] >= sorted[width - 3] ? before[i] : 0);
                }
            }
        }
    }

    @Test
    void aModelOfOnesOwnIsDescribedByName() {
        ModelConfig config = ModelConfig.builder()
                .nLayers(2)
                .dModel(64)
                .heads(4, 16)
                .attnOnly(true)
                .dVocab(50)
                .nCtx(32)
                .build();
        assertThat(config.attnScale()).isEqualTo(4);
        assertThat(config.dVocabOut()).isEqualTo(50);
        assertThat(config.nKeyValueHeads()).isEqualTo(4);
        assertThat(config.toBuilder().build()).isEqualTo(config);
        assertThatThrownBy(() -> config.toBuilder()
                        .heads(4, 15)
                        .rotary(new ModelConfig.Rotary(10000, 16, Optional.empty(), 1))
                        .build())
                .hasMessageContaining("16 dimensions does not fit heads of width dHead = 15");
        assertThatThrownBy(() -> config.toBuilder().topK(1).build())
                .hasMessageContaining("topK must be from 0 (all) to dMlp = 0, got 1");
    }

    @Test
    void anUnknownArchitectureNamesTheKnownOnesAndTheWayOut() throws IOException {
        Path model = copy("models/llama-tiny", "\"llama\"", "\"mamba\"");
        assertThatThrownBy(() -> HookedTransformer.load(model))
                .hasMessageContaining("model type 'mamba'")
                .hasMessageContaining(
                        "supported are gemma, gemma2, gemma3_text, gpt2, gpt_neox, llama, mistral, qwen2, qwen3")
                .hasMessageContaining("docs/models.md");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "models/llama-tiny|\"num_hidden_layers\": 2|\"num_hidden_layers\": 1|a block more than the configuration's 1",
                "models/llama-tiny|\"num_hidden_layers\": 2|\"num_hidden_layers\": 3|no tensor 'model.layers.2.",
                "models/qwen3-tiny|\"qwen3\"|\"qwen2\"|q_norm.weight', but by its configuration qkNorms is off",
                "models/llama3-tied-tiny|\"tie_word_embeddings\": true|\"tie_word_embeddings\": false|set tie_word_embeddings to true",
                "models/llama-tiny|\"hidden_size\": 32|\"hidden_size\": 40|must have shape (96, 40), got (96, 32)",
                "models/gemma2-tiny|\"head_dim\": 8|\"head_dim\": 16|must have shape (64, 32), got (32, 32)",
                "models/pythia-tiny|\"rotary_pct\": 0.25|\"rotary_pct\": 2.5|20 dimensions does not fit heads of width dHead = 8",
                "tl/relu-tiny|\"bidirectional\"|\"sideways\"|must be causal or bidirectional, got 'sideways'",
                "tl/gemma-like-tiny|\"window_size\": 4|\"window_size\": 0|window_size",
            })
    void aConfigurationThatContradictsTheTensorsIsRefused(String how) throws IOException {
        String[] parts = how.split("\\|", -1);
        Path model = copy(parts[0], parts[1], parts[2]);
        assertThatThrownBy(() -> HookedTransformer.load(model))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(parts[3]);
    }

    private Path copy(String name, String from, String to) throws IOException {
        Path source = TestModels.RESOURCES.resolve(name);
        for (String file : List.of("model.safetensors", "weights.safetensors")) {
            if (Files.exists(source.resolve(file))) {
                Files.copy(source.resolve(file), folder.resolve(file));
            }
        }
        String config = Files.readString(source.resolve("config.json"));
        assertThat(config).contains(from);
        Files.writeString(folder.resolve("config.json"), config.replace(from, to));
        return folder;
    }
}
