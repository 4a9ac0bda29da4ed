package dev.ariadne.transcoder;

/**
 * How a transcoder's pre-activations become activations.
 *
 * @param kind the function
 * @param k of TOP_K, how many stay; else 0
 */
public record Activation(Kind kind, int k) {
    /** The functions. */
    public enum Kind {
        /** max(x, 0). */
        RELU,
        /** x where x is above a threshold, else 0 (Rajamanoharan et al. 2024). */
        JUMP_RELU,
        /** The k largest of all features with their own values, which may be negative; the others 0 (Gao et al. 2024). */
        TOP_K
    }

    /** max(x, 0). */
    public static final Activation RELU = new Activation(Kind.RELU, 0);

    /** x where x is above the transcoder's threshold, else 0. */
    public static final Activation JUMP_RELU = new Activation(Kind.JUMP_RELU, 0);

    /** Checks k. */
    public Activation {
        if (kind == Kind.TOP_K ? k < 1 : k != 0) {
            throw new IllegalArgumentException("only TOP_K has a k, at least 1; got " + kind + " with k " + k);
        }
    }

    /** The k largest stay. */
    public static Activation topK(int k) {
        return new Activation(Kind.TOP_K, k);
    }

    @Override
    public String toString() {
        return kind == Kind.TOP_K ? "top " + k : kind == Kind.RELU ? "ReLU" : "JumpReLU";
    }
}
