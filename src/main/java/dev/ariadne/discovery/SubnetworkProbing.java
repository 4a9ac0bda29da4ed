package dev.ariadne.discovery;

import dev.ariadne.circuit.ComputationalGraph;
import dev.ariadne.circuit.Edge;
import dev.ariadne.circuit.EdgeGradients;
import dev.ariadne.circuit.EdgeGradients.Masked;
import dev.ariadne.circuit.EdgePatcher;
import dev.ariadne.circuit.Granularity;
import dev.ariadne.circuit.Node;
import dev.ariadne.discovery.HardConcrete.Sample;
import dev.ariadne.discovery.SubnetworkProbingConfig.Masks;
import dev.ariadne.task.Task;
import dev.ariadne.view.Progress;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.function.Function;

/**
 * Subnetwork probing (Cao et al. 2021, as the ACDC study sets it up): masks on nodes, or on edges as in auto-circuit, are trained by gradient
 * descent to keep the metric and to be few. What is kept has a mask of ½ or more in one last sample.
 *
 * <p>Loss: the metric (negated where higher is better) + λ · the mean probability that a mask is not 0; with a target size n, λ · max(0, expected
 * size − n) / n. A step is one forward and one backward. The same seed gives the same circuit on the same machine.
 *
 * <pre>{@code
 * Subnetwork found = SubnetworkProbing.of(task.measuring(Metric.kl())).find();
 * found.edges()
 * }</pre>
 */
public final class SubnetworkProbing {
    private static final int LAST_SAMPLES = 20;

    private final Task task;
    private final SubnetworkProbingConfig config;

    private SubnetworkProbing(Task task, SubnetworkProbingConfig config) {
        this.task = task;
        this.config = config;
    }

    /** Prepares masks on nodes, with the ACDC study's settings. */
    public static SubnetworkProbing of(Task task) {
        return of(task, SubnetworkProbingConfig.DEFAULT);
    }

    /** Prepares masks as configured. */
    public static SubnetworkProbing of(Task task, SubnetworkProbingConfig config) {
        return new SubnetworkProbing(task, config);
    }

    /**
     * Trains the masks.
     *
     * @throws java.util.concurrent.CancellationException when interrupted
     */
    public Subnetwork find() {
        ComputationalGraph graph =
                ComputationalGraph.of(task.model().config(), Granularity.SPLIT_QKV, config.splitEmbedding());
        if (config.masks() == Masks.NODES) {
            try (MaskedNodes masked = new MaskedNodes(task, config.ablation())) {
                List<Node> nodes = masked.nodes().nodes();
                return ofNodes(graph, nodes, train(nodes.size(), masked::run));
            }
        }
        try (EdgePatcher patcher = EdgePatcher.of(task, graph, config.ablation())) {
            EdgeGradients gradients = patcher.gradients();
            return ofEdges(graph, train(graph.size(), gradients::masked));
        }
    }

    /**
     * Trained masks.
     *
     * @param present the probability of each that it is not 0
     * @param last one last sample
     * @param losses at each step
     * @param metric the mean over last samples
     */
    @SuppressWarnings("ArrayRecordComponent") // never leaves this class
    private record Trained(double[] present, double[] last, List<Double> losses, double metric) {}

    private Trained train(int count, Function<double[], Masked> model) {
        HardConcrete masks = new HardConcrete(count);
        Random random = new Random(config.seed());
        List<Double> losses = new ArrayList<>();
        double sign = task.metric().higherIsBetter() ? -1 : 1;
        try (Progress progress = Progress.of("probing " + task.name(), config.steps() + LAST_SAMPLES)) {
            for (int step = 0; step < config.steps(); step++) {
                Sample sample = masks.sample(random);
                Masked run = model.apply(sample.masks());
                double[] present = masks.present();
                double expected = sum(present);
                double loss = sign * run.metric() + config.lambda() * price(expected, count);
                requireFinite(loss, step);
                losses.add(loss);
                double[] gradient = new double[count];
                for (int i = 0; i < count; i++) {
                    gradient[i] = sign * run.gradients()[i] * sample.slopes()[i]
                            + config.lambda() * slope(expected, count) * present[i] * (1 - present[i]);
                }
                masks.step(gradient, config.learningRate());
                progress.step(String.format(Locale.ROOT, "loss %.4g, about %.0f of %d there", loss, expected, count));
            }
            double[] last = masks.sample(random).masks();
            double metric = 0;
            for (int i = 0; i < LAST_SAMPLES; i++) {
                metric += model.apply(i == 0 ? last : masks.sample(random).masks())
                                .metric()
                        / LAST_SAMPLES;
                progress.step();
            }
            return new Trained(masks.present(), last, losses, metric);
        }
    }

    private double price(double expected, int count) {
        int target = config.targetSize();
        return target == 0 ? expected / count : Math.max(0, expected - target) / target;
    }

    /** d price / d expected size. */
    private double slope(double expected, int count) {
        int target = config.targetSize();
        return target == 0 ? 1.0 / count : expected > target ? 1.0 / target : 0;
    }

    private static double sum(double[] values) {
        double sum = 0;
        for (double value : values) {
            sum += value;
        }
        return sum;
    }

    private void requireFinite(double loss, int step) {
        if (!Double.isFinite(loss)) {
            throw new IllegalStateException("the loss is " + loss + " at step " + step + " of probing " + task.name()
                    + "; lower the learning rate (" + config.learningRate()
                    + "), or look for activations that overflow");
        }
    }

    private Subnetwork ofNodes(ComputationalGraph graph, List<Node> nodes, Trained trained) {
        Map<Node, Double> present = new LinkedHashMap<>();
        Set<Node> kept = new LinkedHashSet<>();
        for (int i = 0; i < nodes.size(); i++) {
            present.put(nodes.get(i), trained.present()[i]);
            if (trained.last()[i] >= 0.5) {
                kept.add(nodes.get(i));
            }
        }
        NodeScores scores = NodeScores.of(task, present, name(), "probability");
        return new Subnetwork(
                config, scores.edgeScores(graph), scores.edges(kept, graph), kept, trained.losses(), trained.metric());
    }

    private Subnetwork ofEdges(ComputationalGraph graph, Trained trained) {
        EdgeScores scores =
                EdgeScores.of(graph, trained.present(), name(), task).withUnit("probability");
        Set<Edge> kept = new LinkedHashSet<>();
        int i = 0;
        for (Edge edge : graph.edges()) {
            if (trained.last()[i++] >= 0.5) {
                kept.add(edge);
            }
        }
        return new Subnetwork(config, scores, kept, Set.of(), trained.losses(), trained.metric());
    }

    private String name() {
        return String.format(
                Locale.ROOT,
                "subnetwork probing of %s, λ = %s, %d steps, %s, seed %d",
                config.masks() == Masks.NODES ? "nodes" : "edges",
                config.lambda(),
                config.steps(),
                config.ablation(),
                config.seed());
    }
}
