package dev.ariadne.discovery;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import dev.ariadne.model.ActivationCache;
import dev.ariadne.model.Hook;
import dev.ariadne.model.HookName;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.model.Logits;
import dev.ariadne.task.Metric;
import dev.ariadne.view.Progress;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Activation patching: run the corrupted prompt with one activation of the clean run put in, and measure how far the metric comes back.
 *
 * <p>Exact, and cheap: a patch at a layer changes nothing before it, so runs start there, from the corrupted run's residual stream, with
 * many patches side by side in one batch; only the last position is unembedded.
 *
 * <pre>{@code
 * var patching = ActivationPatching.of(model, clean, corrupted, Metric.logitDifference(model, " Austin", " Sacramento"));
 * patching.byPosition("resid_pre")
 * patching.byHead("z")
 * }</pre>
 */
public final class ActivationPatching {
    private static final int ROWS = 64; // prompts in one batch, a compromise between speed and memory

    private final HookedTransformer model;
    private final long[][] clean;
    private final long[][] corrupted;
    private final Metric metric;

    private ActivationPatching(HookedTransformer model, long[][] clean, long[][] corrupted, Metric metric) {
        this.model = model;
        this.clean = clean;
        this.corrupted = corrupted;
        this.metric = metric;
    }

    /**
     * Prepares a comparison of two prompts of the same length in tokens.
     *
     * @param model the model
     * @param clean the prompt whose behavior is to be explained
     * @param corrupted a prompt that differs in the one thing that matters
     * @param metric what to measure, high on the clean prompt
     * @throws IllegalArgumentException when the prompts split into different numbers of tokens
     */
    public static ActivationPatching of(HookedTransformer model, String clean, String corrupted, Metric metric) {
        return of(model, model.toTokens(clean), model.toTokens(corrupted), metric);
    }

    /** Prepares a comparison of two batches of token ids [batch, pos], without padding. */
    public static ActivationPatching of(HookedTransformer model, long[][] clean, long[][] corrupted, Metric metric) {
        if (clean.length != corrupted.length || clean.length == 0) {
            throw new IllegalArgumentException("one corrupted prompt per clean prompt, got " + clean.length
                    + " clean and " + corrupted.length + " corrupted");
        }
        for (int i = 0; i < clean.length; i++) {
            requireAlike(model, clean[0], clean[i], i);
            requireAlike(model, clean[i], corrupted[i], i);
        }
        return new ActivationPatching(model, copy(clean), copy(corrupted), metric);
    }

    /** A patch goes from a position to the same position. */
    private static void requireAlike(HookedTransformer model, long[] one, long[] other, int pair) {
        if (Arrays.stream(other).anyMatch(id -> id == HookedTransformer.PADDING)) {
            throw new IllegalArgumentException("patching takes prompts without padding, but pair " + pair + " has "
                    + Arrays.toString(other) + "; choose words that split alike");
        }
        if (one.length != other.length) {
            throw new IllegalArgumentException("patching needs prompts of equal length: " + split(model, one)
                    + ", but in pair " + pair + " " + split(model, other) + "; choose words that split alike");
        }
    }

    private static String split(HookedTransformer model, long[] ids) {
        return ids.length + " tokens "
                + (model.hasTokenizer() ? model.tokenizer().toStrings(ids) : Arrays.toString(ids));
    }

    private static long[][] copy(long[][] rows) {
        return Arrays.stream(rows).map(long[]::clone).toArray(long[][]::new);
    }

    /**
     * Patches one activation at one layer and position at a time.
     *
     * @param site "resid_pre", "resid_mid", "resid_post", "attn_out" or "mlp_out"
     * @return a grid [layer, pos]
     * @throws IllegalArgumentException when the site has other axes than [batch, pos, dModel]
     */
    public PatchGrid byPosition(String site) {
        HookName name = HookName.of(site, 0);
        if (!name.axes().equals(List.of("batch", "pos", "dModel"))) {
            throw new IllegalArgumentException(
                    "'" + site + "' has axes " + name.axes()
                            + ", this grid needs [batch, pos, dModel]; use resid_pre, resid_mid, resid_post, attn_out or mlp_out");
        }
        double[][] values = patch(
                site,
                (layer, heads) ->
                        positions().mapToObj(pos -> new Index(layer, pos, -1)).toList());
        return grid(site, "position", positionLabels(), values);
    }

