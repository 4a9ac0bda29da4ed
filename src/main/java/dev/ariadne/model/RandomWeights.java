package dev.ariadne.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.ariadne.model.Weights.Affine;
import dev.ariadne.model.Weights.Layer;
import dev.ariadne.model.Weights.Mlp;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;

/** A new model's arrays: their shapes from the configuration, their values from a seed. */
final class RandomWeights {
    private static final long SPREAD = 0x9E3779B97F4A7C15L; // far-apart seeds: the first numbers of near ones are alike

    private final ModelConfig c;
    private final NDManager owner;

    RandomWeights(ModelConfig config, NDManager owner) {
        this.c = config;
        this.owner = owner;
    }

    /** The arrays, norms as they are before training, all else zero. */
    Weights make() {
        if (c.embedScale() != 1) {
            throw new IllegalArgumentException("a new model's embedding has no scale of its own, got embedScale "
                    + c.embedScale() + "; leave it at 1 and choose the size of the weights");
        }
        NDArray embed = zeros(c.dVocab(), c.dModel());
        Optional<NDArray> positions =
                c.positions().learned() ? Optional.of(zeros(c.nCtx(), c.dModel())) : Optional.empty();
        List<Layer> layers = new ArrayList<>();
        for (int layer = 0; layer < c.nLayers(); layer++) {
            layers.add(layer());
        }
        Affine unembed = new Affine(c.tied() ? embed : zeros(c.dVocabOut(), c.dModel()), Optional.empty());
        Optional<NDArray> bigrams =
                c.extras().bigrams() ? Optional.of(zeros(c.dVocab(), c.dVocabOut())) : Optional.empty();
        return new Weights(embed, positions, layers, norm(true, c.dModel()), unembed, bigrams);
    }

    private Layer layer() {
        long heads = (long) c.nHeads() * c.dHead();
        Optional<Mlp> mlp = c.attnOnly()
                ? Optional.empty()
                : Optional.of(new Mlp(
                        norm(true, c.dModel()),
                        c.gated() ? Optional.of(matrix(c.dMlp(), c.dModel())) : Optional.empty(),
                        matrix(c.dMlp(), c.dModel()),
                        matrix(c.dModel(), c.dMlp()),
                        norm(c.postNorms(), c.dModel())));
        return new Layer(
                norm(true, c.dModel()),
                matrix(heads + 2L * c.nKeyValueHeads() * c.dHead(), c.dModel()),
                norm(c.qkNorms(), c.dHead()),
                norm(c.qkNorms(), c.dHead()),
                matrix(c.dModel(), heads),
                norm(c.postNorms(), c.dModel()),
                mlp,
                c.extras().sinks() ? Optional.of(zeros(c.nHeads())) : Optional.empty());
    }

    private Affine matrix(long out, long in) {
        return new Affine(zeros(out, in), c.gated() ? Optional.empty() : Optional.of(zeros(out)));
    }

    private Optional<Affine> norm(boolean present, long width) {
        if (!present || c.norm() == ModelConfig.Norm.NONE) {
            return Optional.empty();
        }
        NDArray ones = owner.ones(new Shape(width), DataType.FLOAT32);
        return Optional.of(new Affine(ones, c.norm().centers() ? Optional.of(zeros(width)) : Optional.empty()));
    }

    private NDArray zeros(long... shape) {
        return owner.zeros(new Shape(shape), DataType.FLOAT32);
    }

    /** Fills the matrices and tables but that of bigrams, which begins with zeros, each from its own stream of random numbers, so that one does not depend on the size of another. */
    static void fill(Map<String, NDArray> parameters, ModelConfig config, Initialization initialization, long seed) {
        parameters.forEach((name, array) -> {
            if (array.getShape().dimension() == 2 && !name.equals("unembed.W_bigrams")) {
                double deviation = initialization.deviation(name, array.getShape(), config);
                Random random = new Random((seed + 1) * SPREAD + name.hashCode());
                float[] values = new float[Math.toIntExact(array.size())];
                for (int i = 0; i < values.length; i++) {
                    values[i] = (float) (deviation * random.nextGaussian());
                }
                array.set(values);
            }
        });
    }
}
