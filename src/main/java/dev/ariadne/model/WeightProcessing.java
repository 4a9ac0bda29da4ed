package dev.ariadne.model;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.DataType;
import dev.ariadne.model.ModelConfig.Norm;
import dev.ariadne.model.ModelConfig.Positions;
import dev.ariadne.model.Weights.Affine;
import dev.ariadne.model.Weights.Layer;
import dev.ariadne.model.Weights.Mlp;
import dev.ariadne.tensor.Tensors;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Rewrites weights so that they are easier to read and the probabilities stay the same, as TransformerLens does when it loads a model.
 *
 * <p>The weights given stay as they are: what a step makes lives in memory of its own until it is handed on.
 */
final class WeightProcessing implements AutoCloseable {
    /** One rewriting, in the order in which TransformerLens does them. */
    enum Step {
        FOLD_LN("foldLn"),
        CENTER_WRITING_WEIGHTS("centerWritingWeights"),
        CENTER_UNEMBED("centerUnembed"),
        FOLD_VALUE_BIASES("foldValueBiases");

        private final String method;

        Step(String method) {
            this.method = method;
        }

        /** Those that TransformerLens does with a model of this kind when it loads one. */
        static List<Step> defaults(ModelConfig c) {
            return Arrays.stream(values())
                    .filter(step -> step.obstacle(c).isEmpty())
                    .filter(step -> c.positions() != Positions.SHORTFORMER || step == FOLD_VALUE_BIASES)
                    .toList();
        }

        private static @Nullable String unfoldable(ModelConfig c) {
            if (!c.norm().weighted()) {
                return "its norms have no weights (norm " + c.norm() + ")";
            }
            if (c.positions() == Positions.SHORTFORMER) {
                return "its queries and keys read positions that did not pass the norm (SHORTFORMER)";
            }
            return c.gated() && c.norm() == Norm.LAYER
                    ? "a LayerNorm's bias does not fold into a gated MLP, whose own bias comes after the product"
                    : null;
        }

        /** Why it cannot be done with a model of this kind. */
        Optional<String> obstacle(ModelConfig c) {
            return Optional.ofNullable(
                    switch (this) {
                        case FOLD_LN -> unfoldable(c);
                        case CENTER_WRITING_WEIGHTS ->
                            c.norm().centers()
                                    ? null
                                    : "what reads the stream does not subtract the mean (norm " + c.norm()
                                            + "; LAYER and LAYER_PRE do)";
                        case CENTER_UNEMBED ->
                            c.logitSoftcap() > 0
                                    ? "its logits are capped at " + c.logitSoftcap()
                                            + ", and a capped logit minus a constant is another probability"
                                    : null;
                        case FOLD_VALUE_BIASES ->
                            c.extras().sinks() || c.extras().kept() > 0
                                    ? "its patterns do not sum to 1, or its values are not all kept"
                                    : null;
                    });
        }

        @Override
        public String toString() {
            return method;
        }
    }

    private final NDManager work;
    private ModelConfig c;
    private Weights w;

    private WeightProcessing(ModelConfig config, Weights weights, Device device) {
        this.c = config;
        this.w = weights;
        this.work = Tensors.engine().newBaseManager(device);
    }

    /** Makes a new model of rewritten weights; its name says which steps were done. */
    static HookedTransformer apply(
            List<Step> steps,
            String name,
            ModelConfig config,
            Weights weights,
            ModelTokenizer tokenizer,
            Device device) {
        NDManager own = Tensors.engine().newBaseManager(device);
        try (WeightProcessing work = new WeightProcessing(config, weights, device)) {
            steps.forEach(work::apply);
            String title = name + " " + steps.stream().map(Step::toString).collect(Collectors.joining(", ", "(", ")"));
            Constants constants = Constants.of(own, work.c, weights.embed().getDataType());
            return new HookedTransformer(title, work.c, work.weights(own), constants, tokenizer, own, own::close);
        } catch (RuntimeException | Error e) {
            own.close();
            throw e;
        }
    }

    private void apply(Step step) {
        step.obstacle(c).ifPresent(why -> {
            throw new IllegalStateException(step + " does not apply to this model: " + why
                    + "; processWeights does the steps that apply, here " + Step.defaults(c));
        });
        switch (step) {
            case FOLD_LN -> foldLn();
            case CENTER_WRITING_WEIGHTS -> centerWritingWeights();
            case CENTER_UNEMBED -> centerUnembed();
            case FOLD_VALUE_BIASES -> foldValueBiases();
        }
    }

    /** The same model in another floating-point type, with its own weights. */
    static HookedTransformer convert(
            DataType type, String name, ModelConfig config, Weights weights, ModelTokenizer tokenizer, Device device) {
        NDManager copy = Tensors.engine().newBaseManager(device);
        try {
            Weights converted = weights.map(array -> {
                NDArray other = array.toType(type, true);
                other.attach(copy);
                return other;
            });
            Constants constants = Constants.of(copy, config, type);
            return new HookedTransformer(name, config, converted, constants, tokenizer, copy, copy::close);
        } catch (RuntimeException | Error e) {
            copy.close();
            throw e;
        }
    }

    /** The rewritten weights, and copies of the others, handed to their owner. */
    private Weights weights(NDManager owner) {
        return w.map(array -> {
            NDArray own = array.getManager() == work ? array : array.duplicate();
            own.attach(owner);
            return own;
        });
    }

