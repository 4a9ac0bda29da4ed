package dev.ariadne.discovery;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.index.NDIndex;
import dev.ariadne.model.Hook;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.model.Logits;
import dev.ariadne.task.Metric;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class HeadAblationTest {
    private static final long[][] TOKENS = {{5, 9, 3, 7, 30}, {8, 2, 40, 41, 9}, {1, 1, 2, 3, 5}};

    private final Metric metric = Metric.logProbability(4, 6, 20);

    @ParameterizedTest
    @ValueSource(
            strings = {"gpt2-tiny", "src/test/resources/models/llama-tiny", "src/test/resources/tl/attn-only-tiny"})
    void equalsOneWholeRunPerHead(String name) {
        try (HookedTransformer model = HookedTransformer.load(name, "cpu")) {
            HeadAblation ablation = HeadAblation.of(model, TOKENS, metric);
            HeadScores zero = ablation.zero();
            HeadScores mean = ablation.mean();
            for (int layer = 0; layer < model.config().nLayers(); layer++) {
                for (int head = 0; head < model.config().nHeads(); head++) {
                    assertThat(zero.value(layer, head))
                            .isCloseTo(change(model, layer, head, z -> z.mul(0)), within(2e-5));
                    assertThat(mean.value(layer, head))
                            .isCloseTo(change(model, layer, head, z -> z.mean(new int[] {0}, true)), within(2e-5));
                }
            }
            assertThat(zero.value(0, 0)).isNotCloseTo(0, within(1e-4));
            assertThat(zero.title()).contains("log-probability").contains("zero ablation");
        }
    }

    private double change(HookedTransformer model, int layer, int head, UnaryOperator<NDArray> replacement) {
        Hook hook = Hook.at("blocks." + layer + ".attn.hook_z", z -> {
            NDArray edited = z.duplicate();
            NDArray part = replacement.apply(z.get(":, :, " + head));
            for (int row = 0; row < TOKENS.length; row++) {
                edited.set(
                        new NDIndex(row + ", :, " + head),
                        part.get(Math.min(row, part.getShape().get(0) - 1)));
            }
            return edited;
        });
        try (Logits ablated = model.run(TOKENS, hook);
                Logits plain = model.run(TOKENS)) {
            return metric.apply(ablated.array()).getFloat()
                    - metric.apply(plain.array()).getFloat();
        }
    }

    @Test
    void saysWhichPromptsItNeeds() {
        try (HookedTransformer model = HookedTransformer.load("gpt2-tiny", "cpu")) {
            Metric one = Metric.logProbability(4);
            assertThatThrownBy(() -> HeadAblation.of(model, "abc", one).mean())
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("at least 2 prompts, got 1");
            assertThatThrownBy(() -> HeadAblation.of(model, new long[0][], one)).hasMessageContaining("got none");
            long[][] padded = {{1, 2, 3}, {HookedTransformer.PADDING, 2, 3}};
            assertThatThrownBy(() -> HeadAblation.of(model, padded, one)).hasMessageContaining("prompt 1 is shorter");
        }
    }
}
