package dev.ariadne.cli;

import dev.ariadne.model.ActivationCache;
import dev.ariadne.model.HookName;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.model.Logits;
import dev.ariadne.model.Sampling;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/** Hub-layout models: logits, activations, attention patterns and greedy continuations recorded from transformers. */
final class HubModelCheck implements Conformance.Check {
    private static final double ACTIVATIONS = 1e-4;
    private static final double PATTERNS = 1e-5;

    /** The same settings as newer programs write them. */
    private static final String NEW_STYLE = "config.v5.json";

    @Override
    public boolean reads(String file) {
        return file.matches("models/[^/]+/expected\\.safetensors");
    }

    @Override
    public void compare(Path folder, String file, Comparison comparison) throws IOException {
        Path expected = folder.resolve(file);
        Path model = expected.resolveSibling(".").normalize();
        compare(model, "config.json", expected, comparison);
        if (Files.isRegularFile(model.resolve(NEW_STYLE))) {
            compare(model, NEW_STYLE, expected, comparison);
        }
    }

    private static void compare(Path folder, String config, Path expected, Comparison comparison) throws IOException {
        try (HookedTransformer model = load(folder, config);
                Reference reference = new Reference(expected)) {
            for (String name : reference.file().names()) {
                if (name.endsWith(".tokens") && name.startsWith("batch")) {
                    batch(model, reference, name.substring(0, name.indexOf('.')), comparison);
                }
            }
            greedy(model, reference, comparison);
            comparison.leave(reference.unread());
        }
    }

    private static HookedTransformer load(Path folder, String config) throws IOException {
        Path copy = Files.createTempDirectory("ariadne-config");
        try {
            Files.copy(folder.resolve(config), copy.resolve("config.json"));
            Files.copy(folder.resolve("model.safetensors"), copy.resolve("model.safetensors"));
            return HookedTransformer.load(copy.toString(), "cpu");
        } finally {
            Files.deleteIfExists(copy.resolve("config.json"));
            Files.deleteIfExists(copy.resolve("model.safetensors"));
            Files.delete(copy);
        }
    }

    private static void batch(HookedTransformer model, Reference reference, String batch, Comparison comparison) {
        try (ActivationCache cache = model.runWithCache(reference.tokens(batch + ".tokens"))) {
            comparison.close(
                    batch + ".logits",
                    cache.logits().array().toFloatArray(),
                    reference.floats(batch + ".logits"),
                    ACTIVATIONS);
            for (HookName hook : cache.names()) {
                String name = batch + "." + hook;
                if (reference.file().contains(name)) {
                    double tolerance = name.endsWith("hook_pattern") ? PATTERNS : ACTIVATIONS;
                    comparison.close(
                            name, cache.get(hook.toString()).toFloatArray(), reference.floats(name), tolerance);
                }
            }
            for (int layer = 0;
                    model.config().postNorms() && layer < model.config().nLayers();
                    layer++) {
                String block = batch + ".blocks." + layer + ".";
                before(cache, "ln1_post", layer, block + "attn_out_before_post_norm", reference, comparison);
                before(cache, "ln2_post", layer, block + "mlp_out_before_post_norm", reference, comparison);
            }
        }
    }

    /** What a norm was given is what it divided by, times what came out. */
    private static void before(
            ActivationCache cache, String norm, int layer, String name, Reference reference, Comparison comparison) {
        if (!reference.file().contains(name)) {
            return;
        }
        String hook = "blocks." + layer + "." + norm + ".hook_";
        float[] values = cache.get(hook + "normalized").toFloatArray();
        float[] scales = cache.get(hook + "scale").toFloatArray();
        for (int i = 0; i < values.length; i++) {
            values[i] *= scales[i / (values.length / scales.length)];
        }
        comparison.close(name, values, reference.floats(name), ACTIVATIONS);
    }

    /** Extends the prompt by the most probable token, ten times; margins are its lead over the second. */
    private static void greedy(HookedTransformer model, Reference reference, Comparison comparison) {
        if (!reference.file().contains("greedy.prompt")) {
            return;
        }
        long[] prompt = reference.longs("greedy.prompt");
        long[] expected = reference.longs("greedy.tokens");
        int count = expected.length - prompt.length;
        Sampling sampling = Sampling.DEFAULT.withMaxNewTokens(count);
        long[] text = model.generate(new long[][] {prompt}, sampling).tokens()[0];
        comparison.same("greedy.tokens", Arrays.toString(text), Arrays.toString(expected));
        if (!reference.file().contains("greedy.margins")) {
            return;
        }
        float[] leads = reference.floats("greedy.margins");
        for (int step = 0; step < count; step++) { // from scratch each time, so that nothing kept is trusted
            try (Logits next = model.next(new long[][] {Arrays.copyOf(text, prompt.length + step)})) {
                List<Logits.Prediction> best = next.top(2);
                double lead = best.get(0).logit() - best.get(1).logit();
                comparison.add("greedy.margins " + step, Math.abs(lead - leads[step]), 2 * ACTIVATIONS);
            }
        }
    }
}
