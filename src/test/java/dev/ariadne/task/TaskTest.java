package dev.ariadne.task;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.ariadne.display.Display;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.model.Logits;
import dev.ariadne.view.View;
import java.util.Arrays;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class TaskTest {
    private static final long[][] CLEAN = {{41, 42, 43}, {44, 45, 46}, {47, 48, 49}, {50, 51, 52}};
    private static final long[][] CORRUPTED = {{53, 42, 43}, {53, 45, 46}, {53, 48, 49}, {53, 51, 52}};

    private static HookedTransformer model;

    @BeforeAll
    static void load() {
        model = HookedTransformer.load("gpt2-tiny", "cpu");
    }

    @AfterAll
    static void close() {
        model.close();
    }

    private static Task task() {
        return Task.of(model, "letters", CLEAN, CORRUPTED, Metric.kl());
    }

    /** The best and the worst token after each prompt, by the logits themselves. */
    private static long[][] extremes() {
        long[][] both = new long[2][CLEAN.length];
        for (int i = 0; i < CLEAN.length; i++) {
            try (Logits logits = model.next(new long[][] {CLEAN[i]})) {
                float[] row = logits.array().toFloatArray();
                for (int id = 1; id < row.length; id++) {
                    both[0][i] = row[id] > row[(int) both[0][i]] ? id : both[0][i];
                    both[1][i] = row[id] < row[(int) both[1][i]] ? id : both[1][i];
                }
            }
        }
        return both;
    }

    @Test
    void countsThePromptsWhoseRightAnswerComesFirst() {
        long[] best = extremes()[0];
        long[] worst = extremes()[1];
        assertThat(task().answering(best, worst).accuracy()).isEqualTo(1);
        assertThat(task().answering(worst, best).accuracy()).isZero();
        long[] mixed = {best[0], best[1], best[2], worst[3]};
        long[] others = {worst[0], worst[1], worst[2], best[3]};
        assertThat(task().answering(mixed, others).accuracy()).isEqualTo(0.75);
        // without wrong answers, every other token is one
        long[][] none = new long[4][0];
        assertThat(task().answering(AnswerIds.columns(mixed), none).accuracy()).isEqualTo(0.75);
        assertThat(task().answering(AnswerIds.columns(worst), none).accuracy()).isZero();
        // of a set, the best counts
        long[][] pair = {{worst[0], best[0]}, {best[1]}, {best[2]}, {best[3]}};
        assertThat(task().answering(pair, none).accuracy()).isEqualTo(1);
    }

    @Test
    void readsAnswersAtThePositionsOfTheTask() {
        long[][] next = new long[4][2];
        try (Logits logits = model.run(CLEAN)) {
            long[] top = logits.array().argMax(2).toLongArray();
            for (int i = 0; i < 4; i++) {
                next[i] = new long[] {top[3 * i + 1], i == 2 ? HookedTransformer.PADDING : (top[3 * i + 2] + 1) % 96};
            }
        }
        Task asked = task().at(1, 2).answering(next);
        assertThat(asked.accuracy()).isCloseTo(4.0 / 7, within(1e-12)); // seven are asked, the first ones are right
        assertThat(asked.kl().metric()).isNotEqualTo(Metric.kl()); // masked
        assertThat(Display.text(asked)).contains("1 of 2", "✓");
        assertThatThrownBy(asked::logitDifference).hasMessageContaining("asks at 2");
        assertThatThrownBy(() -> asked.at(2)).hasMessageContaining("answers for 2 positions");
    }

    @Test
    void refusesAnswersThatTellNothingApart() {
        assertThatThrownBy(() -> task().answering(new long[] {5}, new long[] {5}))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("prompt 0: the token 5 is both a right and a wrong answer");
        assertThatThrownBy(() -> task().answering(new long[][] {{1, 2}}, new long[][] {{3, 2}}))
                .hasMessageContaining("the token 2 is both");
        for (long[][] nothing : new long[][][] {{{}}, {{HookedTransformer.PADDING}}, {}}) {
            assertThatThrownBy(() -> task().answering(nothing))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("ask for no token at all");
        }
        assertThatThrownBy(() -> task().at(1, 2).answering(new long[][] {{1, 2}, {1}, {1, 2}, {1, 2}}))
                .hasMessageContaining("prompt 0 has 2, prompt 1 has 1");
    }

    @Test
    void canBeMeasuredInAnyWayItsAnswersAllow() {
        long[] best = extremes()[0];
        long[] worst = extremes()[1];
        Task task = task().answering(best, worst);
        try (Logits logits = model.next(CLEAN)) {
            assertThat(task.logitDifference().metric().apply(logits.array()).getFloat())
                    .isEqualTo(Metric.logitDifference(best, worst)
                            .apply(logits.array())
                            .getFloat());
            assertThat(task.logProbability().metric().apply(logits.array()).getFloat())
                    .isEqualTo(-task.negativeLogProbability()
                            .metric()
                            .apply(logits.array())
                            .getFloat())
                    .isNegative();
            assertThat(task.probabilityDifference()
                            .metric()
                            .apply(logits.array())
                            .getFloat())
                    .isPositive();
        }
        assertThat(task.logitDifference().kl().metric()).isEqualTo(Metric.kl());
        assertThat(task.logitDifference().accuracy()).isEqualTo(1); // answers stay
        Task told = Task.of(model, "told", CLEAN, CORRUPTED, Metric.logitDifference(best, worst));
        assertThat(told.accuracy()).isEqualTo(1); // the metric tells right from wrong
        assertThat(told.probabilityDifference().accuracy()).isEqualTo(1);
    }

    @Test
    void showsWhatTheModelDoesAndWarnsWhenItDoesNot() {
        long[] best = extremes()[0];
        long[] worst = extremes()[1];
        View good = task().answering(best, worst).view();
        assertThat(good).isInstanceOf(View.Table.class);
        View.Table table = (View.Table) good;
        assertThat(table.title()).contains("letters: 4 prompts of 3 tokens", "KL divergence", "right on 100.0 %");
        assertThat(table.rows().get(0))
                .containsExactly(
                        model.tokenizer().toText(CLEAN[0]),
                        model.tokenizer().toText(CORRUPTED[0]),
                        model.tokenizer().toText(best[0]).strip(),
                        model.tokenizer().toText(worst[0]).strip(),
                        model.tokenizer().toText(best[0]),
                        "✓");
        assertThat(Display.text(task().answering(worst, best)))
                .contains(
                        "⚠ right on 0.0 % only, less than 75 %: the model does not do this; there is no circuit to find")
                .contains("✗");
        assertThat(Display.text(task())).contains("no answers are kept", "task.answering(correct, wrong)");
        assertThatThrownBy(() -> task().accuracy()).hasMessageContaining("'letters' keeps no answers");
    }

    @Test
    void longTablesAreCut() {
        long[][] many = new long[50][];
        Arrays.fill(many, CLEAN[0]);
        View.Table table = (View.Table) Task.of(model, "many", many, many, Metric.kl())
                .answering(new long[] {extremes()[0][0]}, new long[] {extremes()[1][0]})
                .view();
        assertThat(table.rows()).hasSize(9);
        assertThat(table.rows().get(8).get(0)).isEqualTo("… and 42 more");
    }

    @Test
    void refusesPromptsThatDoNotFitTogether() {
        assertThatThrownBy(() -> Task.of(model, "x", CLEAN, new long[][] {{1, 2, 3}}, Metric.kl()))
                .hasMessageContaining("got 4 clean and 1 corrupted");
        assertThatThrownBy(() -> Task.of(model, "x", new long[0][], new long[0][], Metric.kl()))
                .hasMessageContaining("at least one");
        assertThatThrownBy(() -> Task.of(model, "x", new long[][] {{1, 2}}, new long[][] {{1, 2, 3}}, Metric.kl()))
                .hasMessageContaining("the first clean one has 2, corrupted prompt 0 has 3");
        assertThatThrownBy(() -> Task.of(
                        model, "x", new long[][] {{HookedTransformer.PADDING, 2}}, new long[][] {{1, 2}}, Metric.kl()))
                .hasMessageContaining("without padding, but clean prompt 0 is [-1, 2]");
        assertThatThrownBy(() -> task().at(3)).hasMessageContaining("from 0 to 2, got [3]");
        assertThatThrownBy(() -> task().at(1, 1)).hasMessageContaining("must rise");
        assertThatThrownBy(() -> task().at()).hasMessageContaining("got none");
    }

    @Test
    void refusesAnswersThatDoNotFit() {
        assertThatThrownBy(() -> task().answering(new long[] {1}, new long[] {96}))
                .hasMessageContaining("vocabulary's size 96, got 96");
        assertThatThrownBy(() -> task().answering(new long[] {-2}, new long[] {1}))
                .hasMessageContaining("got -2");
        assertThatThrownBy(() -> task().answering(new long[] {1, 2}, new long[] {3, 4}))
                .hasMessageContaining("answers for 2 prompts, the task has 4");
        assertThatThrownBy(() -> task().answering(new long[] {1, 2}, new long[] {3}))
                .hasMessageContaining("got 1 for 2");
        assertThatThrownBy(() -> task().answering(new long[][] {{}}, new long[][] {{3}}))
                .hasMessageContaining("prompt 0 has no right answer");
        assertThatThrownBy(() -> task().answering(new long[][] {{1, 2}}))
                .hasMessageContaining("answers for 2 positions, but would be read at 1");
        assertThatThrownBy(() ->
                        Task.of(model, "x", CLEAN, CORRUPTED, Metric.logitDifference(new long[] {200}, new long[] {1})))
                .hasMessageContaining("vocabulary's size 96, got 200");
    }
}
