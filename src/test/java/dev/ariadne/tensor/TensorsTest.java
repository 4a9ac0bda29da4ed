package dev.ariadne.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.jni.JniUtils;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class TensorsTest {
    private NDManager manager;

    @BeforeEach
    void open() {
        manager = Tensors.engine().newBaseManager(Device.cpu());
    }

    @AfterEach
    void close() {
        manager.close();
    }

    @Test
    void differentiatesWithRespectToWhatIsNoLeaf() {
        NDArray x = manager.create(new float[] {1, 2, 3});
        NDList grads = Tensors.recording(true, () -> {
            x.setRequiresGradient(true);
            NDArray square = x.mul(x); // no leaf
            NDArray y = square.mul(square).sum(); // x⁴
            return Tensors.grad(y, List.of(square, x));
        });
        assertThat(grads.get(0).toFloatArray()).containsExactly(2, 8, 18); // 2 x²
        assertThat(grads.get(1).toFloatArray()).containsExactly(4, 32, 108); // 4 x³
    }

    /** DJL's own {@code x.mul(3)} gives zeros here: its number is Java's memory, and gone. */
    @Test
    void numbersAreStillThereWhenTheBackwardPassReadsThem() {
        for (int i = 0; i < 5; i++) {
            NDArray x = manager.create(new float[] {1, 2, 3});
            x.setRequiresGradient(true);
            NDList grads = Tensors.recording(true, () -> {
                NDArray y = Tensors.times(x, 3).sum();
                System.gc(); // frees the buffers that nobody holds, and others take their place
                List<ByteBuffer> others = IntStream.range(0, 2000)
                        .mapToObj(k -> ByteBuffer.allocateDirect(8).putDouble(0, 77))
                        .toList();
                assertThat(others).hasSize(2000);
                return Tensors.grad(y, List.of(x));
            });
            assertThat(grads.get(0).toFloatArray()).containsExactly(3, 3, 3);
        }
        NDArray doubles = manager.create(new double[] {1, 2});
        assertThat(Tensors.times(doubles, 0.1).toDoubleArray()).containsExactly(0.1, 0.2);
    }

    @Test
    void givesZerosForWhatTheScalarDoesNotDependOn() {
        NDArray x = manager.create(new float[] {1, 2});
        NDArray other = manager.create(new float[] {5, 6});
        x.setRequiresGradient(true);
        other.setRequiresGradient(true);
        NDList grads = Tensors.recording(true, () -> Tensors.grad(x.sum(), List.of(other)));
        assertThat(grads.get(0).toFloatArray()).containsExactly(0, 0);
    }

    @Test
    void refusesGradientsOfWhatIsNoScalar() {
        NDArray x = manager.create(new float[] {1, 2});
        assertThatThrownBy(() -> Tensors.grad(x, List.of(x)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("scalar")
                .hasMessageContaining("(2)");
    }

    @Test
    void restoresTheGradModeOfAnyThread() throws Exception {
        ExecutorService other = Executors.newSingleThreadExecutor();
        try {
            boolean recorded = other.submit(() -> {
                        NDArray x = manager.create(new float[] {1});
                        x.setRequiresGradient(true);
                        return Tensors.recording(false, () -> x.mul(x)).hasGradient();
                    })
                    .get();
            assertThat(recorded).isFalse();
        } finally {
            other.shutdown();
        }
    }

    @Test
    void geluByTanhFollowsItsFormula() {
        float[] xs = {-3, -1, -0.1f, 0, 0.1f, 1, 3};
        float[] ys = Tensors.geluTanh(manager.create(xs), false).toFloatArray();
        for (int i = 0; i < xs.length; i++) {
            double x = xs[i];
            double expected = 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x)));
            assertThat((double) ys[i]).isCloseTo(expected, within(1e-6));
        }
    }

    @Test
    void changesAnArrayInPlaceOnlyWhenAsked() {
        NDArray x = manager.create(new float[] {-1, 0, 2});
        float[] silu = Tensors.silu(x, false).toFloatArray();
        float[] gelu = Tensors.geluTanh(x, false).toFloatArray();
        assertThat(x.toFloatArray()).containsExactly(-1, 0, 2);
        NDArray y = x.duplicate();
        assertThat(Tensors.silu(x, true).toFloatArray()).isEqualTo(silu).isEqualTo(x.toFloatArray());
        assertThat(Tensors.geluTanh(y, true).toFloatArray()).isEqualTo(gelu).isEqualTo(y.toFloatArray());
    }

    @Test
    void theTwoHalvesOfANormMakeItWhole() {
        NDArray x = manager.create(new float[] {3, 4, -5, 7, 1, 0, 2, 2}, new Shape(2, 4));
        NDArray w = manager.create(new float[] {1, 10, 2, -1});
        NDArray b = manager.create(new float[] {0, 1, 0, 3});
        NDArray eps = manager.create(1e-5f);
        NDList layer = Tensors.layerNormParts(x, w, b, eps);
        assertThat(layer.get(1).toFloatArray())
                .containsExactly(Tensors.layerNorm(x, w, b, 1e-5f).toFloatArray(), within(1e-6f));
        double variance = (0.75 * 0.75 + 1.75 * 1.75 + 7.25 * 7.25 + 4.75 * 4.75) / 4; // of the first row, mean 2.25
        assertThat((double) layer.get(0).getFloat(0, 0)).isCloseTo(Math.sqrt(variance + 1e-5), within(1e-5));
        NDList rms = Tensors.rmsNormParts(x, eps);
        assertThat(rms.get(1).mul(w).toFloatArray())
                .containsExactly(Tensors.rmsNorm(x, w, eps).toFloatArray(), within(1e-5f));
        assertThat((double) rms.get(0).getFloat(0, 0)).isCloseTo(Math.sqrt(99 / 4.0 + 1e-5), within(1e-5));
    }

    @Test
    void multipliesWithAndWithoutBiasAlongAnyNumberOfAxes() {
        NDArray x = manager.create(new float[] {1, 2, 3, 4}, new Shape(1, 2, 2));
        NDArray w = manager.create(new float[] {1, 0, 0, 1, 1, 1}, new Shape(3, 2));
        NDArray b = manager.create(new float[] {10, 20, 30});
        assertThat(Tensors.linear(x, w, null).toFloatArray()).containsExactly(1, 2, 3, 3, 4, 7);
        assertThat(Tensors.linear(x, w, b).toFloatArray()).containsExactly(11, 22, 33, 13, 24, 37);
        assertThat(Tensors.linear(x, w, b).getShape()).isEqualTo(new Shape(1, 2, 3));
    }

    @Test
    void rotatesHalvesAgainstEachOther() {
        NDArray x = manager.create(new float[] {1, 2, 3, 4}, new Shape(1, 4));
        NDArray cos = manager.create(new float[] {0, 1, 0, 1}, new Shape(1, 4));
        NDArray sin = manager.create(new float[] {-1, 0, 1, 0}, new Shape(1, 4)); // first pair by 90 degrees
        assertThat(Tensors.rotate(x, cos, sin).toFloatArray()).containsExactly(-3, 2, 1, 4);
    }

    /** Four query heads on two key/value heads, two prompts, the second with padding; head by head, number by number. */
    @Test
    void attendsFromOnePositionAsTheFormulaSays() {
        NDArray q = manager.randomNormal(new Shape(2, 1, 4, 3));
        NDArray k = manager.randomNormal(new Shape(2, 5, 2, 3));
        NDArray v = manager.randomNormal(new Shape(2, 5, 2, 3));
        float hidden = Float.NEGATIVE_INFINITY;
        NDArray mask = manager.create(new float[] {0, 0, 0, 0, 0, hidden, hidden, 0, 0, 0}, new Shape(2, 1, 1, 5));
        NDArray z = Tensors.attend(q, k, v, mask, manager.create(0.5f));
        assertThat(z.getShape()).isEqualTo(q.getShape());
        NDArray wide = Tensors.attend(
                q.toType(DataType.FLOAT64, false),
                k.toType(DataType.FLOAT64, false),
                v.toType(DataType.FLOAT64, false),
                mask.toType(DataType.FLOAT64, false),
                manager.create(0.5));
        for (int batch = 0; batch < 2; batch++) {
            for (int head = 0; head < 4; head++) {
                double[] weights = new double[5];
                double sum = 0;
                for (int key = 0; key < 5; key++) {
                    double score = mask.getFloat(batch, 0, 0, key);
                    for (int i = 0; i < 3; i++) {
                        score += 0.5 * q.getFloat(batch, 0, head, i) * k.getFloat(batch, key, head / 2, i);
                    }
                    weights[key] = Math.exp(score);
                    sum += weights[key];
                }
                for (int i = 0; i < 3; i++) {
                    double expected = 0;
                    for (int key = 0; key < 5; key++) {
                        expected += weights[key] / sum * v.getFloat(batch, key, head / 2, i);
                    }
                    assertThat((double) z.getFloat(batch, 0, head, i)).isCloseTo(expected, within(1e-6));
                    assertThat(wide.getDouble(batch, 0, head, i)).isCloseTo(expected, within(1e-12));
                }
            }
        }
    }

    @Test
    void dividesByTheRootMeanSquare() {
        NDArray x = manager.create(new float[] {3, 4}, new Shape(1, 2));
        NDArray w = manager.create(new float[] {1, 10});
        float[] y = Tensors.rmsNorm(x, w, manager.create(0f)).toFloatArray();
        double rms = Math.sqrt((9 + 16) / 2.0);
        assertThat((double) y[0]).isCloseTo(3 / rms, within(1e-6));
        assertThat((double) y[1]).isCloseTo(40 / rms, within(1e-5));
        assertThat(Tensors.rmsNorm(x, null, manager.create(0f)).toFloatArray())
                .containsExactly(
                        Tensors.rmsNorm(x, x.onesLike(), manager.create(0f)).toFloatArray());
    }

    /** 64 squares of 40 are more than float16 can say, 40 is not. */
    @Test
    void dividesByTheRootMeanSquareOfHalfPrecision() {
        NDArray x = manager.ones(new Shape(1, 64)).mul(40).toType(DataType.FLOAT16, false);
        NDArray eps = manager.create(0f).toType(DataType.FLOAT16, false);
        for (NDArray w : Arrays.asList(null, x.onesLike())) {
            float[] y =
                    Tensors.rmsNorm(x, w, eps).toType(DataType.FLOAT32, false).toFloatArray();
            assertThat(y).containsOnly(1f);
        }
    }

    /** Against the derivative of x / rms(x): (g − y·mean(g·y)) / rms. */
    @Test
    void theRootMeanSquareHasItsGradient() {
        NDArray x = manager.create(new double[] {3, 4, -5, 7, 1, 0, 2, 2}, new Shape(2, 4));
        NDArray g = manager.create(new double[] {1, -2, 3, 0.5, 2, 1, 0, -1}, new Shape(2, 4));
        NDArray eps = manager.create(0.0);
        x.setRequiresGradient(true);
        NDArray found = Tensors.recording(
                true,
                () -> Tensors.grad(Tensors.rmsNorm(x, null, eps).mul(g).sum(), List.of(x))
                        .singletonOrThrow());
        NDArray rms = x.square().mean(new int[] {1}, true).sqrt();
        NDArray y = x.div(rms);
        NDArray expected =
                g.sub(y.mul(g.mul(y).mean(new int[] {1}, true))).div(rms).stopGradient();
        assertThat(found.toDoubleArray()).containsExactly(expected.toDoubleArray(), within(1e-12));
    }

    @Test
    void givesResultsToTheFirstArgumentsOwner() {
        NDArray weights = manager.ones(new Shape(2, 3));
        int before = manager.getManagedArrays().size(); // those of sub-managers included
        try (NDManager scope = manager.newSubManager()) {
            NDArray x = scope.ones(new Shape(1, 3));
            assertThat(Tensors.linear(x, weights, null).getManager()).isSameAs(scope);
            assertThat(Tensors.alias(weights, scope).getManager()).isSameAs(scope);
        }
        assertThat(manager.getManagedArrays()).hasSize(before);
    }

    @ParameterizedTest
    @EnumSource(
            value = DataType.class,
            names = {"BFLOAT16", "INT16", "UINT16", "UINT32", "UINT64", "STRING", "COMPLEX64", "UNKNOWN"})
    void refusesTypesThatWouldAbortTheProcess(DataType type) {
        assertThatThrownBy(() -> Tensors.require(type))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(type.toString())
                .hasMessageContaining("float32");
    }

    @Test
    void saysWhichDevicesThereAreWhenOneIsMissing() {
        int gpus = Tensors.engine().getGpuCount();
        String missing = "cuda:" + gpus;
        assertThatThrownBy(() -> Tensors.device(missing))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("'" + missing + "'")
                .hasMessageContaining(gpus + " GPUs")
                .hasMessageContaining("README");
        assertThatThrownBy(() -> Tensors.device("tpu"))
                .hasMessageContaining("'tpu'")
                .hasMessageContaining("cpu");
        assertThat(Tensors.device("CPU")).isEqualTo(Device.cpu());
    }

    @Test
    void givesSmallWorkOneThread() {
        int before = JniUtils.getNumThreads();
        Tensors.run(false, 1e6, JniUtils::getNumThreads); // first a small run: it must not become the most there is
        int most = Tensors.run(false, 1e12, JniUtils::getNumThreads);
        assertThat(most).isGreaterThanOrEqualTo(before);
        assertThat(JniUtils.getNumThreads()).isEqualTo(before);
        assertThat(Tensors.<Integer>run(false, 1e6, JniUtils::getNumThreads)).isEqualTo(1);
        Tensors.threads(3);
        assertThat(Tensors.<Integer>run(false, 1e12, JniUtils::getNumThreads)).isEqualTo(3);
        assertThat(Tensors.<Integer>run(false, 1e6, JniUtils::getNumThreads)).isEqualTo(1);
        Tensors.threads(most);
    }

    @Test
    void refusesLessThanOneThread() {
        assertThatThrownBy(() -> Tensors.threads(0)).hasMessageContaining("at least 1, got 0");
    }

    @Test
    void namesAllAxesOfAWrongShape() {
        NDArray x = manager.ones(new Shape(1, 12, 512));
        assertThatThrownBy(() -> Shapes.require(x, "resid", -1, -1, 768))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("resid must have shape (-1, -1, 768), got (1, 12, 512)");
        assertThat(Shapes.require(x, "resid", -1, 12, 512)).isSameAs(x);
    }
}
