package dev.ariadne.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.types.DataType;
import dev.ariadne.view.View;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A row of a padded batch against a run of the same tokens alone, at every hook point. */
class PaddingTest {
    private static final float TOLERANCE = 2e-5f; // of values up to 12: sums of another shape add up in another order

    /** The middle row is longer than every window of the models. */
    private static final long[][] ROWS = {{5, 9, 3}, {8, 2, 40, 41, 9, 4, 11, 30, 6, 21, 7, 13}, {19}};

    @TempDir
    private Path folder;

    static List<String> models() {
        return TestModels.kinds();
    }

    @ParameterizedTest
    @MethodSource("models")
    void rowsOfAPaddedBatchEqualRunsAlone(String name) throws IOException {
        long[][] batch = Padding.pad(ROWS);
        try (HookedTransformer model = TestModels.load(name, folder);
                Logits run = model.run(batch);
                Logits next = model.next(batch);
                ActivationCache cache = model.runWithCache(batch)) {
            for (int row = 0; row < ROWS.length; row++) {
                long[][] alone = {ROWS[row]};
                int padding = batch[row].length - ROWS[row].length;
                try (Logits one = model.run(alone);
                        Logits last = model.next(alone);
                        ActivationCache single = model.runWithCache(alone)) {
                    String of = name + ", row " + row + ": ";
                    String range = row + ", " + padding + ":";
                    assertThat(run.array().get(range).toFloatArray())
                            .as(of + "logits")
                            .containsExactly(one.array().toFloatArray(), within(TOLERANCE));
                    assertThat(next.array().get(row).toFloatArray())
                            .as(of + "next")
                            .containsExactly(last.array().toFloatArray(), within(TOLERANCE));
                    for (HookName hook : single.names()) {
                        assertSame(of, cache.get(hook.toString()), single.get(hook.toString()), row, padding);
                    }
                }
            }
        }
    }

    private static void assertSame(String of, Activation batch, Activation single, int row, int padding) {
        StringBuilder range = new StringBuilder().append(row);
        for (String axis : batch.name().axes().subList(1, batch.name().axes().size())) {
            boolean positions = axis.equals("pos") || axis.endsWith("Pos");
            range.append(positions ? ", " + padding + ":" : ", :");
        }
        float[] got = batch.array().get(range.toString()).toFloatArray();
        assertThat(got).as(of + single.name()).containsExactly(single.toFloatArray(), within(TOLERANCE));
        if (padding > 0 && batch.name().toString().endsWith("hook_pattern")) {
            float[] onPadding = batch.array()
                    .get(row + ", :, " + padding + ":, :" + padding)
                    .toFloatArray();
            assertThat(onPadding).as(of + "attention to padding").containsOnly(0);
        }
    }

    @ParameterizedTest
    @MethodSource("models")
    void nothingAtPaddingIsOutOfRange(String name) throws IOException {
        try (HookedTransformer model = TestModels.load(name, folder);
                Logits logits = model.run(Padding.pad(ROWS))) {
            for (float logit : logits.array().toType(DataType.FLOAT32, false).toFloatArray()) {
                assertThat(logit).isFinite();
            }
        }
    }

