package dev.ariadne.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.ariadne.model.Weights.Affine;
import dev.ariadne.tensor.Tensors;
import dev.ariadne.view.Displayable;
import dev.ariadne.view.View;
import java.lang.ref.Reference;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import tech.tablesaw.api.Table;

/**
 * How much each component of a stack adds to a logit, or to the difference of two, at each position: what {@link
 * ActivationCache#logitAttrs(ResidStack, String, String)} and {@link ActivationCache#directLogitAttribution} return. In logits.
 */
public final class LogitAttrs implements Displayable {
    private static final Pattern HEAD = Pattern.compile("L(\\d+)H(\\d+)");
    private static final int MOST_BARS = 30;

    private final String title;
    private final List<String> labels;
    private final PromptSpan span;
    private final double[][][] values; // [component][prompt][position]
    private final double[][] constant; // [prompt][position]

    private LogitAttrs(String title, List<String> labels, PromptSpan span, double[][][] values, double[][] constant) {
        this.title = title;
        this.labels = labels;
        this.span = span;
        this.values = values;
        this.constant = constant;
    }

    /**
     * Which logits, and how they are read off the stream.
     *
     * @param correct token ids, one per prompt
     * @param wrong the tokens whose logits are subtracted, one per prompt; empty for none
     * @param weighted whether the final norm's own weight and bias are part of it
     */
    @SuppressWarnings("ArrayRecordComponent") // never leaves this package
    record Target(long[] correct, long[] wrong, boolean weighted) {}

    /** The product of each component, normalized with the scale of the run, with the unembedding's direction. */
    static LogitAttrs of(HookedTransformer model, ResidStack stack, Decomposition run, Target target, String title) {
        if (stack.normalized()) {
            throw new IllegalArgumentException("this stack is normalized already (applyLn), and the attribution"
                    + " normalizes it with the final norm; give the plain stack");
        }
        Optional<Site> scaleSite = run.scaleOf(model.config().nLayers(), false);
        scaleSite.ifPresent(site -> run.need(site, 0));
        run.requireKept();
        Affine unembed = model.arrays().unembed();
        Optional<Affine> norm = target.weighted() ? model.arrays().finalNorm() : Optional.empty();
        try (NDManager scope = model.newOwner()) {
            return Tensors.run(false, 2.0 * stack.array().size(), () -> {
                int batch = stack.span().batch();
                NDArray direction = difference(target, batch, scope, ids -> Tensors.embedding(ids, unembed.w()));
                NDArray constant = scope.zeros(new Shape(batch), unembed.w().getDataType());
                if (unembed.b().isPresent()) {
                    NDArray column = Tensors.alias(unembed.b().get(), scope).reshape(-1, 1);
                    constant = difference(target, batch, scope, ids -> Tensors.embedding(ids, column))
                            .reshape(batch);
                }
                if (norm.isPresent() && norm.get().b().isPresent()) {
                    NDArray bias = direction.mul(norm.get().b().get()).sum(new int[] {1});
                    constant = constant.add(bias);
                }
                if (norm.isPresent()) {
                    direction = direction.mul(norm.get().w());
                }
                if (model.config()
                        .norm()
                        .centers()) { // x centered, times a direction, is x times the direction centered
                    direction = direction.sub(direction.mean(new int[] {1}, true));
                }
                NDArray products = Tensors.alias(stack.array(), scope) // [component, batch, pos, dModel]
                        .matMul(direction.expandDims(2)) // [batch, dModel, 1]
                        .squeeze(3); // [component, batch, pos]
                if (scaleSite.isPresent()) {
                    products = products.div(run.scale(scaleSite.get(), 0, scope).squeeze(2));
                }
                return new LogitAttrs(
                        title,
                        stack.labels(),
                        stack.span(),
                        cube(products, stack.span()),
                        rows(constant, stack.span()));
            });
        } finally {
            Reference.reachabilityFence(stack); // lost too early, it would free what is being read
            Reference.reachabilityFence(run.cache());
        }
    }

    private interface Rows {
        NDArray of(NDArray ids);
    }

    /** Rows of the correct tokens minus those of the wrong ones [batch, width]. */
    private static NDArray difference(Target target, int batch, NDManager scope, Rows rows) {
        NDArray correct = rows.of(ids(target.correct(), "correct", batch, scope)); // [batch, 1, width]
        NDArray all =
                target.wrong().length == 0 ? correct : correct.sub(rows.of(ids(target.wrong(), "wrong", batch, scope)));
        return all.squeeze(1);
    }

    private static NDArray ids(long[] tokens, String what, int batch, NDManager scope) {
        if (tokens.length != 1 && tokens.length != batch) {
            throw new IllegalArgumentException(
                    "give one " + what + " token, or one for each of the " + batch + " prompts; got " + tokens.length);
        }
        long[] each = new long[batch];
        for (int i = 0; i < batch; i++) {
            each[i] = tokens[tokens.length == 1 ? 0 : i];
        }
        return scope.create(each, new Shape(batch, 1));
    }

