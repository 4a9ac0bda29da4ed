package dev.ariadne.task;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ariadne.model.HookedTransformer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.BiFunction;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the generated prompts are made of, on a model that reads whole words. */
class TasksTest {
    @TempDir
    static Path folder;

    private static HookedTransformer model;

    @BeforeAll
    static void load() throws IOException {
        model = WordModel.load(folder);
    }

    @AfterAll
    static void close() {
        model.close();
    }

    private static List<String> pieces(long[] ids) {
        return model.tokenizer().toStrings(ids);
    }

    private static String piece(long id) {
        return model.tokenizer().toSingleString(id);
    }

    @Test
    void theGiverOfIoiComesTwiceAndTheCorruptedPromptNamesThreeOthers() {
        Task task = Tasks.ioi(model, 40, 1);
        int giverFirst = 0;
        Set<String> openings = new HashSet<>();
        for (int i = 0; i < 40; i++) {
            List<String> clean = pieces(task.clean()[i]);
            List<String> corrupted = pieces(task.corrupted()[i]);
            String getter = piece(task.correct(i, 0)[0]);
            String giver = piece(task.wrong(i, 0)[0]);
            assertThat(clean).hasSize(15);
            assertThat(clean.stream().filter(giver::equals)).hasSize(2);
            assertThat(clean.stream().filter(getter::equals)).hasSize(1);
            assertThat(clean.get(10)).isEqualTo(giver);
            giverFirst += clean.get(1).equals(giver) ? 1 : 0;
            Set<String> others = new HashSet<>();
            for (int pos = 0; pos < 15; pos++) {
                if (pos == 1 || pos == 3 || pos == 10) {
                    others.add(corrupted.get(pos));
                } else {
                    assertThat(corrupted.get(pos)).isEqualTo(clean.get(pos));
                }
            }
            assertThat(others).hasSize(3).doesNotContain(giver, getter);
            openings.add(clean.get(0));
        }
        assertThat(giverFirst).isBetween(10, 30); // 40 fair coins
        assertThat(openings).hasSizeGreaterThan(3); // several templates
    }

    @Test
    void greaterThanTellsTheHundredYearsApart() {
        Task task = Tasks.greaterThan(model, 30, 2);
        for (int i = 0; i < 30; i++) {
            List<String> clean = pieces(task.clean()[i]);
            int year = Integer.parseInt(clean.get(clean.indexOf(" year") + 2));
            assertThat(clean.get(clean.size() - 1)).isEqualTo(clean.get(clean.indexOf(" year") + 1)); // one century
            assertThat(pieces(task.corrupted()[i]).get(clean.indexOf(" year") + 2))
                    .isEqualTo("01");
            assertThat(Arrays.stream(task.correct(i, 0)).mapToObj(TasksTest::piece))
                    .allMatch(later -> Integer.parseInt(later) > year)
                    .hasSize(99 - year);
            assertThat(Arrays.stream(task.wrong(i, 0)).mapToObj(TasksTest::piece))
                    .allMatch(earlier -> Integer.parseInt(earlier) <= year)
                    .hasSize(year + 1);
        }
        assertThat(task.probabilityDifference().metric().unit()).isEqualTo("probability");
        assertThatThrownBy(task::logitDifference)
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("use task.probabilityDifference()");
    }

    @Test
    void docstringAsksForTheArgumentAfterThoseNamed() {
        Task task = Tasks.docstring(model, 10, 3);
        for (int i = 0; i < 10; i++) {
            String text = model.tokenizer().toText(task.clean()[i]);
            String[] arguments = text.substring(text.indexOf("self, ") + 6, text.indexOf(")"))
                    .split(", ", -1);
            assertThat(text)
                    .endsWith(":param")
                    .contains(":param " + arguments[2] + ":", ":param " + arguments[3] + ":");
            assertThat(piece(task.correct(i, 0)[0])).isEqualTo(" " + arguments[4]);
            assertThat(Arrays.stream(task.wrong(i, 0)).mapToObj(TasksTest::piece))
                    .containsExactly(
                            " " + arguments[0],
                            " " + arguments[1],
                            " " + arguments[2],
                            " " + arguments[3],
                            " " + arguments[5]);
            assertThat(model.tokenizer().toText(task.corrupted()[i])).doesNotContain(" " + arguments[4]);
        }
    }

