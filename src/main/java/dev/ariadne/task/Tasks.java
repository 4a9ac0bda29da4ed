package dev.ariadne.task;

import dev.ariadne.model.HookedTransformer;
import java.nio.file.Path;

/**
 * Behaviors that are known from the literature, with prompts made for the model at hand.
 *
 * <p>The words are one token each of the model, so that all prompts have the same number of tokens; a model whose vocabulary has too few of
 * them is refused. The same seed gives the same prompts. All but the compiled programs are measured by the KL divergence from the full model,
 * and keep their answers: {@code task.logitDifference()} measures the same prompts by them.
 *
 * <pre>{@code
 * Tasks.ioi(model)                          // shows prompts, answers, and whether the model does it
 * Tasks.ioi(model, 100, 3).accuracy()
 * Tasks.of(model, Path.of("prompts.csv"))   // your own
 * }</pre>
 */
public final class Tasks {
    private static final int PROMPTS = 50;

    private Tasks() {}

    /** Makes 50 prompts with seed 0; see {@link #ioi(HookedTransformer, int, long)}. */
    public static Task ioi(HookedTransformer model) {
        return ioi(model, PROMPTS, 0);
    }

    /**
     * Indirect object identification (Wang et al. 2022): of two people, one gives something to the other.
     *
     * <p>Right is the other's name, wrong the giver's, which is first or second with equal chance; in the corrupted prompts, three other names
     * stand in the three places.
     *
     * @param n how many prompts
     * @param seed of the random numbers
     * @throws IllegalArgumentException when fewer than five names are one token of the model
     */
    public static Task ioi(HookedTransformer model, int n, long seed) {
        return NameTasks.ioi(model, n, seed);
    }

    /** Makes 50 prompts with seed 0; see {@link #greaterThan(HookedTransformer, int, long)}. */
    public static Task greaterThan(HookedTransformer model) {
        return greaterThan(model, PROMPTS, 0);
    }

    /**
     * A year later than another one of its century (Hanna et al. 2023).
     *
     * <p>Where the vocabulary has numbers of two digits, right are all of the hundred that are greater than the first year's, wrong the others.
     * Where it has single digits, the first of the two is asked for: greater digits are right, smaller ones wrong, the same one is neither. In
     * the corrupted prompts the first year ends in 01. {@link Task#probabilityDifference} is the measure of the paper.
     *
     * @param n how many prompts
     * @param seed of the random numbers
     * @throws IllegalArgumentException when the model reads years otherwise
     */
    public static Task greaterThan(HookedTransformer model, int n, long seed) {
        return YearTask.greaterThan(model, n, seed);
    }

    /** Makes 50 prompts with seed 0; see {@link #docstring(HookedTransformer, int, long)}. */
    public static Task docstring(HookedTransformer model) {
        return docstring(model, PROMPTS, 0);
    }

    /**
     * The next argument in the documentation of a function (Heimersheim and Janiak 2023).
     *
     * <p>Right is the fifth of six arguments, after the third and the fourth; wrong are the others. In the corrupted prompts the function takes
     * other arguments, and its text names none of them. {@link Task#logitDifference} compares with the likeliest wrong one.
     *
     * @param n how many prompts
     * @param seed of the random numbers
     * @throws IllegalArgumentException when too few of the words are one token of the model
     */
    public static Task docstring(HookedTransformer model, int n, long seed) {
        return CodeTasks.docstring(model, n, seed);
    }

    /** Makes 50 prompts with seed 0; see {@link #induction(HookedTransformer, int, long)}. */
    public static Task induction(HookedTransformer model) {
        return induction(model, PROMPTS, 0);
    }

    /**
     * Copying what followed before (Olsson et al. 2022): 30 random common words, of which a stretch of ten comes twice, anywhere.
     *
     * <p>Asked for are the nine tokens after the first of the second stretch, each prompt at its own positions. In the corrupted prompts
     * nothing comes twice: other tokens stand in place of the first stretch. Works without a tokenizer.
     *
     * @param n how many prompts
     * @param seed of the random numbers
     * @throws IllegalArgumentException when the model has fewer than 30 words, or room for fewer tokens
     */
    public static Task induction(HookedTransformer model, int n, long seed) {
        return RepeatTask.induction(model, n, seed);
    }

    /** Makes 50 prompts with seed 0; see {@link #genderPronoun(HookedTransformer, int, long)}. */
    public static Task genderPronoun(HookedTransformer model) {
        return genderPronoun(model, PROMPTS, 0);
    }