    private static double[][][] cube(NDArray array, PromptSpan span) {
        double[] flat = array.toType(DataType.FLOAT64, false).toDoubleArray();
        int components = flat.length / (span.batch() * span.count());
        double[][][] cube = new double[components][span.batch()][];
        for (int i = 0; i < components * span.batch(); i++) {
            cube[i / span.batch()][i % span.batch()] =
                    Arrays.copyOfRange(flat, i * span.count(), (i + 1) * span.count());
        }
        return cube;
    }

    private static double[][] rows(NDArray constant, PromptSpan span) {
        double[] flat = constant.toType(DataType.FLOAT64, false).toDoubleArray();
        double[][] rows = new double[span.batch()][span.count()];
        for (int prompt = 0; prompt < flat.length; prompt++) {
            Arrays.fill(rows[prompt], flat[prompt]);
        }
        return rows;
    }

    /** The names of the components, in order. */
    public List<String> labels() {
        return labels;
    }

    /** All attributions [component][prompt][position], in logits; a copy. */
    public double[][][] values() {
        double[][][] copy = new double[values.length][][];
        for (int i = 0; i < values.length; i++) {
            copy[i] = Arrays.stream(values[i]).map(double[]::clone).toArray(double[][]::new);
        }
        return copy;
    }

    /** One component's attribution, in logits; the position counts from the first of the stack. */
    public double value(int component, int prompt, int position) {
        return values[component][prompt][position];
    }

    /** What no component accounts for, in logits: the biases of the unembedding and, where it is counted, of the final norm. */
    public double constant(int prompt, int position) {
        return constant[prompt][position];
    }

    /**
     * The components' sum and the constant: for a whole decomposition and a direct attribution the logit, or the difference, itself
     * (before the soft cap, in models with one).
     */
    public double total(int prompt, int position) {
        return constant[prompt][position]
                + Arrays.stream(values).mapToDouble(c -> c[prompt][position]).sum();
    }

    /** A row per component, prompt and position: component, prompt, position, token, attribution. */
    public Table table() {
        return ResidStack.table(title, "attribution", labels, span, values);
    }

    /** One component at one position, the mean over the prompts. */
    private double mean(int component, int position) {
        return Arrays.stream(values[component])
                .mapToDouble(p -> p[position])
                .average()
                .orElseThrow();
    }

    /**
     * The heads' attributions as a map, layers down and heads across: the mean over the prompts at the last position of the stack.
     *
     * @throws IllegalStateException when the stack was not one of heads
     */
    public View.HeatMap byHead() {
        if (!ofHeads()) {
            throw new IllegalStateException("components are no heads (" + labels.get(0)
                    + " …), so they make no map of layers and heads; attribute cache.stackHeadResults()");
        }
        TreeSet<Integer> layers = new TreeSet<>();
        TreeSet<Integer> heads = new TreeSet<>();
        labels.forEach(label -> match(label).ifPresent(m -> {
            layers.add(Integer.parseInt(m.group(1)));
            heads.add(Integer.parseInt(m.group(2)));
        }));
        float[][] cells = new float[layers.size()][heads.size()];
        Arrays.stream(cells).forEach(row -> Arrays.fill(row, Float.NaN));
        for (int i = 0; i < labels.size(); i++) {
            double mean = mean(i, span.count() - 1);
            match(labels.get(i))
                    .ifPresent(m -> cells[Integer.parseInt(m.group(1)) - layers.first()][Integer.parseInt(m.group(2))] =
                            (float) mean);
        }
        return new View.HeatMap(
                title + " by head" + where(),
                "layer",
                layers.stream().map(l -> Integer.toString(l)).toList(),
                "head",
                heads.stream().map(h -> Integer.toString(h)).toList(),
                cells,
                "logits",
                View.Scale.DIVERGING);
    }

    private boolean ofHeads() {
        return match(labels.get(0)).isPresent();
    }

    private static Optional<Matcher> match(String label) {
        Matcher matcher = HEAD.matcher(label);
        return matcher.matches() ? Optional.of(matcher) : Optional.empty();
    }

    private String where() {
        return ", position " + (span.to() - 1) + (span.batch() > 1 ? ", mean of " + span.batch() + " prompts" : "");
    }

    /** At one position heads are a map of layers and heads, other components bars; at several, components and positions are a map. */
    @Override
    public View view() {
        if (span.count() > 1) {
            return ResidStack.maps(title, "logits", View.Scale.DIVERGING, labels, span, values);
        }
        if (ofHeads()) {
            return byHead();
        }
        List<Integer> order = IntStream.range(0, labels.size()).boxed().toList();
        String which = "";
        if (labels.size() > MOST_BARS) {
            order = order.stream()
                    .sorted(Comparator.comparingDouble(i -> -Math.abs(mean(i, 0))))
                    .limit(MOST_BARS)
                    .toList();
            which = ", the largest " + MOST_BARS + " of " + labels.size();
        }
        List<View.Bar> bars =
                order.stream().map(i -> new View.Bar(labels.get(i), mean(i, 0))).toList();
        return new View.Bars(title + where() + which, "component", "logits", bars);
    }

    @Override
    public String toString() {
        return String.format(
                Locale.ROOT,
                "LogitAttrs %s [component %d, batch %d, pos %d]",
                title,
                labels.size(),
                span.batch(),
                span.count());
    }
}
