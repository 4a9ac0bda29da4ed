package dev.ariadne.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.ariadne.model.ActivationCache;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.model.Logits;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.StreamSupport;

/** Small GGUF models with their tokenizers: token ids, last logits and norms recorded from transformers. */
final class GgufCheck implements Conformance.Check {
    private static final double TOLERANCE = 1e-4;

    @Override
    public boolean reads(String file) {
        return file.matches("gguf/[^/]+\\.parity\\.json");
    }

    @Override
    public void compare(Path folder, String file, Comparison comparison) throws IOException {
        Path parity = folder.resolve(file);
        Path weights = Path.of(parity.toString().replace(".parity.json", ".gguf"));
        if (!Files.isRegularFile(weights)) {
            throw new Conformance.Skip("its model is not there: " + folder.relativize(weights));
        }
        JsonNode recorded = new ObjectMapper().readTree(parity.toFile());
        try (HookedTransformer model = HookedTransformer.load(weights.toString(), "cpu");
                Reference stored = new Reference(weights)) {
            float[] finalNorm = stored.floats("output_norm.weight");
            for (JsonNode prompt : recorded.get("prompts")) {
                long[] ids = longs(prompt.get("ids"));
                String what = prompt.path("text").isTextual()
                        ? "\"" + prompt.get("text").asText() + "\""
                        : ids.length + " ids";
                if (prompt.path("text").isTextual()) {
                    String text = prompt.get("text").asText();
                    comparison.same("ids of " + what, Arrays.toString(model.toTokens(text)[0]), Arrays.toString(ids));
                }
                try (Logits next = model.next(new long[][] {ids})) {
                    comparison.close(
                            "logits of " + what,
                            next.array().toFloatArray(),
                            floats(prompt.get("logits_last")),
                            TOLERANCE);
                }
                norms(model, ids, finalNorm, prompt, what, comparison);
            }
        }
    }

    /** The length of the stream at the last position after each block, the last after the final norm, and of the logits. */
    private static void norms(
            HookedTransformer model,
            long[] ids,
            float[] finalNorm,
            JsonNode prompt,
            String what,
            Comparison comparison) {
        float[] residuals = floats(prompt.get("resid_last_row_per_layer_norm"));
        float[] logits = floats(prompt.get("logits_norm_per_position"));
        int layers = model.config().nLayers();
        comparison.same("rows of residuals of " + what, residuals.length, layers + 1);
        comparison.same("rows of logits of " + what, logits.length, ids.length);
        try (ActivationCache cache = model.runWithCache(new long[][] {ids}, "resid_pre", "ln_final.hook_normalized")) {
            for (int layer = 0; layer < layers; layer++) {
                float[] row = row(cache.get("resid_pre", layer).toFloatArray(), finalNorm.length, ids.length - 1);
                comparison.relative(
                        "norm of resid_pre " + layer + " of " + what, norm(row), residuals[layer], TOLERANCE);
            }
            float[] last = row(cache.get("ln_final.hook_normalized").toFloatArray(), finalNorm.length, ids.length - 1);
            for (int i = 0; i < last.length; i++) {
                last[i] *= finalNorm[i];
            }
            comparison.relative("norm after the final norm of " + what, norm(last), residuals[layers], TOLERANCE);
            float[] all = cache.logits().array().toFloatArray();
            for (int pos = 0; pos < ids.length; pos++) {
                float[] row = row(all, all.length / ids.length, pos);
                comparison.relative("norm of the logits at " + pos + " of " + what, norm(row), logits[pos], TOLERANCE);
            }
        }
    }

    private static float[] row(float[] flat, int width, int row) {
        return Arrays.copyOfRange(flat, row * width, (row + 1) * width);
    }

    private static double norm(float[] row) {
        double sum = 0;
        for (float value : row) {
            sum += (double) value * value;
        }
        return Math.sqrt(sum);
    }

    static long[] longs(JsonNode array) {
        return StreamSupport.stream(array.spliterator(), false)
                .mapToLong(JsonNode::asLong)
                .toArray();
    }

    static float[] floats(JsonNode array) {
        float[] values = new float[array.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) array.get(i).asDouble();
        }
        return values;
    }
}
