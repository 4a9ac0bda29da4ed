package dev.ariadne.attribution;

import dev.ariadne.transcoder.Feature;
import dev.ariadne.view.Displayable;
import dev.ariadne.view.View;
import java.util.AbstractList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.function.BiFunction;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * The features that are active on a prompt, sorted by layer, position and number; shown as the strongest ones at each token.
 *
 * <p>Plain numbers, kept sparse: nothing to close.
 */
public final class ActiveFeatures implements Displayable {
    private static final int SHOWN = 6; // at each token

    private final long[] tokens;
    private final List<String> labels; // of tokens
    private final int[] layers;
    private final int[] positions;
    private final int[] indices;
    private final double[] activations;
    private final double[] preactivations;
    private final double[][] unexplained; // [layer][position]
    private final BiFunction<Integer, Integer, String> names; // of features, by layer and number

    ActiveFeatures(
            long[] tokens,
            List<String> labels,
            FeatureTable table,
            double[][] unexplained,
            BiFunction<Integer, Integer, String> names) {
        this.tokens = tokens.clone();
        this.labels = List.copyOf(labels);
        this.layers = table.layers();
        this.positions = table.positions();
        this.indices = table.indices();
        this.activations = table.activations();
        this.preactivations = table.preactivations();
        this.unexplained = unexplained;
        this.names = names;
    }

    /** How many features are active, counted at each position. */
    public int size() {
        return layers.length;
    }

    /** The prompt's token ids. */
    public long[] tokens() {
        return tokens.clone();
    }

    /** The prompt's tokens, readable. */
    public List<String> labels() {
        return labels;
    }

    /** A feature by its place in the order, from 0. */
    public Feature feature(int place) {
        return new Feature(layers[place], positions[place], indices[place]);
    }

    /** All of them, in order. */
    public List<Feature> features() {
        return new AbstractList<>() {
            @Override
            public Feature get(int place) {
                return feature(place);
            }

            @Override
            public int size() {
                return layers.length;
            }
        };
    }

    /** The activation of the feature at a place. */
    public double activation(int place) {
        return activations[place];
    }

    /** What the feature's encoder gives at a place, before the activation function. */
    public double preactivation(int place) {
        return preactivations[place];
    }

    /** A feature's activation; 0 when it is not active. */
    public double activation(Feature feature) {
        int place = place(feature);
        return place < 0 ? 0 : activations[place];
    }

    /** Where a feature stands in the order; negative when it is not active. */
    public int place(Feature feature) {
        int low = 0;
        int high = layers.length - 1;
        while (low <= high) {
            int middle = (low + high) >>> 1;
            int order = compare(middle, feature);
            if (order == 0) {
                return middle;
            }
            if (order < 0) {
                low = middle + 1;
            } else {
                high = middle - 1;
            }
        }
        return -1 - low;
    }

    private int compare(int place, Feature feature) {
        int order = Integer.compare(layers[place], feature.layer());
        order = order != 0 ? order : Integer.compare(positions[place], feature.position());
        return order != 0 ? order : Integer.compare(indices[place], feature.index());
    }

    /** The place of the first feature that is not before this one. */
    int from(int layer, int position) {
        int place = place(new Feature(layer, position, 0));
        return place < 0 ? -1 - place : place;
    }

    /**
     * The strongest features at a token.
     *
     * @param position from 0
     * @param count at most so many
     * @return by falling size of the activation
     */
    public List<Feature> strongest(int position, int count) {
        if (position < 0 || position >= tokens.length) {
            throw new IllegalArgumentException(
                    "position must be from 0 to " + (tokens.length - 1) + ", got " + position);
        }
        return IntStream.range(0, unexplained.length)
                .flatMap(layer -> IntStream.range(from(layer, position), from(layer, position + 1)))
                .boxed()
                .sorted(Comparator.comparingDouble((Integer place) -> -Math.abs(activations[place])))
                .limit(count)
                .map(this::feature)
                .toList();
    }

    /**
     * How much of an MLP's output its transcoder misses: the error's length by the output's, both Euclidean; 0 where nothing is read.
     *
     * @param layer from 0
     * @param position from 0
     */
    public double unexplained(int layer, int position) {
        return unexplained[layer][position];
    }

    @Override
    public View view() {
        List<List<String>> rows = IntStream.range(0, tokens.length)
                .mapToObj(position -> List.of(
                        Integer.toString(position),
                        labels.get(position),
                        Integer.toString(count(position)),
                        text(position)))
                .toList();
        return new View.Table(toString(), List.of("position", "token", "active", "strongest features"), rows);
    }

    private int count(int position) {
        return IntStream.range(0, unexplained.length)
                .map(layer -> from(layer, position + 1) - from(layer, position))
                .sum();
    }

    private String text(int position) {
        return strongest(position, SHOWN).stream()
                .map(feature -> {
                    String name = names.apply(feature.layer(), feature.index());
                    String what = feature.layer() + "_" + feature.index();
                    return String.format(
                            Locale.ROOT,
                            "%s %.2f",
                            name.isEmpty() ? what : name + " (" + what + ")",
                            activation(feature));
                })
                .collect(Collectors.joining(", "));
    }

    @Override
    public String toString() {
        return layers.length + " active features at " + tokens.length + " tokens";
    }
}
