package dev.ariadne.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.ariadne.tensor.Tensors;
import dev.ariadne.view.Displayable;
import dev.ariadne.view.View;
import java.lang.ref.Reference;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.PriorityQueue;
import java.util.Set;
import java.util.stream.IntStream;
import tech.tablesaw.api.DoubleColumn;
import tech.tablesaw.api.IntColumn;
import tech.tablesaw.api.LongColumn;
import tech.tablesaw.api.StringColumn;
import tech.tablesaw.api.Table;

/**
 * What a run predicts: unnormalized log-probabilities [batch, pos, dVocab].
 *
 * <p>Questions without a position are about the token after the last one; without a prompt, about the first of the batch. Owns its array:
 * closing frees it.
 */
public final class Logits implements Displayable, AutoCloseable {
    private static final int SHOWN = 10;
    private static final int MOST_PROMPTS = 8; // in one picture

    private final NDArray array;
    private final Shape shape; // known when the array is freed
    private final long[][] tokens;
    private final HookedTransformer model;
    private final Leak leak;
    private volatile boolean closed;

    Logits(NDManager owner, NDArray array, long[][] tokens, HookedTransformer model) {
        this.array = array;
        this.shape = array.getShape();
        this.tokens = tokens;
        this.model = model;
        this.leak = Leak.watch(this, owner::close);
    }

    /**
     * Puts the rows of several runs together.
     *
     * @param parts of one model, with as many positions each; left open
     * @param order for each row of the result, which of all the parts' rows it is
     */
    public static Logits together(List<Logits> parts, long[] order) {
        HookedTransformer model = parts.get(0).model;
        NDManager owner = model.newOwner();
        try (NDManager scope = owner.newSubManager()) {
            NDList rows = new NDList();
            parts.forEach(part -> rows.add(Tensors.alias(part.array(), scope)));
            NDArray all = NDArrays.concat(rows, 0); // [batch, pos, dVocab]
            Shape shape = all.getShape();
            NDArray ordered = Tensors.embedding(scope.create(order), all.reshape(shape.get(0), -1))
                    .reshape(order.length, shape.get(1), shape.get(2));
            ordered.attach(owner);
            return new Logits(owner, ordered, new long[0][], model);
        } catch (RuntimeException | Error e) {
            owner.close();
            throw e;
        }
    }

    /**
     * One possible next token.
     *
     * @param rank from 1
     * @param id the token id
     * @param token the token, readable; "#id" without a tokenizer
     * @param logit the logit
     * @param probability in [0, 1]
     */
    public record Prediction(int rank, long id, String token, double logit, double probability) {
        @Override
        public String toString() {
            return String.format(
                    Locale.ROOT, "“%s” rank %d, probability %.4f, logit %.3f", token, rank, probability, logit);
        }
    }

    /**
     * The array [batch, pos, dVocab].
     *
     * @return an array of these logits: keep them for as long as the array is used
     * @throws IllegalStateException when they or the model are closed
     */
    public NDArray array() {
        if (closed) {
            throw new IllegalStateException("these logits are closed and their array is freed; run the model again");
        }
        model.requireOpen();
        return array;
    }

    /**
     * [batch, pos, dVocab].
     *
     * @throws IllegalStateException when they are closed
     */
    public long[] shape() {
        return array().getShape().getShape();
    }

    /** The most probable next tokens of the first prompt. */
    public List<Prediction> top(int count) {
        return top(0, count);
    }

    /** The most probable next tokens of one prompt of the batch. */
    public List<Prediction> top(int prompt, int count) {
        return Distribution.of(this, prompt).top(count);
    }

    /** The most probable next tokens of the first prompt as a table: rank, id, token, logit, probability. */
    public Table table(int count) {
        List<Prediction> top = top(count);
        return Table.create(
                "next tokens",
                IntColumn.create("rank", top.stream().mapToInt(Prediction::rank)),
                LongColumn.create("id", top.stream().mapToLong(Prediction::id)),
                StringColumn.create("token", top.stream().map(Prediction::token)),
                DoubleColumn.create("logit", top.stream().mapToDouble(Prediction::logit)),
                DoubleColumn.create("probability", top.stream().mapToDouble(Prediction::probability)));
    }

    /**
     * How the model rates one next token of the first prompt.
     *
     * @param token text that is one token, usually with a leading blank: " Austin"
     * @throws IllegalArgumentException when the text splits into several tokens
     */
    public Prediction of(String token) {
        return of(0, token);
    }

