package dev.ariadne.model;

import static dev.ariadne.model.HookedTransformer.PADDING;
import static dev.ariadne.model.TestModels.RESOURCES;
import static dev.ariadne.model.TestModels.TOKENS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import dev.ariadne.model.Logits.Prediction;
import dev.ariadne.view.View;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

class LossTest {
    private static final HookedTransformer model = TestModels.gpt2();

    @AfterAll
    static void close() {
        model.close();
    }

    /** −log softmax in double, token by token. */
    private static double slow(NDArray logits, int prompt, int pos, long target) {
        double sum = 0;
        for (int id = 0; id < 96; id++) {
            sum += Math.exp(logits.getFloat(prompt, pos, id));
        }
        return Math.log(sum) - logits.getFloat(prompt, pos, target);
    }

    @Test
    void isTheMeanSurpriseAboutTheNextToken() {
        try (Logits logits = model.run(TOKENS)) {
            double[][] losses = logits.lossPerToken().values();
            double sum = 0;
            int first = 0;
            for (int prompt = 0; prompt < 2; prompt++) {
                assertThat(losses[prompt]).hasSize(4);
                for (int pos = 0; pos < 4; pos++) {
                    double expected = slow(logits.array(), prompt, pos, TOKENS[prompt][pos + 1]);
                    assertThat(losses[prompt][pos]).isCloseTo(expected, within(1e-5));
                    sum += expected;
                    first += logits.array().get(prompt, pos).argMax().getLong() == TOKENS[prompt][pos + 1] ? 1 : 0;
                }
            }
            assertThat(logits.loss()).isCloseTo(sum / 8, within(1e-5));
            assertThat(logits.accuracy()).isCloseTo(first / 8.0, within(1e-12));
            assertThat(model.loss(TOKENS)).isEqualTo(logits.loss());
        }
    }

    @Test
    void aTextThatTheModelWroteIsPredicted() {
        long[] tokens = {5, 9, 3, 7, 30, 0};
        try (Logits next = model.next(new long[][] {Arrays.copyOf(tokens, 5)})) {
            tokens[5] = next.top(1).get(0).id();
        }
        try (Logits logits = model.run(new long[][] {tokens})) {
            assertThat(logits.accuracy()).isGreaterThanOrEqualTo(0.2); // the last of five, at least
        }
    }

    @Test
    void paddingHasNoLoss() {
        long[][] padded = {{PADDING, PADDING, 5, 9, 3}, TOKENS[0]};
        long[][] alone = {{5, 9, 3}};
        try (Logits batch = model.run(padded);
                Logits one = model.run(alone);
                Logits full = model.run(new long[][] {TOKENS[0]})) {
            LossPerToken losses = batch.lossPerToken();
            assertThat(losses.values()[0]).startsWith(Double.NaN, Double.NaN);
            assertThat(Arrays.copyOfRange(losses.values()[0], 2, 4))
                    .containsExactly(one.lossPerToken().values()[0], within(1e-5));
            assertThat(losses.mean()).isCloseTo((one.loss() * 2 + full.loss() * 4) / 6, within(1e-5));
            assertThat(losses.view()).isInstanceOf(View.Panels.class);
        }
    }

    @Test
    void isShownOnTheText() {
        try (Logits logits = model.run("Dallas is in")) {
            LossPerToken losses = logits.lossPerToken();
            assertThat(losses.view()).isInstanceOfSatisfying(View.Tokens.class, strip -> {
                assertThat(String.join("", strip.tokens())).isEqualTo("Dallas is in");
                assertThat(strip.values()[0]).isNaN();
                assertThat(strip.values()[3]).isEqualTo(losses.values()[0][2]);
                assertThat(strip.title()).contains("mean");
            });
            assertThat(model.loss("Dallas is in")).isEqualTo(losses.mean());
            assertThat(losses).isEqualTo(logits.lossPerToken()).hasSameHashCodeAs(logits.lossPerToken());
            assertThat(losses.toString()).startsWith("LossPerToken of 1 prompts, mean ");
        }
        assertThatThrownBy(() -> new LossPerToken(List.of(List.of("a", "b")), new double[][] {{1, 2}}))
                .hasMessageContaining("row 0 differs");
    }

    @Test
    void saysWhenThereIsNone() {
        try (Logits next = model.next("Dallas is in");
                Logits one = model.run(new long[][] {{5}});
                ActivationCache cache = model.runWithCache(TOKENS, "resid_pre");
                Logits middle = model.runFrom(cache.get("resid_pre", 1).array(), 1, false)) {
            assertThatThrownBy(next::loss)
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("of the last position; use model.run(prompt)");
            assertThatThrownBy(one::accuracy).hasMessageContaining("at least two tokens");
            assertThatThrownBy(middle::lossPerToken).hasMessageContaining("of a run from the middle");
        }
        try (HookedTransformer program = HookedTransformer.load(
                        RESOURCES.resolve("tracr/tracr-xproportion").toString(), "cpu");
                Logits logits = program.run(new long[][] {{0, 1, 2}})) {
            assertThatThrownBy(logits::loss).hasMessageContaining("reads 6 tokens and predicts 4 others");
        }
    }

    @Test
    void testsAPromptTokenByToken() {
        PromptTest test = model.testPrompt("Dallas is", "in");
        assertThat(String.join("", test.prompt())).isEqualTo("Dallas is");
        assertThat(test.steps()).hasSize(3); // " ", "i", "n": this model reads letters
        assertThat(test.ranks()).hasSize(3);
        String before = "Dallas is";
        for (PromptTest.Step step : test.steps()) {
            Prediction answer = step.answers().get(0);
            try (Logits next = model.next(before)) {
                Prediction expected = next.of(answer.token());
                assertThat(answer.rank()).isEqualTo(expected.rank());
                assertThat(answer.probability()).isCloseTo(expected.probability(), within(1e-5));
                assertThat(step.top())
                        .extracting(Prediction::id)
                        .isEqualTo(next.top(10).stream().map(Prediction::id).toList());
            }
            before += answer.token();
        }
        assertThat(before).isEqualTo("Dallas is in");
        assertThat(test.view())
                .isInstanceOfSatisfying(
                        View.Panels.class,
                        panels -> assertThat(panels.panels())
                                .hasSize(3)
                                .allSatisfy(panel -> assertThat(((View.Bars) panel).bars())
                                        .anyMatch(bar -> bar.notes().get(2).equals("answer"))));
        assertThat(test.toString().lines()).hasSize(3).allMatch(line -> line.contains(" rank "));
    }

    @Test
    void comparesAnswersByTheirFirstTokens() {
        PromptTest test = model.testPrompt("Dallas is", List.of("in", "no"), false);
        assertThat(test.steps()).hasSize(1);
        assertThat(test.steps().get(0).answers()).extracting(Prediction::token).containsExactly("i", "n");
        assertThat(test.view()).isInstanceOf(View.Bars.class);
        assertThat(model.testPrompt("Dallas is", List.of("in", "no"))
                        .steps()
                        .get(0)
                        .answers())
                .extracting(Prediction::token)
                .containsExactly(" ", " ");
        assertThatThrownBy(() -> model.testPrompt("Dallas", List.of())).hasMessageContaining("no answers");
        assertThatThrownBy(() -> model.testPrompt("Dallas", List.of(""), false))
                .hasMessageContaining("the answer '' is no token");
    }
}
