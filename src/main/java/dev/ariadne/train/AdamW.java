package dev.ariadne.train;

/**
 * Settings of Adam with decoupled weight decay (Loshchilov and Hutter 2019). Only matrices decay, embeddings included; biases and norms do not.
 *
 * @param beta1 how much of the mean gradient stays each step, from 0 to below 1
 * @param beta2 the same for the mean squared gradient
 * @param eps added to the root of the mean square
 * @param decay each step a matrix shrinks by rate · decay
 */
public record AdamW(double beta1, double beta2, double eps, double decay) {
    /** PyTorch's defaults: 0.9, 0.999, 1e-8, 0.01. */
    public static final AdamW DEFAULT = new AdamW(0.9, 0.999, 1e-8, 0.01);

    /** Checks the numbers. */
    public AdamW {
        if (!(beta1 >= 0 && beta1 < 1 && beta2 >= 0 && beta2 < 1 && eps > 0 && decay >= 0)) {
            throw new IllegalArgumentException("AdamW needs betas from 0 to below 1, eps > 0 and decay >= 0, got beta1 "
                    + beta1 + ", beta2 " + beta2 + ", eps " + eps + ", decay " + decay);
        }
    }

    /** The same with other betas. */
    public AdamW withBetas(double first, double second) {
        return new AdamW(first, second, eps, decay);
    }

    /** The same with another epsilon. */
    public AdamW withEps(double value) {
        return new AdamW(beta1, beta2, value, decay);
    }

    /** The same with another decay. */
    public AdamW withDecay(double value) {
        return new AdamW(beta1, beta2, eps, value);
    }
}