    @Test
    void theOtherLanguageTasksAskForWhatTheirCorruptedPromptsAskForTheOpposite() {
        for (BiFunction<HookedTransformer, Long, Task> maker : List.<BiFunction<HookedTransformer, Long, Task>>of(
                (m, seed) -> Tasks.genderPronoun(m, 20, seed),
                (m, seed) -> Tasks.quoteClosing(m, 20, seed),
                (m, seed) -> Tasks.countryCapital(m, 20, seed))) {
            Task task = maker.apply(model, 4L);
            Set<Long> right = new HashSet<>();
            for (int i = 0; i < 20; i++) {
                long[] clean = task.clean()[i];
                long[] corrupted = task.corrupted()[i];
                long different = IntStream.range(0, clean.length)
                        .filter(pos -> clean[pos] != corrupted[pos])
                        .count();
                assertThat(different).as(task.name()).isEqualTo(1);
                assertThat(task.correct(i, 0)).hasSize(1).isNotEqualTo(task.wrong(i, 0));
                right.add(task.correct(i, 0)[0]);
            }
            assertThat(right).as(task.name()).hasSize(2);
        }
        Task capitals = Tasks.countryCapital(model, 1, 0);
        boolean france = pieces(capitals.clean()[0]).contains(" France");
        assertThat(piece(capitals.correct(0, 0)[0])).isEqualTo(france ? " Paris" : " Tokyo");
    }

    @Test
    void inductionMarksWhatCanBeCopiedInEachPrompt() {
        for (String name : new String[] {"gpt2-tiny", "src/test/resources/tl/attn-only-tiny"}) {
            try (HookedTransformer tiny = HookedTransformer.load(name, "cpu")) {
                Task task = Tasks.induction(tiny, 20, 5);
                int[] where = task.positions();
                for (int i = 0; i < 20; i++) {
                    long[] clean = task.clean()[i];
                    int asked = 0;
                    for (int j = 0; j < where.length; j++) {
                        int pos = where[j];
                        int before = first(clean, clean[pos], pos);
                        long[] correct = task.correct(i, j);
                        boolean copied = before >= 0 && pos + 1 < clean.length && clean[before + 1] == clean[pos + 1];
                        assertThat(correct.length).isEqualTo(copied ? 1 : 0);
                        if (copied) {
                            assertThat(correct[0]).isEqualTo(clean[before + 1]);
                            asked++;
                        }
                    }
                    assertThat(asked).isEqualTo(9);
                    assertThat(Arrays.stream(task.corrupted()[i]).distinct()).hasSize(clean.length);
                }
                assertThat(task.accuracy()).isBetween(0.0, 0.3); // random weights
                assertThat(task.negativeLogProbability().metric().higherIsBetter())
                        .isFalse();
            }
        }
    }

    private static int first(long[] tokens, long token, int before) {
        for (int i = 0; i < before; i++) {
            if (tokens[i] == token) {
                return i;
            }
        }
        return -1;
    }

    @Test
    void theSameSeedGivesTheSamePrompts() {
        Task one = Tasks.ioi(model);
        assertThat(one.clean()).isDeepEqualTo(Tasks.ioi(model, 50, 0).clean());
        assertThat(one.corrupted()).isDeepEqualTo(Tasks.ioi(model, 50, 0).corrupted());
        assertThat(Arrays.deepEquals(one.clean(), Tasks.ioi(model, 50, 1).clean()))
                .isFalse();
        assertThat(one.name()).isEqualTo("ioi (seed 0)");
    }

    @Test
    void aModelThatLacksTheWordsIsRefused() {
        try (HookedTransformer letters = HookedTransformer.load("gpt2-tiny", "cpu")) {
            assertThatThrownBy(() -> Tasks.ioi(letters))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("ioi needs a model with 5 names that are one token each")
                    .hasMessageContaining("' ' + 'M' + 'a' + 'r' + 'y'")
                    .hasMessageContaining("smollm2-135m");
            assertThatThrownBy(() -> Tasks.docstring(letters)).hasMessageContaining("docstring needs");
            assertThatThrownBy(() -> Tasks.genderPronoun(letters)).hasMessageContaining("women's names");
            assertThatThrownBy(() -> Tasks.quoteClosing(letters)).hasMessageContaining("words");
            assertThatThrownBy(() -> Tasks.countryCapital(letters)).hasMessageContaining("countries");
            assertThatThrownBy(() -> Tasks.greaterThan(letters)).hasMessageContaining("events");
            assertThatThrownBy(() -> Tasks.induction(letters, 0, 1)).hasMessageContaining("n = 0");
        }
        assertThatThrownBy(() -> Tasks.ioi(model, 0, 1)).hasMessageContaining("n = 0");
        try (HookedTransformer none = HookedTransformer.load("src/test/resources/tl/attn-only-tiny", "cpu")) {
            assertThatThrownBy(() -> Tasks.ioi(none)).hasMessageContaining("has no tokenizer");
        }
    }
}
