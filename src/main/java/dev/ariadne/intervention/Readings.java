package dev.ariadne.intervention;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.ariadne.attribution.ReplacementModel;
import dev.ariadne.model.Activation;
import dev.ariadne.model.ActivationCache;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.tensor.Tensors;
import dev.ariadne.transcoder.Transcoders;
import dev.ariadne.view.Progress;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import java.util.stream.Stream;

/** What is active at some tokens of many prompts, and what it does to the next token's logits; read once, many prompts at a time. */
public final class Readings {
    private static final int PROMPTS = 64; // at a time

    private final ReplacementModel replacement;
    private final boolean attributed;
    private final Map<Spot, List<Active>> active = new LinkedHashMap<>();
    private final Map<Spot, Integer> positions = new LinkedHashMap<>();
    private final Map<Toward, float[]> weights = new LinkedHashMap<>(); // of tokens

    /**
     * A feature that is active at a token.
     *
     * @param layer from 0
     * @param index its number in the layer
     * @param value its activation, not 0
     * @param effect what it adds to a difference of logits, over all paths; 0 where that was not asked for
     */
    record Active(int layer, int index, double value, double effect) {}

    /** A prompt, what is asked of its next token, and where it is read. */
    @SuppressWarnings("ArrayRecordComponent") // this class alone has them, and changes none
    private record Run(long[] tokens, Optional<Toward> toward, List<Spot> spots) {}

    private Readings(ReplacementModel replacement, boolean attributed) {
        this.replacement = replacement;
        this.attributed = attributed;
    }

    /**
     * Reads features.
     *
     * @throws IllegalArgumentException when a prompt has no such token
     */
    public static Readings of(ReplacementModel replacement, Collection<Spot> spots) {
        Readings readings = new Readings(replacement, false);
        Map<Spot, Optional<Toward>> all = new LinkedHashMap<>();
        spots.forEach(spot -> all.put(spot, Optional.empty()));
        readings.read(all);
        return readings;
    }

    /**
     * Reads features and what each adds to a difference of logits: its activation times the gradient along what it writes, in the local
     * replacement model ({@link ReplacementModel#localHooks}). This is the sum over all its paths in the prompt's attribution graph.
     *
     * @param aims for each token, the difference in what its prompt is followed by
     * @throws IllegalArgumentException when a prompt has no such token, or what is aimed at is no single token
     */
    public static Readings toward(ReplacementModel replacement, Map<Spot, Toward> aims) {
        Readings readings = new Readings(replacement, true);
        Map<Spot, Optional<Toward>> all = new LinkedHashMap<>();
        aims.forEach((spot, toward) -> all.put(spot, Optional.of(toward)));
        readings.read(all);
        return readings;
    }

    private void read(Map<Spot, Optional<Toward>> all) {
        Map<List<Object>, Run> runs = new LinkedHashMap<>();
        all.forEach((spot, toward) -> {
            Run run = runs.computeIfAbsent(
                    List.of(spot.prompt(), toward),
                    each -> new Run(replacement.tokens(spot.prompt()), toward, new ArrayList<>()));
            run.spots().add(spot);
            positions.put(spot, spot.in(words(run.tokens())));
            active.put(spot, new ArrayList<>());
        });
        Map<Integer, List<Run>> byLength = new TreeMap<>();
        runs.values()
                .forEach(run -> byLength.computeIfAbsent(run.tokens().length, length -> new ArrayList<>())
                        .add(run));
        try (Progress progress = Progress.of("reading features", runs.size())) {
            for (List<Run> same : byLength.values()) {
                for (int from = 0; from < same.size(); from += PROMPTS) {
                    List<Run> some = same.subList(from, Math.min(same.size(), from + PROMPTS));
                    read(some);
                    progress.step(some.size(), "", null);
                }
            }
        }
    }

    private List<String> words(long[] ids) {
        return replacement.model().hasTokenizer()
                ? replacement.model().tokenizer().toStrings(ids)
                : Arrays.stream(ids).mapToObj(id -> "#" + id).toList();
    }

