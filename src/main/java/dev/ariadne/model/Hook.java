package dev.ariadne.model;

import ai.djl.ndarray.NDArray;
import dev.ariadne.tensor.Tensors;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;

/**
 * A function on an activation, for the length of one run.
 *
 * <p>A hook is an argument of a run: nothing stays on the model afterwards. Several hooks on one point run in the order given.
 *
 * @param point a hook name, a pattern with {@code *} ("blocks.*.hook_mlp_out"), or a short name for all layers
 *     ("mlp_out") or one ("mlp_out3"); aliases as in {@link HookName#of(String, int)}
 * @param edit takes the activation and its name, returns its replacement, of the same shape and type
 */
public record Hook(String point, BiFunction<NDArray, HookName, NDArray> edit) {
    /**
     * Replaces an activation.
     *
     * @param point a hook name, a pattern with {@code *}, or a short name for all layers
     * @param edit takes the activation, returns its replacement; arrays it makes are freed with the layer, or with the run where gradients are
     *     asked for; there it multiplies by a number with {@link Tensors#times}, not with {@code mul}, whose number is freed before it is read
     */
    public static Hook at(String point, UnaryOperator<NDArray> edit) {
        return new Hook(point, (x, name) -> edit.apply(x));
    }

    /** Replaces an activation, told which one it is. */
    public static Hook at(String point, BiFunction<NDArray, HookName, NDArray> edit) {
        return new Hook(point, edit);
    }

    /**
     * Puts an array in an activation's place. It does not depend on what it replaces: queries, keys and scores are not computed for a pattern that
     * is given, unless another hook asks for them.
     *
     * @param point a hook name, a pattern with {@code *}, or a short name for all layers
     * @param value of the activation's shape, or with one row that stands for every row of a batch; left to its owner
     */
    public static Hook given(String point, NDArray value) {
        return new Hook(point, new Given(value));
    }

    /** Looks at an activation without changing it. The array is only valid during the call: copy what is to be kept. */
    public static Hook observe(String point, Consumer<NDArray> look) {
        return new Hook(point, (x, name) -> {
            look.accept(x);
            return x;
        });
    }
}
