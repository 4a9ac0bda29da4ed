package dev.ariadne.sparse;

import dev.ariadne.model.HookedTransformer;
import dev.ariadne.task.Metric;
import dev.ariadne.task.Task;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * A behavior as pairs of prompts: those that a circuit is cut out on, and others, unseen, that it is judged by (Gao et al. 2025, §2.2).
 *
 * <p>The loss on a prompt is −log of the right answer's probability among the two answers, in nats; guessing costs ln 2 = 0.693.
 *
 * @param name what the behavior is called
 * @param pairs those to prune on
 * @param unseen those to judge by; may be empty
 */
public record PairTask(String name, List<Pair> pairs, List<Pair> unseen) {
    /** What guessing costs, in nats. */
    public static final double CHANCE = Math.log(2);

    /** Copies the pairs and checks that there are some. */
    public PairTask {
        pairs = List.copyOf(pairs);
        unseen = List.copyOf(unseen);
        if (pairs.isEmpty()) {
            throw new IllegalArgumentException(
                    "the task '" + name + "' needs at least one pair of prompts, got none; 48 make a good start");
        }
    }

    /** How many of the unseen pairs are among those to prune on: such pairs say nothing about new ones. */
    public int seenBefore() {
        Set<Pair> known = new HashSet<>(pairs);
        pairs.forEach(pair -> known.add(pair.turned()));
        return (int) unseen.stream().filter(known::contains).count();
    }

    /** The same prompts with other answers, all pairs alike: nothing in a text that was trained on answers them, so no circuit should be found. */
    public PairTask nonsense(long firstAnswer, long secondAnswer) {
        return new PairTask(
                name + " with nonsense answers",
                answering(pairs, firstAnswer, secondAnswer),
                answering(unseen, firstAnswer, secondAnswer));
    }

    private static List<Pair> answering(List<Pair> some, long firstAnswer, long secondAnswer) {
        return some.stream()
                .map(pair -> new Pair(pair.first(), pair.second(), firstAnswer, secondAnswer))
                .toList();
    }

    /**
     * The same behavior as ACDC and attribution take it: each prompt beside the other one of its pair as the corrupted one, measured by the
     * logit of its answer less that of the other. Only the pairs to prune on whose prompts have the commonest number of tokens: such a task has
     * prompts of one length.
     *
     * @param model the one that is asked
     * @throws IllegalArgumentException when no pair has two prompts of one length
     */
    public Task task(HookedTransformer model) {
        Map<Integer, List<Pair>> byLength = new TreeMap<>();
        for (Pair pair : pairs) {
            if (pair.first().length == pair.second().length) {
                byLength.computeIfAbsent(pair.length(), length -> new ArrayList<>())
                        .add(pair);
            }
        }
        Prompts clean = Prompts.of(
                byLength.values().stream()
                        .max(Comparator.comparingInt(List::size))
                        .orElseThrow(
                                () -> new IllegalArgumentException(
                                        "no pair of '" + name + "' has two prompts of one length,"
                                                + " which ACDC needs to put the one's activations in place of the other's; circuits of weights do not")));
        int count = clean.count();
        long[][] corrupted = new long[count][];
        long[] right = new long[count];
        long[] wrong = new long[count];
        for (int i = 0; i < count; i++) {
            corrupted[i] = clean.tokens()[i ^ 1];
            right[i] = Prompts.sign(i) > 0 ? clean.firstAnswers()[i] : clean.secondAnswers()[i];
            wrong[i] = Prompts.sign(i) > 0 ? clean.secondAnswers()[i] : clean.firstAnswers()[i];
        }
        return Task.of(model, name, clean.tokens(), corrupted, Metric.logitDifference(right, wrong))
                .answering(right, wrong);
    }

    /** The tokens of the prompts to prune on. */
    Set<Integer> tokens() {
        Set<Integer> tokens = new LinkedHashSet<>();
        for (long[] prompt : Prompts.of(pairs).tokens()) {
            Arrays.stream(prompt).forEach(id -> tokens.add((int) id));
        }
        return tokens;
    }

    /** Their answers. */
    Set<Integer> answers() {
        return pairs.stream()
                .flatMap(pair -> Stream.of((int) pair.firstAnswer(), (int) pair.secondAnswer()))
                .collect(Collectors.toCollection(LinkedHashSet::new));
    }

    /** Those to prune on, then the unseen ones. */
    List<Pair> allPairs() {
        return Stream.concat(pairs.stream(), unseen.stream()).toList();
    }

    /** The longest prompt, in tokens. */
    int length() {
        return allPairs().stream().mapToInt(Pair::length).max().orElseThrow();
    }

    @Override
    public String toString() {
        return name + ": " + pairs.size() + " pairs, " + unseen.size() + " unseen ones";
    }
}
