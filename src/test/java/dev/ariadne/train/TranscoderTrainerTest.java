package dev.ariadne.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.ariadne.model.HookedTransformer;
import dev.ariadne.model.Logits;
import dev.ariadne.train.TranscoderRecipe.Repair;
import dev.ariadne.train.TranscoderRecipe.Sparsity;
import dev.ariadne.train.TranscoderRecipe.Start;
import dev.ariadne.train.TranscoderRows.Which;
import dev.ariadne.transcoder.TranscoderSet;
import dev.ariadne.view.View;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CancellationException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TranscoderTrainerTest {
    private static final HookedTransformer model = HookedTransformer.load("gpt2-tiny", "cpu");
    private static final TranscoderRecipe SMALL =
            TranscoderRecipe.of(48, 6).withSteps(200).withBatch(64).withStart(new Start(12));

    @TempDir
    private Path folder;

    @AfterAll
    static void close() {
        model.close();
    }

    /** Random texts that begin alike. */
    private static List<Example> corpus() {
        Random random = new Random(2);
        List<Example> texts = new ArrayList<>();
        for (int i = 0; i < 40; i++) {
            texts.add(Example.of(1, 2, random.nextInt(4), random.nextInt(40), random.nextInt(40), random.nextInt(40)));
        }
        return texts;
    }

    private static TranscoderTrainer trainer(TranscoderRecipe recipe) {
        return TranscoderTrainer.of(model, corpus(), List.of(recipe));
    }

    @Test
    void aRowStandsForADistinctPrefix() {
        TranscoderRows rows = TranscoderRows.of(model, corpus(), "mlp.hook_in", "mlp.hook_out", Which.ALL)
                .get(1);
        long prefixes = corpus().stream()
                .flatMap(text -> {
                    List<List<Long>> all = new ArrayList<>();
                    List<Long> ids = Arrays.stream(text.tokens()).boxed().toList();
                    for (int n = 1; n <= ids.size(); n++) {
                        all.add(ids.subList(0, n));
                    }
                    return all.stream();
                })
                .distinct()
                .count();
        assertThat(rows.count()).isEqualTo((int) prefixes);
        try (var cache = model.runWithCache(new long[][] {{1}}, "blocks.1.mlp.hook_in", "blocks.1.hook_mlp_out")) {
            close(rows.inputs()[0], cache.get("blocks.1.mlp.hook_in").toFloatArray());
            close(rows.outputs()[0], cache.get("blocks.1.hook_mlp_out").toFloatArray());
        }
    }

    private static void close(float[] actual, float[] expected) {
        assertThat(actual).hasSameSizeAs(expected);
        for (int i = 0; i < expected.length; i++) {
            assertThat(actual[i]).isCloseTo(expected[i], within(1e-5f)); // float32, another batch
        }
    }

    @Test
    void learnsWhatTheMlpsDo() throws IOException {
        try (TranscoderSet set = trainer(SMALL).resume(folder).fit()) {
            TranscoderReport report = TranscoderReport.of(model, set, corpus(), corpus());
            for (TranscoderReport.Layer layer : report.layers()) {
                assertThat(layer.everywhere().fvu())
                        .isLessThan(0.4); // 1 is the mean alone; random features stay near it
                assertThat(layer.everywhere().l0()).isCloseTo(6, within(0.05)); // what the threshold is chosen for
                assertThat(layer.everywhere().dead()).isLessThan(0.5);
            }
            assertThat(((View.Table) report.view()).rows()).hasSize(2);
            try (TranscoderSet loaded = TranscoderSet.load(folder)) {
                assertThat(loaded.transcoder(0).encoder().toFloatArray())
                        .isEqualTo(set.transcoder(0).encoder().toFloatArray());
            }
            assertThat(folder.resolve("training_0.safetensors")).doesNotExist();
        }
    }

    @Test
    void theOtherWaysOfKeepingFewFeaturesLearnToo() {
        for (Sparsity sparsity : List.of(Sparsity.topK(6), Sparsity.rowTopK(6), Sparsity.l1(0.01))) {
            try (TranscoderSet set = trainer(SMALL.withSparsity(sparsity)).fit()) {
                TranscoderReport report = TranscoderReport.of(model, set, corpus(), corpus());
                assertThat(report.layers().get(0).everywhere().fvu()).isLessThan(0.4);
            }
        }
    }

    @Test
    void theNeuronsOfAReluMlpAreFeaturesThatLoseNothing() {
        try (HookedTransformer relu = HookedTransformer.load("src/test/resources/tl/relu-tiny", "cpu");
                TranscoderSet set = TranscoderTrainer.of(relu, corpus(), List.of(SMALL))
                        .withNeurons(0, 1)
                        .fit()) {
            TranscoderReport report = TranscoderReport.of(relu, set, corpus(), corpus());
            assertThat(report.layers())
                    .allSatisfy(layer -> assertThat(layer.everywhere().fvu()).isLessThan(1e-10));
            long[][] tokens = {{1, 2, 3, 30}};
            try (Logits own = relu.run(tokens);
                    Logits replaced = relu.run(tokens, set.hooks())) {
                close(replaced.array().toFloatArray(), own.array().toFloatArray());
            }
        }
        assertThatThrownBy(() -> trainer(SMALL).withNeurons(0).fit()) // GELU
                .hasMessageContaining("must be ungated and use ReLU");
    }

    @Test
    void aDeadFeatureIsRepaired() {
        TranscoderRecipe one =
                SMALL.withSparsity(Sparsity.batchTopK(1)).withStart(Start.PAIRS).withSteps(400);
        double[] dead = new double[2];
        for (int i = 0; i < 2; i++) {
            TranscoderRecipe recipe = one.withRepair(new Repair(20, 24, i == 0 ? 0 : 0.5));
            try (TranscoderSet set = trainer(recipe).fit()) {
                dead[i] = TranscoderReport.of(model, set, corpus(), corpus())
                        .layers()
                        .get(0)
                        .everywhere()
                        .dead();
            }
        }
        assertThat(dead[1]).isLessThanOrEqualTo(dead[0]);
    }

    @Test
    void theSameSeedGivesTheSameBytesAlsoWhenInterrupted() throws IOException {
        TranscoderRecipe recipe = SMALL.withSteps(30);
        Path other = folder.resolve("other");
        trainer(recipe).resume(folder.resolve("one")).fit().close();
        Thread.currentThread().interrupt();
        assertThatThrownBy(() -> trainer(recipe).resume(other).fit()).isInstanceOf(CancellationException.class);
        assertThat(Thread.interrupted()).isTrue();
        trainer(recipe).resume(other).fit().close();
        for (int layer = 0; layer < 2; layer++) {
            String file = "layer_" + layer + ".safetensors";
            assertThat(Files.readAllBytes(other.resolve(file)))
                    .isEqualTo(Files.readAllBytes(folder.resolve("one").resolve(file)));
        }
    }

    @Test
    void aCheckpointGivesWhatOneTrainingGives() throws IOException {
        TranscoderRows rows = TranscoderRows.of(model, corpus(), "mlp.hook_in", "mlp.hook_out", Which.ALL)
                .get(0);
        Path file = folder.resolve("training_0.safetensors");
        try (TranscoderTraining whole = new TranscoderTraining(0, SMALL, rows);
                TranscoderTraining half = new TranscoderTraining(0, SMALL, rows);
                TranscoderTraining rest = new TranscoderTraining(0, SMALL, rows)) {
            for (int i = 0; i < 100; i++) {
                whole.step();
                half.step();
            }
            half.save(file);
            rest.restore(file);
            assertThat(rest.stepsDone()).isEqualTo(100);
            for (int i = 0; i < 20; i++) {
                assertThat(rest.step()).isEqualTo(whole.step());
            }
        }
        try (TranscoderTraining another = new TranscoderTraining(0, SMALL.withSeed(9), rows)) {
            assertThatThrownBy(() -> another.restore(file)).hasMessageContaining("another recipe");
        }
        TranscoderRows others = TranscoderRows.of(
                        model, corpus().subList(0, 30), "mlp.hook_in", "mlp.hook_out", Which.ALL)
                .get(0);
        try (TranscoderTraining another = new TranscoderTraining(0, SMALL, others)) {
            assertThatThrownBy(() -> another.restore(file))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("on other texts")
                    .hasMessageContaining(file.toString());
            assertThat(another.stepsDone()).isZero();
        }
    }

    @Test
    void aCheckpointKeepsThresholdsThatAreFixed() throws IOException {
        TranscoderRows rows = TranscoderRows.of(model, corpus(), "mlp.hook_in", "mlp.hook_out", Which.ALL)
                .get(0);
        TranscoderRecipe recipe = SMALL.withSteps(50).withSparsity(Sparsity.rowTopK(4));
        Path file = folder.resolve("training_0.safetensors");
        try (TranscoderTraining whole = new TranscoderTraining(0, recipe, rows);
                TranscoderTraining rest = new TranscoderTraining(0, recipe, rows)) {
            while (whole.stepsDone() < 40) { // they are fixed from step 30 on
                whole.step();
            }
            whole.save(file);
            rest.restore(file);
            while (!whole.isDone()) {
                assertThat(rest.step()).isEqualTo(whole.step());
            }
            try (var one = whole.transcoder();
                    var other = rest.transcoder()) {
                assertThat(other.threshold().orElseThrow().toFloatArray())
                        .hasSize(48)
                        .isEqualTo(one.threshold().orElseThrow().toFloatArray());
            }
        }
    }

    @Test
    void aLayerMayLearnWhereTokensArePredictedAndLeaveDeadFeaturesOut() {
        List<Example> corpus = corpus().stream()
                .map(text -> new Example(text.tokens(), new int[] {text.length() - 1}))
                .toList();
        assertThat(TranscoderRows.of(model, corpus, "mlp.hook_in", "mlp.hook_out", Which.PREDICTING)
                        .get(0)
                        .count())
                .isLessThanOrEqualTo(corpus.size()); // one prompt in each
        TranscoderRecipe wide = TranscoderRecipe.of(96, 1).withSteps(200).withBatch(32);
        try (TranscoderSet set = TranscoderTrainer.of(model, corpus, List.of(SMALL, wide))
                .atPredictions(1)
                .withoutDead()
                .fit()) {
            List<TranscoderReport.Layer> layers =
                    TranscoderReport.of(model, set, corpus, corpus).layers();
            assertThat(layers.get(0).everywhere().dead()).isZero();
            assertThat(layers.get(1).predicting().dead()).isZero();
            assertThat(layers.get(1).predicting().fvu())
                    .isLessThan(layers.get(1).everywhere().fvu());
            assertThat(set.features(1)).isLessThanOrEqualTo(corpus.size()); // one for each row, at most
        }
    }

    @Test
    void aRateThatDivergesKeepsTheLastGoodWeights() {
        TranscoderRows rows = TranscoderRows.of(model, corpus(), "mlp.hook_in", "mlp.hook_out", Which.ALL)
                .get(0);
        try (TranscoderTraining training = new TranscoderTraining(0, SMALL.withRate(1e4), rows)) {
            assertThatThrownBy(() -> {
                        while (!training.isDone()) {
                            training.step();
                        }
                    })
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("layer 0: the training diverged at step 1,")
                    .hasMessageContaining("the weights are those of step 0");
            try (var transcoder = training.transcoder()) {
                assertThat(TranscoderQuality.of(transcoder, rows).fvu())
                        .isFinite()
                        .isLessThan(10);
            }
        }
    }

    @Test
    void aFullDiskStopsItWithAMessage() throws IOException {
        Files.createSymbolicLink(folder.resolve("layer_0.safetensors.part"), Path.of("/dev/full"));
        assertThatThrownBy(() -> trainer(SMALL.withSteps(2)).resume(folder).fit())
                .isInstanceOf(UncheckedIOException.class)
                .hasMessageContaining("No space left on device");
        try (TranscoderSet set = trainer(SMALL.withSteps(2)).resume(folder).fit()) { // from the checkpoints
            assertThat(set.size()).isEqualTo(2);
        }
    }

    @Test
    void saysWhatIsWrongWithARecipe() {
        assertThatThrownBy(() -> TranscoderRecipe.of(0, 1)).hasMessageContaining("got 0 features");
        assertThatThrownBy(() -> TranscoderRecipe.of(8, 9)).hasMessageContaining("got k 9.0 of 8 features");
        assertThatThrownBy(() -> SMALL.withRate(0)).hasMessageContaining("rate 0.0");
        assertThatThrownBy(() -> SMALL.withStart(new Start(49))).hasMessageContaining("49 groups for 48 features");
        assertThatThrownBy(() -> new Sparsity(Sparsity.Kind.TOP_K, 1.5)).hasMessageContaining("a whole one");
        assertThatThrownBy(() -> TranscoderTrainer.of(model, List.of(), List.of(SMALL)))
                .hasMessageContaining("0 texts");
        assertThatThrownBy(() -> TranscoderTrainer.of(model, corpus(), List.of(SMALL, SMALL, SMALL)))
                .hasMessageContaining("3 recipes");
    }
}
