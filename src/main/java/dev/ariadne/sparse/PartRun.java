package dev.ariadne.sparse;

import dev.ariadne.model.ModelConfig;
import dev.ariadne.model.ModelConfig.Activation;
import dev.ariadne.view.Progress;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Runs a part of a model on prompts: channels that are off have the values they are given, weights that are off pass what their channel would
 * be given. Plain loops over the weights that are on: a circuit has some hundred, and pruning runs it some thousand times.
 */
final class PartRun {
    private static final double GELU = Math.sqrt(2 / Math.PI);

    /** The values of what is off: one per channel, at a position of a prompt. */
    interface Absent {
        /** [channel]. */
        double[] at(int prompt, int pos);

        /** Whether it is the same everywhere. */
        default boolean isConstant() {
            return false;
        }

        /** The same at all positions. */
        static Absent constant(double[] values) {
            return new Constant(values);
        }
    }

    @SuppressWarnings("ArrayRecordComponent") // never leaves the package
    private record Constant(double[] values) implements Absent {
        @Override
        public double[] at(int prompt, int pos) {
            return values;
        }

        @Override
        public boolean isConstant() {
            return true;
        }
    }

    private final Wiring w;
    private final ModelConfig c;
    private final Part part;
    private final Absent absent;
    private final int[][] computed; // [layer and place][]: channels
    private final boolean
            constant; // what is off has one value everywhere, and nothing competes: it is put in place once
    private final boolean still; // attention's weights sum to 1 besides: what is off moves as it is
    private final int[] on; // [channel + 1]: the weights that are on come first in each row
    private final int[] source; // [edge], in the order of on and off
    private final float[] weight; // [edge]
    private final double[]
            base; // [channel]: its bias, and what the weights that are off bring where that is the same everywhere

    // of the prompt that runs
    private double[][] value = {}; // [pos][channel]
    private double[][] moved = {}; // [pos][channel]: values, as attention gathers them; only those of V are used
    private double[][] movedAbsent = {}; // the same of what stands in for values
    private double[][] stream = {}; // [pos][dModel]

    PartRun(Wiring wiring, Part part, Absent absent) {
        this.w = wiring;
        this.c = wiring.c;
        this.part = part;
        this.absent = absent;
        this.constant = absent.isConstant() && c.extras().kept() == 0;
        this.still = absent.isConstant() && w.sinks.length == 0;
        this.on = new int[w.channels];
        this.source = new int[w.edges()];
        this.weight = new float[w.edges()];
        this.base = new double[w.channels];
        this.computed = new int[c.nLayers() * Place.COUNT][];
        for (int i = 0; i < computed.length; i++) {
            Place place = Place.values()[i % Place.COUNT];
            int first = w.first(i / Place.COUNT, place);
            computed[i] = IntStream.range(first, first + place.width(c))
                    .filter(channel -> part.channels()[channel] || c.extras().kept() > 0) // those that are off compete
                    .toArray();
            for (int channel : computed[i]) {
                sort(channel);
            }
        }
    }

    private int[] computed(int layer, Place place) {
        return computed[layer * Place.COUNT + place.ordinal()];
    }

    /** Puts a channel's weights that are on before those that are off, and adds up what the latter bring if it is the same everywhere. */
    private void sort(int channel) {
        int front = w.into[channel];
        int back = w.into[channel + 1];
        double[] given = still ? absent.at(0, 0) : base; // base: not used
        base[channel] = w.bias[channel];
        for (int e = w.into[channel]; e < w.into[channel + 1]; e++) {
            boolean live = part.edges()[e] && part.channels()[w.from[e]];
            int place = live ? front++ : --back;
            source[place] = w.from[e];
            weight[place] = w.weight[e];
            base[channel] += live || !still ? 0 : w.weight[e] * given[w.from[e]];
        }
        on[channel] = front;
    }

