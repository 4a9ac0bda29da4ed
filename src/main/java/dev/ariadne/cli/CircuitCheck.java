package dev.ariadne.cli;

import dev.ariadne.model.FactoredMatrix;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.model.ModelWeights;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;

/** QK and OV circuits of a model as TransformerLens sees them: composition scores, singular values, norms, eigenvalues. */
final class CircuitCheck implements Conformance.Check {
    private static final double TOLERANCE = 1e-5;

    @Override
    public boolean reads(String file) {
        return file.matches("transformerlens/[a-z0-9_]+_circuits\\.safetensors");
    }

    @Override
    public void compare(Path folder, String file, Comparison comparison) throws IOException {
        Path expected = folder.resolve(file);
        String name = String.valueOf(expected.getFileName()).replaceFirst("_circuits.*", "");
        try (HookedTransformer model = ProcessedCheck.load(folder, name);
                Reference reference = new Reference(expected)) {
            ModelWeights weights = model.weights();
            for (String kind : List.of("Q", "K", "V")) {
                double[] scores = Arrays.stream(
                                weights.allCompositionScores(kind).values())
                        .flatMapToDouble(Arrays::stream)
                        .toArray();
                String entry = "composition." + kind.toLowerCase(Locale.ROOT);
                comparison.close(entry, floats(scores), reference.floats(entry), TOLERANCE);
            }
            int heads = model.config().nHeads();
            for (int i = 0; i < model.config().nLayers() * heads; i++) {
                try (FactoredMatrix ov = weights.ov(i / heads, i % heads);
                        FactoredMatrix qk = weights.qk(i / heads, i % heads);
                        FactoredMatrix fullOv = weights.fullOv(i / heads, i % heads);
                        FactoredMatrix fullQk = weights.fullQk(i / heads, i % heads)) {
                    Head head = new Head(i, reference, comparison);
                    head.circuit("ov", ov);
                    head.circuit("qk", qk);
                    head.circuit("full_ov", fullOv);
                    head.circuit("full_qk", fullQk);
                    head.values("full_ov.copying_score", fullOv.copyingScore());
                    comparison.close(
                            "full_qk.row5", fullQk.row(5), head.part("full_qk.row5", fullQk.shape()[1]), TOLERANCE);
                }
            }
            comparison.leave(reference.unread());
        }
    }

    /** One head's part of what is recorded of all, in order of layer and head. */
    private record Head(int index, Reference reference, Comparison comparison) {
        void circuit(String name, FactoredMatrix matrix) {
            values(name + ".singular_values", matrix.singularValues());
            if (reference.file().contains(name + ".norm")) {
                values(name + ".norm", matrix.norm());
            }
            String entry = name + ".eigenvalues";
            if (reference.file().contains(entry)) {
                List<FactoredMatrix.Complex> left = new ArrayList<>(matrix.eigenvalues());
                float[] pairs = part(entry, 2L * left.size());
                for (int i = 0; i < pairs.length; i += 2) { // in no order: each takes its nearest
                    FactoredMatrix.Complex wanted = new FactoredMatrix.Complex(pairs[i], pairs[i + 1]);
                    FactoredMatrix.Complex found = left.stream()
                            .min(Comparator.comparingDouble(value -> distance(value, wanted)))
                            .orElseThrow();
                    comparison.add(entry, distance(found, wanted), TOLERANCE);
                    left.remove(found);
                }
            }
        }

        void values(String entry, double... actual) {
            comparison.close(entry, floats(actual), part(entry, actual.length), TOLERANCE);
        }

        float[] part(String entry, long size) {
            int from = index * (int) size;
            return Arrays.copyOfRange(reference.floats(entry), from, from + (int) size);
        }
    }

    private static double distance(FactoredMatrix.Complex a, FactoredMatrix.Complex b) {
        return Math.hypot(a.re() - b.re(), a.im() - b.im());
    }

    private static float[] floats(double... values) {
        float[] floats = new float[values.length];
        for (int i = 0; i < values.length; i++) {
            floats[i] = (float) values[i];
        }
        return floats;
    }
}
