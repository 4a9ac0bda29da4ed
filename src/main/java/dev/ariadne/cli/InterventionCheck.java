package dev.ariadne.cli;

import com.fasterxml.jackson.databind.JsonNode;
import dev.ariadne.intervention.FeaturePatcher;
import dev.ariadne.intervention.Mode;
import dev.ariadne.intervention.PatchedRun;
import dev.ariadne.intervention.Setting;
import dev.ariadne.transcoder.Feature;
import java.io.IOException;
import java.util.List;
import java.util.Map;

/** Interventions on features of a small model: logits, and what encoders read in the edited run. */
final class InterventionCheck {
    private static final double TOLERANCE = 1e-4;
    private static final Map<String, Mode> MODES =
            Map.of("freeze", Mode.FROZEN, "live", Mode.LIVE, "direct", Mode.DIRECT);

    private InterventionCheck() {}

    static void compare(AttributionFixture fixture, Reference expected, Comparison comparison) throws IOException {
        JsonNode recorded = fixture.description().path("interventions");
        try (FeaturePatcher patcher = FeaturePatcher.of(fixture.replacement(), expected.longs("tokens"))) {
            for (JsonNode one : recorded) {
                Feature feature = new Feature(
                        one.path("layer").asInt(),
                        one.path("pos").asInt(),
                        one.path("feature").asInt());
                Mode mode = MODES.get(one.path("mode").asText());
                if (mode == null) {
                    throw new IOException("there is no mode of an intervention called " + one.path("mode"));
                }
                String key = one.path("key").asText();
                List<Setting> settings =
                        List.of(Setting.of(feature, one.path("value").asDouble()));
                try (PatchedRun run = patcher.run(settings, mode)) {
                    float[] logits = run.logits().array().toFloatArray();
                    comparison.close(key + " logits", logits, expected.floats(key + "_logits"), TOLERANCE);
                    compare(key, run, expected, comparison);
                }
            }
        }
    }

    private static void compare(String key, PatchedRun run, Reference expected, Comparison comparison) {
        float[] activations = expected.floats(key + "_acts"); // [layer, pos, feature]
        int layers = (int) expected.file().shape(key + "_acts")[0];
        int at = 0;
        for (int layer = 0; layer < layers; layer++) {
            for (double[] pos : run.activations(layer)) {
                for (double value : pos) {
                    comparison.add(key + " activations", Math.abs(value - activations[at++]), TOLERANCE);
                }
            }
        }
        comparison.same(key + " activations", at, activations.length);
    }
}
