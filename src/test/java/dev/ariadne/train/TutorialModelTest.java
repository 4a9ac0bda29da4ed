package dev.ariadne.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ariadne.model.HookedTransformer;
import dev.ariadne.train.TranscoderRecipe.Sparsity;
import dev.ariadne.train.TutorialCorpus.HoldOut;
import dev.ariadne.transcoder.FeatureLabels;
import dev.ariadne.transcoder.TranscoderSet;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CancellationException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The program that makes the model, in small. */
class TutorialModelTest {
    private static final TutorialModel.Size TINY = new TutorialModel.Size(
            2,
            2,
            1,
            48,
            20,
            10,
            List.of(
                    TranscoderRecipe.of(40, 4).withSteps(20).withSparsity(Sparsity.rowTopK(4)),
                    TranscoderRecipe.of(30, 2).withSteps(20).withSparsity(Sparsity.rowTopK(2))));
    private static final TutorialCorpus CORPUS = new TutorialCorpus(few(), HoldOut.of(1));

    @TempDir
    private Path folder;

    private static TutorialFacts few() {
        TutorialFacts all = TutorialFacts.embedded();
        Map<String, TutorialFacts.Region> regions = new LinkedHashMap<>(all.regions());
        regions.keySet().retainAll(Set.of("Texas", "California", "China"));
        Map<String, String> cities = new LinkedHashMap<>(all.cities());
        cities.values().retainAll(regions.keySet());
        Map<String, TutorialFacts.Concept> concepts = new LinkedHashMap<>(all.concepts());
        concepts.keySet().retainAll(Set.of("small", "big", "hot", "cold"));
        return new TutorialFacts(regions, cities, concepts);
    }

    @Test
    void theSameSeedGivesTheSameBytesAlsoWhenInterrupted() throws IOException {
        Path straight = folder.resolve("straight");
        Path resumed = folder.resolve("resumed");
        TutorialScores scores = TutorialModel.train(CORPUS, 1, TINY, straight);
        Thread.currentThread().interrupt();
        assertThatThrownBy(() -> TutorialModel.train(CORPUS, 1, TINY, resumed))
                .isInstanceOf(CancellationException.class);
        assertThat(Thread.interrupted()).isTrue();
        TutorialScores again = TutorialModel.train(CORPUS, 1, TINY, resumed);
        assertThat(again.shares()).isEqualTo(scores.shares());
        try (var files = Files.list(straight)) {
            assertThat(files.map(file -> file.getFileName().toString()))
                    .containsExactlyInAnyOrder(
                            "config.json",
                            "weights.safetensors",
                            "tokenizer.json",
                            "tokenizer_config.json",
                            "transcoders");
        }
        for (String file : new String[] {
            "config.json",
            "weights.safetensors",
            "tokenizer.json",
            "transcoders/config.yaml",
            "transcoders/labels.json",
            "transcoders/layer_0.safetensors",
            "transcoders/layer_1.safetensors",
            "transcoders/layer_2.safetensors"
        }) {
            assertThat(resumed.resolve(file)).hasSameBinaryContentAs(straight.resolve(file));
        }
    }

    @Test
    void aFullDiskStopsItAndTheNextCallGoesOn() throws IOException {
        Path full = folder.resolve("full");
        Files.createDirectories(full);
        Files.createSymbolicLink(full.resolve("weights.safetensors.part"), Path.of("/dev/full"));
        assertThatThrownBy(() -> TutorialModel.train(CORPUS, 1, TINY, full))
                .isInstanceOf(UncheckedIOException.class)
                .hasMessageContaining("No space left on device");
        assertThat(full.resolve("weights.safetensors")).doesNotExist();
        Path straight = folder.resolve("straight");
        TutorialModel.train(CORPUS, 1, TINY, full);
        TutorialModel.train(CORPUS, 1, TINY, straight);
        assertThat(full.resolve("weights.safetensors")).hasSameBinaryContentAs(straight.resolve("weights.safetensors"));
    }

    @Test
    void whatItLeavesIsAModelLikeAnyOther() throws IOException {
        TutorialScores scores = TutorialModel.train(CORPUS, 2, TINY, folder);
        assertThat(scores.phases()).hasSize(3);
        Training first = scores.phases().get(0);
        assertThat(first.recentLoss(1)).isLessThan(first.losses()[0]);
        assertThat(scores.shares().keySet()).contains("learned", "held out TWO_HOP", "held out OPPOSITE");
        assertThat(scores.demo()).hasSize(6); // Vancouver is not among these few facts
        assertThat(scores.toString()).contains("tutorial prompts").contains("/6)");
        try (HookedTransformer made = HookedTransformer.load(folder)) {
            String prompt = "Fact: the capital of the state containing Dallas is";
            assertThat(made.toTokens(prompt)[0]).isEqualTo(CORPUS.tokens(prompt));
            assertThat(made.config().topK()).isEqualTo(16);
            try (TranscoderSet transcoders = TranscoderSet.load(folder.resolve("transcoders"))) {
                transcoders.requireFits(made);
                assertThat(transcoders.modelName()).isEqualTo("tutorial");
                assertThat(FeatureLabels.read(folder.resolve("transcoders"))).containsKey("0_0");
                assertThat(scores.replaced().keySet()).isEqualTo(scores.shares().keySet());
            }
            assertThat(scores.demo())
                    .containsEntry(
                            prompt,
                            TutorialScores.answers(made, CORPUS, List.of(prompt))
                                    .get(0));
        }
    }

    @Test
    void itsProgramAsksForAFolder() {
        assertThatThrownBy(() -> TutorialModel.main(new String[0]))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("one argument, the folder");
    }
}
