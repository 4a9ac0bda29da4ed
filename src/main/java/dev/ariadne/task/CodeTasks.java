package dev.ariadne.task;

import dev.ariadne.model.HookedTransformer;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/** Tasks about program text. */
final class CodeTasks {
    private static final List<String> WORDS = Prompts.words(
            "size name value index color path file data key time type text image user code state table page order group line"
                    + " level price count weight score model frame source target view event result report memory node port width"
                    + " date mode title label list row step limit note version");
    private static final int ARGUMENTS = 6;
    private static final int ASKED = 4; // the fifth; the two before it are named in the text
    private static final String DOCSTRING = "def %s(self, %s, %s, %s, %s, %s, %s):\n    \"\"\"%s %s %s\n\n"
            + "    :param %s: %s %s\n    :param %s: %s %s\n    :param";

    private CodeTasks() {}

    static Task docstring(HookedTransformer model, int n, long seed) {
        Prompts prompts = new Prompts(model, "docstring", n, seed);
        List<String> words = prompts.singles("words", 2 * ARGUMENTS + 10, " ", WORDS);
        while (prompts.wantsMore()) {
            List<String> drawn = prompts.draw(words, 2 * ARGUMENTS + 10);
            List<String> arguments = drawn.subList(0, ARGUMENTS);
            List<String> others = drawn.subList(ARGUMENTS, 2 * ARGUMENTS); // what the corrupted function takes
            List<String> rest = drawn.subList(2 * ARGUMENTS, drawn.size());
            long[] wrong = IntStream.range(0, ARGUMENTS)
                    .filter(i -> i != ASKED)
                    .mapToLong(i -> prompts.single(" " + arguments.get(i)))
                    .toArray();
            prompts.add(
                    function(arguments, arguments.subList(ASKED - 2, ASKED), rest),
                    function(others, rest.subList(8, 10), rest), // its text names what it does not take
                    new long[] {prompts.single(" " + arguments.get(ASKED))},
                    wrong);
        }
        return prompts.task();
    }

    private static String function(List<String> arguments, List<String> named, List<String> rest) {
        List<String> parts = new ArrayList<>(List.of(rest.get(0)));
        parts.addAll(arguments);
        parts.addAll(rest.subList(1, 4));
        for (int i = 0; i < 2; i++) {
            parts.add(named.get(i));
            parts.addAll(rest.subList(4 + 2 * i, 6 + 2 * i));
        }
        return DOCSTRING.formatted(parts.toArray());
    }

    static Task quoteClosing(HookedTransformer model, int n, long seed) {
        Prompts prompts = new Prompts(model, "quote closing", n, seed);
        List<String> first = prompts.singles("words", 2, "", WORDS);
        List<String> second = prompts.singles("words", 2, " ", WORDS);
        long[] twice = {prompts.single("\"")};
        long[] once = {prompts.single("'")};
        while (prompts.wantsMore()) {
            List<String> two = prompts.draw(first, 2);
            String text = two.get(0) + " = %1$s" + two.get(1) + " " + prompts.oneOf(second);
            boolean isTwice = prompts.random.nextBoolean();
            prompts.add(
                    text.formatted(isTwice ? "\"" : "'"),
                    text.formatted(isTwice ? "'" : "\""),
                    isTwice ? twice : once,
                    isTwice ? once : twice);
        }
        return prompts.task();
    }
}
