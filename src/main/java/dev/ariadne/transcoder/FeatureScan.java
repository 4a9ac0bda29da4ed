package dev.ariadne.transcoder;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.ariadne.model.Hook;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.model.ModelConfig.Norm;
import dev.ariadne.model.Weight;
import dev.ariadne.view.Progress;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;

/** What features do on a corpus: where they are active, and which output tokens they push. */
public final class FeatureScan {
    private static final long MOST_VALUES = 8 << 20; // activations of a layer in memory at once

    private FeatureScan() {}

    /** Hears of every feature that is active in a text. */
    @FunctionalInterface
    public interface Visitor {
        /**
         * Called once for each text, layer and feature that is active in it, the layers of a text in order.
         *
         * @param text its place in the list
         * @param layer from 0
         * @param feature from 0
         * @param activations [pos]; 0 at the first position, where features do not count
         */
        void active(int text, int layer, int feature, float[] activations);
    }

    /**
     * Runs texts through a model and tells where features are active.
     *
     * @param texts token ids, each text beginning with the model's first token
     * @param visitor called in this thread
     * @throws java.util.concurrent.CancellationException when interrupted
     */
    public static void run(HookedTransformer model, Transcoders transcoders, List<long[]> texts, Visitor visitor) {
        transcoders.requireFits(model);
        Map<Integer, List<Integer>> byLength = new TreeMap<>();
        IntStream.range(0, texts.size())
                .forEach(text -> byLength.computeIfAbsent(texts.get(text).length, n -> new ArrayList<>())
                        .add(text));
        int widest = IntStream.range(0, transcoders.size())
                .map(transcoders::features)
                .max()
                .orElse(1);
        try (Progress progress = Progress.of("looking where features are active", texts.size())) {
            for (List<Integer> same : byLength.values()) {
                long each = (long) texts.get(same.get(0)).length * widest;
                int batch = (int) Math.max(1, Math.min(256, MOST_VALUES / each));
                for (int from = 0; from < same.size(); from += batch) {
                    List<Integer> some = same.subList(from, Math.min(same.size(), from + batch));
                    look(model, transcoders, texts, some, visitor);
                    progress.step(some.size(), "", null);
                }
            }
        }
    }

    private static void look(
            HookedTransformer model, Transcoders transcoders, List<long[]> texts, List<Integer> some, Visitor visitor) {
        List<Hook> hooks = new ArrayList<>();
        for (int i = 0; i < transcoders.size(); i++) {
            int layer = i;
            hooks.add(Hook.observe(
                    transcoders.input(layer).toString(),
                    x -> tell(layer, transcoders.encode(layer, x).toFloatArray(), some, texts, visitor)));
        }
        model.next(some.stream().map(texts::get).toArray(long[][]::new), hooks.toArray(Hook[]::new))
                .close();
    }

    /** Reads activations [text, pos, feature]. */
    private static void tell(int layer, float[] all, List<Integer> some, List<long[]> texts, Visitor visitor) {
        int pos = texts.get(some.get(0)).length;
        int features = all.length / some.size() / pos;
        for (int row = 0; row < some.size(); row++) {
            Map<Integer, float[]> active = new TreeMap<>();
            for (int at = 1; at < pos; at++) {
                int begin = (row * pos + at) * features;
                for (int feature = 0; feature < features; feature++) {
                    if (all[begin + feature] != 0) {
                        active.computeIfAbsent(feature, f -> new float[pos])[at] = all[begin + feature];
                    }
                }
            }
            int text = some.get(row);
            active.forEach((feature, activations) -> visitor.active(text, layer, feature, activations));
        }
    }

    /**
     * What features add to the logits by the straight way, per unit of activation and up to a scale that is the same for all tokens: what they
     * write, times the gain of the last norm, unembedded, less the mean over tokens.
     *
     * @param features of the layer, at least one
     * @return [feature][token]
     */
    public static float[][] logits(HookedTransformer model, Transcoders transcoders, int layer, long... features) {
        try (NDManager scope = model.newOwner();
                Weight unembed = model.weights().get("unembed.W_U")) {
            NDArray written = transcoders.decoderRows(layer, features, layer, scope); // [feature, dModel]
            for (int target = layer + 1; target <= transcoders.lastWritten(layer); target++) {
                written = written.add(transcoders.decoderRows(layer, features, target, scope));
            }
            Norm norm = model.config().norm();
            if (norm == Norm.LAYER || norm == Norm.LAYER_PRE) {
                written = written.sub(written.mean(new int[] {1}, true));
            }
            if (norm == Norm.LAYER || norm == Norm.RMS) {
                try (Weight gain = model.weights().get("ln_final.w")) {
                    written = written.mul(Encoder.like(gain.array(), written));
                }
            }
            NDArray logits = written.matMul(Encoder.like(unembed.array(), written)); // [feature, token]
            float[] all = logits.sub(logits.mean(new int[] {1}, true)).toFloatArray();
            float[][] rows = new float[features.length][all.length / features.length];
            for (int row = 0; row < rows.length; row++) {
                System.arraycopy(all, row * rows[row].length, rows[row], 0, rows[row].length);
            }
            return rows;
        }
    }
}
