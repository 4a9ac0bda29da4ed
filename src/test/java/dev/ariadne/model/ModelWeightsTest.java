package dev.ariadne.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.ariadne.model.weights.Checkpoint;
import dev.ariadne.tensor.Tensors;
import dev.ariadne.view.View;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class ModelWeightsTest {
    private static final HookedTransformer model = TestModels.gpt2();

    @AfterAll
    static void close() {
        model.close();
    }

    @Test
    void everyWeightOfATransformerLensFileIsThereUnderItsNameBitForBit() throws IOException {
        try (Checkpoint file = Checkpoint.open(TestModels.RESOURCES.resolve("tl/gpt2-tiny/weights.safetensors"));
                NDManager manager = Tensors.engine().newBaseManager(Device.cpu())) {
            assertThat(model.weights().names())
                    .contains("unembed.b_U")
                    .containsAll(file.names())
                    .hasSizeLessThanOrEqualTo(file.names().size() + 1);
            for (String name : file.names()) {
                try (Weight weight = model.weights().get(name)) {
                    assertThat(weight.shape()).as(name).isEqualTo(file.shape(name));
                    assertThat(weight.toFloatArray())
                            .as(name)
                            .isEqualTo(file.read(manager, name).toFloatArray());
                    assertThat(weight.axes()).as(name).hasSize(weight.shape().length);
                }
            }
        }
    }

    /** Every family computes what the weights, under their names, say it computes: embedding, values, attention's output, logits. */
    @ParameterizedTest
    @MethodSource("dev.ariadne.model.TestModels#all")
    void whatTheModelComputesFollowsFromItsNamedWeights(String name) {
        try (HookedTransformer each = TestModels.load(name);
                ActivationCache cache = each.runWithCache(TestModels.TOKENS)) {
            ModelWeights weights = each.weights();
            int token = (int) TestModels.TOKENS[1][2];
            int at = 1 * 5 + 2; // of prompt 1, position 2
            int width = each.config().dModel();
            try (Weight e = weights.get("W_E")) {
                assertThat(slice(e, token))
                        .as("W_E")
                        .containsExactly(row(cache, "hook_embed", at, width), within(1e-5f));
            }
            for (int layer = 0; layer < each.config().nLayers(); layer++) {
                checkAttention(each, weights, cache, layer, at);
            }
            if (each.config().logitSoftcap() == 0) {
                float[] read = row(cache, "ln_final.hook_normalized", at, width);
                scaleForRms(each, weights, "ln_final.w", read);
                try (Weight u = weights.get("W_U");
                        Weight b = weights.get("b_U")) {
                    float[] logits = cache.logits().array().toFloatArray();
                    int vocabulary = each.config().dVocabOut();
                    float[] wanted = new float[vocabulary];
                    System.arraycopy(logits, at * vocabulary, wanted, 0, vocabulary);
                    assertThat(times(read, u.toFloatArray(), b.toFloatArray())).containsExactly(wanted, within(1e-4f));
                }
            }
        }
    }

    private static void checkAttention(
            HookedTransformer each, ModelWeights weights, ActivationCache cache, int layer, int at) {
        ModelConfig c = each.config();
        String block = "blocks." + layer + ".";
        float[] read = row(cache, block + "ln1.hook_normalized", at, c.dModel());
        scaleForRms(each, weights, block + "ln1.w", read);
        float[] v = row(cache, block + "attn.hook_v", at, c.nKeyValueHeads() * c.dHead());
        float[] z = row(cache, block + "attn.hook_z", at, c.nHeads() * c.dHead());
        float[] out;
        try (Weight b = weights.get("b_O", layer)) {
            out = b.toFloatArray();
        }
        for (int head = 0; head < c.nHeads(); head++) {
            try (Weight w = weights.get("W_V", layer, head);
                    Weight b = weights.get("b_V", layer, head);
                    Weight o = weights.get("W_O", layer, head)) {
                int kv = head / (c.nHeads() / c.nKeyValueHeads());
                assertThat(times(read, w.toFloatArray(), b.toFloatArray()))
                        .as("values of head " + head)
                        .containsExactly(part(v, kv, c.dHead()), within(1e-4f));
                out = times(part(z, head, c.dHead()), o.toFloatArray(), out);
            }
        }
        if (!c.postNorms()) {
            assertThat(out)
                    .as("output of layer " + layer)
                    .containsExactly(row(cache, block + "hook_attn_out", at, c.dModel()), within(1e-4f));
        }
    }

    /** TransformerLens's RMSNorm is seen before its weight. */
    private static void scaleForRms(HookedTransformer each, ModelWeights weights, String norm, float[] x) {
        if (each.config().norm() == ModelConfig.Norm.RMS) {
            try (Weight w = weights.get(norm)) {
                for (int i = 0; i < x.length; i++) {
                    x[i] *= w.toFloatArray()[i];
                }
            }
        }
    }

    private static float[] times(float[] x, float[] matrix, float[] bias) {
        float[] y = bias.clone();
        for (int i = 0; i < x.length; i++) {
            for (int j = 0; j < y.length; j++) {
                y[j] += x[i] * matrix[i * y.length + j];
            }
        }
        return y;
    }

    private static float[] row(ActivationCache cache, String hook, int at, int width) {
        return part(cache.get(hook).toFloatArray(), at, width);
    }

    private static float[] slice(Weight table, int row) {
        return part(table.toFloatArray(), row, (int) table.shape()[1]);
    }

    private static float[] part(float[] all, int index, int width) {
        float[] part = new float[width];
        System.arraycopy(all, index * width, part, 0, width);
        return part;
    }

    @Test
    void headsThatShareKeysGetTheSameOnes() {
        try (HookedTransformer qwen = TestModels.load("qwen2-tiny");
                Weight all = qwen.weights().get("W_K", 0);
                Weight stored = qwen.weights().get("blocks.0.attn._W_K");
                Weight third = qwen.weights().get("W_K", 0, 3);
                Weight query = qwen.weights().get("W_Q", 0, 3)) {
            assertThat(all).hasToString("blocks.0.attn.W_K [kvHead 2, dModel 32, dHead 8]");
            assertThat(stored.toFloatArray()).isEqualTo(all.toFloatArray());
            assertThat(third.toFloatArray()).isEqualTo(part(all.toFloatArray(), 1, 32 * 8));
            assertThat(third).hasToString("blocks.0.attn.W_K[1] [dModel 32, dHead 8]");
            assertThat(query).hasToString("blocks.0.attn.W_Q[3] [dModel 32, dHead 8]");
        }
    }

    @Test
    void whatIsMissingSaysWhyOrWhatIsNear() {
        assertThatThrownBy(() -> model.weights().get("blocks.0.attn.W_q"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("no weight named 'blocks.0.attn.W_q'; the nearest are blocks.0.attn.W_Q")
                .hasMessageContaining("names()");
        assertThatThrownBy(() -> model.weights().get("W_Q", 2)).hasMessage("layer must be from 0 to 1, got 2");
        assertThatThrownBy(() -> model.weights().get("W_Q", 0, -1)).hasMessage("head must be from 0 to 3, got -1");
        assertThatThrownBy(() -> model.weights().get("W_in", 0, 1))
                .hasMessageContaining("has axes [dModel, dMlp], none per head");
        assertThatThrownBy(() -> model.weights().get("W_x", 0, 1)).hasMessageContaining("'blocks.0.W_x'");
        assertThatThrownBy(() -> model.weights().get("W_gate", 0)).hasMessageContaining("its MLPs have no gate");
        try (HookedTransformer folded = model.foldLn();
                HookedTransformer llama = TestModels.llama();
                HookedTransformer attention = TestModels.load("tl/attn-only-tiny");
                HookedTransformer program = TestModels.load("tracr/tracr-reverse")) {
            assertThatThrownBy(() -> folded.weights().get("ln1.w", 0))
                    .hasMessageContaining("folded into the matrices behind them (norm LAYER_PRE)");
            assertThatThrownBy(() -> folded.weights().get("ln_final.w")).hasMessageContaining("LAYER_PRE");
            assertThatThrownBy(() -> llama.weights().get("ln1.b", 0)).hasMessageContaining("an RMSNorm has no bias");
            assertThatThrownBy(() -> llama.weights().get("pos_embed.W_pos")).hasMessageContaining("positions ROTARY");
            assertThatThrownBy(() -> llama.weights().get("b_gate", 0)).hasMessageContaining("the nearest are");
            assertThatThrownBy(() -> attention.weights().get("W_in", 0)).hasMessageContaining("has no MLPs");
            assertThatThrownBy(() -> program.weights().get("ln_final.w")).hasMessageContaining("has no norms");
        }
    }

    @Test
    void aBiasThatTheModelLacksIsZero() {
        try (HookedTransformer llama = TestModels.llama();
                Weight b = llama.weights().get("b_K", 0);
                Weight u = llama.weights().get("b_U")) {
            assertThat(b.shape()).containsExactly(2, 8);
            assertThat(b.toFloatArray()).containsOnly(0);
            assertThat(u.toFloatArray()).hasSize(96).containsOnly(0);
        }
    }

    @Test
    void takingAndLookingLeavesNothingInTheModel() {
        int before = model.arrayCount();
        List<Weight> taken = new ArrayList<>();
        for (String name : model.weights().names()) {
            Weight weight = model.weights().get(name);
            assertThat(weight.view()).isNotNull();
            assertThat(weight.array().mul(2).getShape())
                    .isEqualTo(weight.array().getShape());
            taken.add(weight);
        }
        assertThat(model.arrayCount()).isGreaterThan(before);
        NDArray lost = taken.get(0).array();
        taken.forEach(Weight::close);
        assertThat(model.arrayCount()).isEqualTo(before);
        assertThatThrownBy(lost::toFloatArray).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> taken.get(0).array())
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("'embed.W_E' is closed")
                .hasMessageContaining("model.weights()");
        model.run(TestModels.TOKENS).close();
    }

    @Test
    void aWeightOfAClosedModelSaysSo() {
        HookedTransformer other = TestModels.gpt2();
        ModelWeights weights = other.weights();
        Weight weight = weights.get("W_E");
        other.close();
        assertThatThrownBy(weight::toFloatArray).hasMessageContaining("model 'gpt2-tiny' is closed");
        assertThatThrownBy(weight::view).hasMessageContaining("model 'gpt2-tiny' is closed");
        assertThatThrownBy(() -> weights.get("W_E")).hasMessageContaining("is closed");
        assertThatThrownBy(other::weights).hasMessageContaining("is closed");
        assertThatThrownBy(other::foldLn).hasMessageContaining("is closed");
    }

    @Test
    void aWeightIsShownBySizeHeadsAndCells() {
        try (Weight heads = model.weights().get("W_Q", 1);
                Weight one = model.weights().get("W_Q", 1, 2);
                Weight large = model.weights().get("W_in", 1)) {
            View.Panels panels = (View.Panels) heads.view();
            View.Bars bars = (View.Bars) panels.panels().get(1);
            double sum = 0;
            for (float x : one.toFloatArray()) {
                sum += x * x;
            }
            assertThat(bars.bars()).hasSize(4);
            assertThat(bars.bars().get(2).value()).isCloseTo(Math.sqrt(sum), within(1e-5));
            View.HeatMap cells =
                    (View.HeatMap) ((View.Panels) one.view()).panels().get(1);
            assertThat(cells.value(3, 5)).isEqualTo(one.toFloatArray()[3 * 8 + 5]);
            View.Facts facts = (View.Facts) large.view(); // 32 × 128: too many cells to draw
            double[] expected = spread(large.toFloatArray());
            assertThat(Double.parseDouble(facts.facts().get("standard deviation")))
                    .isCloseTo(expected[0], within(1e-4));
            assertThat(Double.parseDouble(facts.facts().get("largest"))).isCloseTo(expected[1], within(1e-3));
        }
        View.Table table = (View.Table) model.weights().view();
        assertThat(table.rows()).contains(List.of("blocks.0.attn.W_O", "head, dHead, dModel", "4 × 8 × 32"));
        assertThat(model.weights()).hasToString("weights of gpt2-tiny");
    }

    private static double[] spread(float[] values) {
        double sum = 0;
        double squares = 0;
        double largest = Double.NEGATIVE_INFINITY;
        for (float x : values) {
            sum += x;
            squares += (double) x * x;
            largest = Math.max(largest, x);
        }
        double mean = sum / values.length;
        return new double[] {Math.sqrt(squares / values.length - mean * mean), largest};
    }

    @Test
    void theHashNamesTheNumbersAndNotTheFile() {
        try (HookedTransformer one = HookedTransformer.load("gpt2-tiny", "cpu");
                HookedTransformer same = HookedTransformer.load(
                        Path.of("src/main/resources/dev/ariadne/models/gpt2-tiny")
                                .toString(),
                        "cpu");
                HookedTransformer folded = one.foldLn()) {
            assertThat(one.weights().sha256())
                    .matches("[0-9a-f]{64}")
                    .isEqualTo(same.weights().sha256());
            assertThat(folded.weights().sha256()).isNotEqualTo(one.weights().sha256());
        }
    }
}
