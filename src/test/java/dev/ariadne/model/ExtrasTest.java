package dev.ariadne.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import dev.ariadne.model.ModelConfig.Extras;
import dev.ariadne.model.ModelConfig.Norm;
import dev.ariadne.model.ModelConfig.Positions;
import dev.ariadne.task.Metric;
import dev.ariadne.tensor.Tensors;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What weight-sparse models have besides, against plain arithmetic on activations of the same run. */
class ExtrasTest {
    private static final List<Double> SLOPES = List.of(0.0, 0.5);
    private static final long[][] TOKENS = {{1, 5, 3, 3, 8, 2}};

    @TempDir
    private Path folder;

    private static ModelConfig config(Extras extras) {
        return ModelConfig.builder()
                .nLayers(2)
                .dModel(8)
                .heads(2, 4)
                .dMlp(16)
                .dVocab(9)
                .nCtx(12)
                .norm(Norm.RMS_PRE)
                .positions(Positions.NONE)
                .extras(extras)
                .build();
    }

    /** Random weights, those that begin with zeros included. */
    private static TrainableModel model(Extras extras) {
        TrainableModel model = TrainableModel.random(config(extras), Initialization.fanIn(2, 1), 3, "cpu");
        Random random = new Random(4);
        model.parameters().forEach((name, array) -> {
            if (name.contains("bigrams") || name.contains("sinks") || name.contains(".b_")) {
                float[] values = new float[(int) array.size()];
                for (int i = 0; i < values.length; i++) {
                    values[i] = (float) random.nextGaussian();
                }
                Tensors.recording(false, () -> {
                    array.set(values);
                    return array;
                });
            }
        });
        return model;
    }

    @Test
    void theRowOfTheTokenReadIsAddedToTheLogits() {
        try (TrainableModel trained = model(new Extras(0, true, false, List.of()));
                HookedTransformer with = trained.snapshot();
                Weight table = with.weights().get("W_bigrams");
                Logits logits = with.run(TOKENS)) {
            float[] rows = table.array().toFloatArray();
            float[] all = logits.array().toFloatArray();
            Tensors.recording(false, () -> {
                NDArray array = trained.parameter("unembed.W_bigrams");
                array.set(new float[(int) array.size()]);
                return array;
            });
            try (HookedTransformer without = trained.snapshot();
                    Logits plain = without.run(TOKENS);
                    Logits last = with.next(TOKENS)) {
                float[] rest = plain.array().toFloatArray();
                for (int pos = 0; pos < 6; pos++) {
                    for (int token = 0; token < 9; token++) {
                        float expected = rest[9 * pos + token] + rows[(int) (9 * TOKENS[0][pos] + token)];
                        assertThat(all[9 * pos + token]).isCloseTo(expected, within(1e-5f));
                    }
                }
                assertThat(last.array().toFloatArray()).containsExactly(Arrays.copyOfRange(all, 45, 54), within(1e-5f));
            }
            try (ActivationCache cache = with.runWithCache(TOKENS, "resid_pre")) {
                NDArray stream = cache.get("blocks.1.hook_resid_pre").array();
                assertThatThrownBy(() -> with.runFrom(stream, 1, true)).hasMessageContaining("knows no tokens");
            }
        }
    }

    @Test
    void scoresFallWithDistanceAndASinkTakesItsShare() {
        try (TrainableModel trained = model(new Extras(0, false, true, SLOPES));
                HookedTransformer model = trained.snapshot();
                ActivationCache cache = model.runWithCache(TOKENS, "q", "k", "pattern")) {
            float[] q = cache.get("blocks.1.attn.hook_q").array().toFloatArray(); // [1, 6, 2, 4]
            float[] k = cache.get("blocks.1.attn.hook_k").array().toFloatArray();
            float[] pattern = cache.get("blocks.1.attn.hook_pattern").array().toFloatArray(); // [1, 2, 6, 6]
            float[] sinks = trained.parameter("blocks.1.attn.W_sinks").toFloatArray();
            for (int head = 0; head < 2; head++) {
                for (int query = 0; query < 6; query++) {
                    double[] weights = new double[query + 1];
                    double sum = Math.exp(sinks[head]);
                    for (int key = 0; key <= query; key++) {
                        double score = 0;
                        for (int c = 0; c < 4; c++) {
                            score += q[(query * 2 + head) * 4 + c] * k[(key * 2 + head) * 4 + c];
                        }
                        weights[key] = Math.exp(score / 2 - SLOPES.get(head) * (query - key));
                        sum += weights[key];
                    }
                    for (int key = 0; key < 6; key++) {
                        double expected = key <= query ? weights[key] / sum : 0;
                        assertThat((double) pattern[(head * 6 + query) * 6 + key])
                                .isCloseTo(expected, within(1e-5));
                    }
                }
            }
        }
    }

