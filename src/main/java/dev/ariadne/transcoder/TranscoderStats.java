package dev.ariadne.transcoder;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.DataType;
import dev.ariadne.model.ActivationCache;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.model.Logits;
import dev.ariadne.tensor.Tensors;
import dev.ariadne.view.Displayable;
import dev.ariadne.view.Progress;
import dev.ariadne.view.View;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * How good transcoders are on texts, each text's first token left out.
 *
 * @param layers each layer's, with the model's own activations as input
 * @param tokens how many were looked at
 * @param accuracy how often the model finds the next token of the text most probable, between 0 and 1
 * @param replaced how often it does with all its MLPs replaced
 * @param agreement how often both find the same token most probable
 */
public record TranscoderStats(List<Layer> layers, long tokens, double accuracy, double replaced, double agreement)
        implements Displayable {
    private static final int AT_ONCE = 1 << 12; // tokens, run together

    /** Copies the list. */
    public TranscoderStats {
        layers = List.copyOf(layers);
    }

    /**
     * A layer's.
     *
     * @param l0 how many features are active at a token, on average
     * @param fvu the share of the variance of the MLP's output that is not explained
     * @param dead how many features are never active, of all, between 0 and 1
     */
    public record Layer(double l0, double fvu, double dead) {}

    static TranscoderStats of(HookedTransformer model, Transcoders transcoders, List<long[]> texts) {
        transcoders.requireFits(model);
        Map<Integer, List<long[]>> byLength = new TreeMap<>();
        texts.forEach(text ->
                byLength.computeIfAbsent(text.length, n -> new ArrayList<>()).add(text));
        if (byLength.keySet().stream().noneMatch(length -> length > 1)) {
            throw new IllegalArgumentException(
                    "statistics need a text of two tokens or more, got " + texts.size() + " shorter ones");
        }
        Sums sums = new Sums(model, transcoders);
        try (Progress progress = Progress.of("measuring transcoders", texts.size())) {
            byLength.forEach((length, same) -> {
                int batch = Math.max(1, AT_ONCE / length);
                for (int from = 0; from < same.size() && length > 1; from += batch) {
                    List<long[]> some = same.subList(from, Math.min(same.size(), from + batch));
                    sums.add(some.toArray(long[][]::new));
                    progress.step(some.size(), "", null);
                }
            });
        }
        return sums.stats();
    }

    /** What adds up over texts. */
    private static final class Sums {
        private final HookedTransformer model;
        private final Transcoders transcoders;
        private final List<String> points;
        private final long[] active;
        private final double[] missed; // squared
        private final double[] written; // squared
        private final double[][] mean; // [layer][dModel], summed
        private final boolean[][] alive;
        private long tokens;
        private long asked;
        private long right;
        private long replaced;
        private long same;

        Sums(HookedTransformer model, Transcoders transcoders) {
            this.model = model;
            this.transcoders = transcoders;
            int layers = transcoders.size();
            this.points = IntStream.range(0, layers)
                    .boxed()
                    .flatMap(layer -> Stream.of(transcoders.input(layer), transcoders.output(layer)))
                    .map(Object::toString)
                    .toList();
            this.active = new long[layers];
            this.missed = new double[layers];
            this.written = new double[layers];
            this.mean = new double[layers][transcoders.dModel()];
            this.alive = IntStream.range(0, layers)
                    .mapToObj(layer -> new boolean[transcoders.features(layer)])
                    .toArray(boolean[][]::new);
        }

        void add(long[]... texts) {
            tokens += (long) texts.length * (texts[0].length - 1);
            try (ActivationCache cache = model.runWithCache(texts, points);
                    NDManager owner = model.newOwner();
                    Logits own = cache.logits();
                    Logits other = model.run(texts, transcoders.hooks())) {
                Tensors.recording(false, () -> {
                    List<NDArray> inputs = new ArrayList<>();
                    for (int layer = 0; layer < active.length; layer++) {
                        inputs.add(rows(cache, points.get(2 * layer), owner));
                        add(layer, inputs, rows(cache, points.get(2 * layer + 1), owner));
                    }
                    return inputs;
                });
                compare(own, other, texts);
            }
        }

        /** What was at a place, at all tokens but the first [row, dModel]. */
        private static NDArray rows(ActivationCache cache, String point, NDManager owner) {
            NDArray all = Tensors.alias(cache.get(point).array(), owner).get(new NDIndex(":, 1:"));
            return all.reshape(-1, all.getShape().getLastDimension());
        }

        private void add(int layer, List<NDArray> inputs, NDArray output) {
            try (NDManager scope = output.getManager().newSubManager()) {
                List<NDArray> here =
                        inputs.stream().map(x -> Tensors.alias(x, scope)).toList();
                NDArray on = transcoders.encode(layer, here.get(layer)).neq(0).toType(DataType.FLOAT32, false);
                float[] counts = on.sum(new int[] {0}).toFloatArray();
                for (int feature = 0; feature < counts.length; feature++) {
                    active[layer] += (long) counts[feature];
                    alive[layer][feature] |= counts[feature] > 0;
                }
                NDArray out = Tensors.alias(output, scope);
                missed[layer] += squares(out.sub(transcoders.reconstruct(layer, here)));
                written[layer] += squares(out);
                double[] sum =
                        out.sum(new int[] {0}).toType(DataType.FLOAT64, false).toDoubleArray();
                IntStream.range(0, sum.length).forEach(i -> mean[layer][i] += sum[i]);
            }
        }

        private static double squares(NDArray x) {
            return x.mul(x).sum().toType(DataType.FLOAT64, false).getDouble();
        }

        private void compare(Logits own, Logits other, long[]... texts) {
            long[] first = own.array().argMax(2).toLongArray(); // [batch · pos]
            long[] second = other.array().argMax(2).toLongArray();
            for (int row = 0; row < texts.length; row++) {
                for (int at = 0; at + 1 < texts[row].length; at++) {
                    int place = row * texts[row].length + at;
                    asked++;
                    right += first[place] == texts[row][at + 1] ? 1 : 0;
                    replaced += second[place] == texts[row][at + 1] ? 1 : 0;
                    same += first[place] == second[place] ? 1 : 0;
                }
            }
        }

        TranscoderStats stats() {
            List<Layer> layers = new ArrayList<>();
            for (int layer = 0; layer < active.length; layer++) {
                double center = 0;
                for (double sum : mean[layer]) {
                    center += sum * sum / tokens;
                }
                long dead = 0;
                for (boolean living : alive[layer]) {
                    dead += living ? 0 : 1;
                }
                layers.add(new Layer(
                        (double) active[layer] / tokens,
                        missed[layer] / (written[layer] - center),
                        (double) dead / alive[layer].length));
            }
            double all = asked;
            return new TranscoderStats(layers, tokens, right / all, replaced / all, same / all);
        }
    }

    @Override
    public View view() {
        List<List<String>> rows = IntStream.range(0, layers.size())
                .mapToObj(layer -> List.of(
                        Integer.toString(layer),
                        number("%.2f", layers.get(layer).l0()),
                        number("%.4f", layers.get(layer).fvu()),
                        number("%.3f", layers.get(layer).dead())))
                .toList();
        return new View.Table(toString(), List.of("layer", "L0", "FVU", "dead"), rows);
    }

    private static String number(String format, double value) {
        return String.format(Locale.ROOT, format, value);
    }

    @Override
    public String toString() {
        return String.format(
                Locale.ROOT,
                "%,d tokens: the model predicts %.3f of them, with all MLPs replaced %.3f; the same token in %.3f",
                tokens,
                accuracy,
                replaced,
                agreement);
    }
}
