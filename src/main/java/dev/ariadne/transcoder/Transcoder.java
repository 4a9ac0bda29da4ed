package dev.ariadne.transcoder;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.model.ModelConfig;
import dev.ariadne.model.ModelWeights;
import dev.ariadne.model.Weight;
import dev.ariadne.tensor.Shapes;
import dev.ariadne.tensor.Tensors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Stands for one MLP: features = f(x·W_encᵀ + b_enc), output = features·W_dec + b_dec (+ x·W_skipᵀ). x is not centered by b_dec.
 *
 * <p>Its weights never change and are FLOAT32; it computes in the type of what it is given. Results of its functions belong to the manager of
 * their argument.
 */
public final class Transcoder implements AutoCloseable {
    /** The names of the arrays in a file. */
    static final String W_ENC = "W_enc";

    static final String B_ENC = "b_enc";
    static final String W_DEC = "W_dec";
    static final String B_DEC = "b_dec";
    static final String THRESHOLD = "activation_function.threshold";
    static final String W_SKIP = "W_skip";

    private final NDManager manager;
    private final Encoder encoder;
    private final NDArray decoder;
    private final NDArray decoderBias;
    private final @Nullable NDArray skip;

    /** Takes over the arrays and the manager that owns them. */
    Transcoder(NDManager manager, Activation activation, Map<String, NDArray> arrays) {
        this.manager = manager;
        if (required(arrays, W_ENC).getShape().dimension() != 2) {
            throw new IllegalArgumentException("W_enc must be [features, dModel], got "
                    + required(arrays, W_ENC).getShape());
        }
        this.encoder = Encoder.of(
                manager,
                activation,
                Matrix.of(required(arrays, W_ENC)),
                required(arrays, B_ENC),
                arrays.get(THRESHOLD));
        this.decoder = required(arrays, W_DEC);
        this.decoderBias = required(arrays, B_DEC);
        this.skip = arrays.get(W_SKIP);
        Map<String, long[]> shapes = new LinkedHashMap<>();
        arrays.forEach((name, array) -> {
            shapes.put(name, array.getShape().getShape());
            if (array.getDataType() != DataType.FLOAT32) {
                throw new IllegalArgumentException(name + " must be FLOAT32, got " + array.getDataType());
            }
        });
        check(activation, shapes);
    }

    static NDArray required(Map<String, NDArray> arrays, String name) {
        NDArray array = arrays.get(name);
        if (array == null) {
            throw new IllegalArgumentException("a transcoder needs " + String.join(", ", W_ENC, B_ENC, W_DEC, B_DEC)
                    + "; there is no " + name + " among " + arrays.keySet());
        }
        return array;
    }

    /** Requires sizes that fit each other, before anything is read or allocated. */
    static void check(Activation activation, Map<String, long[]> shapes) {
        long[] none = {};
        long[] encoder = shapes.getOrDefault(W_ENC, none);
        if (encoder.length != 2 || encoder[0] < 1 || encoder[1] < 1) {
            throw new IllegalArgumentException("W_enc must be [features, dModel], both at least 1, got "
                    + new Shape(encoder) + "; a transcoder has at least one feature");
        }
        long features = encoder[0];
        long dModel = encoder[1];
        Map<String, Shape> expected = new LinkedHashMap<>();
        expected.put(B_ENC, new Shape(features));
        expected.put(W_DEC, new Shape(features, dModel));
        expected.put(B_DEC, new Shape(dModel));
        expected.put(W_SKIP, new Shape(dModel, dModel));
        expected.forEach((name, shape) -> {
            long[] found = shapes.get(name);
            if (found == null ? !name.equals(W_SKIP) : !new Shape(found).equals(shape)) {
                throw new IllegalArgumentException(name + " must have shape " + shape + " where W_enc has "
                        + new Shape(encoder) + ", got " + (found == null ? "none" : new Shape(found)));
            }
        });
        long[] theta = shapes.get(THRESHOLD);
        boolean each = theta != null && theta.length == 1 && (theta[0] == features || theta[0] == 1);
        if (theta != null && theta.length > 0 && !each) {
            throw new IllegalArgumentException(THRESHOLD + " must be one number or one for each of " + features
                    + " features, got shape " + new Shape(theta));
        }
        if ((theta != null) != (activation.kind() == Activation.Kind.JUMP_RELU)) {
            throw new IllegalArgumentException("JumpReLU has a threshold and the others have none; got " + activation
                    + " and " + (theta == null ? "no threshold" : "a threshold"));
        }
        if (activation.k() > features) {
            throw new IllegalArgumentException("k must be at most the number of features, got k " + activation.k()
                    + " of " + features + " features");
        }
    }

