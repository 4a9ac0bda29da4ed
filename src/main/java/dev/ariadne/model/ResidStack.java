package dev.ariadne.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import dev.ariadne.view.Displayable;
import dev.ariadne.view.View;
import java.lang.ref.Reference;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import tech.tablesaw.api.DoubleColumn;
import tech.tablesaw.api.IntColumn;
import tech.tablesaw.api.StringColumn;
import tech.tablesaw.api.Table;

/**
 * Vectors in the residual stream, one per component, prompt and position: what {@link ActivationCache#decomposeResid()} and its kin
 * return. Owns its array, not the cache's: closing it frees it, and it may outlive the cache.
 */
public final class ResidStack implements Displayable, AutoCloseable {
    private static final int MOST_PROMPTS = 4; // in one picture
    private static final int MOST_ROWS = 200; // of a map

    private final String title;
    private final List<String> labels;
    private final NDArray array;
    private final PromptSpan span;
    private final boolean normalized;
    private final Leak leak;
    private volatile boolean closed;

    ResidStack(String title, List<String> labels, NDManager owner, NDArray array, PromptSpan span, boolean normalized) {
        this.title = title;
        this.labels = List.copyOf(labels);
        this.array = array;
        this.span = span;
        this.normalized = normalized;
        this.leak = Leak.watch(this, owner::close);
    }

    /** The names of the components, in order: "embed", "0_attn_out", "L0H3", "L2N17", "final_post" … */
    public List<String> labels() {
        return labels;
    }

    /**
     * The vectors [component, batch, pos, dModel].
     *
     * @return an array of this stack: keep the stack for as long as the array is used
     * @throws IllegalStateException when the stack is closed
     */
    public NDArray array() {
        if (closed) {
            throw new IllegalStateException("this stack is closed and its array is freed; make it again");
        }
        return array;
    }

    /** [component, batch, pos, dModel]. */
    public long[] shape() {
        return array().getShape().getShape();
    }

    /** The vectors in row-major order, as float32. */
    public float[] toFloatArray() {
        try (NDArray plain = array().toType(DataType.FLOAT32, true)) {
            return plain.toFloatArray();
        } finally {
            Reference.reachabilityFence(this); // lost too early, it would free what is being read
        }
    }

    PromptSpan span() {
        return span;
    }

    boolean normalized() {
        return normalized;
    }

    String title() {
        return title;
    }

    /** Euclidean norms [component][prompt][position]. */
    private double[][][] norms() {
        long[] shape = shape();
        double[][][] norms = new double[(int) shape[0]][(int) shape[1]][(int) shape[2]];
        try (NDArray squares = array().square();
                NDArray sums = squares.sum(new int[] {3});
                NDArray roots = sums.sqrt();
                NDArray plain = roots.toType(DataType.FLOAT64, true)) {
            double[] flat = plain.toDoubleArray();
            int i = 0;
            for (double[][] component : norms) {
                for (double[] prompt : component) {
                    System.arraycopy(flat, i, prompt, 0, prompt.length);
                    i += prompt.length;
                }
            }
            return norms;
        } finally {
            Reference.reachabilityFence(this);
        }
    }

    /** A row per component, prompt and position: component, prompt, position, token, Euclidean norm of the vector. */
    public Table table() {
        return table("residual stream: " + title, "norm", labels, span, norms());
    }

    static Table table(String title, String valueName, List<String> labels, PromptSpan span, double[][][] values) {
        List<String> components = new ArrayList<>();
        List<Integer> prompts = new ArrayList<>();
        List<Integer> positions = new ArrayList<>();
        List<String> tokens = new ArrayList<>();
        List<Double> all = new ArrayList<>();
        for (int component = 0; component < labels.size(); component++) {
            for (int prompt = 0; prompt < span.batch(); prompt++) {
                List<String> here = span.labels(prompt);
                for (int pos = 0; pos < here.size(); pos++) {
                    components.add(labels.get(component));
                    prompts.add(prompt);
                    positions.add(span.from() + pos);
                    tokens.add(here.get(pos));
                    all.add(values[component][prompt][pos]);
                }
            }
        }
        return Table.create(
                title,
                StringColumn.create("component", components),
                IntColumn.create("prompt", prompts.toArray(Integer[]::new)),
                IntColumn.create("position", positions.toArray(Integer[]::new)),
                StringColumn.create("token", tokens),
                DoubleColumn.create(valueName, all));
    }

    /** The size of each vector: components down, positions across; of the first prompts and the first components. */
    @Override
    public View view() {
        return maps("residual stream: " + title, "norm", View.Scale.SEQUENTIAL, labels, span, norms());
    }

    static View maps(
            String title, String unit, View.Scale scale, List<String> labels, PromptSpan span, double[][][] values) {
        int rows = Math.min(MOST_ROWS, labels.size());
        List<View> panels = new ArrayList<>();
        for (int prompt = 0; prompt < Math.min(MOST_PROMPTS, span.batch()); prompt++) {
            float[][] cells = new float[rows][span.count()];
            for (int row = 0; row < rows; row++) {
                for (int pos = 0; pos < span.count(); pos++) {
                    cells[row][pos] = (float) values[row][prompt][pos];
                }
            }
            String which = (span.batch() > 1 ? ", prompt " + prompt : "")
                    + (rows < labels.size() ? ", the first " + rows + " of " + labels.size() + " components" : "");
            panels.add(new View.HeatMap(
                    title + which,
                    "component",
                    labels.subList(0, rows),
                    "position",
                    span.labels(prompt),
                    cells,
                    unit,
                    scale));
        }
        return panels.size() == 1 ? panels.get(0) : new View.Panels(title, panels);
    }

    @Override
    public String toString() {
        return "ResidStack " + title
                + (closed ? ", closed" : " [component, batch, pos, dModel] " + Arrays.toString(shape()));
    }

    /** Frees the array. */
    @Override
    public void close() {
        closed = true;
        leak.close();
    }
}
