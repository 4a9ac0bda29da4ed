package dev.ariadne.sparse;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.ariadne.model.HookedTransformer;
import dev.ariadne.model.ModelConfig;
import dev.ariadne.model.Weight;
import dev.ariadne.sparse.SparseConfig.Thinning;
import dev.ariadne.view.View;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SparseTrainerTest {
    private static final List<long[]> ROWS = MiniPython.corpus(120, 0);
    private static final ModelConfig SMALL = SparseConfig.model(16, 32, 0.25);
    private static final SparseConfig SHORT =
            SparseConfig.TWO_PHASE.withFraction(0.125).withModel(SMALL).withSteps(10, 12);

    @TempDir
    private Path folder;

    @Test
    void everyMatrixHasItsShareOfWeightsAndTheTableOfBigramsIsWhole() {
        try (SparseTransformer trained = SparseTrainer.of(SHORT).fit(ROWS)) {
            Map<String, Integer> nonzeros = trained.nonzeros();
            assertThat(nonzeros)
                    .containsEntry("blocks.1.attn.W_K", 16 * 16 / 8)
                    .containsEntry("blocks.1.attn.b_V", 16 / 8)
                    .containsEntry("blocks.0.mlp.W_out", 16 * 32 / 8)
                    .containsEntry("embed.W_E", 54 * 16 / 8)
                    .hasSize(2 + 2 * 12);
            assertThat(trained.fraction()).isEqualTo(0.125);
            try (Weight table = trained.model().weights().get("W_bigrams")) {
                assertThat(table.array().toFloatArray()).doesNotContain(0f);
            }
            assertThat(trained.trainings()).hasSize(2);
            assertThat(trained.view()).isInstanceOf(View.Panels.class);
            assertThat(trained.toString()).contains("one in 8");
        }
    }

    @Test
    void theSameSeedGivesTheSameBytesAndAnotherOneOthers() {
        Map<String, List<Float>> one = weights(SHORT);
        assertThat(weights(SHORT)).isEqualTo(one);
        assertThat(weights(SHORT.withSeed(1))).isNotEqualTo(one);
    }

    private static Map<String, List<Float>> weights(SparseConfig config) {
        try (SparseTransformer trained = SparseTrainer.of(config).fit(ROWS)) {
            return weights(trained.model());
        }
    }

    private static Map<String, List<Float>> weights(HookedTransformer model) {
        Map<String, List<Float>> all = new LinkedHashMap<>();
        for (String name : model.weights().names()) {
            try (Weight weight = model.weights().get(name)) {
                float[] values = weight.array().toFloatArray();
                List<Float> list = new ArrayList<>();
                for (float value : values) {
                    list.add(value);
                }
                all.put(name, list);
            }
        }
        return all;
    }

    @Test
    void anInterruptedTrainingGoesOnToTheSameBytes() {
        SparseTrainer trainer = SparseTrainer.of(SHORT).checkpoints(folder);
        Thread.currentThread().interrupt();
        try {
            assertThatThrownBy(() -> trainer.fit(ROWS))
                    .isInstanceOf(CancellationException.class)
                    .hasMessageContaining("goes on from the checkpoints in " + folder);
            assertThatThrownBy(() -> SparseTrainer.of(SHORT).fit(ROWS)).hasMessageContaining("nothing is kept");
        } finally {
            assertThat(Thread.interrupted()).isTrue();
        }
        assertThat(folder.resolve("dense/weights.safetensors")).exists();
        try (SparseTransformer trained = trainer.fit(ROWS)) {
            assertThat(weights(trained.model())).isEqualTo(weights(SHORT));
        }
        try (HookedTransformer loaded =
                HookedTransformer.load(folder.resolve("sparse").toString(), "cpu")) {
            assertThat(loaded.config()).isEqualTo(SMALL);
            assertThat(weights(loaded)).isEqualTo(weights(SHORT));
            assertThat(Files.isRegularFile(folder.resolve("sparse/config.json")))
                    .isTrue();
        }
    }

    @Test
    void checkpointsOfAnotherTrainingAreRefused() {
        SparseTrainer.of(SHORT).checkpoints(folder).fit(ROWS).close();
        List<SparseConfig> others = List.of(
                SHORT.withSeed(1),
                SHORT.withFraction(0.25),
                SHORT.withSteps(5, 6),
                SHORT.withRates(0.01, 0.02),
                SHORT.withLeastPerNeuron(SHORT.thinning().leastPerNeuron() + 1),
                SHORT.withModel(SparseConfig.model(16, 48, 0.25)));
        for (SparseConfig other : others) {
            assertThatThrownBy(() -> SparseTrainer.of(other).checkpoints(folder).fit(ROWS))
                    .as("%s", other)
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("another");
        }
        List<long[]> rows = MiniPython.corpus(120, 1);
        assertThatThrownBy(() -> SparseTrainer.of(SHORT).checkpoints(folder).fit(rows))
                .hasMessageContaining("first and last batch");
    }

    /** Better than who knows how often each word comes, by half a nat, after a second of training. */
    @Test
    void aSmallModelLearnsTheLanguageWithFewWeights() {
        SparseConfig config = SHORT.withModel(SparseConfig.model(16, 32, 0)).withSteps(60, 60);
        try (SparseTransformer trained = SparseTrainer.of(config).fit(ROWS)) {
            assertThat(trained.loss(MiniPython.corpus(60, 9))).isLessThan(entropy() - 0.5);
            assertThat(trained.fraction()).isEqualTo(0.125);
        }
    }

    /** Of single words, in nats. */
    private static double entropy() {
        double[] counts = new double[54];
        ROWS.forEach(row -> Arrays.stream(row).forEach(id -> counts[(int) id]++));
        double all = Arrays.stream(counts).sum();
        return Arrays.stream(counts)
                .filter(count -> count > 0)
                .map(count -> -count / all * Math.log(count / all))
                .sum();
    }

    @Test
    void anExplodingTrainingStopsAndSaysAtWhichRate() {
        SparseConfig wild =
                SHORT.withModel(SparseConfig.model(16, 32, 0)).withSteps(40, 0).withRates(1e4, 1);
        assertThatThrownBy(() -> SparseTrainer.of(wild).fit(ROWS))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("step ")
                .hasMessageContaining("at learning rate")
                .hasMessageContaining("the weights are those before step")
                .hasMessageContaining("with checkpoints(folder) those weights would be kept")
                .satisfies(e -> assertThat(e.getMessage()).doesNotContain("clip"));
        assertThatThrownBy(() -> SparseTrainer.of(wild).checkpoints(folder).fit(ROWS))
                .hasMessageContaining("those weights are in " + folder.resolve("last-good"));
        try (HookedTransformer last = HookedTransformer.load(folder.resolve("last-good"))) {
            assertThat(last.loss(ROWS.subList(0, 2).stream()
                            .map(row -> Arrays.copyOf(row, 8))
                            .toArray(long[][]::new)))
                    .isFinite();
        }
    }

    @Test
    void settingsThatCannotBeMetAreRefused() {
        assertThatThrownBy(() -> SHORT.withFraction(0)).hasMessageContaining("got 0.0");
        assertThatThrownBy(() -> SHORT.withFraction(1.5)).hasMessageContaining("1.5");
        assertThatThrownBy(() -> SparseConfig.TWO_PHASE.withLeastPerNeuron(4))
                .hasMessageContaining("W_Q keeps 128 weights, but 4 for each of its 64 neurons are 256");
        assertThatThrownBy(() -> SHORT.withSteps(0, 0)).hasMessageContaining("0 dense and 0 sparse steps");
        assertThatThrownBy(() -> SHORT.withSteps(-1, 5)).hasMessageContaining("got -1");
        assertThatThrownBy(() -> SHORT.withRates(0.1, -1)).hasMessageContaining("-1");
        assertThatThrownBy(() -> SHORT.withRates(Double.NaN, 1)).hasMessageContaining("NaN");
        assertThatThrownBy(() -> new Thinning(0.5, 0.6, 0.6, 1)).hasMessageContaining("0.6 and 0.6");
        assertThatThrownBy(() -> SparseConfig.model(30, 8, 0)).hasMessageContaining("got 30");
        assertThatThrownBy(() -> SparseConfig.model(16, 32, 0.01)).hasMessageContaining("keeps none of 16");
        assertThatThrownBy(() -> SparseTransformer.of(HookedTransformer.load("gpt2-tiny", "cpu"), List.of()))
                .hasMessageContaining("texts");
    }

    @Test
    void theShareOfWeightsFallsInAStraightLineAndThenStays() {
        SparseConfig config = SparseConfig.TWO_PHASE.withSteps(0, 800); // all that go have gone after 560
        assertThat(config.fraction(280)).isCloseTo((1 + 1 / 32.0) / 2, within(1e-12));
        assertThat(config.fraction(560)).isEqualTo(1 / 32.0);
        assertThat(config.fraction(800)).isEqualTo(1 / 32.0);
        assertThat(SparseConfig.ONE_PHASE.fraction(6)).isEqualTo(1);
    }
}
