package dev.ariadne.model;

import static dev.ariadne.model.TestModels.RESOURCES;
import static dev.ariadne.model.TestModels.TOKENS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.Shape;
import dev.ariadne.model.LogitLens.Reading;
import dev.ariadne.model.Logits.Prediction;
import dev.ariadne.tensor.Tensors;
import dev.ariadne.view.View;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LogitLensTest {
    /** The slow way: run the model from its end on each stream, one position at a time. */
    @ParameterizedTest
    @ValueSource(strings = {"gpt2-tiny", "llama-tiny", "gemma2-tiny", "pythia-tiny"})
    void readsEachStreamAsTheModelReadsItsLast(String family) {
        try (HookedTransformer any = HookedTransformer.load(
                        RESOURCES.resolve("models/" + family).toString(), "cpu");
                ActivationCache cache = any.runWithCache(TOKENS)) {
            int layers = any.config().nLayers();
            LogitLens lens = cache.logitLens();
            assertThat(lens.streams()).hasSize(layers + 1).startsWith("0_pre").endsWith("final_post");
            for (int layer = 0; layer <= layers; layer++) {
                String point = layer == layers ? "resid_post" : "resid_pre";
                NDArray stream = cache.get(point, Math.min(layer, layers - 1)).array();
                for (int pos = 0; pos < 5; pos++) {
                    try (Logits slow =
                                    any.runFrom(stream.get(new NDIndex(":, " + pos + ":" + (pos + 1))), layers, true);
                            Logits last = any.next(new long[][] {Arrays.copyOf(TOKENS[1], pos + 1)})) {
                        Reading reading = lens.at(layer, 1, pos);
                        Prediction best = slow.top(1, 1).get(0);
                        assertThat(reading.top().id()).isEqualTo(best.id());
                        assertThat(reading.top().logit()).isCloseTo(best.logit(), within(1e-4));
                        assertThat(reading.top().probability()).isCloseTo(best.probability(), within(1e-5));
                        long answer = last.top(1).get(0).id();
                        Prediction target = slow.top(1, any.config().dVocabOut()).stream()
                                .filter(p -> p.id() == answer)
                                .findFirst()
                                .orElseThrow();
                        assertThat(reading.target().id()).isEqualTo(answer);
                        assertThat(reading.target().rank()).isEqualTo(target.rank());
                        assertThat(reading.target().probability()).isCloseTo(target.probability(), within(1e-5));
                    }
                }
            }
        }
    }

    @Test
    void ranksATokenAtSomePositionsAndShowsIt() {
        try (HookedTransformer model = TestModels.gpt2();
                ActivationCache cache = model.runWithCache("Dallas is in")) {
            LogitLens lens = cache.logitLens("T", o -> o.inclMid().pos(-2, 12));
            assertThat(lens.streams()).containsExactly("0_pre", "0_mid", "1_pre", "1_mid", "final_post");
            Prediction expected = cache.logits().of("T");
            assertThat(lens.at(-1, 0, -1).target().rank()).isEqualTo(expected.rank());
            assertThat(lens.at(-1, 0, -1).target().probability()).isCloseTo(expected.probability(), within(1e-6));
            assertThat(lens.at(0, 0, 0).position()).isEqualTo(10);
            assertThat(lens.view()).isInstanceOfSatisfying(View.Panels.class, panels -> {
                assertThat(panels.panels()).hasSize(2);
                View.HeatMap ranks = (View.HeatMap) panels.panels().get(1);
                assertThat(ranks.title()).contains("“T”");
                assertThat(ranks.columns()).containsExactly("i", "n");
                assertThat(ranks.value(4, 1)).isCloseTo((float) Math.log10(expected.rank()), within(1e-6f));
                assertThat(ranks.texts().get(4).get(1)).isEqualTo(Integer.toString(expected.rank()));
                View.HeatMap probabilities = (View.HeatMap) panels.panels().get(0);
                assertThat(probabilities.value(4, 1)).isCloseTo((float) expected.probability(), within(1e-6f));
                assertThat(probabilities.texts().get(4).get(1))
                        .isEqualTo(cache.logits().top(1).get(0).token());
            });
            assertThat(lens.table().rowCount()).isEqualTo(10);
            assertThat(lens.table().stringColumn("token").get(1)).isEqualTo("n");
            LogitLens plain = cache.logitLens(o -> o.layer(1));
            assertThat(plain.streams()).containsExactly("0_pre", "1_pre");
            assertThat(plain.view()).isInstanceOfSatisfying(View.HeatMap.class, tops -> {
                assertThat(tops.rows()).isEqualTo(plain.streams());
                assertThat(tops.columns()).hasSize(12).endsWith("i", "n");
                for (Reading reading : plain.readings()) {
                    int stream = plain.streams().indexOf(reading.stream());
                    assertThat(tops.texts().get(stream).get(reading.position()))
                            .isEqualTo(reading.top().token());
                    assertThat(tops.value(stream, reading.position()))
                            .isEqualTo((float) reading.top().probability());
                }
            });
            assertThatThrownBy(() -> lens.at(5, 0, 0)).hasMessageContaining("5 streams, 1 prompts and 2 positions");
        }
    }

    @Test
    void logitsAreMadeWithinTheBudget() {
        assertThat(Ratings.rowsAtATime(49_152)).isEqualTo(341); // 64 MiB of float32
        assertThat(Ratings.rowsAtATime(1L << 30)).isEqualTo(1);
        long[] targets = {3, 9, -1, 0, 7};
        try (NDManager manager = Tensors.engine().newBaseManager()) {
            NDArray logits = manager.randomNormal(new Shape(5, 10));
            Ratings whole = Ratings.of(logits, targets);
            Ratings parts = Ratings.inChunks(2, manager, targets, (scope, from, to) -> {
                assertThat(to - from).isLessThanOrEqualTo(2);
                return Tensors.alias(logits, scope).get(new NDIndex(from + ":" + to));
            });
            assertThat(parts.top()).isEqualTo(whole.top());
            assertThat(parts.logit()).isEqualTo(whole.logit());
            assertThat(parts.rank()).isEqualTo(whole.rank());
            assertThat(parts.logSumExp()).isEqualTo(whole.logSumExp());
            assertThat(whole.rank()[2]).isZero();
            assertThat(whole.loss(2)).isNaN();
            float[] row = logits.get(1).toFloatArray();
            int higher = 0;
            double sum = 0;
            for (float value : row) {
                higher += value > row[9] ? 1 : 0;
                sum += Math.exp(value);
            }
            assertThat(whole.rank()[1]).isEqualTo(higher + 1);
            assertThat(whole.probability(1)).isCloseTo(Math.exp(row[9]) / sum, within(1e-6));
            assertThat(manager.getManagedArrays()).hasSize(2); // the logits, and the row just read
        }
    }
}