    /** The logit differences, first answer less second, at the end of each prompt. */
    double[] differences(Prompts prompts) {
        double[] differences = new double[prompts.count()];
        Progress.checkInterrupted("a run of a circuit");
        for (int p = 0; p < differences.length; p++) {
            run(prompts.tokens()[p], p, false);
            differences[p] =
                    logit(prompts, p, prompts.firstAnswers()[p]) - logit(prompts, p, prompts.secondAnswers()[p]);
        }
        return differences;
    }

    /** All values at all positions of a prompt [pos][channel]. */
    double[][] values(long[] tokens) {
        run(tokens, 0, true);
        return Arrays.stream(value).map(double[]::clone).toArray(double[][]::new);
    }

    /** How much a head takes from each position [keyPos] at a position of the prompt that {@link #values} ran last. */
    double[] pattern(int layer, int head, int t) {
        double[] pattern = new double[t + 1];
        int offset = head * c.dHead();
        pattern(layer, head, t, w.first(layer, Place.Q) + offset, w.first(layer, Place.K) + offset, pattern);
        return pattern;
    }

    private double logit(Prompts prompts, int prompt, long token) {
        long[] tokens = prompts.tokens()[prompt];
        double[] end = stream[tokens.length - 1];
        double scale = scale(end);
        float[] row = w.unembed[(int) token];
        double sum = w.unembedBias[(int) token];
        for (int i = 0; i < row.length; i++) {
            sum += row[i] * end[i] / scale;
        }
        return w.bigrams.length > 0 ? sum + w.bigrams[(int) tokens[tokens.length - 1]][(int) token] : sum;
    }

    private void run(long[] tokens, int prompt, boolean everywhere) {
        int pos = tokens.length;
        if (value.length < pos) {
            value = new double[pos][];
            Arrays.setAll(value, t -> constant ? absent.at(prompt, t).clone() : new double[w.channels]);
            moved = new double[pos][w.channels];
            movedAbsent = new double[pos][w.channels];
            stream = new double[pos][c.dModel()];
        }
        for (int t = 0; t < pos; t++) {
            float[] row = w.embed[(int) tokens[t]];
            for (int i = 0; i < row.length; i++) {
                stream[t][i] = row[i] + (w.positions.length > 0 ? w.positions[t][i] : 0);
            }
        }
        for (int layer = 0; layer < c.nLayers(); layer++) {
            int from = everywhere || layer < c.nLayers() - 1 ? 0 : pos - 1; // the last block matters at the end only
            for (int t = 0; t < pos; t++) {
                double[] stand = absent.at(prompt, t);
                normalize(layer, Place.ATTN_IN, t, stand);
                if (t >= from) {
                    multiply(layer, Place.Q, t, value[t], stand, stand);
                }
                multiply(layer, Place.K, t, value[t], stand, stand);
                multiply(layer, Place.V, t, value[t], stand, stand);
            }
            for (int t = from; t < pos; t++) {
                double[] stand = absent.at(prompt, t);
                attend(layer, t, prompt);
                multiply(layer, Place.ATTN_OUT, t, moved[t], movedAbsent[t], stand);
                write(layer, Place.ATTN_OUT, t);
                normalize(layer, Place.MLP_IN, t, stand);
                multiply(layer, Place.NEURON, t, value[t], stand, stand);
                multiply(layer, Place.MLP_OUT, t, value[t], stand, stand);
                write(layer, Place.MLP_OUT, t);
            }
        }
    }

    private double scale(double[] x) {
        double sum = 0;
        for (double v : x) {
            sum += v * v;
        }
        return Math.sqrt(sum / x.length + c.eps());
    }

    private void normalize(int layer, Place place, int t, double[] stand) {
        int first = w.first(layer, place);
        int[] channels = computed(layer, place);
        double scale = channels.length > 0 ? scale(stream[t]) : 1;
        for (int channel : channels) {
            value[t][channel] = stream[t][channel - first] / scale;
        }
        settle(first, c.dModel(), value[t], stand);
    }

