package dev.ariadne.cli;

import dev.ariadne.model.ActivationCache;
import dev.ariadne.model.HookName;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.model.Logits;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;

/** Hub-layout models: logits, activations, attention patterns and greedy continuations recorded from transformers. */
final class HubModelCheck implements Conformance.Check {
    private static final double ACTIVATIONS = 1e-4;
    private static final double PATTERNS = 1e-5;

    @Override
    public boolean reads(String file) {
        return file.matches("models/[^/]+/expected\\.safetensors");
    }

    @Override
    public void compare(Path folder, String file, Comparison comparison) throws IOException {
        Path expected = folder.resolve(file);
        try (HookedTransformer model = load(expected.resolveSibling("."));
                Reference reference = new Reference(expected)) {
            for (String name : reference.file().names()) {
                if (name.endsWith(".tokens") && name.startsWith("batch")) {
                    batch(model, reference, name.substring(0, name.indexOf('.')), comparison);
                }
            }
            greedy(model, reference, comparison);
        }
    }

    /** Loads a model, or says which family is still missing. */
    static HookedTransformer load(Path path) {
        try {
            return HookedTransformer.load(path.normalize().toString(), "cpu");
        } catch (IllegalArgumentException e) {
            if (String.valueOf(e.getMessage()).contains("is not supported")) {
                throw new Conformance.Skip(String.valueOf(e.getMessage()));
            }
            throw e;
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
        }
    }

    /** Extends the prompt by the most probable token, ten times, without any cache. */
    private static void greedy(HookedTransformer model, Reference reference, Comparison comparison) {
        if (!reference.file().contains("greedy.prompt")) {
            return;
        }
        long[] text = reference.longs("greedy.prompt");
        long[] expected = reference.longs("greedy.tokens");
        while (text.length < expected.length) {
            try (Logits next = model.next(new long[][] {text})) {
                text = Arrays.copyOf(text, text.length + 1);
                text[text.length - 1] = next.top(1).get(0).id();
            }
        }
        comparison.same("greedy.tokens", Arrays.toString(text), Arrays.toString(expected));
    }
}
