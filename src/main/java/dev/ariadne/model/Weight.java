package dev.ariadne.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import dev.ariadne.tensor.Tensors;
import dev.ariadne.view.Displayable;
import dev.ariadne.view.View;
import java.lang.ref.Reference;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.StringJoiner;
import java.util.stream.IntStream;

/**
 * One of a model's weights under its TransformerLens name, a view of the model's own memory: it costs next to nothing, and must not be
 * changed in place. Closing it, or losing it, frees the view and what was computed from its array; closing the model does, too.
 */
public final class Weight implements Displayable, AutoCloseable {
    private static final int SHOWN = 64; // rows and columns of a matrix that is drawn

    private final String name;
    private final List<String> axes;
    private final NDArray array;
    private final HookedTransformer model;
    private final Leak leak;
    private volatile boolean closed;

    Weight(String name, List<String> axes, NDArray array, NDManager owner, HookedTransformer model) {
        this.name = name;
        this.axes = List.copyOf(axes);
        this.array = array;
        this.model = model;
        this.leak = Leak.watch(this, owner::close);
    }

    /** The name, for example {@code blocks.0.attn.W_Q}; with an index when it is one head's part. */
    public String name() {
        return name;
    }

    /** The names of the axes, in order, for example [head, dModel, dHead]. */
    public List<String> axes() {
        return axes;
    }

    /**
     * The values, with the axes of {@link #axes()}.
     *
     * @return a view that belongs to this weight: keep the weight for as long as the array is used, and change nothing in place
     * @throws IllegalStateException when the weight or its model is closed
     */
    public NDArray array() {
        requireOpen();
        return array;
    }

    /** The sizes of the axes. */
    public long[] shape() {
        return array.getShape().getShape();
    }

    /** The values in row-major order, as float32. */
    public float[] toFloatArray() {
        requireOpen();
        try (NDArray plain = array.toType(DataType.FLOAT32, true)) {
            return plain.toFloatArray();
        } finally {
            Reference.reachabilityFence(this); // lost too early, it would free what is being read
        }
    }

    private void requireOpen() {
        if (closed) {
            throw new IllegalStateException(
                    "'" + name + "' is closed and its view is freed; take it again from model.weights()");
        }
        model.requireOpen();
    }

    /** Size and spread of the values; the norm of each head; and the values themselves where they are few. Norms are Euclidean (Frobenius). */
    @Override
    public View view() {
        requireOpen();
        try (NDManager scope = array.getManager().newSubManager()) {
            NDArray x = Tensors.alias(array, scope);
            List<View> panels = new ArrayList<>();
            panels.add(facts(x));
            if (axes.get(0).endsWith("ead") && axes.size() > 1) {
                panels.add(heads(x));
            } else if (x.getShape().dimension() == 2 && Math.max(shape()[0], shape()[1]) <= SHOWN) {
                panels.add(cells());
            }
            return panels.size() == 1 ? panels.get(0) : new View.Panels(toString(), panels);
        } finally {
            Reference.reachabilityFence(this);
        }
    }

    private View facts(NDArray x) {
        double norm = number(x.norm());
        double mean = number(x.mean());
        Map<String, String> facts = new LinkedHashMap<>();
        facts.put("norm", text(norm));
        facts.put("mean", text(mean));
        facts.put("standard deviation", text(Math.sqrt(Math.max(0, norm * norm / x.size() - mean * mean))));
        facts.put("least", text(number(x.min())));
        facts.put("largest", text(number(x.max())));
        return new View.Facts(toString(), facts);
    }

    private View heads(NDArray x) {
        NDArray norms = x.reshape(shape()[0], -1).square().sum(new int[] {1}).sqrt(); // [head]
        List<View.Bar> bars = new ArrayList<>();
        for (float norm : norms.toType(DataType.FLOAT32, false).toFloatArray()) {
            bars.add(new View.Bar(Integer.toString(bars.size()), norm));
        }
        return new View.Bars(name, axes.get(0), "norm", bars);
    }

    private View cells() {
        float[] flat = toFloatArray();
        float[][] values = new float[(int) shape()[0]][(int) shape()[1]];
        for (int i = 0; i < flat.length; i++) {
            values[i / values[0].length][i % values[0].length] = flat[i];
        }
        return new View.HeatMap(
                name,
                axes.get(0),
                numbers(values.length),
                axes.get(1),
                numbers(values[0].length),
                values,
                "weight",
                View.Scale.DIVERGING);
    }

    /** The labels 0, 1, 2 … of an axis. */
    static List<String> numbers(int count) {
        return IntStream.range(0, count).mapToObj(Integer::toString).toList();
    }

    private static double number(NDArray scalar) {
        return scalar.toType(DataType.FLOAT64, false).getDouble();
    }

    private static String text(double value) {
        return String.format(Locale.ROOT, "%.4g", value);
    }

    @Override
    public String toString() {
        StringJoiner sizes = new StringJoiner(", ", name + " [", "]");
        for (int i = 0; i < axes.size(); i++) {
            sizes.add(axes.get(i) + " " + shape()[i]);
        }
        return sizes.toString();
    }

    /** Frees the view and what was computed from it; the model keeps the weight. */
    @Override
    public void close() {
        closed = true;
        leak.close();
    }
}
