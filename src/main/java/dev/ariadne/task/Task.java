package dev.ariadne.task;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.index.NDIndex;
import dev.ariadne.model.HookedTransformer;
import java.util.Arrays;

/**
 * A behavior of a model: prompts that show it, corrupted prompts that do not, and the number that says how much of it there is.
 */
public final class Task {
    private final HookedTransformer model;
    private final String name;
    private final long[][] clean;
    private final long[][] corrupted;
    private final int[] positions;
    private final Metric metric;

    private Task(
            HookedTransformer model, String name, long[][] clean, long[][] corrupted, int[] positions, Metric metric) {
        this.model = model;
        this.name = name;
        this.clean = clean;
        this.corrupted = corrupted;
        this.positions = positions;
        this.metric = metric;
    }

    /**
     * A task whose metric reads the last position.
     *
     * @param model the model that is asked
     * @param name what the behavior is called
     * @param clean token ids [prompt, pos], all of one length, without padding
     * @param corrupted the same in number and length, without what the behavior needs
     * @param metric what is measured
     * @throws IllegalArgumentException when prompts are missing, differ in length, or are padded
     */
    public static Task of(HookedTransformer model, String name, long[][] clean, long[][] corrupted, Metric metric) {
        if (clean.length == 0 || clean.length != corrupted.length) {
            throw new IllegalArgumentException("one corrupted prompt per clean prompt, at least one, got "
                    + clean.length + " clean and " + corrupted.length + " corrupted");
        }
        int pos = clean[0].length;
        for (int i = 0; i < clean.length; i++) {
            require(clean[i], pos, "clean prompt " + i);
            require(corrupted[i], pos, "corrupted prompt " + i);
        }
        return new Task(model, name, copy(clean), copy(corrupted), new int[] {pos - 1}, metric);
    }

    private static void require(long[] prompt, int pos, String what) {
        if (prompt.length != pos || pos == 0) {
            throw new IllegalArgumentException("all prompts of a task must have the same number of tokens, at least 1;"
                    + " the first clean one has " + pos + ", " + what + " has " + prompt.length
                    + ": choose words that split alike");
        }
        if (Arrays.stream(prompt).anyMatch(id -> id == HookedTransformer.PADDING)) {
            throw new IllegalArgumentException("prompts of a task come without padding, but " + what + " is "
                    + Arrays.toString(prompt) + "; choose words that split alike");
        }
    }

    private static long[][] copy(long[][] rows) {
        return Arrays.stream(rows).map(long[]::clone).toArray(long[][]::new);
    }

    /**
     * The same task, read at other positions.
     *
     * @param where positions from 0, rising
     * @throws IllegalArgumentException when there is none, or one is past the end
     */
    public Task at(int... where) {
        for (int i = 0; i < where.length; i++) {
            if (where[i] < 0 || where[i] >= clean[0].length || (i > 0 && where[i] <= where[i - 1])) {
                throw new IllegalArgumentException("positions must rise and be from 0 to " + (clean[0].length - 1)
                        + ", got " + Arrays.toString(where));
            }
        }
        if (where.length == 0) {
            throw new IllegalArgumentException("a task is read at one position at least, got none");
        }
        return new Task(model, name, clean, corrupted, where.clone(), metric);
    }

    /** The same prompts, measured otherwise. */
    public Task measuring(Metric other) {
        return new Task(model, name, clean, corrupted, positions, other);
    }

    /** The model that is asked. */
    public HookedTransformer model() {
        return model;
    }

    /** What the behavior is called. */
    public String name() {
        return name;
    }

    /** The prompts that show it, token ids [prompt, pos]; a copy. */
    public long[][] clean() {
        return copy(clean);
    }

    /** The prompts that do not; a copy. */
    public long[][] corrupted() {
        return copy(corrupted);
    }

    /** Where it is read, rising. */
    public int[] positions() {
        return positions.clone();
    }

    /** What is measured. */
    public Metric metric() {
        return metric;
    }

    /**
     * Takes the positions that are read.
     *
     * @param activation [row, pos, width], of all positions or of those from a first one on
     * @param first its first position
     * @return [row, position, width]
     */
    public NDArray select(NDArray activation, int first) {
        int from = positions[0] - first;
        if (positions[positions.length - 1] - positions[0] == positions.length - 1) {
            return activation.get(new NDIndex(":, " + from + ":" + (from + positions.length)));
        }
        NDList some = new NDList();
        for (int position : positions) {
            some.add(activation.get(new NDIndex(":, " + (position - first) + ":" + (position - first + 1))));
        }
        return NDArrays.concat(some, 1);
    }
}
