package dev.ariadne.model;

import ai.djl.ndarray.types.Shape;

/** How large a new model's weights are: normal, mean 0. Norms begin with weight 1, biases with 0, both whatever is said here. */
@FunctionalInterface
public interface Initialization {
    /** GPT-2's (Radford et al. 2019): 0.02, and 0.02 / sqrt(2·nLayers) for what a block adds to the stream. */
    Initialization GPT2 = normal(0.02);

    /**
     * The standard deviation of a matrix's or table's entries.
     *
     * @param name as in {@link TrainableModel#parameters}
     * @param shape [out, in]; [dVocab, dModel] and [nCtx, dModel] for the embeddings
     * @param config the model's
     */
    double deviation(String name, Shape shape, ModelConfig config);

    /** One deviation for all, made smaller by sqrt(2·nLayers) for the 2·nLayers matrices that write to the stream. */
    static Initialization normal(double deviation) {
        return (name, shape, config) -> writes(name) ? deviation / Math.sqrt(2.0 * config.nLayers()) : deviation;
    }

    /** A deviation of gain / sqrt(in) for matrices, so that each keeps the scale of what it reads; what writes to the stream as above. */
    static Initialization fanIn(double gain, double embeddings) {
        return (name, shape, config) -> {
            double own = name.contains("embed.W_E") || name.contains("W_pos")
                    ? embeddings
                    : gain / Math.sqrt((double) shape.get(1));
            return normal(own).deviation(name, shape, config);
        };
    }

    private static boolean writes(String name) {
        return name.endsWith(".W_O") || name.endsWith(".W_out");
    }
}