    private void read(List<Run> runs) {
        Transcoders transcoders = replacement.transcoders();
        HookedTransformer model = replacement.model();
        long[][] tokens = runs.stream().map(Run::tokens).toArray(long[][]::new);
        List<Spot> spots = runs.stream().flatMap(run -> run.spots().stream()).toList();
        long[] rows = IntStream.range(0, runs.size())
                .boxed()
                .flatMapToLong(i ->
                        runs.get(i).spots().stream().mapToLong(spot -> (long) i * tokens[0].length + position(spot)))
                .toArray();
        try (ActivationCache cache = run(model, tokens, runs)) {
            for (int layer = 0; layer < transcoders.size(); layer++) {
                int width = transcoders.features(layer);
                try (NDManager scope = model.newOwner()) {
                    NDArray x = rows(cache.get(transcoders.input(layer).toString()), rows, scope); // [spot, dModel]
                    double[] values = doubles(transcoders.encode(layer, x)); // [spot, feature]
                    double[] slopes = attributed ? slopes(cache, layer, rows, scope) : new double[values.length];
                    for (int i = 0; i < values.length; i++) {
                        Spot spot = spots.get(i / width);
                        if (values[i] != 0 && position(spot) >= replacement.zeroed()) {
                            of(spot).add(new Active(layer, i % width, values[i], values[i] * slopes[i]));
                        }
                    }
                }
            }
            cache.logits().close();
        }
    }

    private ActivationCache run(HookedTransformer model, long[][] tokens, List<Run> runs) {
        Transcoders transcoders = replacement.transcoders();
        Stream<String> inputs = IntStream.range(0, transcoders.size())
                .mapToObj(layer -> transcoders.input(layer).toString());
        if (!attributed) {
            return model.runWithCache(tokens, inputs.toList());
        }
        Stream<String> outputs = IntStream.range(0, transcoders.size())
                .mapToObj(layer -> transcoders.output(layer).toString());
        return model.runWithGradients(
                tokens,
                logits -> logits.get(":, -1")
                        .mul(wanted(runs, logits.getManager()).toType(logits.getDataType(), false))
                        .sum(),
                Stream.concat(inputs, outputs).toList(),
                replacement.localHooks());
    }

    /** What each logit counts in what is differentiated [row, dVocab]. */
    private NDArray wanted(List<Run> runs, NDManager scope) {
        int vocabulary = replacement.model().config().dVocabOut();
        float[] all = new float[runs.size() * vocabulary];
        for (int row = 0; row < runs.size(); row++) {
            float[] one = weights.computeIfAbsent(
                    runs.get(row).toward().orElseThrow(),
                    toward -> toward.weights(replacement.model().tokenizer(), vocabulary));
            System.arraycopy(one, 0, all, row * vocabulary, vocabulary);
        }
        return scope.create(all, new Shape(runs.size(), vocabulary));
    }

    /** How much the difference grows with each feature of a layer [spot, feature]. */
    private double[] slopes(ActivationCache cache, int layer, long[] rows, NDManager scope) {
        Transcoders transcoders = replacement.transcoders();
        long[] features = LongStream.range(0, transcoders.features(layer)).toArray();
        double[] sum = new double[rows.length * features.length];
        for (int target = layer; target <= transcoders.lastWritten(layer); target++) {
            NDArray gradient = rows(cache.grad(transcoders.output(target).toString()), rows, scope);
            NDArray written = transcoders
                    .decoderRows(layer, features, target, scope)
                    .toType(gradient.getDataType(), false); // [feature, dModel]
            double[] part = doubles(gradient.matMul(written.transpose()));
            Arrays.setAll(sum, i -> sum[i] + part[i]);
        }
        return sum;
    }

    /** Some rows of [row, pos, dModel] → [chosen, dModel]. */
    private static NDArray rows(Activation activation, long[] rows, NDManager scope) {
        NDArray all = Tensors.alias(activation.array(), scope);
        return Tensors.embedding(
                scope.create(rows), all.reshape(-1, all.getShape().get(2)));
    }

    private static double[] doubles(NDArray array) {
        return array.toType(DataType.FLOAT64, false).toDoubleArray();
    }

    /** Whether effects were asked for. */
    boolean attributed() {
        return attributed;
    }

    /** What is active at a token, by layer and number. */
    List<Active> of(Spot spot) {
        return Objects.requireNonNull(active.get(requireRead(spot)));
    }

    /** Where a token is, from 0. */
    int position(Spot spot) {
        return Objects.requireNonNull(positions.get(requireRead(spot)));
    }

    private Spot requireRead(Spot spot) {
        if (!positions.containsKey(spot)) {
            throw new IllegalArgumentException(
                    "nothing was read at " + spot + "; read " + positions.size() + " others");
        }
        return spot;
    }

    ReplacementModel replacement() {
        return replacement;
    }

    @Override
    public String toString() {
        return "features at " + active.size() + " tokens";
    }
}
