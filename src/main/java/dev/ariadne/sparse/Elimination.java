package dev.ariadne.sparse;

import dev.ariadne.view.Progress;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Takes away what can be spared: blocks of channels, then of weights, the cheapest first, each block half as large as the one before, until
 * no single one can go without the loss rising above the target (delta debugging, Zeller and Hildebrandt 2002).
 */
final class Elimination {
    private final Judge judge;
    private final double[] scores;
    private final long deadline; // System.nanoTime
    private final Progress progress;
    private boolean minimal = true;

    /**
     * Prepares it.
     *
     * @param scores [channel], the lowest goes first
     * @param deadline when to stop, by System.nanoTime
     * @param progress counts the runs, without knowing how many there will be
     */
    Elimination(Judge judge, double[] scores, long deadline, Progress progress) {
        this.judge = judge;
        this.scores = scores;
        this.deadline = deadline;
        this.progress = progress;
    }

    /** Whether nothing more could be taken away, rather than there being no time left. */
    boolean isMinimal() {
        return minimal;
    }

    /** Shrinks a part, in place. */
    void shrink(Part part) {
        Wiring wiring = judge.wiring;
        int before;
        do {
            before = part.channelCount() + part.edgeCount(wiring);
            shrink(part, part.channels(), byScore(part));
            int[] edges = IntStream.range(0, wiring.edges())
                    .filter(e -> part.has(wiring, e))
                    .boxed()
                    .sorted(Comparator.comparingDouble(e -> Math.abs(wiring.weight[e])))
                    .mapToInt(e -> e)
                    .toArray();
            shrink(part, part.edges(), edges);
        } while (part.channelCount() + part.edgeCount(wiring) < before && minimal);
    }

    private int[] byScore(Part part) {
        return IntStream.range(0, scores.length)
                .filter(i -> part.channels()[i])
                .boxed()
                .sorted(Comparator.comparingDouble(i -> scores[i]))
                .mapToInt(i -> i)
                .toArray();
    }

    /** Switches off what can be spared of some switches, in their order. */
    private void shrink(Part part, boolean[] on, int[] order) {
        List<Integer> left = new ArrayList<>(Arrays.stream(order).boxed().toList());
        int block = Math.max(1, left.size() / 2);
        while (pass(part, on, left, block) || block > 1) {
            block = Math.max(1, block / 2);
        }
    }

    /** Tries each block of switches once, and says whether one went. */
    private boolean pass(Part part, boolean[] on, List<Integer> left, int block) {
        boolean went = false;
        int from = 0;
        while (from < left.size()) {
            if (System.nanoTime() > deadline) {
                minimal = false;
                return false;
            }
            List<Integer> some = left.subList(from, Math.min(left.size(), from + block));
            some.forEach(i -> on[i] = false);
            if (judge.meets(part)) {
                some.clear(); // of the list that is left, too
                went = true;
            } else {
                some.forEach(i -> on[i] = true);
                from += block;
            }
            progress.step(left.size() + " left");
        }
        return went;
    }
}
