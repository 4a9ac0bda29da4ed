package dev.ariadne.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.ariadne.model.ActivationCache;
import dev.ariadne.model.HookName;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.model.Logits;
import dev.ariadne.model.weights.Checkpoint;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Set;

/** Hub-layout models: logits, activations, attention patterns and greedy continuations recorded from transformers. */
final class HubModelCheck implements Conformance.Check {
    private static final double ACTIVATIONS = 1e-4;
    private static final double PATTERNS = 1e-5;

    /** Families with recorded values that the library does not load yet; delete one when it does. */
    static final Set<String> NOT_YET = Set.of("gemma2", "gemma3", "gemma3_text", "gpt_neox", "qwen2", "qwen3");

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
            comparison.leave(reference.unread());
        }
    }

    /** Loads a model; skips only the families named here, so that one that did load and no longer does is a failure. */
    static HookedTransformer load(Path path) throws IOException {
        String family = family(path);
        if (NOT_YET.contains(family)) {
            throw new Conformance.Skip("models of the family '" + family + "' do not load yet");
        }
        return HookedTransformer.load(path.normalize().toString(), "cpu");
    }

    /** What a hub-layout folder or a GGUF file calls its family; empty when it does not say. */
    private static String family(Path path) throws IOException {
        if (Files.isRegularFile(path)) {
            try (Checkpoint file = Checkpoint.open(path)) {
                return String.valueOf(file.metadata().getOrDefault("general.architecture", ""));
            }
        }
        try {
            return new ObjectMapper()
                    .readTree(path.resolve("config.json").toFile())
                    .path("model_type")
                    .asText();
        } catch (JsonProcessingException e) {
            return ""; // loading says what is wrong with it
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

    /** Extends the prompt by the most probable token, ten times, without any cache; margins are its lead over the second. */
    private static void greedy(HookedTransformer model, Reference reference, Comparison comparison) {
        if (!reference.file().contains("greedy.prompt")) {
            return;
        }
        long[] text = reference.longs("greedy.prompt");
        long[] expected = reference.longs("greedy.tokens");
        boolean margins = reference.file().contains("greedy.margins");
        float[] leads = margins ? reference.floats("greedy.margins") : new float[0];
        int first = text.length;
        while (text.length < expected.length) {
            try (Logits next = model.next(new long[][] {text})) {
                List<Logits.Prediction> best = next.top(2);
                int step = text.length - first;
                if (margins) {
                    double lead = best.get(0).logit() - best.get(1).logit();
                    comparison.add("greedy.margins " + step, Math.abs(lead - leads[step]), 2 * ACTIVATIONS);
                }
                text = Arrays.copyOf(text, text.length + 1);
                text[text.length - 1] = best.get(0).id();
            }
        }
        comparison.same("greedy.tokens", Arrays.toString(text), Arrays.toString(expected));
    }
}
