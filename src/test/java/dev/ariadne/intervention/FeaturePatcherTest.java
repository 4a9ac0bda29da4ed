package dev.ariadne.intervention;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.DataType;
import dev.ariadne.attribution.ReplacementModel;
import dev.ariadne.cli.ReplacementFixtures;
import dev.ariadne.model.Generation;
import dev.ariadne.model.Hook;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.model.Logits;
import dev.ariadne.model.Sampling;
import dev.ariadne.model.Weight;
import dev.ariadne.transcoder.Feature;
import dev.ariadne.transcoder.Transcoders;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Features that are set, against slow and obvious runs. What circuit-tracer recorded is compared in the conformance check. */
class FeaturePatcherTest {
    private static final String PER_LAYER = "gemma_small_jumprelu";
    private static final String CROSS_LAYER = "gpt2_small_clt_relu";
    private static final String SKIP = "llama_small_topk_skip";
    private static final long[] TOKENS = ReplacementFixtures.tokens();

    private static List<Feature> active(String name) {
        long[] all = ReplacementFixtures.longs(name, "active_features");
        List<Feature> features = new ArrayList<>();
        for (int i = 0; i < all.length; i += 3) {
            features.add(new Feature((int) all[i], (int) all[i + 1], (int) all[i + 2]));
        }
        return features;
    }

    private static double[] last(Logits logits, int row) {
        long pos = logits.shape()[1] - 1;
        try (NDArray array = logits.array().get(row, pos)) {
            return array.toType(DataType.FLOAT64, true).toDoubleArray();
        }
    }

    private static Setting set(int layer, int position, int index, double value) {
        return Setting.of(layer, Positions.at(position), index, value);
    }

    /** The whole model runs, with a hook that computes the difference by itself. */
    @ParameterizedTest
    @ValueSource(strings = {PER_LAYER, SKIP})
    void equalsAWholeRunWithAHookByHand(String name) {
        ReplacementModel replacement = ReplacementFixtures.load(name);
        Transcoders transcoders = replacement.transcoders();
        Feature feature = active(name).get(active(name).size() - 1); // of the upper layer
        long[] index = {feature.index()};
        double[] now = {0};
        Hook read = Hook.observe(transcoders.input(feature.layer()).toString(), x -> {
            NDArray all = transcoders.encode(feature.layer(), x); // [1, pos, feature]
            now[0] = all.getFloat(0, feature.position(), feature.index());
        });
        Hook write = Hook.at(transcoders.output(feature.layer()).toString(), out -> {
            NDArray row = transcoders.decoderRows(feature.layer(), index, feature.layer(), out.getManager());
            NDArray sum = out.duplicate();
            NDIndex here = new NDIndex("0," + feature.position());
            sum.set(here, out.get(here).add(row.get(0).mul(3 - now[0])));
            return sum;
        });
        try (FeaturePatcher patcher = FeaturePatcher.of(replacement, TOKENS);
                PatchedRun run = patcher.run(List.of(Setting.of(feature, 3)), Mode.LIVE);
                Logits slow = replacement.model().run(new long[][] {TOKENS}, read, write)) {
            assertThat(run.logits().array().toFloatArray())
                    .usingComparatorWithPrecision(1e-5f)
                    .containsExactly(slow.array().toFloatArray());
        }
    }

    /** Doubling a feature in direct mode moves all pre-activations and centered logits by its column of the recorded graph. */
    @ParameterizedTest
    @ValueSource(strings = {PER_LAYER, SKIP, CROSS_LAYER})
    void movesWhatTheAttributionGraphSays(String name) {
        List<Feature> features = active(name);
        float[] values = ReplacementFixtures.floats(name, "activation_values");
        try (FeaturePatcher patcher = FeaturePatcher.of(ReplacementFixtures.load(name), TOKENS)) {
            int step = Math.max(1, features.size() / 100);
            for (int source = 0; source < features.size(); source += step) {
                Setting twice = Setting.of(features.get(source), 2 * values[source]);
                try (PatchedRun run = patcher.run(List.of(twice), Mode.DIRECT)) {
                    compare(name, patcher, run, source, 5e-4);
                }
            }
        }
    }

