package dev.ariadne.task;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.index.NDIndex;
import dev.ariadne.circuit.Ablation;
import dev.ariadne.discovery.Acdc;
import dev.ariadne.discovery.AcdcConfig;
import dev.ariadne.discovery.AcdcConfig.Order;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.model.Logits;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ProgramTasksTest {
    /** The settings of the published runs on compiled programs. */
    private static final AcdcConfig PUBLISHED = AcdcConfig.DEFAULT
            .withAblation(Ablation.ZERO)
            .withSplitEmbedding(true)
            .withThreshold(1e-3)
            .withOrder(Order.DESCENDING, Order.DESCENDING);

    @ParameterizedTest
    @ValueSource(strings = {"tracr-reverse", "tracr-xproportion"})
    void theEmbeddedProgramsAreTheRecordedOnes(String name) throws IOException {
        for (String file : new String[] {"config.json", "weights.safetensors"}) {
            assertThat(Path.of("src/main/resources/dev/ariadne/models", name, file))
                    .hasSameBinaryContentAs(Path.of("src/test/resources/tracr", name, file));
        }
        assertThat(Files.readString(Path.of("src/main/resources/dev/ariadne/models", name, "ORIGIN.md")))
                .contains("Tracr", "Apache-2.0");
    }

    @Test
    void reverseAsksForThePromptBackwards() {
        try (HookedTransformer model = HookedTransformer.load("tracr-reverse", "cpu")) {
            Task task = Tasks.tracrReverse(model);
            assertThat(task.clean()).hasDimensions(6, 4);
            assertThat(task.positions()).containsExactly(1, 2, 3);
            for (int i = 0; i < 6; i++) {
                assertThat(task.clean()[i]).isNotEqualTo(task.corrupted()[i]);
                for (int pos = 0; pos < 3; pos++) {
                    assertThat(task.correct(i, pos)).containsExactly(task.clean()[i][3 - pos]);
                }
            }
            assertThat(Arrays.stream(task.corrupted()).map(Arrays::toString).distinct())
                    .hasSize(6);
            assertThat(task.accuracy()).isEqualTo(1);
            assertThat(model.tokenizer().toTokens("1 2 3")).containsExactly(3, 0, 1, 2);
            assertThat(new Acdc(task, PUBLISHED).trace().kept()).hasSize(15); // as published
        }
    }

    @Test
    void proportionIsCorruptedByOtherPromptsAndItsOutputIsTheShareOfX() {
        try (HookedTransformer model = HookedTransformer.load("tracr-xproportion", "cpu")) {
            Task task = Tasks.tracrXproportion(model);
            try (Logits logits = model.run(task.clean());
                    NDArray output = logits.array().get(new NDIndex(":, 1:, 0"))) {
                float[] says = output.toFloatArray();
                for (int i = 0; i < 50; i++) {
                    int x = 0;
                    for (int pos = 1; pos <= 4; pos++) {
                        x += task.clean()[i][pos] == 3 ? 1 : 0;
                        assertThat(says[4 * i + pos - 1]).isCloseTo((float) x / pos, within(1e-4f));
                    }
                }
            }
            assertThat(sorted(task.corrupted())).isEqualTo(sorted(task.clean()));
            assertThat(new Acdc(task, PUBLISHED).trace().kept()).hasSize(8);
            assertThatThrownBy(task::accuracy)
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("keeps no answers");
        }
    }

    private static String sorted(long[][] rows) {
        return Arrays.stream(rows).map(Arrays::toString).sorted().toList().toString();
    }

    @Test
    void thePublishedCodingHasThePublishedTenEdges() {
        try (HookedTransformer model = HookedTransformer.load("tracr-xproportion", "cpu")) {
            Task task = Tasks.tracrXproportionPublished(model);
            assertThat(task.clean()).hasDimensions(50, 4);
            assertThat(Arrays.stream(task.clean())
                            .flatMapToLong(Arrays::stream)
                            .distinct()
                            .sorted())
                    .containsExactly(0L, 1L, 2L, 3L);
            assertThat(new Acdc(task, PUBLISHED).trace().kept()).hasSize(10);
        }
    }

    @Test
    void anyOtherModelIsRefused() {
        try (HookedTransformer model = HookedTransformer.load("gpt2-tiny", "cpu")) {
            assertThatThrownBy(() -> Tasks.tracrReverse(model))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("'gpt2-tiny' has 2 layers, 96 tokens")
                    .hasMessageContaining("load(\"tracr-reverse\")");
            assertThatThrownBy(() -> Tasks.tracrXproportion(model)).hasMessageContaining("load(\"tracr-xproportion\")");
        }
    }

    @Test
    void outputsOfAProgramAreNotCalledTokens() {
        try (HookedTransformer model = HookedTransformer.load("tracr-xproportion", "cpu");
                Logits logits = model.next("x x w")) {
            assertThat(logits.top(1).get(0).token()).startsWith("#");
        }
    }
}
