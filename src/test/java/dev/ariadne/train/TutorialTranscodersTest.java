package dev.ariadne.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ariadne.attribution.ReplacementModel;
import dev.ariadne.model.Hook;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.transcoder.FeatureLabels;
import dev.ariadne.transcoder.TranscoderSet;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

/** The transcoders that ship with the tutorial model, and the names of their features. */
class TutorialTranscodersTest {
    private static final HookedTransformer model = HookedTransformer.load("tutorial", "cpu");
    private static final TranscoderSet transcoders = TranscoderSet.embedded("tutorial");
    private static final Map<String, String> labels = FeatureLabels.embedded("tutorial");
    private static final TutorialCorpus corpus = TutorialCorpus.embedded(TutorialModel.SHIPPED_SEED);

    @AfterAll
    static void close() {
        transcoders.close();
        model.close();
    }

    @Test
    void theModelStillComposesWithAllMlpsReplaced() {
        TutorialScores scores = TutorialScores.of(model, corpus, List.of(), transcoders.hooks());
        assertThat(share(scores, "learned")).isGreaterThan(0.99);
        assertThat(share(scores, "held out TWO_HOP")).isGreaterThanOrEqualTo(0.95);
        assertThat(share(scores, "held out OPPOSITE")).isGreaterThanOrEqualTo(0.95);
        assertThat(share(scores, "held out SYNONYM_OPPOSITE")).isGreaterThanOrEqualTo(0.9);
    }

    private static double share(TutorialScores scores, String what) {
        return Objects.requireNonNull(scores.replaced().get(what), what).value();
    }

    @Test
    void theyExplainWhatTheMlpsWriteWhereItMatters() {
        List<Example> all = corpus.examples(sentence -> true);
        List<TranscoderReport.Layer> layers =
                TranscoderReport.of(model, transcoders, all, all.subList(0, 1)).layers();
        assertThat(layers.get(0).everywhere().fvu()).isLessThan(0.01); // the MLP's own neurons
        assertThat(layers.get(1).everywhere().fvu()).isLessThan(0.05);
        assertThat(layers.get(2).predicting().fvu()).isLessThan(0.15); // trained there only
        assertThat(layers)
                .allSatisfy(layer -> assertThat(Math.min(
                                layer.everywhere().dead(), layer.predicting().dead()))
                        .isZero());
    }

    @Test
    void theRuleGivesTheShippedNames() {
        assertThat(TutorialLabels.of(model, transcoders, corpus)).isEqualTo(labels);
    }

    @Test
    void namesSayWhatActivatesAFeature() {
        assertThat(strongest("Houston", 0, 1)).startsWith("Texas places");
        assertThat(strongest("Fact: the capital of the state containing Dallas is", 0, 4))
                .startsWith("capital");
        assertThat(strongest("Fact: the capital of the state containing Dallas is", 0, 9))
                .startsWith("Texas places");
        assertThat(strongest("Fact: the capital of the state containing Oakland is", 2, 10))
                .contains("Sacramento");
        assertThat(strongest("Le contraire de \"petit\" est \"", 0, 5)).contains("petit");
        assertThat(strongest("The opposite of \"small\" is \"", 2, 8)).isEqualTo("say big");
    }

    private static String strongest(String prompt, int layer, int position) {
        List<String> name = new ArrayList<>();
        model.next(prompt, Hook.observe(transcoders.input(layer).toString(), x -> {
                    float[] all = transcoders.encode(layer, x).toFloatArray();
                    int width = transcoders.features(layer);
                    int best = 0;
                    for (int i = 0; i < width; i++) {
                        best = all[position * width + i] > all[position * width + best] ? i : best;
                    }
                    name.add(Objects.requireNonNull(labels.get(layer + "_" + best)));
                }))
                .close();
        return name.get(0);
    }

    @Test
    void aModelAndItsTranscodersLoadInLessThanASecond() {
        long start = System.nanoTime();
        try (ReplacementModel replacement = ReplacementModel.load("tutorial")) {
            assertThat((System.nanoTime() - start) / 1e9).isLessThan(1);
            assertThat(replacement.label(0, 0)).isEqualTo(labels.get("0_0"));
        }
        assertThatThrownBy(() -> ReplacementModel.load("gpt2-tiny"))
                .hasMessageContaining("no transcoders for 'gpt2-tiny', only for 'tutorial'");
    }
}
