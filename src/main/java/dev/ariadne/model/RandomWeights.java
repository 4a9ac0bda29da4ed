package dev.ariadne.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ariadne.model.Weights.Affine;
import dev.ariadne.model.Weights.Layer;
import dev.ariadne.model.Weights.Mlp;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;

/** Weights as before training: matrices normal with deviation 0.02 (Radford et al. 2019), norms 1, biases 0. */
final class RandomWeights {
    private static final double DEVIATION = 0.02;

    private final NDManager owner;
    private final SplittableRandom random;

    private RandomWeights(NDManager owner, long seed) {
        this.owner = owner;
        this.random = new SplittableRandom(seed);
    }

    static Weights of(ModelConfig c, NDManager owner, long seed) {
        RandomWeights make = new RandomWeights(owner, seed);
        boolean bias = c.norm() == ModelConfig.Norm.LAYER;
        NDArray embed = make.normal(c.dVocab(), c.dModel());
        Optional<NDArray> positions = c.positions() == ModelConfig.Positions.LEARNED
                ? Optional.of(make.normal(c.nCtx(), c.dModel()))
                : Optional.empty();
        List<Layer> layers = new ArrayList<>();
        for (int i = 0; i < c.nLayers(); i++) {
            Affine qkv = make.matrix((c.nHeads() + 2 * c.nKeyValueHeads()) * c.dHead(), c.dModel(), bias);
            Affine out = make.matrix(c.dModel(), c.nHeads() * c.dHead(), bias);
            Optional<Mlp> mlp = c.attnOnly() ? Optional.empty() : Optional.of(make.mlp(c, bias));
            layers.add(new Layer(make.norm(c.dModel(), bias), qkv, out, mlp));
        }
        return new Weights(
                embed, positions, layers, make.norm(c.dModel(), bias), make.matrix(c.dVocab(), c.dModel(), bias));
    }

    private Mlp mlp(ModelConfig c, boolean bias) {
        Optional<Affine> gate = c.gated() ? Optional.of(matrix(c.dMlp(), c.dModel(), bias)) : Optional.empty();
        Affine in = matrix(c.dMlp(), c.dModel(), bias);
        return new Mlp(norm(c.dModel(), bias), gate, in, matrix(c.dModel(), c.dMlp(), bias));
    }

    private Affine matrix(int out, int in, boolean bias) {
        return new Affine(normal(out, in), bias ? Optional.of(owner.zeros(new Shape(out))) : Optional.empty());
    }

    private Affine norm(int width, boolean bias) {
        return new Affine(
                owner.ones(new Shape(width)), bias ? Optional.of(owner.zeros(new Shape(width))) : Optional.empty());
    }

    /** Pairs of uniform numbers to pairs of normal ones (Box and Muller 1958). */
    private NDArray normal(int rows, int columns) {
        float[] values = new float[Math.multiplyExact(rows, columns)];
        for (int i = 0; i < values.length; i += 2) {
            double radius = DEVIATION * Math.sqrt(-2 * Math.log(1 - random.nextDouble()));
            double angle = 2 * Math.PI * random.nextDouble();
            values[i] = (float) (radius * Math.cos(angle));
            if (i + 1 < values.length) {
                values[i + 1] = (float) (radius * Math.sin(angle));
            }
        }
        return owner.create(values, new Shape(rows, columns));
    }
}
