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
import dev.ariadne.tensor.Tensors;
import dev.ariadne.view.Progress;
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
        this.scratch = Tensors.engine().newBaseManager(owner.getDevice()); // apart: what is mapped for it goes with it
        String embed = names.matrix(names.embed(), OUTSIDE, false);
        this.prefix = !file.contains(embed) && file.contains("transformer." + embed) ? "transformer." : "";
    }

    Weights read() throws IOException {
        NDArray embed = kept(names.matrix(names.embed(), OUTSIDE, false), c.dVocab(), c.dModel());
        Optional<NDArray> positions = c.positions() == ModelConfig.Positions.LEARNED
                ? Optional.of(kept(names.matrix(names.positions(), OUTSIDE, false), c.nCtx(), c.dModel()))
                : Optional.empty();
        List<Layer> layers = new ArrayList<>();
        try (Progress progress = Progress.of("loading " + file.path().getFileName(), c.nLayers())) {
            for (int layer = 0; layer < c.nLayers(); layer++) {
                layers.add(layer(layer));
                progress.step();
            }
        }
        Affine unembed = c.tied()
                ? new Affine(embed, Optional.empty())
                : matrix(names.unembed(), OUTSIDE, c.dVocab(), c.dModel());
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
        NDArray w = kept(names.norm(template, layer, false), c.dModel());
        Optional<NDArray> b = c.norm() == ModelConfig.Norm.LAYER
                ? Optional.of(kept(names.norm(template, layer, true), c.dModel()))
                : Optional.empty();
        return new Affine(w, b);
    }

    private Affine matrix(String template, int layer, long out, long in) throws IOException {
        boolean flipped = names.storage() == Storage.IN_OUT || names.storage() == Storage.HEADS;
        String name = names.matrix(template, layer, false);
        NDArray w = flipped && !tiedHead(template)
                ? converted(scope -> raw(scope, name, in, out).transpose())
                : kept(name, out, in);
        return new Affine(w, bias(template, layer, out));
    }

    /** GPT-2's lm_head is a plain linear layer, [out, in], among matrices that are [in, out]. */
    private boolean tiedHead(String template) {
        return names.storage() == Storage.IN_OUT && template.equals(names.unembed());
    }

    private Optional<NDArray> bias(String template, int layer, long out) throws IOException {
        String name = names.matrix(template, layer, true);
        boolean needed = biased() && !tiedHead(template);
        return needed || file.contains(full(name)) ? Optional.of(kept(name, out)) : Optional.empty();
    }

    /** GPT-2 and TransformerLens have a bias everywhere: one that is missing is an error, not a zero. */
    private boolean biased() {
        return names.storage() == Storage.IN_OUT || names.storage() == Storage.HEADS;
    }

    /** The name in the file: some stand outside the prefix that others have. */
    private String full(String name) {
        return file.contains(prefix + name) || !file.contains(name) ? prefix + name : name;
    }

    private Affine attentionOut(int layer, int width) throws IOException {
        if (names.storage() != Storage.HEADS) {
            return matrix(names.out(), layer, c.dModel(), width);
        }
        String name = names.matrix(names.out(), layer, false);
        NDArray w = converted(scope -> raw(scope, name, c.nHeads(), c.dHead(), c.dModel())
                .reshape(width, c.dModel())
                .transpose());
        return new Affine(w, bias(names.out(), layer, c.dModel()));
    }

    /** One packed matrix, as GPT-2 stores it, or three read one after the other and packed. */
    private Affine qkv(int layer) throws IOException {
        int[] heads = {c.nHeads(), c.nKeyValueHeads(), c.nKeyValueHeads()};
        if (names.qkv().size() == 1) {
            long rows = (long) (heads[0] + heads[1] + heads[2]) * c.dHead();
            return matrix(names.qkv().get(0), layer, rows, c.dModel());
        }
        List<String> biases = names.qkv().stream()
                .map(template -> names.matrix(template, layer, true))
                .filter(name -> biased() || file.contains(full(name)))
                .toList();
        if (!biases.isEmpty() && biases.size() < 3) {
            throw new IllegalArgumentException(file.path() + " has a bias for only " + biases.size()
                    + " of queries, keys and values in layer " + layer + "; download it again");
        }
        NDArray w = converted(scope -> {
            NDList parts = new NDList(3);
            for (int i = 0; i < 3; i++) {
                parts.add(part(scope, names.matrix(names.qkv().get(i), layer, false), heads[i], i < 2));
            }
            return NDArrays.concat(parts, 0);
        });
        Optional<NDArray> b = biases.isEmpty()
                ? Optional.empty()
                : Optional.of(converted(scope -> {
                    NDList parts = new NDList(3);
                    for (int i = 0; i < 3; i++) {
                        NDArray bias = read(scope, biases.get(i)); // [head·dHead], or [head, dHead]
                        parts.add(bias.reshape((long) heads[i] * c.dHead()));
                    }
                    return NDArrays.concat(parts, 0);
                }));
        return new Affine(w, b);
    }

    /** Queries, keys or values of all heads: [head·dHead, dModel]. */
    private NDArray part(NDManager scope, String name, int heads, boolean rotated) throws IOException {
        long rows = (long) heads * c.dHead();
        if (names.storage() == Storage.HEADS) {
            return raw(scope, name, heads, c.dModel(), c.dHead())
                    .transpose(0, 2, 1)
                    .reshape(rows, c.dModel());
        }
        NDArray part = raw(scope, name, rows, c.dModel());
        if (names.storage() != Storage.OUT_IN_INTERLEAVED || !rotated) {
            return part;
        }
        return part.reshape(heads, c.dHead() / 2, 2, c.dModel()) // pairs (2i, 2i+1) → halves (i, i + dHead/2)
                .transpose(0, 2, 1, 3)
                .reshape(rows, c.dModel());
    }

    /** Makes an array from what is read into a scope that is freed at once: only the result stays, in row-major order. */
    private NDArray converted(Conversion conversion) throws IOException {
        try (NDManager scope = scratch.newSubManager()) {
            NDArray result = conversion.of(scope);
            // a transposed view multiplies a fifth slower than rows in order; mul, not only reshape: what is mapped
            // goes
            NDArray copy = result.reshape(result.size()).mul(1).reshape(result.getShape());
            copy.attach(owner);
            return copy;
        }
    }

    private interface Conversion {
        NDArray of(NDManager scope) throws IOException;
    }

    private NDArray kept(String name, long... shape) throws IOException {
        return raw(owner, name, shape);
    }

    private NDArray raw(NDManager manager, String name, long... shape) throws IOException {
        return Shapes.require(read(manager, name), "'" + full(name) + "' in " + file.path(), shape);
    }

    private NDArray read(NDManager manager, String name) throws IOException {
        NDArray array = file.read(manager, full(name));
        if (array.getDataType() == DataType.FLOAT32) {
            return array;
        }
        try (array) {
            return array.toType(DataType.FLOAT32, true);
        }
    }

    /** Frees what was read and not kept. */
    @Override
    public void close() {
        scratch.close();
    }
}
