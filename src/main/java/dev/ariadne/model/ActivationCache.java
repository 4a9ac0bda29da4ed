package dev.ariadne.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.ariadne.model.Runner.Gradients;
import dev.ariadne.model.weights.NearestNames;
import dev.ariadne.view.Displayable;
import dev.ariadne.view.View;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The activations of one run, in the order of the forward pass, and its logits; after {@link HookedTransformer#runWithGradients} also
 * the gradients. Owns its arrays: closing it frees them.
 */
public final class ActivationCache implements Displayable, AutoCloseable {
    private final Map<HookName, NDArray> arrays;
    private final Logits logits;
    private final long[][] tokens;
    private final HookedTransformer model;
    private final Optional<Gradients> gradients;
    private final Leak leak;
    private volatile boolean closed;

    ActivationCache(
            NDManager owner,
            Map<HookName, NDArray> arrays,
            Logits logits,
            long[][] tokens,
            HookedTransformer model,
            Optional<Gradients> gradients) {
        this.arrays = arrays;
        this.logits = logits;
        this.tokens = tokens;
        this.model = model;
        this.gradients = gradients;
        this.leak = Leak.watch(this, owner::close);
    }

    /** The logits of the run [batch, pos, dVocab]; freed with the cache. */
    public Logits logits() {
        return logits;
    }

    /** The names of what is kept, in the order of the forward pass. */
    public List<HookName> names() {
        return List.copyOf(arrays.keySet());
    }

    /**
     * An activation.
     *
     * @param name for example {@code blocks.0.attn.hook_pattern}
     * @throws IllegalArgumentException when it is not kept, with the nearest names that are
     */
    public Activation get(String name) {
        return activation(name, "", arrays);
    }

    /** An activation by its short name and layer: {@code get("pattern", 0)}. */
    public Activation get(String shortName, int layer) {
        return get(HookName.of(shortName, layer).toString());
    }

    /**
     * The gradient of the metric with respect to an activation, of the same shape.
     *
     * @throws IllegalStateException when the run took no gradients
     */
    public Activation grad(String name) {
        return activation(name, "gradient at ", gradients().grads());
    }

    /** The gradient with respect to an activation by its short name and layer. */
    public Activation grad(String shortName, int layer) {
        return grad(HookName.of(shortName, layer).toString());
    }

    /**
     * The value of the metric that was differentiated.
     *
     * @throws IllegalStateException when the run took no gradients
     */
    public double metric() {
        return gradients().metric();
    }

    private Gradients gradients() {
        return gradients.orElseThrow(() -> new IllegalStateException(
                "this run took no gradients; use model.runWithGradients(prompt, metric, names)"));
    }

    void requireOpen() {
        if (closed) {
            throw new IllegalStateException("this cache is closed and its arrays are freed; run the model again");
        }
    }

    private Activation activation(String name, String prefix, Map<HookName, NDArray> from) {
        requireOpen();
        for (Map.Entry<HookName, NDArray> entry : from.entrySet()) {
            if (entry.getKey().toString().equals(name)) {
                List<List<String>> strings =
                        Arrays.stream(tokens).map(model::pieces).toList();
                return new Activation(entry.getKey(), prefix + name, entry.getValue(), strings, this);
            }
        }
        HookName.of(name); // another error when there is no such hook at all
        List<String> kept = from.keySet().stream().map(HookName::toString).toList();
        throw new IllegalArgumentException("'" + name + "' was not kept; the nearest of the " + kept.size()
                + " kept are " + String.join(", ", NearestNames.of(name, kept, 3))
                + "; name it in the run's filter to keep it");
    }

    @Override
    public View view() {
        List<List<String>> rows = new ArrayList<>();
        arrays.forEach((name, array) -> rows.add(List.of(
                name.toString(),
                String.join(", ", name.axes()),
                array.getShape().toString())));
        return new View.Table(arrays.size() + " activations", List.of("name", "axes", "shape"), rows);
    }

    @Override
    public String toString() {
        return "ActivationCache of " + arrays.size() + " activations"
                + (gradients.isPresent() ? " with gradients" : "");
    }

    /** Frees the activations, gradients and logits. */
    @Override
    public void close() {
        closed = true;
        logits.close();
        leak.close();
    }
}
