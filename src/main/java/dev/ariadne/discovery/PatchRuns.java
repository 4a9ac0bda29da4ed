package dev.ariadne.discovery;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.DataType;
import dev.ariadne.model.ActivationCache;
import dev.ariadne.model.Hook;
import dev.ariadne.model.HookName;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.model.Logits;
import dev.ariadne.task.Metric;
import dev.ariadne.view.Progress;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.IntFunction;

/**
 * Runs one batch of prompts many times, each time with one piece of one activation replaced, and measures.
 *
 * <p>A patch at a layer changes nothing before it, so runs start there, many patches side by side in one batch; only the last position is
 * unembedded.
 */
final class PatchRuns {
    private static final int ROWS = 64; // prompts in one batch, a compromise between speed and memory

    private final HookedTransformer model;
    private final Metric metric;

    PatchRuns(HookedTransformer model, Metric metric) {
        this.model = model;
        this.metric = metric;
    }

    /**
     * One piece of an activation.
     *
     * @param pos the position, of the query in a pattern; -1 for all
     * @param head the head; -1 for all, or where there are none
     */
    record Piece(int pos, int head) {
        /** What the piece covers, behind the batch axis, of an activation with these axes. */
        String slice(List<String> axes) {
            StringBuilder where = new StringBuilder();
            for (String axis : axes.subList(1, axes.size())) {
                int at = axis.equals("head") ? head : axis.equals("pos") || axis.equals("queryPos") ? pos : -1;
                where.append(", ").append(at < 0 ? ":" : Integer.toString(at));
            }
            return where.toString();
        }
    }

    /**
     * Replaces each piece, in each layer, by itself.
     *
     * @param site the activation's short name
     * @param run the run that is patched, with "resid_pre" kept
     * @param donor the activation that pieces come from, by layer, with all prompts of the run
     * @return the metric, [layer][piece]
     */
    double[][] patch(String site, ActivationCache run, IntFunction<NDArray> donor, List<Piece> pieces) {
        int layers = model.config().nLayers();
        double[][] values = new double[layers][pieces.size()];
        try (Progress progress = Progress.of("patching " + site, (long) layers * pieces.size())) {
            for (int layer = 0; layer < layers; layer++) {
                NDArray stream = run.get("resid_pre", layer).array();
                NDArray from = donor.apply(layer);
                int perBatch = (int) Math.max(1, ROWS / stream.getShape().get(0));
                for (int start = 0; start < pieces.size(); start += perBatch) {
                    List<Piece> some = pieces.subList(start, Math.min(start + perBatch, pieces.size()));
                    double[] scores = scores(HookName.of(site, layer), some, stream, from);
                    System.arraycopy(scores, 0, values[layer], start, scores.length);
                    for (int i = 0; i < some.size(); i++) {
                        progress.step("layer " + layer);
                    }
                }
            }
        }
        return values;
    }

    private double[] scores(HookName name, List<Piece> pieces, NDArray stream, NDArray donor) {
        int batch = (int) stream.getShape().get(0);
        try (NDManager scope = stream.getManager().newSubManager()) {
            NDList copies = new NDList();
            pieces.forEach(piece -> copies.add(stream));
            NDArray all = NDArrays.concat(copies, 0); // [patch·batch, pos, dModel]
            all.attach(scope);
            Hook hook = Hook.at(name.toString(), x -> {
                NDArray edited = x.duplicate();
                for (int i = 0; i < pieces.size(); i++) {
                    String rows = i * batch + ":" + (i + 1) * batch;
                    String where = pieces.get(i).slice(name.axes());
                    try (NDArray piece = donor.get(new NDIndex(":" + where))) {
                        edited.set(new NDIndex(rows + where), piece);
                    }
                }
                return edited;
            });
            try (Logits logits = model.runFrom(all, name.layer(), true, hook)) {
                return means(logits, batch);
            }
        }
    }

    /** The metric of a run from a layer on, with a hook there. */
    double score(NDArray stream, HookName name, Hook hook) {
        try (Logits logits = model.runFrom(stream, name.layer(), true, hook)) {
            return means(logits, (int) stream.getShape().get(0))[0];
        }
    }

    /** The metric of a run without any patch. */
    double baseline(long[][] tokens) {
        try (Logits logits = model.next(tokens)) {
            return means(logits, tokens.length)[0];
        }
    }

    /** The metric's mean over each group of so many prompts. */
    private double[] means(Logits logits, int batch) {
        NDArray each = metric.perPrompt(logits.array());
        float[] flat = each.toType(DataType.FLOAT32, false).toFloatArray();
        double[] means = new double[flat.length / batch];
        for (int i = 0; i < flat.length; i++) {
            means[i / batch] += flat[i] / (double) batch;
        }
        return means;
    }

    /** The model and the first prompt, as text or as ids. */
    static String describe(HookedTransformer model, long[][] tokens) {
        return model.name() + ", " + text(model, tokens[0])
                + (tokens.length == 1 ? "" : String.format(Locale.ROOT, " and %d more", tokens.length - 1));
    }

    static String text(HookedTransformer model, long[] ids) {
        return model.hasTokenizer()
                ? "\"" + String.join("", model.tokenizer().toStrings(ids)) + "\""
                : Arrays.toString(ids);
    }
}
