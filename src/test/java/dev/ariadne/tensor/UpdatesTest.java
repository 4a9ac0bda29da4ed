package dev.ariadne.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class UpdatesTest {
    private static final double BETA1 = 0.9;
    private static final double BETA2 = 0.98;
    private static final double EPS = 1e-3;
    private static final double DECAY = 0.3;

    private final NDManager manager = Tensors.engine().newBaseManager(Device.cpu());

    @AfterEach
    void close() {
        manager.close();
    }

    /** Against the paper's algorithm, one number at a time; sizes that do and do not fill a vector register. */
    @ParameterizedTest
    @EnumSource(
            value = DataType.class,
            names = {"FLOAT32", "FLOAT64"})
    void adamWIsTheAlgorithmOfThePaper(DataType type) {
        int[] sizes = {1, 7, 33, 260};
        Random random = new Random(1);
        double[][] p = new double[sizes.length][];
        double[][] m = new double[sizes.length][];
        double[][] v = new double[sizes.length][];
        NDArray[] ps = new NDArray[sizes.length];
        NDArray[] ms = new NDArray[sizes.length];
        NDArray[] vs = new NDArray[sizes.length];
        for (int i = 0; i < sizes.length; i++) {
            p[i] = random.doubles(sizes[i], -1, 1).toArray();
            m[i] = new double[sizes[i]];
            v[i] = new double[sizes[i]];
            ps[i] = manager.create(p[i]).toType(type, false);
            ms[i] = ps[i].zerosLike();
            vs[i] = ps[i].zerosLike();
        }
        for (int step = 1; step <= 25; step++) {
            double rate = 0.05 / step;
            NDArray[] gs = new NDArray[sizes.length];
            for (int i = 0; i < sizes.length; i++) {
                double[] g = random.doubles(sizes[i], -2, 2).toArray();
                gs[i] = manager.create(g).toType(type, false);
                adamW(p[i], g, m[i], v[i], step, rate);
            }
            NDArray settings = manager.create(new double[] {step, rate, BETA1, BETA2, DECAY, EPS}, new Shape(6));
            Updates.adamW(List.of(ps), List.of(gs), List.of(ms), List.of(vs), settings);
        }
        double tolerance = type == DataType.FLOAT64 ? 1e-12 : 2e-6; // 25 roundings of numbers near 1
        for (int i = 0; i < sizes.length; i++) {
            double[] now = ps[i].toType(DataType.FLOAT64, false).toDoubleArray();
            for (int j = 0; j < sizes[i]; j++) {
                assertThat(now[j]).isCloseTo(p[i][j], within(tolerance));
            }
        }
    }

    private static void adamW(double[] p, double[] g, double[] m, double[] v, int step, double rate) {
        for (int j = 0; j < p.length; j++) {
            m[j] = BETA1 * m[j] + (1 - BETA1) * g[j];
            v[j] = BETA2 * v[j] + (1 - BETA2) * g[j] * g[j];
            double mHat = m[j] / (1 - Math.pow(BETA1, step));
            double vHat = v[j] / (1 - Math.pow(BETA2, step));
            p[j] = p[j] - rate * DECAY * p[j] - rate * mHat / (Math.sqrt(vHat) + EPS);
        }
    }

    @Test
    void changesLeavesThatRequireGradients() {
        NDArray p = manager.create(new float[] {1, 2});
        p.setRequiresGradient(true);
        NDArray settings = manager.create(new double[] {1, 0.5, 0, 0, 0, 1e-12}, new Shape(6));
        NDArray g = manager.create(new float[] {4, -9});
        Tensors.recording(true, () -> {
            Updates.adamW(List.of(p), List.of(g), List.of(g.zerosLike()), List.of(g.zerosLike()), settings);
            return p;
        });
        assertThat(p.toFloatArray()).containsExactly(0.5f, 2.5f); // without memory a step is the gradient's sign
    }

    @Test
    void clipsToTheNormOfAllTogether() {
        NDArray x = manager.create(new float[] {3, 0, 0, 12}, new Shape(2, 2));
        NDArray y = manager.create(new float[] {-4});
        NDArray norm = Updates.clip(List.of(x, y), manager.create(6.5f));
        assertThat(norm.getFloat()).isEqualTo(13); // 9 + 16 + 144 = 169
        assertThat(x.toFloatArray()).containsExactly(1.5f, 0, 0, 6);
        assertThat(y.toFloatArray()).containsExactly(-2);
    }

    @Test
    void leavesWhatIsShortEnough() {
        NDArray x = manager.create(new float[] {3, 4});
        assertThat(Updates.clip(List.of(x), manager.create(5f)).getFloat()).isEqualTo(5);
        assertThat(Updates.clip(List.of(x), manager.create(Float.POSITIVE_INFINITY))
                        .getFloat())
                .isEqualTo(5);
        assertThat(x.toFloatArray()).containsExactly(3, 4);
        NDArray zero = manager.create(new float[2]);
        assertThat(Updates.clip(List.of(zero), manager.create(1f)).getFloat()).isZero();
        assertThat(zero.toFloatArray()).containsExactly(0, 0);
    }
}
