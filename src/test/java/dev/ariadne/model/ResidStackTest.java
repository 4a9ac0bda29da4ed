package dev.ariadne.model;

import static dev.ariadne.model.TestModels.RESOURCES;
import static dev.ariadne.model.TestModels.TOKENS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import dev.ariadne.view.View;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The parts sum to the whole: that is what makes them a decomposition. Recorded values are compared by the conformance checks. */
class ResidStackTest {
    private static final HookedTransformer model = TestModels.gpt2();
    private static final long[] NONE = {};

    @AfterAll
    static void close() {
        model.close();
    }

    private static long[][] tokens(HookedTransformer any) {
        return Arrays.stream(TOKENS)
                .map(row -> Arrays.stream(row)
                        .map(id -> id % any.config().dVocab())
                        .limit(any.config().nCtx())
                        .toArray())
                .toArray(long[][]::new);
    }

    private static float[] sum(ResidStack stack) {
        return stack.array().sum(new int[] {0}).toFloatArray();
    }

    /** Float32 sums in another order: relative to the largest value. */
    private static void assertClose(float[] actual, float[] expected) {
        float largest = 1;
        for (float value : expected) {
            largest = Math.max(largest, Math.abs(value));
        }
        assertThat(actual).containsExactly(expected, within(1e-5f * largest));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "models/gpt2-tiny",
                "models/llama-tiny",
                "models/llama3-tied-tiny",
                "models/gemma2-tiny",
                "models/gemma3-tiny",
                "models/qwen2-tiny",
                "models/qwen3-tiny",
                "models/pythia-tiny",
                "tl/attn-only-tiny",
                "tracr/tracr-reverse",
                "tracr/tracr-xproportion"
            })
    void thePartsOfEveryFamilySumToTheStreamAndToTheLogits(String folder) {
        try (HookedTransformer any =
                        HookedTransformer.load(RESOURCES.resolve(folder).toString(), "cpu");
                ActivationCache cache = any.runWithCache(tokens(any));
                ResidStack components = cache.decomposeResid();
                ResidStack everything = cache.fullResidDecomposition();
                ResidStack whole = cache.fullResidDecomposition(o -> o.wholeMlps());
                ResidStack rest = cache.stackHeadResults(o -> o.inclRemainder());
                ResidStack normalized = cache.fullResidDecomposition(o -> o.applyLn())) {
            int layers = any.config().nLayers();
            float[] stream = cache.get("resid_post", -1).toFloatArray();
            for (ResidStack stack : List.of(components, everything, whole, rest)) {
                assertClose(sum(stack), stream);
            }
            for (int layer = 1; layer < layers; layer++) {
                int at = layer;
                try (ResidStack before = cache.decomposeResid(o -> o.layer(at))) {
                    assertClose(sum(before), cache.get("resid_pre", layer).toFloatArray());
                }
            }
            try (ResidStack one = cache.accumulatedResid(o -> o.applyLn())) {
                float[] all = one.toFloatArray();
                assertClose(sum(normalized), Arrays.copyOfRange(all, all.length - stream.length, all.length));
            }
            attributesTheLogitsThemselves(any, cache, everything);
        }
    }

    private static void attributesTheLogitsThemselves(
            HookedTransformer any, ActivationCache cache, ResidStack everything) {
        long[] correct = {2, 1};
        long[] wrong = {0, 0};
        LogitAttrs difference = cache.directLogitAttribution(everything, correct, wrong);
        LogitAttrs one = cache.directLogitAttribution(everything, correct, NONE);
        double cap = any.config().logitSoftcap();
        NDArray logits = cache.logits().array();
        for (int prompt = 0; prompt < 2; prompt++) {
            for (int pos = 0; pos < cache.logits().shape()[1]; pos++) {
                double right = uncapped(logits.getFloat(prompt, pos, correct[prompt]), cap);
                double other = uncapped(logits.getFloat(prompt, pos, wrong[prompt]), cap);
                assertThat(one.total(prompt, pos)).isCloseTo(right, within(1e-4));
                assertThat(difference.total(prompt, pos)).isCloseTo(right - other, within(1e-4));
            }
        }
    }

    private static double uncapped(double logit, double cap) {
        double x = logit / cap;
        return cap == 0 ? logit : cap * 0.5 * Math.log((1 + x) / (1 - x));
    }

    @ParameterizedTest
    @ValueSource(strings = {"gpt2-tiny", "llama-tiny", "gemma3-tiny"})
    void headsFromZAreThoseOfHookResult(String family) {
        try (HookedTransformer any = HookedTransformer.load(
                        RESOURCES.resolve("models/" + family).toString(), "cpu");
                ActivationCache plain = any.runWithCache(TOKENS, "z", "scale");
                ActivationCache results = any.runWithCache(TOKENS, "result", "scale");
                ResidStack fromZ = plain.stackHeadResults();
                ResidStack kept = results.stackHeadResults()) {
            assertThat(fromZ.labels())
                    .startsWith("L0H0", "L0H1")
                    .hasSize(any.config().nLayers() * 4);
            assertClose(fromZ.toFloatArray(), kept.toFloatArray());
        }
    }

    @Test
    void aNeuronWritesItsActivationTimesItsRow() {
        try (ActivationCache cache = model.runWithCache(TOKENS);
                ResidStack neurons = cache.stackNeuronResults(
                        o -> o.layers(1, 2).neurons(17, 19).pos(-2))) {
            assertThat(neurons.labels()).containsExactly("L1N17", "L1N18");
            assertThat(neurons.shape()).containsExactly(2, 2, 1, 32);
            float[] post = cache.get("post", 1).toFloatArray(); // [2, 5, 128]
            float[] wOut =
                    model.arrays().layers().get(1).mlp().orElseThrow().out().w().toFloatArray(); // [32, 128]
            float[] actual = neurons.toFloatArray();
            for (int i = 0; i < actual.length; i++) {
                int neuron = 17 + i / 64;
                int prompt = i / 32 % 2;
                float expected = post[(prompt * 5 + 3) * 128 + neuron] * wOut[i % 32 * 128 + neuron];
                assertThat(actual[i]).isCloseTo(expected, within(1e-6f));
            }
        }
    }

    @Test
    void theMlpOfAParallelBlockReadsWhatAttentionReads() {
        try (HookedTransformer pythia = HookedTransformer.load(
                        RESOURCES.resolve("models/pythia-tiny").toString(), "cpu");
                ActivationCache cache = pythia.runWithCache(TOKENS);
                ResidStack parts = cache.decomposeResid(o -> o.layer(1).mlpInput());
                ResidStack streams =
                        cache.accumulatedResid(o -> o.layer(1).mlpInput().applyLn())) {
            assertClose(sum(parts), cache.get("resid_pre", 1).toFloatArray());
            assertThat(streams.labels()).containsExactly("0_pre", "1_pre");
            assertThatThrownBy(() -> cache.accumulatedResid(o -> o.inclMid()))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("attention and MLP read the same stream");
        }
    }

    @Test
    void positionsThatOnlyAttentionReadsAreNoPartOfTheStream(@TempDir Path folder) throws IOException {
        Path source = RESOURCES.resolve("tl/attn-only-tiny");
        Files.copy(source.resolve("weights.safetensors"), folder.resolve("weights.safetensors"));
        String config = Files.readString(source.resolve("config.json"));
        Files.writeString(folder.resolve("config.json"), config.replace("\"standard\"", "\"shortformer\""));
        try (HookedTransformer shortformer = HookedTransformer.load(folder.toString(), "cpu");
                ActivationCache cache = shortformer.runWithCache(TOKENS);
                ResidStack parts = cache.decomposeResid()) {
            assertThat(parts.labels()).containsExactly("embed", "0_attn_out", "1_attn_out");
            assertClose(sum(parts), cache.get("resid_post", 1).toFloatArray());
        }
    }

    @Test
    void aStackSaysWhichNamesTheFilterLacks() {
        try (ActivationCache cache = model.runWithCache(TOKENS, "mlp_out")) {
            assertThatThrownBy(cache::decomposeResid)
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("decomposeResid needs activations that this run did not keep; add"
                            + " \"hook_embed\", \"hook_pos_embed\", \"attn_out\" to the run's filter");
            assertThatThrownBy(cache::stackHeadResults).hasMessageContaining("add \"z\" to");
            assertThatThrownBy(cache::accumulatedResid).hasMessageContaining("add \"resid_pre\", \"resid_post\" to");
            try (ResidStack mlps = cache.decomposeResid(o -> o.mode("mlp").exclEmbeds())) {
                assertThat(mlps.labels()).containsExactly("0_mlp_out", "1_mlp_out");
                assertThatThrownBy(() -> cache.logitAttrs(mlps, new long[] {3}, NONE))
                        .hasMessageContaining("logit attribution needs")
                        .hasMessageContaining("\"ln_final.hook_scale\"");
                assertThatThrownBy(() -> cache.applyLnToStack(mlps, 1, false))
                        .hasMessageContaining("\"blocks.*.ln1.hook_scale\"");
            }
        }
        // the names it asks for are what it needs
        try (ActivationCache cache = model.runWithCache(
                        TOKENS, "hook_embed", "hook_pos_embed", "attn_out", "mlp_out", "ln_final.hook_scale");
                ResidStack all = cache.decomposeResid(o -> o.applyLn())) {
            assertThat(all.labels()).hasSize(6);
        }
    }

    @Test
    void theStreamBetweenBlocksIsTakenFromWhicheverWasKept() {
        try (ActivationCache posts = model.runWithCache(TOKENS, "resid_post", "blocks.0.hook_resid_pre");
                ActivationCache pres = model.runWithCache(TOKENS);
                ResidStack a = posts.accumulatedResid();
                ResidStack b = pres.accumulatedResid()) {
            assertThat(a.toFloatArray()).isEqualTo(b.toFloatArray());
        }
    }

    @Test
    void refusesOptionsThatMeanNothing() {
        try (ActivationCache cache = model.runWithCache(TOKENS)) {
            assertThatThrownBy(() -> cache.decomposeResid(o -> o.inclMid()))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("decomposeResid has no option 'inclMid'; it has layer, pos, ");
            assertThatThrownBy(() -> cache.decomposeResid(o -> o.layer(3)))
                    .hasMessageContaining("within 0 to 2 (the unembedding, also written -1), got 3");
            assertThatThrownBy(() -> cache.decomposeResid(o -> o.mlpInput()))
                    .hasMessageContaining("mlpInput needs a layer from 0 to 1, got 2");
            assertThatThrownBy(() -> cache.decomposeResid(o -> o.mode("heads"))).hasMessageContaining("got \"heads\"");
            assertThatThrownBy(() -> cache.decomposeResid(o -> o.pos(5)))
                    .hasMessageContaining("pos must be within the 5 there are, got 5");
            assertThatThrownBy(() -> cache.stackNeuronResults(o -> o.neurons(0, 129)))
                    .hasMessageContaining("neurons must be within the 128 there are, got 0 to 129");
            assertThatThrownBy(() -> cache.stackHeadResults(o -> o.layer(0)))
                    .hasMessageContaining("nothing of this kind is written before layer 0");
            assertThatThrownBy(() -> cache.logitLens(o -> o.applyLn())).hasMessageContaining("no option 'applyLn'");
            try (ResidStack normalized = cache.decomposeResid(o -> o.applyLn());
                    ResidStack plain = cache.decomposeResid()) {
                assertThatThrownBy(() -> cache.logitAttrs(normalized, new long[] {3}, NONE))
                        .hasMessageContaining("normalized already");
                assertThatThrownBy(() -> cache.logitAttrs(plain, new long[] {3, 4, 5}, NONE))
                        .hasMessageContaining("one for each of the 2 prompts; got 3");
                assertThatThrownBy(() -> cache.logitAttrs(plain, "Texas"))
                        .hasMessageContaining("'Texas' must be exactly one token");
                try (ActivationCache other = model.runWithCache("Dallas is in")) {
                    assertThatThrownBy(() -> other.logitAttrs(plain, new long[] {3}, NONE))
                            .hasMessageContaining("the stack has 2 prompts");
                }
            }
        }
        try (ActivationCache split = model.runWithCache(TOKENS, "q_input", "scale", "mlp_out")) {
            assertThatThrownBy(() -> split.decomposeResid(
                            o -> o.layer(1).mode("mlp").exclEmbeds().applyLn()))
                    .hasMessageContaining("one scale per head");
        }
    }

    @Test
    void statesItsMemoryBeforeItTakesIt() {
        try (ActivationCache cache = model.runWithCache(TOKENS)) {
            // 256 neurons of 2 prompts, 5 positions, 32 wide: 327,680 bytes
            assertThatThrownBy(() -> cache.stackNeuronResults(o -> o.maxBytes(327_679)))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("256 components × 2 prompts × 5 positions × 32 would take 0.3 MiB")
                    .hasMessageContaining("maxBytes(327680L)");
            cache.stackNeuronResults(o -> o.maxBytes(327_680)).close();
        }
    }

    @Test
    void nothingButTheStackIsLeftBehind() {
        try (ActivationCache cache = model.runWithCache(TOKENS)) {
            int ofModel = model.arrayCount();
            int ofCache = owned(cache.get("embed").array());
            int ofLogits = owned(cache.logits().array());
            try (ResidStack all = cache.stackNeuronResults();
                    ResidStack full = cache.fullResidDecomposition(o -> o.pos(1).applyLn())) {
                cache.directLogitAttribution(all, new long[] {3}, NONE);
                cache.logitLens(o -> o.inclMid());
                cache.logits().loss();
                assertThat(full.table().rowCount()).isEqualTo(267 * 2);
                assertThat(owned(all.array())).isEqualTo(1);
                assertThat(owned(full.array())).isEqualTo(1);
                assertThat(model.arrayCount()).isEqualTo(ofModel + 2); // the owners of the two stacks
            }
            assertThat(model.arrayCount()).isEqualTo(ofModel);
            assertThat(owned(cache.get("embed").array())).isEqualTo(ofCache);
            assertThat(owned(cache.logits().array())).isEqualTo(ofLogits);
        }
    }

    private static int owned(NDArray array) {
        return array.getManager().getManagedArrays().size();
    }

    @Test
    void aStackOutlivesItsCacheAndSaysWhenItIsClosed() {
        ResidStack stack;
        try (ActivationCache cache = model.runWithCache(TOKENS)) {
            stack = cache.decomposeResid();
        }
        assertThat(stack.toFloatArray()).hasSize(6 * 2 * 5 * 32);
        stack.close();
        assertThat(stack.toString()).startsWith("ResidStack ").endsWith(", closed");
        assertThatThrownBy(stack::array)
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("closed");
    }

    @Test
    void computesInTheModelsType() {
        try (HookedTransformer wide = model.to(DataType.FLOAT64);
                ActivationCache cache = wide.runWithCache(TOKENS);
                ResidStack stack = cache.fullResidDecomposition(o -> o.applyLn());
                ResidStack plain = cache.decomposeResid()) {
            assertThat(stack.array().getDataType()).isEqualTo(DataType.FLOAT64);
            double[] sum = plain.array().sum(new int[] {0}).toDoubleArray();
            assertThat(sum).containsExactly(cache.get("resid_post", 1).array().toDoubleArray(), within(1e-12));
            LogitAttrs attrs = cache.directLogitAttribution(plain, new long[] {4}, NONE);
            assertThat(attrs.total(1, 4)).isCloseTo(cache.logits().array().getDouble(1, 4, 4), within(1e-12));
        }
    }

    @Test
    void showsNormsBarsAndHeads() {
        try (ActivationCache cache = model.runWithCache(TOKENS);
                ResidStack all = cache.decomposeResid();
                ResidStack last = cache.decomposeResid(o -> o.pos(-1));
                ResidStack heads = cache.stackHeadResults(o -> o.pos(-1))) {
            assertThat(all.view())
                    .isInstanceOfSatisfying(
                            View.Panels.class,
                            panels -> assertThat(panels.panels())
                                    .hasSize(2)
                                    .allSatisfy(panel -> assertThat(((View.HeatMap) panel).rows())
                                            .startsWith("embed", "pos_embed")));
            assertThat(all.table().columnNames()).containsExactly("component", "prompt", "position", "token", "norm");
            assertThat(all.table().rowCount()).isEqualTo(6 * 2 * 5);
            float[] embed = Arrays.copyOf(cache.get("embed").toFloatArray(), 32);
            double norm = Math.sqrt(
                    IntStream.range(0, 32).mapToDouble(i -> embed[i] * embed[i]).sum());
            assertThat(all.table().doubleColumn("norm").get(0)).isCloseTo(norm, within(1e-5));

            LogitAttrs byComponent = cache.logitAttrs(last, new long[] {3, 4}, new long[] {5, 6});
            assertThat(byComponent.view()).isInstanceOfSatisfying(View.Bars.class, bars -> {
                assertThat(bars.title()).contains("position 4, mean of 2 prompts");
                assertThat(bars.bars()).extracting(View.Bar::label).isEqualTo(last.labels());
                assertThat(bars.bars().get(1).value())
                        .isCloseTo((byComponent.value(1, 0, 0) + byComponent.value(1, 1, 0)) / 2, within(1e-12));
            });
            assertThat(byComponent.table().doubleColumn("attribution").get(2)).isEqualTo(byComponent.value(1, 0, 0));
            assertThatThrownBy(byComponent::byHead)
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("stackHeadResults");

            LogitAttrs byHead = cache.logitAttrs(heads, new long[] {3}, NONE);
            assertThat(byHead.view()).isInstanceOfSatisfying(View.HeatMap.class, map -> {
                assertThat(map.rows()).containsExactly("0", "1");
                assertThat(map.columns()).containsExactly("0", "1", "2", "3");
                assertThat(map.value(1, 2))
                        .isCloseTo((float) ((byHead.value(6, 0, 0) + byHead.value(6, 1, 0)) / 2), within(1e-6f));
            });
            try (ResidStack neurons = cache.stackNeuronResults(o -> o.pos(0))) {
                assertThat(cache.logitAttrs(neurons, new long[] {3}, NONE).view())
                        .isInstanceOfSatisfying(View.Bars.class, bars -> {
                            assertThat(bars.title()).contains("the largest 30 of 256");
                            assertThat(bars.bars()).hasSize(30);
                        });
            }
            assertThat(cache.logitAttrs(all, new long[] {3}, NONE).view()).isInstanceOf(View.Panels.class);
        }
    }
}
