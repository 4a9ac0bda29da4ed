package dev.ariadne.discovery;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.ariadne.discovery.HeadDetector.Measure;
import dev.ariadne.model.ActivationCache;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.view.View;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Equality with TransformerLens's detectors is checked with the recorded values, by the conformance test. */
class HeadDetectorTest {
    private final HookedTransformer model = HookedTransformer.load("gpt2-tiny", "cpu");

    @AfterEach
    void close() {
        model.close();
    }

    /** By hand: the mean attention of a query in the second half to a key that lies so far before it. */
    private double diagonal(long[][] tokens, int layer, int head, int back) {
        int length = tokens[0].length / 2;
        double sum = 0;
        for (long[] row : tokens) {
            try (ActivationCache cache = model.runWithCache(new long[][] {row}, "pattern")) {
                View.HeatMap map = cache.get("pattern", layer).head(0, head);
                for (int q = length; q < 2 * length; q++) {
                    sum += map.value(q, q - back);
                }
            }
        }
        return sum / (tokens.length * length);
    }

    @Test
    void onRepeatedTokensScoresAreTheMeansOfDiagonals() {
        HeadDetector detector = HeadDetector.repeatedTokens(model, 9, 2, 3);
        long[][] tokens = detector.tokens();
        for (int layer = 0; layer < 2; layer++) {
            for (int head = 0; head < 4; head++) {
                assertThat(detector.induction().value(layer, head))
                        .isCloseTo(diagonal(tokens, layer, head, 8), within(1e-6));
                assertThat(detector.duplicateToken().value(layer, head))
                        .isCloseTo(diagonal(tokens, layer, head, 9), within(1e-6));
            }
        }
        assertThat(detector.induction().value(0, 0))
                .isNotCloseTo(detector.duplicateToken().value(0, 0), within(1e-4));
    }

    @Test
    void drawsDifferentTokensThatComeTwice() {
        HeadDetector detector = HeadDetector.repeatedTokens(model, 20, 3, 1);
        for (long[] row : detector.tokens()) {
            assertThat(row).hasSize(40);
            assertThat(Arrays.copyOfRange(row, 20, 40)).isEqualTo(Arrays.copyOf(row, 20));
            assertThat(Arrays.stream(row).distinct()).hasSize(20).allMatch(id -> id >= 0 && id < 96);
        }
        assertThat(detector.tokens()[0]).isNotEqualTo(detector.tokens()[1]);
        assertThat(HeadDetector.repeatedTokens(model, 20, 3, 1).tokens()).isDeepEqualTo(detector.tokens());
        assertThat(HeadDetector.repeatedTokens(model, 20, 3, 2).tokens()[0]).isNotEqualTo(detector.tokens()[0]);
        assertThat(HeadDetector.repeatedTokens(model).tokens()[0]).hasSize(64); // all that this model can read
    }

    @Test
    void beginsWithTheModelsOwnFirstToken() {
        try (HookedTransformer gemma = HookedTransformer.load("src/test/resources/gguf/tiny-gemma3.gguf", "cpu")) {
            long[] row = HeadDetector.repeatedTokens(gemma, 5, 1, 0).tokens()[0];
            assertThat(row).hasSize(11);
            assertThat(row[0]).isEqualTo(gemma.tokenizer().bosId().orElseThrow());
            assertThat(Arrays.stream(row).skip(1)).doesNotContain(row[0]);
        }
    }

    @Test
    void severalPromptsAreTheMeanOfEach() {
        long[][] two = {{5, 9, 3, 9, 5, 7}, {1, 2, 1, 2}};
        HeadScores both = HeadDetector.of(model, two).duplicateToken();
        HeadScores first = HeadDetector.of(model, new long[][] {two[0]}).duplicateToken();
        HeadScores second = HeadDetector.of(model, new long[][] {two[1]}).duplicateToken();
        assertThat(both.value(1, 2)).isCloseTo((first.value(1, 2) + second.value(1, 2)) / 2, within(1e-9));
        long[][] padded = {{5, 9, 3, 9, 5, 7}, {-1, -1, 1, 2, 1, 2}};
        assertThat(HeadDetector.of(model, padded).duplicateToken().values()).isDeepEqualTo(both.values());
    }

