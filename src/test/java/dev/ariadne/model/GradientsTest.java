package dev.ariadne.model;

import static dev.ariadne.model.TestModels.TOKENS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import dev.ariadne.task.Metric;
import dev.ariadne.tensor.Tensors;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class GradientsTest {
    private static final Metric METRIC = Metric.logitDifference(new long[] {4}, new long[] {17});

    @Test
    void aMetricThatGivesNothingIsNamed() {
        try (HookedTransformer model = TestModels.gpt2()) {
            assertThatThrownBy(() -> model.runWithGradients(TOKENS, new Nothing(), List.of("z")))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("the metric 'nothing' returned null; return a scalar array");
            assertThatThrownBy(() -> model.runWithGradients(
                            TOKENS,
                            logits -> {
                                NDArray mean = logits.mean();
                                mean.close();
                                return mean;
                            },
                            List.of("z")))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("the metric returned an array that is closed");
        }
    }

    private static final class Nothing implements UnaryOperator<NDArray> {
        @Override
        @SuppressWarnings("NullAway") // what a notebook may do
        public NDArray apply(NDArray logits) {
            return null;
        }

        @Override
        public String toString() {
            return "nothing";
        }
    }

    /** Central differences in float64 along a random direction, at every hook point the model has. */
    @ParameterizedTest
    @ValueSource(strings = {"gpt2", "llama"})
    void agreeWithFiniteDifferences(String family) {
        try (HookedTransformer single = family.equals("gpt2") ? TestModels.gpt2() : TestModels.llama();
                HookedTransformer model = single.to(DataType.FLOAT64)) {
            List<String> names = model.hookNames().stream()
                    .map(HookName::toString)
                    .filter(name -> !name.contains("attn_in") && !name.contains("_input"))
                    .toList();
            Random random = new Random(1);
            try (ActivationCache cache = model.runWithGradients(TOKENS, METRIC, names)) {
                assertThat(cache.metric()).isCloseTo(metric(model), within(1e-12));
                for (String name : names) {
                    double[] grad = cache.grad(name).array().toDoubleArray();
                    double[] direction = random.doubles(grad.length, -1, 1).toArray();
                    double along = 0;
                    for (int i = 0; i < grad.length; i++) {
                        along += grad[i] * direction[i];
                    }
                    double step = 1e-5;
                    double up = metric(model, shift(name, direction, step));
                    double down = metric(model, shift(name, direction, -step));
                    assertThat((up - down) / (2 * step))
                            .as(name)
                            .isCloseTo(along, within(1e-6 * Math.max(1, Math.abs(along))));
                }
            }
        }
    }

    @Test
    void startAtTheFirstActivationAskedFor() {
        try (HookedTransformer model = TestModels.gpt2();
                ActivationCache some = model.runWithGradients(
                        TOKENS, METRIC, List.of("blocks.1.attn.hook_q", "blocks.1.attn.hook_k"));
                ActivationCache all = model.runWithGradients(TOKENS, METRIC, List.of())) {
            for (String name : List.of("blocks.1.attn.hook_q", "blocks.1.attn.hook_k")) {
                assertThat(some.grad(name).toFloatArray())
                        .containsExactly(all.grad(name).toFloatArray(), within(1e-5f));
            }
        }
    }

    @Test
    void areThoseOfArraysThatAHookHasMade() {
        try (HookedTransformer model = TestModels.gpt2()) {
            float[] half = new float[model.config().dModel()];
            Arrays.fill(half, 0.5f);
            Hook made =
                    Hook.at("blocks.0.hook_mlp_out", x -> x.mul(x.getManager().create(half)));
            Hook sum = Hook.at("blocks.0.hook_mlp_out", x -> x.sub(Tensors.times(x, 0.5)));
            UnaryOperator<NDArray> metric = logits -> {
                System.gc(); // frees the buffers that nobody holds, and others take their place
                List<ByteBuffer> others = IntStream.range(0, 2000)
                        .mapToObj(
                                k -> ByteBuffer.allocateDirect(4 * half.length).putDouble(0, 77))
                        .toList();
                assertThat(others).hasSize(2000);
                return METRIC.apply(logits);
            };
            for (int i = 0; i < 3; i++) {
                try (ActivationCache one = model.runWithGradients(TOKENS, metric, List.of("resid_pre0"), made);
                        ActivationCache other = model.runWithGradients(TOKENS, METRIC, List.of("resid_pre0"), sum)) {
                    assertThat(one.grad("resid_pre", 0).toFloatArray())
                            .containsExactly(other.grad("resid_pre", 0).toFloatArray(), within(1e-5f));
                }
            }
        }
    }

    @Test
    void leaveNothingRecordedBehind() throws Exception {
        ExecutorService cell = Executors.newSingleThreadExecutor(); // a thread the engine was not loaded on
        try (HookedTransformer model = TestModels.gpt2()) {
            cell.submit(() -> {
                        try (ActivationCache cache = model.runWithGradients(TOKENS, METRIC, List.of("z"));
                                Logits plain = model.run(TOKENS)) {
                            assertThat(cache.get("z", 0).array().hasGradient()).isFalse();
                            assertThat(cache.logits().array().hasGradient()).isFalse();
                            assertThat(plain.array().hasGradient()).isFalse();
                        }
                    })
                    .get();
        } finally {
            cell.shutdown();
        }
    }

    @Test
    void areRefusedWhereNoneWereTaken() {
        try (HookedTransformer model = TestModels.gpt2();
                ActivationCache cache = model.runWithCache(TOKENS, "z")) {
            assertThatThrownBy(() -> cache.grad("z", 0))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("runWithGradients");
        }
    }

    @Test
    void needAScalarMetric() {
        try (HookedTransformer model = TestModels.gpt2()) {
            assertThatThrownBy(() -> model.runWithGradients(TOKENS, logits -> logits, List.of("z")))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("scalar");
        }
    }

    @Test
    void needAMetricOfTheLogits() {
        try (HookedTransformer model = TestModels.gpt2()) {
            assertThatThrownBy(() -> model.runWithGradients(
                            TOKENS, logits -> logits.getManager().create(1f), List.of("z")))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("no gradient");
        }
    }

    private static double metric(HookedTransformer model, Hook... hooks) {
        try (Logits logits = model.run(TOKENS, hooks)) {
            return METRIC.apply(logits.array()).getDouble();
        }
    }

    private static Hook shift(String name, double[] direction, double step) {
        return Hook.at(name, x -> {
            NDArray by = x.getManager().create(direction, x.getShape());
            return x.add(by.mul(step));
        });
    }
}
