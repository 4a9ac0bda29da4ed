package dev.ariadne.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.ariadne.model.ActivationCache;
import dev.ariadne.model.HookedTransformer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/** Compiled programs: what each block adds to the stream, and what the program answers, recorded from Tracr. */
final class TracrCheck implements Conformance.Check {
    private static final double TOLERANCE = 1e-4;

    @Override
    public boolean reads(String file) {
        return file.matches("tracr/[^/]+/expected\\.safetensors");
    }

    @Override
    public void compare(Path folder, String file, Comparison comparison) throws IOException {
        Path expected = folder.resolve(file);
        JsonNode program = new ObjectMapper()
                .readTree(expected.resolveSibling("program.json").toFile());
        try (HookedTransformer model = HookedTransformer.load(
                        expected.resolveSibling(".").normalize().toString(), "cpu");
                Reference reference = new Reference(expected)) {
            for (int i = 0; i < program.get("examples").size(); i++) {
                example(model, "ex" + i + ".", program, i, reference, comparison);
            }
            comparison.leave(reference.unread());
        }
    }

    private static void example(
            HookedTransformer model,
            String prefix,
            JsonNode program,
            int index,
            Reference reference,
            Comparison comparison) {
        long[][] tokens = reference.tokens(prefix + "tokens");
        int last = model.config().nLayers() - 1;
        try (ActivationCache cache = model.runWithCache(tokens, "attn_out", "mlp_out", "resid_post")) {
            for (String name : reference.file().names()) {
                if (name.startsWith(prefix + "blocks.")) {
                    float[] actual = cache.get(name.substring(prefix.length())).toFloatArray();
                    comparison.close(name, actual, reference.floats(name), TOLERANCE);
                }
            }
            float[] stream = cache.get("resid_post", last).toFloatArray();
            for (String name : new String[] {"resid_post", "transformer_output"}) {
                comparison.close(prefix + name, stream, reference.floats(prefix + name), TOLERANCE);
            }
            float[] logits = cache.logits().array().toFloatArray();
            JsonNode decoded = program.get("examples").get(index).get("decoded");
            for (int pos = 1; pos < tokens[0].length; pos++) { // the first is BOS and is not read
                String what = prefix + "decoded " + pos;
                if (program.path("output_map").isObject()) {
                    comparison.same(
                            what, symbol(program, logits, pos), decoded.get(pos).asText());
                } else {
                    int column = column(program);
                    float value = stream[pos * model.config().dModel() + column];
                    comparison.add(what, Math.abs(value - decoded.get(pos).asDouble()), TOLERANCE);
                }
            }
        }
    }

    /** The program's answer at a position: the symbol whose logit is largest. */
    private static String symbol(JsonNode program, float[] logits, int pos) {
        Map<Integer, String> symbols = new HashMap<>();
        program.get("output_map")
                .properties()
                .forEach(e -> symbols.put(e.getValue().asInt(), e.getKey()));
        int best = 0;
        for (int i = 1; i < symbols.size(); i++) {
            best = logits[pos * symbols.size() + i] > logits[pos * symbols.size() + best] ? i : best;
        }
        return symbols.getOrDefault(best, "no symbol " + best);
    }

    /** The column of the stream that holds a program's number. */
    private static int column(JsonNode program) {
        String label = program.get("output_label").asText();
        JsonNode labels = program.get("residual_labels");
        for (int i = 0; i < labels.size(); i++) {
            if (labels.get(i).asText().equals(label)) {
                return i;
            }
        }
        throw new IllegalArgumentException("the program's output '" + label + "' is not among its columns " + labels);
    }
}
