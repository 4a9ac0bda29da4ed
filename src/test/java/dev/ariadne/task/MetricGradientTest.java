package dev.ariadne.task;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ariadne.tensor.Tensors;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every metric against its formula written out in plain Java, and its gradient against finite differences. */
class MetricGradientTest {
    private static final int COPIES = 2;
    private static final int PROMPTS = 2;
    private static final int POS = 3;
    private static final int VOCAB = 5;
    private static final boolean[][] MASK = {{true, false, true}, {false, true, false}};
    private static final long[][] NEXT = {{3, -1, 0}, {-1, 4, -1}};
    private static final long[][] GOOD = {{4, 3}, {1}};
    private static final long[][] BAD = {{0}, {2, 4, 0}};
    private static final long[] CORRECT = {2, 0};
    private static final long[] WRONG = {1, 4};

    private final NDManager manager = Tensors.engine().newBaseManager();
    private final double[] full =
            new Random(3).doubles(PROMPTS * POS * VOCAB, -2, 2).toArray();
    private final double[] logits =
            new Random(4).doubles(COPIES * PROMPTS * POS * VOCAB, -2, 2).toArray();

    @AfterEach
    void close() {
        manager.close();
    }

    /** A metric, and its formula: [row][pos][token] logits of one copy and of the full model to one number per prompt. */
    private record Case(String name, Metric metric, Formula formula) {
        @Override
        public String toString() {
            return name;
        }
    }

    private interface Formula {
        double of(double[][] own, double[][] full, int prompt);
    }

    static List<Case> all() {
        return List.of(
                new Case("kl", Metric.kl(), (x, f, i) -> (kl(f[0], x[0]) + kl(f[1], x[1]) + kl(f[2], x[2])) / POS),
                new Case(
                        "masked kl",
                        Metric.kl(MASK),
                        (x, f, i) -> // three positions count, of two prompts
                        2.0 / 3 * (i == 0 ? kl(f[0], x[0]) + kl(f[2], x[2]) : kl(f[1], x[1]))),
                new Case(
                        "logit difference",
                        Metric.logitDifference(CORRECT, WRONG),
                        (x, f, i) -> x[2][(int) CORRECT[i]] - x[2][(int) WRONG[i]]),
                new Case(
                        "margin",
                        Metric.logitDifference(CORRECT, new long[][] {{1}, {4, 2}}),
                        (x, f, i) -> i == 0 ? x[2][2] - x[2][1] : x[2][0] - Math.max(x[2][4], x[2][2])),
                new Case(
                        "log-probability",
                        Metric.logProbability(CORRECT),
                        (x, f, i) -> Math.log(softmax(x[2])[(int) CORRECT[i]])),
                new Case(
                        "nll",
                        Metric.negativeLogProbability(CORRECT),
                        (x, f, i) -> -Math.log(softmax(x[2])[(int) CORRECT[i]])),
                new Case(
                        "masked nll",
                        Metric.negativeLogProbability(NEXT),
                        (x, f, i) -> -2.0
                                / 3
                                * (i == 0
                                        ? Math.log(softmax(x[0])[3]) + Math.log(softmax(x[2])[0])
                                        : Math.log(softmax(x[1])[4]))),
                new Case("probability", new Probability("p", 3), (x, f, i) -> softmax(x[2])[3]),
                new Case("probability difference", Metric.probabilityDifference(GOOD, BAD), (x, f, i) -> {
                    double[] p = softmax(x[2]);
                    return i == 0 ? p[4] + p[3] - p[0] : p[1] - p[2] - p[4] - p[0];
                }),
                new Case("squared error", Metric.meanSquaredError(), (x, f, i) -> squares(x, f, 0, 1, 2, 3, 4)),
                new Case("squared error of columns", Metric.meanSquaredError(3, 1), (x, f, i) -> squares(x, f, 3, 1)),
                new Case("squared error of a column", Metric.meanSquaredError(2), (x, f, i) -> squares(x, f, 2)));
    }

    private static double[] softmax(double[] x) {
        double[] p = new double[x.length];
        double sum = 0;
        for (int i = 0; i < x.length; i++) {
            p[i] = Math.exp(x[i]);
            sum += p[i];
        }
        for (int i = 0; i < x.length; i++) {
            p[i] /= sum;
        }
        return p;
    }

    private static double kl(double[] full, double[] own) {
        double[] p = softmax(full);
        double[] q = softmax(own);
        double sum = 0;
        for (int i = 0; i < p.length; i++) {
            sum += p[i] * Math.log(p[i] / q[i]);
        }
        return sum;
    }

    private static double squares(double[][] own, double[][] full, int... columns) {
        double sum = 0;
        for (int pos = 0; pos < POS; pos++) {
            for (int column : columns) {
                sum += Math.pow(own[pos][column] - full[pos][column], 2);
            }
        }
        return sum / POS / columns.length;
    }

    private static double[][] row(double[] flat, int row) {
        double[][] values = new double[POS][VOCAB];
        for (int pos = 0; pos < POS; pos++) {
            System.arraycopy(flat, (row * POS + pos) * VOCAB, values[pos], 0, VOCAB);
        }
        return values;
    }

