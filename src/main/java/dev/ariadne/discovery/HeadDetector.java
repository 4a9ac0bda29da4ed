package dev.ariadne.discovery;

import ai.djl.ndarray.types.DataType;
import dev.ariadne.model.ActivationCache;
import dev.ariadne.model.Hook;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.model.Logits;
import dev.ariadne.view.Progress;
import dev.ariadne.view.View;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.function.Function;
import java.util.stream.Stream;

/**
 * Finds heads of a known kind by where they look: at the previous token, at earlier copies of the token, or at what followed those
 * (induction; Olsson et al. 2022).
 *
 * <pre>{@code
 * HeadDetector.repeatedTokens(model).induction()                    // the usual induction score
 * HeadDetector.of(model, "When Mary and John went to the store, John gave a drink to").previousToken()    // as transformer_lens.head_detector
 * }</pre>
 */
public final class HeadDetector {
    private static final int LENGTH = 50; // of the random tokens, before they are repeated
    private static final int BATCH = 4;

    private final HookedTransformer model;
    private final long[][] tokens;
    private final String source;
    private final Measure measure;
    private final boolean excludeBos;
    private final boolean excludeCurrentToken;
    private final List<Tally> known = new ArrayList<>(); // the kinds that have a name, once one was asked for

    /** How a head's attention is compared with the pattern that is looked for. */
    public enum Measure {
        /** The share of the head's attention that lies where the pattern is 1; of a pattern of zeros and ones. From 0 to 1. */
        MUL,
        /** 1 − the mean over queries of Σ |attention − pattern|: 1 is equal, −1 as different as can be. */
        ABS,
        /** The mean attention over the pattern's ones: how much of its attention the head gives when there is a place to look at. */
        MEAN
    }

    private HeadDetector(
            HookedTransformer model,
            long[][] tokens,
            String source,
            Measure measure,
            boolean excludeBos,
            boolean excludeCurrentToken) {
        this.model = model;
        this.tokens = tokens;
        this.source = source;
        this.measure = measure;
        this.excludeBos = excludeBos;
        this.excludeCurrentToken = excludeCurrentToken;
    }

    /** Looks at one prompt. */
    public static HeadDetector of(HookedTransformer model, String prompt) {
        return of(model, model.toTokens(prompt));
    }

    /** Looks at several prompts, of any lengths; scores are their mean. */
    public static HeadDetector of(HookedTransformer model, List<String> prompts) {
        return of(
                model, prompts.stream().map(prompt -> model.toTokens(prompt)[0]).toArray(long[][]::new));
    }

    /**
     * Looks at prompts of token ids, of any lengths; padding in front is left out.
     *
     * @throws IllegalArgumentException when there is no prompt, or one of less than 2 tokens
     */
    public static HeadDetector of(HookedTransformer model, long[][] tokens) {
        long[][] rows = Arrays.stream(tokens)
                .map(row -> Arrays.stream(row)
                        .dropWhile(id -> id == HookedTransformer.PADDING)
                        .toArray())
                .toArray(long[][]::new);
        if (rows.length == 0) {
            throw new IllegalArgumentException("head detection needs at least one prompt, got none");
        }
        for (int row = 0; row < rows.length; row++) {
            if (rows[row].length < 2) {
                throw new IllegalArgumentException("head detection needs prompts of at least 2 tokens, prompt " + row
                        + " has " + rows[row].length);
            }
        }
        return new HeadDetector(model, rows, PatchRuns.describe(model, rows), Measure.MUL, false, false);
    }

    /** Looks at random tokens that come twice: 4 sequences of 50 (fewer in a small model), twice, seed 0. */
    public static HeadDetector repeatedTokens(HookedTransformer model) {
        int room = Math.min(
                model.config().nCtx() - bos(model).length, model.config().dVocab());
        return repeatedTokens(model, Math.max(1, Math.min(LENGTH, room / 2)), BATCH, 0);
    }