    @Test
    void attentionBetweenPlacesIsTheMeanOfEachPromptsOwn() {
        long[][] two = {{5, 9, 3, 9, 5, 7}, {1, 2, 1, 2}};
        HeadScores scores = HeadDetector.of(model, two).attention("pointing", new int[] {5, 2}, new int[] {1, 2});
        try (ActivationCache first = model.runWithCache(new long[][] {two[0]}, "pattern");
                ActivationCache second = model.runWithCache(new long[][] {two[1]}, "pattern")) {
            double mean = (first.get("pattern", 1).head(0, 3).value(5, 1)
                            + second.get("pattern", 1).head(0, 3).value(2, 2))
                    / 2;
            assertThat(scores.value(1, 3)).isCloseTo(mean, within(1e-6));
        }
        assertThat(scores.title()).isEqualTo("pointing heads");
    }

    @Test
    void attentionNeedsPlacesThatCanBeSeen() {
        HeadDetector detector = HeadDetector.of(model, new long[][] {{5, 9, 3, 9, 5, 7}});
        assertThatThrownBy(() -> detector.attention("pointing", new int[] {2}, new int[] {3}))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("from position 2 to 3")
                .hasMessageContaining("positions 0 to 5");
        assertThatThrownBy(() -> detector.attention("pointing", new int[] {6}, new int[] {3}))
                .hasMessageContaining("from position 6 to 3");
        assertThatThrownBy(() -> detector.attention("pointing", new int[] {2, 3}, new int[] {1}))
                .hasMessageContaining("got 2 and 1");
    }

    /** Every query of a pattern of ones gets all of its attention; every measure then says 1. */
    @Test
    void aPatternThatIsMetScoresOne() {
        float[][] everywhere = new float[6][6];
        for (int q = 0; q < 6; q++) {
            Arrays.fill(everywhere[q], 0, q + 1, 1);
        }
        HeadDetector detector = HeadDetector.of(model, new long[][] {{5, 9, 3, 9, 5, 7}});
        assertThat(detector.detect(everywhere).value(0, 0)).isCloseTo(1, within(1e-6));
        float[][] exact = new float[6][6];
        try (ActivationCache cache = model.runWithCache(new long[][] {{5, 9, 3, 9, 5, 7}}, "pattern")) {
            View.HeatMap map = cache.get("pattern", 1).head(0, 3);
            for (int q = 0; q < 6; q++) {
                for (int k = 0; k <= q; k++) {
                    exact[q][k] = map.value(q, k);
                }
            }
        }
        HeadScores scores = detector.measure(Measure.ABS).detect(exact);
        assertThat(scores.value(1, 3)).isCloseTo(1, within(1e-6));
        assertThat(scores.top(1).get(0).label()).isEqualTo("L1H3");
    }

    @Test
    void showsAHeadBesideTheStripeOfAnInductionHead() {
        View view = HeadDetector.repeatedTokens(model, 8, 1, 0).stripes(1, 2);
        assertThat(view).isInstanceOfSatisfying(View.Panels.class, panels -> {
            View.HeatMap head = (View.HeatMap) panels.panels().get(0);
            View.HeatMap ideal = (View.HeatMap) panels.panels().get(1);
            assertThat(head.title()).isEqualTo("L1H2");
            assertThat(ideal.value(8, 1)).isEqualTo(1);
            assertThat(ideal.value(15, 8)).isEqualTo(1);
            assertThat(ideal.value(15, 7)).isZero();
            assertThat(ideal.value(7, 8)).isNaN();
            assertThat(head.rows()).isEqualTo(ideal.rows()).hasSize(16);
        });
    }

    @Test
    void saysWhatItCannotLookFor() {
        HeadDetector detector = HeadDetector.of(model, "abcd");
        assertThatThrownBy(() -> detector.detect("copy_head")).hasMessageContaining("no kind of head 'copy_head'");
        assertThatThrownBy(() -> detector.errorMeasure("rms")).hasMessageContaining("mul, abs and mean");
        assertThatThrownBy(() -> detector.detect(new float[3][3])).hasMessageContaining("4 rows and columns");
        float[][] ahead = new float[4][4];
        ahead[1][2] = 1;
        assertThatThrownBy(() -> detector.detect(ahead)).hasMessageContaining("query 1, key 2");
        assertThatThrownBy(() -> detector.measure(Measure.MEAN).induction())
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("repeatedTokens(model)");
        assertThatThrownBy(() -> HeadDetector.of(model, "a")).hasMessageContaining("prompt 0 has 1");
        assertThatThrownBy(() -> HeadDetector.of(model, List.of())).hasMessageContaining("got none");
        assertThatThrownBy(() -> HeadDetector.repeatedTokens(model, 33, 1, 0)).hasMessageContaining("1 to 32 tokens");
        assertThatThrownBy(() -> HeadDetector.repeatedTokens(model, 0, 1, 0)).hasMessageContaining("got 1 of 0");
    }
}
