package dev.ariadne.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import dev.ariadne.model.WeightNames.Storage;
import dev.ariadne.model.Weights.Affine;
import dev.ariadne.model.Weights.Layer;
import dev.ariadne.model.Weights.Mlp;
import dev.ariadne.model.weights.Checkpoint;
import dev.ariadne.tensor.Shapes;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Reads a checkpoint's arrays into the form the forward pass wants; every shape is checked against the configuration. */
final class WeightReader implements AutoCloseable {
    private static final int OUTSIDE = -1; // no block

    private final Checkpoint file;
    private final WeightNames names;
    private final ModelConfig c;
    private final NDManager owner;
    private final NDManager scratch;
    private final String prefix;

    WeightReader(Checkpoint file, WeightNames names, ModelConfig config, NDManager owner) {
        this.file = file;
        this.names = names;
        this.c = config;
        this.owner = owner;
        this.scratch = owner.newSubManager();
        String embed = names.matrix(names.embed(), OUTSIDE, false);
        this.prefix = !file.contains(embed) && file.contains("transformer." + embed) ? "transformer." : "";
    }

    Weights read() throws IOException {
        NDArray embed = keep(raw(names.matrix(names.embed(), OUTSIDE, false), c.dVocab(), c.dModel()));
        Optional<NDArray> positions = c.positions() == ModelConfig.Positions.LEARNED
                ? Optional.of(keep(raw(names.matrix(names.positions(), OUTSIDE, false), c.nCtx(), c.dModel())))
                : Optional.empty();
        List<Layer> layers = new ArrayList<>();
        for (int layer = 0; layer < c.nLayers(); layer++) {
            layers.add(layer(layer));
        }
        Affine unembed = file.contains(prefix + names.matrix(names.unembed(), OUTSIDE, false))
                ? matrix(names.unembed(), OUTSIDE, c.dVocab(), c.dModel())
                : new Affine(embed, Optional.empty()); // tied
        return new Weights(embed, positions, layers, norm(names.finalNorm(), OUTSIDE), unembed);
    }

    private Layer layer(int layer) throws IOException {
        int width = c.nHeads() * c.dHead();
        Optional<Mlp> mlp = Optional.empty();
        if (!c.attnOnly()) {
            mlp = Optional.of(new Mlp(
                    norm(names.ln2(), layer),
                    c.gated() ? Optional.of(matrix(names.gate(), layer, c.dMlp(), c.dModel())) : Optional.empty(),
                    matrix(names.in(), layer, c.dMlp(), c.dModel()),
                    matrix(names.mlpOut(), layer, c.dModel(), c.dMlp())));
        }
        return new Layer(norm(names.ln1(), layer), qkv(layer), attentionOut(layer, width), mlp);
    }

    private Affine norm(String template, int layer) throws IOException {
        NDArray w = keep(raw(names.norm(template, layer, false), c.dModel()));
        Optional<NDArray> b = c.norm() == ModelConfig.Norm.LAYER
                ? Optional.of(keep(raw(names.norm(template, layer, true), c.dModel())))
                : Optional.empty();
        return new Affine(w, b);
    }

    private Affine matrix(String template, int layer, long out, long in) throws IOException {
        boolean flipped = names.storage() == Storage.IN_OUT || names.storage() == Storage.HEADS;
        String name = names.matrix(template, layer, false);
        NDArray w = flipped && !tiedHead(template) ? raw(name, in, out).transpose() : raw(name, out, in);
        return new Affine(keep(w), bias(template, layer, out));
    }

    /** GPT-2's lm_head is a plain linear layer, [out, in], among matrices that are [in, out]. */
    private boolean tiedHead(String template) {
        return names.storage() == Storage.IN_OUT && template.equals(names.unembed());
    }

    private Optional<NDArray> bias(String template, int layer, long out) throws IOException {
        String name = names.matrix(template, layer, true);
        return file.contains(prefix + name) ? Optional.of(keep(raw(name, out))) : Optional.empty();
    }

    private Affine attentionOut(int layer, int width) throws IOException {
        if (names.storage() != Storage.HEADS) {
            return matrix(names.out(), layer, c.dModel(), width);
        }
        NDArray w = raw(names.matrix(names.out(), layer, false), c.nHeads(), c.dHead(), c.dModel());
        return new Affine(keep(w.reshape(width, c.dModel()).transpose()), bias(names.out(), layer, c.dModel()));
    }

    /** One packed matrix, as GPT-2 stores it, or three read one after the other and packed. */
    private Affine qkv(int layer) throws IOException {
        int[] heads = {c.nHeads(), c.nKeyValueHeads(), c.nKeyValueHeads()};
        if (names.qkv().size() == 1) {
            long rows = (long) (heads[0] + heads[1] + heads[2]) * c.dHead();
            return matrix(names.qkv().get(0), layer, rows, c.dModel());
        }
        NDList parts = new NDList(3);
        NDList biases = new NDList(3);
        for (int i = 0; i < 3; i++) {
            String template = names.qkv().get(i);
            String name = names.matrix(template, layer, false);
            long rows = (long) heads[i] * c.dHead();
            NDArray part;
            if (names.storage() == Storage.HEADS) {
                part = raw(name, heads[i], c.dModel(), c.dHead())
                        .transpose(0, 2, 1)
                        .reshape(rows, c.dModel());
            } else {
                part = raw(name, rows, c.dModel());
                if (names.storage() == Storage.OUT_IN_INTERLEAVED
                        && i < 2) { // pairs (2i, 2i+1) → halves (i, i + dHead/2)
                    part = part.reshape(heads[i], c.dHead() / 2, 2, c.dModel())
                            .transpose(0, 2, 1, 3)
                            .reshape(rows, c.dModel());
                }
            }
            parts.add(part);
            String bias = names.matrix(template, layer, true);
            if (file.contains(prefix + bias)) {
                NDArray b = file.read(scratch, prefix + bias);
                biases.add(b.reshape(rows)); // [head, dHead] in TransformerLens's layout
            }
        }
        NDArray w = keep(NDArrays.concat(parts, 0));
        Optional<NDArray> b = biases.size() == 3 ? Optional.of(keep(NDArrays.concat(biases, 0))) : Optional.empty();
        if (!biases.isEmpty() && biases.size() < 3) {
            throw new IllegalArgumentException(file.path() + " has a bias for only " + biases.size()
                    + " of queries, keys and values in layer " + layer + "; download it again");
        }
        parts.close();
        return new Affine(w, b);
    }

    private NDArray raw(String name, long... shape) throws IOException {
        NDArray array = file.read(scratch, prefix + name);
        if (array.getDataType() != DataType.FLOAT32) {
            array = array.toType(DataType.FLOAT32, false);
        }
        return Shapes.require(array, "'" + prefix + name + "' in " + file.path(), shape);
    }

    private NDArray keep(NDArray array) {
        array.attach(owner);
        return array;
    }

    /** Frees what was read and not kept. */
    @Override
    public void close() {
        scratch.close();
    }
}