    /**
     * Looks at sequences of random tokens, no two alike, that come twice, after the model's beginning-of-sequence token if it uses one.
     * Only a head that looks back for the same token can know what comes in the second half. Scores are {@link Measure#MEAN}.
     *
     * @param length how many tokens come twice
     * @param batch how many sequences
     * @param seed the same seed gives the same tokens
     * @throws IllegalArgumentException when the model has no room for twice that many, or no that many different tokens
     */
    public static HeadDetector repeatedTokens(HookedTransformer model, int length, int batch, long seed) {
        long[] bos = bos(model);
        int most = Math.min(
                (model.config().nCtx() - bos.length) / 2, model.config().dVocab() - bos.length);
        if (length < 1 || length > most || batch < 1) {
            throw new IllegalArgumentException(
                    "the sequence must have 1 to " + most + " tokens, at least one of it, got "
                            + batch + " of " + length + "; this model takes "
                            + model.config().nCtx() + " tokens, of "
                            + model.config().dVocab());
        }
        Random random = new Random(seed);
        long[][] rows = new long[batch][];
        for (int row = 0; row < batch; row++) {
            long[] once = random.ints(0, model.config().dVocab())
                    .asLongStream()
                    .filter(id -> bos.length == 0 || id != bos[0])
                    .distinct()
                    .limit(length)
                    .toArray();
            rows[row] = Stream.of(bos, once, once).flatMapToLong(Arrays::stream).toArray();
        }
        String source = String.format(
                Locale.ROOT, "%s, %d × %d random tokens twice, seed %d", model.name(), batch, length, seed);
        return new HeadDetector(model, rows, source, Measure.MEAN, false, false);
    }

    private static long[] bos(HookedTransformer model) {
        return model.hasTokenizer() && model.tokenizer().prependsBos()
                ? new long[] {model.tokenizer().bosId().orElseThrow()}
                : new long[0];
    }

    /** The prompts, as token ids. */
    public long[][] tokens() {
        return Arrays.stream(tokens).map(long[]::clone).toArray(long[][]::new);
    }

    /** The same with another measure. */
    public HeadDetector measure(Measure other) {
        return with(other, excludeBos, excludeCurrentToken);
    }

    private HeadDetector with(Measure other, boolean withoutBos, boolean withoutCurrentToken) {
        return new HeadDetector(model, tokens, source, other, withoutBos, withoutCurrentToken);
    }

    /** The same with another measure, by TransformerLens's name: "mul" or "abs". */
    public HeadDetector errorMeasure(String name) {
        for (Measure other : Measure.values()) {
            if (other.name().equalsIgnoreCase(name)) {
                return measure(other);
            }
        }
        throw new IllegalArgumentException("no measure '" + name + "'; there are mul, abs and mean");
    }

    /** The same without the attention to the first token, where heads look that have nothing to look at. */
    public HeadDetector excludeBos() {
        return with(measure, true, excludeCurrentToken);
    }

    /** The same without the attention of a token to itself. */
    public HeadDetector excludeCurrentToken() {
        return with(measure, excludeBos, true);
    }

    /** How much each head looks at the token before. */
    public HeadScores previousToken() {
        return known(0);
    }

    /** How much each head looks at earlier copies of the token. */
    public HeadScores duplicateToken() {
        return known(1);
    }

    /** How much each head looks at the tokens that came after earlier copies of the token. */
    public HeadScores induction() {
        return known(2);
    }

    /**
     * Looks for a kind of head by TransformerLens's name.
     *
     * @param kind "previous_token_head", "duplicate_token_head" or "induction_head"
     * @throws IllegalArgumentException when it is another name
     */
    public HeadScores detect(String kind) {
        return switch (kind) {
            case "previous_token_head" -> previousToken();
            case "duplicate_token_head" -> duplicateToken();
            case "induction_head" -> induction();
            default ->
                throw new IllegalArgumentException("no kind of head '" + kind + "'; there are previous_token_head,"
                        + " duplicate_token_head and induction_head, and detect(pattern) takes a pattern of your own");
        };
    }

