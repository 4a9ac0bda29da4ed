package dev.ariadne.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import dev.ariadne.tensor.Shapes;
import dev.ariadne.tensor.Tensors;
import dev.ariadne.view.Displayable;
import dev.ariadne.view.View;
import java.lang.ref.Reference;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import tech.tablesaw.api.DoubleColumn;
import tech.tablesaw.api.IntColumn;
import tech.tablesaw.api.Table;

/**
 * A matrix A·B kept as its two factors, A [rows, inner] and B [inner, columns]: a head's circuit has thousands of rows and columns but
 * only dHead between them, and nearly every question about it can be answered there.
 *
 * <p>Owns copies of its factors and all arrays it hands out: closing it, or losing it, frees them. Independent of the model it came from.
 */
public final class FactoredMatrix implements Displayable, AutoCloseable {
    private static final int SHOWN = 20; // singular values in a picture

    private final String name;
    private final NDArray a;
    private final NDArray b;
    private final NDManager manager;
    private final Leak leak;
    private @Nullable NDArray product;
    private @Nullable Svd svd;
    private volatile boolean closed;

    /** Takes the two arrays over, with their manager. */
    private FactoredMatrix(String name, NDArray a, NDArray b, NDManager manager) {
        this.name = name;
        this.a = a;
        this.b = b;
        this.manager = manager;
        this.leak = Leak.watch(this, manager::close);
    }

    /**
     * A singular value decomposition u·diag(s)·vhᵀ; the arrays belong to the matrix.
     *
     * @param u [rows, k] with orthonormal columns
     * @param s [k], from the largest down
     * @param vh [columns, k] with orthonormal columns: transposed, as in TransformerLens
     */
    public record Svd(NDArray u, NDArray s, NDArray vh) {}

    /**
     * A complex number.
     *
     * @param re its real part
     * @param im its imaginary part
     */
    public record Complex(double re, double im) {
        /** Its distance from zero. */
        public double abs() {
            return Math.hypot(re, im);
        }

        @Override
        public String toString() {
            return String.format(Locale.ROOT, "%.4g%+.4gi", re, im);
        }
    }

    /**
     * Copies two factors.
     *
     * @param a [rows, inner]
     * @param b [inner, columns]
     * @throws IllegalArgumentException when they do not fit each other
     */
    public static FactoredMatrix of(NDArray a, NDArray b) {
        return of("product", a, b);
    }

    static FactoredMatrix of(String name, NDArray a, NDArray b) {
        Shapes.require(a, "the left factor", -1, -1);
        Shapes.require(b, "the right factor", a.getShape().get(1), -1);
        return make(name, a, manager -> copy(a, manager), manager -> copy(b, manager));
    }

    /** Makes one of the factors, in a manager. */
    private interface Factor {
        NDArray in(NDManager manager);
    }

    private static FactoredMatrix make(String name, NDArray near, Factor a, Factor b) {
        NDManager manager = Tensors.engine().newBaseManager(near.getDevice());
        try {
            return new FactoredMatrix(name, a.in(manager), b.in(manager), manager);
        } catch (RuntimeException | Error e) {
            manager.close();
            throw e;
        }
    }

    private static NDArray copy(NDArray array, NDManager manager) {
        NDArray copy = array.duplicate();
        copy.attach(manager);
        return copy;
    }

    private static NDArray product(NDArray left, NDArray right, NDManager manager) {
        try (NDManager scope = manager.newSubManager()) {
            NDArray product = Tensors.alias(left, scope).matMul(right);
            product.attach(manager);
            return product;
        }
    }

    /** The left factor [rows, inner]. */
    public NDArray a() {
        requireOpen();
        return a;
    }

    /** The right factor [inner, columns]. */
    public NDArray b() {
        requireOpen();
        return b;
    }

    /** [rows, columns]. */
    public long[] shape() {
        return new long[] {a.getShape().get(0), b.getShape().get(1)};
    }

    /** The whole matrix A·B [rows, columns], formed at the first call: for a full circuit that may be gigabytes. */
    public synchronized NDArray ab() {
        requireOpen();
        if (product == null) {
            product = product(a, b, manager);
        }
        return product;
    }