    /** How the model rates one next token of one prompt of the batch. */
    public Prediction of(int prompt, String token) {
        return Distribution.of(this, prompt).prediction((int) model.tokenizer().toSingleToken(token));
    }

    /** logit(correct) − logit(wrong) of the first prompt, in logits. */
    public double logitDifference(String correct, String wrong) {
        return of(correct).logit() - of(wrong).logit();
    }

    /** How the model rates one token, and what it ranks highest, after one position of one prompt. */
    PromptTest.Step step(int prompt, int pos, List<Long> ids, int count) {
        Distribution here = Distribution.of(this, prompt, pos);
        return new PromptTest.Step(
                model.tokenizer().toText(Arrays.copyOf(tokens[prompt], pos + 1)),
                ids.stream().map(id -> here.prediction(id.intValue())).toList(),
                here.top(count));
    }

    /** The most probable next token at each position of each prompt, in row-major order. */
    long[] topIds() {
        try (NDArray top = array().argMax(2)) {
            return top.toLongArray();
        } finally {
            Reference.reachabilityFence(this);
        }
    }

    /**
     * The mean cross entropy of each next token of the prompts, in nats: TransformerLens's {@code return_type="loss"}.
     *
     * @throws IllegalStateException when these are not the logits of all positions of prompts of two tokens or more
     */
    public double loss() {
        return lossPerToken().mean();
    }

    /** The cross entropy of each next token of the prompts, in nats, shown on the text; see {@link #loss()}. */
    public LossPerToken lossPerToken() {
        Ratings next = nextTokens();
        int pos = tokens[0].length;
        double[][] losses = new double[tokens.length][pos - 1];
        for (int row = 0; row < tokens.length; row++) {
            for (int i = 0; i < pos - 1; i++) {
                losses[row][i] = next.loss(row * pos + i);
            }
        }
        return new LossPerToken(
                PromptSpan.of(model, tokens, 0, tokens[0].length).labels(), losses);
    }

    /** How many of the next tokens of the prompts are ranked first, a fraction in [0, 1]; see {@link #loss()}. */
    public double accuracy() {
        Ratings next = nextTokens();
        return IntStream.range(0, next.rank().length)
                .filter(i -> next.rank()[i] > 0)
                .mapToDouble(i -> next.rank()[i] == 1 ? 1 : 0)
                .average()
                .orElseThrow();
    }

    /** How each position rates the token that follows it; the last and padding are not rated. */
    private Ratings nextTokens() {
        if (tokens.length == 0 || shape()[1] != tokens[0].length) {
            throw new IllegalStateException("a loss needs the logits of all positions of a prompt, got "
                    + array.getShape() + (tokens.length == 0 ? " of a run from the middle" : " of the last position")
                    + "; use model.run(prompt)");
        }
        if (tokens[0].length < 2) {
            throw new IllegalStateException("a loss needs prompts of at least two tokens, got one; give a longer text");
        }
        if (model.config().dVocabOut() != model.config().dVocab()) {
            throw new IllegalStateException("this model reads " + model.config().dVocab() + " tokens and predicts "
                    + model.config().dVocabOut() + " others, so it has no loss on its own prompt");
        }
        int pos = tokens[0].length;
        long[] targets = new long[tokens.length * pos];
        for (int i = 0; i < targets.length; i++) {
            long[] row = tokens[i / pos];
            boolean rated = i % pos < pos - 1 && row[i % pos] != HookedTransformer.PADDING;
            targets[i] = rated ? row[i % pos + 1] : -1;
        }
        try (NDManager scope = array().getManager().newSubManager()) {
            NDArray rows = Tensors.alias(array, scope).reshape(targets.length, shape()[2]);
            return Tensors.run(false, (double) array.size(), () -> Ratings.of(rows, targets));
        } finally {
            Reference.reachabilityFence(this); // lost too early, they would free what is being read
        }
    }

    /**
     * Puts another run beside this one: the tokens either of them ranks highest, with both probabilities.
     *
     * @param other for example the same prompt under a hook
     * @return a table, by this run's order
     * @throws IllegalArgumentException when the vocabularies differ in size
     */
    public View compare(Logits other) {
        if (other.shape()[2] != shape()[2]) {
            throw new IllegalArgumentException("only runs with one vocabulary can be compared, got " + shape()[2]
                    + " and " + other.shape()[2] + " tokens");
        }
        Distribution here = Distribution.of(this, 0);
        Distribution there = Distribution.of(other, 0);
        Set<Integer> ids = new LinkedHashSet<>();
        here.top(SHOWN).forEach(p -> ids.add((int) p.id()));
        there.top(SHOWN).forEach(p -> ids.add((int) p.id()));
        List<List<String>> rows = new ArrayList<>();
        for (int id : ids) {
            Prediction a = here.prediction(id);
            Prediction b = there.prediction(id);
            rows.add(List.of(
                    a.token(),
                    percent(a.probability()),
                    percent(b.probability()),
                    String.format(Locale.ROOT, "%+.3f", b.logit() - a.logit()),
                    Integer.toString(a.rank()),
                    Integer.toString(b.rank())));
        }
        return new View.Table(
                title(0) + ", two runs", List.of("token", "this", "other", "Δ logit", "rank", "other rank"), rows);
    }

