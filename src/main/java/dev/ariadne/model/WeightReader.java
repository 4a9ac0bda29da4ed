package dev.ariadne.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.ariadne.model.WeightNames.Part;
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

    /** What some files put before every name. */
    private static final List<String> PREFIXES = List.of("", "transformer.", "language_model.");

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
        String embed = names.names(Part.EMBED, OUTSIDE, false).get(0);
        this.prefix = PREFIXES.stream()
                .filter(p -> file.contains(p + embed))
                .findFirst()
                .orElse("");
    }

    Weights read() throws IOException {
        refuseContradictions();
        NDArray embed = kept(name(Part.EMBED, OUTSIDE), c.dVocab(), c.dModel());
        Optional<NDArray> positions = c.positions().learned()
                ? Optional.of(kept(name(Part.POSITIONS, OUTSIDE), c.nCtx(), c.dModel()))
                : Optional.empty();
        List<Layer> layers = new ArrayList<>();
        try (Progress progress = Progress.of("loading " + file.path().getFileName(), c.nLayers())) {
            for (int layer = 0; layer < c.nLayers(); layer++) {
                layers.add(layer(layer));
                progress.step();
            }
        }
        Optional<NDArray> bigrams = c.extras().bigrams()
                ? Optional.of(kept(name(Part.BIGRAMS, OUTSIDE), c.dVocab(), c.dVocabOut()))
                : Optional.empty();
        return new Weights(embed, positions, layers, norm(Part.FINAL_NORM, OUTSIDE), unembed(embed), bigrams);
    }

    private Affine unembed(NDArray embed) throws IOException {
        if (c.tied()) {
            return new Affine(embed, Optional.empty());
        }
        String name = full(name(Part.UNEMBED, OUTSIDE));
        if (!file.contains(name)) {
            throw new IllegalArgumentException(file.path() + " has no '" + name + "', and by its configuration the"
                    + " unembedding is not tied to the embedding; download the file again, or set tie_word_embeddings to"
                    + " true in config.json if the two are one");
        }
        return matrix(Part.UNEMBED, OUTSIDE, c.dVocabOut(), c.dModel());
    }

    /** A file that says more than its configuration is not that configuration's file: nothing of it may be silently left out. */
    private void refuseContradictions() {
        if (c.family().equals("transformer_lens")) {
            return; // processed models keep what they no longer use
        }
        refuse(!c.qkNorms(), Part.Q_NORM, "qkNorms is off");
        refuse(!c.gated(), Part.GATE, "the MLP is not gated");
        String beyond = names.names(Part.LN1, c.nLayers(), false).get(0);
        if (file.contains(prefix + beyond)) {
            throw new IllegalArgumentException(file.path() + " has '" + prefix + beyond
                    + "', a block more than the configuration's " + c.nLayers() + "; are the two of one model?");
        }
    }

    private void refuse(boolean absent, Part part, String setting) {
        for (String name : absent ? names.names(part, 0, false) : List.<String>of()) {
            if (file.contains(prefix + name)) {
                throw new IllegalArgumentException(file.path() + " has '" + prefix + name
                        + "', but by its configuration " + setting + "; are the two of one model?");
            }
        }
    }

    private Layer layer(int layer) throws IOException {
        Optional<Mlp> mlp = Optional.empty();
        if (!c.attnOnly()) {
            mlp = Optional.of(new Mlp(
                    norm(Part.LN2, layer),
                    c.gated() ? Optional.of(matrix(Part.GATE, layer, c.dMlp(), c.dModel())) : Optional.empty(),
                    matrix(Part.IN, layer, c.dMlp(), c.dModel()),
                    matrix(Part.MLP_OUT, layer, c.dModel(), c.dMlp()),
                    c.postNorms() ? learned(Part.LN2_POST, layer, c.dModel()) : Optional.empty()));
        }
        return new Layer(
                norm(Part.LN1, layer),
                qkv(layer),
                c.qkNorms() ? learned(Part.Q_NORM, layer, c.dHead()) : Optional.empty(),
                c.qkNorms() ? learned(Part.K_NORM, layer, c.dHead()) : Optional.empty(),
                attentionOut(layer, c.nHeads() * c.dHead()),
                c.postNorms() ? learned(Part.LN1_POST, layer, c.dModel()) : Optional.empty(),
                mlp,
                c.extras().sinks() ? Optional.of(kept(name(Part.SINKS, layer), c.nHeads())) : Optional.empty());
    }

    /** A norm that may be folded into what comes behind it, or be absent. */
    private Optional<Affine> norm(Part part, int layer) throws IOException {
        return switch (c.norm()) {
            case LAYER, RMS -> learned(part, layer, c.dModel());
            case LAYER_PRE -> Optional.of(new Affine(ones(), Optional.of(ones().muli(0))));
            case RMS_PRE -> Optional.of(new Affine(ones(), Optional.empty()));
            case NONE -> Optional.empty();
        };
    }

    private NDArray ones() {
        return owner.ones(new Shape(c.dModel()), DataType.FLOAT32);
    }

    private Optional<Affine> learned(Part part, int layer, long width) throws IOException {
        String name = name(part, layer);
        NDArray w = names.normOffset() == 0
                ? kept(name, width)
                : converted(scope -> raw(scope, name, width).add(names.normOffset()));
        Optional<NDArray> b = c.norm().centers() ? Optional.of(kept(bias(part, layer), width)) : Optional.empty();
        return Optional.of(new Affine(w, b));
    }

    private Affine matrix(Part part, int layer, long out, long in) throws IOException {
        boolean flipped = names.storage() == Storage.IN_OUT || names.storage() == Storage.HEADS;
        String name = name(part, layer);
        NDArray w = flipped && !plainHead(part)
                ? converted(scope -> raw(scope, name, in, out).transpose())
                : kept(name, out, in);
        return new Affine(w, bias(part, layer, out));
    }

    /** GPT-2's lm_head is a plain linear layer, [out, in], among matrices that are [in, out]. */
    private boolean plainHead(Part part) {
        return names.storage() == Storage.IN_OUT && part == Part.UNEMBED;
    }

    private Optional<NDArray> bias(Part part, int layer, long out) throws IOException {
        String name = bias(part, layer);
        return (biased() && part != Part.UNEMBED) || file.contains(full(name))
                ? Optional.of(kept(name, out))
                : Optional.empty();
    }

    /** Some layouts have a bias everywhere: one that is missing is an error, not a zero. */
    private boolean biased() {
        return switch (names.storage()) {
            case IN_OUT, OUT_IN_BY_HEAD -> true;
            case HEADS -> !c.gated();
            case OUT_IN, OUT_IN_INTERLEAVED -> false;
        };
    }

    private String name(Part part, int layer) {
        return first(names.names(part, layer, false));
    }

    private String bias(Part part, int layer) {
        return first(names.names(part, layer, true));
    }

    /** Of the names that a part may have, the one the file has; the usual one when it has none, for the message. */
    private String first(List<String> possible) {
        return possible.stream()
                .filter(name -> file.contains(full(name)))
                .findFirst()
                .orElse(possible.get(0));
    }

    /** The name in the file: some stand outside the prefix that others have. */
    private String full(String name) {
        return file.contains(prefix + name) || !file.contains(name) ? prefix + name : name;
    }

    private Affine attentionOut(int layer, int width) throws IOException {
        if (names.storage() != Storage.HEADS) {
            return matrix(Part.OUT, layer, c.dModel(), width);
        }
        String name = name(Part.OUT, layer);
        NDArray w = converted(scope -> raw(scope, name, c.nHeads(), c.dHead(), c.dModel())
                .reshape(width, c.dModel())
                .transpose());
        return new Affine(w, bias(Part.OUT, layer, c.dModel()));
    }

    /** One packed matrix, as GPT-2 stores it, or three read one after the other and packed. */
    private Affine qkv(int layer) throws IOException {
        long rows = (c.nHeads() + 2L * c.nKeyValueHeads()) * c.dHead();
        if (names.storage() == Storage.OUT_IN_BY_HEAD) {
            String w = name(Part.QKV, layer);
            String b = bias(Part.QKV, layer);
            return new Affine(
                    converted(scope -> byKind(raw(scope, w, rows, c.dModel()))),
                    Optional.of(converted(scope -> byKind(raw(scope, b, rows)))));
        }
        if (!names.names(Part.QKV, layer, false).isEmpty()) {
            return matrix(Part.QKV, layer, rows, c.dModel());
        }
        int[] heads = {c.nHeads(), c.nKeyValueHeads(), c.nKeyValueHeads()};
        List<Part> parts = List.of(Part.Q, Part.K, Part.V);
        List<String> biases = parts.stream()
                .map(part -> bias(part, layer))
                .filter(name -> biased() || file.contains(full(name)))
                .toList();
        if (!biases.isEmpty() && biases.size() < 3) {
            throw new IllegalArgumentException(file.path() + " has a bias for only " + biases.size()
                    + " of queries, keys and values in layer " + layer + "; download it again");
        }
        NDArray w = converted(scope -> {
            NDList matrices = new NDList(3);
            for (int i = 0; i < 3; i++) {
                matrices.add(part(scope, name(parts.get(i), layer), heads[i], i < 2));
            }
            return NDArrays.concat(matrices, 0);
        });
        Optional<NDArray> b = biases.isEmpty()
                ? Optional.empty()
                : Optional.of(converted(scope -> {
                    NDList vectors = new NDList(3);
                    for (int i = 0; i < 3; i++) {
                        vectors.add(vector(scope, biases.get(i), heads[i], i < 2));
                    }
                    return NDArrays.concat(vectors, 0);
                }));
        return new Affine(w, b);
    }

    /** From [head, 3, dHead] rows to [3, head, dHead] rows. */
    private NDArray byKind(NDArray rows) {
        long width = rows.size() / (3L * c.nHeads() * c.dHead());
        return rows.reshape(c.nHeads(), 3, c.dHead(), width)
                .transpose(1, 0, 2, 3)
                .reshape(rows.getShape());
    }

    /** A bias of all heads, [head·dHead] or [head, dHead] in the file. */
    private NDArray vector(NDManager scope, String name, int heads, boolean rotated) throws IOException {
        NDArray bias = read(scope, name);
        long rows = (long) heads * c.dHead();
        if (bias.size() != rows) {
            throw new IllegalArgumentException("'" + full(name) + "' in " + file.path() + " must have " + rows
                    + " values, got " + bias.getShape() + "; are file and configuration of one model?");
        }
        return rotated ? halves(bias.reshape(rows, 1), heads, 1).reshape(rows) : bias.reshape(rows);
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
        return rotated ? halves(part, heads, c.dModel()) : part;
    }

    /** Undoes the interleaving of rows, where the file has it: pairs (2i, 2i+1) → halves (i, i + dHead/2). */
    private NDArray halves(NDArray rows, int heads, long width) {
        if (names.storage() != Storage.OUT_IN_INTERLEAVED) {
            return rows;
        }
        return rows.reshape(heads, c.dHead() / 2, 2, width)
                .transpose(0, 2, 1, 3)
                .reshape(rows.getShape());
    }

    /** Makes an array from what is read into a scope that is freed at once: only the result stays, in row-major order. */
    private NDArray converted(Conversion conversion) throws IOException {
        try (NDManager scope = scratch.newSubManager()) {
            NDArray result = conversion.of(scope);
            // a transposed view multiplies a fifth slower than rows in order
            NDArray copy = result.reshape(result.size()).reshape(result.getShape());
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
        // what is converted is read, not mapped: a mapping would stay until the garbage collector finds it
        NDArray array = manager == owner ? file.read(manager, full(name)) : file.readCopy(manager, full(name));
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
