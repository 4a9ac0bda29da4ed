package dev.ariadne.train;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;

/**
 * Passes over a list of examples, each in an order of its own. A batch has examples of one length, so nothing is padded; the last batch of
 * a length may be smaller.
 */
public final class Epochs implements Batches {
    private static final long SPREAD = 0x9E3779B97F4A7C15L; // far-apart seeds: the first numbers of near ones are alike

    private final Map<Integer, List<Example>> byLength = new TreeMap<>();
    private final int size;
    private final long seed;
    private final int perEpoch;
    private int epoch = -1;
    private List<List<Example>> batches = List.of(); // of that epoch

    /**
     * Prepares the passes.
     *
     * @param examples at least one, of any lengths
     * @param size how many make a batch
     * @param seed the same seed gives the same batches
     */
    public Epochs(List<Example> examples, int size, long seed) {
        if (examples.isEmpty() || size < 1) {
            throw new IllegalArgumentException("batches need at least one example and one in each, got "
                    + examples.size() + " examples in batches of " + size);
        }
        examples.forEach(example -> byLength.computeIfAbsent(example.length(), l -> new ArrayList<>())
                .add(example));
        this.size = size;
        this.seed = seed;
        this.perEpoch = byLength.values().stream()
                .mapToInt(same -> (same.size() + size - 1) / size)
                .sum();
    }

    /** How many batches one pass over the examples takes. */
    public int perEpoch() {
        return perEpoch;
    }

    @Override
    public synchronized List<Example> batch(int step) {
        if (step / perEpoch != epoch) {
            epoch = step / perEpoch;
            batches = shuffled(new Random((seed + 1) * SPREAD + epoch * (SPREAD >>> 1)));
        }
        return batches.get(step % perEpoch);
    }

    private List<List<Example>> shuffled(Random random) {
        List<List<Example>> all = new ArrayList<>();
        for (List<Example> same : byLength.values()) {
            List<Example> order = new ArrayList<>(same);
            Collections.shuffle(order, random);
            for (int from = 0; from < order.size(); from += size) {
                all.add(List.copyOf(order.subList(from, Math.min(order.size(), from + size))));
            }
        }
        Collections.shuffle(all, random);
        return all;
    }
}
