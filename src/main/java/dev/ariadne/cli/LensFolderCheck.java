package dev.ariadne.cli;

import dev.ariadne.model.ActivationCache;
import dev.ariadne.model.HookName;
import dev.ariadne.model.HookedTransformer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** A model in TransformerLens layout with everything its run cached there: the same hook points, the same values. */
final class LensFolderCheck implements Conformance.Check {
    private static final double TOLERANCE = 1e-4;
    private static final double PATTERNS = 1e-5;

    @Override
    public boolean reads(String file) {
        return file.matches("tl/[^/]+/expected\\.safetensors");
    }

    @Override
    public void compare(Path folder, String file, Comparison comparison) throws IOException {
        Path expected = folder.resolve(file);
        try (HookedTransformer model = HookedTransformer.load(
                        expected.resolveSibling(".").normalize().toString(), "cpu");
                Reference reference = new Reference(expected);
                ActivationCache cache = model.runWithCache(reference.tokens("tokens"))) {
            comparison.close("logits", cache.logits().array().toFloatArray(), reference.floats("logits"), TOLERANCE);
            List<String> recorded = reference.file().names().stream()
                    .filter(name -> name.startsWith("cache."))
                    .map(name -> name.substring("cache.".length()))
                    .sorted()
                    .toList();
            List<String> kept =
                    cache.names().stream().map(HookName::toString).sorted().toList();
            comparison.same("hook points", kept, recorded);
            for (String name : recorded) {
                double tolerance = name.endsWith("hook_pattern") ? PATTERNS : TOLERANCE;
                comparison.close(name, cache.get(name).toFloatArray(), reference.floats("cache." + name), tolerance);
            }
            comparison.leave(reference.unread());
        }
    }
}
