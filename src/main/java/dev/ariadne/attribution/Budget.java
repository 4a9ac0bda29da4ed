package dev.ariadne.attribution;

import dev.ariadne.model.ModelConfig;
import dev.ariadne.transcoder.Transcoders;
import java.util.Locale;

/**
 * How much memory an attribution takes, known before it begins: what it holds throughout, the matrix at its fullest, and how much is left for
 * targets that are worked on at a time.
 *
 * @param held bytes of activations, and of what is written at each place
 * @param matrix bytes of the result, if no weight is 0
 * @param perPosition bytes of one target's gradients at one position
 * @param perTarget bytes of one target's row
 * @param memory bytes in all
 */
record Budget(long held, long matrix, long perPosition, long perTarget, long memory) {
    private static final int COPIES = 8; // of the gradients, where a layer has most of them
    private static final int ENTRY = Integer.BYTES + Float.BYTES;

    static Budget of(ReplacementModel replacement, CleanRun run, Outputs outputs, AttributionConfig config) {
        ModelConfig model = replacement.model().config();
        Transcoders transcoders = replacement.transcoders();
        ActiveFeatures active = run.features();
        long pos = active.labels().size();
        long layers = model.nLayers();
        long number = run.type().getNumOfBytes();
        long written = 0; // vectors, counted where they are written, and those that are read
        for (int layer = 0; layer < layers; layer++) {
            int here = active.from(layer + 1, 0) - active.from(layer, 0);
            written += (long) here * (transcoders.lastWritten(layer) - layer + 2) + pos;
        }
        long stream = layers * pos * model.dModel() * 4; // inputs, outputs and errors of the MLPs, scales
        long patterns = layers * model.nHeads() * pos * pos;
        long held = number * (written * model.dModel() + stream + patterns);
        long columns = active.size() + (layers + 1) * pos;
        long matrix = config.maxFeatureNodes() < active.size()
                ? config.maxFeatureNodes() * columns
                : features(active, (int) layers, model.causal());
        matrix = ENTRY * (matrix + outputs.list().size() * columns);
        long width = Math.max(model.dModel(), (long) model.nHeads() * model.dHead());
        Budget budget = new Budget(
                held, matrix, COPIES * width * number, (2L * Double.BYTES + ENTRY) * columns, config.memory());
        if (!budget.allows(1, (int) pos)) {
            throw new IllegalArgumentException(String.format(
                    Locale.ROOT,
                    "attribution of %d tokens with %,d active features needs at least %,d MB of memory (%,d MB held"
                            + " throughout, %,d MB for a full matrix), and may use %,d MB; allow more with withMemory, or"
                            + " fewer features with withMaxFeatureNodes",
                    pos,
                    active.size(),
                    megabytes(held + matrix + budget.bytes(1, (int) pos)),
                    megabytes(held),
                    megabytes(matrix),
                    config.memory() >> 20));
        }
        return budget;
    }

    /** How many entries rows of features can have: features in lower layers, errors up to there, tokens; at positions up to their own. */
    private static long features(ActiveFeatures active, int layers, boolean causal) {
        int pos = active.labels().size();
        long entries = 0;
        for (int position = 0; position < pos; position++) {
            int last = causal ? position : pos - 1;
            long below = 0;
            for (int layer = 0; layer < layers; layer++) {
                int here = active.from(layer, position + 1) - active.from(layer, position);
                entries += here * (below + (layer + 1L) * (last + 1));
                below += active.from(layer, last + 1) - active.from(layer, 0);
            }
        }
        return entries;
    }

    private static long megabytes(long bytes) {
        return (bytes + (1 << 20) - 1) >> 20;
    }

    private long bytes(int targets, int positions) {
        return targets * (perPosition * positions + perTarget);
    }

    /** Whether so many targets fit, with gradients at so many positions. */
    boolean allows(int targets, int positions) {
        return held + matrix + bytes(targets, positions) <= memory;
    }
}
