package dev.ariadne.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.ariadne.model.Forward.Positional;
import dev.ariadne.model.ModelConfig.Llama3Scaling;
import dev.ariadne.model.ModelConfig.Rotary;
import java.util.Arrays;

/**
 * What a forward pass needs besides the weights, made once per model.
 *
 * @param scale 1 / sqrt(dHead)
 * @param eps the norm's epsilon
 * @param frequencies one per pair of a rotary head; empty without rotary positions
 */
@SuppressWarnings("ArrayRecordComponent") // never leaves the package, never changed
record Constants(NDArray scale, NDArray eps, double[] frequencies) {
    static Constants of(NDManager manager, ModelConfig config, DataType type) {
        NDArray scale = scalar(manager, 1 / Math.sqrt(config.dHead()), type);
        NDArray eps = scalar(manager, config.eps(), type);
        double[] frequencies = config.rotary()
                .map(rotary -> frequencies(rotary, config.dHead()))
                .orElse(new double[0]);
        return new Constants(scale, eps, frequencies);
    }

    /** Makes what a run's positions need, owned by the run; no table of the whole context is ever held. */
    Positional positional(NDManager run, long pos) {
        DataType type = scale.getDataType();
        double[] mask = new double[Math.toIntExact(pos * pos)];
        for (int query = 0; query < pos; query++) {
            Arrays.fill(mask, (int) (query * pos + query + 1), (int) ((query + 1) * pos), Double.NEGATIVE_INFINITY);
        }
        NDArray causal = array(run, mask, new Shape(pos, pos), type);
        int half = frequencies.length;
        if (half == 0) {
            return new Positional(causal, scale, scale);
        }
        double[] cos = new double[Math.toIntExact(pos * 2 * half)];
        double[] sin = new double[cos.length];
        for (int p = 0; p < pos; p++) {
            for (int i = 0; i < half; i++) {
                int at = p * 2 * half + i;
                double angle = p * (float) frequencies[i]; // float32 angles, as the peers compute them
                cos[at] = Math.cos(angle);
                cos[at + half] = cos[at];
                sin[at + half] = Math.sin(angle);
                sin[at] = -sin[at + half];
            }
        }
        Shape shape = new Shape(pos, 1, 2L * half);
        return new Positional(causal, array(run, cos, shape, type), array(run, sin, shape, type));
    }

    /** Inverse wavelengths, one per pair (Su et al. 2021, §3.2.2), with Llama 3's scaling where the model has it. */
    private static double[] frequencies(Rotary rotary, int dims) {
        double[] frequencies = new double[dims / 2];
        for (int i = 0; i < frequencies.length; i++) {
            double plain = 1 / Math.pow(rotary.base(), 2.0 * i / dims);
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

    private static NDArray scalar(NDManager manager, double value, DataType type) {
        return type == DataType.FLOAT64
                ? manager.create(value)
                : manager.create((float) value).toType(type, false);
    }

    private static NDArray array(NDManager manager, double[] values, Shape shape, DataType type) {
        if (type == DataType.FLOAT64) {
            return manager.create(values, shape);
        }
        float[] narrow = new float[values.length];
        for (int i = 0; i < values.length; i++) {
            narrow[i] = (float) values[i];
        }
        return manager.create(narrow, shape).toType(type, false);
    }
}
