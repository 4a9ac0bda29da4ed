package dev.ariadne.transcoder;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.ariadne.tensor.Tensors;
import org.jspecify.annotations.Nullable;

/**
 * What turns an MLP's input into features: f(x·Wᵀ + b). Computes in the type of x, and gives results to the manager of x.
 *
 * @param activation f
 * @param w [feature, dModel]
 * @param b [feature]
 * @param threshold of JUMP_RELU, [] or [feature]
 * @param k of TOP_K, an integer scalar array
 */
record Encoder(
        Activation activation,
        Matrix w,
        NDArray b,
        @Nullable NDArray threshold,
        NDArray k) {
    static Encoder of(NDManager manager, Activation activation, Matrix w, NDArray b, @Nullable NDArray threshold) {
        return new Encoder(activation, w, b, threshold, manager.create((long) activation.k()));
    }

    int features() {
        return (int) w.rows();
    }

    int dModel() {
        return w.width();
    }

    /** x [..., dModel] → [..., feature]. */
    NDArray preactivations(NDArray x) {
        return w.read(x, b);
    }

    /** f of pre-activations [..., feature]. */
    NDArray activate(NDArray pre) {
        return switch (activation.kind()) {
            case RELU -> pre.getNDArrayInternal().relu();
            case TOP_K -> Tensors.largest(pre, k);
            case JUMP_RELU -> {
                if (threshold == null) {
                    throw new AssertionError("JumpReLU without a threshold");
                }
                yield pre.mul(pre.gt(like(threshold, pre)).toType(pre.getDataType(), false));
            }
        };
    }

    /** A weight in the type of an array that it meets, owned by that array's manager. */
    static NDArray like(NDArray weight, NDArray x) {
        return Tensors.alias(weight, x.getManager()).toType(x.getDataType(), false);
    }
}
