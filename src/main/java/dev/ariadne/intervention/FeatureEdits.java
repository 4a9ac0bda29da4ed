package dev.ariadne.intervention;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.ariadne.attribution.ReplacementModel;
import dev.ariadne.tensor.Tensors;
import dev.ariadne.transcoder.Transcoders;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** The features that are set in a batch of texts of one length: by layer, what each cell (row, position) wants of each feature. */
final class FeatureEdits {
    private final Transcoders transcoders;
    private final int pos;
    private final int zeroed;
    private final TreeMap<Integer, Map<Integer, Map<Integer, Double>>> wanted = new TreeMap<>(); // layer, cell, feature

    private FeatureEdits(Transcoders transcoders, int pos, int zeroed) {
        this.transcoders = transcoders;
        this.pos = pos;
        this.zeroed = zeroed;
    }

    /**
     * Resolves positions; of settings of one feature at one token the last one counts.
     *
     * @param rows the settings of each text
     * @param pos how many tokens each has
     * @throws IllegalArgumentException when a layer, a feature or a position does not exist
     */
    static FeatureEdits of(ReplacementModel replacement, List<List<Setting>> rows, int pos) {
        FeatureEdits edits = new FeatureEdits(replacement.transcoders(), pos, replacement.zeroed());
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
        FeatureEdits edits = new FeatureEdits(replacement.transcoders(), 1, 0);
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

    /** The first of these layers; how many layers there are, where nothing is set. */
    int firstLayer() {
        return wanted.isEmpty() ? transcoders.size() : wanted.firstKey();
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

    /** The first position at which a feature is set; 0 where none is. */
    int position() {
        return wanted.values().stream()
                .flatMap(cells -> cells.keySet().stream())
                .mapToInt(cell -> cell % pos)
                .min()
                .orElse(0);
    }

    /** Where a cell is in an array that has the last positions of each row only. */
    private long place(int cell, long shown) {
        return cell / pos * shown + cell % pos - (pos - shown);
    }

    /**
     * How much each feature that is set must change: what is wanted minus what there is.
     *
     * @param x what the layer's encoder reads, at the last positions [row, pos, dModel], or [1, pos, dModel] where it is the same in all rows
     * @return [set cell, feature], 0 where nothing is set
     */
    double[] changes(int layer, NDArray x) {
        long[] features = features(layer);
        List<Integer> set = List.copyOf(at(layer).keySet());
        double[] changes = new double[set.size() * features.length];
        long shown = x.getShape().get(1);
        boolean one = x.getShape().get(0) == 1;
        try (NDManager scope = x.getManager().newSubManager()) {
            NDArray flat = Tensors.alias(x, scope).reshape(-1, x.getShape().get(2));
            NDArray ids = scope.create(set.stream()
                    .mapToLong(cell -> place(one ? cell % pos : cell, shown))
                    .toArray());
            NDArray now = transcoders.encode(layer, Tensors.embedding(ids, flat), features); // [set cell, feature]
            double[] current = now.toType(DataType.FLOAT64, false).toDoubleArray();
            for (int i = 0; i < set.size(); i++) {
                boolean silent = set.get(i) % pos < zeroed;
                for (Map.Entry<Integer, Double> each :
                        at(layer).getOrDefault(set.get(i), Map.of()).entrySet()) {
                    int at = i * features.length + Arrays.binarySearch(features, each.getKey());
                    changes[at] = each.getValue() - (silent ? 0 : current[at]);
                }
            }
        }
        return changes;
    }

    /** Adds what changed features of a layer write into an MLP output, at the last positions [row, pos, dModel]. */
    NDArray add(NDArray out, int layer, int target, double[] changes) {
        NDManager scope = out.getManager();
        long[] features = features(layer);
        long width = out.getShape().get(2);
        NDArray by = scope.create(changes, new Shape(changes.length / features.length, features.length))
                .toType(out.getDataType(), false);
        NDArray rows = transcoders.decoderRows(layer, features, target, scope).toType(out.getDataType(), false);
        NDArray written =
                scope.zeros(new Shape(1, width), out.getDataType()).concat(by.matMul(rows)); // nothing, set cell
        long[] which = new long[(int) (out.size() / width)];
        int next = 1;
        for (int cell : at(layer).keySet()) {
            which[(int) place(cell, out.getShape().get(1))] = next++;
        }
        return out.add(Tensors.embedding(scope.create(which), written).reshape(out.getShape()));
    }
}
