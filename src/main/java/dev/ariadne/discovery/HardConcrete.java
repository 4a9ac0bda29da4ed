package dev.ariadne.discovery;

import java.util.Arrays;
import java.util.Random;

/** Masks between 0 and 1 that are often exactly 0 or 1, each with one trained number (Louizos et al. 2018), and Adam to train it. */
final class HardConcrete {
    private static final double TEMPERATURE = 2.0 / 3;
    private static final double LOW = -0.1;
    private static final double HIGH = 1.1;
    private static final double EDGE = 1e-4; // noise stays this far from 0 and 1
    private static final double START = 0.9; // of the mask without noise

    private final double[] a; // logits
    private final double[] moving; // Adam's mean of gradients
    private final double[] squares; // and of their squares
    private int steps;

    HardConcrete(int count) {
        a = new double[count];
        double start = (START - LOW) / (HIGH - LOW);
        Arrays.fill(a, Math.log(start / (1 - start))); // 1.609
        moving = new double[count];
        squares = new double[count];
    }

    /**
     * Masks, and how they answer to what is trained.
     *
     * @param masks from 0 to 1
     * @param slopes d mask / d logit, 0 where the mask is cut off
     */
    @SuppressWarnings("ArrayRecordComponent") // never leaves this package
    record Sample(double[] masks, double[] slopes) {}

    Sample sample(Random random) {
        double[] masks = new double[a.length];
        double[] slopes = new double[a.length];
        for (int i = 0; i < a.length; i++) {
            double u = Math.min(1 - EDGE, Math.max(EDGE, random.nextDouble()));
            double s = sigmoid((Math.log(u) - Math.log(1 - u) + a[i]) / TEMPERATURE);
            double stretched = (HIGH - LOW) * s + LOW;
            masks[i] = Math.min(1, Math.max(0, stretched));
            slopes[i] = stretched > 0 && stretched < 1 ? (HIGH - LOW) * s * (1 - s) / TEMPERATURE : 0;
        }
        return new Sample(masks, slopes);
    }

    /** The probability of each mask that it is not 0. */
    double[] present() {
        return Arrays.stream(a)
                .map(x -> sigmoid(x - TEMPERATURE * Math.log(-LOW / HIGH)))
                .toArray();
    }

    private static double sigmoid(double x) {
        return 1 / (1 + Math.exp(-x));
    }

    /** Adam (Kingma and Ba 2015), with its usual constants. */
    void step(double[] gradient, double rate) {
        steps++;
        double fading = 1 - Math.pow(0.9, steps);
        double fadingSquares = 1 - Math.pow(0.999, steps);
        for (int i = 0; i < a.length; i++) {
            moving[i] = 0.9 * moving[i] + 0.1 * gradient[i];
            squares[i] = 0.999 * squares[i] + 0.001 * gradient[i] * gradient[i];
            a[i] -= rate * (moving[i] / fading) / (Math.sqrt(squares[i] / fadingSquares) + 1e-8);
        }
    }
}
