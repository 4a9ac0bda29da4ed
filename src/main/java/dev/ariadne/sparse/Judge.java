package dev.ariadne.sparse;

import dev.ariadne.circuit.Ablation;
import dev.ariadne.sparse.PartRun.Absent;

/** Says how well a part of a model does on some prompts. */
final class Judge {
    final Wiring wiring;
    final Prompts prompts;
    final Absent absent;
    final PruneConfig config;

    /**
     * Prepares the values of what is off.
     *
     * @param means of all channels over texts of the training
     */
    Judge(Wiring wiring, Prompts prompts, double[] means, PruneConfig config) {
        this.wiring = wiring;
        this.prompts = prompts;
        this.config = config;
        this.absent = absent(means);
    }

    private Absent absent(double[] means) {
        if (config.ablation() != Ablation.CORRUPTED) {
            return Absent.constant(config.ablation() == Ablation.MEAN ? means : new double[wiring.channels]);
        }
        PartRun whole = new PartRun(wiring, Part.all(wiring), Absent.constant(means));
        double[][][] values = new double[prompts.count()][][];
        for (int p = 0; p < values.length; p++) {
            values[p] = whole.values(prompts.tokens()[p]);
        }
        return (prompt, pos) -> { // the other prompt of the pair, counted from the end
            double[][] other = values[prompt ^ 1];
            return other[Math.max(0, pos + other.length - values[prompt].length)];
        };
    }

    /**
     * What a part does.
     *
     * @param differences [prompt], in logits
     * @param calibration the line they are judged by
     */
    @SuppressWarnings("ArrayRecordComponent") // never leaves the package
    record Verdict(double[] differences, Calibration calibration) {
        double loss() {
            return calibration.loss(differences);
        }

        double accuracy() {
            return calibration.accuracy(differences);
        }

        /** The loss of the differences as they are. */
        double plainLoss() {
            return Calibration.NONE.loss(differences);
        }
    }

    double[] differences(Part part) {
        return new PartRun(wiring, part, absent).differences(prompts);
    }

    /** Runs a part, and fits its line if that is allowed. */
    Verdict of(Part part) {
        double[] differences = differences(part);
        return new Verdict(
                differences, config.calibrate() ? Calibration.fit(differences, config.mostScale()) : Calibration.NONE);
    }

    /** Runs a part with a line that is given. */
    Verdict of(Part part, Calibration calibration) {
        return new Verdict(differences(part), calibration);
    }

    boolean meets(Part part) {
        return of(part).loss() <= config.target();
    }
}
