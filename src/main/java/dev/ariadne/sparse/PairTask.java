package dev.ariadne.sparse;

import java.util.HashSet;
import java.util.List;
import java.util.Set;
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

    /** The longest prompt, in tokens. */
    int length() {
        return Stream.concat(pairs.stream(), unseen.stream())
                .mapToInt(Pair::length)
                .max()
                .orElseThrow();
    }

    @Override
    public String toString() {
        return name + ": " + pairs.size() + " pairs, " + unseen.size() + " unseen ones";
    }
}
