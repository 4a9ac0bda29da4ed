package dev.ariadne.model;

import static dev.ariadne.model.TestModels.TOKENS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import dev.ariadne.model.ModelConfig.Norm;
import dev.ariadne.model.ModelConfig.Positions;
import dev.ariadne.model.ModelConfig.Rotary;
import dev.ariadne.tensor.Tensors;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class TrainableModelTest {
    private static final long[] PLACES = {0, 3, 4, 7};

    @TempDir
    private Path folder;

    private static NDArray scalar(NDArray logits) {
        return logits.logSoftmax(1).square().mean();
    }

    private static Stream<ModelConfig> configs() {
        ModelConfigBuilder small = ModelConfig.builder()
                .nLayers(2)
                .dModel(16)
                .heads(4, 4)
                .dVocab(50)
                .nCtx(8);
        Rotary rotary = new Rotary(100, 4, Optional.empty(), 1);
        return Stream.of(
                small.build(),
                small.attnOnly(true).positions(Positions.SHORTFORMER).build(),
                small.attnOnly(false)
                        .topK(8)
                        .activation(ModelConfig.Activation.RELU)
                        .tied(true)
                        .build(),
                small.topK(0)
                        .rotary(rotary)
                        .norm(Norm.RMS)
                        .gated(true)
                        .nKeyValueHeads(2)
                        .qkNorms(true)
                        .postNorms(true)
                        .tied(false)
                        .build());
    }

    /** Central differences in float64 along a random direction of each parameter. */
    @ParameterizedTest
    @MethodSource("configs")
    void gradientsAgreeWithFiniteDifferences(ModelConfig config) {
        Initialization large = Initialization.normal(0.5); // so that every parameter matters
        try (TrainableModel start = TrainableModel.random(config, large, 3, "cpu");
                HookedTransformer single = start.snapshot();
                HookedTransformer wide = single.to(DataType.FLOAT64);
                TrainableModel model = TrainableModel.of(wide)) {
            List<String> names = List.copyOf(model.parameters().keySet());
            Random random = new Random(1);
            try (TrainableModel.Gradients gradients =
                    model.gradients(TOKENS, PLACES, TrainableModelTest::scalar, names)) {
                for (String name : names) {
                    NDArray array = model.parameter(name);
                    double[] direction = random.doubles(array.size(), -1, 1).toArray();
                    double along = 0;
                    double[] grad = gradients.get(name).toDoubleArray();
                    for (int i = 0; i < grad.length; i++) {
                        along += grad[i] * direction[i];
                    }
                    double step = 1e-6;
                    double up = moved(model, array, direction, step);
                    double down = moved(model, array, direction, -step);
                    assertThat((up - down) / (2 * step))
                            .as(name)
                            .isCloseTo(along, within(1e-6 * Math.max(1, Math.abs(along))));
                    if (!name.equals("blocks.0.attn.b_QKV") || !config.attnOnly()) {
                        assertThat(Math.abs(along)).as(name).isGreaterThan(1e-6); // else nothing would be compared
                    }
                }
            }
        }
    }

    private static double moved(TrainableModel model, NDArray array, double[] direction, double step) {
        double[] before = array.toDoubleArray();
        double[] there = before.clone();
        for (int i = 0; i < there.length; i++) {
            there[i] += step * direction[i];
        }
        set(array, there);
        try (TrainableModel.Gradients gradients =
                model.gradients(TOKENS, PLACES, TrainableModelTest::scalar, List.of("embed.W_E"))) {
            return gradients.value();
        } finally {
            set(array, before);
        }
    }

    private static void set(NDArray array, double... values) {
        Tensors.recording(false, () -> {
            array.set(values);
            return array;
        });
    }

    /** The recorded run at chosen places, or at all, gives the logits that a plain run gives there. */
    @Test
    void computesWhatTheModelComputes() {
        try (HookedTransformer model = TestModels.gpt2();
                TrainableModel trainable = TrainableModel.of(model);
                Logits logits = model.run(TOKENS)) {
            float[] all = logits.array().toFloatArray();
            int vocabulary = model.config().dVocabOut();
            long[] everywhere = LongStream.range(0, all.length / vocabulary).toArray();
            for (long[] places : new long[][] {PLACES, everywhere}) {
                trainable
                        .gradients(
                                TOKENS,
                                places,
                                some -> {
                                    float[] chosen = some.toFloatArray();
                                    assertThat(chosen).hasSize(places.length * vocabulary);
                                    for (int i = 0; i < chosen.length; i++) {
                                        int place = (int) places[i / vocabulary];
                                        assertThat(chosen[i])
                                                .isCloseTo(all[place * vocabulary + i % vocabulary], within(1e-5f));
                                    }
                                    return some.sum();
                                },
                                List.of("embed.W_E"))
                        .close();
            }
        }
    }

    /** The same mean over all places, asked for in another order, which gathers them. */
    @Test
    void gradientsOfAllPlacesAreThoseOfPlacesThatAreGathered() {
        try (HookedTransformer source = TestModels.gpt2();
                HookedTransformer wide = source.to(DataType.FLOAT64);
                TrainableModel model = TrainableModel.of(wide)) {
            long[] all =
                    LongStream.range(0, (long) TOKENS.length * TOKENS[0].length).toArray();
            long[] turned =
                    LongStream.range(0, all.length).map(i -> all.length - 1 - i).toArray();
            List<String> names = List.copyOf(model.parameters().keySet());
            try (TrainableModel.Gradients one = model.gradients(
                            TOKENS, all, x -> x.logSoftmax(1).square().mean(), names);
                    TrainableModel.Gradients other = model.gradients(
                            TOKENS, turned, x -> x.logSoftmax(1).square().mean(), names)) {
                assertThat(one.value()).isCloseTo(other.value(), within(1e-12));
                for (String name : names) {
                    assertThat(one.get(name).toDoubleArray())
                            .as(name)
                            .containsExactly(other.get(name).toDoubleArray(), within(1e-12));
                }
            }
        }
    }

    @Test
    void neitherItsSourceNorItsSnapshotsChangeWithIt() {
        try (HookedTransformer model = TestModels.gpt2();
                TrainableModel trainable = TrainableModel.of(model);
                HookedTransformer before = trainable.snapshot()) {
            Tensors.recording(
                    false, () -> trainable.parameter("blocks.0.mlp.W_in").muli(3));
            try (HookedTransformer after = trainable.snapshot()) {
                assertThat(logits(before)).isEqualTo(logits(model));
                assertThat(logits(after)).isNotEqualTo(logits(model));
            }
        }
    }

    /** Every kind of model there is, written in TransformerLens's layout and read again. */
    @ParameterizedTest
    @MethodSource("dev.ariadne.model.TestModels#kinds")
    void whatIsSavedLoadsAsTheSameModel(String kind, @TempDir Path source) throws IOException {
        try (HookedTransformer model = TestModels.load(kind, source)) {
            if (model.config().embedScale() != 1) {
                try (TrainableModel trainable = TrainableModel.of(model)) {
                    assertThatThrownBy(() -> trainable.save(folder)).hasMessageContaining("embedScale");
                }
                return;
            }
            try (TrainableModel trainable = TrainableModel.of(model)) {
                trainable.save(folder.resolve("new/model"));
                trainable.save(folder.resolve("new/model"));
            }
            try (HookedTransformer again = HookedTransformer.load(folder.resolve("new/model"));
                    TrainableModel restored = TrainableModel.of(again)) {
                assertThat(logits(again)).isEqualTo(logits(model));
                assertThat(again.parameterCount()).isEqualTo(model.parameterCount());
                restored.restore(folder.resolve("new/model"));
                try (HookedTransformer twice = restored.snapshot()) {
                    assertThat(logits(twice)).isEqualTo(logits(model));
                }
            }
            try (Stream<Path> files = Files.list(folder.resolve("new/model"))) {
                assertThat(files.map(file -> file.getFileName().toString()))
                        .containsExactlyInAnyOrder("config.json", "weights.safetensors");
            }
        }
    }

    private static float[] logits(HookedTransformer model) {
        long[][] tokens = {{1, 0, 3, 2}, {2, 2, 1, 0}}; // in the vocabulary of all
        try (Logits logits = model.run(tokens)) {
            return logits.array().toFloatArray();
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void beginsAsItsInitializationSays(boolean byFanIn) {
        ModelConfig config = ModelConfig.builder()
                .nLayers(2)
                .dModel(64)
                .heads(4, 16)
                .dVocab(200)
                .nCtx(32)
                .build();
        Initialization how = byFanIn ? Initialization.fanIn(0.7, 0.1) : Initialization.GPT2;
        Map<String, Double> expected = byFanIn
                ? Map.of(
                        "embed.W_E",
                        0.1,
                        "pos_embed.W_pos",
                        0.1,
                        "blocks.0.attn.W_QKV",
                        0.7 / 8,
                        "blocks.1.mlp.W_out",
                        0.7 / 16 / 2,
                        "unembed.W_U",
                        0.7 / 8)
                : Map.of(
                        "embed.W_E",
                        0.02,
                        "pos_embed.W_pos",
                        0.02,
                        "blocks.0.attn.W_QKV",
                        0.02,
                        "blocks.1.mlp.W_out",
                        0.01,
                        "blocks.0.attn.W_O",
                        0.01);
        try (TrainableModel model = TrainableModel.random(config, how, 5, "cpu");
                TrainableModel same = TrainableModel.random(config, how, 5, "cpu");
                TrainableModel other = TrainableModel.random(config, how, 6, "cpu")) {
            expected.forEach((name, deviation) -> {
                float[] values = model.parameter(name).toFloatArray();
                double square = 0;
                for (float value : values) {
                    square += value * value;
                }
                // the estimate's own deviation is 1 / sqrt(2n), at most 1.6 % here
                assertThat(Math.sqrt(square / values.length)).as(name).isCloseTo(deviation, within(0.06 * deviation));
                assertThat(same.parameter(name).toFloatArray()).isEqualTo(values);
                assertThat(other.parameter(name).toFloatArray()).isNotEqualTo(values);
            });
            assertThat(model.parameter("blocks.0.ln1.w").toFloatArray()).containsOnly(1);
            assertThat(model.parameter("blocks.0.attn.b_QKV").toFloatArray()).containsOnly(0);
        }
    }

    @Test
    void aTiedUnembeddingIsOneParameter() {
        ModelConfig config = ModelConfig.builder()
                .dModel(8)
                .heads(2, 4)
                .dVocab(10)
                .nCtx(4)
                .tied(true)
                .build();
        try (TrainableModel model = TrainableModel.random(config, 0)) {
            assertThat(model.parameters()).doesNotContainKey("unembed.W_U");
            long sum = model.parameters().values().stream()
                    .mapToLong(NDArray::size)
                    .sum();
            assertThat(model.parameterCount()).isEqualTo(sum);
        }
    }

    @Test
    void refusesWhatItDoesNotHave() {
        try (HookedTransformer gpt2 = TestModels.gpt2();
                TrainableModel model = TrainableModel.of(gpt2)) {
            assertThatThrownBy(() ->
                            model.gradients(TOKENS, PLACES, TrainableModelTest::scalar, List.of("blocks.0.attn.W_Q")))
                    .hasMessageContaining("no parameter 'blocks.0.attn.W_Q'")
                    .hasMessageContaining("blocks.0.attn.W_QKV");
            assertThatThrownBy(() ->
                            model.gradients(TOKENS, new long[] {10}, TrainableModelTest::scalar, List.of("embed.W_E")))
                    .hasMessageContaining("place 10")
                    .hasMessageContaining("2 rows of 5");
            assertThatThrownBy(() -> model.gradients(
                            new long[][] {{96}}, PLACES, TrainableModelTest::scalar, List.of("embed.W_E")))
                    .hasMessageContaining("token id 96");
            Path other = TestModels.RESOURCES.resolve("tl/attn-only-tiny");
            assertThatThrownBy(() -> model.restore(other)).hasMessageContaining("of another model");
        }
    }
}
