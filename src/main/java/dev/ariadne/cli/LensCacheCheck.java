package dev.ariadne.cli;

import dev.ariadne.discovery.ActivationPatching;
import dev.ariadne.discovery.PatchGrid;
import dev.ariadne.model.ActivationCache;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.task.Metric;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Every hook point, decomposition and patching grid of gpt2-tiny, recorded from TransformerLens. */
final class LensCacheCheck implements Conformance.Check {
    private static final double TOLERANCE = 1e-4;
    private static final double PATTERNS = 1e-5;

    @Override
    public boolean reads(String file) {
        return file.matches("transformerlens/[^/]+_hooks\\.safetensors");
    }

    @Override
    public void compare(Path folder, String file, Comparison comparison) throws IOException {
        Path expected = folder.resolve(file);
        String model = expected.getFileName()
                .toString()
                .replace("_hooks.safetensors", "")
                .replace('_', '-');
        Path weights = folder.resolve("tl").resolve(model);
        if (!Files.isDirectory(weights)) {
            throw new Conformance.Skip("its model is not there: " + folder.relativize(weights));
        }
        try (HookedTransformer lens = HookedTransformer.load(weights.toString(), "cpu");
                Reference reference = new Reference(expected)) {
            cache(lens, reference, comparison);
            grids(lens, reference, comparison);
            LensStackCheck.besides(lens, reference, comparison);
            comparison.leave(reference.unread());
        }
    }

    private static void cache(HookedTransformer model, Reference reference, Comparison comparison) {
        List<String> names = new ArrayList<>();
        for (String name : reference.file().names()) {
            if (name.startsWith("cache.")) {
                names.add(name.substring("cache.".length()));
            }
        }
        // per-head inputs switched on, as in the recorded run: the norm before attention then has a head axis
        List<String> asked = new ArrayList<>(names);
        asked.addAll(List.of("q_input", "k_input", "v_input"));
        try (ActivationCache cache = model.runWithCache(reference.tokens("tokens"), asked)) {
            comparison.close("logits", cache.logits().array().toFloatArray(), reference.floats("logits"), TOLERANCE);
            for (String name : names) {
                String recorded = "cache." + name;
                comparison.same(
                        recorded + " shape",
                        Arrays.toString(cache.get(name).shape()),
                        Arrays.toString(reference.file().shape(recorded)));
                double tolerance = name.endsWith("hook_pattern") ? PATTERNS : TOLERANCE;
                comparison.close(recorded, cache.get(name).toFloatArray(), reference.floats(recorded), tolerance);
            }
        }
    }

    private static void grids(HookedTransformer model, Reference reference, Comparison comparison) {
        Metric metric = Metric.logitDifference(reference.longs("patching.correct"), reference.longs("patching.wrong"));
        ActivationPatching patching = ActivationPatching.of(
                model, reference.tokens("tokens"), reference.tokens("patching.corrupt_tokens"), metric);
        for (String site : List.of("resid_pre", "resid_mid", "attn_out", "mlp_out")) {
            grid("patching." + site, patching.byPosition(site).values(), reference, comparison);
        }
        for (String site : List.of("z", "q", "k", "v", "pattern")) {
            String recorded = "patching.attn_head_" + (site.equals("z") ? "out" : site) + "_all_pos";
            grid(recorded, patching.byHead(site).values(), reference, comparison);
        }
        PatchGrid byPosition = patching.attnHeadOutByPos();
        grid("patching.attn_head_out_by_pos", positionFirst(byPosition, model), reference, comparison);
        PatchGrid any = patching.byPosition("resid_pre");
        comparison.add("clean metric", Math.abs(any.clean() - reference.floats("patching.clean_metric")[0]), TOLERANCE);
        comparison.add(
                "corrupted metric",
                Math.abs(any.corrupted() - reference.floats("patching.corrupted_metric")[0]),
                TOLERANCE);
    }

    /** From rows of layers and heads with a column per position to [layer · pos, head]. */
    static double[][] positionFirst(PatchGrid grid, HookedTransformer model) {
        int layers = model.config().nLayers();
        int heads = grid.rows().size() / layers;
        int pos = grid.columns().size();
        double[][] values = new double[layers * pos][heads];
        for (int row = 0; row < values.length; row++) {
            for (int head = 0; head < heads; head++) {
                values[row][head] = grid.value(row / pos * heads + head, row % pos);
            }
        }
        return values;
    }

    static void grid(String name, double[][] values, Reference reference, Comparison comparison) {
        grid(name, values, TOLERANCE, reference, comparison);
    }

    static void grid(String name, double[][] values, double tolerance, Reference reference, Comparison comparison) {
        float[] flat = new float[values.length * values[0].length];
        for (int i = 0; i < flat.length; i++) {
            flat[i] = (float) values[i / values[0].length][i % values[0].length];
        }
        comparison.close(name, flat, reference.floats(name), tolerance);
    }
}
