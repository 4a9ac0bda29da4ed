package dev.ariadne.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.ariadne.tensor.Tensors;
import dev.ariadne.view.Progress;

/**
 * How distributions over the vocabulary rate one token each, as plain numbers, one entry per row of logits.
 *
 * @param top the most probable token
 * @param topLogit its logit
 * @param logit the target token's logit
 * @param rank the target token's rank, from 1
 * @param logSumExp log of the sum of exp(logits): logit − logSumExp is a log-probability, in nats
 */
@SuppressWarnings("ArrayRecordComponent") // never leaves this package
record Ratings(long[] top, double[] topLogit, double[] logit, long[] rank, double[] logSumExp) {
    private static final long MOST_LOGITS = 1L << 24; // at a time: 64 MiB in float32, about 200 with temporaries

    private Ratings(int rows) {
        this(new long[rows], new double[rows], new double[rows], new long[rows], new double[rows]);
    }

    /** How many rows of logits fit the budget. */
    static int rowsAtATime(long dVocab) {
        return (int) Math.max(1, MOST_LOGITS / dVocab);
    }

    /**
     * Rates a target per row.
     *
     * @param logits [rows, dVocab]
     * @param targets a token id per row; a negative one gets no rating: NaN and rank 0
     */
    static Ratings of(NDArray logits, long[] targets) {
        int step = rowsAtATime(logits.getShape().get(1));
        return inChunks(
                step,
                logits.getManager(),
                targets,
                (scope, from, to) -> Tensors.alias(logits, scope).get(new NDIndex(from + ":" + to)));
    }

    /** Makes rows of logits, as few at a time as the budget asks. */
    interface Rows {
        /** [to − from, dVocab], owned by the manager given. */
        NDArray of(NDManager scope, int from, int to);
    }

    /**
     * Rates a target per row of logits that are made as they are needed.
     *
     * @param step how many rows at a time
     * @param parent owns the owner of each of these
     */
    static Ratings inChunks(int step, NDManager parent, long[] targets, Rows logits) {
        int rows = targets.length;
        Ratings all = new Ratings(rows);
        for (int from = 0; from < rows; from += step) {
            int to = Math.min(rows, from + step);
            Progress.checkInterrupted("reading logits, row " + from + " of " + rows);
            try (NDManager scope = parent.newSubManager()) {
                all.rate(logits.of(scope, from, to), targets, from, to);
            }
        }
        return all;
    }

    private void rate(NDArray logits, long[] targets, int from, int to) {
        NDManager scope = logits.getManager();
        long[] ids = new long[to - from];
        for (int i = from; i < to; i++) {
            ids[i - from] = Math.max(0, targets[i]);
        }
        NDArray target = logits.gather(scope.create(ids, new Shape(ids.length, 1)), 1); // [rows, 1]
        System.arraycopy(longs(logits.argMax(1)), 0, top, from, ids.length);
        System.arraycopy(doubles(logits.max(new int[] {1})), 0, topLogit, from, ids.length);
        System.arraycopy(doubles(target), 0, logit, from, ids.length);
        System.arraycopy(longs(logits.gt(target).sum(new int[] {1})), 0, rank, from, ids.length);
        System.arraycopy(doubles(Tensors.logSumExp(logits)), 0, logSumExp, from, ids.length);
        for (int i = from; i < to; i++) {
            rank[i] = targets[i] < 0 ? 0 : rank[i] + 1;
            logit[i] = targets[i] < 0 ? Double.NaN : logit[i];
        }
    }

    private static double[] doubles(NDArray array) {
        return array.toType(DataType.FLOAT64, false).toDoubleArray();
    }

    private static long[] longs(NDArray array) {
        return array.toType(DataType.INT64, false).toLongArray();
    }

    /** The probability of the target, in [0, 1]. */
    double probability(int row) {
        return Math.exp(logit[row] - logSumExp[row]);
    }

    /** The probability of the most probable token. */
    double topProbability(int row) {
        return Math.exp(topLogit[row] - logSumExp[row]);
    }

    /** The target's cross entropy, in nats. */
    double loss(int row) {
        return logSumExp[row] - logit[row];
    }
}
