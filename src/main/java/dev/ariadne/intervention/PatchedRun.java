package dev.ariadne.intervention;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.DataType;
import dev.ariadne.attribution.ReplacementModel;
import dev.ariadne.model.Logits;
import dev.ariadne.tensor.Tensors;
import dev.ariadne.transcoder.Feature;
import dev.ariadne.transcoder.Transcoders;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What the model makes of a prompt whose features were set. Activations are what encoders read in that run: of a feature that was set, not the
 * value it was set to. They are computed when they are asked for. Row 0 where several interventions ran side by side.
 */
public final class PatchedRun implements AutoCloseable {
    private final ReplacementModel replacement;
    private final Transcoders transcoders;
    private final Optional<NDManager> owner; // none: the arrays are another's
    private final Logits logits;
    private final List<NDArray> clean; // what encoders read without an intervention [1, pos, dModel]
    private final List<Part> parts;
    private final long[] places; // of each row, among those of all parts

    /**
     * Rows that ran together.
     *
     * @param inputs what encoders read in the layers that ran [row, last pos, dModel], by layer
     * @param rows how many
     */
    record Part(Map<Integer, NDArray> inputs, int rows) {}

    PatchedRun(
            ReplacementModel replacement,
            Optional<NDManager> owner,
            Logits logits,
            List<NDArray> clean,
            List<Part> parts,
            long[] places) {
        this.replacement = replacement;
        this.transcoders = replacement.transcoders();
        this.owner = owner;
        this.logits = logits;
        this.clean = List.copyOf(clean);
        this.parts = List.copyOf(parts);
        this.places = places;
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
        try (NDManager scope = clean.get(layer).getManager().newSubManager()) {
            NDArray before = Tensors.alias(clean.get(layer), scope).get(0); // [pos, dModel]
            NDArray now = changed(0, layer, scope); // [last pos, dModel]
            long same =
                    now == null ? 0 : before.getShape().get(0) - now.getShape().get(0);
            NDArray x = now == null
                    ? before
                    : same == 0 ? now : before.get(new NDIndex(":" + same)).concat(now, 0);
            double[] flat = doubles(active ? transcoders.encode(layer, x) : transcoders.preactivations(layer, x));
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
        Map<List<Integer>, List<Integer>> places = new LinkedHashMap<>(); // layer and position: which of them
        for (int i = 0; i < values.length; i++) {
            Feature feature = features.get(i);
            if (feature.position() >= replacement.zeroed()) {
                places.computeIfAbsent(List.of(feature.layer(), feature.position()), place -> new ArrayList<>())
                        .add(i);
            }
        }
        places.forEach((place, which) -> {
            int layer = place.get(0);
            long[] chosen =
                    which.stream().mapToLong(i -> features.get(i).index()).toArray();
            try (NDManager scope = clean.get(layer).getManager().newSubManager()) {
                double[] found = doubles(transcoders.encode(layer, at(row, layer, place.get(1), scope), chosen));
                for (int i = 0; i < found.length; i++) {
                    values[which.get(i)] = found[i];
                }
            }
        });
        return values;
    }

    /** What a layer's encoder read at a token [1, dModel]. */
    private NDArray at(int row, int layer, int position, NDManager scope) {
        NDArray before = Tensors.alias(clean.get(layer), scope).get(0); // [pos, dModel]
        NDArray now = changed(row, layer, scope);
        long same = now == null ? 0 : before.getShape().get(0) - now.getShape().get(0);
        return (now == null || position < same ? before.get(position) : now.get(position - same)).expandDims(0);
    }

    /** What a layer's encoder read at the last tokens [last pos, dModel]; null where the layer did not run. */
    private @Nullable NDArray changed(int row, int layer, NDManager scope) {
        long place = places[row];
        for (Part part : parts) {
            if (place < part.rows()) {
                NDArray all = part.inputs().get(layer);
                return all == null ? null : Tensors.alias(all, scope).get(place);
            }
            place -= part.rows();
        }
        throw new AssertionError("row " + row + " of " + places.length);
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
