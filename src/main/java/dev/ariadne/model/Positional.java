package dev.ariadne.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.ariadne.model.ModelConfig.Llama3Scaling;
import dev.ariadne.model.ModelConfig.Rotary;
import dev.ariadne.tensor.Tensors;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * What depends on the positions of one run, owned by the run; no table of the whole context is ever held.
 *
 * @param span the rows' positions
 * @param everywhere for layers that see everything
 * @param near for layers that see a window
 */
record Positional(Span span, Reach everywhere, Reach near) {
    /**
     * The positions that a run computes.
     *
     * @param past how many tokens came before, in a cache
     * @param pos how many come now
     * @param padding how many of each row's first tokens (the past included) are padding
     */
    @SuppressWarnings("ArrayRecordComponent") // never leaves the package, never changed
    record Span(int past, int pos, int[] padding) {
        boolean padded() {
            return Arrays.stream(padding).anyMatch(count -> count > 0);
        }

        /** One row stands for all where none is padded. */
        int rows() {
            return padded() ? padding.length : 1;
        }

        /** The position of a token within its own text; padding counts as position 0. */
        int at(int row, int i) {
            return Math.max(0, past + i - (padded() ? padding[row] : 0));
        }
    }

    /**
     * Who sees whom in a layer.
     *
     * @param mask [queryPos, keyPos], or [batch, 1, queryPos, keyPos] with padding: 0, or minus infinity where the query does not see the key;
     *     where scores fall with distance, [head, queryPos, keyPos], or [batch, head, queryPos, keyPos], by how much they do
     * @param cos [pos, 1, dims], or [batch, pos, 1, dims] with padding; a scalar without rotary positions
     * @param sin the same, negative in the first half of dims
     */
    record Reach(NDArray mask, NDArray cos, NDArray sin) {}

    static Positional of(ModelConfig config, NDManager run, Span span, DataType type) {
        Reach everywhere = reach(config, run, span, type, Integer.MAX_VALUE, config.rotary());
        Reach near = config.local()
                .map(local -> reach(
                        config, run, span, type, local.window(), local.rotary().or(config::rotary)))
                .orElse(everywhere);
        return new Positional(span, everywhere, near);
    }

    Reach of(boolean local) {
        return local ? near : everywhere;
    }

    /** The learned vectors of these positions, a view of the table: [pos, dModel], or [batch, pos, dModel] with padding. */
    NDArray vectors(NDArray table, NDManager run) {
        if (!span.padded()) {
            return table.get(run, new NDIndex(span.past + ":" + (span.past + span.pos)));
        }
        long[] ids = new long[span.rows() * span.pos];
        for (int i = 0; i < ids.length; i++) {
            int position = span.at(i / span.pos, i % span.pos);
            ids[i] = Math.min(position, table.getShape().get(0) - 1); // a finished text stays in its batch, unread
        }
        return Tensors.embedding(run.create(ids, new Shape(span.rows(), span.pos)), table);
    }

    private static Reach reach(
            ModelConfig config, NDManager run, Span span, DataType type, int window, Optional<Rotary> rotary) {
        int keys = span.past + span.pos;
        double[] mask = new double[Math.toIntExact((long) span.rows() * span.pos * keys)];
        for (int i = 0; i < span.rows() * span.pos; i++) {
            int padding = span.padded() ? span.padding[i / span.pos] : 0;
            int query = span.past + i % span.pos;
            for (int key = 0; key < keys; key++) {
                boolean seen = key >= padding && query - key < window && key - query < window;
                boolean itself = key == query; // padding sees itself: a row that sees nothing would become NaN
                if (!itself && (!seen || (config.causal() && key > query))) {
                    mask[i * keys + key] = Double.NEGATIVE_INFINITY;
                }
            }
        }
        Shape shape = span.padded() ? new Shape(span.rows(), 1, span.pos, keys) : new Shape(span.pos, keys);
        NDArray masked = sloped(Constants.array(run, mask, shape, type), config, span);
        return rotary.map(r -> rotated(masked, r, run, span, type)).orElse(new Reach(masked, masked, masked));
    }

    /** Lets the scores of each head fall with distance (Press et al. 2022): the mask of all heads becomes one per head. */
    private static NDArray sloped(NDArray mask, ModelConfig config, Span span) {
        List<Double> slopes = config.extras().slopes();
        if (slopes.isEmpty()) {
            return mask;
        }
        int keys = span.past + span.pos;
        double[] fall = new double[slopes.size() * span.pos * keys];
        for (int i = 0; i < fall.length; i++) {
            int distance = Math.abs(span.past + i / keys % span.pos - i % keys);
            fall[i] = -slopes.get(i / keys / span.pos) * distance;
        }
        Shape shape = new Shape(slopes.size(), span.pos, keys);
        return mask.add(Constants.array(mask.getManager(), fall, shape, mask.getDataType()));
    }

    private static Reach rotated(NDArray mask, Rotary rotary, NDManager run, Span span, DataType type) {
        int half = rotary.dims() / 2;
        double[] frequencies = frequencies(rotary);
        double[] cos = new double[Math.toIntExact((long) span.rows() * span.pos * 2 * half)];
        double[] sin = new double[cos.length];
        for (int p = 0; p < span.rows() * span.pos; p++) {
            for (int i = 0; i < half; i++) {
                int at = p * 2 * half + i;
                // float32 angles, as the peers compute them
                double angle = span.at(p / span.pos, p % span.pos) * (float) frequencies[i];
                cos[at] = Math.cos(angle);
                cos[at + half] = cos[at];
                sin[at + half] = Math.sin(angle);
                sin[at] = -sin[at + half];
            }
        }
        Shape shape =
                span.padded() ? new Shape(span.rows(), span.pos, 1, 2L * half) : new Shape(span.pos, 1, 2L * half);
        return new Reach(mask, Constants.array(run, cos, shape, type), Constants.array(run, sin, shape, type));
    }

    /** Inverse wavelengths, one per pair (Su et al. 2021, §3.2.2), scaled where the model says so. */
    private static double[] frequencies(Rotary rotary) {
        double[] frequencies = new double[rotary.dims() / 2];
        for (int i = 0; i < frequencies.length; i++) {
            double plain = 1 / Math.pow(rotary.base(), 2.0 * i / rotary.dims()) / rotary.factor();
            frequencies[i] = rotary.scaling().map(s -> scaled(plain, s)).orElse(plain);
        }
        return frequencies;
    }

    private static double scaled(double frequency, Llama3Scaling s) {
        double wavelength = 2 * Math.PI / frequency;
        if (wavelength < s.originalContext() / s.highFrequency()) {
            return frequency;
        }
        if (wavelength > s.originalContext() / s.lowFrequency()) {
            return frequency / s.factor();
        }
        double smooth = (s.originalContext() / wavelength - s.lowFrequency()) / (s.highFrequency() - s.lowFrequency());
        return (1 - smooth) * frequency / s.factor() + smooth * frequency;
    }
}