    /**
     * One entry.
     *
     * @throws IllegalArgumentException when there is no such row or column
     */
    public double value(long row, long column) {
        requireOpen();
        checkIndex("row", row, shape()[0]);
        checkIndex("column", column, shape()[1]);
        try (NDManager scope = manager.newSubManager()) {
            NDArray left = Tensors.alias(a, scope).get(row);
            NDArray right = Tensors.alias(b, scope).get(":," + column);
            return left.mul(right).sum().toType(DataType.FLOAT64, false).getDouble();
        } finally {
            Reference.reachabilityFence(this);
        }
    }

    /**
     * One row, as plain numbers: of a full OV circuit, what attending to one token does to all logits.
     *
     * @return [columns]
     * @throws IllegalArgumentException when there is no such row
     */
    public float[] row(long row) {
        requireOpen();
        checkIndex("row", row, shape()[0]);
        try (NDManager scope = manager.newSubManager()) {
            NDArray left = Tensors.alias(a, scope).get(row).reshape(1, -1);
            return left.matMul(b).toType(DataType.FLOAT32, false).toFloatArray();
        } finally {
            Reference.reachabilityFence(this);
        }
    }

    /**
     * A·B·right, kept as factors.
     *
     * @param right [columns, any]; left as it is
     * @return a new factored matrix of the same inner size
     * @throws IllegalArgumentException when the sizes do not fit
     */
    public FactoredMatrix matMul(NDArray right) {
        return matMul("product", right);
    }

    FactoredMatrix matMul(String title, NDArray right) {
        requireOpen();
        Shapes.require(right, "the matrix on the right", shape()[1], -1);
        return make(title, a, manager -> copy(a, manager), manager -> product(b, right, manager));
    }

    /**
     * left·A·B, kept as factors.
     *
     * @param left [any, rows]; left as it is
     * @return a new factored matrix of the same inner size
     * @throws IllegalArgumentException when the sizes do not fit
     */
    public FactoredMatrix matMulLeft(NDArray left) {
        requireOpen();
        Shapes.require(left, "the matrix on the left", -1, shape()[0]);
        return make("product", a, manager -> product(left, a, manager), manager -> copy(b, manager));
    }

    /** A·B·C·D, with the smaller of the two inner sizes. */
    public FactoredMatrix matMul(FactoredMatrix other) {
        requireOpen();
        other.requireOpen();
        Shapes.require(other.a, "the left factor of the matrix on the right", shape()[1], -1);
        if (other.a.getShape().get(1) < a.getShape().get(1)) {
            try (FactoredMatrix left = matMul(other.a)) {
                return of(name + " · " + other.name, left.ab(), other.b);
            }
        }
        try (FactoredMatrix right = other.matMulLeft(b)) {
            return of(name + " · " + other.name, a, right.ab());
        }
    }

    /** (A·B)ᵀ = Bᵀ·Aᵀ. */
    public FactoredMatrix transpose() {
        requireOpen();
        return make(
                name + "ᵀ",
                a,
                manager -> copy(b, manager).transpose(),
                manager -> copy(a, manager).transpose());
    }

    /**
     * The singular value decomposition, by way of the factors' own: k is the smallest of rows, inner size and columns. Columns of u and vh
     * are determined up to a common sign.
     *
     * @throws IllegalArgumentException when the matrix holds NaN or infinite values
     */
    public synchronized Svd svd() {
        requireOpen();
        if (svd != null) {
            return svd;
        }
        try (NDManager scope = manager.newSubManager()) {
            svd = small(() -> {
                NDList left = Tensors.qr(precise(a, scope)); // [rows, k], [k, inner]
                NDList right = Tensors.qr(precise(b, scope).transpose()); // [columns, k], [k, inner]
                NDList inner =
                        Tensors.svd(finite(left.get(1).matMul(right.get(1).transpose())));
                NDArray vh = right.get(0).matMul(inner.get(2).transpose());
                return new Svd(kept(left.get(0).matMul(inner.get(0))), kept(inner.get(1)), kept(vh));
            });
            return svd;
        } finally {
            Reference.reachabilityFence(this);
        }
    }

    /** Back to the matrix's own type, in its own memory. */
    private NDArray kept(NDArray array) {
        NDArray own = array.toType(a.getDataType(), true);
        own.attach(manager);
        return own;
    }

    /** The singular values, from the largest down. */
    public double[] singularValues() {
        try (NDArray plain = svd().s().toType(DataType.FLOAT64, true)) {
            return plain.toDoubleArray();
        } finally {
            Reference.reachabilityFence(this);
        }
    }

    /** The Frobenius norm: the root of the sum of all squared entries. */
    public double norm() {
        return Math.sqrt(Arrays.stream(singularValues()).map(s -> s * s).sum());
    }

