package dev.ariadne.attribution;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.types.DataType;
import dev.ariadne.cli.ReplacementFixtures;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.transcoder.Feature;
import dev.ariadne.view.View;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ReplacementModelTest {
    private static final long[] TOKENS = ReplacementFixtures.tokens();

    @ParameterizedTest
    @ValueSource(strings = {"gemma_small_jumprelu", "llama_small_topk_skip", "gpt2_small_clt_relu"})
    void findsTheRecordedFeaturesWithTheirActivations(String name) {
        ActiveFeatures features = ReplacementFixtures.load(name).features(TOKENS);
        long[] expected = ReplacementFixtures.longs(name, "active_features"); // [active, (layer, position, feature)]
        float[] values = ReplacementFixtures.floats(name, "activation_values");
        assertThat(features.size()).isEqualTo(values.length);
        for (int i = 0; i < values.length; i++) {
            Feature feature = new Feature((int) expected[3 * i], (int) expected[3 * i + 1], (int) expected[3 * i + 2]);
            assertThat(features.feature(i)).isEqualTo(feature);
            assertThat(features.place(feature)).isEqualTo(i);
            assertThat(features.activation(feature)).isCloseTo(values[i], within(1e-4));
        }
    }

    @Test
    void nothingIsActiveAtZeroedPositions() {
        ReplacementModel replacement = ReplacementFixtures.load("gemma_small_jumprelu");
        ActiveFeatures all = replacement.withZeroed(0).features(TOKENS);
        ActiveFeatures few = replacement.withZeroed(3).features(TOKENS);
        assertThat(all.strongest(0, 3)).hasSize(3);
        assertThat(few.features())
                .isEqualTo(all.features().stream()
                        .filter(feature -> feature.position() >= 3)
                        .toList());
        assertThat(few.unexplained(1, 2)).isZero();
        assertThat(few.unexplained(1, 3)).isEqualTo(all.unexplained(1, 3)).isPositive();
        assertThat(few.activation(all.feature(0))).isZero();
    }

    @Test
    void computesInTheTypeOfTheModel() {
        ReplacementModel single = ReplacementFixtures.load("gpt2_small_clt_relu");
        try (HookedTransformer precise = single.model().to(DataType.FLOAT64)) {
            ActiveFeatures narrow = single.features(TOKENS);
            ActiveFeatures wide =
                    ReplacementModel.of(precise, single.transcoders()).features(TOKENS);
            assertThat(wide.features()).isEqualTo(narrow.features());
            double error = 0;
            for (int i = 0; i < wide.size(); i++) {
                error = Math.max(error, Math.abs(wide.activation(i) - narrow.activation(i)));
            }
            assertThat(error).isBetween(1e-9, 1e-5); // float32's own
        }
    }

    @Test
    void showsTheStrongestFeaturesOfEachTokenByName() {
        ReplacementModel replacement = ReplacementFixtures.load("llama_small_topk_skip");
        ActiveFeatures plain = replacement.features(TOKENS);
        Feature first = plain.strongest(5, 1).get(0);
        ActiveFeatures named = replacement
                .withLabels(Map.of(first.layer() + "_" + first.index(), "cities"))
                .features(TOKENS);
        List<String> row = ((View.Table) named.view()).rows().get(5);
        assertThat(row.subList(0, 3)).containsExactly("5", "#5", "8"); // top 4 in each of two layers
        assertThat(row.get(3)).startsWith("cities (" + first.layer() + "_" + first.index() + ") ");
        assertThat(plain.strongest(5, 100).stream().map(plain::activation).map(Math::abs))
                .isSortedAccordingTo((a, b) -> Double.compare(b, a))
                .hasSize(8);
    }

    @Test
    void transcodersOfAnotherModelAreRefused() {
        try (HookedTransformer other = HookedTransformer.load("gpt2-tiny", "cpu")) {
            assertThatThrownBy(() -> ReplacementModel.of(
                            other,
                            ReplacementFixtures.load("llama_small_topk_skip").transcoders()))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("of 2 layers and width 8; model 'gpt2-tiny' has 2 layers and width 32");
        }
    }
}
