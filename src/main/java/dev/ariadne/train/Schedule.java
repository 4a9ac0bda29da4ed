package dev.ariadne.train;

/** The learning rate of each step. */
@FunctionalInterface
public interface Schedule {
    /**
     * A learning rate.
     *
     * @param step from 0
     * @return at least 0
     */
    double rate(int step);

    /** Rises from peak / warmUp to the peak within the first warmUp steps, and stays there. */
    static Schedule constant(double peak, int warmUp) {
        return new Decay("constant", peak, warmUp, Integer.MAX_VALUE, 1);
    }

    /**
     * Rises likewise, then falls in a straight line.
     *
     * @param peak the highest rate
     * @param warmUp how many steps it takes to get there
     * @param steps when the fall ends: the rate of this step and all later ones is peak · floor
     * @param floor from 0 to 1
     */
    static Schedule linear(double peak, int warmUp, int steps, double floor) {
        return new Decay("linear", peak, warmUp, steps, floor);
    }

    /** Rises likewise, then falls along half a cosine; see {@link #linear}. */
    static Schedule cosine(double peak, int warmUp, int steps, double floor) {
        return new Decay("cosine", peak, warmUp, steps, floor);
    }
}
