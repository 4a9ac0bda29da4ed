package dev.ariadne.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.model.Initialization;
import dev.ariadne.model.ModelConfig;
import dev.ariadne.model.Sampling;
import dev.ariadne.model.TrainableModel;
import dev.ariadne.tensor.Tensors;
import dev.ariadne.view.View;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CancellationException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TrainerTest {
    private static final ModelConfig CONFIG = ModelConfig.builder()
            .nLayers(1)
            .dModel(32)
            .heads(4, 8)
            .dVocab(20)
            .nCtx(16)
            .build();
    private static final Batches COPIES = new Epochs(copies(200), 16, 0);
    private static final TrainerConfig TWENTY = TrainerConfig.of(20, Schedule.cosine(3e-3, 5, 20, 0));

    private final TrainableModel model = TrainableModel.random(CONFIG, Initialization.GPT2, 1, "cpu");

    @TempDir
    private Path folder;

    @AfterEach
    void close() {
        model.close();
    }

    /** A few random tokens, a separator, the same tokens: those after the separator are to be predicted. */
    private static List<Example> copies(int count) {
        Random random = new Random(5);
        List<Example> examples = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            int length = 2 + i % 3;
            long[] tokens = new long[2 * length + 1];
            int[] predicted = new int[length];
            for (int j = 0; j < length; j++) {
                tokens[j] = 1L + random.nextInt(19);
                tokens[length + 1 + j] = tokens[j];
                predicted[j] = length + 1 + j;
            }
            examples.add(new Example(tokens, predicted));
        }
        return examples;
    }

    /** Guessing costs ln 19 = 2.94 nats. */
    @Test
    void aTinyModelLearnsToCopy() {
        TrainerConfig config = TrainerConfig.of(600, Schedule.cosine(1e-2, 50, 600, 0.02));
        try (Trainer trainer = new Trainer(model, config, COPIES)) {
            Training training = trainer.fit();
            assertThat(training.losses()).hasSize(600);
            assertThat(training.losses()[0]).isCloseTo(Math.log(20), within(0.1));
            assertThat(training.recentLoss(50)).isLessThan(0.1);
            assertThat(training.view()).isInstanceOf(View.Panels.class);
        }
        try (HookedTransformer trained = model.snapshot()) {
            Sampling three = Sampling.DEFAULT.withMaxNewTokens(3);
            assertThat(trained.generate(new long[][] {{7, 3, 12, 0}}, three).tokens()[0])
                    .endsWith(7, 3, 12);
        }
    }

    @Test
    void aResumedTrainingIsTheUninterruptedOneToTheBit() {
        Map<String, float[]> straight;
        double[] losses;
        try (Trainer trainer = new Trainer(model, TWENTY, COPIES)) {
            losses = trainer.fit().losses();
            straight = values(model);
        }
        try (TrainableModel first = TrainableModel.random(CONFIG, Initialization.GPT2, 1, "cpu");
                Trainer half = new Trainer(first, TWENTY.withCheckpointEvery(10), COPIES).checkpoints(folder)) {
            for (int i = 0; i < 10; i++) {
                half.step();
            }
            interrupt(half);
            assertThat(half.stepsDone()).isEqualTo(10);
        }
        try (TrainableModel second = TrainableModel.random(CONFIG, Initialization.GPT2, 2, "cpu"); // other weights
                Trainer rest = new Trainer(second, TWENTY, COPIES).resume(folder)) {
            assertThat(rest.stepsDone()).isEqualTo(10);
            Training training = rest.fit();
            assertThat(training.losses()).isEqualTo(losses);
            assertThat(training.stepsDone()).isEqualTo(10);
            assertSame(values(second), straight);
        }
    }

    private static void interrupt(Trainer trainer) {
        Thread.currentThread().interrupt();
        try {
            assertThatThrownBy(trainer::fit)
                    .isInstanceOf(CancellationException.class)
                    .hasMessageContaining("after " + trainer.stepsDone() + " of 20 steps")
                    .hasMessageContaining("resume");
        } finally {
            assertThat(Thread.interrupted()).isTrue();
        }
    }

    private static Map<String, float[]> values(TrainableModel model) {
        Map<String, float[]> values = new LinkedHashMap<>();
        model.parameters().forEach((name, array) -> values.put(name, array.toFloatArray()));
        return values;
    }

    @Test
    void anInterruptedTrainingLeavesACheckpointThatLoadsAsAModel() throws IOException {
        try (Trainer trainer = new Trainer(model, TWENTY, COPIES).resume(folder)) {
            trainer.step();
            trainer.step();
            interrupt(trainer);
        }
        try (HookedTransformer loaded = HookedTransformer.load(folder);
                HookedTransformer live = model.snapshot()) {
            assertThat(loaded.run(new long[][] {{1, 2, 3}}).array().toFloatArray())
                    .isEqualTo(live.run(new long[][] {{1, 2, 3}}).array().toFloatArray());
        }
        try (var files = Files.list(folder)) {
            assertThat(files.map(file -> file.getFileName().toString()))
                    .containsExactlyInAnyOrder("config.json", "weights.safetensors");
        }
    }

    @Test
    void aCheckpointOfAnotherTrainingIsRefusedAndNothingChanges() {
        try (Trainer trainer = new Trainer(model, TWENTY, COPIES).checkpoints(folder)) {
            trainer.fit();
        }
        try (TrainableModel fresh = TrainableModel.random(CONFIG, Initialization.GPT2, 2, "cpu")) {
            refuses(fresh, TWENTY.withClipNorm(2), COPIES, "gradients: clipped to norm 1.0");
            refuses(fresh, TWENTY.withFrozen("embed.W_E"), COPIES, "frozen");
            refuses(fresh, TWENTY, new Epochs(copies(200), 16, 1), "first and last batch");
            refuses(fresh, TrainerConfig.of(20, Schedule.cosine(1e-3, 5, 20, 0)), COPIES, "first and last rate");
            try (Trainer longer = new Trainer(fresh, TrainerConfig.of(25, TWENTY.schedule()), COPIES).resume(folder)) {
                assertThat(longer.stepsDone()).isEqualTo(20);
            }
        }
        ModelConfig wider = ModelConfig.builder()
                .nLayers(1)
                .dModel(32)
                .heads(4, 8)
                .dVocab(21)
                .nCtx(16)
                .build();
        try (TrainableModel other = TrainableModel.random(wider, Initialization.GPT2, 2, "cpu")) {
            refuses(other, TWENTY, COPIES, "it is of another model");
        }
    }

    private void refuses(TrainableModel other, TrainerConfig config, Batches batches, String why) {
        Map<String, float[]> before = values(other);
        try (Trainer trainer = new Trainer(other, config, batches)) {
            assertThatThrownBy(() -> trainer.resume(folder))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining(why);
        }
        assertSame(values(other), before);
    }

    @Test
    void aTokenThatIsNotInTheVocabularyIsNotToBePredicted() {
        Batches strange = step -> List.of(Example.of(1, 2, 20));
        try (Trainer trainer = new Trainer(model, TWENTY, strange)) {
            assertThatThrownBy(trainer::step).hasMessageContaining("position 2 has id 20; ids go from 0 to 19");
        }
    }

    @Test
    void aTrainingInterruptedBeforeItsFirstStepCanBeResumed() {
        try (Trainer trainer = new Trainer(model, TWENTY, COPIES).resume(folder)) {
            interrupt(trainer);
        }
        try (Trainer trainer = new Trainer(model, TWENTY, COPIES).resume(folder)) {
            assertThat(trainer.stepsDone()).isZero();
            trainer.step();
            assertThat(trainer.stepsDone()).isEqualTo(1);
        }
    }

    /** The loss is that of the library's own measure, at the chosen tokens, and so is its mean over a batch. */
    @Test
    void theLossIsTheMeanCrossEntropyOfTheChosenTokens() {
        List<Example> two = List.of(
                new Example(new long[] {3, 8, 4, 1}, new int[] {1, 3}),
                new Example(new long[] {2, 7, 7, 9}, new int[] {2}));
        double expected;
        try (HookedTransformer before = model.snapshot();
                var logits = before.run(new long[][] {{3, 8, 4, 1}, {2, 7, 7, 9}})) {
            double[][] each = logits.lossPerToken().values();
            expected = (each[0][0] + each[0][2] + each[1][1]) / 3;
        }
        try (Trainer trainer = new Trainer(model, TWENTY, step -> two)) {
            assertThat(trainer.step()).isCloseTo(expected, within(1e-5));
        }
    }

    @Test
    void tokensAfterTheLastPredictionChangeNothing() {
        double[] losses = new double[2];
        List<Example> examples = List.of(
                new Example(new long[] {3, 7, 1, 4, 9, 9, 2}, new int[] {2, 3}),
                new Example(new long[] {3, 7, 1, 4}, new int[] {2, 3}));
        for (int i = 0; i < 2; i++) {
            Example example = examples.get(i);
            try (TrainableModel same = TrainableModel.random(CONFIG, Initialization.GPT2, 1, "cpu");
                    Trainer trainer = new Trainer(same, TWENTY, step -> List.of(example))) {
                trainer.step();
                losses[i] = trainer.step(); // of weights that the first step's gradients have changed
            }
        }
        assertThat(losses[0]).isEqualTo(losses[1]).isBetween(0.1, 10.0);
    }

    @Test
    void aFrozenParameterStaysAsItIs() {
        Map<String, float[]> before = values(model);
        try (Trainer trainer = new Trainer(model, TWENTY.withFrozen("embed.W_E", "blocks.0.ln1.b"), COPIES)) {
            trainer.fit();
        }
        values(model).forEach((name, after) -> {
            if (name.equals("embed.W_E") || name.equals("blocks.0.ln1.b")) {
                assertThat(after).as(name).isEqualTo(before.get(name));
            } else {
                assertThat(after).as(name).isNotEqualTo(before.get(name));
            }
        });
    }

    @Test
    void fiveHundredStepsLeaveNoArray() {
        TrainerConfig config = TrainerConfig.of(1000, Schedule.constant(1e-3, 1));
        try (Trainer trainer = new Trainer(model, config, COPIES);
                NDManager owner = model.newOwner()) {
            NDManager everything = owner.getParentManager();
            trainer.step();
            int arrays = everything.getManagedArrays().size();
            assertThat(arrays).isGreaterThan(3 * model.parameters().size() - 1);
            for (int i = 0; i < 500; i++) {
                trainer.step();
            }
            assertThat(everything.getManagedArrays()).hasSize(arrays);
        }
    }

    @Test
    void aLossThatIsNoNumberStopsBeforeTheWeightsChange() {
        NDArray bias = model.parameter("blocks.0.attn.b_O");
        Tensors.recording(false, () -> bias.muli(Float.NaN));
        Map<String, float[]> before = values(model);
        try (Trainer trainer = new Trainer(model, TWENTY, COPIES)) {
            assertThatThrownBy(trainer::step)
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("step 0 has loss NaN")
                    .hasMessageContaining("learning rate 0.000600");
            assertThat(trainer.stepsDone()).isZero();
        }
        assertSame(values(model), before);
    }

    /** A rate of 100 moves every weight by about 100 in one step; the checkpoint of before and the weights in memory are still good. */
    @Test
    void aRateThatDivergesStopsAndKeepsTheLastGoodWeights() throws IOException {
        Schedule thenTooHigh = step -> step < 60 ? 3e-3 : 100;
        TrainerConfig config = TrainerConfig.of(200, thenTooHigh).withCheckpointEvery(55);
        Map<String, float[]> atFifty = new LinkedHashMap<>();
        try (TrainableModel other = TrainableModel.random(CONFIG, Initialization.GPT2, 1, "cpu");
                Trainer trainer = new Trainer(other, config, COPIES)) {
            for (int i = 0; i < 50; i++) {
                trainer.step();
            }
            atFifty.putAll(values(other));
        }
        try (Trainer trainer = new Trainer(model, config, COPIES).checkpoints(folder)) {
            assertThatThrownBy(trainer::fit)
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageMatching("step 6[1-9] has loss .*, at learning rate 100; .*before step 50\\..*");
        }
        assertSame(values(model), atFifty);
        try (HookedTransformer saved = HookedTransformer.load(folder)) { // that of step 55
            assertThat(saved.loss(new long[][] {{7, 3, 12, 0, 7, 3, 12}})).isLessThan(2 * Math.log(20));
        }
    }

    /** Bit by bit, but that one NaN is as good as another. */
    private static void assertSame(Map<String, float[]> values, Map<String, float[]> expected) {
        assertThat(values.keySet()).isEqualTo(expected.keySet());
        values.forEach((name, array) -> assertThat(array).as(name).isEqualTo(expected.get(name)));
    }

    @Test
    void refusesWhatDoesNotFit() throws IOException {
        assertThatThrownBy(() -> new Trainer(model, TWENTY.withFrozen("W_E"), COPIES))
                .hasMessageContaining("[W_E]")
                .hasMessageContaining("embed.W_E");
        assertThatThrownBy(() -> TWENTY.withClipNorm(0)).hasMessageContaining("clipNorm 0.0");
        model.save(folder); // a model, but no checkpoint of a training
        Map<String, float[]> before = values(model);
        try (Trainer trainer = new Trainer(model, TWENTY, COPIES)) {
            assertThatThrownBy(() -> trainer.resume(folder)).hasMessageContaining("no checkpoint of a training");
        }
        assertSame(values(model), before);
    }
}
