package dev.ariadne.sparse;

import dev.ariadne.model.ModelConfig;
import dev.ariadne.model.ModelConfig.Activation;
import dev.ariadne.model.ModelConfig.Extras;
import dev.ariadne.model.ModelConfig.Norm;
import dev.ariadne.model.ModelConfig.Positions;
import java.util.List;

/**
 * How a weight-sparse model is trained: first dense, then with fewer and fewer weights (Gao et al. 2025, appendix A.2; the sizes are for models
 * that train in minutes).
 *
 * @param model what is trained
 * @param dense the steps in which all weights are free; none begins to take weights away at once
 * @param sparse the steps that follow, with a new optimizer, whose rate is divided by the root of the share of weights that are left; none
 *     leaves the model dense
 * @param thinning which weights go, and when
 * @param batch how many rows a step sees
 * @param seed decides the first weights and the order of the rows
 */
public record SparseConfig(ModelConfig model, Phase dense, Phase sparse, Thinning thinning, int batch, long seed) {
    /** Of 64 channels and 2 blocks, dense for 2400 steps, then as many in which all but one weight of 32 goes: how the model "sparse" was made. */
    public static final SparseConfig TWO_PHASE = new SparseConfig(
            model(64, 256, 0), new Phase(2400, 0.02), new Phase(2400, 0.02), new Thinning(1 / 32.0, 0, 0.7, 1), 24, 0);

    /** The published schedule: weights go from the start, and a quarter of the activations is kept. */
    public static final SparseConfig ONE_PHASE = new SparseConfig(
            model(64, 256, 0.25),
            new Phase(0, 0.02),
            new Phase(600, 0.03),
            new Thinning(1 / 32.0, 0.01, 0.5, 1),
            24,
            0);

    /**
     * Some of the steps.
     *
     * @param steps how many
     * @param rate their highest learning rate
     */
    public record Phase(int steps, double rate) {
        /** Checks the numbers. */
        public Phase {
            if (steps < 0 || !(rate > 0)) {
                throw new IllegalArgumentException(
                        "a phase needs 0 or more steps and a learning rate above 0, got " + steps + " and " + rate);
            }
        }
    }

    /**
     * How weights are taken away.
     *
     * @param fraction the share of each matrix's and each bias's entries that are left in the end, embeddings included; the table of bigrams
     *     stays whole
     * @param from the share of the sparse steps after which weights begin to go
     * @param to the share of them after which the last ones have gone
     * @param leastPerNeuron how many weights each neuron and each channel of a head keeps in any case
     */
    public record Thinning(double fraction, double from, double to, int leastPerNeuron) {
        /** Checks the numbers. */
        public Thinning {
            if (!(fraction > 0 && fraction <= 1) || leastPerNeuron < 0) {
                throw new IllegalArgumentException(
                        "the share of weights that are left must be above 0, at most 1 (dense), and leastPerNeuron at"
                                + " least 0, got " + fraction + " and " + leastPerNeuron
                                + "; 1 in 32 is a good start for small models");
            }
            if (!(from >= 0 && from < to && to <= 1)) {
                throw new IllegalArgumentException(
                        "weights go between two shares of the steps, 0 <= from < to <= 1, got " + from + " and " + to);
            }
        }
    }

    /** Checks the numbers. */
    public SparseConfig {
        if (dense.steps + sparse.steps < 1 || batch < 1) {
            throw new IllegalArgumentException("a training needs a step, and a row in each, got " + dense.steps
                    + " dense and " + sparse.steps + " sparse steps, batch " + batch);
        }
        for (Piece piece : Piece.of(model)) {
            int kept = piece.count(thinning.fraction);
            int leastPerNeuron = thinning.leastPerNeuron;
            if (sparse.steps > 0 && thinning.fraction < 1 && leastPerNeuron * piece.neurons() > kept) {
                throw new IllegalArgumentException(piece.name() + " keeps " + kept + " weights, but " + leastPerNeuron
                        + " for each of its " + piece.neurons() + " neurons are " + leastPerNeuron * piece.neurons()
                        + "; raise the fraction (" + thinning.fraction + ") or lower leastPerNeuron");
            }
        }
    }

    /**
     * A model for MiniPython: two blocks of four heads, RMSNorm, GELU, a table of bigrams, no positions but scores that fall with distance in
     * half of the heads.
     *
     * @param dModel the width of the stream, a multiple of 4
     * @param dMlp the number of neurons in a block
     * @param kept the share of activations that are kept; 0 keeps all
     */
    public static ModelConfig model(int dModel, int dMlp, double kept) {
        if (dModel < 4 || dModel % 4 != 0) {
            throw new IllegalArgumentException("dModel must be a multiple of the 4 heads, got " + dModel);
        }
        return ModelConfig.builder()
                .nLayers(2)
                .dModel(dModel)
                .heads(4, dModel / 4)
                .dMlp(dMlp)
                .dVocab(MiniPython.vocabulary().size())
                .nCtx(MiniPython.ROW - 1)
                .norm(Norm.RMS_PRE)
                .activation(Activation.GELU_TANH)
                .positions(Positions.NONE)
                .extras(new Extras(kept, true, false, List.of(0.0, 0.0, 1.0, Math.pow(2, -1.5))))
                .build();
    }

    /** The share of weights that may be other than zero after so many sparse steps, from 1. */
    double fraction(int step) {
        double way = ((double) step / sparse.steps - thinning.from) / (thinning.to - thinning.from);
        return 1 + (thinning.fraction - 1) * Math.min(1, Math.max(0, way));
    }

    /** The same for another model. */
    public SparseConfig withModel(ModelConfig value) {
        return new SparseConfig(value, dense, sparse, thinning, batch, seed);
    }

    /** The same with other numbers of steps. */
    public SparseConfig withSteps(int first, int then) {
        Phase one = new Phase(first, dense.rate);
        return new SparseConfig(model, one, new Phase(then, sparse.rate), thinning, batch, seed);
    }

    /** The same with other learning rates. */
    public SparseConfig withRates(double first, double then) {
        Phase one = new Phase(dense.steps, first);
        return new SparseConfig(model, one, new Phase(sparse.steps, then), thinning, batch, seed);
    }

    /** The same with another share of weights left. */
    public SparseConfig withFraction(double value) {
        return with(new Thinning(value, thinning.from, thinning.to, thinning.leastPerNeuron));
    }

    /** The same with another minimum per neuron. */
    public SparseConfig withLeastPerNeuron(int value) {
        return with(new Thinning(thinning.fraction, thinning.from, thinning.to, value));
    }

    private SparseConfig with(Thinning value) {
        return new SparseConfig(model, dense, sparse, value, batch, seed);
    }

    /** The same with another seed. */
    public SparseConfig withSeed(long value) {
        return new SparseConfig(model, dense, sparse, thinning, batch, value);
    }
}
