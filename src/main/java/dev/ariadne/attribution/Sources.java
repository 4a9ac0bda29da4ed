package dev.ariadne.attribution;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.ariadne.tensor.Tensors;
import dev.ariadne.transcoder.Transcoders;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * What is written into one layer's MLP output: features, scaled by their activation, and the error; by position.
 *
 * @param vectors [source, dModel], sorted by position
 * @param columns the node of each source
 * @param from [position] the first source at each position, and behind the last
 */
@SuppressWarnings("ArrayRecordComponent") // package-private, not shared
record Sources(NDArray vectors, int[] columns, int[] from) {
    /** One source before they are sorted. */
    private record Source(int position, int column, int row) {}

    /** Gathers the sources of a layer; owner owns the vectors. */
    static Sources of(CleanRun run, Transcoders transcoders, int layer, NDManager owner) {
        ActiveFeatures active = run.features();
        int pos = active.tokens().length;
        List<Source> sources = new ArrayList<>();
        try (NDManager scope = owner.newSubManager()) {
            NDList parts = new NDList();
            for (int from = 0; from <= layer; from++) {
                int first = active.from(from, 0);
                int last = active.from(from + 1, 0);
                if (first < last && transcoders.lastWritten(from) >= layer) {
                    for (int place = first; place < last; place++) {
                        sources.add(new Source(active.feature(place).position(), place, sources.size()));
                    }
                    parts.add(scaled(active, transcoders, from, layer, scope, run.type()));
                }
            }
            for (int position = 0; position < pos; position++) {
                sources.add(new Source(position, active.size() + layer * pos + position, sources.size()));
            }
            parts.add(Tensors.alias(run.error(layer), scope));
            sources.sort(Comparator.comparingInt(Source::position).thenComparingInt(Source::column));
            NDArray order = scope.create(sources.stream().mapToLong(Source::row).toArray());
            NDArray vectors = Tensors.embedding(order, NDArrays.concat(parts, 0));
            vectors.attach(owner);
            int[] from = new int[pos + 1];
            sources.forEach(source -> from[source.position() + 1]++);
            for (int position = 0; position < pos; position++) {
                from[position + 1] += from[position];
            }
            return new Sources(
                    vectors, sources.stream().mapToInt(Source::column).toArray(), from);
        }
    }

    private static NDArray scaled(
            ActiveFeatures active, Transcoders transcoders, int from, int target, NDManager scope, DataType type) {
        int first = active.from(from, 0);
        int last = active.from(from + 1, 0);
        long[] features = IntStream.range(first, last)
                .mapToLong(place -> active.feature(place).index())
                .toArray();
        double[] strengths =
                IntStream.range(first, last).mapToDouble(active::activation).toArray();
        return transcoders
                .decoderRows(from, features, target, scope)
                .toType(type, false)
                .mul(scope.create(strengths, new Shape(strengths.length, 1)).toType(type, false));
    }

    int at(int position) {
        return from[position + 1] - from[position];
    }
}
