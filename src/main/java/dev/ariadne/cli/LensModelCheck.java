package dev.ariadne.cli;

import dev.ariadne.model.HookedTransformer;
import dev.ariadne.model.Logits;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** TransformerLens-layout weights that are also there in hub layout: both must give the recorded logits. */
final class LensModelCheck implements Conformance.Check {
    @Override
    public boolean reads(String file) {
        return file.matches("tl/[^/]+/weights\\.safetensors");
    }

    @Override
    public void compare(Path folder, String file, Comparison comparison) throws IOException {
        String model = file.split("/", -1)[1];
        Path lens = folder.resolve("tl").resolve(model);
        Path expected = folder.resolve("models").resolve(model).resolve("expected.safetensors");
        if (!Files.isRegularFile(expected) && Files.isRegularFile(lens.resolve("expected.safetensors"))) {
            throw new Conformance.Skip("compared with tl/" + model + "/expected.safetensors");
        }
        String patched =
                "edges/" + model + "/node_patching.csv"; // what is recorded of a model that is in no other layout
        if (!Files.isRegularFile(expected) && Files.isRegularFile(folder.resolve(patched))) {
            new NodePatchCheck().compare(folder, patched, comparison);
            return;
        }
        if (!Files.isRegularFile(expected)) {
            throw new Conformance.Skip("no logits recorded for it (would be " + folder.relativize(expected) + ")");
        }
        try (HookedTransformer loaded = HookedTransformer.load(lens.toString(), "cpu");
                Reference reference = new Reference(expected);
                Logits logits = loaded.run(reference.tokens("batch0.tokens"))) {
            comparison.close("batch0.logits", logits.array().toFloatArray(), reference.floats("batch0.logits"), 1e-4);
        }
    }
}
