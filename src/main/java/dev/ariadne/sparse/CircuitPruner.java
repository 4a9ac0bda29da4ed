package dev.ariadne.sparse;

import dev.ariadne.circuit.Ablation;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.sparse.PruneConfig.Ranking;
import dev.ariadne.view.Progress;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Cuts the circuit of a task out of a weight-sparse model: the channels and weights that are enough for it, everything else held at its mean
 * (Gao et al. 2025, §2.2 and appendix A.5).
 *
 * <p>Channels are ranked, as many of the first taken as are needed for the target, and then channels and weights taken away until none can be
 * spared.
 *
 * <pre>{@code
 * var trained = SparseTransformer.of(HookedTransformer.load("sparse"), MiniPython.corpus(200, 0));
 * var circuit = CircuitPruner.of(trained).prune(MiniPython.task("single_double_quote", 48, 0));
 * circuit                                             // drawn
 * circuit.verify()                                    // is it to be believed?
 * }</pre>
 */
public final class CircuitPruner {
    private static final int TEXTS = 200; // for the means
    private static final double NANOS = 1e9;
    private static final double FINER = 1.4; // how many times more channels the next point of the curve has

    private final HookedTransformer model;
    private final Wiring wiring;
    private final PruneConfig config;
    private final ChannelScores scores;
    private final double[] means;
    private final List<long[]> texts;

    private CircuitPruner(
            HookedTransformer model, Wiring wiring, PruneConfig config, double[] means, List<long[]> texts) {
        this.model = model;
        this.wiring = wiring;
        this.config = config;
        this.scores = new ChannelScores(model, wiring);
        this.means = means;
        this.texts = texts;
    }

    /** Prunes as {@link PruneConfig#DEFAULT} says. */
    public static CircuitPruner of(SparseTransformer trained) {
        return of(trained, PruneConfig.DEFAULT);
    }

    /**
     * Prepares pruning; takes the mean of each channel over at most 200 texts.
     *
     * @throws IllegalArgumentException when the model is of another kind than those circuits are cut out of
     */
    public static CircuitPruner of(SparseTransformer trained, PruneConfig config) {
        Wiring wiring = new Wiring(trained.model());
        List<long[]> rows = trained.rows();
        List<long[]> texts = rows.subList(0, Math.min(TEXTS, rows.size()));
        double[] means = new ChannelScores(trained.model(), wiring).means(texts);
        return new CircuitPruner(trained.model(), wiring, config, means, texts);
    }

    /** The same model, to be pruned otherwise. */
    public CircuitPruner with(PruneConfig other) {
        return new CircuitPruner(model, wiring, other, means, texts);
    }

    HookedTransformer model() {
        return model;
    }

    /** A token, readable. */
    String piece(long token) {
        return model.hasTokenizer() ? model.tokenizer().toSingleString(token) : "#" + token;
    }

    Wiring wiring() {
        return wiring;
    }

    PruneConfig config() {
        return config;
    }

    double[] means() {
        return means.clone();
    }

    /** What stands in for what is off where a single prompt runs: zero, or the means, also where circuits are cut out with the other prompt's values. */
    double[] stand() {
        return config.ablation() == Ablation.ZERO ? new double[wiring.channels] : means.clone();
    }

    /** The texts that the means are of. */
    List<long[]> texts() {
        return texts;
    }

    Judge judge(List<Pair> pairs) {
        return new Judge(wiring, Prompts.of(pairs), means, config);
    }

    /**
     * Cuts a circuit out.
     *
     * @throws IllegalArgumentException when a prompt does not fit the model, or the whole model does not do the task as well as the target says
     * @throws java.util.concurrent.CancellationException when interrupted
     */
    public SparseCircuit prune(PairTask task) {
        Judge judge = judge(task);
        double whole = whole(judge);
        if (!(whole <= config.target())) {
            throw new IllegalArgumentException(String.format(
                    Locale.ROOT,
                    "the model does not do '%s': its loss is %.3f nats, the target %.3f; guessing costs 0.693. Train it for"
                            + " longer, or raise the target",
                    task.name(),
                    whole,
                    config.target()));
        }
        return prune(task, judge, Part.all(wiring));
    }

    /** Whether the whole model does a task as well as the target says. */
    public boolean does(PairTask task) {
        return whole(judge(task)) <= config.target();
    }

    private double whole(Judge judge) {
        return judge.of(Part.all(wiring), Calibration.NONE).loss();
    }

    private Judge judge(PairTask task) {
        if (task.length() > wiring.c.nCtx()) {
            throw new IllegalArgumentException("a prompt of '" + task.name() + "' has " + task.length()
                    + " tokens, the model takes at most " + wiring.c.nCtx() + "; shorten it");
        }
        for (Pair pair : task.allPairs()) {
            check(task.name(), pair.first(), wiring.c.dVocab());
            check(task.name(), pair.second(), wiring.c.dVocab());
            check(task.name(), new long[] {pair.firstAnswer(), pair.secondAnswer()}, wiring.c.dVocabOut());
        }
        return judge(task.pairs());
    }

    private static void check(String where, long[] ids, int size) {
        for (long id : ids) {
            if (id < 0 || id >= size) {
                throw new IllegalArgumentException("token id " + id + " in '" + where
                        + "' is out of range: ids are 0 to " + (size - 1) + "; is the task another vocabulary's?");
            }
        }
    }

