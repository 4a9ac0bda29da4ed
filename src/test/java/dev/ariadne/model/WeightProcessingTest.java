package dev.ariadne.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import dev.ariadne.model.ModelConfig.Norm;
import dev.ariadne.view.View;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Processing changes no probability; the numbers themselves are compared with TransformerLens's by the conformance check. */
class WeightProcessingTest {
    private static final Map<String, UnaryOperator<HookedTransformer>> STEPS = new LinkedHashMap<>();

    static {
        STEPS.put("foldLn", HookedTransformer::foldLn);
        STEPS.put("centerWritingWeights", HookedTransformer::centerWritingWeights);
        STEPS.put("centerUnembed", HookedTransformer::centerUnembed);
        STEPS.put("foldValueBiases", HookedTransformer::foldValueBiases);
    }

    @TempDir
    private Path folder;

    /** In float64 nothing is left of rounding: what differs by more than 1e-11 is another function. */
    @ParameterizedTest
    @MethodSource("dev.ariadne.model.TestModels#all")
    void probabilitiesStayTheSame(String name) {
        try (HookedTransformer narrow = TestModels.load(name);
                HookedTransformer model = narrow.to(DataType.FLOAT64)) {
            double[] before = logProbabilities(model);
            List<String> done = new ArrayList<>();
            STEPS.forEach((step, method) -> {
                try (HookedTransformer processed = method.apply(model)) {
                    assertThat(logProbabilities(processed)).as(step).containsExactly(before, within(1e-11));
                    assertThat(processed.name()).isEqualTo(model.name() + " (" + step + ")");
                    done.add(step);
                } catch (IllegalStateException e) {
                    assertThat(e).hasMessageContaining(step + " does not apply to this model: ");
                }
            });
            try (HookedTransformer processed = model.processWeights();
                    HookedTransformer again = processed.processWeights();
                    HookedTransformer single = narrow.processWeights()) {
                assertThat(logProbabilities(processed)).containsExactly(before, within(1e-11));
                assertThat(logProbabilities(again)).containsExactly(before, within(1e-11));
                assertThat(logProbabilities(single))
                        .containsExactly(before, within(5e-5)); // float32: noise of logits near 20
                assertThat(processed.name()).isEqualTo(model.name() + " (" + String.join(", ", done) + ")");
            }
        }
    }

    @ParameterizedTest
    @MethodSource("dev.ariadne.model.TestModels#all")
    void theModelThatWasProcessedStaysAsItWasAndMayGo(String name) {
        HookedTransformer model = TestModels.load(name);
        Map<String, float[]> before = weights(model);
        int arrays = model.arrayCount();
        HookedTransformer processed = model.processWeights();
        assertThat(weights(model)).usingRecursiveComparison().isEqualTo(before);
        assertThat(model.arrayCount()).isEqualTo(arrays);
        double[] logits = logProbabilities(processed);
        int own = processed.arrayCount();
        model.close();
        assertThat(logProbabilities(processed)).isEqualTo(logits);
        try (HookedTransformer copy = processed.foldValueBiases()) { // no intermediate array is kept
            assertThat(copy.arrayCount()).isLessThanOrEqualTo(own);
        }
        processed.close();
    }

    @Test
    void foldedNormsAreGoneFromConfigurationAndNames() {
        try (HookedTransformer model = TestModels.gpt2();
                HookedTransformer folded = model.foldLn();
                HookedTransformer llama = TestModels.load("llama3-tied-tiny");
                HookedTransformer foldedLlama = llama.foldLn()) {
            assertThat(folded.config())
                    .isEqualTo(model.config().toBuilder()
                            .norm(Norm.LAYER_PRE)
                            .tied(false)
                            .build());
            assertThat(folded.weights().names()).noneMatch(name -> name.contains("ln"));
            assertThat(((View.Facts) folded.view()).facts()).containsEntry("norm", "LayerNorm, weights folded");
            assertThat(foldedLlama.config().norm()).isEqualTo(Norm.RMS_PRE);
            assertThat(foldedLlama.config().tied()).isFalse();
            assertThat(foldedLlama.parameterCount()).isEqualTo(llama.parameterCount() + 96 * 32); // untied
            assertThat(((View.Facts) foldedLlama.view()).facts()).containsEntry("norm", "RMSNorm, weights folded");
        }
    }

    @Test
    void normsThatAreNotInFrontOfAMatrixStay() {
        try (HookedTransformer model = TestModels.load("gemma3-tiny");
                HookedTransformer folded = model.foldLn()) {
            for (String name : List.of("ln1_post.w", "ln2_post.w", "q_norm.w", "k_norm.w")) {
                try (Weight before = model.weights().get(name, 1);
                        Weight after = folded.weights().get(name, 1)) {
                    assertThat(after.toFloatArray()).isEqualTo(before.toFloatArray());
                }
            }
        }
    }

