package dev.ariadne.attribution;

/**
 * How much each node of a graph influences its targets: along every path, each node's share of what reaches the next, by absolute value
 * (Ameisen et al. 2025, "Graph pruning"). Nodes are features, then errors and tokens, then outputs; features come after all that they get from.
 */
final class Influence {
    private Influence() {}

    /**
     * One pass over the rows, from the outputs down: when a row is reached, all that it passes on to has been.
     *
     * @param matrix rows of features in order, then of outputs; an absent row passes nothing on
     * @param nodes how many nodes there are
     * @param start the weight of each output
     * @param least what a row's sum is at least, so that tiny ones do not explode
     * @return [node]; 0 for outputs
     */
    static double[] of(SparseRows matrix, int nodes, double[] start, double least) {
        double[] influence = new double[nodes];
        int features = matrix.rows() - start.length;
        for (int row = matrix.rows() - 1; row >= 0; row--) {
            double reached = row >= features ? start[row - features] : influence[row];
            int[] columns = matrix.columns()[row];
            if (columns == null || reached == 0) {
                continue;
            }
            float[] weights = matrix.weights()[row];
            double share = reached / Math.max(matrix.norm(row), least);
            for (int i = 0; i < columns.length; i++) {
                influence[columns[i]] += Math.abs(weights[i]) * share;
            }
        }
        return influence;
    }
}
