package dev.ariadne.transcoder;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.ariadne.model.Hook;
import dev.ariadne.model.HookName;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.tensor.Tensors;
import dev.ariadne.view.Displayable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.LongStream;

/**
 * Transcoders for all layers of a model: each layer has features that are read off one activation, and write to that layer's MLP output
 * ({@link TranscoderSet}) or to those of all layers from there on ({@link CrossLayerTranscoder}).
 *
 * <p>An MLP's output is approximated by Σ activation · decoder row, over the features that write to it, plus a bias, plus the skip if there is
 * one. Layers and features count from 0. Arrays that a method hands out as the transcoders' own must not be changed or closed.
 */
public sealed interface Transcoders extends Displayable, AutoCloseable permits TranscoderSet, CrossLayerTranscoder {
    /**
     * Opens a folder, in the layout that its {@code config.yaml} names.
     *
     * @throws IOException naming the file and what is wrong with it
     */
    static Transcoders load(Path folder) throws IOException {
        return TranscoderConfig.isCrossLayer(folder.resolve(TranscoderSet.CONFIG))
                ? CrossLayerTranscoder.load(folder)
                : TranscoderSet.load(folder);
    }

    /**
     * Opens a folder, or transcoders on the hub, from its cache or by a download that can be resumed.
     *
     * @param name a folder; "org/name", "org/name/folder" or "org/name@revision"; or "gemma" or "llama", as circuit-tracer has them
     * @throws IOException naming the file and what is wrong with it, or why it cannot be fetched
     */
    static Transcoders load(String name) throws IOException {
        Path folder = Path.of(name.startsWith("hf://") ? "" : name);
        return !name.startsWith("hf://") && Files.isDirectory(folder) ? load(folder) : HubTranscoders.load(name);
    }

    /** How many layers there are. */
    int size();

    /** The width of what is read and written. */
    int dModel();

    /** How many features a layer has. */
    int features(int layer);

    /** What stands between a layer's encoder and its decoder. */
    Activation activation(int layer);

    /** The model whose MLPs the transcoders stand for. */
    String modelName();

    /** What each layer reads, without the block: "mlp.hook_in", "hook_resid_mid". */
    String inputHook();

    /** What each layer stands for, without the block: "mlp.hook_out", "hook_mlp_out". */
    String outputHook();

    /** The last layer whose MLP output a layer's features write to; the first is the layer itself. */
    int lastWritten(int layer);

    /** The hook point that a layer's features are read from. */
    default HookName input(int layer) {
        return HookName.of("blocks." + requireLayer(layer) + "." + inputHook());
    }

    /** The hook point that a layer's reconstruction stands for. */
    default HookName output(int layer) {
        return HookName.of("blocks." + requireLayer(layer) + "." + outputHook());
    }

    /** A layer's encoder before its activation function: x [..., dModel] → [..., feature], of x's type and manager. */
    NDArray preactivations(int layer, NDArray x);

    /** A layer's activation function: [..., feature] → [..., feature]. */
    NDArray activate(int layer, NDArray preactivations);

    /** A layer's features: x [..., dModel] → [..., feature]. */
    default NDArray encode(int layer, NDArray x) {
        return activate(layer, preactivations(layer, x));
    }

    /**
     * Some of a layer's features; only what these need is read of the encoder.
     *
     * @param x [..., dModel]
     * @param chosen the features, at least one
     * @return [..., chosen], of x's type and manager
     */
    NDArray encode(int layer, NDArray x, long[] chosen);

    /**
     * What some features of a layer read.
     *
     * @param features at least one
     * @param owner owns the result
     * @return [chosen, dModel], FLOAT32
     */
    NDArray encoderRows(int layer, long[] features, NDManager owner);

    /** What is added to a layer's pre-activations [feature], FLOAT32; the transcoders' own. */
    NDArray encoderBias(int layer);

    /**
     * What some features of a layer write into the MLP output of one layer, per unit of activation.
     *
     * @param features at least one
     * @param target from the layer to {@link #lastWritten}
     * @param owner owns the result
     * @return [chosen, dModel], FLOAT32
     */
    NDArray decoderRows(int layer, long[] features, int target, NDManager owner);