    /** Adding an error or a token once more does the same; they are added by hooks. */
    @ParameterizedTest
    @ValueSource(strings = {PER_LAYER, SKIP, CROSS_LAYER})
    void movesWhatTheGraphSaysWhenAnErrorOrATokenIsAdded(String name) {
        ReplacementModel replacement = ReplacementFixtures.load(name);
        HookedTransformer model = replacement.model();
        int layers = model.config().nLayers();
        int features = active(name).size();
        try (FeaturePatcher patcher = FeaturePatcher.of(replacement, TOKENS);
                NDManager scope = model.newOwner();
                Weight weight = model.weights().get("embed.W_E")) {
            for (int layer = 0; layer < layers; layer++) {
                NDArray error = Reconstruction.error(replacement, TOKENS, layer, scope); // [pos, dModel]
                for (int p = 1; p < TOKENS.length; p++) {
                    Hook hook = adding(replacement.transcoders().output(layer).toString(), error.get(p), p);
                    try (PatchedRun run = patcher.run(List.of(), Mode.DIRECT, hook)) {
                        compare(name, patcher, run, features + layer * TOKENS.length + p, 1e-3);
                    }
                }
            }
            NDArray embed = weight.array(); // [dVocab, dModel]
            for (int p = 1; p < TOKENS.length; p++) {
                Hook hook = adding("hook_embed", embed.get(TOKENS[p]), p);
                try (PatchedRun run = patcher.run(List.of(), Mode.DIRECT, hook)) {
                    compare(name, patcher, run, features + layers * TOKENS.length + p, 1e-3);
                }
            }
        }
    }

    private static Hook adding(String point, NDArray vector, int position) {
        return Hook.at(point, x -> {
            NDArray sum = x.duplicate();
            NDIndex here = new NDIndex("0," + position);
            sum.set(here, x.get(here).add(vector));
            return sum;
        });
    }

    /** Against a column of the adjacency matrix; rows are features, errors, tokens, logits. */
    private static void compare(String name, FeaturePatcher patcher, PatchedRun run, int source, double tolerance) {
        float[] adjacency = ReplacementFixtures.floats(name, "adjacency");
        int nodes = (int) Math.round(Math.sqrt(adjacency.length));
        List<Feature> features = active(name);
        int layers = ReplacementFixtures.load(name).transcoders().size();
        List<double[][]> before = new ArrayList<>();
        List<double[][]> after = new ArrayList<>();
        for (int layer = 0; layer < layers; layer++) {
            before.add(patcher.clean().preactivations(layer));
            after.add(run.preactivations(layer));
        }
        for (int target = 0; target < features.size(); target++) {
            Feature f = features.get(target);
            double moved =
                    after.get(f.layer())[f.position()][f.index()] - before.get(f.layer())[f.position()][f.index()];
            double edge = adjacency[target * nodes + source];
            assertThat(moved).as("%s", f).isCloseTo(edge, within(tolerance + 1e-3 * Math.abs(edge)));
        }
        double[] was = last(patcher.clean().logits(), 0);
        double[] now = last(run.logits(), 0);
        double shift = Arrays.stream(now).average().orElseThrow()
                - Arrays.stream(was).average().orElseThrow();
        long[] ids = ReplacementFixtures.longs(name, "logit_ids");
        for (int k = 0; k < ids.length; k++) {
            double edge = adjacency[(nodes - ids.length + k) * nodes + source];
            double moved = now[(int) ids[k]] - was[(int) ids[k]] - shift;
            assertThat(moved).isCloseTo(edge, within(1e-4 + 1e-3 * Math.abs(edge))); // float32: logits near 10
        }
    }

    @ParameterizedTest
    @CsvSource({PER_LAYER, SKIP, CROSS_LAYER})
    void givesTheSameLogitsHoweverTheyAreAskedFor(String name) {
        List<Feature> features = active(name);
        List<Setting> a = List.of(Setting.of(features.get(3), -2), Setting.of(features.get(20), 5));
        List<Setting> b = List.of(Setting.of(features.get(40), 0));
        try (FeaturePatcher patcher = FeaturePatcher.of(ReplacementFixtures.load(name), TOKENS)) {
            for (Mode mode : List.of(Mode.FROZEN, Mode.LIVE, Mode.DIRECT, Mode.constrained(0, 0))) {
                try (PatchedRun all = patcher.run(a, mode);
                        PatchedRun next = patcher.next(a, mode);
                        PatchedRun again = patcher.next(b, mode);
                        PatchedRun rows = patcher.nextOfAll(List.of(a, b), mode)) {
                    assertThat(last(next.logits(), 0)).containsExactly(last(all.logits(), 0), within(1e-5));
                    assertThat(last(rows.logits(), 0)).containsExactly(last(all.logits(), 0), within(1e-5));
                    assertThat(last(rows.logits(), 1)).containsExactly(last(again.logits(), 0), within(1e-5));
                    assertThat(rows.activations(1, features))
                            .containsExactly(again.activations(features), within(1e-5));
                    assertThat(next.activations(features)).containsExactly(wholeLayers(all, features), within(1e-5));
                }
            }
        }
    }