    /** The ten most probable next tokens of each prompt. */
    @Override
    public View view() {
        List<View> panels = new ArrayList<>();
        for (int prompt = 0; prompt < Math.min(MOST_PROMPTS, shape()[0]); prompt++) {
            List<View.Bar> bars = top(prompt, SHOWN).stream()
                    .map(p -> new View.Bar(
                            p.token(), p.probability(), List.of(String.format(Locale.ROOT, "%.3f", p.logit()))))
                    .toList();
            panels.add(new View.Bars(title(prompt), "token", "probability", List.of("logit"), bars));
        }
        return panels.size() == 1 ? panels.get(0) : new View.Panels("next tokens", panels);
    }

    private String title(int prompt) {
        if (prompt >= tokens.length || !model.hasTokenizer()) {
            return "next token";
        }
        String text = model.tokenizer().toText(Padding.strip(tokens[prompt]));
        return "next token after “" + (text.length() > 60 ? "…" + text.substring(text.length() - 60) : text) + "”";
    }

    private static String percent(double probability) {
        return String.format(Locale.ROOT, "%.2f %%", 100 * probability);
    }

    @Override
    public String toString() {
        return "Logits " + shape + (closed ? ", closed" : "");
    }

    /** Frees the array. */
    @Override
    public void close() {
        closed = true;
        leak.close();
    }

    /** The logits at one position of one prompt, as plain numbers. */
    @SuppressWarnings("ArrayRecordComponent") // never leaves this class
    private record Distribution(double[] logits, double logSumExp, HookedTransformer model) {
        static Distribution of(Logits all, int prompt) {
            return of(all, prompt, (int) all.shape()[1] - 1);
        }

        static Distribution of(Logits all, int prompt, int pos) {
            long[] shape = all.shape();
            if (prompt < 0 || prompt >= shape[0]) {
                throw new IllegalArgumentException("prompt must be from 0 to " + (shape[0] - 1) + ", got " + prompt);
            }
            try (NDArray row = all.array().get(prompt, pos); // [dVocab]
                    NDArray plain = row.toType(DataType.FLOAT64, true)) {
                double[] logits = plain.toDoubleArray();
                double max = Double.NEGATIVE_INFINITY;
                for (double logit : logits) {
                    max = Math.max(max, logit);
                }
                double sum = 0;
                for (double logit : logits) {
                    sum += Math.exp(logit - max);
                }
                return new Distribution(logits, max + Math.log(sum), all.model);
            } finally {
                Reference.reachabilityFence(all); // lost too early, they would free what is being read
            }
        }

        List<Prediction> top(int count) {
            if (count < 1) {
                throw new IllegalArgumentException("count must be at least 1, got " + count);
            }
            Comparator<Integer> byLogit =
                    Comparator.comparingDouble(id -> logits[id]); // the worst of the best is the head
            PriorityQueue<Integer> best = new PriorityQueue<>(byLogit.thenComparing(Comparator.reverseOrder()));
            for (int id = 0; id < logits.length; id++) {
                if (best.size() < count || logits[id] > logits[best.element()]) {
                    best.add(id);
                }
                if (best.size() > count) {
                    best.remove();
                }
            }
            List<Prediction> top = new ArrayList<>();
            for (int rank = best.size(); rank > 0; rank--) {
                top.add(prediction(best.remove(), rank));
            }
            Collections.reverse(top);
            return top;
        }

        Prediction prediction(int id) {
            int rank = 1;
            for (double logit : logits) {
                if (logit > logits[id]) {
                    rank++;
                }
            }
            return prediction(id, rank);
        }

        private Prediction prediction(int id, int rank) {
            boolean areTokens =
                    model.config().dVocabOut() == model.config().dVocab(); // else outputs of a compiled program
            String token = areTokens ? model.reader().piece(id) : "#" + id;
            return new Prediction(rank, id, token, logits[id], Math.exp(logits[id] - logSumExp));
        }
    }
}
