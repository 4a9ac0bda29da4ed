package dev.ariadne.tensor;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.engine.EngineException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.jni.JniUtils;
import ai.djl.util.Utils;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * What DJL's arrays lack, on the PyTorch engine.
 *
 * <p>Every result belongs to the manager of the first argument. Nothing here records a graph unless a {@link #recording} is
 * under way on the thread.
 */
public final class Tensors {
    /** The types the engine takes; any other makes its native code abort the process instead of throwing. */
    private static final Set<DataType> SUPPORTED = EnumSet.of(
            DataType.FLOAT16,
            DataType.FLOAT32,
            DataType.FLOAT64,
            DataType.INT8,
            DataType.UINT8,
            DataType.INT32,
            DataType.INT64,
            DataType.BOOLEAN);

    /** Multiplications and additions that one core does in about a millisecond. */
    private static final double SMALL = 2e7;

    private Tensors() {}

    /**
     * Starts the engine.
     *
     * @return the PyTorch engine
     * @throws IllegalStateException when its native library is missing or cannot be unpacked, saying what to do
     */
    public static Engine engine() {
        try {
            return Engine.getEngine("PyTorch");
        } catch (RuntimeException | LinkageError e) {
            throw new IllegalStateException(
                    "the PyTorch engine did not start (" + e.getMessage() + "); " + remedy(), e);
        }
    }

    private static String remedy() {
        Path cache = Utils.getEngineCacheDir("pytorch");
        Path existing = cache;
        while (existing.getParent() != null && !Files.exists(existing)) {
            existing = existing.getParent();
        }
        if (!Files.isDirectory(existing) || !Files.isWritable(existing)) {
            return "it is unpacked into " + cache + ", and " + existing
                    + " cannot be written; set the environment variable DJL_CACHE_DIR to a folder that can";
        }
        String arch = System.getProperty("os.arch").replace("amd64", "x86_64").replace("arm64", "aarch64");
        String os = System.getProperty("os.name").toLowerCase(Locale.ROOT);
        String system = os.startsWith("mac") ? "osx" : os.startsWith("win") ? "win" : "linux";
        return "add the artifact ai.djl.pytorch:pytorch-native-cpu:jar:" + system + "-" + arch
                + ":2.7.1 to the class path";
    }

    /**
     * Finds a device by name.
     *
     * @param name "cpu", "gpu" or "cuda" (the first one), "gpu1", "cuda:1"; "auto" is a GPU when the engine has one, else the CPU
     * @return the device
     * @throws IllegalArgumentException when the name is unknown or the engine has no such device
     */
    public static Device device(String name) {
        String plain =
                name.trim().toLowerCase(Locale.ROOT).replace("cuda", "gpu").replace(":", "");
        int gpus = engine().getGpuCount();
        if (plain.equals("cpu") || (plain.equals("auto") && gpus == 0)) {
            return Device.cpu();
        }
        if (!plain.matches("auto|gpu[0-9]{0,2}")) {
            throw new IllegalArgumentException("no device '" + name + "'; names are cpu, gpu, gpu1 … and auto");
        }
        int index = plain.matches("gpu[0-9]+") ? Integer.parseInt(plain.substring(3)) : 0;
        if (index >= gpus) {
            throw new IllegalArgumentException("device '" + name + "' asked for, but the engine sees " + gpus
                    + " GPUs; use \"cpu\", or see \"On a GPU\" in the README for the CUDA build of the engine");
        }
        return Device.gpu(index);
    }

    /**
     * Refuses a data type that would abort the process.
     *
     * @param type the type asked for
     * @return the type
     * @throws IllegalArgumentException when the engine has no such type
     */
    public static DataType require(DataType type) {
        if (!SUPPORTED.contains(type)) {
            throw new IllegalArgumentException("the engine has no arrays of type " + type + "; it has " + SUPPORTED
                    + " (bfloat16 weights are widened to float32 when a model is loaded)");
        }
        return type;
    }

    /**
     * Sets how many threads one operation may use.
     *
     * @param count at least 1
     * @throws IllegalArgumentException when it is less
     */
    public static void threads(int count) {
        if (count < 1) {
            throw new IllegalArgumentException("threads must be at least 1, got " + count);
        }
        engine();
        Threads.most = count;
        JniUtils.setNumThreads(count);
    }

    /** As many threads as the engine starts with (its property ai.djl.pytorch.num_threads, or the cores), until set. */
    private static final class Threads {
        static volatile int most = JniUtils.getNumThreads();
    }

    /**
     * Does work that is one run of a model. A small one gets one thread: its operations last microseconds, and threads that wait for each
     * other at every step cost more than they bring, many times more when the cores are busy.
     *
     * @param record whether to record operations for gradients
     * @param operations about how many multiplications and additions the work takes
     * @param work what to do
     * @return the work's result
     */
    public static <T> T run(boolean record, double operations, Supplier<T> work) {
        int most = Threads.most; // before the number changes: it is read once
        int before = JniUtils.getNumThreads();
        JniUtils.setNumThreads(operations < SMALL ? 1 : most);
        try {
            return recording(record, work);
        } finally {
            JniUtils.setNumThreads(before);
        }
    }

    /**
     * Does work while this thread records operations for gradients, or does not; the thread's earlier state returns afterwards.
     *
     * @param record whether to record
     * @param work what to do
     * @return the work's result
     */
    public static <T> T recording(boolean record, Supplier<T> work) {
        boolean before = JniUtils.isGradMode();
        JniUtils.setGradMode(record);
        try {
            return work.get();
        } finally {
            JniUtils.setGradMode(before);
        }
    }

    /**
     * Multiplies by a number, also where gradients follow. {@code x.mul(number)} must not be used there: it hands the engine memory of Java's
     * and lets go of it at once, and the backward pass, which reads the number again, may find another one.
     *
     * @param x [any shape], of a floating-point type
     * @param factor becomes a number of x's type
     * @return x · factor, owned by x's manager
     */
    public static NDArray times(NDArray x, double factor) {
        try (NDArray number = x.getManager().create(factor);
                NDArray owned = number.toType(x.getDataType(), true)) {
            return x.mul(owned);
        }
    }

    /**
     * Computes the gradients of a scalar with respect to any arrays it was computed from, leaves or not.
     *
     * @param y a scalar computed inside {@link #recording}
     * @param xs the arrays; one that y does not depend on gets zeros
     * @return one array per x, of its shape, owned by y's manager
     * @throws IllegalArgumentException when y is no scalar
     */
    public static NDList grad(NDArray y, List<NDArray> xs) {
        if (y.getShape().size() != 1) {
            throw new IllegalArgumentException(
                    "gradients need a scalar, got shape " + y.getShape() + "; reduce it with sum() or mean()");
        }
        NDArray[] arguments = new NDArray[xs.size() + 1];
        arguments[0] = y;
        for (int i = 0; i < xs.size(); i++) {
            arguments[i + 1] = xs.get(i);
            xs.get(i).setName("xs[]"); // how the engine is told that these form one list
        }
        try {
            return Ops.SCRIPT.call("grad", arguments);
        } catch (EngineException e) {
            if (String.valueOf(e.getMessage()).contains("does not require grad")) {
                throw new IllegalArgumentException(
                        "the scalar was not computed from what is recorded, so it has no gradient; compute it from the"
                                + " array given, by array operations (duplicate() and toFloatArray() leave the record)",
                        e);
            }
            throw e;
        } finally {
            xs.forEach(x -> x.setName(null));
        }
    }

    /**
     * Multiplies by a matrix.
     *
     * @param x [..., in]
     * @param w [out, in]
     * @param b [out], or null
     * @return x·wᵀ + b [..., out]
     */
    public static NDArray linear(NDArray x, NDArray w, @Nullable NDArray b) {
        return x.getNDArrayInternal().linear(x, w, b).singletonOrThrow();
    }

    /** Looks rows up: ids [batch, pos] (INT64), table [rows, width] → [batch, pos, width]. */
    public static NDArray embedding(NDArray ids, NDArray table) {
        return ids.getNDArrayInternal()
                .embedding(ids, table, ai.djl.ndarray.types.SparseFormat.DENSE)
                .singletonOrThrow();
    }

    /** Normalizes the last axis to mean 0 and variance 1, then scales by w and adds b. */
    public static NDArray layerNorm(NDArray x, NDArray w, NDArray b, float eps) {
        Shape width = new Shape(x.getShape().get(x.getShape().dimension() - 1));
        return x.getNDArrayInternal().layerNorm(x, width, w, b, eps).singletonOrThrow();
    }

    /** Divides the last axis by its root mean square, then scales by w, if given; eps is a scalar array. */
    public static NDArray rmsNorm(NDArray x, @Nullable NDArray w, NDArray eps) {
        return (w == null ? Ops.SCRIPT.call("rms_norm_plain", x, eps) : Ops.SCRIPT.call("rms_norm", x, w, eps))
                .singletonOrThrow();
    }

    /**
     * Takes layer normalization apart, in one pass; outside the graph of gradients.
     *
     * @param eps a scalar array
     * @return the scale sqrt(variance + eps) [..., 1], and the normalized x·w + b
     */
    public static NDList layerNormParts(NDArray x, NDArray w, NDArray b, NDArray eps) {
        return Ops.SCRIPT.call("layer_norm_parts", x, w, b, eps);
    }

    /** Takes RMS normalization apart: the scale sqrt(mean(x²) + eps) [..., 1], and x divided by it, without a weight. */
    public static NDList rmsNormParts(NDArray x, NDArray eps) {
        return Ops.SCRIPT.call("rms_norm_parts", x, eps);
    }

    /** GELU by its tanh approximation ("gelu_new"); in place, x itself changes. */
    public static NDArray geluTanh(NDArray x, boolean inPlace) {
        return Ops.SCRIPT.call(inPlace ? "gelu_tanh_in_place" : "gelu_tanh", x).singletonOrThrow();
    }

    /** x · sigmoid(x); in place, x itself changes. */
    public static NDArray silu(NDArray x, boolean inPlace) {
        return Ops.SCRIPT.call(inPlace ? "silu_in_place" : "silu", x).singletonOrThrow();
    }

    /**
     * Rotates the two halves of a vector against each other.
     *
     * @param x [..., width]
     * @param cos [..., dims], dims at most width: what lies beyond stays as it is
     * @param signedSin the same shape, with a minus in its first half
     * @return [..., width]
     */
    public static NDArray rotate(NDArray x, NDArray cos, NDArray signedSin) {
        long width = x.getShape().get(x.getShape().dimension() - 1);
        boolean whole = cos.getShape().get(cos.getShape().dimension() - 1) == width;
        return Ops.SCRIPT
                .call(whole ? "rotate" : "rotate_first", x, cos, signedSin)
                .singletonOrThrow();
    }

    /**
     * Writes keys and values behind those that are kept.
     *
     * @param k new keys [batch, pos, kvHead, dHead]
     * @param v new values, of the same shape
     * @param keys [batch, room, kvHead, dHead], where they are written
     * @param values the same for values
     * @param at how many are kept, an integer scalar array; at + pos at most room
     * @return views of all keys and all values [batch, at + pos, kvHead, dHead]
     */
    public static NDList append(NDArray k, NDArray v, NDArray keys, NDArray values, NDArray at) {
        return Ops.SCRIPT.call("append", k, v, keys, values, at);
    }

    /**
     * Attends from one position, in one call; the scores and the pattern do not appear. Outside the graph of gradients.
     *
     * @param q queries [batch, 1, head, dHead]
     * @param k keys [batch, keyPos, kvHead, dHead]; the query heads that share one lie side by side
     * @param v values, of the same shape
     * @param mask [1, keyPos] or [batch, 1, 1, keyPos], added to the scores
     * @param scale a scalar array; products of queries and keys are multiplied by it
     * @return the values that were attended to [batch, 1, head, dHead]
     */
    public static NDArray attend(NDArray q, NDArray k, NDArray v, NDArray mask, NDArray scale) {
        return Ops.SCRIPT.call("attend", q, k, v, mask, scale).singletonOrThrow();
    }

    /** Keeps the k largest values of the last axis and makes the others zero; k is an integer scalar array. */
    public static NDArray largest(NDArray x, NDArray k) {
        return Ops.SCRIPT.call("largest", x, k).singletonOrThrow();
    }

    /** Keeps the k numbers of the last axis that are farthest from zero and makes the others zero; k is an integer scalar array. */
    public static NDArray largestInSize(NDArray x, NDArray k) {
        return Ops.SCRIPT.call("largest_in_size", x, k).singletonOrThrow();
    }

    /** Sums exp(x) over the last axis, without overflow, and takes the logarithm: [..., n] → [...]. */
    public static NDArray logSumExp(NDArray x) {
        return Ops.SCRIPT.call("log_sum_exp", x).singletonOrThrow();
    }

    /** Multiplies x [rows, in] by w [out, in], adds b [out] if any, and sums exp(result − shift) over out: shift [rows, 1] → [rows, 1]. */
    public static NDArray expSum(NDArray x, NDArray w, @Nullable NDArray b, NDArray shift) {
        return (b == null ? Ops.SCRIPT.call("exp_sum", x, w, shift) : Ops.SCRIPT.call("exp_sum_biased", x, w, shift, b))
                .singletonOrThrow();
    }

    /** Takes matrices [..., rows, columns] apart into q with orthonormal columns [..., rows, k] and a triangular r [..., k, columns], q·r. */
    public static NDList qr(NDArray x) {
        return Ops.SCRIPT.call("qr", x);
    }

    /** Takes matrices [..., rows, columns] apart into u [..., rows, k], s [..., k] from the largest down, and vh [..., k, columns]: u·diag(s)·vh. */
    public static NDList svd(NDArray x) {
        return Ops.SCRIPT.call("svd", x);
    }

    /** The eigenvalues of square matrices [..., n, n], in no order: [..., n, 2], real and imaginary part. */
    public static NDArray eigenvalues(NDArray x) {
        return Ops.SCRIPT.call("eigenvalues", x).singletonOrThrow();
    }

    /** Gives another owner a view of the same storage. */
    public static NDArray alias(NDArray array, NDManager owner) {
        NDArray view = array.reshape(array.getShape());
        view.attach(owner);
        return view;
    }
}
