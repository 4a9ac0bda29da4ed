package dev.ariadne.task;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.tensor.Tensors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class MetricTest {
    private final NDManager manager = Tensors.engine().newBaseManager();
    private final NDArray logits = manager.create(new float[] {9, 9, 9, 1, 2, 4, 9, 9, 9, 8, 3, 5}, new Shape(2, 2, 3));

    @AfterEach
    void close() {
        manager.close();
    }

    @Test
    void readsTheLastPositionOfEveryPrompt() {
        Metric metric = Metric.logitDifference(new long[] {2, 0}, new long[] {0, 1});
        assertThat(metric.perPrompt(logits).toFloatArray()).containsExactly(3, 5);
        assertThat(metric.apply(logits).getFloat()).isEqualTo(4);
        double share = Math.exp(4) / (Math.exp(1) + Math.exp(2) + Math.exp(4));
        assertThat((double) new Probability("p", 2).perPrompt(logits).toFloatArray()[0])
                .isCloseTo(share, within(1e-6));
    }

    @Test
    void refusesAnswersOutsideTheVocabulary() {
        for (Metric metric : new Metric[] {
            Metric.logitDifference(new long[] {3}, new long[] {0}),
            Metric.logitDifference(new long[] {0}, new long[] {3}),
            new Probability("p", 3)
        }) {
            assertThatThrownBy(() -> metric.apply(logits))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("vocabulary's size 3, got 3");
        }
    }

    @Test
    void refusesNegativeAnswersAtOnce() {
        assertThatThrownBy(() -> Metric.logitDifference(new long[] {0}, new long[] {-1}))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("0 or more, got -1");
        assertThatThrownBy(() -> new Probability("p", -7)).hasMessageContaining("got -7");
    }

    @Test
    void refusesATokenThatIsRightAndWrong() {
        assertThatThrownBy(() -> Metric.logitDifference(new long[] {1, 3}, new long[] {3, 3}))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("prompt 1: the token 3 is both a right and a wrong answer");
        assertThatThrownBy(() -> Metric.logitDifference(new long[] {3}, new long[][] {{1, 3}}))
                .hasMessageContaining("prompt 0: the token 3");
        assertThatThrownBy(() -> Metric.probabilityDifference(new long[][] {{1, 2}}, new long[][] {{0, 2}}))
                .hasMessageContaining("prompt 0: the token 2");
    }

    @Test
    void isShownByWhatItMeasuresNotByItsArrays() {
        Metric wide = Metric.negativeLogProbability(new long[][] {{1, 2}});
        assertThat(Stream.of(
                                Metric.logitDifference(new long[] {3}, new long[] {1}),
                                Metric.probabilityDifference(new long[][] {{1}}, new long[][] {{2}}),
                                Metric.meanSquaredError(0, 1),
                                Metric.meanSquaredError().against(logits),
                                Metric.kl(),
                                Metric.kl(new boolean[][] {{true, false}}).against(logits),
                                Metric.logProbability(2),
                                wide,
                                new Probability("p(Austin)", 2))
                        .map(Metric::toString))
                .containsExactly(
                        "logit difference in logits",
                        "probability difference",
                        "mean squared error in squared logits",
                        "mean squared error in squared logits",
                        "KL divergence in nats",
                        "KL divergence in nats",
                        "log-probability in nats",
                        "negative log-probability in nats",
                        "p(Austin)");
    }

    @Test
    void saysWhatToDoAboutABatchOfAnotherSize() {
        Metric metric = Metric.logitDifference(new long[] {0, 1, 2}, new long[] {1, 2, 0});
        assertThatThrownBy(() -> metric.apply(logits))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("3 prompts, the batch has 2; give one answer");
    }

    @Test
    void readsAnswersAsSingleTokens() {
        try (HookedTransformer model = HookedTransformer.load("gpt2-tiny", "cpu")) {
            assertThat(Metric.probability(model, "D").name()).isEqualTo("p(D)");
            assertThatThrownBy(() -> Metric.probability(model, "De")).isInstanceOf(IllegalArgumentException.class);
        }
    }

    @Test
    void logProbabilityIsMinusTheLoss() {
        double sum = Math.exp(1) + Math.exp(2) + Math.exp(4);
        float[] each = Metric.logProbability(2, 0).perPrompt(logits).toFloatArray();
        assertThat((double) each[0]).isCloseTo(4 - Math.log(sum), within(1e-6));
        assertThat((double) each[1]).isCloseTo(8 - Math.log(Math.exp(8) + Math.exp(3) + Math.exp(5)), within(1e-6));
        assertThatThrownBy(Metric::logProbability).hasMessageContaining("got none");
        assertThatThrownBy(() -> Metric.logProbability(-1)).hasMessageContaining("got -1");
    }
}