    @Test
    void pointsOnDemandAndGradientsLeavePaddingAloneToo() {
        long[][] batch = Padding.pad(new long[][] {{5, 9, 3}, {8, 2, 40, 41, 9}});
        List<String> filter = List.of("q_input", "k_input", "v_input", "result", "mlp_in");
        try (HookedTransformer model = TestModels.llama();
                ActivationCache both = model.runWithGradients(batch, x -> x.get(0, -1, 7), filter);
                ActivationCache single =
                        model.runWithGradients(new long[][] {{5, 9, 3}}, x -> x.get(0, -1, 7), filter)) {
            assertThat(both.metric()).isCloseTo(single.metric(), within((double) TOLERANCE));
            for (HookName hook : single.names()) {
                assertSame("on demand: ", both.get(hook.toString()), single.get(hook.toString()), 0, 2);
                assertSame("gradient: ", both.grad(hook.toString()), single.grad(hook.toString()), 0, 2);
                assertThat(both.grad(hook.toString()).array().get("0, :2").toFloatArray())
                        .as("no gradient at padding, " + hook)
                        .containsOnly(0);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"tracr/tracr-reverse", "tracr/tracr-xproportion"})
    void soDoCompiledPrograms(String name) throws IOException {
        long[][] batch = Padding.pad(new long[][] {{0, 1}, {0, 2, 1, 1}});
        try (HookedTransformer model = TestModels.load(name, folder);
                ActivationCache both = model.runWithCache(batch);
                ActivationCache single = model.runWithCache(new long[][] {{0, 1}})) {
            for (HookName hook : single.names()) {
                assertSame(name + ": ", both.get(hook.toString()), single.get(hook.toString()), 0, 2);
            }
        }
    }

    @Test
    void textsArePaddedAndShownWithoutPadding() {
        try (HookedTransformer model = TestModels.gpt2()) {
            long[][] tokens = model.toTokens(List.of("abcd", "bc"));
            assertThat(tokens[1]).startsWith(-1, -1).endsWith(model.toTokens("bc")[0]);
            assertThat(tokens[0]).isEqualTo(model.toTokens("abcd")[0]);
            try (Logits next = model.next(List.of("abcd", "bc"));
                    Logits run = model.run(List.of("abcd", "bc"));
                    Logits alone = model.next("bc");
                    ActivationCache cache = model.runWithCache(List.of("abcd", "bc"), "pattern")) {
                assertThat(next.top(1, 3).toString()).isEqualTo(alone.top(3).toString());
                assertThat(run.top(1, 1).get(0).id())
                        .isEqualTo(alone.top(1).get(0).id());
                assertThat(next.view())
                        .isInstanceOfSatisfying(
                                View.Panels.class,
                                panels -> assertThat(panels.panels().get(1).title())
                                        .isEqualTo("next token after “bc”"));
                Activation pattern = cache.get("pattern", 0);
                assertThat(pattern.tokens().get(1)).containsExactly("·", "·", "b", "c");
                assertThat(pattern.head(1, 0).rows()).containsExactly("·", "·", "b", "c");
                assertThat(pattern.view()).isInstanceOf(View.Panels.class);
            }
        }
    }

    @Test
    void paddingHasItsPlace() {
        try (HookedTransformer model = TestModels.gpt2()) {
            assertThatThrownBy(() -> model.run(new long[][] {{1, -1, 2}}))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("padding (-1) at prompt 0, position 1")
                    .hasMessageContaining("comes first");
            assertThatThrownBy(() -> model.run(new long[][] {{1, 2}, {2, -1}})).hasMessageContaining("prompt 1");
            assertThatThrownBy(() -> model.runWithCache(new long[][] {{1, 2}, {-1, -1}}))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("prompt 1 is nothing but padding")
                    .hasMessageContaining("at least one token");
            assertThatThrownBy(() -> model.run(new long[][] {{-2, 1}})).hasMessageContaining("token id -2");
            assertThatThrownBy(() -> model.toTokens(List.of("abc", ""))).hasMessageContaining("empty");
            assertThatThrownBy(() -> model.run(List.of())).hasMessageContaining("empty");
            assertThatThrownBy(() -> model.run(new long[][] {{1, 2}, {1}})).hasMessageContaining("PADDING");
        }
    }

    @Test
    void countsPadsAndStrips() {
        long[][] padded = Padding.pad(new long[][] {{4}, {5, 6, 7}});
        assertThat(padded).isDeepEqualTo(new long[][] {{-1, -1, 4}, {5, 6, 7}});
        assertThat(Padding.counts(padded)).containsExactly(2, 0);
        assertThat(Padding.strip(padded[0])).containsExactly(4);
        assertThat(Arrays.stream(Padding.pad(padded)).mapToInt(row -> row.length))
                .containsOnly(3);
    }
}