    /** What is written into a layer's MLP output whatever is active [dModel], FLOAT32; the transcoders' own. */
    NDArray decoderBias(int layer);

    /** What a layer adds to its MLP output by a matrix [dModel, dModel], as x·wᵀ, FLOAT32; the transcoders' own. */
    Optional<NDArray> skip(int layer);

    /**
     * What a layer's features write into the MLP output of one layer, besides bias and skip; only rows of active ones are looked at.
     *
     * @param features of the layer [..., feature]
     * @param target from the layer to {@link #lastWritten}
     * @return [..., dModel], of the features' type and manager
     */
    default NDArray written(int layer, NDArray features, int target) {
        NDManager owner = features.getManager();
        NDArray flat = features.reshape(-1, features(layer)); // [row, feature]
        float[] sizes =
                flat.abs().sum(new int[] {0}).toType(DataType.FLOAT32, false).toFloatArray();
        long[] active = LongStream.range(0, sizes.length)
                .filter(i -> sizes[(int) i] != 0)
                .toArray();
        long[] shape = features.getShape().getShape().clone();
        shape[shape.length - 1] = dModel();
        if (active.length == 0) {
            return owner.zeros(new Shape(shape), features.getDataType());
        }
        NDArray some = Tensors.embedding(owner.create(active), flat.transpose()); // [active, row]
        NDArray rows = decoderRows(layer, active, target, owner).toType(features.getDataType(), false);
        return some.transpose().matMul(rows).reshape(new Shape(shape));
    }

    /**
     * A layer's MLP output as the transcoders see it.
     *
     * @param target the layer
     * @param inputs what each layer up to it reads [..., dModel], by layer
     * @return [..., dModel], of the type and manager of what the layer reads
     */
    default NDArray reconstruct(int target, List<NDArray> inputs) {
        NDArray x = inputs.get(target);
        NDArray sum = x.zerosLike().add(Encoder.like(decoderBias(target), x));
        for (int layer = 0; layer <= target; layer++) {
            if (lastWritten(layer) >= target) {
                sum = sum.add(written(layer, encode(layer, inputs.get(layer)), target));
            }
        }
        Optional<NDArray> skip = skip(target);
        return skip.isEmpty() ? sum : sum.add(Tensors.linear(x, Encoder.like(skip.get(), x), null));
    }

    /**
     * How good the transcoders are on texts.
     *
     * @param model whose MLPs they stand for
     * @param texts token ids, each text beginning with the model's first token, whose activations do not count
     * @throws IllegalArgumentException when there are no texts of two tokens or more, or the transcoders are for another model
     */
    default TranscoderStats stats(HookedTransformer model, List<long[]> texts) {
        return TranscoderStats.of(model, this, texts);
    }

    /**
     * Hooks that put reconstructions in the place of MLP outputs, for one run.
     *
     * @param chosen the layers; none is all
     */
    Hook[] hooks(int... chosen);

    /**
     * Requires a model of as many layers and the same width, with these hook points.
     *
     * @throws IllegalArgumentException when it is another
     */
    default Transcoders requireFits(HookedTransformer model) {
        if (model.config().nLayers() != size() || model.config().dModel() != dModel()) {
            throw new IllegalArgumentException("these transcoders are for " + modelName() + ", of " + size()
                    + " layers and width " + dModel() + "; model '" + model.name() + "' has "
                    + model.config().nLayers() + " layers and width "
                    + model.config().dModel());
        }
        for (HookName point : List.of(input(0), output(0))) {
            if (!model.hookNames().contains(point)) {
                throw new IllegalArgumentException("model '" + model.name() + "' has no hook point " + point
                        + ", which these transcoders for " + modelName() + " need; use those trained for it");
            }
        }
        return this;
    }

    /** The layer itself. */
    private int requireLayer(int layer) {
        if (layer < 0 || layer >= size()) {
            throw new IllegalArgumentException(
                    "layer must be from 0 to " + (size() - 1) + ", got " + layer + "; there are " + size());
        }
        return layer;
    }

    /** Frees the weights and closes their files. */
    @Override
    void close();
}
