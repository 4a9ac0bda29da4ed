package dev.ariadne.transcoder;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
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

    /** Some features of x [..., dModel] → [..., chosen]; the others are computed only where they compete for places. */
    NDArray encode(NDArray x, long[] chosen) {
        NDManager scope = x.getManager();
        if (activation.kind() == Activation.Kind.TOP_K) {
            NDArray all = activate(preactivations(x)); // [..., feature]
            Shape shape = all.getShape();
            NDArray some = Tensors.embedding(
                    scope.create(chosen), all.reshape(-1, features()).transpose()); // [chosen, row]
            return some.transpose()
                    .reshape(shape.slice(0, shape.dimension() - 1).add(chosen.length));
        }
        NDArray ids = scope.create(chosen);
        NDArray pre =
                Tensors.linear(x, like(w.rows(chosen, scope), x), like(b, x).get(ids));
        NDArray theta = threshold;
        if (theta != null && theta.getShape().dimension() > 0) { // one for each feature
            theta = Tensors.alias(theta, scope).get(ids);
        }
        return activate(pre, theta);
    }

    /** f of pre-activations [..., feature]. */
    NDArray activate(NDArray pre) {
        return activate(pre, threshold);
    }

    private NDArray activate(NDArray pre, @Nullable NDArray theta) {
        return switch (activation.kind()) {
            case RELU -> pre.getNDArrayInternal().relu();
            case TOP_K -> Tensors.largest(pre, k);
            case JUMP_RELU -> {
                if (theta == null) {
                    throw new AssertionError("JumpReLU without a threshold");
                }
                yield pre.mul(pre.gt(like(theta, pre)).toType(pre.getDataType(), false));
            }
        };
    }

    /** A weight in the type of an array that it meets, owned by that array's manager. */
    static NDArray like(NDArray weight, NDArray x) {
        return Tensors.alias(weight, x.getManager()).toType(x.getDataType(), false);
    }
}
