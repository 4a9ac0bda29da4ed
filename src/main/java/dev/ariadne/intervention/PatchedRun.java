package dev.ariadne.intervention;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import dev.ariadne.attribution.ReplacementModel;
import dev.ariadne.model.Logits;
import dev.ariadne.tensor.Tensors;
import dev.ariadne.transcoder.Feature;
import dev.ariadne.transcoder.Transcoders;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * What the model makes of a prompt whose features were set. Activations are what encoders read in that run: of a feature that was set, not the
 * value it was set to. They are computed when they are asked for. Row 0 where several interventions ran side by side.
 */
public final class PatchedRun implements AutoCloseable {
    private final ReplacementModel replacement;
    private final Transcoders transcoders;
    private final Optional<NDManager> owner; // none: the arrays are another's
    private final Logits logits;
    private final List<NDArray> inputs;

    PatchedRun(ReplacementModel replacement, Optional<NDManager> owner, Logits logits, List<NDArray> inputs) {
        this.replacement = replacement;
        this.transcoders = replacement.transcoders();
        this.owner = owner;
        this.logits = logits;
        this.inputs = List.copyOf(inputs);
    }

    /** [row, pos or 1, dVocab]; freed with this. */
    public Logits logits() {
        return logits;
    }

    /** A layer's activations [pos][feature]; 0 at zeroed positions. */
    public double[][] activations(int layer) {
        return read(layer, true);
    }

    /** A layer's pre-activations [pos][feature], which show an edge where the activation function hides it; 0 at zeroed positions. */
    public double[][] preactivations(int layer) {
        return read(layer, false);
    }

    private double[][] read(int layer, boolean active) {
        NDArray x = inputs.get(layer);
        try (NDManager scope = x.getManager().newSubManager()) {
            NDArray row = Tensors.alias(x, scope).get(0); // [pos, dModel]
            double[] flat = doubles(active ? transcoders.encode(layer, row) : transcoders.preactivations(layer, row));
            int width = transcoders.features(layer);
            double[][] all = new double[flat.length / width][];
            for (int pos = 0; pos < all.length; pos++) {
                boolean silent = pos < replacement.zeroed();
                all[pos] = silent ? new double[width] : Arrays.copyOfRange(flat, pos * width, (pos + 1) * width);
            }
            return all;
        }
    }

    /** The activations of some features. */
    public double[] activations(List<Feature> features) {
        return activations(0, features);
    }

    /** The activations of some features in one of several interventions. */
    public double[] activations(int row, List<Feature> features) {
        double[] values = new double[features.size()];
        List<List<Integer>> places = features.stream()
                .map(feature -> List.of(feature.layer(), feature.position()))
                .distinct()
                .toList();
        for (List<Integer> place : places) {
            int layer = place.get(0);
            int position = place.get(1);
            if (position >= replacement.zeroed()) {
                NDArray x = inputs.get(layer);
                try (NDManager scope = x.getManager().newSubManager()) {
                    long at = x.getShape().get(0) == 1 ? 0 : row;
                    NDArray here = Tensors.alias(x, scope).get(at, position).expandDims(0); // [1, dModel]
                    double[] all = doubles(transcoders.encode(layer, here));
                    IntStream.range(0, values.length)
                            .filter(i -> features.get(i).layer() == layer
                                    && features.get(i).position() == position)
                            .forEach(i -> values[i] = all[features.get(i).index()]);
                }
            }
        }
        return values;
    }

    private static double[] doubles(NDArray array) {
        return array.toType(DataType.FLOAT64, false).toDoubleArray();
    }

    @Override
    public void close() {
        owner.ifPresent(own -> {
            logits.close();
            own.close();
        });
    }
}