    /**
     * Looks for a pattern of one's own.
     *
     * @param pattern [queryPos][keyPos]: the attention that is looked for
     * @throws IllegalArgumentException when it does not fit the prompts, or has an entry where a causal model cannot look
     */
    public HeadScores detect(float[][] pattern) {
        for (long[] row : tokens) {
            int pos = row.length;
            if (pattern.length != pos || Arrays.stream(pattern).anyMatch(line -> line.length != pos)) {
                throw new IllegalArgumentException("the pattern must have " + pos
                        + " rows and columns, one for each token" + " of the prompt, got " + pattern.length + " rows");
            }
        }
        for (int q = 0; q < pattern.length && model.config().causal(); q++) {
            for (int k = q + 1; k < pattern.length; k++) {
                if (pattern[q][k] != 0) {
                    throw new IllegalArgumentException("the pattern is " + pattern[q][k] + " at query " + q + ", key "
                            + k + ", where the model cannot look; make it lower triangular");
                }
            }
        }
        return run(List.of(new Tally("given pattern", row -> pattern))).get(0).scores();
    }

    /**
     * How much each head looks from one place of each prompt to another, such as from its end to a name: the mean over the prompts.
     *
     * @param kind what such heads are called, for the title
     * @param from the position that looks, one per prompt, from 0
     * @param to the position it looks at, likewise
     * @throws IllegalArgumentException when there is not one pair per prompt, or a prompt has no such position, or cannot look there
     */
    public HeadScores attention(String kind, int[] from, int[] to) {
        if (from.length != tokens.length || to.length != tokens.length) {
            throw new IllegalArgumentException("give one position to look from and one to look at for each of the "
                    + tokens.length + " prompts, got " + from.length + " and " + to.length);
        }
        List<float[][]> patterns = new ArrayList<>();
        for (int row = 0; row < tokens.length; row++) {
            int pos = tokens[row].length;
            int most = model.config().causal() ? from[row] : pos - 1;
            if (from[row] < 0 || from[row] >= pos || to[row] < 0 || to[row] > most) {
                throw new IllegalArgumentException("prompt " + row + " cannot look from position " + from[row] + " to "
                        + to[row] + "; it has positions 0 to " + (pos - 1)
                        + (model.config().causal() ? ", and looks back or at itself" : ""));
            }
            float[][] pattern = new float[pos][pos];
            pattern[from[row]][to[row]] = 1;
            patterns.add(pattern);
        }
        Iterator<float[][]> next = patterns.iterator(); // prompts are run in order, each once
        HeadDetector mean = measure(Measure.MEAN);
        return mean.run(List.of(mean.new Tally(kind, row -> next.next())))
                .get(0)
                .scores();
    }

    /**
     * One head on the first prompt: where it looks, beside where an induction head would. On repeated tokens both are a stripe.
     *
     * @throws IllegalArgumentException when there is no such layer or head
     */
    public View stripes(int layer, int head) {
        long[][] first = {tokens[0]};
        try (ActivationCache cache = model.runWithCache(first, "blocks." + layer + ".attn.hook_pattern")) {
            View.HeatMap map = cache.get("pattern", layer).head(0, head);
            float[][] ideal = afterDuplicates(tokens[0]);
            for (int q = 0; q < ideal.length; q++) {
                Arrays.fill(ideal[q], q + 1, ideal.length, Float.NaN);
            }
            View expected = new View.HeatMap(
                    "an induction head",
                    map.rowName(),
                    map.rows(),
                    map.columnName(),
                    map.columns(),
                    ideal,
                    map.unit(),
                    map.scale());
            return new View.Panels("L" + layer + "H" + head + " and an ideal induction head", List.of(map, expected));
        }
    }

    /** What the prompts add up to, for one kind of head. */
    private final class Tally {
        final String kind;
        final Function<long[], float[][]> pattern;
        final double[][] sums =
                new double[model.config().nLayers()][model.config().nHeads()];
        double weight;
        float[][] wanted = {};

        Tally(String kind, Function<long[], float[][]> pattern) {
            this.kind = kind;
            this.pattern = pattern;
        }

        void begin(long[] row) {
            wanted = pattern.apply(row);
            weight += measure == Measure.MEAN ? mass(wanted) : 1;
        }

