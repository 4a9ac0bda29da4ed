package dev.ariadne.task;

import dev.ariadne.model.HookedTransformer;
import dev.ariadne.model.Tokenizer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Collectors;

/** Collects the prompts of a task, all of one number of tokens, from words that are one token each of the model at hand. */
final class Prompts {
    private static final int TRIES = 20; // per prompt

    final Random random;
    private final HookedTransformer model;
    private final Tokenizer tokenizer;
    private final String name;
    private final int count;
    private final long seed;
    private final List<long[]> clean = new ArrayList<>();
    private final List<long[]> corrupted = new ArrayList<>();
    private final List<long[]> correct = new ArrayList<>();
    private final List<long[]> wrong = new ArrayList<>();
    private int tries;

    Prompts(HookedTransformer model, String name, int count, long seed) {
        this.model = model;
        this.tokenizer = model.tokenizer();
        this.name = name;
        this.count = requireCount(count);
        this.seed = seed;
        this.random = new Random(seed);
    }

    static int requireCount(int count) {
        if (count < 1) {
            throw new IllegalArgumentException("a task has at least one prompt, got n = " + count);
        }
        return count;
    }

    static String title(String name, long seed) {
        return name + " (seed " + seed + ")";
    }

    /** Words of a list in one string. */
    static List<String> words(String list) {
        return List.of(list.trim().split("\\s+"));
    }

    /**
     * Those candidates that are one token of the model.
     *
     * @param lead what stands before the word in the text: a blank, or nothing
     * @throws IllegalArgumentException when there are fewer than needed
     */
    List<String> singles(String what, int atLeast, String lead, List<String> candidates) {
        List<String> found =
                candidates.stream().filter(word -> isSingle(lead + word)).toList();
        if (found.size() < atLeast) {
            String first = candidates.stream()
                    .filter(word -> !found.contains(word))
                    .findFirst()
                    .orElseThrow();
            throw lacks(
                    atLeast + " " + what + " that are one token each, of " + candidates.size() + " it has "
                            + found.size(),
                    lead + first);
        }
        return found;
    }

    /** The id of an answer that has to be one token. */
    long single(String text) {
        if (!isSingle(text)) {
            throw lacks("'" + text + "' as one token", text);
        }
        return tokenizer.toSingleToken(text);
    }

    private boolean isSingle(String text) {
        long[] ids = ids(text);
        return ids.length == 1
                && tokenizer.toSingleString(ids[0]).strip().equals(text.strip()); // and not the token for unknown words
    }

    private long[] ids(String text) {
        try {
            return tokenizer.toTokens(text, false);
        } catch (IllegalArgumentException e) {
            return new long[0]; // a word that a vocabulary of words lacks
        }
    }

    /** Whether the model reads a text as so many tokens. */
    boolean splitsInto(int tokens, String text) {
        return ids(text).length == tokens;
    }

    IllegalArgumentException lacks(String what, String example) {
        String split = tokenizer.toStrings(ids(example)).stream()
                .map(piece -> "'" + piece + "'")
                .collect(Collectors.joining(" + "));
        return new IllegalArgumentException(name + " needs a model with " + what + "; '" + model.name() + "' reads '"
                + example + "' as " + (split.isEmpty() ? "no token" : split)
                + ". Take a model with a larger vocabulary, such as smollm2-135m, or your own prompts: Tasks.of(model,"
                + " csv)");
    }

    /** The largest group of templates that have one number of tokens when filled with the same words. */
    List<String> templates(List<String> all, Object... words) {
        Map<Integer, List<String>> byLength = new LinkedHashMap<>();
        for (String template : all) {
            int length = tokenizer.toTokens(template.formatted(words)).length;
            byLength.computeIfAbsent(length, l -> new ArrayList<>()).add(template);
        }
        List<String> largest = all.subList(0, 0);
        for (List<String> group : byLength.values()) {
            largest = group.size() > largest.size() ? group : largest;
        }
        return largest;
    }

    <T> T oneOf(List<T> some) {
        return some.get(random.nextInt(some.size()));
    }

    /** Draws different ones. */
    <T> List<T> draw(List<T> some, int howMany) {
        List<T> shuffled = new ArrayList<>(some);
        Collections.shuffle(shuffled, random);
        return shuffled.subList(0, howMany);
    }

    /** Whether prompts are missing. */
    boolean wantsMore() {
        if (clean.size() < count && tries++ > TRIES * count) {
            throw new IllegalArgumentException(
                    name + " found " + clean.size() + " of " + count
                            + " prompts with one number of tokens in '" + model.name()
                            + "', whose tokenizer splits the same words differently in different places; use Tasks.of(model, csv)");
        }
        return clean.size() < count;
    }

    /** Takes a prompt, unless its words split otherwise in their places than alone. */
    void add(String prompt, String other, long[] right, long[] others) {
        long[] ids = tokenizer.toTokens(prompt);
        long[] otherIds = tokenizer.toTokens(other);
        int length = clean.isEmpty() ? ids.length : clean.get(0).length;
        if (ids.length == length && otherIds.length == length) {
            clean.add(ids);
            corrupted.add(otherIds);
            correct.add(right);
            wrong.add(others);
        }
    }

    /** The task, measured by the KL divergence. */
    Task task() {
        return Task.of(
                        model,
                        title(name, seed),
                        clean.toArray(long[][]::new),
                        corrupted.toArray(long[][]::new),
                        Metric.kl())
                .answering(correct.toArray(long[][]::new), wrong.toArray(long[][]::new));
    }
}
