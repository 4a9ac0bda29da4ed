package dev.ariadne.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.ariadne.tensor.Tensors;
import dev.ariadne.train.TranscoderRecipe.Sparsity;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The closed form against what the engine differentiates by itself. */
class TranscoderLossTest {
    private static final int ROWS = 7;
    private static final int FEATURES = 11;
    private static final int WIDTH = 5;
    private static final double VARIANCE = 3.5;

    private final Random random = new Random(5);

    private NDArray random(NDManager manager, long... sizes) {
        Shape shape = new Shape(sizes);
        float[] values = new float[(int) shape.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return manager.create(values, shape);
    }

    private Map<String, NDArray> parameters(NDManager manager) {
        Map<String, NDArray> p = new LinkedHashMap<>();
        p.put("W_enc", random(manager, FEATURES, WIDTH));
        p.put("b_enc", random(manager, FEATURES));
        p.put("W_dec", random(manager, FEATURES, WIDTH));
        p.put("b_dec", random(manager, WIDTH));
        return p;
    }

    @ParameterizedTest
    @CsvSource({
        "BATCH_TOP_K, 2.5, false",
        "BATCH_TOP_K, 2.5, true",
        "TOP_K, 3, true",
        "ROW_TOP_K, 3, true",
        "ROW_TOP_K, 3, false",
        "L1, 0.2, false",
        "L1, 0.2, true"
    })
    void theGradientIsAutograds(Sparsity.Kind kind, double amount, boolean repair) {
        TranscoderRecipe recipe = TranscoderRecipe.of(FEATURES, 1)
                .withSparsity(new Sparsity(kind, amount))
                .withRepair(new TranscoderRecipe.Repair(1, 2, 0.3));
        try (NDManager manager = Tensors.engine().newBaseManager(Device.cpu())) {
            Map<String, NDArray> p = parameters(manager);
            NDArray x = random(manager, ROWS, WIDTH);
            NDArray y = random(manager, ROWS, WIDTH);
            @Nullable NDArray dead = repair ? manager.create(new float[] {0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 0}) : null;
            TranscoderLoss loss = TranscoderLoss.of(p, x, y, recipe, VARIANCE, null, dead);
            p.values().forEach(array -> array.setRequiresGradient(true));
            NDList slow = Tensors.recording(true, () -> {
                NDArray value = slow(p, x, y, recipe, dead);
                assertThat(loss.value())
                        .isCloseTo(value.toType(DataType.FLOAT64, false).getDouble(), within(1e-4)); // float32 sums
                return Tensors.grad(value, List.copyOf(p.values()));
            });
            int i = 0;
            for (String name : p.keySet()) {
                float[] expected = slow.get(i++).toFloatArray();
                float[] actual =
                        Objects.requireNonNull(loss.gradients().get(name)).toFloatArray();
                assertThat(actual).hasSameSizeAs(expected);
                for (int j = 0; j < expected.length; j++) {
                    assertThat(actual[j]).as(name + "[" + j + "]").isCloseTo(expected[j], within(1e-4f));
                }
            }
        }
    }

    /** The formula of the class, written down. */
    private static NDArray slow(
            Map<String, NDArray> p, NDArray x, NDArray y, TranscoderRecipe recipe, @Nullable NDArray dead) {
        NDArray decoder = Objects.requireNonNull(p.get("W_dec"));
        NDArray pre =
                x.matMul(Objects.requireNonNull(p.get("W_enc")).transpose()).add(p.get("b_enc"));
        NDArray relu = pre.getNDArrayInternal().relu();
        NDArray a = TranscoderLoss.keep(recipe.sparsity(), pre, relu);
        NDArray miss = y.sub(a.matMul(decoder).add(p.get("b_dec")));
        NDArray sum = miss.mul(miss).sum();
        if (dead != null) {
            NDArray two = x.getManager().create(2L);
            NDArray helped =
                    Tensors.largest(relu.mul(dead), two).matMul(decoder).sub(miss.stopGradient());
            sum = sum.add(helped.mul(helped).sum().mul(0.3));
        }
        NDArray loss = sum.div(ROWS * VARIANCE);
        return recipe.sparsity().kind() == Sparsity.Kind.L1
                ? loss.add(a.sum().mul(recipe.sparsity().amount() / (ROWS * Math.sqrt(VARIANCE))))
                : loss;
    }

    @Test
    void aBatchKeepsKPerRowOnAverage() {
        try (NDManager manager = Tensors.engine().newBaseManager(Device.cpu())) {
            NDArray pre = manager.create(new float[] {5, 4, 3, 1, -1, 2}, new Shape(2, 3));
            NDArray kept = TranscoderLoss.keep(
                    Sparsity.batchTopK(1.5), pre, pre.getNDArrayInternal().relu());
            assertThat(kept.toFloatArray()).containsExactly(5, 4, 3, 0, 0, 0);
            assertThat(TranscoderLoss.keep(
                                    Sparsity.topK(1),
                                    pre,
                                    pre.getNDArrayInternal().relu())
                            .toFloatArray())
                    .containsExactly(5, 0, 0, 0, 0, 2);
        }
    }
}