        HeadScores scores() {
            if (weight == 0) {
                throw new IllegalStateException("no token of the prompt has a place to look at (" + kind
                        + "), so there is no mean; give a prompt in which tokens repeat, or use repeatedTokens(model)");
            }
            double[][] values = Arrays.stream(sums)
                    .map(layer -> Arrays.stream(layer).map(sum -> sum / weight).toArray())
                    .toArray(double[][]::new);
            return new HeadScores(kind + " heads", values, unit(), source);
        }
    }

    /** One of the kinds that have a name; all of them are found in one go, as it is the model's runs that take time. */
    private HeadScores known(int kind) {
        synchronized (known) {
            if (known.isEmpty()) {
                known.addAll(run(List.of(
                        new Tally("previous token", HeadDetector::previous),
                        new Tally("duplicate token", HeadDetector::duplicates),
                        new Tally("induction", HeadDetector::afterDuplicates))));
            }
            return known.get(kind).scores();
        }
    }

    private List<Tally> run(List<Tally> tallies) {
        try (Progress progress = Progress.of("detecting heads", tokens.length)) {
            for (long[] row : tokens) {
                tallies.forEach(tally -> tally.begin(row));
                Hook look = Hook.at("pattern", (x, name) -> {
                    float[] attention = x.toType(DataType.FLOAT32, false).toFloatArray(); // [1, head, queryPos, keyPos]
                    tallies.forEach(tally -> add(tally.sums[name.layer()], attention, tally.wanted));
                    return x;
                });
                try (Logits logits = model.next(new long[][] {row}, look)) {
                    progress.step(logits.toString());
                }
            }
        }
        return tallies;
    }

    private String unit() {
        String what = switch (measure) {
            case MUL -> "share of attention";
            case ABS -> "1 − error";
            case MEAN -> "mean attention";
        };
        return what + (excludeBos ? ", first token excluded" : "") + (excludeCurrentToken ? ", itself excluded" : "");
    }

    /** Adds each head's score on one prompt. */
    private void add(double[] sums, float[] attention, float[][] wanted) {
        int pos = wanted.length;
        for (int head = 0; head < sums.length; head++) {
            double common = 0;
            double all = 0;
            double error = 0;
            for (int q = 0; q < pos; q++) {
                for (int k = 0; k < pos; k++) {
                    if (excluded(q, k)) {
                        continue;
                    }
                    double a = attention[(head * pos + q) * pos + k];
                    common += a * wanted[q][k];
                    all += a;
                    error += Math.abs(a - wanted[q][k]);
                }
            }
            sums[head] += switch (measure) {
                case MUL -> common / all;
                case ABS -> 1 - error / pos;
                case MEAN -> common; // divided by the number of ones at the end
            };
        }
    }

    private boolean excluded(int query, int key) {
        return (excludeBos && key == 0) || (excludeCurrentToken && query == key);
    }

    /** How much the pattern has where attention counts. */
    private double mass(float[][] wanted) {
        double mass = 0;
        for (int q = 0; q < wanted.length; q++) {
            for (int k = 0; k < wanted.length; k++) {
                mass += excluded(q, k) ? 0 : wanted[q][k];
            }
        }
        return mass;
    }

    private static float[][] previous(long[] ids) {
        float[][] pattern = new float[ids.length][ids.length];
        for (int q = 1; q < ids.length; q++) {
            pattern[q][q - 1] = 1;
        }
        return pattern;
    }

    private static float[][] duplicates(long[] ids) {
        float[][] pattern = new float[ids.length][ids.length];
        for (int q = 0; q < ids.length; q++) {
            for (int k = 0; k < q; k++) {
                pattern[q][k] = ids[k] == ids[q] ? 1 : 0;
            }
        }
        return pattern;
    }

    private static float[][] afterDuplicates(long[] ids) {
        float[][] pattern = new float[ids.length][ids.length];
        for (int q = 0; q < ids.length; q++) {
            for (int k = 1; k <= q; k++) {
                pattern[q][k] = ids[k - 1] == ids[q] ? 1 : 0;
            }
        }
        return pattern;
    }
}