    /**
     * The eigenvalues that A·B has besides zeros: those of B·A, from the largest absolute value down.
     *
     * @throws IllegalArgumentException when the matrix is not square, or holds NaN or infinite values
     */
    public List<Complex> eigenvalues() {
        requireOpen();
        if (shape()[0] != shape()[1]) {
            throw new IllegalArgumentException(
                    "only a square matrix has eigenvalues, got " + this + "; use singularValues()");
        }
        double[] pairs;
        try (NDManager scope = manager.newSubManager()) {
            pairs = small(() -> Tensors.eigenvalues(finite(precise(b, scope).matMul(precise(a, scope))))
                    .toDoubleArray());
        } finally {
            Reference.reachabilityFence(this);
        }
        List<Complex> values = new ArrayList<>();
        for (int i = 0; i < pairs.length; i += 2) {
            values.add(new Complex(pairs[i], pairs[i + 1]));
        }
        values.sort(Comparator.comparingDouble(Complex::abs)
                .thenComparingDouble(Complex::re)
                .thenComparingDouble(Complex::im)
                .reversed());
        return values;
    }

    /**
     * How much the matrix maps vectors to themselves: Σλ / Σ|λ|, 1 when all eigenvalues are positive, -1 when all are negative (Elhage et
     * al. 2021, "Summarizing OV/QK Matrices").
     *
     * @throws IllegalArgumentException when the matrix is not square
     */
    public double copyingScore() {
        List<Complex> values = eigenvalues();
        double sum = values.stream().mapToDouble(Complex::re).sum();
        double size = values.stream().mapToDouble(Complex::abs).sum();
        return size == 0 ? 0 : sum / size;
    }

    /** Float64: singular values of a product lose digits that float32 does not have to spare. */
    private static NDArray precise(NDArray array, NDManager scope) {
        return Tensors.alias(array, scope).toType(DataType.FLOAT64, false);
    }

    private NDArray finite(NDArray array) {
        if (!Double.isFinite(array.abs().sum().getDouble())) {
            throw new IllegalArgumentException(
                    "'" + name + "' holds NaN or infinite values, so it has no decomposition; look at a() and b()");
        }
        return array;
    }

    /** Waiting threads would cost small decompositions more than they bring. */
    private <T> T small(Supplier<T> work) {
        double inner = a.getShape().get(1);
        return Tensors.run(false, inner * inner * (shape()[0] + shape()[1] + 10 * inner), work);
    }

    /** One row per singular value: its number from 0, the value, and its share of the squared norm. */
    public Table table() {
        double[] values = singularValues();
        return Table.create(
                toString(),
                IntColumn.indexColumn("index", values.length, 0),
                DoubleColumn.create("singular value", values),
                DoubleColumn.create("share", shares(values)));
    }

    /** Of the squared norm; zero for the zero matrix. */
    private static double[] shares(double... values) {
        double total = Arrays.stream(values).map(s -> s * s).sum();
        return Arrays.stream(values).map(s -> total == 0 ? 0 : s * s / total).toArray();
    }

    /** The largest singular values, with their share of the squared norm. */
    @Override
    public View view() {
        double[] values = singularValues();
        double[] shares = shares(values);
        List<View.Bar> bars = new ArrayList<>();
        for (int i = 0; i < Math.min(SHOWN, values.length); i++) {
            String share = String.format(Locale.ROOT, "%.1f %%", 100 * shares[i]);
            bars.add(new View.Bar(Integer.toString(i), values[i], List.of(share)));
        }
        String rest = values.length > SHOWN ? ", the first " + SHOWN + " of " + values.length + " values" : "";
        return new View.Bars(this + rest, "index", "singular value", List.of("share of the squared norm"), bars);
    }

    private static void checkIndex(String what, long index, long size) {
        if (index < 0 || index >= size) {
            throw new IllegalArgumentException(what + " must be from 0 to " + (size - 1) + ", got " + index);
        }
    }

    private void requireOpen() {
        if (closed) {
            throw new IllegalStateException("the factored matrix '" + name + "' is closed; compute it again");
        }
    }

    @Override
    public String toString() {
        return name + " [" + shape()[0] + " × " + shape()[1] + "] through "
                + a.getShape().get(1);
    }

    /** Frees the factors and every array handed out. */
    @Override
    public void close() {
        closed = true;
        leak.close();
    }
}
