package dev.ariadne.discovery;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import dev.ariadne.circuit.Node;
import dev.ariadne.discovery.NodeMasks.Point;
import dev.ariadne.model.ActivationCache;
import dev.ariadne.task.Task;
import dev.ariadne.tensor.Tensors;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Head importance scores for pruning (HISP; Michel et al. 2019), on the nodes that the ACDC study gives it: each head's query, key and value
 * vectors, and what each MLP writes.
 *
 * <p>A node's score is Σ over prompts of |d metric / d mask|, where the mask multiplies what the node holds and is 1; then divided by the norm of
 * its layer's scores. Nothing is ablated, so the scores know nothing of the corrupted prompts. Time: one forward and one backward.
 */
public final class HeadImportance {
    private static final double LEAST_NORM = 1e-6;

    private HeadImportance() {}

    /**
     * Scores all nodes, normalized in their layers.
     *
     * @throws IllegalArgumentException when the metric compares with the full model (KL): its gradient is zero there
     */
    public static NodeScores of(Task task) {
        NodeScores raw = raw(task);
        Map<Integer, Double> squares = new LinkedHashMap<>(); // by layer
        raw.scores().forEach((node, score) -> squares.merge(node.layer(), score * score, Double::sum));
        Map<Node, Double> scores = new LinkedHashMap<>();
        raw.scores()
                .forEach((node, score) -> scores.put(
                        node, score / Math.max(LEAST_NORM, Math.sqrt(squares.getOrDefault(node.layer(), 0.0)))));
        return NodeScores.of(task, scores, "HISP", "share of the layer's norm");
    }

    /** Scores all nodes, in the metric's unit; layers differ in scale. */
    public static NodeScores raw(Task task) {
        if (task.metric().needsReference()) {
            throw new IllegalArgumentException(task.metric().name() + " compares with the full model: there it is at"
                    + " its minimum, so its gradient, and every head importance, is zero; measure the task instead"
                    + " (task.measuring(Metric.logitDifference(...)))");
        }
        NodeMasks masks = NodeMasks.of(task.model().config());
        Map<Node, Double> scores = new LinkedHashMap<>();
        try (TaskRuns runs = new TaskRuns(task);
                ActivationCache cache = runs.gradients(masks.hooks(), List.of())) {
            for (Point point : masks.points()) {
                List<Double> values = Tensors.recording(false, () -> sensitivities(cache, point));
                for (int i = 0; i < values.size(); i++) {
                    scores.put(point.nodes().get(i), values.get(i));
                }
            }
        }
        return NodeScores.of(task, scores, "HISP, not normalized", task.metric().unit());
    }

    /** Σ over prompts of |Σ x · d metric of that prompt / dx|, for each node of a point. */
    private static List<Double> sensitivities(ActivationCache cache, Point point) {
        NDArray x = cache.get(point.hook()).array();
        try (NDManager scope = x.getManager().newSubManager()) {
            NDArray product =
                    Tensors.alias(x, scope).mul(cache.grad(point.hook()).array());
            long batch = product.getShape().get(0);
            long nodes = point.nodes().size();
            double[] sums = product.reshape(batch, product.getShape().get(1), nodes, -1)
                    .sum(new int[] {1, 3}) // [batch, node]
                    .abs()
                    .sum(new int[] {0})
                    .mul(batch) // the gradient is that of the mean over prompts
                    .toType(DataType.FLOAT64, false)
                    .toDoubleArray();
            List<Double> values = new ArrayList<>();
            for (double sum : sums) {
                values.add(sum);
            }
            return values;
        }
    }
}