    private NDArray array(double[] values) {
        return manager.create(values, new Shape(values.length / POS / VOCAB, POS, VOCAB));
    }

    private Metric ready(Case one) {
        return one.metric().against(array(full));
    }

    @ParameterizedTest
    @MethodSource("all")
    void scoresEveryPromptOfEveryCopyByItsFormula(Case one) {
        double[] scores = ready(one).perPrompt(array(logits)).toDoubleArray();
        assertThat(scores).hasSize(COPIES * PROMPTS);
        double mean = 0;
        for (int i = 0; i < scores.length; i++) {
            double expected = one.formula().of(row(logits, i), row(full, i % PROMPTS), i % PROMPTS);
            assertThat(scores[i]).isCloseTo(expected, within(1e-12)); // float64
            mean += expected / scores.length;
        }
        assertThat(ready(one).apply(array(logits)).toDoubleArray()[0]).isCloseTo(mean, within(1e-12));
    }

    @ParameterizedTest
    @MethodSource("all")
    void itsGradientIsThatOfFiniteDifferences(Case one) {
        Metric metric = ready(one);
        double[] grad = Tensors.recording(true, () -> {
            NDArray x = array(logits);
            x.setRequiresGradient(true);
            return Tensors.grad(metric.apply(x), List.of(x)).get(0).toDoubleArray();
        });
        double step = 1e-6;
        for (int i = 0; i < logits.length; i++) {
            double[] up = logits.clone();
            double[] down = logits.clone();
            up[i] += step;
            down[i] -= step;
            double slope = (metric.apply(array(up)).toDoubleArray()[0]
                            - metric.apply(array(down)).toDoubleArray()[0])
                    / (2 * step);
            assertThat(grad[i]).as("logit " + i).isCloseTo(slope, within(1e-8));
        }
        assertThat(Arrays.stream(grad).map(Math::abs).max().orElseThrow())
                .as("something depends on the logits")
                .isGreaterThan(1e-3);
    }

    @ParameterizedTest
    @MethodSource("all")
    void scoresTheSameByItsOwnTokensAlone(Case one) {
        long[][] tokens = one.metric().tokens();
        if (tokens.length == 0) {
            assertThatThrownBy(() -> one.metric().perPromptOfTokens(array(full)))
                    .isInstanceOf(UnsupportedOperationException.class)
                    .hasMessageContaining("use perPrompt");
            return;
        }
        double[] few = new double[COPIES * PROMPTS * tokens[0].length];
        for (int i = 0; i < few.length; i++) {
            int prompt = i / tokens[0].length;
            few[i] = row(logits, prompt)[POS - 1][(int) tokens[prompt % PROMPTS][i % tokens[0].length]];
        }
        NDArray array = manager.create(few, new Shape(COPIES * PROMPTS, 1, tokens[0].length));
        assertThat(one.metric().perPromptOfTokens(array).toDoubleArray())
                .containsExactly(ready(one).perPrompt(array(logits)).toDoubleArray());
    }

    @Test
    void refusesWhatDoesNotFit() {
        assertThatThrownBy(() -> Metric.kl(new boolean[2][3])).hasMessageContaining("leaves no position");
        assertThatThrownBy(() -> Metric.kl(new boolean[][] {{true}, {true, false}}))
                .hasMessageContaining("row 0 has 1, row 1 has 2");
        assertThatThrownBy(() -> Metric.kl(new boolean[][] {{true, true, true}, {true, true, true}, {true, true, true}})
                        .against(array(full)))
                .hasMessageContaining("3 prompts of 3 positions, the logits are of 2 prompts and 3 positions");
        assertThatThrownBy(() -> Metric.negativeLogProbability(new long[][] {{1, 2, 3, 4}, {1, 2, 3, 4}})
                        .perPrompt(array(full)))
                .hasMessageContaining("4 positions, the logits are of 3");
        assertThatThrownBy(() -> Metric.negativeLogProbability(new long[][] {{1, -2}}))
                .hasMessageContaining("got -2");
        assertThatThrownBy(() -> Metric.negativeLogProbability(new long[][] {{-1, -1}}))
                .hasMessageContaining("leaves no position");
        assertThatThrownBy(() ->
                        Metric.negativeLogProbability(new long[][] {{5, 1, 1}}).perPrompt(array(full)))
                .hasMessageContaining("vocabulary's size 5, got 5");
        assertThatThrownBy(() -> Metric.logitDifference(new long[] {1}, new long[][] {{}}))
                .hasMessageContaining("answer 1 of prompt 0 has no wrong answer");
        assertThatThrownBy(() -> Metric.logitDifference(new long[] {1, 2}, new long[][] {{0}}))
                .hasMessageContaining("got 1 for 2");
        assertThatThrownBy(() -> Metric.probabilityDifference(GOOD, new long[][] {{0}, {VOCAB}})
                        .perPrompt(array(full)))
                .hasMessageContaining("vocabulary's size 5, got 5");
        assertThatThrownBy(() -> Metric.kl().perPrompt(array(full))).isInstanceOf(IllegalStateException.class);
    }
}
