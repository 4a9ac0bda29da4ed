package dev.ariadne.sparse;

import java.util.Locale;

/**
 * A straight line that logit differences are laid on before they are judged: a circuit may tell two cases apart and yet be off by a constant
 * (Gao et al. 2025, appendix A.5).
 *
 * @param scale from 0 to the largest that is allowed
 * @param shift in logits
 */
public record Calibration(double scale, double shift) {
    /** Differences as they are. */
    public static final Calibration NONE = new Calibration(1, 0);

    private static final int STEPS = 50; // at most; ten are usual
    private static final double SHORTEST = 1e-6; // share of a step
    private static final double RIDGE = 1e-4;

    /**
     * Fits the line by Newton's method, each step as short as it must be to lower the loss: a logistic regression with one variable.
     *
     * @param differences [prompt], in logits; those at even places should be positive, the others negative
     * @param most the largest scale
     */
    static Calibration fit(double[] differences, double most) {
        Calibration line = new Calibration(Math.min(1, most), 0);
        for (int step = 0; step < STEPS; step++) {
            Calibration better = line.step(differences, most);
            if (better.equals(line)) { // no step lowers it
                break;
            }
            line = better;
        }
        boolean worse = !(line.loss(differences) <= NONE.loss(differences)); // also when it is no number
        return worse && most >= 1 ? NONE : line;
    }

    /** The same line where no step lowers what is fitted. */
    private Calibration step(double[] differences, double most) {
        double gs = RIDGE * scale;
        double gb = RIDGE * shift;
        double hss = RIDGE;
        double hsb = 0;
        double hbb = RIDGE;
        int n = differences.length;
        for (int i = 0; i < n; i++) {
            double d = differences[i];
            double p = 1 / (1 + Math.exp(-(scale * d + shift))); // of the first answer
            double error = (p - (Prompts.sign(i) > 0 ? 1 : 0)) / n;
            double curve = p * (1 - p) / n;
            gs += error * d;
            gb += error;
            hss += curve * d * d;
            hsb += curve * d;
            hbb += curve;
        }
        double determinant = hss * hbb - hsb * hsb;
        double ds = (hbb * gs - hsb * gb) / determinant;
        double db = (hss * gb - hsb * gs) / determinant;
        if ((scale == 0 && ds > 0) || (scale == most && ds < 0)) { // held at a bound: the shift alone
            ds = 0;
            db = gb / hbb;
        }
        double before = fitted(differences);
        for (double share = 1; share > SHORTEST; share /= 2) {
            Calibration other = new Calibration(Math.min(most, Math.max(0, scale - share * ds)), shift - share * db);
            if (other.fitted(differences) < before) {
                return other;
            }
        }
        return this;
    }

    private double fitted(double[] differences) {
        return loss(differences) + RIDGE / 2 * (scale * scale + shift * shift);
    }

    /** The mean −log of the right answer's probability among the two, in nats. */
    double loss(double[] differences) {
        double sum = 0;
        for (int i = 0; i < differences.length; i++) {
            double z = -Prompts.sign(i) * (scale * differences[i] + shift);
            sum += z > 30 ? z : Math.log1p(Math.exp(z));
        }
        return sum / differences.length;
    }

    /** The share of prompts whose right answer is the more probable one. */
    double accuracy(double[] differences) {
        int right = 0;
        for (int i = 0; i < differences.length; i++) {
            right += Prompts.sign(i) * (scale * differences[i] + shift) > 0 ? 1 : 0;
        }
        return (double) right / differences.length;
    }

    @Override
    public String toString() {
        return String.format(Locale.ROOT, "%.3g·x %+.3g", scale, shift);
    }
}
