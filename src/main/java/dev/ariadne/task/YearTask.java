package dev.ariadne.task;

import dev.ariadne.model.HookedTransformer;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Two years of one century, the second one to be later (Hanna et al. 2023).
 *
 * <p>Models that read years as two tokens of two digits are asked for the last two; models that read single digits, for the first of these,
 * where the same digit is neither right nor wrong.
 */
final class YearTask {
    private static final List<String> EVENTS = Prompts.words(
            "war siege reign empire project campaign conflict revolution rebellion crisis trial strike voyage journey expedition"
                    + " festival plague drought famine peace treaty mission reform debate battle");
    private static final String TEXT = "The %1$s began in the year %2$s and ended in the year %3$s";

    private YearTask() {}

    static Task greaterThan(HookedTransformer model, int n, long seed) {
        Prompts prompts = new Prompts(model, "greater than", n, seed);
        boolean pairs = prompts.splitsInto(1, "32") && prompts.splitsInto(2, " 1732");
        if (!pairs && !(prompts.splitsInto(2, "32") && prompts.splitsInto(4, "1732"))) {
            throw prompts.lacks("years read two digits or one digit at a time", " 1732");
        }
        long[] answers = IntStream.range(0, pairs ? 100 : 10)
                .mapToLong(i -> prompts.single((pairs && i < 10 ? "0" : "") + i))
                .toArray();
        List<String> events = prompts.singles("events", 1, " ", EVENTS);
        while (prompts.wantsMore()) {
            String event = prompts.oneOf(events);
            String century = Integer.toString(11 + prompts.random.nextInt(7));
            int year = pairs ? 2 + prompts.random.nextInt(97) : 11 + prompts.random.nextInt(78); // to 98, to 88
            String first = century + (year < 10 ? "0" : "") + year;
            if (pairs && !prompts.splitsInto(2, " " + first)) {
                continue; // a year known as one word
            }
            int known = pairs ? year : year / 10;
            prompts.add(
                    TEXT.formatted(event, first, century),
                    TEXT.formatted(event, century + "01", century),
                    Arrays.copyOfRange(answers, known + 1, answers.length),
                    Arrays.copyOfRange(answers, 0, pairs ? known + 1 : known));
        }
        return prompts.task();
    }
}