    /** More than run at once, in no order of layers or tokens, some of them nothing at all. */
    @ParameterizedTest
    @CsvSource({PER_LAYER, SKIP, CROSS_LAYER})
    void runsManyInterventionsInTheOrderInWhichTheyAreGiven(String name) {
        List<Feature> features = active(name);
        List<List<Setting>> rows = new ArrayList<>();
        for (int i = 0; i < 70; i++) {
            Feature feature = features.get(i * 31 % features.size());
            rows.add(i % 9 == 4 ? List.of() : List.of(Setting.of(feature, i % 3 - 1)));
        }
        try (FeaturePatcher patcher = FeaturePatcher.of(ReplacementFixtures.load(name), TOKENS)) {
            for (Mode mode : List.of(Mode.FROZEN, Mode.LIVE)) {
                try (PatchedRun all = patcher.nextOfAll(rows, mode)) {
                    assertThat(all.logits().shape()[0]).isEqualTo(70);
                    for (int row = 0; row < rows.size(); row++) {
                        try (PatchedRun one = patcher.next(rows.get(row), mode)) {
                            assertThat(last(all.logits(), row)).containsExactly(last(one.logits(), 0), within(1e-5));
                            assertThat(all.activations(row, features)) // up to 56: rounding is relative
                                    .containsExactly(one.activations(features), within(5e-5));
                        }
                    }
                }
            }
        }
    }

    /** Activations out of those of all features at all tokens. */
    private static double[] wholeLayers(PatchedRun run, List<Feature> features) {
        Map<Integer, double[][]> layers = new HashMap<>();
        return features.stream()
                .mapToDouble(f -> layers.computeIfAbsent(f.layer(), run::activations)[f.position()][f.index()])
                .toArray();
    }

    /** With the layers above free, only what constrained ones write may pass; with all constrained it is the direct mode. */
    @Test
    void constrainsSomeLayersOnly() {
        Setting low = Setting.of(active(CROSS_LAYER).get(0), 9);
        try (FeaturePatcher patcher = FeaturePatcher.of(ReplacementFixtures.load(CROSS_LAYER), TOKENS);
                PatchedRun direct = patcher.next(List.of(low), Mode.DIRECT);
                PatchedRun whole = patcher.next(List.of(low), Mode.constrained(0, 2));
                PatchedRun part = patcher.next(List.of(low), Mode.constrained(0, 1));
                PatchedRun elsewhere = patcher.next(List.of(low), Mode.constrained(1, 2))) {
            double[] clean = last(patcher.clean().logits(), 0);
            assertThat(last(whole.logits(), 0)).containsExactly(last(direct.logits(), 0));
            assertThat(distance(last(part.logits(), 0), last(direct.logits(), 0)))
                    .isGreaterThan(1e-3);
            assertThat(distance(last(elsewhere.logits(), 0), clean)).isGreaterThan(1e-3); // written at 1 and 2
        }
    }

    private static double distance(double[] a, double[] b) {
        double most = 0;
        for (int i = 0; i < a.length; i++) {
            most = Math.max(most, Math.abs(a[i] - b[i]));
        }
        return most;
    }

