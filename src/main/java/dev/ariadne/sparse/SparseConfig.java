package dev.ariadne.sparse;

import dev.ariadne.model.ModelConfig;
import dev.ariadne.model.ModelConfig.Activation;
import dev.ariadne.model.ModelConfig.Extras;
import dev.ariadne.model.ModelConfig.Norm;
import dev.ariadne.model.ModelConfig.Positions;
import java.util.List;

/**
 * How a weight-sparse model is trained: first dense, then with fewer and fewer weights (Gao et al. 2025, appendix A.2; the sizes are for models
 * that train in a minute).
 *
 * @param model what is trained
 * @param denseSteps how many steps all weights are free; 0 begins to take weights away at once
 * @param denseRate the highest learning rate of these steps
 * @param sparseSteps how many steps follow, with a new optimizer; 0 leaves the model dense
 * @param sparseRate their highest learning rate, which is divided by the root of the share of weights that are left
 * @param fraction the share of each matrix's and each bias's entries that are left in the end, embeddings included; the table of bigrams stays whole
 * @param annealFrom the share of the sparse steps after which weights begin to go
 * @param annealTo the share of them after which the last ones have gone
 * @param leastPerNeuron how many weights each neuron and each channel of a head keeps in any case
 * @param batch how many rows a step sees
 * @param seed decides the first weights and the order of the rows
 */
public record SparseConfig(
        ModelConfig model,
        int denseSteps,
        double denseRate,
        int sparseSteps,
        double sparseRate,
        double fraction,
        double annealFrom,
        double annealTo,
        int leastPerNeuron,
        int batch,
        long seed) {
    /** Of 64 channels and 2 blocks, dense for 1200 steps, then as many in which all but one weight of 32 goes: how the model "sparse" was made. */
    public static final SparseConfig TWO_PHASE =
            new SparseConfig(model(64, 256, 0), 1200, 0.02, 1200, 0.02, 1 / 32.0, 0, 0.6, 1, 24, 0);

    /** The published schedule: weights go from the start, and a quarter of the activations is kept. */
    public static final SparseConfig ONE_PHASE =
            new SparseConfig(model(64, 256, 0.25), 0, 0.02, 600, 0.03, 1 / 32.0, 0.01, 0.5, 1, 24, 0);

    /** Checks the numbers. */
    public SparseConfig {
        if (!(fraction > 0 && fraction <= 1)) {
            throw new IllegalArgumentException(
                    "the share of weights that are left must be above 0, at most 1 (dense), got " + fraction
                            + "; 1 in 32 is a good start for small models");
        }
        if (!(annealFrom >= 0 && annealFrom < annealTo && annealTo <= 1)) {
            throw new IllegalArgumentException(
                    "weights go between annealFrom and annealTo, 0 <= annealFrom < annealTo <= 1," + " got "
                            + annealFrom + " and " + annealTo);
        }
        if (denseSteps < 0 || sparseSteps < 0 || denseSteps + sparseSteps < 1 || batch < 1 || leastPerNeuron < 0) {
            throw new IllegalArgumentException("a training needs a step, a row in each, and leastPerNeuron >= 0, got "
                    + denseSteps + " dense and " + sparseSteps + " sparse steps, batch " + batch + ", leastPerNeuron "
                    + leastPerNeuron);
        }
        if (!(denseRate > 0 && sparseRate > 0)) {
            throw new IllegalArgumentException(
                    "learning rates must be above 0, got " + denseRate + " and " + sparseRate);
        }
        for (Piece piece : Piece.of(model)) {
            int kept = piece.count(fraction);
            if (sparseSteps > 0 && fraction < 1 && leastPerNeuron * piece.neurons() > kept) {
                throw new IllegalArgumentException(piece.name() + " keeps " + kept + " weights, but " + leastPerNeuron
                        + " for each of its " + piece.neurons() + " neurons are " + leastPerNeuron * piece.neurons()
                        + "; raise the fraction (" + fraction + ") or lower leastPerNeuron");
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
        double way = ((double) step / sparseSteps - annealFrom) / (annealTo - annealFrom);
        return 1 + (fraction - 1) * Math.min(1, Math.max(0, way));
    }

    /** The same for another model. */
    public SparseConfig withModel(ModelConfig value) {
        return new SparseConfig(
                value,
                denseSteps,
                denseRate,
                sparseSteps,
                sparseRate,
                fraction,
                annealFrom,
                annealTo,
                leastPerNeuron,
                batch,
                seed);
    }

    /** The same with other numbers of steps. */
    public SparseConfig withSteps(int dense, int sparse) {
        return new SparseConfig(
                model,
                dense,
                denseRate,
                sparse,
                sparseRate,
                fraction,
                annealFrom,
                annealTo,
                leastPerNeuron,
                batch,
                seed);
    }

    /** The same with another share of weights left. */
    public SparseConfig withFraction(double value) {
        return new SparseConfig(
                model,
                denseSteps,
                denseRate,
                sparseSteps,
                sparseRate,
                value,
                annealFrom,
                annealTo,
                leastPerNeuron,
                batch,
                seed);
    }

    /** The same with other learning rates. */
    public SparseConfig withRates(double dense, double sparse) {
        return new SparseConfig(
                model,
                denseSteps,
                dense,
                sparseSteps,
                sparse,
                fraction,
                annealFrom,
                annealTo,
                leastPerNeuron,
                batch,
                seed);
    }

    /** The same with another minimum per neuron. */
    public SparseConfig withLeastPerNeuron(int value) {
        return new SparseConfig(
                model,
                denseSteps,
                denseRate,
                sparseSteps,
                sparseRate,
                fraction,
                annealFrom,
                annealTo,
                value,
                batch,
                seed);
    }

    /** The same with another seed. */
    public SparseConfig withSeed(long value) {
        return new SparseConfig(
                model,
                denseSteps,
                denseRate,
                sparseSteps,
                sparseRate,
                fraction,
                annealFrom,
                annealTo,
                leastPerNeuron,
                batch,
                value);
    }
}
