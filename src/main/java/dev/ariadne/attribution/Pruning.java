package dev.ariadne.attribution;

import java.util.Arrays;
import java.util.stream.IntStream;

/** Pruning as published: nodes by influence, then edges by theirs among what is left, then whatever leads nowhere or comes from nowhere. */
final class Pruning {
    private final AttributionGraph graph;
    private final SparseRows matrix;
    private final int features;
    private final double[] start;

    Pruning(AttributionGraph graph) {
        this.graph = graph;
        this.matrix = graph.matrix();
        this.features = graph.featureCount();
        this.start = graph.targets().stream().mapToDouble(Target::probability).toArray();
    }

    private int node(int row) {
        return graph.nodeOf(row);
    }

    PrunedGraph prune(double nodeShare, double edgeShare) {
        for (double share : new double[] {nodeShare, edgeShare}) {
            if (!(share >= 0 && share <= 1)) {
                throw new IllegalArgumentException("a share to keep must be from 0 to 1, got " + share);
            }
        }
        double least = Threshold.of(
                each -> IntStream.range(0, graph.size())
                        .mapToDouble(graph::influence)
                        .forEach(each),
                nodeShare);
        boolean[] kept = new boolean[graph.size()];
        for (int node = 0; node < kept.length; node++) {
            kept[node] = node >= graph.tokenNode(0) || graph.influence(node) >= least;
        }
        double[] all = new double[matrix.rows()];
        SparseRows edges = edges(keep(matrix, kept, 0, all), kept, edgeShare);
        while (drop(edges, kept)) {
            edges = keep(edges, kept, 0, all);
        }
        int[] nodes = IntStream.range(0, kept.length).filter(node -> kept[node]).toArray();
        return new PrunedGraph(graph, nodes, edges, nodeShare, edgeShare);
    }

    /** Keeps the edges between nodes that are kept whose score, size times what their row has, is at least so much. */
    private SparseRows keep(SparseRows from, boolean[] kept, double least, double... reached) {
        SparseRows some = SparseRows.ofSize(from.rows());
        int[] where = new int[kept.length];
        float[] what = new float[kept.length];
        for (int row = 0; row < from.rows(); row++) {
            int[] columns = from.columns()[row];
            float[] weights = from.weights()[row];
            int count = 0;
            int end = kept[node(row)] ? columns.length : 0;
            for (int i = 0; i < end; i++) {
                if (kept[columns[i]] && Math.abs(weights[i]) * reached[row] >= least) {
                    where[count] = columns[i];
                    what[count++] = weights[i];
                }
            }
            some.put(row, Arrays.copyOf(where, count), Arrays.copyOf(what, count));
        }
        return some;
    }

    /** Keeps the edges with the largest share of influence: of their target's, what it gets through them. */
    private SparseRows edges(SparseRows reduced, boolean[] kept, double share) {
        double[] influence = Influence.of(reduced, graph.size(), start, AttributionGraph.LEAST);
        double[] reached = new double[reduced.rows()]; // per unit of weight
        for (int row = 0; row < reached.length; row++) {
            double at = row < features ? influence[row] : start[row - features];
            reached[row] = at / Math.max(reduced.norm(row), AttributionGraph.LEAST);
        }
        double least = Threshold.of(
                each -> {
                    for (int row = 0; row < reached.length; row++) {
                        for (float weight : reduced.weights()[row]) {
                            each.accept(Math.abs(weight) * reached[row]);
                        }
                    }
                },
                share);
        return keep(reduced, kept, least, reached);
    }

    /** Drops features and errors that give nothing, and features that get nothing. */
    private boolean drop(SparseRows edges, boolean[] kept) {
        boolean[] gives = new boolean[kept.length];
        for (int[] columns : edges.columns()) {
            for (int column : columns) {
                gives[column] = true;
            }
        }
        boolean dropped = false;
        for (int node = 0; node < graph.tokenNode(0); node++) {
            if (kept[node] && (!gives[node] || (node < features && edges.columns()[node].length == 0))) {
                kept[node] = false;
                dropped = true;
            }
        }
        return dropped;
    }
}
