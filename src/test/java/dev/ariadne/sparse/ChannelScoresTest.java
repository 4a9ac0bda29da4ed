package dev.ariadne.sparse;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.ariadne.model.ModelConfig.Extras;
import dev.ariadne.sparse.PartRun.Absent;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Gradients on the engine against differences of the plain loops, which know no gradient. */
class ChannelScoresTest {
    private static final PairTask TASK = MiniPython.task("bracket_counting", 4, 0);
    private static final Calibration LINE = new Calibration(0.7, 0.2);

    /** The plain loss of a model whose channels are mask · value + (1 − mask) · mean: on and off, or in between by a change of the means. */
    @Test
    void masksHaveTheDerivativesOfFiniteDifferences() {
        try (SparseTransformer trained = HandMade.random(new Extras(0, true, false, List.of(0.0, 0.5)), 1)) {
            CircuitPruner pruner = CircuitPruner.of(trained);
            Wiring wiring = pruner.wiring();
            ChannelScores scores = new ChannelScores(trained.model(), wiring);
            Prompts prompts = Prompts.of(TASK.pairs());
            double[] means = pruner.means();
            double[] mask = new double[wiring.channels];
            Random random = new Random(3);
            Arrays.setAll(mask, i -> random.nextInt(4) > 0 ? 1 : 0);
            int[] rows = IntStream.range(0, prompts.count()).toArray();
            double[] gradient = scores.maskGradient(prompts, rows, mask, means, LINE);
            for (int channel = 3; channel < wiring.channels; channel += 7) {
                double step = 0.02;
                double up = loss(scores, prompts, rows, mask, means, channel, step);
                double down = loss(scores, prompts, rows, mask, means, channel, -step);
                assertThat(gradient[channel])
                        .as(wiring.channel(channel).toString())
                        .isCloseTo((up - down) / (2 * step), within(2e-3 + 0.01 * Math.abs(gradient[channel])));
            }
        }
    }

    private static double loss(
            ChannelScores scores,
            Prompts prompts,
            int[] rows,
            double[] mask,
            double[] means,
            int channel,
            double step) {
        double[] other = mask.clone();
        other[channel] += step;
        return scores.maskedLoss(prompts, rows, other, means, LINE);
    }

    @Test
    void aMaskedLossIsThatOfThePartThatIsOn() {
        try (SparseTransformer trained = HandMade.random(new Extras(0, true, false, List.of(0.0, 0.5)), 2)) {
            CircuitPruner pruner = CircuitPruner.of(trained);
            Wiring wiring = pruner.wiring();
            Part part = Part.all(wiring);
            double[] mask = new double[wiring.channels];
            for (int i = 0; i < mask.length; i++) {
                part.channels()[i] = i % 3 > 0;
                mask[i] = i % 3 > 0 ? 1 : 0;
            }
            Prompts prompts = Prompts.of(TASK.pairs());
            int[] rows = IntStream.range(0, prompts.count()).toArray();
            double got =
                    new ChannelScores(trained.model(), wiring).maskedLoss(prompts, rows, mask, pruner.means(), LINE);
            double[] differences = new PartRun(wiring, part, Absent.constant(pruner.means())).differences(prompts);
            assertThat(got).isCloseTo(LINE.loss(differences), within(1e-4));
        }
    }

    /** First order: the score of a channel is what the loss would change if it moved to its mean, for a small step of the way. */
    @Test
    void attributionIsTheDerivativeOnTheWayToTheMean() {
        try (SparseTransformer trained = HandMade.random(new Extras(0, true, false, List.of()), 4)) {
            CircuitPruner pruner = CircuitPruner.of(trained);
            ChannelScores scores = new ChannelScores(trained.model(), pruner.wiring());
            Prompts prompts = Prompts.of(TASK.pairs());
            double[] ones = new double[pruner.wiring().channels];
            Arrays.fill(ones, 1);
            int[] rows = IntStream.range(0, prompts.count()).toArray();
            double[] derivative = scores.maskGradient(prompts, rows, ones, pruner.means(), Calibration.NONE);
            double[] attribution = scores.attribution(prompts, pruner.means());
            for (int i = 0; i < ones.length; i++) {
                assertThat(attribution[i]).isCloseTo(Math.abs(derivative[i]), within(1e-5));
            }
        }
    }

    @Test
    void theSlopeOfTheStepIsThatOfTheLogisticFunction() {
        for (double tau : new double[] {-1, -0.2, 0, 0.4, 1}) {
            double up = 1 / (1 + Math.exp(-(tau + 1e-5) / 0.3));
            double down = 1 / (1 + Math.exp(-(tau - 1e-5) / 0.3));
            assertThat(ChannelScores.surrogate(tau)).isCloseTo((up - down) / 2e-5, within(1e-6));
        }
    }

    @Test
    void meansAreThoseOfTheTexts() {
        try (SparseTransformer trained = HandMade.random(new Extras(0.5, false, true, List.of()), 5)) {
            Wiring wiring = new Wiring(trained.model());
            List<long[]> texts = HandMade.TEXTS.subList(0, 3);
            double[] sums = new double[wiring.channels];
            PartRun run = new PartRun(wiring, Part.all(wiring), Absent.constant(new double[wiring.channels]));
            for (long[] text : texts) {
                for (double[] at : run.values(Arrays.copyOf(text, 32))) {
                    for (int i = 0; i < sums.length; i++) {
                        sums[i] += at[i] / (3 * 32);
                    }
                }
            }
            assertThat(new ChannelScores(trained.model(), wiring).means(texts)).containsExactly(sums, within(1e-4));
        }
    }
}
