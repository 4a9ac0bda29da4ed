package dev.ariadne.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.ariadne.discovery.HeadDetector;
import dev.ariadne.discovery.HeadScores;
import dev.ariadne.model.Hook;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.model.Logits;
import dev.ariadne.model.ModelConfig;
import dev.ariadne.model.ModelConfig.Positions;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the model that ships has learned is found in it, not assumed. */
class InductionModelTest {
    private static final HookedTransformer model = HookedTransformer.load("induction-2l", "cpu");

    @AfterAll
    static void close() {
        model.close();
    }

    @Test
    void itsFirstBlockLooksOneBackAndItsSecondAtWhatFollowed() {
        HeadDetector detector = HeadDetector.repeatedTokens(model);
        HeadScores previous = detector.previousToken();
        HeadScores induction = detector.induction();
        assertThat(previous.top(1).get(0).layer()).isZero();
        assertThat(previous.top(1).get(0).value()).isGreaterThan(0.5);
        assertThat(induction.top(1).get(0).layer()).isEqualTo(1);
        assertThat(induction.top(1).get(0).value()).isGreaterThan(0.7);
        for (int head = 0; head < 8; head++) {
            assertThat(induction.value(0, head)).isLessThan(0.1); // one block alone cannot
        }
    }

    @Test
    void itKnowsTheSecondHalfOfWhatIsRepeated() {
        double[] halves = halves();
        assertThat(halves[0]).isGreaterThan(Math.log(95)); // nobody can foresee random tokens
        assertThat(halves[1]).isLessThan(0.5);
    }

    /** Without the second block's attention, or with the first's alone missing, the repeat is not seen. */
    @Test
    void bothBlocksAreNeededForThat() {
        for (int layer = 0; layer < 2; layer++) {
            assertThat(halves(Hook.at("blocks." + layer + ".hook_attn_out", x -> x.mul(0)))[1])
                    .isGreaterThan(2.5);
        }
    }

    /** The mean loss in nats of the first half and of the second, but for its first token, of 30 random tokens twice. */
    private static double[] halves(Hook... hooks) {
        long[][] tokens = HeadDetector.repeatedTokens(model, 30, 32, 11).tokens();
        double[] halves = new double[2];
        try (Logits logits = model.run(tokens, hooks)) {
            for (double[] row : logits.lossPerToken().values()) { // [60]: token 1 of the text first
                halves[0] += Arrays.stream(row, 0, 30).average().orElseThrow() / tokens.length;
                halves[1] += Arrays.stream(row, 31, 60).average().orElseThrow() / tokens.length;
            }
        }
        return halves;
    }

    /** Text of its chain, without a copied passage, drawn anew: it cannot do better than the chain's entropy. */
    @Test
    void itIsALanguageModelToo() {
        InductionText language = new InductionText(96, 64, 16, 0);
        Random random = new Random(77);
        long[][] texts = new long[64][];
        for (int i = 0; i < texts.length; i++) {
            texts[i] = language.chain(random, 0);
        }
        double sum = 0;
        try (Logits logits = model.run(texts)) {
            for (double[] row : logits.lossPerToken().values()) {
                sum += Arrays.stream(row, 1, row.length).average().orElseThrow();
            }
        }
        assertThat(sum / texts.length).isBetween(InductionText.entropy() - 0.05, InductionText.entropy() + 0.3);
    }

    @Test
    void itReadsAndContinuesText() {
        assertThat(model.toTokens("aQ")[0]).containsExactly(0, 66, 50);
        assertThat(model.generate("k9;Rw)Zpk9;R").rows().get(0).text()).startsWith("w)Zp");
    }

    /** The program that made it, in small: a model that loads by folder, with its tokenizer, and nothing of the training. */
    @Test
    void theProgramLeavesAWholeModel(@TempDir Path folder) throws Exception {
        ModelConfig config = ModelConfig.builder()
                .nLayers(1)
                .dModel(16)
                .heads(2, 8)
                .attnOnly(true)
                .dVocab(96)
                .nCtx(24)
                .positions(Positions.SHORTFORMER)
                .build();
        Training training = InductionModel.train(config, 120, folder);
        assertThat(training.losses()[0]).isCloseTo(Math.log(96), within(0.6));
        assertThat(training.recentLoss(10)).isLessThan(training.losses()[0]);
        try (HookedTransformer made = HookedTransformer.load(folder)) {
            assertThat(made.next("abc").array().getShape().getShape()).containsExactly(1, 1, 96);
        }
        assertThat(Files.size(folder.resolve("weights.safetensors"))).isLessThan(40_000);
    }

    /** The texts are what they are said to be. */
    @Test
    void halfOfTheTextsRepeatAPassage() {
        for (Example example : new InductionText(96, 64, 16, 3).batch(5)) {
            assertThat(example.length()).isEqualTo(64);
            assertThat(example.tokens()[0]).isZero();
            assertThat(Arrays.stream(example.tokens()).skip(1)).allMatch(id -> id >= 1 && id < 96);
        }
        long[] repeated = new InductionText(96, 64, 16, 3).batch(5).get(0).tokens();
        assertThat(period(repeated)).isBetween(5, 31);
        long[] other = new InductionText(96, 64, 16, 3).batch(6).get(0).tokens();
        assertThat(other).isNotEqualTo(repeated);
        assertThat(new InductionText(96, 64, 16, 3).batch(5).get(0).tokens()).isEqualTo(repeated);
    }

    private static int period(long... tokens) {
        for (int period = 1; period < tokens.length; period++) {
            if (Arrays.equals(tokens, 1, tokens.length - period, tokens, 1 + period, tokens.length)) {
                return period;
            }
        }
        return tokens.length;
    }
}
