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
        long[][] both = model.toTokens(List.of(clean, corrupted));
        return of(model, new long[][] {both[0]}, new long[][] {both[1]}, metric);
    }

    /** Prepares a comparison of two batches of token ids [batch, pos]. */
    public static ActivationPatching of(HookedTransformer model, long[][] clean, long[][] corrupted, Metric metric) {
        if (clean.length != corrupted.length || clean.length == 0) {
            throw new IllegalArgumentException("one corrupted prompt per clean prompt, got " + clean.length
                    + " clean and " + corrupted.length + " corrupted");
        }
        for (int i = 0; i < clean.length; i++) {
            if (clean[i].length != corrupted[i].length) {
                throw new IllegalArgumentException("patching needs prompts of equal length: pair " + i + " has "
                        + clean[i].length + " clean and " + corrupted[i].length
                        + " corrupted tokens; choose words that split alike");
            }
        }
        return new ActivationPatching(model, copy(clean), copy(corrupted), metric);
    }

    private static long[][] copy(long[][] rows) {
        return Arrays.stream(rows).map(long[]::clone).toArray(long[][]::new);
    }

    /**
     * Patches one activation at one layer and position at a time.
     *
     * @param site "resid_pre", "resid_mid", "resid_post", "attn_out" or "mlp_out"
     * @return a grid [layer, pos]
     */
    public PatchGrid byPosition(String site) {
        requireAxes(site, List.of("batch", "pos", "dModel"));
        List<List<Index>> layers = layers(
                layer -> positions().mapToObj(pos -> new Index(layer, pos, -1)).toList());
        double[][] values = patch(site, layers);
        return grid(site, "position", positionLabels(), values);
    }

    /**
     * Patches one head at one layer at a time, at all positions.
     *
     * @param site "z", "q", "k", "v" or "pattern"; "q" to "v" before rotation
     * @return a grid [layer, head]
     */
    public PatchGrid byHead(String site) {
        HookName name = HookName.of(site, 0);
        if (!name.axes().contains("head")) {
            throw new IllegalArgumentException(
                    "'" + site + "' has axes " + name.axes() + ", no heads; use z, q, k, v or pattern");
        }
        boolean grouped = site.equals("k") || site.equals("v");
        int heads = grouped ? model.config().nKeyValueHeads() : model.config().nHeads();
        double[][] values = patch(
                site,
                layers(layer -> IntStream.range(0, heads)
                        .mapToObj(head -> new Index(layer, -1, head))
                        .toList()));
        return grid(
                site,
                "head",
                IntStream.range(0, heads).mapToObj(Integer::toString).toList(),
                values);
    }

    /**
     * Patches one head at one layer and position at a time.
     *
     * @param site "z", "q", "k" or "v"
     * @return one grid [pos, head] per layer
     */
    public List<PatchGrid> byHeadAndPosition(String site) {
        requireAxes(site, List.of("batch", "pos", "head", "dHead"));
        int heads = site.equals("k") || site.equals("v")
                ? model.config().nKeyValueHeads()
                : model.config().nHeads();
        double[][] values = patch(
                site,
                layers(layer -> positions()
                        .boxed()
                        .flatMap(pos -> IntStream.range(0, heads).mapToObj(head -> new Index(layer, pos, head)))
                        .toList()));
        List<String> headLabels =
                IntStream.range(0, heads).mapToObj(Integer::toString).toList();
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
                    headLabels,
                    byPosition,
                    baseline(clean),
                    baseline(corrupted),
                    metric.unit()));
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
    private record Index(int layer, int pos, int head) {}

    private interface LayerIndices {
        List<Index> of(int layer);
    }

    private List<List<Index>> layers(LayerIndices indices) {
        return IntStream.range(0, model.config().nLayers())
                .mapToObj(indices::of)
                .toList();
    }

    private IntStream positions() {
        return IntStream.range(0, clean[0].length);
    }

    private static void requireAxes(String site, List<String> axes) {
        HookName name = HookName.of(site, 0);
        if (!name.axes().equals(axes)) {
            throw new IllegalArgumentException("'" + site + "' has axes " + name.axes() + ", this grid needs " + axes
                    + "; see HookName for the sites");
        }
    }

    /** The metric of every patch, [layer][index]. */
    private double[][] patch(String site, List<List<Index>> layers) {
        int perBatch = Math.max(1, ROWS / clean.length);
        double[][] values = new double[layers.size()][];
        int total = layers.stream().mapToInt(List::size).sum();
        try (ActivationCache from = model.runWithCache(clean, site);
                ActivationCache into = model.runWithCache(corrupted, "resid_pre");
                Progress progress = Progress.of("patching " + site, total)) {
            for (int layer = 0; layer < layers.size(); layer++) {
                List<Index> indices = layers.get(layer);
                values[layer] = new double[indices.size()];
                NDArray donor = from.get(site, layer).array();
                NDArray stream = into.get("resid_pre", layer).array();
                for (int start = 0; start < indices.size(); start += perBatch) {
                    List<Index> some = indices.subList(start, Math.min(start + perBatch, indices.size()));
                    double[] scores = scores(site, layer, some, stream, donor);
                    System.arraycopy(scores, 0, values[layer], start, scores.length);
                    for (int i = 0; i < some.size(); i++) {
                        progress.step("layer " + layer);
                    }
                }
            }
        }
        return values;
    }

    /** Runs the corrupted stream once per patch, all in one batch. */
    private double[] scores(String site, int layer, List<Index> indices, NDArray stream, NDArray donor) {
        int batch = clean.length;
        try (NDManager scope = stream.getManager().newSubManager()) {
            NDList copies = new NDList();
            indices.forEach(index -> copies.add(stream));
            NDArray all = NDArrays.concat(copies, 0); // [patch·batch, pos, dModel]
            all.attach(scope);
            Hook hook = Hook.at(HookName.of(site, layer).toString(), x -> {
                NDArray edited = x.duplicate();
                for (int i = 0; i < indices.size(); i++) {
                    String rows = i * batch + ":" + (i + 1) * batch;
                    String where = slice(indices.get(i), x.getShape().dimension(), site.equals("pattern"));
                    try (NDArray piece = donor.get(new NDIndex(":" + where))) {
                        edited.set(new NDIndex(rows + where), piece);
                    }
                }
                return edited;
            });
            try (Logits logits = model.runFrom(all, layer, true, hook)) {
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

    /** What a patch replaces, behind the batch axis: [batch, pos, …], or [batch, head, queryPos, keyPos] for patterns. */
    private static String slice(Index index, int axes, boolean pattern) {
        String pos = index.pos < 0 ? ":" : Integer.toString(index.pos);
        String head = index.head < 0 ? ":" : Integer.toString(index.head);
        if (pattern) {
            return ", " + head;
        }
        return axes == 3 ? ", " + pos : ", " + pos + ", " + head;
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
                metric.unit());
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
