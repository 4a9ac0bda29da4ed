package dev.ariadne.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.ariadne.tensor.Tensors;
import dev.ariadne.tensor.Updates;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class AdamWTest {
    /** Recorded from PyTorch in float64: clipping, two groups with and without decay, changing rates. */
    @Test
    void doesWhatPyTorchDoes() throws IOException {
        JsonNode recorded = new ObjectMapper()
                .readTree(Path.of("src/test/resources/train/adamw.json").toFile());
        AdamW settings = new AdamW(
                recorded.get("beta1").asDouble(),
                recorded.get("beta2").asDouble(),
                recorded.get("eps").asDouble(),
                recorded.get("decay").asDouble());
        try (NDManager manager = Tensors.engine().newBaseManager(Device.cpu())) {
            NDArray matrix = manager.create(doubles(recorded.get("matrix")), new Shape(2, 3));
            NDArray vector = manager.create(doubles(recorded.get("vector")));
            Moments moments = new Moments(settings, map(matrix, vector), manager);
            int step = 0;
            for (JsonNode expected : recorded.get("steps")) {
                NDArray matrixGradient = manager.create(doubles(expected.get("matrixGradient")), new Shape(2, 3));
                NDArray vectorGradient = manager.create(doubles(expected.get("vectorGradient")));
                NDArray norm = Updates.clip(List.of(matrixGradient, vectorGradient), manager.create(2f));
                assertThat(norm.toType(DataType.FLOAT64, false).getDouble())
                        .isCloseTo(expected.get("norm").asDouble(), within(1e-12));
                moments.update(++step, expected.get("rate").asDouble(), map(matrixGradient, vectorGradient), manager);
                // PyTorch divides by the norm + 1e-6, which changes a step of at most 0.04 by a few 1e-8
                assertThat(matrix.toDoubleArray()).containsExactly(doubles(expected.get("matrix")), within(5e-7));
                assertThat(vector.toDoubleArray()).containsExactly(doubles(expected.get("vector")), within(5e-7));
            }
            assertThat(step).isEqualTo(12);
        }
    }

    private static Map<String, NDArray> map(NDArray matrix, NDArray vector) {
        Map<String, NDArray> map = new LinkedHashMap<>();
        map.put("matrix", matrix);
        map.put("vector", vector);
        return map;
    }

    private static double[] doubles(JsonNode list) {
        double[] values = new double[list.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = list.get(i).asDouble();
        }
        return values;
    }

    @Test
    void refusesImpossibleSettings() {
        assertThatThrownBy(() -> AdamW.DEFAULT.withBetas(1, 0.9)).hasMessageContaining("beta1 1.0");
        assertThatThrownBy(() -> AdamW.DEFAULT.withEps(0)).hasMessageContaining("eps 0.0");
        assertThatThrownBy(() -> AdamW.DEFAULT.withDecay(Double.NaN)).hasMessageContaining("decay NaN");
    }
}
