package dev.ariadne.sparse;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ariadne.model.Tokenizer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The language against a grammar written anew, as a pattern for each line. */
class MiniPythonTest {
    private static final String NAME = "(?:current|total|seen|queue|names|items)";
    private static final String WORD = "(?:hello|world|error|done|file|not|found|value|ok|the)";
    private static final String WORDS = WORD + "(?: " + WORD + "){0,4}";
    private static final String DIGITS = "\\d(?: , \\d){0,2}";
    private static final Pattern LINE = Pattern.compile(String.join(
            "|",
            "(?:print|log) \\(' " + WORDS + " '\\)",
            "(?:print|log) \\(\" " + WORDS + " \"\\)",
            NAME + " = (?:set\\(\\)|\"\"|\\d)",
            NAME + " (?:\\.add\\( " + WORD + " \\)|\\+= " + WORD + ")",
            NAME + " = \\[ " + DIGITS + " \\]",
            NAME + " = \\[ \\[ " + DIGITS + "(?: \\], \\[ " + DIGITS + ")? \\]\\]",
            "for " + NAME + " in " + NAME + " :",
            "while True :",
            "if " + NAME + " == \\d :",
            "return (?:True|False)"));

    @Test
    void hasFiftyFourWords() {
        assertThat(MiniPython.vocabulary()).hasSize(54).doesNotHaveDuplicates();
        assertThat(MiniPython.text(MiniPython.ids("<bos>  x".replace("x", "items") + " = 7")))
                .isEqualTo("<bos> items = 7");
        assertThat(MiniPython.vocabulary().get((int) MiniPython.id("]]"))).isEqualTo("]]");
        assertThatThrownBy(() -> MiniPython.ids("x = 3"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("'x'")
                .hasMessageContaining("current");
    }

    @Test
    void everyLineOfADocumentFollowsTheGrammarAndAnsweringsAgreeWithTypes() {
        List<long[]> rows = MiniPython.corpus(600, 3);
        assertThat(rows).hasSize(600).allMatch(row -> row.length == 33);
        String all = rows.stream().map(MiniPython::text).collect(Collectors.joining(" "));
        String[] documents = all.split("<bos> ", -1);
        assertThat(documents.length).isGreaterThan(400);
        int uses = 0;
        for (String document : Arrays.asList(documents).subList(1, documents.length - 1)) { // the last one may be cut
            Map<String, String> types = new LinkedHashMap<>();
            for (String line : document.trim().split(" NL ?", -1)) {
                if (line.isEmpty()) {
                    continue; // behind the last NL
                }
                assertThat(line).matches(LINE);
                Matcher initial =
                        Pattern.compile("(" + NAME + ") = (set\\(\\)|\"\")").matcher(line);
                if (initial.matches()) {
                    types.put(initial.group(1), initial.group(2));
                }
                Matcher use =
                        Pattern.compile("(" + NAME + ") (\\.add\\(|\\+=) .*").matcher(line);
                if (use.matches()) {
                    assertThat(use.group(2)).isEqualTo("\"\"".equals(types.get(use.group(1))) ? "+=" : ".add(");
                    uses++;
                }
            }
        }
        assertThat(uses).isGreaterThan(400);
    }

    @Test
    void theSeedDecides() {
        assertThat(MiniPython.corpus(20, 1)).usingRecursiveComparison().isEqualTo(MiniPython.corpus(20, 1));
        assertThat(MiniPython.corpus(20, 2)).usingRecursiveComparison().isNotEqualTo(MiniPython.corpus(20, 1));
        assertThat(MiniPython.task("set_or_string", 9, 1)).isEqualTo(MiniPython.task("set_or_string", 9, 1));
    }

    static List<String> tasks() {
        return MiniPython.tasks();
    }

    @ParameterizedTest
    @MethodSource("tasks")
    void pairsAreBeginningsOfDocumentsThatDifferInOneWord(String name) {
        PairTask task = MiniPython.task(name, 48, 5);
        assertThat(task.pairs()).hasSize(48);
        assertThat(task.unseen()).hasSize(48);
        assertThat(task.seenBefore()).isZero();
        assertThat(new HashSet<>(task.pairs())).hasSize(48);
        for (Pair pair : task.pairs()) {
            assertThat(pair.length()).isLessThanOrEqualTo(32);
            String first = MiniPython.text(pair.first());
            String second = MiniPython.text(pair.second());
            boolean brackets = name.equals("bracket_counting");
            if (brackets) {
                assertThat(second).isEqualTo(first.replace("= [", "= [ ["));
            } else {
                assertThat(pair.first().length).isEqualTo(pair.second().length);
                int differ = 0;
                for (int i = 0; i < pair.first().length; i++) {
                    differ += pair.first()[i] == pair.second()[i] ? 0 : 1;
                }
                assertThat(differ).isEqualTo(1);
            }
            assertThat(completes(first, pair.firstAnswer())).as(first).isTrue();
            assertThat(completes(second, pair.secondAnswer())).as(second).isTrue();
        }
    }

    /** Whether the prompt and its answer can be continued to a document. */
    private static boolean completes(String prompt, long answer) {
        String text = (prompt + " " + MiniPython.vocabulary().get((int) answer)).replace("<bos> ", "");
        List<String> endings = List.of("", " hello", " items :", " 3 :", " :");
        return endings.stream()
                .anyMatch(end -> Arrays.stream((text + end).split(" NL ?"))
                        .allMatch(line -> LINE.matcher(line.trim()).matches()
                                || LINE.matcher(line.trim() + " )").matches()));
    }

    @Test
    void nonsenseKeepsThePromptsAndChangesTheAnswers() {
        PairTask task = MiniPython.task("single_double_quote", 4, 0);
        PairTask nonsense = task.nonsense(MiniPython.id(".add("), MiniPython.id("+="));
        assertThat(nonsense.pairs().get(1).first())
                .isEqualTo(task.pairs().get(1).first());
        Set<Long> answers = nonsense.unseen().stream().map(Pair::firstAnswer).collect(Collectors.toSet());
        assertThat(answers).containsExactly(MiniPython.id(".add("));
    }

    @Test
    void whatCannotBeATaskIsRefused() {
        long[] prompt = {0, 5};
        assertThatThrownBy(() -> new Pair(prompt, new long[] {0, 6}, 7, 7)).hasMessageContaining("got 7 twice");
        assertThatThrownBy(() -> new Pair(prompt, prompt, 7, 8)).hasMessageContaining("prompts of a pair must differ");
        assertThatThrownBy(() -> new Pair(prompt, new long[0], 7, 8)).hasMessageContaining("2 and 0");
        assertThatThrownBy(() -> new PairTask("mine", List.of(), List.of())).hasMessageContaining("'mine'");
        assertThatThrownBy(() -> MiniPython.task("quotes", 4, 0)).hasMessageContaining("single_double_quote");
        assertThatThrownBy(() -> MiniPython.task("set_or_string_two", 8000, 0)).hasMessageContaining("ask for fewer");
        Pair pair = new Pair(prompt, new long[] {0, 6}, 7, 8);
        assertThat(new PairTask("mine", List.of(pair), List.of(pair, pair)).seenBefore())
                .isEqualTo(2);
    }

    @Test
    void aTokenizerReadsTextsAsTheLanguageDoes(@TempDir Path folder) throws IOException {
        MiniPython.writeTokenizer(folder);
        Tokenizer tokenizer = Tokenizer.of(folder);
        String text = "x = [ [ 1 , 2 ], [ 3 ]] NL print (\" hello world \") NL y .add( ok )"
                .replace("x", "seen")
                .replace("y", "queue");
        assertThat(tokenizer.toTokens(text)).isEqualTo(MiniPython.ids("<bos> " + text));
        assertThat(tokenizer.toSingleToken("]]")).isEqualTo(MiniPython.id("]]"));
    }
}
