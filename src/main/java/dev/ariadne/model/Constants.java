package dev.ariadne.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;

/**
 * Numbers of the configuration as arrays, made once per model.
 *
 * @param scale 1 / attnScale
 * @param eps the norm's epsilon
 * @param embedScale what the token embedding is multiplied by
 * @param scoreSoftcap the cap of attention scores, if there is one
 * @param logitSoftcap the cap of logits, if there is one
 * @param topK how many activations of the MLP are kept, an integer
 */
record Constants(
        NDArray scale, NDArray eps, NDArray embedScale, NDArray scoreSoftcap, NDArray logitSoftcap, NDArray topK) {
    static Constants of(NDManager manager, ModelConfig config, DataType type) {
        return new Constants(
                scalar(manager, 1 / config.attnScale(), type),
                scalar(manager, config.eps(), type),
                scalar(manager, config.embedScale(), type),
                scalar(manager, config.scoreSoftcap(), type),
                scalar(manager, config.logitSoftcap(), type),
                manager.create((long) config.topK()));
    }

    /** The floating-point type the model computes in. */
    DataType type() {
        return scale.getDataType();
    }

    private static NDArray scalar(NDManager manager, double value, DataType type) {
        return type == DataType.FLOAT64
                ? manager.create(value)
                : manager.create((float) value).toType(type, false);
    }

    static NDArray array(NDManager manager, double[] values, Shape shape, DataType type) {
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
