package dev.ariadne.transcoder;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.ariadne.model.ActivationCache;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.model.Weight;
import dev.ariadne.transcoder.FeatureCard.Example;
import dev.ariadne.view.View;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FeatureCardsTest {
    private static final HookedTransformer model = HookedTransformer.load("tutorial", "cpu");
    private static final TranscoderSet transcoders = TranscoderSet.embedded("tutorial");
    private static final List<long[]> texts = Arrays.stream(new String[] {
                "Fact: the capital of the state containing Dallas is",
                "Fact: the capital of the state containing Houston is",
                "Dallas is in",
                "The opposite of \"small\" is \""
            })
            .map(text -> model.toTokens(text)[0])
            .toList();
    private static final FeatureCards cards = FeatureCards.of(model, transcoders, texts);

    @TempDir
    private Path folder;

    @AfterAll
    static void close() {
        transcoders.close();
        model.close();
    }

    /** One text at a time, each layer read from a cache. */
    @Test
    void activationsAreThoseOfASlowPass() {
        long tokens = texts.stream().mapToLong(text -> text.length - 1).sum();
        for (int layer = 0; layer < 3; layer++) {
            long[] active = new long[transcoders.features(layer)];
            double[] most = new double[active.length];
            for (long[] text : texts) {
                try (ActivationCache cache =
                        model.runWithCache(new long[][] {text}, "blocks." + layer + ".mlp.hook_in")) {
                    float[] all = transcoders
                            .encode(
                                    layer,
                                    cache.get("blocks." + layer + ".mlp.hook_in")
                                            .array())
                            .toFloatArray();
                    for (int i = active.length; i < all.length; i++) { // from the second token on
                        active[i % active.length] += all[i] > 0 ? 1 : 0;
                        most[i % active.length] = Math.max(most[i % active.length], all[i]);
                    }
                }
            }
            for (int feature = 0; feature < active.length; feature++) {
                FeatureCard card = cards.card(layer, feature);
                assertThat(card.frequency()).isCloseTo((double) active[feature] / tokens, within(1e-12));
                assertThat(card.most()).isCloseTo(most[feature], within(1e-4)); // float32, another batch
                assertThat(card.histogram().stream().mapToLong(n -> n).sum()).isEqualTo(active[feature]);
            }
        }
    }

    @Test
    void examplesAreTheStrongestFirstAndSaySomethingNew() {
        int texas = strongestAt("Dallas", 0);
        List<Example> examples = cards.card(0, texas).examples();
        assertThat(examples) // in the first layer a token is active alike wherever it stands; the fourth text has
                // no place
                .extracting(example -> example.tokens().get(example.strongest()))
                .containsExactlyInAnyOrder("Dallas", "Houston");
        for (int i = 1; i < examples.size(); i++) {
            assertThat(value(examples.get(i))).isLessThanOrEqualTo(value(examples.get(i - 1)));
        }
    }

    private static int strongestAt(String place, int layer) {
        return cards.cards().stream()
                .filter(card -> card.layer() == layer)
                .filter(card -> card.examples().stream()
                        .anyMatch(example ->
                                example.tokens().get(example.strongest()).equals(place)))
                .max((a, b) -> Double.compare(a.most(), b.most()))
                .orElseThrow()
                .index();
    }

    private static double value(Example example) {
        return example.activations().get(example.strongest());
    }

    /** The decoder's row, centered, times the last norm's gain, times a column of the unembedding, by loops in double. */
    @Test
    void pushedTokensAreThoseThatTheUnembeddingFavors() {
        int feature = 5;
        float[] row = transcoders.transcoder(2).decoder().get(feature).toFloatArray();
        double mean = 0;
        for (float x : row) {
            mean += x / (double) row.length;
        }
        double[] expected = new double[model.config().dVocabOut()];
        try (Weight unembed = model.weights().get("unembed.W_U");
                Weight gain = model.weights().get("ln_final.w")) {
            float[] columns = unembed.array().toFloatArray(); // [dModel, token]
            float[] gains = gain.array().toFloatArray();
            for (int i = 0; i < row.length; i++) {
                for (int token = 0; token < expected.length; token++) {
                    expected[token] += (row[i] - mean) * gains[i] * columns[i * expected.length + token];
                }
            }
        }
        double all = Arrays.stream(expected).average().orElseThrow();
        float[] actual = FeatureScan.logits(model, transcoders, 2, 3, feature)[1];
        int best = 0;
        for (int token = 0; token < expected.length; token++) {
            assertThat((double) actual[token]).isCloseTo(expected[token] - all, within(1e-4)); // float32 sums of 128
            best = expected[token] > expected[best] ? token : best;
        }
        assertThat(cards.card(2, feature).words().pushed())
                .hasSize(10)
                .startsWith(model.tokenizer().toSingleString(best));
    }

    @Test
    void aCardSurvivesItsFile() throws IOException {
        cards.save(folder);
        int texas = strongestAt("Dallas", 0);
        FeatureCard card = cards.card(0, texas);
        Path file = folder.resolve((long) texas * (texas + 1) / 2 + texas + ".json"); // Cantor's number of layer 0
        assertThat(FeatureCards.read(file, 0)).isEqualTo(card);
        try (var files = Files.list(folder)) {
            assertThat(files.count())
                    .isEqualTo(cards.cards().stream().filter(c -> c.most() > 0).count());
        }
    }

    @Test
    void aPublishedCardWithTheLeastIsRead() throws IOException {
        Path file = folder.resolve("least.json");
        Files.writeString(
                file,
                "{\"index\": 7, \"examples_quantiles\": [{\"quantile_name\": \"Top\", \"examples\": [{\"tokens\": [\"a\", \"<b>\"],"
                        + " \"tokens_acts_list\": [0, 2.5]}]}]}");
        FeatureCard card = FeatureCards.read(file, 3);
        assertThat(card.toString()).isEqualTo("feature 3_7");
        assertThat(card.most()).isEqualTo(2.5);
        assertThat(card.examples().get(0).strongest()).isEqualTo(1);
        View.Panels view = (View.Panels) card.view();
        assertThat(view.panels()).hasSize(3);
    }

    @Test
    void saysWhatIsWrongWithACard() throws IOException {
        Map<String, String> wrong = Map.of(
                "{", "it is not JSON",
                "[]", "an index and examples_quantiles",
                "{\"index\": 1e99, \"examples_quantiles\": []}", "an index and examples_quantiles",
                "{\"index\": 1, \"examples_quantiles\": [{\"examples\": [{\"tokens\": [\"a\"]}]}]}",
                        "got 1 tokens, 0 activations");
        for (Map.Entry<String, String> each : wrong.entrySet()) {
            Path file = Files.writeString(folder.resolve("wrong.json"), each.getKey());
            assertThatThrownBy(() -> FeatureCards.read(file, 0))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("wrong.json")
                    .hasMessageContaining(each.getValue());
        }
        assertThatThrownBy(() -> cards.card(5, 0)).hasMessageContaining("no card of feature 5_0");
        assertThatThrownBy(() -> FeatureCards.of(model, transcoders, List.of())).hasMessageContaining("got none");
    }

    @Test
    void namesAreReadStrictly() throws IOException {
        assertThat(FeatureLabels.read(folder)).isEmpty();
        Map<String, String> names = Map.of("0_10", "Texas <places> & \"more\"", "0_2", "small/petit/小", "1_0", "is");
        FeatureLabels.write(names, folder);
        assertThat(FeatureLabels.read(folder)).isEqualTo(names);
        assertThat(Files.readString(folder.resolve("labels.json"))).containsSubsequence("0_2", "0_10", "1_0");
        for (String wrong :
                List.of("[1]", "{\"x\": \"y\"}", "{\"0_1\": 5}", "{", "{\"0_1\": \"" + "x".repeat(1001) + "\"}")) {
            Files.writeString(folder.resolve("labels.json"), wrong);
            assertThatThrownBy(() -> FeatureLabels.read(folder))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("labels.json");
        }
    }
}
