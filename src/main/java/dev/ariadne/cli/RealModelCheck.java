package dev.ariadne.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.ariadne.model.ActivationCache;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.model.Logits;
import dev.ariadne.model.Weight;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/** SmolLM2-135M and Gemma 3 270M, where they are there: logits and residuals of twelve prompts, token ids of difficult strings. */
final class RealModelCheck implements Conformance.Check {
    private static final String SMOLLM2 = "smollm2-135m-instruct-q4_1";
    private static final String GEMMA3 = "gemma-3-270m-q4_k_m";
    private static final double LOGITS = 2e-4;
    private static final double RESIDUALS = 1e-5; // of the row's largest value

    @Override
    public boolean reads(String file) {
        return file.matches("real/(" + SMOLLM2 + "|" + GEMMA3 + ")\\..*");
    }

    @Override
    public void compare(Path folder, String file, Comparison comparison) throws IOException {
        try (HookedTransformer model = load(file.contains(GEMMA3))) {
            Path path = folder.resolve(file);
            if (file.endsWith(".tokens.json")) {
                tokens(model, new ObjectMapper().readTree(path.toFile()), comparison);
            } else if (file.endsWith(".parity.json")) {
                parity(model, new ObjectMapper().readTree(path.toFile()), comparison);
            } else {
                arrays(model, Path.of(path.toString().replace(".safetensors", ".json")), path, comparison);
            }
        }
    }

    private static HookedTransformer load(boolean gemma) {
        if (!gemma) {
            try {
                return HookedTransformer.load("smollm2-135m", "cpu");
            } catch (IllegalArgumentException e) {
                throw new Conformance.Skip(String.valueOf(e.getMessage()));
            }
        }
        String set = System.getProperty("ariadne.gemma3", System.getenv().getOrDefault("ARIADNE_GEMMA3", ""));
        if (set.isEmpty() || !Files.isRegularFile(Path.of(set))) {
            throw new Conformance.Skip(
                    "needs Gemma 3 270M, which is under the Gemma Terms of Use and never fetched: set"
                            + " ARIADNE_GEMMA3 to your own copy of " + GEMMA3 + ".gguf");
        }
        return HookedTransformer.load(set, "cpu");
    }

    private static void tokens(HookedTransformer model, JsonNode recorded, Comparison comparison) {
        for (JsonNode string : recorded.get("strings")) {
            String text = string.get("text").asText();
            long[] ids = model.tokenizer().toTokens(text, false);
            comparison.same(
                    "ids of \"" + text + "\"",
                    Arrays.toString(ids),
                    Arrays.toString(GgufCheck.longs(string.get("ids"))));
        }
    }

    private static void parity(HookedTransformer model, JsonNode recorded, Comparison comparison) {
        for (JsonNode prompt : recorded.get("prompts")) {
            String text = prompt.get("text").asText();
            long[] ids = GgufCheck.longs(prompt.get("ids"));
            comparison.same("ids of \"" + text + "\"", Arrays.toString(model.toTokens(text)[0]), Arrays.toString(ids));
            try (Logits next = model.next(new long[][] {ids})) {
                float[] logits = next.array().toFloatArray();
                for (JsonNode pair : prompt.get("top50")) {
                    int id = pair.get(0).asInt();
                    comparison.add(
                            "logit " + id + " of \"" + text + "\"",
                            Math.abs(logits[id] - pair.get(1).asDouble()),
                            LOGITS);
                }
                int stride = prompt.get("sample_stride").asInt();
                for (int i = 0; i < prompt.get("sample").size(); i++) {
                    double expected = prompt.get("sample").get(i).asDouble();
                    comparison.add(
                            "sample " + i + " of \"" + text + "\"", Math.abs(logits[i * stride] - expected), LOGITS);
                }
            }
        }
    }

    private static void arrays(HookedTransformer model, Path parity, Path path, Comparison comparison)
            throws IOException {
        JsonNode prompts = new ObjectMapper().readTree(parity.toFile()).get("prompts");
        try (Reference reference = new Reference(path)) {
            for (String name : reference.file().names()) {
                int prompt = Integer.parseInt(name.substring(name.indexOf('.') + 1));
                long[][] ids = {GgufCheck.longs(prompts.get(prompt).get("ids"))};
                if (name.startsWith("logits.")) {
                    try (Logits next = model.next(ids)) {
                        comparison.close(name, next.array().toFloatArray(), reference.floats(name), LOGITS);
                    }
                } else {
                    residuals(model, ids, name, reference, comparison);
                }
            }
            comparison.leave(reference.unread());
        }
    }

    /** Rows: the embedding, the stream after each block but the last, the stream after the final norm; at the last position. */
    private static void residuals(
            HookedTransformer model, long[][] ids, String name, Reference reference, Comparison comparison) {
        float[] recorded = reference.floats(name);
        int width = model.config().dModel();
        int layers = model.config().nLayers();
        try (ActivationCache cache = model.runWithCache(ids, "resid_pre", "ln_final.hook_normalized");
                Weight finalNorm = model.weights().get("ln_final.w")) {
            for (int row = 0; row <= layers; row++) {
                String hook = row < layers ? "blocks." + row + ".hook_resid_pre" : "ln_final.hook_normalized";
                float[] all = cache.get(hook).toFloatArray(); // [1, pos, dModel]
                float[] last = Arrays.copyOfRange(all, all.length - width, all.length);
                float[] weight =
                        row < layers ? new float[0] : finalNorm.toFloatArray(); // an RMSNorm's hook comes before it
                for (int i = 0; i < weight.length; i++) {
                    last[i] *= weight[i];
                }
                float[] expected = Arrays.copyOfRange(recorded, row * width, (row + 1) * width);
                float largest = 0;
                for (float value : expected) {
                    largest = Math.max(largest, Math.abs(value));
                }
                comparison.close(name + " row " + row, last, expected, RESIDUALS * largest);
            }
        }
    }
}