    /** What a place's channels are: their bias, and what the weights into them bring. */
    private void multiply(int layer, Place place, int t, double[] live, double[] given, double[] stand) {
        double[] out = value[t];
        for (int channel : computed(layer, place)) {
            double sum = base[channel];
            for (int e = w.into[channel]; e < on[channel]; e++) {
                sum += weight[e] * live[source[e]];
            }
            for (int e = on[channel]; !still && e < w.into[channel + 1]; e++) {
                sum += weight[e] * given[source[e]];
            }
            out[channel] = place == Place.NEURON ? activate(sum) : sum;
        }
        settle(w.first(layer, place), place.width(c), out, stand);
    }

    private double activate(double x) {
        return c.activation() == Activation.RELU
                ? Math.max(0, x)
                : 0.5 * x * (1 + Math.tanh(GELU * (x + 0.044715 * x * x * x)));
    }

    /** Keeps the largest where the model does, and gives what is off its value. */
    private void settle(int first, int width, double[] out, double[] stand) {
        if (constant) {
            return; // it is there, and nothing has been put over it
        }
        if (c.extras().kept() > 0) {
            keepLargest(first, width, out);
        }
        for (int channel = first; channel < first + width; channel++) {
            if (!part.channels()[channel]) {
                out[channel] = stand[channel];
            }
        }
    }

    private void keepLargest(int first, int width, double[] out) {
        int k = c.extras().count(width);
        int[] sizes = new int[width];
        for (int i = 0; i < width; i++) {
            sizes[i] = Float.floatToRawIntBits((float) Math.abs(out[first + i]));
        }
        int threshold = TopWeights.largest(sizes.clone(), k);
        for (int i = 0; i < width; i++) {
            if (sizes[i] < threshold) {
                out[first + i] = 0;
            }
        }
    }

    /** What each head gathers at a position, of the values and of what stands in for them. */
    private void attend(int layer, int t, int prompt) {
        int queries = w.first(layer, Place.Q);
        int keys = w.first(layer, Place.K);
        int values = w.first(layer, Place.V);
        double[] pattern = new double[t + 1];
        for (int head = 0; head < c.nHeads(); head++) {
            int offset = head * c.dHead();
            if (!still || anyOn(values + offset)) {
                pattern(layer, head, t, queries + offset, keys + offset, pattern);
                for (int channel = values + offset; channel < values + offset + c.dHead(); channel++) {
                    gather(channel, t, prompt, pattern);
                }
            }
        }
    }

    private boolean anyOn(int first) {
        for (int channel = first; channel < first + c.dHead(); channel++) {
            if (part.channels()[channel]) {
                return true;
            }
        }
        return false;
    }

    private void gather(int channel, int t, int prompt, double[] pattern) {
        if (part.channels()[channel]) {
            double sum = 0;
            for (int key = 0; key <= t; key++) {
                sum += pattern[key] * value[key][channel];
            }
            moved[t][channel] = sum;
        }
        if (!still) {
            double sum = 0;
            for (int key = 0; key <= t; key++) {
                sum += pattern[key] * absent.at(prompt, key)[channel];
            }
            movedAbsent[t][channel] = sum;
        }
    }

    private void pattern(int layer, int head, int t, int query, int key, double[] pattern) {
        List<Double> slopes = c.extras().slopes();
        double slope = slopes.isEmpty() ? 0 : slopes.get(head);
        double most = w.sinks.length > 0 ? w.sinks[layer][head] : Double.NEGATIVE_INFINITY;
        for (int s = 0; s <= t; s++) {
            double score = 0;
            for (int i = 0; i < c.dHead(); i++) {
                score += value[t][query + i] * value[s][key + i];
            }
            pattern[s] = score / c.attnScale() - slope * (t - s);
            most = Math.max(most, pattern[s]);
        }
        double sum = w.sinks.length > 0 ? Math.exp(w.sinks[layer][head] - most) : 0;
        for (int s = 0; s <= t; s++) {
            pattern[s] = Math.exp(pattern[s] - most);
            sum += pattern[s];
        }
        for (int s = 0; s <= t; s++) {
            pattern[s] /= sum;
        }
    }

    private void write(int layer, Place place, int t) {
        int first = w.first(layer, place);
        for (int i = 0; i < c.dModel(); i++) {
            stream[t][i] += value[t][first + i];
        }
    }
}