    @Test
    void countsPositionsAsPythonDoesAndTakesTheLastOfTwo() {
        ReplacementModel replacement = ReplacementFixtures.load(PER_LAYER);
        try (FeaturePatcher patcher = FeaturePatcher.of(replacement, TOKENS)) {
            List<List<Setting>> same = List.of(
                    List.of(set(0, 6, 4, 2), set(0, 7, 4, 2)),
                    List.of(set(0, -1, 4, 2), set(0, -2, 4, 2)),
                    List.of(Setting.of(0, Positions.from(6), 4, 2)),
                    List.of(Setting.of(0, Positions.slice(-2, 99), 4, 2)),
                    List.of(new Setting(0, Positions.slice(6, 8), 4, new double[] {2, 2})),
                    List.of(Setting.of(0, Positions.slice(6, 8), 4, -7), Setting.of(0, Positions.slice(-2, 8), 4, 2)));
            try (PatchedRun run = patcher.nextOfAll(same, Mode.FROZEN)) {
                for (int row = 1; row < same.size(); row++) {
                    assertThat(last(run.logits(), row)).containsExactly(last(run.logits(), 0));
                }
                assertThat(distance(last(run.logits(), 0), last(patcher.clean().logits(), 0)))
                        .isGreaterThan(1e-2);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {PER_LAYER, SKIP, CROSS_LAYER})
    void leavesNothingOnTheModel(String name) {
        ReplacementModel replacement = ReplacementFixtures.load(name);
        Setting one = Setting.of(active(name).get(0), 7);
        try (NDManager probe = replacement.model().newOwner();
                FeaturePatcher patcher = FeaturePatcher.of(replacement, TOKENS)) {
            double[] before = last(patcher.clean().logits(), 0);
            patcher.run(List.of(one), Mode.DIRECT).close();
            int arrays = probe.getParentManager().getManagedArrays().size();
            for (Mode mode : List.of(Mode.FROZEN, Mode.LIVE, Mode.DIRECT)) {
                patcher.run(List.of(one), mode).close();
            }
            assertThat(probe.getParentManager().getManagedArrays()).hasSize(arrays);
            try (Logits after = replacement.model().run(new long[][] {TOKENS})) {
                assertThat(last(after, 0)).containsExactly(before, within(1e-6));
            }
        }
    }

    /** Each new token comes from a whole run of the text so far, in which the open slice reaches to its end. */
    @Test
    void continuesATextAsWholeRunsWouldWithAttentionLive() {
        ReplacementModel replacement = ReplacementFixtures.load(PER_LAYER);
        List<Setting> settings = new ArrayList<>(List.of(Setting.of(1, Positions.from(1), 9, 60), set(0, 3, 4, 5)));
        active(PER_LAYER).stream() // active at new tokens, too: what is set is a value, not added to what there is
                .filter(feature -> feature.layer() == 0 && feature.index() != 4)
                .mapToInt(Feature::index)
                .distinct()
                .forEach(index -> settings.add(Setting.of(0, Positions.from(1), index, 0)));
        Sampling five = Sampling.DEFAULT.withMaxNewTokens(5);
        try (FeaturePatcher patcher = FeaturePatcher.of(replacement, TOKENS)) {
            Generation generation = patcher.generate(settings, Mode.LIVE, five);
            long[] text = TOKENS;
            for (Generation.Token token : generation.rows().get(0).tokens()) {
                try (FeaturePatcher longer = FeaturePatcher.of(replacement, text);
                        PatchedRun run = longer.next(settings, Mode.LIVE)) {
                    Logits.Prediction first = run.logits().top(1).get(0);
                    assertThat(token.id()).isEqualTo(first.id());
                    assertThat(token.logProbability()).isCloseTo(Math.log(first.probability()), within(1e-4));
                }
                text = Arrays.copyOf(text, text.length + 1);
                text[text.length - 1] = token.id();
            }
            Generation plain = replacement.model().generate(new long[][] {TOKENS}, five);
            assertThat(text).isNotEqualTo(plain.tokens()[0]).hasSize(TOKENS.length + 5);
            assertThat(patcher.generate(List.of(), Mode.FROZEN, five).tokens()).isDeepEqualTo(plain.tokens());
            Sampling drawn = five.withTemperature(2).withSeed(3);
            assertThat(patcher.generate(settings, Mode.FROZEN, drawn).tokens())
                    .isDeepEqualTo(
                            patcher.generate(settings, Mode.FROZEN, drawn).tokens());
        }
    }

    @ParameterizedTest
    @CsvSource({
        "2, 1, 0, there is no feature 0 in layer 2",
        "1, 1, 32, features 0 to 31",
        "1, 8, 0, 'position 8 is not in the prompt, which has 8 tokens'",
        "1, -9, 0, position -9 is not in the prompt"
    })
    void refusesWhatDoesNotExist(int layer, int position, int index, String message) {
        try (FeaturePatcher patcher = FeaturePatcher.of(ReplacementFixtures.load(PER_LAYER), TOKENS)) {
            assertThatThrownBy(() -> patcher.run(List.of(set(layer, position, index, 1)), Mode.FROZEN))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining(message);
        }
    }

    @ParameterizedTest
    @ValueSource(doubles = {Double.NaN, Double.POSITIVE_INFINITY})
    void refusesValuesThatAreNoNumbers(double value) {
        assertThatThrownBy(() -> set(0, 1, 0, value)).hasMessageContaining("finite numbers, got [" + value);
    }

    @Test
    void refusesAGenerationThatCannotBe() {
        try (FeaturePatcher patcher = FeaturePatcher.of(ReplacementFixtures.load(PER_LAYER), TOKENS)) {
            assertThatThrownBy(() -> patcher.generate(List.of(), Mode.DIRECT, Sampling.DEFAULT))
                    .hasMessageContaining("got direct effect");
            assertThatThrownBy(() -> patcher.generate(List.of(), Mode.LIVE, Sampling.DEFAULT.withUseCache(false)))
                    .hasMessageContaining("useCache off");
        }
    }
}