    /**
     * Patches one head at one layer at a time, at all positions.
     *
     * @param site any site with heads: "z", "q", "k", "v", "pattern", "attn_scores", "result" …; "q" to "v" before rotation
     * @return a grid [layer, head], of as many heads as the site has: key/value heads for "k", "v" and their like
     * @throws IllegalArgumentException when the site has no heads
     */
    public PatchGrid byHead(String site) {
        HookName name = HookName.of(site, 0);
        if (!name.axes().contains("head")) {
            throw new IllegalArgumentException(
                    "'" + site + "' has axes " + name.axes() + ", no heads; use z, q, k, v or pattern");
        }
        double[][] values = patch(
                site,
                (layer, heads) -> IntStream.range(0, heads)
                        .mapToObj(head -> new Index(layer, -1, head))
                        .toList());
        return grid(site, "head", numbers(values[0].length), values);
    }

    /**
     * Patches one head at one layer and position at a time.
     *
     * @param site "z", "q", "k" or "v", or another site with heads and positions
     * @return one grid [pos, head] per layer
     * @throws IllegalArgumentException when the site has no heads or no positions
     */
    public List<PatchGrid> byHeadAndPosition(String site) {
        HookName name = HookName.of(site, 0);
        if (!name.axes().containsAll(List.of("pos", "head"))) {
            throw new IllegalArgumentException("'" + site + "' has axes " + name.axes()
                    + ", this grid needs positions and heads; use z, q, k or v");
        }
        double[][] values = patch(
                site,
                (layer, heads) -> positions()
                        .boxed()
                        .flatMap(pos -> IntStream.range(0, heads).mapToObj(head -> new Index(layer, pos, head)))
                        .toList());
        int heads = values[0].length / clean[0].length;
        double high = baseline(clean);
        double low = baseline(corrupted);
        List<PatchGrid> grids = new ArrayList<>();
        for (int layer = 0; layer < values.length; layer++) {
            double[][] byPosition = new double[clean[0].length][];
            for (int pos = 0; pos < byPosition.length; pos++) {
                byPosition[pos] = Arrays.copyOfRange(values[layer], pos * heads, (pos + 1) * heads);
            }
            grids.add(new PatchGrid(
                    title(site) + ", layer " + layer,
                    "position",
                    positionLabels(),
                    "head",
                    numbers(heads),
                    byPosition,
                    high,
                    low,
                    metric.unit(),
                    provenance()));
        }
        return grids;
    }

    /**
     * One patch.
     *
     * @param layer the block
     * @param pos the position, or -1 for all
     * @param head the head, or -1 where there are none
     */
    private record Index(int layer, int pos, int head) {
        /** What the patch replaces, behind the batch axis, of an activation with these axes. */
        String slice(List<String> axes) {
            StringBuilder where = new StringBuilder();
            for (String axis : axes.subList(1, axes.size())) {
                int at = axis.equals("head") ? head : axis.equals("pos") ? pos : -1;
                where.append(", ").append(at < 0 ? ":" : Integer.toString(at));
            }
            return where.toString();
        }
    }

    /** The patches of a layer, for a site with so many heads (0 without). */
    private interface LayerIndices {
        List<Index> of(int layer, int heads);
    }

    private IntStream positions() {
        return IntStream.range(0, clean[0].length);
    }

    private static List<String> numbers(int count) {
        return IntStream.range(0, count).mapToObj(Integer::toString).toList();
    }

