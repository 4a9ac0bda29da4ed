package dev.ariadne.attribution;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.ariadne.model.ActivationCache;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.tensor.Tensors;
import dev.ariadne.transcoder.Transcoders;
import dev.ariadne.view.Progress;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.BiFunction;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** One run of the model on a prompt: what it computed, which features are active, and what they miss of each MLP's output. */
final class CleanRun implements AutoCloseable {
    private static final long MOST = 1 << 22; // numbers at a time, of a layer's features at some positions

    private final Transcoders transcoders;
    private final int zeroed; // positions at which nothing is active, the first
    private final int pos;
    private final ActivationCache cache;
    private final NDManager owner;
    private final ActiveFeatures features;
    private final List<NDArray> errors = new ArrayList<>(); // one per layer
    private final List<NDArray> constants = new ArrayList<>(); // one per layer, where positions are zeroed

    /**
     * Runs.
     *
     * @param more hook points to keep besides those that the transcoders read and stand for
     * @param names of features, by layer and number
     */
    CleanRun(
            ReplacementModel replacement,
            long[] tokens,
            List<String> more,
            BiFunction<Integer, Integer, String> names) {
        HookedTransformer model = replacement.model();
        this.transcoders = replacement.transcoders();
        this.zeroed = replacement.zeroed();
        this.pos = tokens.length;
        List<String> points = IntStream.range(0, transcoders.size())
                .boxed()
                .flatMap(layer -> Stream.of(transcoders.input(layer), transcoders.output(layer)))
                .map(Object::toString)
                .toList();
        this.cache = model.runWithCache(
                new long[][] {tokens},
                Stream.concat(points.stream(), more.stream()).distinct().toList());
        this.owner = model.newOwner();
        try {
            List<String> labels = replacement.labels(tokens);
            double operations = (double) pos * transcoders.dModel() * transcoders.features(0) * transcoders.size();
            features = Tensors.run(false, operations, () -> {
                FeatureTable table = encode();
                ActiveFeatures found =
                        new ActiveFeatures(tokens, labels, table, new double[transcoders.size()][pos], names);
                double[][] unexplained = findErrors(found);
                return new ActiveFeatures(tokens, labels, table, unexplained, names);
            });
        } catch (RuntimeException | Error e) {
            close();
            throw e;
        }
    }

    private FeatureTable encode() {
        FeatureTable table = new FeatureTable();
        try (Progress progress = Progress.of("reading features", transcoders.size())) {
            for (int layer = 0; layer < transcoders.size(); layer++) {
                encode(layer, table);
                progress.step("layer " + layer);
            }
        }
        return table;
    }

    private void encode(int layer, FeatureTable table) {
        int width = transcoders.features(layer);
        int step = (int) Math.max(1, MOST / width);
        for (int from = zeroed; from < pos; from += step) {
            try (NDManager scope = owner.newSubManager()) {
                NDArray x = at(transcoders.input(layer).toString(), scope)
                        .get(new NDIndex(from + ":" + Math.min(pos, from + step)));
                NDArray pre = transcoders.preactivations(layer, x); // [pos, feature]
                double[] before = doubles(pre);
                double[] after = doubles(transcoders.activate(layer, pre));
                for (int i = 0; i < after.length; i++) {
                    if (after[i] != 0) {
                        table.add(layer, from + i / width, i % width, before[i], after[i]);
                    }
                }
            }
        }
    }

    /** What an MLP writes that its features, bias and skip do not; nothing at zeroed positions. */
    private double[][] findErrors(ActiveFeatures active) {
        double[][] unexplained = new double[transcoders.size()][pos];
        for (int layer = 0; layer < transcoders.size(); layer++) {
            try (NDManager scope = owner.newSubManager()) {
                NDArray out = at(transcoders.output(layer).toString(), scope); // [pos, dModel]
                NDArray error = out.sub(like(transcoders.decoderBias(layer), out));
                for (int from = 0; from <= layer; from++) {
                    if (transcoders.lastWritten(from) >= layer) {
                        subtract(error, active, from, layer, scope);
                    }
                }
                if (transcoders.skip(layer).isPresent()) {
                    NDArray x = at(transcoders.input(layer).toString(), scope);
                    error.subi(Tensors.linear(x, transcoders.skip(layer).get().toType(x.getDataType(), false), null));
                }
                if (zeroed > 0) {
                    NDIndex first = new NDIndex(":" + Math.min(pos, zeroed));
                    NDArray constant = error.get(first).duplicate();
                    constant.attach(owner);
                    constants.add(constant);
                    error.set(first, 0);
                }
                double[] missed = doubles(error.norm(new int[] {1}));
                double[] written = doubles(out.norm(new int[] {1}));
                for (int i = 0; i < pos; i++) {
                    unexplained[layer][i] = missed[i] == 0 ? 0 : missed[i] / written[i];
                }
                error.attach(owner);
                errors.add(error);
            }
        }
        return unexplained;
    }

    /** Takes from each position what one layer's features write there into another layer's MLP output. */
    private void subtract(NDArray error, ActiveFeatures active, int layer, int target, NDManager parent) {
        int all = active.from(layer + 1, 0);
        int width = Math.max(1, transcoders.features(layer));
        int step = (int) Math.max(1, MOST / width);
        for (int from = zeroed; from < pos; from += step) {
            int to = Math.min(pos, from + step);
            int first = active.from(layer, from);
            int last = Math.min(all, active.from(layer, to));
            if (first >= last) {
                continue;
            }
            long[] distinct = IntStream.range(first, last)
                    .mapToLong(place -> active.feature(place).index())
                    .sorted()
                    .distinct()
                    .toArray();
            double[] precise = new double[(to - from) * distinct.length]; // [pos, feature]
            for (int place = first; place < last; place++) {
                int at = (active.feature(place).position() - from) * distinct.length
                        + Arrays.binarySearch(distinct, active.feature(place).index());
                precise[at] = active.activation(place);
            }
            try (NDManager scope = parent.newSubManager()) {
                NDArray a = scope.create(precise, new Shape(to - from, distinct.length))
                        .toType(error.getDataType(), false);
                NDArray rows = transcoders
                        .decoderRows(layer, distinct, target, scope)
                        .toType(error.getDataType(), false); // [feature, dModel]
                NDArray there = error.get(scope, new NDIndex(from + ":" + to)); // a view
                there.subi(a.matMul(rows));
            }
        }
    }

    /** An activation of the prompt, without the axis of prompts; a view. */
    NDArray at(String point, NDManager scope) {
        NDArray array = cache.get(point).array();
        return Tensors.alias(array, scope).reshape(array.getShape().slice(1));
    }

    /** A weight in the type of an array that it meets, owned by that array's manager. */
    static NDArray like(NDArray weight, NDArray x) {
        return Tensors.alias(weight, x.getManager()).toType(x.getDataType(), false);
    }

    static double[] doubles(NDArray array) {
        return array.toType(DataType.FLOAT64, false).toDoubleArray();
    }

    ActivationCache cache() {
        return cache;
    }

    ActiveFeatures features() {
        return features;
    }

    /** [pos, dModel], this run's. */
    NDArray error(int layer) {
        return errors.get(layer);
    }

    /** What an MLP writes at zeroed positions besides its bias and skip, which no node stands for: [position, dModel], this run's. */
    Optional<NDArray> constant(int layer) {
        return constants.isEmpty() ? Optional.empty() : Optional.of(constants.get(layer));
    }

    /** The type that it was computed in. */
    DataType type() {
        return errors.get(0).getDataType();
    }

    @Override
    public void close() {
        owner.close();
        cache.logits().close();
        cache.close();
    }
}
