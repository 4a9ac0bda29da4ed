package dev.ariadne.model;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Some positions of the prompts of a run, and what to call them.
 *
 * @param tokens the prompts' tokens, readable, a list per row of the batch; empty lists when there is no tokenizer
 * @param from the first position
 * @param to the position after the last
 */
record PromptSpan(List<List<String>> tokens, int from, int to) {
    PromptSpan {
        tokens = List.copyOf(tokens);
    }

    static PromptSpan of(HookedTransformer model, long[][] tokens, int from, int to) {
        return new PromptSpan(Arrays.stream(tokens).map(model.reader()::pieces).toList(), from, to);
    }

    int batch() {
        return tokens.size();
    }

    int count() {
        return to - from;
    }

    /** What stands at the positions of one prompt; their numbers when there is no tokenizer. */
    List<String> labels(int prompt) {
        List<String> all = tokens.get(prompt);
        List<String> labels = new ArrayList<>();
        for (int pos = from; pos < to; pos++) {
            labels.add(all.isEmpty() ? Integer.toString(pos) : all.get(pos));
        }
        return labels;
    }

    /** The same of all prompts. */
    List<List<String>> labels() {
        return IntStream.range(0, batch()).mapToObj(this::labels).toList();
    }
}
