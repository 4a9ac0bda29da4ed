package dev.ariadne.discovery;

import dev.ariadne.circuit.ComputationalGraph;
import dev.ariadne.circuit.Descent;
import dev.ariadne.circuit.Edge;
import dev.ariadne.circuit.EdgeGradients;
import dev.ariadne.circuit.EdgePatcher;
import dev.ariadne.circuit.Node;
import dev.ariadne.discovery.EdgeAttributionConfig.Method;
import dev.ariadne.task.Task;
import dev.ariadne.tensor.Tensors;
import dev.ariadne.view.Progress;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Edge attribution patching: every edge's effect on the metric, estimated from gradients (Syed et al. 2023; with integrated gradients, Hanna et
 * al. 2024), or measured one edge at a time.
 *
 * <p>A score estimates metric(that edge ablated) − metric(full model): for a metric that is high when the task is done, an edge that helps
 * scores below zero. Time: a forward and a backward per point at which gradients are taken, then one matrix product per layer and kind of
 * input for all edges together. Memory: what all senders write, and the inputs of all heads with their gradients.
 *
 * <pre>{@code
 * EdgeScores scores = EdgeAttribution.eap(task.logitDifference());
 * scores.top(50)
 * }</pre>
 */
public final class EdgeAttribution {
    private EdgeAttribution() {}

    /**
     * EAP on corrupted prompts.
     *
     * @throws IllegalArgumentException when the metric compares with the full model (KL): its gradient is zero there
     */
    public static EdgeScores eap(Task task) {
        return of(task, EdgeAttributionConfig.DEFAULT);
    }

    /** EAP-IG on corrupted prompts, over the embedding, in so many steps. */
    public static EdgeScores eapIg(Task task, int steps) {
        return of(
                task, EdgeAttributionConfig.DEFAULT.withMethod(Method.IG_INPUTS).withSteps(steps));
    }

    /** Every edge alone, measured. */
    public static EdgeScores exact(Task task) {
        return of(task, EdgeAttributionConfig.DEFAULT.withMethod(Method.EXACT));
    }

    /**
     * Scores every edge as configured.
     *
     * @throws IllegalArgumentException when method and metric do not go together; see {@link #eap}
     * @throws java.util.concurrent.CancellationException when interrupted
     */
    public static EdgeScores of(Task task, EdgeAttributionConfig config) {
        if (config.method() == Method.EAP && task.metric().needsReference()) {
            throw new IllegalArgumentException(task.metric().name() + " compares with the full model: at the clean run"
                    + " it is at its minimum, so its gradient, and every EAP score, is zero; measure the task instead"
                    + " (task.measuring(Metric.logitDifference(...))), or use eapIg(task, 5)");
        }
        ComputationalGraph graph =
                ComputationalGraph.of(task.model().config(), config.granularity(), config.splitEmbedding());
        try (EdgePatcher patcher = EdgePatcher.of(task, graph, config.ablation())) {
            double run = (double) task.model().parameterCount() * task.clean().length * task.clean()[0].length;
            double[] values = config.method() == Method.EXACT
                    ? Tensors.run(false, run * patcher.statesAtOnce() / 2, () -> exact(patcher, task))
                    : estimate(patcher, task, config);
            return EdgeScores.of(graph, values, config.toString(), task);
        }
    }

    private static double[] estimate(EdgePatcher patcher, Task task, EdgeAttributionConfig config) {
        EdgeGradients gradients = patcher.gradients();
        int steps = config.steps();
        return switch (config.method()) {
            case EAP -> gradients.atEmbedding(1);
            case CLEAN_CORRUPTED -> along(gradients, task, new double[] {0, 1});
            case IG_INPUTS -> along(gradients, task, points(0, steps));
            case IG_INPUTS_TO_CLEAN -> along(gradients, task, points(1, steps));
            case IG_ACTIVATIONS -> bySender(gradients, patcher.graph(), task, points(1, steps));
            case EXACT -> throw new AssertionError("no estimate");
        };
    }

    private static double[] points(int first, int steps) {
        double[] points = new double[steps];
        for (int k = 0; k < steps; k++) {
            points[k] = (double) (first + k) / steps;
        }
        return points;
    }

    private static double[] along(EdgeGradients gradients, Task task, double[] points) {
        double[] mean = new double[0];
        try (Progress progress = Progress.of("attributing edges of " + task.name(), points.length)) {
            for (double point : points) {
                mean = plus(mean, gradients.atEmbedding(point), points.length);
                progress.step();
            }
        }
        return mean;
    }

    private static double[] bySender(EdgeGradients gradients, ComputationalGraph graph, Task task, double[] points) {
        double[] mean = new double[0];
        long runs = (long) graph.senders().size() * points.length;
        try (Progress progress = Progress.of("attributing edges of " + task.name(), runs)) {
            for (Node sender : graph.senders()) {
                for (double point : points) {
                    mean = plus(mean, gradients.atSender(sender, point), points.length);
                    progress.step("at " + sender);
                }
            }
        }
        return mean;
    }

    private static double[] plus(double[] sum, double[] values, int parts) {
        double[] all = sum.length == 0 ? new double[values.length] : sum;
        for (int i = 0; i < all.length; i++) {
            all[i] += values[i] / parts;
        }
        return all;
    }

    /** From the output down, so that each edge costs what lies behind it. */
    private static double[] exact(EdgePatcher patcher, Task task) {
        ComputationalGraph graph = patcher.graph();
        double full = patcher.metric();
        Map<Edge, Double> changes = new HashMap<>();
        List<Node> receivers = new ArrayList<>(graph.receivers());
        Collections.reverse(receivers);
        try (Descent descent = patcher.descend();
                Progress progress = Progress.of("ablating edges of " + task.name(), graph.size())) {
            for (Node receiver : receivers) {
                descent.enter(receiver);
                List<Node> senders = graph.sendersTo(receiver);
                for (int from = 0; from < senders.size(); from += patcher.statesAtOnce()) {
                    int to = Math.min(senders.size(), from + patcher.statesAtOnce());
                    double[] after = without(descent, receiver, senders, from, to);
                    for (int i = from; i < to; i++) {
                        changes.put(new Edge(senders.get(i), receiver), after[i - from] - full);
                        progress.step("at " + receiver);
                    }
                }
            }
        }
        return graph.edges().stream().mapToDouble(changes::get).toArray();
    }

    /** The metric without each of some edges, the others there. */
    private static double[] without(Descent descent, Node receiver, List<Node> senders, int from, int to) {
        double[] after = new double[to - from];
        if (senders.get(from).isHeadInput()) {
            for (int i = from; i < to; i++) {
                after[i - from] = descent.measureWithout(new Edge(senders.get(i), receiver));
            }
            return after;
        }
        boolean[][] missing = new boolean[to - from][senders.size()];
        for (int i = from; i < to; i++) {
            missing[i - from][i] = true;
        }
        return descent.measure(receiver, senders, missing);
    }
}