    @Test
    void theStreamHasMeanZeroAndSoHaveTheLogits() {
        try (HookedTransformer model = TestModels.gpt2();
                HookedTransformer centered = model.centerWritingWeights();
                HookedTransformer unembed = model.centerUnembed();
                ActivationCache cache = centered.runWithCache(TestModels.TOKENS, "resid_post", "resid_mid");
                Logits logits = unembed.run(TestModels.TOKENS)) {
            cache.names()
                    .forEach(name -> assertThat(means(cache.get(name.toString()).array()))
                            .isCloseTo(0, within(1e-5f)));
            assertThat(means(logits.array())).isCloseTo(0, within(1e-5f));
            try (Logits before = model.run(TestModels.TOKENS)) {
                assertThat(means(before.array())).isGreaterThan(1e-3f);
            }
        }
    }

    /** The largest absolute mean over the last axis. */
    private static float means(NDArray array) {
        return array.mean(new int[] {2}).abs().max().getFloat();
    }

    @Test
    void valueBiasesMoveToTheOutputHeadByHead() {
        try (HookedTransformer model = TestModels.load("qwen2-tiny"); // grouped, and without an output bias
                HookedTransformer folded = model.foldValueBiases();
                Weight values = folded.weights().get("b_V", 1);
                Weight keys = folded.weights().get("b_K", 1);
                Weight keysBefore = model.weights().get("b_K", 1);
                Weight out = folded.weights().get("b_O", 1)) {
            float[] expected = new float[32];
            for (int head = 0; head < 4; head++) {
                try (Weight b = model.weights().get("b_V", 1, head);
                        Weight w = model.weights().get("W_O", 1, head)) {
                    for (int i = 0; i < 8 * 32; i++) {
                        expected[i % 32] += b.toFloatArray()[i / 32] * w.toFloatArray()[i];
                    }
                }
            }
            assertThat(values.toFloatArray()).containsOnly(0);
            assertThat(keys.toFloatArray()).isEqualTo(keysBefore.toFloatArray());
            assertThat(out.toFloatArray()).containsExactly(expected, within(1e-5f));
        }
    }

    @Test
    void aStepThatWouldChangeTheModelIsRefusedWithTheReason() {
        try (HookedTransformer llama = TestModels.llama();
                HookedTransformer gemma = TestModels.load("gemma2-tiny");
                HookedTransformer program = TestModels.load("tracr/tracr-reverse");
                HookedTransformer folded = llama.foldLn()) {
            assertThatThrownBy(llama::centerWritingWeights)
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessage(
                            "centerWritingWeights does not apply to this model: what reads the stream does not subtract"
                                    + " the mean (norm RMS; LAYER and LAYER_PRE do); processWeights does the steps that apply,"
                                    + " here [foldLn, centerUnembed, foldValueBiases]");
            assertThatThrownBy(gemma::centerUnembed).hasMessageContaining("its logits are capped at 5.0");
            assertThatThrownBy(program::foldLn).hasMessageContaining("its norms have no weights (norm NONE)");
            assertThatThrownBy(folded::foldLn).hasMessageContaining("its norms have no weights (norm RMS_PRE)");
            assertThatThrownBy(program::centerWritingWeights).hasMessageContaining("norm NONE");
        }
    }

    @Test
    void positionsOutsideTheStreamAreLeftAlone() throws IOException {
        for (String file : List.of("config.json", "weights.safetensors")) {
            Files.copy(TestModels.RESOURCES.resolve("tl/attn-only-tiny").resolve(file), folder.resolve(file));
        }
        Path config = folder.resolve("config.json");
        Files.writeString(config, Files.readString(config).replace("\"standard\"", "\"shortformer\""));
        try (HookedTransformer narrow = HookedTransformer.load(folder.toString(), "cpu");
                HookedTransformer model = narrow.to(DataType.FLOAT64);
                HookedTransformer centered = model.centerWritingWeights();
                HookedTransformer processed = model.processWeights()) {
            assertThat(model.config().positions()).isEqualTo(ModelConfig.Positions.SHORTFORMER);
            assertThatThrownBy(model::foldLn).hasMessageContaining("SHORTFORMER");
            assertThat(logProbabilities(centered)).containsExactly(logProbabilities(model), within(1e-11));
            assertThat(processed.name()).endsWith(" (foldValueBiases)"); // as TransformerLens does
        }
    }

    private static double[] logProbabilities(HookedTransformer model) {
        long[][] tokens = model.config().nCtx() < 5 ? new long[][] {{3, 1, 0}} : TestModels.TOKENS;
        if (model.config().dVocab() < 42) {
            tokens = new long[][] {{3, 1, 0}};
        }
        try (Logits logits = model.run(tokens);
                NDArray values = logits.array().logSoftmax(2);
                NDArray wide = values.toType(DataType.FLOAT64, true)) {
            return wide.toDoubleArray();
        }
    }

    private static Map<String, float[]> weights(HookedTransformer model) {
        Map<String, float[]> all = new LinkedHashMap<>();
        for (String name : model.weights().names()) {
            try (Weight weight = model.weights().get(name)) {
                all.put(name, weight.toFloatArray());
            }
        }
        return all;
    }
}