    /** Refuses a prompt that does not fit the model. */
    void requireReadable(long[] prompt) {
        if (prompt.length < 1 || prompt.length > wiring.c.nCtx()) {
            throw new IllegalArgumentException(
                    "the model takes 1 to " + wiring.c.nCtx() + " tokens, got " + prompt.length);
        }
        check("the prompt", prompt, wiring.c.dVocab());
    }

    /**
     * Cuts out a circuit, then another one from what is left, and takes both together: where a model does a task in two ways, one circuit is
     * enough, and yet nothing breaks without it.
     *
     * @return both circuits as one; the first alone when what is left cannot do the task
     * @throws IllegalArgumentException as {@link #prune} does
     */
    public SparseCircuit pruneBothSides(PairTask task) {
        SparseCircuit one = prune(task);
        Judge judge = judge(task);
        Part rest = one.part().complement();
        if (!judge.meets(rest)) {
            return one;
        }
        Part first = one.part();
        Part both = prune(task, judge, rest).part();
        for (int e = 0; e < both.edges().length; e++) {
            both.edges()[e] = both.has(wiring, e) || first.has(wiring, e);
        }
        for (int i = 0; i < both.channels().length; i++) {
            both.channels()[i] |= first.channels()[i];
        }
        return new SparseCircuit(
                this,
                task,
                both,
                new SparseCircuit.Making("both sides", false, one.making().curve()));
    }

    private SparseCircuit prune(PairTask task, Judge judge, Part pool) {
        return rankings()
                .map(ranking -> prune(task, judge, pool, ranking))
                .min(Comparator.comparingInt(SparseCircuit::edgeCount).thenComparingInt(SparseCircuit::channelCount))
                .orElseThrow();
    }

    private SparseCircuit prune(PairTask task, Judge judge, Part pool, Ranking ranking) {
        long start = System.nanoTime();
        double[] score = score(judge, ranking);
        int[] order = order(score, pool);
        Map<Integer, Double> curve = curve(judge, pool, order);
        Part part = first(pool, order, enough(judge, pool, order));
        boolean minimal = false;
        if (config.minimal()) {
            int most = 4 * part.channelCount() + 2 * part.edgeCount(wiring); // runs, roughly
            try (Progress progress = Progress.of("taking away what can be spared", most)) {
                long deadline = start + (long) (config.mostSeconds() * NANOS);
                Elimination elimination = new Elimination(judge, score, deadline, progress);
                elimination.shrink(part);
                minimal = elimination.isMinimal();
                progress.complete();
            }
        }
        String method = ranking.name().toLowerCase(Locale.ROOT);
        return new SparseCircuit(this, task, part, new SparseCircuit.Making(method, minimal, curve));
    }

    private Stream<Ranking> rankings() {
        return config.ranking() == Ranking.BOTH
                ? Stream.of(Ranking.ATTRIBUTION, Ranking.LEARNED)
                : Stream.of(config.ranking());
    }

    private double[] score(Judge judge, Ranking ranking) {
        return ranking == Ranking.ATTRIBUTION ? scores.attribution(judge.prompts, means) : scores.learned(judge, means);
    }

    /** The channels there are, the highest score first. */
    private static int[] order(double[] score, Part pool) {
        return IntStream.range(0, score.length)
                .filter(i -> pool.channels()[i])
                .boxed()
                .sorted(Comparator.comparingDouble(i -> -score[i]))
                .mapToInt(i -> i)
                .toArray();
    }

    /** The first channels of an order, of those there are. */
    private Part first(Part pool, int[] order, int count) {
        Part part = new Part(new boolean[wiring.channels], pool.edges().clone());
        for (int i = 0; i < count; i++) {
            part.channels()[order[i]] = true;
        }
        return part;
    }

    /** By bisection, how many of the first channels meet the target where one fewer do not. */
    private int enough(Judge judge, Part pool, int[] order) {
        int low = 0; // does not
        int high = order.length; // does
        while (high - low > 1) {
            int middle = (low + high) >>> 1;
            if (judge.meets(first(pool, order, middle))) {
                high = middle;
            } else {
                low = middle;
            }
        }
        return high;
    }

    /** The loss for more and more of the first channels. */
    private Map<Integer, Double> curve(Judge judge, Part pool, int[] order) {
        Map<Integer, Double> losses = new TreeMap<>();
        for (double k = 1; k < order.length; k = Math.max(k + 1, k * FINER)) {
            losses.put((int) k, judge.of(first(pool, order, (int) k)).loss());
        }
        losses.put(order.length, judge.of(first(pool, order, order.length)).loss());
        return losses;
    }

    /** The lowest loss that a ranking reaches with any number of channels, before anything is taken away: for controls, which never refuse. */
    double lowestLoss(List<Pair> pairs) {
        Judge judge = judge(pairs);
        Part all = Part.all(wiring);
        return rankings()
                .map(ranking -> curve(judge, all, order(score(judge, ranking), all)))
                .flatMap(curve -> curve.values().stream())
                .min(Comparator.naturalOrder())
                .orElseThrow();
    }
}
