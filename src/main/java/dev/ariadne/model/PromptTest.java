package dev.ariadne.model;

import dev.ariadne.model.Logits.Prediction;
import dev.ariadne.view.Displayable;
import dev.ariadne.view.View;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/**
 * How a model rates answers to a prompt.
 *
 * @param prompt the prompt's tokens, readable, with the beginning-of-sequence token if the model uses one
 * @param steps one per token of the answer, each given the tokens before it; one, when several answers are compared
 */
public record PromptTest(List<String> prompt, List<Step> steps) implements Displayable {
    private static final int TOP = 10;

    /** Copies the lists. */
    public PromptTest {
        prompt = List.copyOf(prompt);
        steps = List.copyOf(steps);
    }

    /**
     * One next token.
     *
     * @param before the text that it comes after
     * @param answers the answer's token; or the first token of each of several answers
     * @param top the ten most probable tokens
     */
    public record Step(String before, List<Prediction> answers, List<Prediction> top) {
        /** Copies the lists. */
        public Step {
            answers = List.copyOf(answers);
            top = List.copyOf(top);
        }
    }

    static PromptTest of(HookedTransformer model, String prompt, List<String> answers, boolean prependSpace) {
        List<long[]> continuations = new ArrayList<>();
        for (String answer : answers) {
            String text = prependSpace && !answer.startsWith(" ") ? " " + answer : answer;
            long[] ids = model.tokenizer().toTokens(text, false);
            if (ids.length == 0) {
                throw new IllegalArgumentException("the answer '" + answer + "' is no token; give a word");
            }
            continuations.add(ids);
        }
        if (continuations.isEmpty()) {
            throw new IllegalArgumentException("no answers were given; give at least one");
        }
        long[] before = model.toTokens(prompt)[0];
        boolean compared = answers.size() > 1;
        long[] answer = continuations.get(0);
        int count = compared ? 1 : answer.length;
        long[] all = Arrays.copyOf(before, before.length + count - 1); // the last token of the answer predicts nothing
        System.arraycopy(answer, 0, all, before.length, count - 1);
        List<Step> steps = new ArrayList<>();
        try (Logits logits = model.run(new long[][] {all})) {
            for (int i = 0; i < count; i++) {
                long here = answer[i];
                List<Long> ids =
                        compared ? continuations.stream().map(c -> c[0]).toList() : List.of(here);
                steps.add(logits.step(0, before.length - 1 + i, ids, TOP));
            }
        }
        return new PromptTest(model.tokenizer().toStrings(before), steps);
    }

    /** The rank of each answer token, from 1. */
    public List<Integer> ranks() {
        return steps.stream()
                .flatMap(step -> step.answers().stream())
                .map(Prediction::rank)
                .toList();
    }

    /** Per token of the answer the most probable tokens, and the answer's own with a mark. */
    @Override
    public View view() {
        List<View> panels = new ArrayList<>();
        for (Step step : steps) {
            List<View.Bar> bars = Stream.concat(step.top().stream(), step.answers().stream())
                    .distinct()
                    .map(p -> new View.Bar(
                            p.token(),
                            p.probability(),
                            List.of(
                                    Integer.toString(p.rank()),
                                    String.format(Locale.ROOT, "%.3f", p.logit()),
                                    step.answers().contains(p) ? "answer" : "")))
                    .toList();
            String before = step.before();
            String shown = before.length() > 60 ? "…" + before.substring(before.length() - 60) : before;
            panels.add(new View.Bars(
                    "next token after “" + shown + "”", "token", "probability", List.of("rank", "logit", ""), bars));
        }
        return panels.size() == 1 ? panels.get(0) : new View.Panels("answer, token by token", panels);
    }

    /** One line per answer token: rank, probability and logit. */
    @Override
    public String toString() {
        return String.join(
                "\n",
                steps.stream()
                        .flatMap(step -> step.answers().stream())
                        .map(Prediction::toString)
                        .toList());
    }
}
