package dev.ariadne.cli;

import dev.ariadne.attribution.ActiveFeatures;
import dev.ariadne.model.Logits;
import dev.ariadne.transcoder.Feature;
import java.io.IOException;
import java.nio.file.Path;

/** A small model with transcoders: its logits, and which features are active on the prompt, before and after the activation function, and what interventions do. */
final class TranscoderCheck implements Conformance.Check {
    private static final double TOLERANCE = 1e-4;

    @Override
    public boolean reads(String file) {
        return file.matches("attribution/[^/]+\\.expected\\.safetensors");
    }

    @Override
    public void compare(Path folder, String file, Comparison comparison) throws IOException {
        Path path = folder.resolve(file);
        String name = String.valueOf(path.getFileName()).replace(".expected.safetensors", "");
        Path parent = path.resolveSibling("");
        try (AttributionFixture fixture = AttributionFixture.load(parent, name);
                Reference expected = new Reference(path)) {
            long[] tokens = expected.longs("tokens");
            try (Logits logits = fixture.model().run(new long[][] {tokens})) {
                comparison.close("logits", logits.array().toFloatArray(), expected.floats("logits"), TOLERANCE);
            }
            compare(fixture.replacement().features(tokens), expected, comparison);
            InterventionCheck.compare(fixture, expected, comparison);
            comparison.leave(expected.unread());
        }
    }

    private static void compare(ActiveFeatures features, Reference expected, Comparison comparison) {
        float[] before = expected.floats("preactivations"); // [layer, pos, feature]
        float[] after = expected.floats("activations");
        long[] shape = expected.file().shape("activations");
        int pos = (int) shape[1];
        int width = (int) shape[2];
        long[] places = expected.longs("active_features"); // [active, (layer, position, feature)]
        comparison.same("the number of active features", features.size(), places.length / 3);
        for (int i = 0; i < after.length; i++) {
            Feature feature = new Feature(i / (pos * width), i / width % pos, i % width);
            int place = features.place(feature);
            comparison.add(feature.toString(), Math.abs(features.activation(feature) - after[i]), TOLERANCE);
            if (place >= 0) {
                comparison.add(feature.toString(), Math.abs(features.preactivation(place) - before[i]), TOLERANCE);
            }
        }
        float[] values = expected.floats("activation_values");
        for (int i = 0; i < Math.min(values.length, features.size()); i++) {
            Feature feature = new Feature((int) places[3 * i], (int) places[3 * i + 1], (int) places[3 * i + 2]);
            comparison.same("feature " + i, features.feature(i), feature);
            comparison.add(feature.toString(), Math.abs(features.activation(i) - values[i]), TOLERANCE);
        }
    }
}
