package dev.ariadne.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.ariadne.model.Forward.Positional;
import dev.ariadne.model.ModelConfig.Llama3Scaling;
import dev.ariadne.model.ModelConfig.Rotary;

/**
 * Arrays that a forward pass needs besides the weights, made once per model.
 *
 * @param scale 1 / sqrt(dHead)
 * @param eps the norm's epsilon
 * @param cos [nCtx, 1, dHead]; a scalar without rotary positions
 * @param sin [nCtx, 1, dHead], negative in its first half; a scalar without rotary positions
 */
record Constants(NDArray scale, NDArray eps, NDArray cos, NDArray sin) {
    static Constants of(NDManager manager, ModelConfig config, DataType type) {
        NDArray scale = scalar(manager, 1 / Math.sqrt(config.dHead()), type);
        NDArray eps = scalar(manager, config.eps(), type);
        if (config.rotary().isEmpty()) {
            return new Constants(scale, eps, scale, scale);
        }
        double[] frequencies = frequencies(config.rotary().get(), config.dHead());
        int half = frequencies.length;
        double[] cos = new double[config.nCtx() * 2 * half];
        double[] sin = new double[cos.length];
        for (int pos = 0; pos < config.nCtx(); pos++) {
            for (int i = 0; i < half; i++) {
                int at = pos * 2 * half + i;
                double angle = pos * (float) frequencies[i]; // float32 angles, as the peers compute them
                cos[at] = Math.cos(angle);
                cos[at + half] = cos[at];
                sin[at + half] = Math.sin(angle);
                sin[at] = -sin[at + half];
            }
        }
        Shape shape = new Shape(config.nCtx(), 1, 2L * half);
        return new Constants(scale, eps, table(manager, cos, shape, type), table(manager, sin, shape, type));
    }

    /** Cuts the tables to a run's positions, owned by the run. */
    Positional positional(NDManager run, long pos) {
        float[] mask = new float[Math.toIntExact(pos * pos)];
        for (int query = 0; query < pos; query++) {
            for (int key = query + 1; key < pos; key++) {
                mask[(int) (query * pos + key)] = Float.NEGATIVE_INFINITY;
            }
        }
        NDArray causal = run.create(mask, new Shape(pos, pos));
        causal = causal.toType(scale.getDataType(), false);
        if (cos.getShape().dimension() == 0) {
            return new Positional(causal, cos, sin);
        }
        NDIndex rows = new NDIndex("0:" + pos);
        return new Positional(causal, cos.get(run, rows), sin.get(run, rows));
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

    private static NDArray table(NDManager manager, double[] values, Shape shape, DataType type) {
        if (type == DataType.FLOAT64) {
            return manager.create(values, shape);
        }
        float[] narrow = new float[values.length];
        for (int i = 0; i < values.length; i++) {
            narrow[i] = (float) values[i];
        }
        return manager.create(narrow, shape);
    }
}