    /**
     * "she" or "he" after a first name; in the corrupted prompts, a name that asks for the other.
     *
     * @param n how many prompts
     * @param seed of the random numbers
     * @throws IllegalArgumentException when the names or the pronouns are not one token of the model
     */
    public static Task genderPronoun(HookedTransformer model, int n, long seed) {
        return NameTasks.genderPronoun(model, n, seed);
    }

    /** Makes 50 prompts with seed 0; see {@link #quoteClosing(HookedTransformer, int, long)}. */
    public static Task quoteClosing(HookedTransformer model) {
        return quoteClosing(model, PROMPTS, 0);
    }

    /**
     * A string of program text closed with the quotation mark that opened it, single or double; the corrupted prompts open with the other.
     *
     * @param n how many prompts
     * @param seed of the random numbers
     * @throws IllegalArgumentException when the marks or too few of the words are one token of the model
     */
    public static Task quoteClosing(HookedTransformer model, int n, long seed) {
        return CodeTasks.quoteClosing(model, n, seed);
    }

    /** Makes 50 prompts with seed 0; see {@link #countryCapital(HookedTransformer, int, long)}. */
    public static Task countryCapital(HookedTransformer model) {
        return countryCapital(model, PROMPTS, 0);
    }

    /**
     * The capital of a country; wrong is that of the country in the corrupted prompt.
     *
     * @param n how many prompts
     * @param seed of the random numbers
     * @throws IllegalArgumentException when fewer than two countries and their capitals are one token of the model
     */
    public static Task countryCapital(HookedTransformer model, int n, long seed) {
        return NameTasks.countryCapital(model, n, seed);
    }

    /** Corrupts with seed 0; see {@link #tracrReverse(HookedTransformer, long)}. */
    public static Task tracrReverse(HookedTransformer model) {
        return tracrReverse(model, 0);
    }

    /**
     * The compiled program that reverses a list (Lindner et al. 2023): the six orders of "1 2 3", each corrupted by another.
     *
     * <p>Measured by the mean squared error of all outputs, at all positions but the first; distributions of these outputs would not differ.
     *
     * @param model {@code HookedTransformer.load("tracr-reverse")}
     * @param seed of the random numbers
     * @throws IllegalArgumentException when the model is another
     */
    public static Task tracrReverse(HookedTransformer model, long seed) {
        return ProgramTasks.reverse(model, seed);
    }

    /** Makes 50 prompts with seed 0; see {@link #tracrXproportion(HookedTransformer, int, long)}. */
    public static Task tracrXproportion(HookedTransformer model) {
        return tracrXproportion(model, PROMPTS, 0);
    }

    /**
     * The compiled program that says what share of the letters so far is "x" (Lindner et al. 2023): random letters w, x, y, z after the
     * beginning of sequence, each prompt corrupted by another.
     *
     * <p>Measured by the mean squared error of the one output, number 0, at all positions but the first. It answers with a number, not a token,
     * so the task has no accuracy.
     *
     * @param model {@code HookedTransformer.load("tracr-xproportion")}
     * @param n how many prompts
     * @param seed of the random numbers
     * @throws IllegalArgumentException when the model is another
     */
    public static Task tracrXproportion(HookedTransformer model, int n, long seed) {
        return ProgramTasks.proportion(model, n, seed, false);
    }

    /** Makes 50 prompts with seed 0; see {@link #tracrXproportionPublished(HookedTransformer, int, long)}. */
    public static Task tracrXproportionPublished(HookedTransformer model) {
        return tracrXproportionPublished(model, PROMPTS, 0);
    }

    /**
     * The same program on the inputs behind its published circuit of ten edges: random ids 0 to 3, without a beginning of sequence, so that the
     * program sees its special tokens and its letters w and x.
     *
     * @param model {@code HookedTransformer.load("tracr-xproportion")}
     * @param n how many prompts
     * @param seed of the random numbers
     * @throws IllegalArgumentException when the model is another
     */
    public static Task tracrXproportionPublished(HookedTransformer model, int n, long seed) {
        return ProgramTasks.proportion(model, n, seed, true);
    }

    /**
     * A task of your own, from a table with the columns clean, corrupted, answer and wrong, named in its first line.
     *
     * <p>Answers are one token each, blanks included as they stand in the file: {@code When Mary met John,John said to, Mary, John} has a blank
     * before both. All prompts have the same number of tokens. Further columns are ignored.
     *
     * @param csv comma-separated, UTF-8, quotation marks around text with commas or line breaks
     * @throws IllegalArgumentException when a row does not fit, with its line number
     * @throws java.io.UncheckedIOException when the file cannot be read
     */
    public static Task of(HookedTransformer model, Path csv) {
        return CsvTask.read(model, csv);
    }
}
