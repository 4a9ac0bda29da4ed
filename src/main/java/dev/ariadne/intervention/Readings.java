package dev.ariadne.intervention;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import dev.ariadne.attribution.ReplacementModel;
import dev.ariadne.model.ActivationCache;
import dev.ariadne.tensor.Tensors;
import dev.ariadne.transcoder.Transcoders;
import dev.ariadne.view.Progress;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;

/** What is active at some tokens of many prompts, read once, many prompts at a time. */
public final class Readings {
    private static final int PROMPTS = 64; // at a time

    private final ReplacementModel replacement;
    private final Map<Spot, List<Active>> active = new LinkedHashMap<>();
    private final Map<Spot, Integer> positions = new LinkedHashMap<>();

    /**
     * A feature that is active at a token.
     *
     * @param layer from 0
     * @param index its number in the layer
     * @param value its activation, not 0
     */
    record Active(int layer, int index, double value) {}

    private Readings(ReplacementModel replacement) {
        this.replacement = replacement;
    }

    /**
     * Reads features.
     *
     * @param spots tokens; of several in one prompt the prompt is run once for each
     * @throws IllegalArgumentException when a prompt has no such token
     */
    public static Readings of(ReplacementModel replacement, Collection<Spot> spots) {
        Readings readings = new Readings(replacement);
        Map<Integer, List<Spot>> byLength = new TreeMap<>();
        Map<Spot, long[]> tokens = new LinkedHashMap<>();
        for (Spot spot : spots) {
            long[] ids = replacement.tokens(spot.prompt());
            if (tokens.put(spot, ids) == null) {
                byLength.computeIfAbsent(ids.length, length -> new ArrayList<>())
                        .add(spot);
                readings.positions.put(spot, spot.in(readings.words(ids)));
                readings.active.put(spot, new ArrayList<>());
            }
        }
        try (Progress progress = Progress.of("reading features", tokens.size())) {
            for (List<Spot> same : byLength.values()) {
                for (int from = 0; from < same.size(); from += PROMPTS) {
                    List<Spot> some = same.subList(from, Math.min(same.size(), from + PROMPTS));
                    readings.read(some, some.stream().map(tokens::get).toArray(long[][]::new));
                    progress.step(some.size(), "", null);
                }
            }
        }
        return readings;
    }

    private List<String> words(long[] ids) {
        return replacement.model().hasTokenizer()
                ? replacement.model().tokenizer().toStrings(ids)
                : Arrays.stream(ids).mapToObj(id -> "#" + id).toList();
    }

    private void read(List<Spot> spots, long[][] tokens) {
        Transcoders transcoders = replacement.transcoders();
        List<String> points = IntStream.range(0, transcoders.size())
                .mapToObj(layer -> transcoders.input(layer).toString())
                .toList();
        int length = tokens[0].length;
        long[] rows = IntStream.range(0, spots.size())
                .mapToLong(i -> (long) i * length + position(spots.get(i)))
                .toArray();
        try (ActivationCache cache = replacement.model().runWithCache(tokens, points.toArray(String[]::new));
                NDManager scope = replacement.model().newOwner()) {
            for (int layer = 0; layer < points.size(); layer++) {
                NDArray x = Tensors.alias(cache.get(points.get(layer)).array(), scope);
                NDArray flat = x.reshape(-1, transcoders.dModel()); // [row · pos, dModel]
                NDArray chosen = Tensors.embedding(scope.create(rows), flat); // [row, dModel]
                double[] all = transcoders
                        .encode(layer, chosen)
                        .toType(DataType.FLOAT64, false)
                        .toDoubleArray(); // [row, feature]
                int width = transcoders.features(layer);
                for (int i = 0; i < all.length; i++) {
                    Spot spot = spots.get(i / width);
                    if (all[i] != 0 && position(spot) >= replacement.zeroed()) {
                        of(spot).add(new Active(layer, i % width, all[i]));
                    }
                }
            }
            cache.logits().close();
        }
    }

    /** What is active at a token, by layer and number. */
    List<Active> of(Spot spot) {
        List<Active> found = active.get(spot);
        if (found == null) {
            throw new IllegalArgumentException("nothing was read at " + spot + "; read " + active.size() + " others");
        }
        return found;
    }

    /** Where a token is, from 0. */
    int position(Spot spot) {
        Integer position = positions.get(spot);
        if (position == null) {
            throw new IllegalArgumentException("nothing was read at " + spot + "; read " + active.size() + " others");
        }
        return position;
    }

    ReplacementModel replacement() {
        return replacement;
    }

    @Override
    public String toString() {
        return "features at " + active.size() + " tokens";
    }
}
