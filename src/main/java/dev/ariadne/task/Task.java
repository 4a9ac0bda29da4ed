package dev.ariadne.task;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.index.NDIndex;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.view.Displayable;
import dev.ariadne.view.View;
import java.util.Arrays;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A behavior of a model: prompts that show it, corrupted prompts that do not, and the number that says how much of it there is.
 *
 * <p>Shown as a table of prompts and of what the model answers; a model that does not do the task is said not to.
 *
 * <pre>{@code
 * var task = Tasks.ioi(model);     // measured by the KL divergence
 * task.accuracy()
 * task.logitDifference()           // the same prompts, measured by the logit difference
 * }</pre>
 */
public final class Task implements Displayable {
    /** Models right on less of what is asked do not do a task: its view says so. Halfway between guessing one of two answers and always knowing. */
    public static final double LEAST_ACCURACY = 0.75;

    private final HookedTransformer model;
    private final String name;
    private final long[][] clean;
    private final long[][] corrupted;
    private final int[] positions;
    private final Metric metric;
    private final @Nullable Answers answers;

    private Task(
            HookedTransformer model,
            String name,
            long[][] clean,
            long[][] corrupted,
            int[] positions,
            Metric metric,
            @Nullable Answers answers) {
        this.model = model;
        this.name = name;
        this.clean = clean;
        this.corrupted = corrupted;
        this.positions = positions;
        this.metric = metric;
        this.answers = answers;
    }

    /**
     * A task whose metric reads the last position.
     *
     * @param model the model that is asked
     * @param name what the behavior is called
     * @param clean token ids [prompt, pos], all of one length, without padding
     * @param corrupted the same in number and length, without what the behavior needs
     * @param metric what is measured
     * @throws IllegalArgumentException when prompts are missing, differ in length, or are padded, or the metric's answers do not fit
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
        return new Task(model, name, copy(clean), copy(corrupted), new int[] {pos - 1}, metric, null).measuring(metric);
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
     * @throws IllegalArgumentException when there is none, or one is past the end, or there are answers for more positions
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
        return new Task(model, name, clean, corrupted, where.clone(), metric, fitting(answers, where.length));
    }

    private static @Nullable Answers fitting(@Nullable Answers answers, int positions) {
        if (answers != null && answers.width() > positions) {
            throw new IllegalArgumentException("the task has answers for " + answers.width()
                    + " positions, but would be read at " + positions + "; call at(positions) before answering(...)");
        }
        return answers;
    }

    /** The same prompts, measured otherwise; a task without answers takes those that the metric tells apart. */
    public Task measuring(Metric other) {
        Answers known =
                answers == null ? Answers.of(other, clean.length, model.config().dVocabOut()) : answers;
        return new Task(model, name, clean, corrupted, positions, other, known);
    }

    /**
     * The same task, with what is right and what is wrong after each prompt.
     *
     * @param correct the right token's id, one per prompt, or one for all
     * @param wrong the wrong one's, likewise
     * @throws IllegalArgumentException when the two differ in number, hold an id outside the vocabulary, or one token is right and wrong
     */
    public Task answering(long[] correct, long[] wrong) {
        return answering(AnswerIds.columns(correct), AnswerIds.columns(wrong));
    }

    /**
     * The same task, with sets of right and wrong tokens after each prompt.
     *
     * @param correct [prompt][token], or one row for all; at least one token in each row
     * @param wrong likewise; an empty row where every other token is wrong
     * @throws IllegalArgumentException when the two differ in number, hold an id outside the vocabulary, or one token is right and wrong
     */
    public Task answering(long[][] correct, long[][] wrong) {
        return answering(
                Answers.last(correct, wrong, clean.length, model.config().dVocabOut()));
    }

    /**
     * The same task, asked at several positions, each prompt at its own; every other token is wrong.
     *
     * @param next [prompt][position] the right next token at the positions that are read (their last, if there are fewer here), {@link
     *     HookedTransformer#PADDING} where none is asked for
     * @throws IllegalArgumentException when there are more positions than are read, none is asked for, or an id is outside the vocabulary
     */
    public Task answering(long[][] next) {
        return answering(Answers.next(next, clean.length, model.config().dVocabOut()));
    }

    Task answering(Answers some) {
        return new Task(model, name, clean, corrupted, positions, metric, fitting(some, positions.length));
    }

    /** The same task, measured by the KL divergence from the full model, at the positions where something is asked. */
    public Task kl() {
        return measuring(answers == null ? Metric.kl() : answers.kl());
    }

    /**
     * The same task, measured by the logit of the right answer less that of the wrong one, or of the largest of several.
     *
     * @throws IllegalStateException when the task has no answers, or several right ones to a prompt
     */
    public Task logitDifference() {
        return measuring(requireAnswers().logitDifference());
    }

    /** The same task, measured by the probability of the right answers less that of the wrong ones; needs answers. */
    public Task probabilityDifference() {
        return measuring(requireAnswers().probabilityDifference());
    }

    /** The same task, measured by the log-probability of the right answer; needs one per prompt and position. */
    public Task logProbability() {
        return measuring(requireAnswers().logProbability(false));
    }

    /** The same task, measured by the loss of the right answer: minus its log-probability. */
    public Task negativeLogProbability() {
        return measuring(requireAnswers().logProbability(true));
    }

    private Answers requireAnswers() {
        if (answers == null) {
            throw new IllegalStateException(
                    "the task '" + name
                            + "' keeps no answers, so there is nothing right or wrong; give them with answering(correct, wrong)");
        }
        return answers;
    }

    /**
     * Asks the model: the share of prompts (or of positions, where several are asked) at which a right answer is more probable than all wrong
     * ones.
     *
     * @return from 0 to 1
     * @throws IllegalStateException when the task has no answers, as one that only compares distributions
     */
    public double accuracy() {
        requireAnswers();
        return Performance.of(this).accuracy();
    }

    /**
     * What to tell who looks for a circuit: that the model is right on less than {@link #LEAST_ACCURACY}.
     *
     * @return nothing where it does the task, or no answers are known
     */
    public Optional<View> warning() {
        return hasAnswers() ? new TaskTable(this).warning() : Optional.empty();
    }

    boolean hasAnswers() {
        return answers != null;
    }

    /** The right tokens after a position of those that are read; none where nothing is asked. */
    long[] correct(int prompt, int position) {
        return answers(prompt, position, true);
    }

    /** The wrong ones; none where every other is wrong. */
    long[] wrong(int prompt, int position) {
        return answers(prompt, position, false);
    }

    private long[] answers(int prompt, int position, boolean right) {
        if (answers == null) {
            return new long[0];
        }
        int at = position - (positions.length - answers.width());
        return at < 0 ? new long[0] : (right ? answers.correct() : answers.wrong())[prompt][at];
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

    /** Prompts, answers and what the model says; above it a warning where the model is right on less than {@link #LEAST_ACCURACY}. */
    @Override
    public View view() {
        return new TaskTable(this).view();
    }

    @Override
    public String toString() {
        return name + " on " + model.name() + ": " + clean.length + " prompts of " + clean[0].length
                + " tokens, measured by " + metric.name();
    }
}