    /**
     * A transcoder of copies of arrays.
     *
     * @param activation what stands between encoder and decoder; JUMP_RELU wants a threshold
     * @param arrays by their names in a file: W_enc [features, dModel], b_enc [features], W_dec [features, dModel], b_dec [dModel], and
     *     maybe activation_function.threshold [] or [features], W_skip [dModel, dModel]
     * @throws IllegalArgumentException when one is missing or the sizes do not fit each other
     */
    public static Transcoder of(Activation activation, Map<String, NDArray> arrays) {
        NDArray first = required(arrays, W_ENC);
        NDManager owner = Tensors.engine().newBaseManager(first.getDevice());
        try {
            Map<String, NDArray> own = Tensors.recording(false, () -> {
                Map<String, NDArray> copies = new LinkedHashMap<>();
                arrays.forEach((name, array) -> {
                    NDArray copy = array.duplicate();
                    copy.attach(owner);
                    copies.put(name, copy);
                });
                return copies;
            });
            return new Transcoder(owner, activation, own);
        } catch (RuntimeException | Error e) {
            owner.close();
            throw e;
        }
    }

    /**
     * An MLP's own neurons as features, read off its weights.
     *
     * <p>Exact where the MLP is one layer of ReLU. Where it keeps its k largest activations only, ReLU is exact for what makes at most k neurons
     * positive, and top k for what makes at least k positive.
     *
     * @param model whose MLP it stands for
     * @param layer from 0
     * @param activation RELU or a top k
     * @throws IllegalArgumentException when the MLP is gated or has another activation function than ReLU
     */
    public static Transcoder ofNeurons(HookedTransformer model, int layer, Activation activation) {
        ModelConfig config = model.config();
        if (config.attnOnly() || config.gated() || config.activation() != ModelConfig.Activation.RELU) {
            throw new IllegalArgumentException("the neurons of '" + model.name() + "' are no features of a transcoder:"
                    + " its MLPs must be ungated and use ReLU; train a transcoder instead");
        }
        String mlp = "blocks." + layer + ".mlp.";
        ModelWeights weights = model.weights();
        try (Weight in = weights.get(mlp + "W_in");
                Weight inBias = weights.get(mlp + "b_in");
                Weight out = weights.get(mlp + "W_out");
                Weight outBias = weights.get(mlp + "b_out");
                NDManager scope = model.newOwner()) {
            Map<String, NDArray> arrays = new LinkedHashMap<>();
            NDArray transposed = Tensors.alias(in.array(), scope).transpose(); // [dMlp, dModel]
            arrays.put(W_ENC, transposed.reshape(-1).reshape(config.dMlp(), config.dModel())); // row by row
            arrays.put(B_ENC, inBias.array());
            arrays.put(W_DEC, out.array());
            arrays.put(B_DEC, outBias.array());
            return of(activation, arrays);
        }
    }

    /**
     * A transcoder of some of its features, to be closed by the caller.
     *
     * @param kept the numbers of the features that stay, in the order they get; at least one
     */
    public Transcoder select(int... kept) {
        try (NDManager scope = manager.newSubManager()) {
            NDArray rows = scope.create(Arrays.stream(kept).mapToLong(i -> i).toArray());
            Map<String, NDArray> arrays = new LinkedHashMap<>(stored());
            for (String name : List.of(W_ENC, B_ENC, W_DEC, THRESHOLD)) {
                NDArray all = arrays.get(name);
                if (all != null
                        && all.getShape().dimension() > 0
                        && all.getShape().get(0) == features()) {
                    arrays.put(name, Tensors.alias(all, scope).get(rows));
                }
            }
            return of(activation(), arrays);
        }
    }

