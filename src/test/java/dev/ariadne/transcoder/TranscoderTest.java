package dev.ariadne.transcoder;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ariadne.tensor.Tensors;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class TranscoderTest {
    private final NDManager manager = Tensors.engine().newBaseManager(Device.cpu());

    @AfterEach
    void close() {
        manager.close();
    }

    /** Three features of width 2; x = (1, 2) gives pre-activations 1, 2.5 and −3. */
    private Map<String, NDArray> arrays() {
        Map<String, NDArray> arrays = new LinkedHashMap<>();
        arrays.put("W_enc", manager.create(new float[] {1, 0, 0, 1, -1, -1}, new Shape(3, 2)));
        arrays.put("b_enc", manager.create(new float[] {0, 0.5f, 0}));
        arrays.put("W_dec", manager.create(new float[] {1, 1, 2, 0, 0, 4}, new Shape(3, 2)));
        arrays.put("b_dec", manager.create(new float[] {10, 20}));
        return arrays;
    }

    private NDArray x() {
        return manager.create(new float[] {1, 2}, new Shape(1, 2));
    }

    @Test
    void reluKeepsWhatIsPositive() {
        try (Transcoder transcoder = Transcoder.of(Activation.RELU, arrays())) {
            assertThat(transcoder.encode(x()).toFloatArray()).containsExactly(1, 2.5f, 0);
            assertThat(transcoder.reconstruct(x()).toFloatArray()).containsExactly(1 + 5 + 10, 1 + 20);
        }
    }

    @Test
    void jumpReluKeepsWhatIsAboveTheThresholdAndNotWhatIsEqual() {
        Map<String, NDArray> arrays = arrays();
        arrays.put("activation_function.threshold", manager.create(1f));
        try (Transcoder transcoder = Transcoder.of(Activation.JUMP_RELU, arrays)) {
            assertThat(transcoder.encode(x()).toFloatArray()).containsExactly(0, 2.5f, -0f);
        }
        arrays.put("activation_function.threshold", manager.create(new float[] {0.9f, 3, -4}));
        try (Transcoder transcoder = Transcoder.of(Activation.JUMP_RELU, arrays)) { // one for each feature
            assertThat(transcoder.encode(x()).toFloatArray()).containsExactly(1, 0, -3);
        }
    }

    @Test
    void topKKeepsNegativeValuesToo() {
        Map<String, NDArray> arrays = arrays();
        try (Transcoder transcoder = Transcoder.of(Activation.topK(1), arrays)) {
            assertThat(transcoder.encode(x()).toFloatArray()).containsExactly(0, 2.5f, 0);
        }
        try (Transcoder transcoder = Transcoder.of(Activation.topK(3), arrays)) {
            assertThat(transcoder.encode(x()).toFloatArray()).containsExactly(1, 2.5f, -3);
        }
    }

    @Test
    void aSkipIsAppliedTransposed() {
        Map<String, NDArray> arrays = arrays();
        arrays.put("W_skip", manager.create(new float[] {0, 100, 0, 0}, new Shape(2, 2)));
        try (Transcoder transcoder = Transcoder.of(Activation.RELU, arrays)) { // x·W_skipᵀ = (200, 0)
            assertThat(transcoder.reconstruct(x()).toFloatArray()).containsExactly(216, 21);
        }
    }

    @Test
    void theActiveFeaturesDecodeToTheSame() {
        Random random = new Random(3);
        int features = 17;
        Map<String, NDArray> arrays = new LinkedHashMap<>();
        arrays.put("W_enc", random(random, features, 5));
        arrays.put("b_enc", random(random, features));
        arrays.put("W_dec", random(random, features, 5));
        arrays.put("b_dec", random(random, 5));
        NDArray x = random(random, 4, 5);
        try (Transcoder transcoder = Transcoder.of(Activation.topK(3), arrays)) {
            List<Transcoder.Active> active = transcoder.active(x);
            assertThat(active).hasSize(12);
            float[] dense = transcoder.reconstruct(x).toFloatArray();
            double[] sparse = new double[20];
            float[] bias = transcoder.decoderBias().toFloatArray();
            float[] decoder = transcoder.decoder().toFloatArray();
            for (int i = 0; i < sparse.length; i++) {
                sparse[i] = bias[i % 5];
            }
            for (Transcoder.Active each : active) {
                for (int i = 0; i < 5; i++) {
                    sparse[each.row() * 5 + i] += each.value() * decoder[each.feature() * 5 + i];
                }
            }
            for (int i = 0; i < sparse.length; i++) {
                assertThat(dense[i]).isCloseTo((float) sparse[i], within(1e-5f)); // float32 sums of 4 products
            }
        }
    }

    private NDArray random(Random random, long... sizes) {
        Shape shape = new Shape(sizes);
        float[] values = new float[(int) shape.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return manager.create(values, shape);
    }

    @Test
    void sizesMustFitEachOther() {
        refuses(Activation.RELU, "W_dec", new Shape(2, 3), "W_dec must have shape (3, 2)");
        refuses(Activation.RELU, "b_enc", new Shape(2), "b_enc must have shape (3");
        refuses(Activation.RELU, "W_enc", new Shape(3), "W_enc must be [features, dModel]");
        refuses(Activation.RELU, "W_skip", new Shape(3, 3), "W_skip must have shape (2, 2)");
        refuses(Activation.JUMP_RELU, "activation_function.threshold", new Shape(2), "one for each of 3 features");
        refuses(Activation.RELU, "activation_function.threshold", new Shape(3), "JumpReLU has a threshold");
        assertThatThrownBy(() -> Transcoder.of(Activation.topK(4), arrays()))
                .hasMessageContaining("got k 4 of 3 features");
        assertThatThrownBy(() -> Transcoder.of(Activation.JUMP_RELU, arrays())).hasMessageContaining("no threshold");
        assertThatThrownBy(() -> Activation.topK(0)).hasMessageContaining("k 0");
        Map<String, NDArray> arrays = arrays();
        arrays.remove("b_dec");
        assertThatThrownBy(() -> Transcoder.of(Activation.RELU, arrays)).hasMessageContaining("there is no b_dec");
    }

    private void refuses(Activation activation, String name, Shape shape, String message) {
        Map<String, NDArray> arrays = arrays();
        arrays.put(name, manager.zeros(shape));
        assertThatThrownBy(() -> Transcoder.of(activation, arrays))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(message);
    }

    @Test
    void aFeatureIsWrittenAsInGraphs() {
        Feature feature = new Feature(1, 9, 207);
        assertThat(feature).hasToString("1_207_9");
        assertThat(Feature.of("1_207_9")).isEqualTo(feature);
        assertThatThrownBy(() -> Feature.of("E_5_3")).hasMessageContaining("'E_5_3' is no feature");
        assertThatThrownBy(() -> new Feature(0, -1, 0)).hasMessageContaining("position -1");
    }
}
