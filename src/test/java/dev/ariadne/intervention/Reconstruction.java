package dev.ariadne.intervention;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ariadne.attribution.ReplacementModel;
import dev.ariadne.model.ActivationCache;
import dev.ariadne.tensor.Tensors;
import dev.ariadne.transcoder.Transcoders;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import java.util.stream.Stream;

/** What transcoders leave out of MLP outputs, computed with all features at once. */
final class Reconstruction {
    private Reconstruction() {}

    /** MLP output minus bias, features and skip [pos, dModel]; 0 where nothing is active by rule. */
    static NDArray error(ReplacementModel replacement, long[] tokens, int layer, NDManager owner) {
        Transcoders t = replacement.transcoders();
        List<String> points = IntStream.range(0, t.size())
                .boxed()
                .flatMap(each ->
                        Stream.of(t.input(each).toString(), t.output(each).toString()))
                .distinct()
                .toList();
        try (ActivationCache cache = replacement.model().runWithCache(new long[][] {tokens}, points)) {
            NDArray error =
                    read(cache, t.output(layer).toString(), owner).sub(Tensors.alias(t.decoderBias(layer), owner));
            for (int from = 0; from <= layer; from++) {
                if (t.lastWritten(from) >= layer) {
                    NDArray a = t.encode(from, read(cache, t.input(from).toString(), owner)); // [pos, feature]
                    long[] all = LongStream.range(0, t.features(from)).toArray();
                    error = error.sub(a.matMul(t.decoderRows(from, all, layer, owner)));
                }
            }
            if (t.skip(layer).isPresent()) {
                error = error.sub(Tensors.linear(
                        read(cache, t.input(layer).toString(), owner),
                        t.skip(layer).get(),
                        null));
            }
            return error;
        }
    }

    private static NDArray read(ActivationCache cache, String point, NDManager owner) {
        NDArray array = cache.get(point).array().duplicate();
        array.attach(owner);
        Shape shape = array.getShape();
        return array.reshape(shape.slice(1));
    }
}
