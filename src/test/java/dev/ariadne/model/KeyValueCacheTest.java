package dev.ariadne.model;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.ariadne.tensor.Tensors;
import org.junit.jupiter.api.Test;

class KeyValueCacheTest {
    /** A prompt, single tokens, pieces that do not fit in what is left, all against plain concatenation. */
    @Test
    void keepsEverythingInOrderHoweverItGrows() {
        try (NDManager manager = Tensors.engine().newBaseManager(Device.cpu())) {
            for (DataType type : new DataType[] {DataType.FLOAT32, DataType.FLOAT64}) {
                grow(manager, type);
            }
        }
    }

    private static void grow(NDManager manager, DataType type) {
        NDArray[] keys = new NDArray[2];
        NDArray[] values = new NDArray[2];
        int before = manager.getManagedArrays().size();
        try (NDManager scope = manager.newSubManager();
                KeyValueCache cache = new KeyValueCache(manager, 2)) {
            for (int pos : new int[] {7, 1, 1, 54, 1, 1, 1, 1, 200, 1, 3}) {
                int length = cache.length();
                for (int layer = 0; layer < 2; layer++) {
                    NDArray k = scope.randomNormal(new Shape(3, pos, 2, 4)).toType(type, false);
                    NDArray v = scope.randomNormal(new Shape(3, pos, 2, 4)).toType(type, false);
                    NDList all = cache.append(layer, k, v);
                    keys[layer] = length == 0 ? k : NDArrays.concat(new NDList(keys[layer], k), 1);
                    values[layer] = length == 0 ? v : NDArrays.concat(new NDList(values[layer], v), 1);
                    assertThat(all.get(0)).isEqualTo(keys[layer]);
                    assertThat(all.get(1)).isEqualTo(values[layer]);
                    assertThat(all.get(0).getManager()).isEqualTo(scope);
                }
                cache.advance(pos);
            }
            assertThat(cache.length()).isEqualTo(271);
        }
        assertThat(manager.getManagedArrays()).hasSize(before);
    }
}
