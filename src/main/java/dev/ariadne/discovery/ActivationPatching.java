package dev.ariadne.discovery;

import ai.djl.ndarray.NDArray;
import dev.ariadne.discovery.PatchRuns.Piece;
import dev.ariadne.model.ActivationCache;
import dev.ariadne.model.Hook;
import dev.ariadne.model.HookName;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.task.Metric;
import dev.ariadne.view.Progress;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.IntFunction;
import java.util.stream.IntStream;

/**
 * Activation patching: run the corrupted prompt with one activation of the clean run put in, and measure how far the metric comes back.
 *
 * <p>The ready grids have TransformerLens's names, without {@code get_act_patch_}; {@link #byPosition}, {@link #byHead} and {@link
 * #byHeadAndPosition} take any other site. Exact, and cheap: runs start at the patched layer, many patches side by side in one batch.
 *
 * <pre>{@code
 * var patching = ActivationPatching.of(model, clean, corrupted, Metric.logitDifference(model, " Austin", " Sacramento"));
 * patching.residPre()
 * patching.attnHeadAllPosEvery()
 * patching.byHead("rot_q")
 * }</pre>
 */
public final class ActivationPatching {
    private static final List<String> HEAD_SITES = List.of("z", "q", "k", "v", "pattern");
    private static final List<String> BLOCK_SITES = List.of("resid_pre", "attn_out", "mlp_out");

    private final HookedTransformer model;
    private final long[][] clean;
    private final long[][] corrupted;
    private final Metric metric;
    private final PatchRuns runs;