    /** How many features it has. */
    public int features() {
        return encoder.features();
    }

    /** The width of what it reads and writes. */
    public int dModel() {
        return encoder.dModel();
    }

    /** What stands between encoder and decoder. */
    public Activation activation() {
        return encoder.activation();
    }

    /** W_enc [features, dModel]; the transcoder's own. */
    public NDArray encoder() {
        return encoder.w().held();
    }

    /** b_enc [features]; the transcoder's own. */
    public NDArray encoderBias() {
        return encoder.b();
    }

    /** W_dec [features, dModel]; the transcoder's own. */
    public NDArray decoder() {
        return decoder;
    }

    /** b_dec [dModel]; the transcoder's own. */
    public NDArray decoderBias() {
        return decoderBias;
    }

    /** What a pre-activation must exceed: [] or [features]; the transcoder's own. */
    public Optional<NDArray> threshold() {
        return Optional.ofNullable(encoder.threshold());
    }

    /** W_skip [dModel, dModel], applied as x·W_skipᵀ; the transcoder's own. */
    public Optional<NDArray> skip() {
        return Optional.ofNullable(skip);
    }

    /** The encoder before its activation function: x [..., dModel] → [..., features]. */
    public NDArray preactivations(NDArray x) {
        return encoder.preactivations(x);
    }

    /** The features of x [..., dModel] → [..., features]. */
    public NDArray encode(NDArray x) {
        return activate(preactivations(x));
    }

    /** The features of pre-activations [..., features]. */
    public NDArray activate(NDArray pre) {
        return encoder.activate(pre);
    }

    /** What features add up to, without a skip: [..., features] → [..., dModel]. */
    public NDArray decode(NDArray features) {
        return features.matMul(Encoder.like(decoder, features)).add(Encoder.like(decoderBias, features));
    }

    /** The MLP's output as the transcoder sees it: x [..., dModel] → [..., dModel]. */
    public NDArray reconstruct(NDArray x) {
        NDArray out = decode(encode(x));
        return skip == null ? out : out.add(Tensors.linear(x, Encoder.like(skip, x), null));
    }

    /**
     * A feature that is active.
     *
     * @param row of the input, from 0
     * @param feature its number, from 0
     * @param value its activation, not 0
     */
    public record Active(int row, int feature, float value) {}

    /**
     * The features that are not 0, by row and then by number.
     *
     * @param x [row, dModel]
     */
    public List<Active> active(NDArray x) {
        Shapes.require(x, "what a transcoder reads", -1, dModel());
        try (NDManager scope = manager.newSubManager()) {
            float[] all = encode(Tensors.alias(x, scope)).toFloatArray(); // [row, feature]
            List<Active> active = new ArrayList<>();
            int width = features();
            for (int at = 0; at < all.length; at++) {
                if (all[at] != 0) {
                    active.add(new Active(at / width, at % width, all[at]));
                }
            }
            return active;
        }
    }

    /** What turns an input into features. */
    Encoder parts() {
        return encoder;
    }

    /** The arrays by their names in a file. */
    Map<String, NDArray> stored() {
        Map<String, NDArray> arrays = new LinkedHashMap<>();
        arrays.put(W_ENC, encoder.w().held());
        arrays.put(B_ENC, encoder.b());
        arrays.put(W_DEC, decoder);
        arrays.put(B_DEC, decoderBias);
        threshold().ifPresent(theta -> arrays.put(THRESHOLD, theta));
        skip().ifPresent(w -> arrays.put(W_SKIP, w));
        return arrays;
    }

    @Override
    public String toString() {
        return features() + " features of width " + dModel() + ", " + activation()
                + (skip == null ? "" : ", with a skip");
    }

    /** Frees the weights. */
    @Override
    public void close() {
        manager.close();
    }
}
