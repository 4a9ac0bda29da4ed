package dev.ariadne.task;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ariadne.model.HookedTransformer;
import dev.ariadne.model.RealModels;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** What a real model of 135 million parameters does; the bounds leave room for other seeds, not for another model. */
@Tag("model")
class RealTasksTest {
    private static HookedTransformer model;

    @BeforeAll
    static void load() {
        model = HookedTransformer.load(RealModels.smolLm2().toString(), "cpu");
    }

    @AfterAll
    static void close() {
        if (model != null) {
            model.close();
        }
    }

    @Test
    void doesMostOfTheLanguageTasks() {
        assertThat(Tasks.ioi(model, 20, 0).accuracy()).as("ioi").isGreaterThan(0.85);
        assertThat(Tasks.countryCapital(model, 20, 0).accuracy()).as("capitals").isGreaterThan(0.9);
        assertThat(Tasks.genderPronoun(model, 20, 0).accuracy()).as("pronouns").isGreaterThan(0.85);
        assertThat(Tasks.quoteClosing(model, 20, 0).accuracy()).as("quotes").isGreaterThan(0.9);
    }

    @Test
    void readsYearsDigitByDigit() {
        Task task = Tasks.greaterThan(model, 20, 0);
        assertThat(task.accuracy()).isGreaterThan(0.9);
        for (int i = 0; i < 20; i++) {
            String text = model.tokenizer().toText(task.clean()[i]);
            int tens = text.charAt(text.indexOf(" and ended") - 2) - '0';
            assertThat(task.correct(i, 0)).hasSize(9 - tens);
            assertThat(task.wrong(i, 0)).hasSize(tens);
        }
    }

    @Test
    void corruptedPromptsDoNotAskForTheAnswer() {
        Task task = Tasks.countryCapital(model, 20, 0);
        long[][] right = new long[20][];
        long[][] wrong = new long[20][];
        for (int i = 0; i < 20; i++) {
            right[i] = task.correct(i, 0);
            wrong[i] = task.wrong(i, 0);
        }
        long[][] asked = task.corrupted();
        Task turned = Task.of(model, "turned", asked, asked, Metric.kl()).answering(right, wrong);
        assertThat(turned.accuracy()).isLessThan(0.1);
    }
}