    @Test
    void aQuarterOfTheActivationsIsKeptAtEightPlaces() {
        try (TrainableModel trained = model(new Extras(0.25, false, false, List.of()));
                HookedTransformer model = trained.snapshot();
                ActivationCache cache = model.runWithCache(TOKENS)) {
            List<String> places =
                    new ArrayList<>(List.of("ln1.hook_normalized", "attn.hook_q", "attn.hook_k", "attn.hook_v"));
            places.addAll(List.of("hook_attn_out", "ln2.hook_normalized", "mlp.hook_post", "hook_mlp_out"));
            for (String place : places) {
                float[] values = cache.get("blocks.0." + place).array().toFloatArray();
                int width = values.length / 6;
                for (int pos = 0; pos < 6; pos++) {
                    int from = pos * width;
                    long left = IntStream.range(from, from + width)
                            .filter(i -> values[i] != 0)
                            .count();
                    assertThat(left).as(place).isEqualTo(width / 4);
                }
            }
            float[] stream = cache.get("blocks.0.hook_resid_pre").array().toFloatArray();
            float[] read = cache.get("blocks.0.ln1.hook_normalized").array().toFloatArray();
            for (int pos = 0; pos < 6; pos++) {
                int from = 8 * pos;
                double square = IntStream.range(from, from + 8)
                        .mapToDouble(i -> stream[i] * stream[i])
                        .sum();
                double scale = Math.sqrt(square / 8 + 1e-5);
                IntStream.range(from, from + 8)
                        .boxed()
                        .sorted(Comparator.comparingDouble(i -> -Math.abs(stream[i])))
                        .limit(2)
                        .forEach(i -> assertThat((double) read[i]).isCloseTo(stream[i] / scale, within(1e-5)));
            }
        }
    }

    /** In float64, by central differences along random directions of the input embedding. */
    @Test
    void gradientsGoThroughWhatIsKept() {
        Metric metric = Metric.logitDifference(new long[] {4}, new long[] {7});
        try (TrainableModel trained = model(new Extras(0.5, true, true, SLOPES));
                HookedTransformer single = trained.snapshot();
                HookedTransformer model = single.to(DataType.FLOAT64);
                ActivationCache cache = model.runWithGradients(TOKENS, metric, List.of("hook_embed"))) {
            double[] grad = cache.grad("hook_embed").array().toDoubleArray();
            Random random = new Random(6);
            for (int i = 0; i < 5; i++) {
                double[] direction = random.doubles(grad.length, -1, 1).toArray();
                double along = IntStream.range(0, grad.length)
                        .mapToDouble(j -> grad[j] * direction[j])
                        .sum();
                double slope =
                        (metric(model, metric, direction, 1e-6) - metric(model, metric, direction, -1e-6)) / 2e-6;
                assertThat(slope).isCloseTo(along, within(1e-5));
            }
        }
    }

    private static double metric(HookedTransformer model, Metric metric, double[] direction, double step) {
        Hook shift = Hook.at(
                "hook_embed",
                x -> x.add(x.getManager().create(direction, x.getShape()).mul(step)));
        try (Logits logits = model.run(TOKENS, shift)) {
            return metric.apply(logits.array()).toDoubleArray()[0];
        }
    }

    @Test
    void theyAreWrittenAndReadAndAContinuationWithACacheIsTheSame() throws IOException {
        Extras extras = new Extras(0.5, true, true, SLOPES);
        try (TrainableModel trained = model(extras);
                HookedTransformer model = trained.snapshot()) {
            trained.save(folder);
            try (HookedTransformer loaded = HookedTransformer.load(folder.toString(), "cpu");
                    Logits one = model.run(TOKENS);
                    Logits other = loaded.run(TOKENS)) {
                assertThat(loaded.config()).isEqualTo(model.config());
                assertThat(other.array().toFloatArray()).isEqualTo(one.array().toFloatArray());
            }
            long[][] both = {{1, 5, 3}, {HookedTransformer.PADDING, 5, 3}};
            long[] alone = model.generate(new long[][] {{5, 3}}, Sampling.DEFAULT.withMaxNewTokens(4))
                    .tokens()[0];
            long[] padded =
                    model.generate(both, Sampling.DEFAULT.withMaxNewTokens(4)).tokens()[1];
            assertThat(Arrays.copyOfRange(padded, padded.length - 4, padded.length))
                    .isEqualTo(Arrays.copyOfRange(alone, alone.length - 4, alone.length));
        }
    }

    @Test
    void whatDoesNotFitIsRefused() {
        assertThatThrownBy(() -> new Extras(-0.1, false, false, List.of())).hasMessageContaining("-0.1");
        assertThatThrownBy(() -> new Extras(0, false, false, List.of(-1.0))).hasMessageContaining("-1.0");
        assertThatThrownBy(() -> config(new Extras(0, false, false, List.of(1.0))))
                .hasMessageContaining("1 for 2 heads");
        assertThatThrownBy(() -> config(new Extras(0.05, false, false, List.of())))
                .hasMessageContaining("keeps none of 8");
        try (TrainableModel trained = model(new Extras(0.5, false, false, List.of()));
                HookedTransformer model = trained.snapshot()) {
            assertThatThrownBy(() -> model.components(4)).hasMessageContaining("CircuitPruner");
        }
    }
}
