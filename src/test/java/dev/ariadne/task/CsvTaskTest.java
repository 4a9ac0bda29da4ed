package dev.ariadne.task;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ariadne.model.HookedTransformer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CsvTaskTest {
    @TempDir
    Path folder;

    private HookedTransformer model;

    @BeforeEach
    void load() {
        model = HookedTransformer.load("gpt2-tiny", "cpu"); // one token per character
    }

    @AfterEach
    void close() {
        model.close();
    }

    private Path csv(String text) throws IOException {
        return Files.writeString(folder.resolve("mine.csv"), text);
    }

    private void assertRefused(String text, String... parts) throws IOException {
        Path file = csv(text);
        assertThatThrownBy(() -> Tasks.of(model, file))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("mine.csv")
                .hasMessageContainingAll(parts);
    }

    @Test
    void refusesARowWhoseAnswerIsAlsoTheWrongOne() throws IOException {
        assertRefused(
                "clean,corrupted,answer,wrong\nabcab,abdab,c,d\nabcab,abdab,c,c\n",
                "line 3: 'c': the token ",
                "both a right and a wrong answer");
    }

    @Test
    void readsPromptsAndAnswersAsTheyStand() throws IOException {
        Task task = Tasks.of(
                model,
                csv("note,wrong,clean,corrupted,answer\n"
                        + "x,b,\"one, two \",\"two, one \",a\n"
                        + "\n"
                        + "y, ,#say \"\"so,#say \"\"no,\"\"\"\"\n"));
        assertThat(task.name()).isEqualTo("mine.csv");
        assertThat(model.tokenizer().toText(task.clean()[0])).isEqualTo("one, two ");
        assertThat(model.tokenizer().toText(task.corrupted()[0])).isEqualTo("two, one ");
        assertThat(model.tokenizer().toText(task.clean()[1])).startsWith("#say");
        assertThat(task.correct(0, 0)).containsExactly(model.tokenizer().toSingleToken("a"));
        assertThat(task.wrong(1, 0)).containsExactly(model.tokenizer().toSingleToken(" ")); // not trimmed
        assertThat(task.logitDifference().metric().unit()).isEqualTo("logits");
        assertThat(task.accuracy()).isBetween(0.0, 1.0);
    }

    @Test
    void saysWhichLineDoesNotFit() throws IOException {
        String heading = "clean,corrupted,answer,wrong\n";
        assertRefused("clean,corrupted,answer\nab,cd,e\n", "line 1", "no column 'wrong'", "[clean, corrupted, answer]");
        assertRefused("", "line 1", "no column 'clean'");
        assertRefused(heading, "no prompts below its heading");
        assertRefused(heading + "ab,cd,e,f\nab,cd,e\n", "line 3", "no wrong among [ab, cd, e]");
        assertRefused(heading + "ab,cd,e,f\nab,,e,f\n", "line 3", "no corrupted");
        assertRefused(
                heading + "ab,cd,e,f\n\n\nabc,cd,e,f\n", "line 5", "'abc' has 3 tokens [a, b, c]", "(line 2) has 2");
        assertRefused(heading + "ab,cd,e,f\nab,cdx,e,f\n", "line 3", "'cdx' has 3 tokens");
        assertRefused(
                heading + "\"a\nb\",cde,e,f\nabc,cde,no,f\n", "line 4", "'no' must be exactly one token", "'n' (");
    }

    @Test
    void saysThatTheFileIsMissing() {
        assertThatThrownBy(() -> Tasks.of(model, folder.resolve("none.csv")))
                .isInstanceOf(UncheckedIOException.class)
                .hasMessageContaining("none.csv");
    }
}
