package dev.ariadne.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.ariadne.model.FactoredMatrix.Complex;
import dev.ariadne.tensor.Tensors;
import dev.ariadne.view.View;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class FactoredMatrixTest {
    private static final HookedTransformer model = TestModels.gpt2();

    private final NDManager manager = Tensors.engine().newBaseManager(Device.cpu());

    @AfterEach
    void free() {
        manager.close();
    }

    @AfterAll
    static void close() {
        model.close();
    }

    @Test
    void aQuarterTurnHasImaginaryEigenvalues() {
        // [[0, -1], [1, 0]] = [[0, -1], [1, 0]] · I
        try (FactoredMatrix turn = FactoredMatrix.of(matrix(2, 2, 0, -1, 1, 0), matrix(2, 2, 1, 0, 0, 1))) {
            assertThat(turn.eigenvalues()).containsExactly(new Complex(0, 1), new Complex(0, -1));
            assertThat(turn.eigenvalues()).hasToString("[0.000+1.000i, 0.000-1.000i]");
            assertThat(turn.singularValues()).containsExactly(new double[] {1, 1}, within(1e-6));
            assertThat(turn.norm()).isCloseTo(Math.sqrt(2), within(1e-6));
            assertThat(turn.copyingScore()).isCloseTo(0, within(1e-6));
        }
    }

    @Test
    void copyingIsOneForPositiveEigenvaluesAndMinusOneForNegativeOnes() {
        NDArray tall = matrix(3, 1, 1, 2, 2); // rank one: the only eigenvalue is wide·tall
        try (FactoredMatrix copies = FactoredMatrix.of(tall, matrix(1, 3, 1, 0, 1));
                FactoredMatrix opposes = FactoredMatrix.of(tall, matrix(1, 3, -1, 0, -1));
                FactoredMatrix nothing = FactoredMatrix.of(tall, matrix(1, 3, 0, 0, 0))) {
            assertThat(copies.eigenvalues()).containsExactly(new Complex(3, 0));
            assertThat(copies.copyingScore()).isEqualTo(1);
            assertThat(opposes.copyingScore()).isEqualTo(-1);
            assertThat(nothing.copyingScore()).isZero();
        }
    }

    @ParameterizedTest
    @CsvSource({"7, 3, 5", "5, 3, 7", "4, 6, 5", "2, 9, 9", "6, 6, 6", "1, 1, 1"
    }) // an inner size larger than rows, too
    void theFactorsAnswerAsTheWholeMatrixDoes(int rows, int inner, int columns) {
        float[] a = random(rows * inner, 1);
        float[] b = random(inner * columns, 2);
        float[] whole = product(a, b, rows, inner, columns);
        try (FactoredMatrix m = FactoredMatrix.of(matrix(rows, inner, a), matrix(inner, columns, b))) {
            assertThat(m.ab().toFloatArray()).containsExactly(whole, within(1e-5f));
            assertThat(m.ab()).isSameAs(m.ab());
            assertThat(m.value(rows - 1, columns - 1)).isCloseTo(whole[rows * columns - 1], within(1e-5));
            float[] last = new float[columns];
            System.arraycopy(whole, (rows - 1) * columns, last, 0, columns);
            assertThat(m.row(rows - 1)).containsExactly(last, within(1e-5f));
            double squares = 0;
            for (float x : whole) {
                squares += (double) x * x;
            }
            assertThat(m.norm()).isCloseTo(Math.sqrt(squares), within(1e-5));
            try (FactoredMatrix t = m.transpose()) {
                assertThat(t.ab().toFloatArray()).containsExactly(transposed(whole, rows, columns), within(1e-5f));
            }
            checkDecomposition(m.svd(), whole, rows, Math.min(rows, Math.min(inner, columns)), columns);
        }
    }

    private static void checkDecomposition(FactoredMatrix.Svd svd, float[] whole, int rows, int k, int columns) {
        assertThat(svd.u().getShape()).isEqualTo(new Shape(rows, k));
        assertThat(svd.vh().getShape()).isEqualTo(new Shape(columns, k));
        float[] u = svd.u().toFloatArray();
        float[] s = svd.s().toFloatArray();
        float[] vh = svd.vh().toFloatArray();
        float[] back = new float[rows * columns];
        for (int i = 0; i < rows; i++) {
            for (int j = 0; j < columns; j++) {
                for (int n = 0; n < k; n++) {
                    back[i * columns + j] += u[i * k + n] * s[n] * vh[j * k + n];
                }
            }
        }
        assertThat(back).containsExactly(whole, within(1e-5f));
        float[] gram = product(transposed(u, rows, k), u, k, rows, k);
        for (int i = 0; i < k * k; i++) {
            assertThat(gram[i]).isCloseTo(i / k == i % k ? 1 : 0, within(1e-5f));
        }
        for (int n = 1; n < k; n++) {
            assertThat(s[n]).isLessThanOrEqualTo(s[n - 1]);
        }
    }

    @Test
    void productsOnBothSidesStayFactored() {
        float[] a = random(4 * 2, 3);
        float[] b = random(2 * 5, 4);
        float[] left = random(3 * 4, 5);
        float[] right = random(5 * 6, 6);
        float[] narrow = random(5, 7);
        try (FactoredMatrix m = FactoredMatrix.of(matrix(4, 2, a), matrix(2, 5, b));
                FactoredMatrix r = m.matMul(matrix(5, 6, right));
                FactoredMatrix l = m.matMulLeft(matrix(3, 4, left));
                FactoredMatrix rank1 = FactoredMatrix.of(matrix(5, 1, narrow), matrix(1, 3, 1, 2, 3));
                FactoredMatrix through1 = m.matMul(rank1);
                FactoredMatrix t = rank1.transpose();
                FactoredMatrix mt = m.transpose();
                FactoredMatrix wide = t.matMul(mt)) {
            float[] whole = product(a, b, 4, 2, 5);
            assertThat(r.ab().toFloatArray()).containsExactly(product(whole, right, 4, 5, 6), within(1e-5f));
            assertThat(l.ab().toFloatArray()).containsExactly(product(left, whole, 3, 4, 5), within(1e-5f));
            float[] outer = product(narrow, new float[] {1, 2, 3}, 5, 1, 3);
            float[] both = product(whole, outer, 4, 5, 3);
            assertThat(through1.ab().toFloatArray()).containsExactly(both, within(1e-5f));
            assertThat(wide.ab().toFloatArray()).containsExactly(transposed(both, 4, 3), within(1e-5f));
            assertThat(through1.a().getShape().get(1)).isEqualTo(1); // the smaller inner size
            assertThat(wide.a().getShape().get(1)).isEqualTo(1);
        }
    }

    @Test
    void fullCircuitsAreTheProductsOfAllTheirMatrices() {
        try (FactoredMatrix ov = model.weights().fullOv(1, 2);
                FactoredMatrix qk = model.weights().fullQk(0, 3);
                Weight e = model.weights().get("W_E");
                Weight u = model.weights().get("W_U");
                Weight v = model.weights().get("W_V", 1, 2);
                Weight o = model.weights().get("W_O", 1, 2);
                Weight q = model.weights().get("W_Q", 0, 3);
                Weight k = model.weights().get("W_K", 0, 3)) {
            float[] values =
                    product(e.toFloatArray(), product(v.toFloatArray(), o.toFloatArray(), 32, 8, 32), 96, 32, 32);
            assertThat(ov.ab().toFloatArray())
                    .containsExactly(product(values, u.toFloatArray(), 96, 32, 96), within(1e-4f));
            float[] keys = transposed(product(e.toFloatArray(), k.toFloatArray(), 96, 32, 8), 96, 8);
            float[] queries = product(e.toFloatArray(), q.toFloatArray(), 96, 32, 8);
            assertThat(qk.ab().toFloatArray()).containsExactly(product(queries, keys, 96, 8, 96), within(1e-4f));
            assertThat(ov).hasToString("L1H2 full OV [96 × 96] through 8");
            assertThat(qk).hasToString("L0H3 full QK [96 × 96] through 8");
        }
    }

    @Test
    void theMapOfCopyingIsThatOfTheFullCircuits() {
        View.HeatMap map = model.weights().copyingScores();
        for (int i = 0; i < 8; i++) {
            try (FactoredMatrix full = model.weights().fullOv(i / 4, i % 4)) {
                assertThat((double) map.value(i / 4, i % 4)).isCloseTo(full.copyingScore(), within(1e-4));
            }
        }
        try (HookedTransformer program = TestModels.load("tracr/tracr-reverse")) {
            assertThat(program.config().dVocabOut())
                    .isNotEqualTo(program.config().dVocab());
            assertThatThrownBy(() -> program.weights().copyingScores())
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("copying needs one vocabulary");
        }
    }

    @Test
    void aCircuitIsIndependentOfItsModel() {
        HookedTransformer other = TestModels.gpt2();
        int before = other.arrayCount();
        FactoredMatrix ov = other.weights().ov(0, 0);
        double norm = ov.norm();
        try (Weight weight = other.weights().get("W_V", 0, 0);
                FactoredMatrix full = other.weights().fullQk(1, 1)) {
            float[] values = weight.toFloatArray();
            assertThat(ov.a().toFloatArray()).isEqualTo(values);
            ov.a().muli(0);
            assertThat(weight.toFloatArray()).isEqualTo(values);
            full.svd();
        }
        assertThat(other.arrayCount()).isEqualTo(before);
        other.close();
        assertThat(norm).isPositive();
        assertThat(ov.ab().toFloatArray()).containsOnly(0); // still there after the model
        ov.close();
    }

    @Test
    void aHalfWidthOrDoubleWidthModelKeepsItsType() {
        try (HookedTransformer wide = model.to(DataType.FLOAT64);
                FactoredMatrix ov = wide.weights().ov(0, 1);
                FactoredMatrix narrow = model.weights().ov(0, 1)) {
            assertThat(ov.svd().u().getDataType()).isEqualTo(DataType.FLOAT64);
            assertThat(narrow.svd().u().getDataType()).isEqualTo(DataType.FLOAT32);
            assertThat(narrow.singularValues()).containsExactly(ov.singularValues(), within(1e-6));
        }
    }

    @Test
    void whatDoesNotFitIsRefused() {
        assertThatThrownBy(() -> FactoredMatrix.of(matrix(2, 3, random(6, 1)), matrix(2, 3, random(6, 1))))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("the right factor must have shape (3, -1), got (2, 3)");
        assertThatThrownBy(() -> FactoredMatrix.of(manager.create(1f), matrix(1, 1, 1)))
                .hasMessageContaining("the left factor must have shape (-1, -1)");
        FactoredMatrix m = FactoredMatrix.of(matrix(2, 1, 1, Float.NaN), matrix(1, 3, 1, 2, 3));
        assertThatThrownBy(() -> m.matMul(matrix(2, 2, random(4, 1))))
                .hasMessage("the matrix on the right must have shape (3, -1), got (2, 2)");
        assertThatThrownBy(() -> m.matMulLeft(matrix(2, 3, random(6, 1))))
                .hasMessage("the matrix on the left must have shape (-1, 2), got (2, 3)");
        assertThatThrownBy(() -> m.matMul(m)).hasMessageContaining("the left factor of the matrix on the right");
        assertThatThrownBy(m::eigenvalues)
                .hasMessageContaining("only a square matrix has eigenvalues, got product [2 × 3]");
        assertThatThrownBy(m::svd).hasMessageContaining("holds NaN or infinite values");
        assertThatThrownBy(() -> m.row(2)).hasMessage("row must be from 0 to 1, got 2");
        assertThatThrownBy(() -> m.value(0, -1)).hasMessage("column must be from 0 to 2, got -1");
        m.close();
        for (Runnable use : List.<Runnable>of(m::a, m::b, m::ab, m::svd, m::eigenvalues, m::transpose, m::view)) {
            assertThatThrownBy(use::run)
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("'product' is closed; compute it again");
        }
    }

    @Test
    void itIsShownByItsSingularValues() {
        try (FactoredMatrix m = FactoredMatrix.of(matrix(2, 2, 3, 0, 0, -4), matrix(2, 2, 1, 0, 0, 1))) {
            View.Bars bars = (View.Bars) m.view();
            assertThat(bars.bars()).extracting(View.Bar::value).containsExactly(4.0, 3.0);
            assertThat(bars.bars().get(0).notes()).containsExactly("64.0 %");
            assertThat(m.table().doubleColumn("share").asList()).containsExactly(0.64, 0.36);
        }
    }

    private NDArray matrix(int rows, int columns, float... values) {
        return manager.create(values, new Shape(rows, columns));
    }

    private static float[] random(int count, long seed) {
        Random random = new Random(seed);
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return values;
    }

    private static float[] product(float[] a, float[] b, int rows, int inner, int columns) {
        float[] c = new float[rows * columns];
        for (int i = 0; i < rows; i++) {
            for (int j = 0; j < columns; j++) {
                double sum = 0;
                for (int n = 0; n < inner; n++) {
                    sum += (double) a[i * inner + n] * b[n * columns + j];
                }
                c[i * columns + j] = (float) sum;
            }
        }
        return c;
    }

    private static float[] transposed(float[] a, int rows, int columns) {
        float[] t = new float[a.length];
        for (int i = 0; i < a.length; i++) {
            t[i % columns * rows + i / columns] = a[i];
        }
        return t;
    }
}
