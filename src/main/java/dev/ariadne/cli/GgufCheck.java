package dev.ariadne.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.model.Logits;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.StreamSupport;

/** Small GGUF models with their tokenizers: token ids and last logits recorded from transformers. */
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
        try (HookedTransformer model = HubModelCheck.load(weights)) {
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
            }
        }
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