    /** The metric of every patch, [layer][index]. */
    private double[][] patch(String site, LayerIndices indices) {
        int perBatch = Math.max(1, ROWS / clean.length);
        int layers = model.config().nLayers();
        double[][] values = new double[layers][];
        try (ActivationCache from = model.runWithCache(clean, site);
                ActivationCache into = model.runWithCache(corrupted, "resid_pre")) {
            int axis = HookName.of(site, 0).axes().indexOf("head");
            int heads = axis < 0 ? 0 : (int) from.get(site, 0).shape()[axis];
            int each = indices.of(0, heads).size();
            try (Progress progress = Progress.of("patching " + site, (long) layers * each)) {
                for (int layer = 0; layer < layers; layer++) {
                    values[layer] = new double[each];
                    NDArray donor = from.get(site, layer).array();
                    NDArray stream = into.get("resid_pre", layer).array();
                    for (int start = 0; start < each; start += perBatch) {
                        List<Index> some = indices.of(layer, heads).subList(start, Math.min(start + perBatch, each));
                        double[] scores = scores(HookName.of(site, layer), some, stream, donor);
                        System.arraycopy(scores, 0, values[layer], start, scores.length);
                        for (int i = 0; i < some.size(); i++) {
                            progress.step("layer " + layer);
                        }
                    }
                }
            }
        }
        return values;
    }

    /** Runs the corrupted stream once per patch, all in one batch. */
    private double[] scores(HookName name, List<Index> indices, NDArray stream, NDArray donor) {
        int batch = clean.length;
        try (NDManager scope = stream.getManager().newSubManager()) {
            NDList copies = new NDList();
            indices.forEach(index -> copies.add(stream));
            NDArray all = NDArrays.concat(copies, 0); // [patch·batch, pos, dModel]
            all.attach(scope);
            Hook hook = Hook.at(name.toString(), x -> {
                NDArray edited = x.duplicate();
                for (int i = 0; i < indices.size(); i++) {
                    String rows = i * batch + ":" + (i + 1) * batch;
                    String where = indices.get(i).slice(name.axes());
                    try (NDArray piece = donor.get(new NDIndex(":" + where))) {
                        edited.set(new NDIndex(rows + where), piece);
                    }
                }
                return edited;
            });
            try (Logits logits = model.runFrom(all, name.layer(), true, hook)) {
                NDArray each = metric.perPrompt(logits.array());
                float[] flat = each.toType(ai.djl.ndarray.types.DataType.FLOAT32, false)
                        .toFloatArray();
                double[] means = new double[indices.size()];
                for (int i = 0; i < flat.length; i++) {
                    means[i / batch] += flat[i] / (double) batch;
                }
                return means;
            }
        }
    }

    private PatchGrid grid(String site, String columnName, List<String> columns, double[][] values) {
        List<String> rows =
                IntStream.range(0, values.length).mapToObj(layer -> "L" + layer).toList();
        return new PatchGrid(
                title(site),
                "layer",
                rows,
                columnName,
                columns,
                values,
                baseline(clean),
                baseline(corrupted),
                metric.unit(),
                provenance());
    }

    /** The model and the first pair of prompts, as text or as ids. */
    private String provenance() {
        String more = clean.length == 1 ? "" : " and " + (clean.length - 1) + " more pairs";
        return model.name() + ", clean " + text(clean[0]) + ", corrupted " + text(corrupted[0]) + more;
    }

    private String text(long[] ids) {
        return model.hasTokenizer()
                ? "\"" + String.join("", model.tokenizer().toStrings(ids)) + "\""
                : Arrays.toString(ids);
    }

    private String title(String site) {
        return metric.name() + " after patching " + site;
    }

    private double baseline(long[][] tokens) {
        try (Logits logits = model.next(tokens)) {
            return metric.apply(logits.array())
                    .toType(ai.djl.ndarray.types.DataType.FLOAT64, false)
                    .getDouble();
        }
    }

    private List<String> positionLabels() {
        if (!model.hasTokenizer()) {
            return positions().mapToObj(Integer::toString).toList();
        }
        List<String> to = model.tokenizer().toStrings(clean[0]);
        List<String> out = model.tokenizer().toStrings(corrupted[0]);
        return positions()
                .mapToObj(i -> to.get(i).equals(out.get(i)) ? to.get(i) : to.get(i) + " ← " + out.get(i))
                .toList();
    }
}