    private ActivationPatching(HookedTransformer model, long[][] clean, long[][] corrupted, Metric metric) {
        this.model = model;
        this.clean = clean;
        this.corrupted = corrupted;
        this.metric = metric;
        this.runs = new PatchRuns(model, metric);
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

    /** Patches the residual stream before a block, [layer, pos]. */
    public PatchGrid residPre() {
        return byPosition("resid_pre");
    }

    /** Patches the residual stream between attention and MLP, [layer, pos]; not in attention-only and parallel models. */
    public PatchGrid residMid() {
        return byPosition("resid_mid");
    }

    /** Patches what a block's attention writes, [layer, pos]. */
    public PatchGrid attnOut() {
        return byPosition("attn_out");
    }

    /** Patches what a block's MLP writes, [layer, pos]. */
    public PatchGrid mlpOut() {
        return byPosition("mlp_out");
    }

    /** Patches a head's output z at all positions, [layer, head]. */
    public PatchGrid attnHeadOutAllPos() {
        return byHead("z");
    }

    /** Patches a head's queries at all positions, [layer, head]. */
    public PatchGrid attnHeadQAllPos() {
        return byHead("q");
    }

    /** Patches a head's keys at all positions, [layer, key/value head]. */
    public PatchGrid attnHeadKAllPos() {
        return byHead("k");
    }

    /** Patches a head's values at all positions, [layer, key/value head]. */
    public PatchGrid attnHeadVAllPos() {
        return byHead("v");
    }

    /** Patches where a head looks, from all positions, [layer, head]. */
    public PatchGrid attnHeadPatternAllPos() {
        return byHead("pattern");
    }

    /** Patches a head's output z at one position, [layer and head, pos]. */
    public PatchGrid attnHeadOutByPos() {
        return byHeadAndPosition("z");
    }

    /** Patches a head's query at one position, [layer and head, pos]. */
    public PatchGrid attnHeadQByPos() {
        return byHeadAndPosition("q");
    }

    /** Patches a head's key at one position, [layer and key/value head, pos]. */
    public PatchGrid attnHeadKByPos() {
        return byHeadAndPosition("k");
    }

    /** Patches a head's value at one position, [layer and key/value head, pos]. */
    public PatchGrid attnHeadVByPos() {
        return byHeadAndPosition("v");
    }

    /** Patches where a head looks from one position (the destination), [layer and head, pos]. */
    public PatchGrid attnHeadPatternByPos() {
        return byHeadAndPosition("pattern");
    }

    /** Output, queries, keys, values and pattern of every head, at all positions: "out", "q", "k", "v" and "pattern". */
    public PatchGrids attnHeadAllPosEvery() {
        return every("one head", HEAD_SITES, this::byHead);
    }

    /** Output, queries, keys, values and pattern of every head, at every position: "out", "q", "k", "v" and "pattern". */
    public PatchGrids attnHeadByPosEvery() {
        return every("one head at one position", HEAD_SITES, this::byHeadAndPosition);
    }

    /** Residual stream, attention and MLP of every block, at every position: "resid_pre", "attn_out" and "mlp_out" (if any). */
    public PatchGrids blockEvery() {
        List<String> sites = model.config().attnOnly() ? BLOCK_SITES.subList(0, 2) : BLOCK_SITES;
        return every("one position", sites, this::byPosition);
    }

    private PatchGrids every(String what, List<String> sites, Function<String, PatchGrid> grid) {
        Map<String, PatchGrid> grids = new LinkedHashMap<>();
        sites.forEach(site -> grids.put(site.equals("z") ? "out" : site, grid.apply(site)));
        return new PatchGrids(title(what), grids);
    }

    /**
     * Patches one activation at one layer and position at a time.
     *
     * @param site "resid_pre", "resid_mid", "resid_post", "attn_out" or "mlp_out"
     * @return a grid [layer, pos]
     * @throws IllegalArgumentException when the site has other axes than [batch, pos, dModel]
     */
    public PatchGrid byPosition(String site) {
        List<String> axes = HookName.of(site, 0).axes();
        if (!axes.equals(List.of("batch", "pos", "dModel"))) {
            throw new IllegalArgumentException(
                    "'" + site + "' has axes " + axes
                            + ", this grid needs [batch, pos, dModel]; use resid_pre, resid_mid, resid_post, attn_out or mlp_out");
        }
        return grid(
                title(site),
                "layer",
                layers(),
                "position",
                positionLabels(),
                patch(site, heads -> pieces(IntStream.of(-1))));
    }

    /**
     * Patches one head at one layer at a time, at all positions.
     *
     * @param site any site with heads: "z", "q", "k", "v", "pattern", "attn_scores", "result" …; "q" to "v" before rotation
     * @return a grid [layer, head], of as many heads as the site has: key/value heads for "k", "v" and their like
     * @throws IllegalArgumentException when the site has no heads
     */
    public PatchGrid byHead(String site) {
        List<String> axes = HookName.of(site, 0).axes();
        if (!axes.contains("head")) {
            throw new IllegalArgumentException(
                    "'" + site + "' has axes " + axes + ", no heads; use z, q, k, v or pattern");
        }
        double[][] values = patch(
                site,
                heads -> IntStream.range(0, heads)
                        .mapToObj(head -> new Piece(-1, head))
                        .toList());
        return grid(title(site), "layer", layers(), "head", numbers(values[0].length), values);
    }

    /**
     * Patches one head at one layer and position at a time.
     *
     * @param site "z", "q", "k" or "v", or another site with heads and positions; for "pattern" and "attn_scores" the position is that of
     *     the query, the destination
     * @return a grid with a row for each head, L0H0, L0H1 …, and a column for each position
     * @throws IllegalArgumentException when the site has no heads or no positions
     */
    public PatchGrid byHeadAndPosition(String site) {
        List<String> axes = HookName.of(site, 0).axes();
        if (!axes.contains("head") || !(axes.contains("pos") || axes.contains("queryPos"))) {
            throw new IllegalArgumentException("'" + site + "' has axes " + axes
                    + ", this grid needs positions and heads; use z, q, k, v or pattern");
        }
        double[][] values = patch(site, heads -> pieces(IntStream.range(0, heads)));
        int pos = clean[0].length;
        int heads = values[0].length / pos;
        double[][] byHead = new double[values.length * heads][];
        List<String> rows = new ArrayList<>();
        for (int row = 0; row < byHead.length; row++) {
            rows.add("L" + row / heads + "H" + row % heads);
            byHead[row] = Arrays.copyOfRange(values[row / heads], row % heads * pos, (row % heads + 1) * pos);
        }
        return grid(title(site), "head", rows, "position", positionLabels(), byHead);
    }

    /**
     * Replaces what one patch covers.
     *
     * <p>Arrays it makes from the corrupted activation are freed with the layer, those from the clean one with the grid's work.
     */
    @FunctionalInterface
    public interface Setter {
        /**
         * Patches.
         *
         * @param corrupted the activation of the corrupted run, a copy that may be changed and returned
         * @param column which patch of the layer, from 0
         * @param clean the same activation of the clean run, to be left as it is
         * @return what the run goes on with, of the same shape
         */
        NDArray set(NDArray corrupted, int column, NDArray clean);
    }

    /**
     * Patches what a function of one's own says, as TransformerLens's {@code generic_activation_patch} does; one run per cell.
     *
     * <pre>{@code
     * patching.patch("post", "neuron", List.of("7", "19"), (x, i, clean) -> {
     *     x.set(new NDIndex(":, :, " + neurons[i]), clean.get(":, :, " + neurons[i]));
     *     return x;
     * })
     * }</pre>
     *
     * @param site the short name of any activation in a block
     * @param columnName what the columns are
     * @param columns a label for each patch of a layer
     * @param setter what to replace
     * @return a grid [layer, column]
     */
    public PatchGrid patch(String site, String columnName, List<String> columns, Setter setter) {
        double[][] values = new double[model.config().nLayers()][columns.size()];
        try (ActivationCache from = model.runWithCache(clean, site);
                ActivationCache into = model.runWithCache(corrupted, "resid_pre");
                Progress progress = Progress.of("patching " + site, (long) values.length * columns.size())) {
            for (int layer = 0; layer < values.length; layer++) {
                HookName name = HookName.of(site, layer);
                NDArray donor = from.get(name.toString()).array();
                for (int i = 0; i < columns.size(); i++) {
                    int column = i;
                    Hook hook = Hook.at(name.toString(), x -> setter.set(x.duplicate(), column, donor));
                    values[layer][i] = runs.score(into.get("resid_pre", layer).array(), name, hook);
                    progress.step("layer " + layer);
                }
            }
        }
        return grid(title(site), "layer", layers(), columnName, columns, values);
    }

    /** The metric of every patch, [layer][piece]; the pieces depend on how many heads the site has (0 without). */
    private double[][] patch(String site, IntFunction<List<Piece>> pieces) {
        try (ActivationCache from = model.runWithCache(clean, site);
                ActivationCache into = model.runWithCache(corrupted, "resid_pre")) {
            int axis = HookName.of(site, 0).axes().indexOf("head");
            int heads = axis < 0 ? 0 : (int) from.get(site, 0).shape()[axis];
            return runs.patch(site, into, layer -> from.get(site, layer).array(), pieces.apply(heads));
        }
    }

    /** Every position of every head; -1 is no head. */
    private List<Piece> pieces(IntStream heads) {
        return heads.boxed()
                .flatMap(head -> positions().mapToObj(pos -> new Piece(pos, head)))
                .toList();
    }

    private IntStream positions() {
        return IntStream.range(0, clean[0].length);
    }

    private static List<String> numbers(int count) {
        return IntStream.range(0, count).mapToObj(Integer::toString).toList();
    }

    private List<String> layers() {
        return IntStream.range(0, model.config().nLayers())
                .mapToObj(layer -> "L" + layer)
                .toList();
    }

    private PatchGrid grid(
            String title,
            String rowName,
            List<String> rows,
            String columnName,
            List<String> columns,
            double[][] values) {
        return new PatchGrid(
                title,
                rowName,
                rows,
                columnName,
                columns,
                values,
                runs.baseline(clean),
                runs.baseline(corrupted),
                metric.unit(),
                provenance());
    }

    /** The model and the first pair of prompts, as text or as ids. */
    private String provenance() {
        String more = clean.length == 1 ? "" : " and " + (clean.length - 1) + " more pairs";
        return model.name() + ", clean " + PatchRuns.text(model, clean[0]) + ", corrupted "
                + PatchRuns.text(model, corrupted[0]) + more;
    }

    private String title(String site) {
        return metric.name() + " after patching " + site;
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
