package dev.ariadne.task;

import ai.djl.ndarray.NDArray;
import dev.ariadne.model.HookedTransformer;
import java.util.function.UnaryOperator;

/**
 * A number computed from logits, differentiable: the mean over the batch of what each prompt scores.
 *
 * <p>As a function it takes logits [batch, pos, dVocab] and returns a scalar array of the same manager. One of your own multiplies by numbers with
 * {@link dev.ariadne.tensor.Tensors#times}, so that its gradients are right.
 */
public interface Metric extends UnaryOperator<NDArray> {
    /** The unit of the number, for axes and tables: "logits", "nats", "probability". */
    String unit();

    /** What is measured, in a few words. */
    String name();

    /** Whether a model that does its task well scores high; a search for a circuit keeps what lowers such a metric. */
    default boolean higherIsBetter() {
        return true;
    }

    /** Whether it compares with the full model, so that {@link #against} has to come first. */
    default boolean needsReference() {
        return false;
    }

    /**
     * The same metric, comparing with these logits.
     *
     * @param reference the full model's logits [batch, pos, dVocab] at the positions that are read; read while the metric is in use
     * @return a metric that can score, or this one where there is nothing to compare
     */
    default Metric against(NDArray reference) {
        return this;
    }

    /**
     * The tokens whose logits are all that it reads, so that no others need be computed.
     *
     * @return [prompt][token], or one row for all prompts; no rows when it reads the whole vocabulary
     */
    default long[][] tokens() {
        return new long[0][];
    }

    /**
     * Scores every prompt by the logits of {@link #tokens} alone.
     *
     * @param few [batch, pos, token]
     * @return [batch]
     */
    default NDArray perPromptOfTokens(NDArray few) {
        throw new UnsupportedOperationException(name() + " reads the whole vocabulary; use perPrompt");
    }

    /** Whether KL(full model || circuit) at each position is all that it reads, so that no logits need be kept. */
    default boolean readsDivergence() {
        return false;
    }

    /**
     * Scores every prompt by the divergence at each position alone.
     *
     * @param kl [batch, pos], in nats
     * @return [batch]
     */
    default NDArray perPromptOfDivergence(NDArray kl) {
        throw new UnsupportedOperationException(name() + " reads more than a divergence; use perPrompt");
    }

    /**
     * Scores every prompt by itself.
     *
     * @param logits [batch, pos, dVocab]; where there is one answer, only the last position is read
     * @return [batch]
     * @throws IllegalArgumentException when the metric does not fit these logits: an answer outside the vocabulary, or answers for
     *     another number of prompts
     */
    NDArray perPrompt(NDArray logits);

    @Override
    default NDArray apply(NDArray logits) {
        return perPrompt(logits).mean();
    }

    /**
     * The logit difference at the last position.
     *
     * @param model whose tokenizer reads the two words
     * @param correct text that is one token, usually with a leading blank: " Austin"
     * @param wrong the same for the other answer: " Sacramento"
     * @return logit(correct) − logit(wrong), in logits
     * @throws IllegalArgumentException when one of them splits into several tokens, or both are the same
     */
    static Metric logitDifference(HookedTransformer model, String correct, String wrong) {
        long right = model.tokenizer().toSingleToken(correct);
        long other = model.tokenizer().toSingleToken(wrong);
        return new LogitDifference(
                "logit(" + correct.strip() + ") − logit(" + wrong.strip() + ")",
                new long[] {right},
                new long[][] {{other}});
    }

    /**
     * The logit difference at the last position, by token ids.
     *
     * @param correct the right answer's id, one per prompt, or one for all
     * @param wrong the wrong answer's id, likewise
     * @return logit(correct) − logit(wrong), in logits
     * @throws IllegalArgumentException when the two differ in number, are empty, hold a negative id, or one token is right and wrong
     */
    static Metric logitDifference(long[] correct, long[] wrong) {
        return new LogitDifference("logit difference", correct, AnswerIds.columns(wrong));
    }

