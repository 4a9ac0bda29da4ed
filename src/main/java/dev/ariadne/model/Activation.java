package dev.ariadne.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import dev.ariadne.view.Displayable;
import dev.ariadne.view.View;
import java.lang.ref.Reference;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** An activation with its name, axes and tokens; the array belongs to the cache it came from. */
public final class Activation implements Displayable {
    private static final int MOST_PROMPTS = 4; // in one picture

    private final HookName name;
    private final String title;
    private final NDArray array;
    private final long[] sizes; // known when the array is freed
    private final List<List<String>> tokens;

    private final ActivationCache cache;

    Activation(HookName name, String title, NDArray array, List<List<String>> tokens, ActivationCache cache) {
        this.name = name;
        this.title = title;
        this.array = array;
        this.sizes = array.getShape().getShape().clone();
        this.tokens = List.copyOf(tokens);
        this.cache = cache;
    }

    /** The hook point. */
    public HookName name() {
        return name;
    }

    /**
     * The values, with the axes of {@link HookName#axes()}.
     *
     * @return an array of the cache: keep the cache, or this activation, for as long as the array is used
     * @throws IllegalStateException when the cache is closed
     */
    public NDArray array() {
        cache.requireOpen();
        return array;
    }

    /** The prompts' tokens, readable, one list per row of the batch; empty lists when there is no tokenizer. */
    public List<List<String>> tokens() {
        return tokens;
    }

    /**
     * The sizes of the axes.
     *
     * @throws IllegalStateException when the cache is closed
     */
    public long[] shape() {
        cache.requireOpen();
        return sizes.clone();
    }

    /** The values in row-major order, as float32. */
    public float[] toFloatArray() {
        cache.requireOpen();
        try (NDArray plain = array.toType(DataType.FLOAT32, true)) {
            return plain.toFloatArray();
        } finally {
            Reference.reachabilityFence(this); // lost too early, the cache would free what is being read
        }
    }

    /**
     * Attention is shown as one map per head, with the tokens on both axes; everything else as the size of its vector at each token.
     *
     * <p>Norms are Euclidean.
     */
    @Override
    public View view() {
        int prompts = (int) Math.min(MOST_PROMPTS, shape()[0]);
        List<View> panels = new ArrayList<>();
        for (int prompt = 0; prompt < prompts; prompt++) {
            panels.add(name.axes().contains("keyPos") ? heads(prompt) : norms(prompt));
        }
        return panels.size() == 1 ? panels.get(0) : new View.Panels(title, panels);
    }

    private View heads(int prompt) {
        List<View> maps = new ArrayList<>();
        for (int head = 0; head < shape()[1]; head++) {
            maps.add(head(prompt, head));
        }
        return maps.size() == 1 ? maps.get(0) : new View.Panels(title, maps);
    }

    /**
     * One head's map: who looks at whom.
     *
     * @param prompt the row of the batch
     * @param head the head, from 0
     * @throws IllegalArgumentException when this activation has no query and key axes, or no such head or prompt
     */
    public View.HeatMap head(int prompt, int head) {
        if (!name.axes().contains("keyPos")) {
            throw new IllegalArgumentException(
                    "'" + name + "' has axes " + name.axes() + ", no attention map; use hook_pattern");
        }
        checkIndex("prompt", prompt, shape()[0]);
        checkIndex("head", head, shape()[1]);
        int queries = (int) shape()[2];
        int keys = (int) shape()[3];
        float[] flat = toFloatArray();
        int start = (prompt * (int) shape()[1] + head) * queries * keys;
        float[][] values = new float[queries][keys];
        for (int q = 0; q < queries; q++) {
            for (int k = 0; k < keys; k++) {
                float value = flat[start + q * keys + k];
                values[q][k] = k > q || Float.isInfinite(value) ? Float.NaN : value;
            }
        }
        boolean pattern = title.equals(Site.PATTERN.name(name.layer())); // a gradient has a sign
        return new View.HeatMap(
                "L" + name.layer() + "H" + head,
                "query",
                labels(prompt, queries),
                "key",
                labels(prompt, keys),
                values,
                pattern ? "probability" : "score",
                pattern ? View.Scale.SEQUENTIAL : View.Scale.DIVERGING);
    }

    private View norms(int prompt) {
        int pos = (int) shape()[1];
        float[] flat = toFloatArray();
        int width = flat.length / (int) (shape()[0] * pos);
        double[] norms = new double[pos];
        for (int i = 0; i < pos; i++) {
            double sum = 0;
            for (int j = 0; j < width; j++) {
                double value = flat[(prompt * pos + i) * width + j];
                sum += value * value;
            }
            norms[i] = Math.sqrt(sum);
        }
        return new View.Tokens(title + " " + axes(), labels(prompt, pos), norms, "norm");
    }

    private List<String> labels(int prompt, int count) {
        List<String> known = tokens.get(prompt);
        if (known.size() == count) {
            return known;
        }
        List<String> numbers = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            numbers.add(Integer.toString(i));
        }
        return numbers;
    }

    private static void checkIndex(String what, int index, long size) {
        if (index < 0 || index >= size) {
            throw new IllegalArgumentException(what + " must be from 0 to " + (size - 1) + ", got " + index);
        }
    }

    private String axes() {
        List<String> axes = name.axes(sizes.length);
        StringBuilder text = new StringBuilder("[");
        for (int i = 0; i < sizes.length; i++) {
            text.append(i == 0 ? "" : ", ").append(axes.get(i)).append(String.format(Locale.ROOT, " %d", sizes[i]));
        }
        return text.append(']').toString();
    }

    @Override
    public String toString() {
        return title + " " + axes();
    }
}
