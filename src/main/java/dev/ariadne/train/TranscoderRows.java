package dev.ariadne.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ariadne.model.Hook;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.model.Logits;
import dev.ariadne.view.Progress;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.IntStream;

/**
 * What an MLP reads and writes, one row for each distinct prefix of a corpus, and one for each distinct input: else the words that stand in every
 * sentence would drown the others.
 */
@SuppressWarnings("ArrayRecordComponent") // of this package alone, which changes none
record TranscoderRows(float[][] inputs, float[][] outputs) {
    static final TranscoderRows NONE = new TranscoderRows(new float[0][], new float[0][]);
    private static final int BATCH = 256;

    int count() {
        return inputs.length;
    }

    int width() {
        return inputs[0].length;
    }

    /** Which prefixes make rows. */
    enum Which {
        /** All. */
        ALL,
        /** Those after which a token is predicted. */
        PREDICTING
    }

    /**
     * The rows of each layer.
     *
     * @throws IllegalArgumentException when no prefix makes one
     */
    static List<TranscoderRows> of(
            HookedTransformer model, List<Example> corpus, String inputHook, String outputHook, Which which) {
        int layers = model.config().nLayers();
        List<Gathered> all = new ArrayList<>();
        List<Hook> hooks = new ArrayList<>();
        float[][][] now = new float[2][layers][]; // what the run has just read and written, by layer
        for (int i = 0; i < layers; i++) {
            int layer = i;
            all.add(new Gathered(model.config().dModel()));
            hooks.add(Hook.observe("blocks." + i + "." + inputHook, x -> now[0][layer] = x.toFloatArray()));
            hooks.add(Hook.observe("blocks." + i + "." + outputHook, y -> now[1][layer] = y.toFloatArray()));
        }
        Map<Integer, List<Example>> byLength = new TreeMap<>();
        corpus.forEach(text ->
                byLength.computeIfAbsent(text.length(), n -> new ArrayList<>()).add(text));
        Set<List<Long>> prefixes = new HashSet<>();
        try (Progress progress = Progress.of("running the corpus", corpus.size())) {
            for (List<Example> same : byLength.values()) {
                for (int from = 0; from < same.size(); from += BATCH) {
                    List<Example> some = same.subList(from, Math.min(same.size(), from + BATCH));
                    long[][] tokens = some.stream().map(Example::tokens).toArray(long[][]::new);
                    Logits ran = model.next(tokens, hooks.toArray(Hook[]::new));
                    ran.close();
                    for (int row = 0; row < tokens.length; row++) {
                        List<Long> text = Arrays.stream(tokens[row]).boxed().toList();
                        for (int at : places(some.get(row), which)) {
                            if (prefixes.add(text.subList(0, at + 1))) {
                                for (int layer = 0; layer < layers; layer++) {
                                    all.get(layer).add(now[0][layer], now[1][layer], row * text.size() + at);
                                }
                            }
                        }
                    }
                    progress.step(some.size(), "", null);
                }
            }
        }
        return all.stream().map(Gathered::rows).toList();
    }

    private static int[] places(Example text, Which which) {
        return which == Which.ALL
                ? IntStream.range(0, text.length()).toArray()
                : Arrays.stream(text.predicted()).map(at -> at - 1).toArray();
    }

    /** Rows of one layer while they are gathered. */
    private static final class Gathered {
        private final int width;
        private final Set<FloatBuffer> seen = new HashSet<>();
        private final List<float[]> inputs = new ArrayList<>();
        private final List<float[]> outputs = new ArrayList<>();

        Gathered(int width) {
            this.width = width;
        }

        void add(float[] x, float[] y, int row) {
            float[] input = Arrays.copyOfRange(x, row * width, (row + 1) * width);
            if (seen.add(FloatBuffer.wrap(input))) {
                inputs.add(input);
                outputs.add(Arrays.copyOfRange(y, row * width, (row + 1) * width));
            }
        }

        TranscoderRows rows() {
            return new TranscoderRows(inputs.toArray(float[][]::new), outputs.toArray(float[][]::new));
        }
    }

    /** Some rows as one array [row, width]. */
    static NDArray array(NDManager owner, float[][] rows, int... which) {
        int width = rows[0].length;
        float[] flat = new float[which.length * width];
        for (int i = 0; i < which.length; i++) {
            System.arraycopy(rows[which[i]], 0, flat, i * width, width);
        }
        return owner.create(flat, new Shape(which.length, width));
    }

    /** The mean of rows. */
    static double[] mean(float[][] rows) {
        double[] mean = new double[rows[0].length];
        for (float[] row : rows) {
            for (int i = 0; i < mean.length; i++) {
                mean[i] += row[i] / (double) rows.length;
            }
        }
        return mean;
    }

    /** The mean squared distance of outputs from their mean. */
    double variance() {
        double[] mean = mean(outputs);
        double sum = 0;
        for (float[] row : outputs) {
            for (int i = 0; i < mean.length; i++) {
                sum += (row[i] - mean[i]) * (row[i] - mean[i]);
            }
        }
        return sum / count();
    }
}