    /** W·(x∘w + b) = (W∘w)·x + W·b; and a mean of what reads centered x is read by nobody. */
    private void foldLn() {
        List<Layer> layers = w.layers().stream()
                .map(l -> new Layer(
                        plain(l.norm()),
                        folded(l.qkv(), l.norm()),
                        l.qNorm(),
                        l.kNorm(),
                        l.out(),
                        l.postNorm(),
                        l.mlp()
                                .map(m -> new Mlp(
                                        plain(m.norm()),
                                        m.gate().map(gate -> folded(gate, m.norm())),
                                        folded(m.in(), m.norm()),
                                        m.out(),
                                        m.postNorm())),
                        l.sinks()))
                .toList();
        Affine unembed = folded(w.unembed(), w.finalNorm());
        w = new Weights(w.embed(), w.positions(), layers, plain(w.finalNorm()), unembed, w.bigrams());
        Norm norm = c.norm() == Norm.LAYER ? Norm.LAYER_PRE : Norm.RMS_PRE;
        c = c.toBuilder().norm(norm).tied(false).build();
    }

    private Affine folded(Affine reader, Optional<Affine> norm) {
        Affine n = norm.orElseThrow();
        NDArray weight = made(reader.w(), x -> {
            NDArray scaled = x.mul(n.w()); // [out, in]
            return c.norm().centers() ? scaled.sub(scaled.mean(new int[] {1}, true)) : scaled;
        });
        if (n.b().isEmpty()) {
            return new Affine(weight, reader.b());
        }
        NDArray shift = made(reader.w(), x -> sum(x.matMul(n.b().get()), reader.b())); // [out]
        return new Affine(weight, Optional.of(shift));
    }

    private Optional<Affine> plain(Optional<Affine> norm) {
        return norm.map(n -> new Affine(made(n.w(), NDArray::onesLike), n.b().map(b -> made(b, NDArray::zerosLike))));
    }

    private void centerWritingWeights() {
        List<Layer> layers = w.layers().stream()
                .map(l -> new Layer(
                        l.norm(),
                        l.qkv(),
                        l.qNorm(),
                        l.kNorm(),
                        centeredOut(l.out()),
                        l.postNorm(),
                        l.mlp().map(m -> new Mlp(m.norm(), m.gate(), m.in(), centeredOut(m.out()), m.postNorm())),
                        l.sinks()))
                .toList();
        Optional<NDArray> positions = c.positions() == Positions.LEARNED // those of shortformer never enter the stream
                ? w.positions().map(table -> centered(table, 1))
                : w.positions();
        w = new Weights(centered(w.embed(), 1), positions, layers, w.finalNorm(), w.unembed(), w.bigrams());
        c = c.toBuilder().tied(false).build();
    }

    private void centerUnembed() {
        w = new Weights(w.embed(), w.positions(), w.layers(), w.finalNorm(), centeredOut(w.unembed()), w.bigrams());
        c = c.toBuilder().tied(false).build();
    }

    /** Each column of an [out, in] matrix to mean zero, and its bias. */
    private Affine centeredOut(Affine affine) {
        return new Affine(centered(affine.w(), 0), affine.b().map(b -> centered(b, 0)));
    }

    private NDArray centered(NDArray array, int axis) {
        return made(array, x -> x.sub(x.mean(new int[] {axis}, true)));
    }

    /** A pattern's rows sum to 1, so a value's bias reaches every position whole: it is a bias of the output. */
    private void foldValueBiases() {
        List<Layer> layers = w.layers().stream()
                .map(l -> l.qkv().b().map(b -> foldedValues(l, b)).orElse(l))
                .toList();
        w = new Weights(w.embed(), w.positions(), layers, w.finalNorm(), w.unembed(), w.bigrams());
    }

    private Layer foldedValues(Layer l, NDArray biases) {
        NDIndex others = new NDIndex(":" + (long) (c.nHeads() + c.nKeyValueHeads()) * c.dHead());
        NDIndex values = new NDIndex((long) (c.nHeads() + c.nKeyValueHeads()) * c.dHead() + ":");
        NDArray out = made(l.out().w(), x -> {
            NDArray perHead = biases.get(x.getManager(), values)
                    .reshape(c.nKeyValueHeads(), 1, c.dHead())
                    .repeat(1, c.groupSize()) // [kvHead, group, dHead]
                    .reshape((long) c.nHeads() * c.dHead());
            return sum(x.matMul(perHead), l.out().b()); // [dModel]
        });
        NDArray rest = made(biases, x -> {
            NDArray zeros = x.get(values).zerosLike();
            return x.get(others).getNDArrayInternal().concat(new NDList(zeros), 0);
        });
        return new Layer(
                l.norm(),
                new Affine(l.qkv().w(), Optional.of(rest)),
                l.qNorm(),
                l.kNorm(),
                new Affine(l.out().w(), Optional.of(out)),
                l.postNorm(),
                l.mlp(),
                l.sinks());
    }

    private static NDArray sum(NDArray x, Optional<NDArray> y) {
        return y.map(x::add).orElse(x);
    }

    /** Computes in a scope that the operand is lent to, so that nothing gathers in the model's own memory. */
    private NDArray made(NDArray operand, UnaryOperator<NDArray> change) {
        try (NDManager scope = work.newSubManager()) {
            NDArray result = change.apply(Tensors.alias(operand, scope));
            result.attach(work);
            return result;
        }
    }

    /** Frees what was made and not handed on. */
    @Override
    public void close() {
        work.close();
    }
}
