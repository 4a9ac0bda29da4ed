package dev.ariadne.intervention;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.ariadne.attribution.ReplacementModel;
import dev.ariadne.tensor.Tensors;
import dev.ariadne.transcoder.Transcoders;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** The features that are set in a batch of texts of one length: by layer, what each cell (row, position) wants of each feature. */
final class FeatureEdits {
    private final ReplacementModel replacement;
    private final Transcoders transcoders;
    private final int pos;
    private final int cells;
    private final TreeMap<Integer, Map<Integer, Map<Integer, Double>>> wanted = new TreeMap<>(); // layer, cell, feature

    private FeatureEdits(ReplacementModel replacement, int rows, int pos) {
        this.replacement = replacement;
        this.transcoders = replacement.transcoders();
        this.pos = pos;
        this.cells = rows * pos;
    }

    /**
     * Resolves positions; of settings of one feature at one token the last one counts.
     *
     * @param rows the settings of each text
     * @param pos how many tokens each has
     * @throws IllegalArgumentException when a layer, a feature or a position does not exist
     */
    static FeatureEdits of(ReplacementModel replacement, List<List<Setting>> rows, int pos) {
        FeatureEdits edits = new FeatureEdits(replacement, rows.size(), pos);
        for (int row = 0; row < rows.size(); row++) {
            for (Setting setting : rows.get(row)) {
                int[] positions = setting.positions().in(pos);
                for (int i = 0; i < positions.length; i++) {
                    edits.set(setting, row * pos + positions[i], setting.value(i, positions.length));
                }
            }
        }
        return edits;
    }

    /** For a token that is generated: slices without an end apply to it, whatever their start, and nothing else does. */
    static FeatureEdits generated(ReplacementModel replacement, List<Setting> settings) {
        FeatureEdits edits = new FeatureEdits(replacement, 1, 1);
        for (Setting setting : settings) {
            if (setting.positions().open()) {
                edits.set(setting, 0, setting.value(0, 1));
            }
        }
        return edits;
    }

    private void set(Setting setting, int cell, double value) {
        int layer = setting.layer();
        if (layer >= transcoders.size() || setting.index() >= transcoders.features(layer)) {
            throw new IllegalArgumentException("there is no feature " + setting.index() + " in layer " + layer
                    + ": there are layers 0 to " + (transcoders.size() - 1)
                    + (layer < transcoders.size() ? ", and features 0 to " + (transcoders.features(layer) - 1) : ""));
        }
        wanted.computeIfAbsent(layer, l -> new TreeMap<>())
                .computeIfAbsent(cell, c -> new LinkedHashMap<>())
                .put(setting.index(), value);
    }

    /** The layers with features that are set, in order. */
    List<Integer> layers() {
        return List.copyOf(wanted.keySet());
    }

    private Map<Integer, Map<Integer, Double>> at(int layer) {
        return wanted.getOrDefault(layer, Map.of());
    }

    private long[] features(int layer) {
        return at(layer).values().stream()
                .flatMap(cell -> cell.keySet().stream())
                .mapToLong(Integer::longValue)
                .sorted()
                .distinct()
                .toArray();
    }

    /**
     * How much each feature that is set must change: what is wanted minus what there is.
     *
     * @param x what the layer's encoder reads, [row or 1, pos, dModel]
     * @return [cell, feature], 0 where nothing is set
     */
    double[] changes(int layer, NDArray x) {
        long[] features = features(layer);
        double[] changes = new double[cells * features.length];
        List<Integer> cellsSet = new ArrayList<>(at(layer).keySet());
        int known = (int) (x.getShape().get(0) * pos); // a clean run has one row, for all
        try (NDManager scope = x.getManager().newSubManager()) {
            NDArray flat = Tensors.alias(x, scope).reshape(known, x.getShape().get(2));
            NDArray ids = scope.create(
                    cellsSet.stream().mapToLong(cell -> cell % known).toArray());
            NDArray now = transcoders.encode(layer, Tensors.embedding(ids, flat)); // [set cell, feature]
            double[] current = now.toType(DataType.FLOAT64, false).toDoubleArray();
            int width = transcoders.features(layer);
            for (int i = 0; i < cellsSet.size(); i++) {
                int cell = cellsSet.get(i);
                boolean silent = cell % pos < zeroed();
                for (Map.Entry<Integer, Double> one :
                        at(layer).getOrDefault(cell, Map.of()).entrySet()) {
                    int column = Arrays.binarySearch(features, one.getKey());
                    double was = silent ? 0 : current[i * width + one.getKey()];
                    changes[cell * features.length + column] = one.getValue() - was;
                }
            }
        }
        return changes;
    }

    private int zeroed() {
        return replacement.zeroed();
    }

    /** Adds what changed features of a layer write into an MLP output [row, pos, dModel]. */
    NDArray add(NDArray out, int layer, int target, double[] changes) {
        NDManager scope = out.getManager();
        long[] features = features(layer);
        NDArray rows = transcoders.decoderRows(layer, features, target, scope).toType(out.getDataType(), false);
        NDArray by = scope.create(changes, new Shape(cells, features.length)).toType(out.getDataType(), false);
        return out.add(by.matMul(rows).reshape(out.getShape()));
    }
}
