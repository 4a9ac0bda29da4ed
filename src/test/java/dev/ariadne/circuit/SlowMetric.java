package dev.ariadne.circuit;

/** A metric in plain Java. */
public interface SlowMetric {
    /** The mean over prompts, of the full model's and a circuit's logits [batch][pos][dVocab], at some positions. */
    double of(double[][][] full, double[][][] circuit, int[] positions);

    /** KL(full || circuit) in nats, the mean over positions. */
    static SlowMetric kl() {
        return (full, circuit, positions) -> {
            double sum = 0;
            for (int row = 0; row < full.length; row++) {
                for (int at : positions) {
                    double[] p = logProbabilities(full[row][at]);
                    double[] q = logProbabilities(circuit[row][at]);
                    for (int i = 0; i < p.length; i++) {
                        sum += Math.exp(p[i]) * (p[i] - q[i]);
                    }
                }
            }
            return sum / full.length / positions.length;
        };
    }

    /** logit(correct) - logit(wrong) at the last of the positions, one pair per prompt. */
    static SlowMetric logitDifference(long[] correct, long[] wrong) {
        return (full, circuit, positions) -> {
            double sum = 0;
            for (int row = 0; row < full.length; row++) {
                double[] logits = circuit[row][positions[positions.length - 1]];
                sum += logits[(int) correct[row]] - logits[(int) wrong[row]];
            }
            return sum / full.length;
        };
    }

    /** The mean squared difference over positions and these columns. */
    static SlowMetric meanSquaredError(int... columns) {
        return (full, circuit, positions) -> {
            double sum = 0;
            for (int row = 0; row < full.length; row++) {
                for (int at : positions) {
                    for (int column : columns) {
                        double difference = circuit[row][at][column] - full[row][at][column];
                        sum += difference * difference;
                    }
                }
            }
            return sum / full.length / positions.length / columns.length;
        };
    }

    private static double[] logProbabilities(double[] logits) {
        double max = Double.NEGATIVE_INFINITY;
        for (double logit : logits) {
            max = Math.max(max, logit);
        }
        double sum = 0;
        for (double logit : logits) {
            sum += Math.exp(logit - max);
        }
        double[] log = new double[logits.length];
        for (int i = 0; i < log.length; i++) {
            log[i] = logits[i] - max - Math.log(sum);
        }
        return log;
    }
}