    /**
     * The logit of the right answer less the largest among several wrong ones, at the last position, such as the other arguments of a
     * function (the measure of the docstring circuit, Heimersheim and Janiak 2023).
     *
     * @param correct the right answer's id, one per prompt, or one for all
     * @param wrong [prompt][token], at least one in each row
     * @return positive where the right answer comes before all wrong ones, in logits
     * @throws IllegalArgumentException when the two differ in number, are empty, hold a negative id, or one token is right and wrong
     */
    static Metric logitDifference(long[] correct, long[][] wrong) {
        return new LogitDifference("logit difference", correct, wrong);
    }

    /**
     * The probability of one next token.
     *
     * @param model whose tokenizer reads the text
     * @param token text that is one token, usually with a leading blank: " Austin"
     * @return its share among all next tokens, from 0 to 1, without a unit ("probability")
     * @throws IllegalArgumentException when the text is not exactly one token
     */
    static Metric probability(HookedTransformer model, String token) {
        return new Probability("p(" + token.strip() + ")", model.tokenizer().toSingleToken(token));
    }

    /**
     * How well a known next token is predicted, by token ids.
     *
     * @param answers the right answer's id, one per prompt, or one for all
     * @return its log-probability in nats, at most 0: minus the loss at the last position
     * @throws IllegalArgumentException when there is no answer, or a negative id
     */
    static Metric logProbability(long... answers) {
        return new LogProbability(AnswerIds.columns(answers), false);
    }

    /**
     * Minus the log-probability of a known next token, at the last position: the loss there, so that lower is better.
     *
     * @param answers the right answer's id, one per prompt, or one for all
     * @return nats, never negative
     * @throws IllegalArgumentException when there is no answer, or a negative id
     */
    static Metric negativeLogProbability(long... answers) {
        return new LogProbability(AnswerIds.columns(answers), true);
    }

    /**
     * The loss at several positions, each prompt at its own: the mean over all tokens asked for, of all prompts together.
     *
     * @param next [prompt][position] the right next token, {@link HookedTransformer#PADDING} where none is asked for; as many positions as
     *     the task reads
     * @return nats, never negative; lower is better
     * @throws IllegalArgumentException when no token is asked for, or rows differ in length
     */
    static Metric negativeLogProbability(long[][] next) {
        return new LogProbability(next, true);
    }

    /**
     * How far the next-token distribution is from the full model's.
     *
     * @return KL(full model || circuit) in nats, the mean over the positions that are read; 0 for the full model, and lower is better
     */
    static Metric kl() {
        return new Kl(null, null);
    }

    /**
     * The same, each prompt read at its own positions.
     *
     * @param mask [prompt][position] whether the position counts; as many positions as the task reads
     * @return nats, the mean over all positions that count, of all prompts together
     * @throws IllegalArgumentException when no position counts, or rows differ in length
     */
    static Metric kl(boolean[][] mask) {
        return new Kl(new Mask(mask), null);
    }

    /**
     * How far the logits are from the full model's, for models whose output is no distribution (compiled programs).
     *
     * @param columns which logits are compared; all where none is given
     * @return the mean squared difference over the positions that are read, in squared logits; lower is better
     */
    static Metric meanSquaredError(int... columns) {
        return new MeanSquaredError(columns.clone(), null);
    }

    /**
     * The probability of one set of tokens less that of another, at the last position, such as years that are later and years that are not
     * (Hanna et al. 2023).
     *
     * @param good [prompt][token], or one row for all
     * @param bad likewise
     * @return from -1 to 1, without a unit ("probability")
     * @throws IllegalArgumentException when the two differ in number of rows, hold a negative id, or one token is right and wrong
     */
    static Metric probabilityDifference(long[][] good, long[][] bad) {
        return new ProbabilityDifference(good, bad);
    }
}
