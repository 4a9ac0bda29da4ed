package dev.ariadne.cli;

import ai.djl.ndarray.NDArray;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.model.Logits;
import dev.ariadne.model.Weight;
import java.io.IOException;
import java.nio.file.Path;

/** Weights that TransformerLens has processed, the logits they give, and log-probabilities that must be those of the weights as they were. */
final class ProcessedCheck implements Conformance.Check {
    private static final double WEIGHTS = 1e-5;
    private static final double LOGITS = 1e-4;

    @Override
    public boolean reads(String file) {
        return file.matches("transformerlens/[a-z0-9_]+_processed_[a-z_]+\\.safetensors");
    }

    @Override
    public void compare(Path folder, String file, Comparison comparison) throws IOException {
        Path expected = folder.resolve(file);
        String[] parts = String.valueOf(expected.getFileName()).split("_processed_|\\.", -1);
        Path hooks = expected.resolveSibling(parts[0] + "_hooks.safetensors");
        try (HookedTransformer model = load(folder, parts[0]);
                HookedTransformer processed = processed(model, parts[1]);
                Reference reference = new Reference(expected)) {
            long[][] tokens = reference.file().contains("tokens") ? reference.tokens("tokens") : tokens(hooks);
            try (Logits before = model.run(tokens);
                    Logits after = processed.run(tokens)) {
                comparison.close("logits", after.array().toFloatArray(), reference.floats("logits"), LOGITS);
                comparison.close("log-probabilities", logProbabilities(after), logProbabilities(before), WEIGHTS);
            }
            for (String name : reference.unread()) {
                try (Weight weight = processed.weights().get(name)) {
                    comparison.close(name, weight.toFloatArray(), reference.floats(name), WEIGHTS);
                }
            }
        }
    }

    /** The model that recorded values are about: gpt2_tiny is in the folder gpt2-tiny. */
    static HookedTransformer load(Path folder, String name) {
        Path model = folder.resolve("models").resolve(name.replace('_', '-'));
        return HookedTransformer.load(model.toString(), "cpu");
    }

    private static HookedTransformer processed(HookedTransformer model, String steps) {
        return switch (steps) {
            case "fold_ln" -> model.foldLn();
            case "center_writing_weights" -> model.centerWritingWeights();
            case "center_unembed" -> model.centerUnembed();
            case "fold_value_biases" -> model.foldValueBiases();
            case "default" -> model.processWeights();
            default -> throw new Conformance.Skip("no processing is called '" + steps + "'");
        };
    }

    private static long[][] tokens(Path hooks) throws IOException {
        try (Reference reference = new Reference(hooks)) {
            return reference.tokens("tokens");
        }
    }

    private static float[] logProbabilities(Logits logits) {
        try (NDArray values = logits.array().logSoftmax(2)) {
            return values.toFloatArray();
        }
    }
}
