package dev.ariadne.train;

/**
 * How a layer's transcoder is trained.
 *
 * @param features its width
 * @param sparsity what keeps few features active
 * @param start what its features begin as
 * @param steps how many batches it sees
 * @param batch how many rows make a batch
 * @param rate the learning rate of Adam; it falls to 0 in a straight line over the last 40 % of the steps
 * @param repair what brings features back that are never active
 * @param seed the same seed gives the same transcoder
 */
public record TranscoderRecipe(
        int features, Sparsity sparsity, Start start, int steps, int batch, double rate, Repair repair, long seed) {
    private static final double FALL = 0.4; // the share of the steps over which the rate falls

    /** Checks the numbers. */
    public TranscoderRecipe {
        if (features < 1 || steps < 1 || batch < 1 || !(rate > 0)) {
            throw new IllegalArgumentException(
                    "a transcoder needs at least 1 feature, 1 step, 1 row in a batch and a rate > 0, got " + features
                            + " features, " + steps + " steps, batches of " + batch + ", rate " + rate);
        }
        if (sparsity.kind() != Sparsity.Kind.L1 && sparsity.amount() > features) {
            throw new IllegalArgumentException("k must be at most the number of features, got k " + sparsity.amount()
                    + " of " + features + " features");
        }
        if (start.groups() > features) {
            throw new IllegalArgumentException("a start needs at most as many groups as features, got " + start.groups()
                    + " groups for " + features + " features");
        }
    }

    /** What keeps few features active. */
    public record Sparsity(Kind kind, double amount) {
        /** The ways. */
        public enum Kind {
            /** The k·rows largest activations of a batch stay; afterwards those above one threshold (Bussmann et al. 2024). */
            BATCH_TOP_K,
            /** The k largest of each row stay, also afterwards (Gao et al. 2024). */
            TOP_K,
            /**
             * The k largest activations of each row stay; when the rate begins to fall, each feature gets a threshold of its own, and those above it stay. So
             * rows with small outputs keep features, too.
             */
            ROW_TOP_K,
            /** ReLU, and the sum of activations is added to the loss, times a weight. */
            L1;

            private boolean isOfRows() {
                return this == TOP_K || this == ROW_TOP_K;
            }
        }

        /** Checks the amount. */
        public Sparsity {
            if (!(amount > 0) || (kind.isOfRows() && amount != Math.rint(amount))) {
                throw new IllegalArgumentException(
                        "sparsity needs k > 0 (a whole one for each row) or a weight > 0, got " + kind + " with "
                                + amount);
            }
        }

        /** So many features of a row stay, on average. */
        public static Sparsity batchTopK(double k) {
            return new Sparsity(Kind.BATCH_TOP_K, k);
        }

        /** So many features of each row stay. */
        public static Sparsity topK(int k) {
            return new Sparsity(Kind.TOP_K, k);
        }

        /** So many features of each row stay in training; afterwards those above their thresholds, about as many on average. */
        public static Sparsity rowTopK(int k) {
            return new Sparsity(Kind.ROW_TOP_K, k);
        }

        /** The weight of the mean sum of activations, in a loss where 1 is the variance of the output. */
        public static Sparsity l1(double weight) {
            return new Sparsity(Kind.L1, weight);
        }
    }

    /**
     * What features begin as: centroids of outputs, and (input, output) pairs for the rest.
     *
     * @param groups how many centroids k-means makes; the pairs after them stand for what the rows they leave most wrong lack
     */
    public record Start(int groups) {
        /** Random pairs only. */
        public static final Start PAIRS = new Start(0);

        /** Checks the number. */
        public Start {
            if (groups < 0) {
                throw new IllegalArgumentException("a start has 0 groups or more, got " + groups);
            }
        }
    }

    /**
     * An auxiliary loss: the most active of the dead features are to explain what the living leave over (Gao et al. 2024).
     *
     * @param silentFor after how many steps without an activation a feature counts as dead
     * @param most how many of them may help a row
     * @param weight of the loss; 0 repairs nothing
     */
    public record Repair(int silentFor, int most, double weight) {
        /** 48 features that were silent for 60 steps, weight 0.1. */
        public static final Repair DEFAULT = new Repair(60, 48, 0.1);

        /** Checks the numbers. */
        public Repair {
            if (silentFor < 1 || most < 1 || !(weight >= 0)) {
                throw new IllegalArgumentException(
                        "repair needs at least 1 silent step, 1 feature and a weight >= 0, got " + silentFor + ", "
                                + most + ", " + weight);
            }
        }
    }

    /** 1300 steps of 384 rows at rate 2e-3 from random pairs; k features of a row stay on average. */
    public static TranscoderRecipe of(int features, double k) {
        return new TranscoderRecipe(features, Sparsity.batchTopK(k), Start.PAIRS, 1300, 384, 2e-3, Repair.DEFAULT, 0);
    }

    /** The same with another sparsity. */
    public TranscoderRecipe withSparsity(Sparsity value) {
        return new TranscoderRecipe(features, value, start, steps, batch, rate, repair, seed);
    }

    /** The same with another start. */
    public TranscoderRecipe withStart(Start value) {
        return new TranscoderRecipe(features, sparsity, value, steps, batch, rate, repair, seed);
    }

    /** The same for another number of steps. */
    public TranscoderRecipe withSteps(int value) {
        return new TranscoderRecipe(features, sparsity, start, value, batch, rate, repair, seed);
    }

    /** The same with batches of another size. */
    public TranscoderRecipe withBatch(int value) {
        return new TranscoderRecipe(features, sparsity, start, steps, value, rate, repair, seed);
    }

    /** The same with another learning rate. */
    public TranscoderRecipe withRate(double value) {
        return new TranscoderRecipe(features, sparsity, start, steps, batch, value, repair, seed);
    }

    /** The same with another repair of dead features. */
    public TranscoderRecipe withRepair(Repair value) {
        return new TranscoderRecipe(features, sparsity, start, steps, batch, rate, value, seed);
    }

    /** The same with another seed. */
    public TranscoderRecipe withSeed(long value) {
        return new TranscoderRecipe(features, sparsity, start, steps, batch, rate, repair, value);
    }

    /** From which step on each feature has a fixed threshold; never, but for ROW_TOP_K. */
    int fixedFrom() {
        return sparsity.kind() == Sparsity.Kind.ROW_TOP_K ? (int) Math.ceil((1 - FALL) * steps) : Integer.MAX_VALUE;
    }

    /** The learning rate of a step, from 0. */
    double rate(int step) {
        return rate * Math.min(1, (steps - step) / (FALL * steps));
    }
}
