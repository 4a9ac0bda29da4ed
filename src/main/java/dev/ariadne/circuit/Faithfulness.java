package dev.ariadne.circuit;

import dev.ariadne.circuit.Node.Kind;
import dev.ariadne.view.Progress;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.function.IntFunction;
import java.util.stream.Collectors;

/**
 * Whether a circuit does what the model does, has all that does it, and nothing else (Wang et al. 2023, §4).
 *
 * <p>f(C) = (m(C) − m(∅)) / (m(full) − m(∅)): 1 for the full model, 0 with every edge ablated; circuits may lie outside.
 *
 * <pre>{@code
 * try (var patcher = EdgePatcher.of(task, circuit.graph(), Ablation.CORRUPTED)) {
 *     Faithfulness.of(patcher).control(circuit, 20, true, 0).show();
 * }
 * }</pre>
 */
public final class Faithfulness {
    /** The sizes of the MIB benchmark (Mueller et al. 2025), as shares of all edges: from 0.1 % to all. */
    public static final List<Double> SIZES = List.of(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0);

    private final EdgePatcher patcher;
    private final double full;
    private final double empty;

    private Faithfulness(EdgePatcher patcher, double full, double empty) {
        this.patcher = patcher;
        this.full = full;
        this.empty = empty;
    }

    /**
     * Measures the full model and the model with every edge ablated.
     *
     * @param patcher of the task; stays open, and is used by all that is measured later
     * @throws IllegalArgumentException when the two score the same, so that there is nothing to be faithful to
     */
    public static Faithfulness of(EdgePatcher patcher) {
        double full = patcher.metric();
        double empty = patcher.metric(Set.of());
        if (!(Math.abs(full - empty) > 0)) {
            throw new IllegalArgumentException("faithfulness has no meaning here: the metric is " + full
                    + " for the full model and " + empty
                    + " with every edge ablated; choose prompts or a metric that tell them apart");
        }
        return new Faithfulness(patcher, full, empty);
    }

    /** The metric of the full model, m(full). */
    public double full() {
        return full;
    }

    /** The metric with every edge ablated, m(∅). */
    public double empty() {
        return empty;
    }

    /**
     * The faithfulness of a circuit.
     *
     * @param circuit edges of the patcher's graph
     * @return 1 where it scores like the full model, 0 where like no edge at all
     */
    public double of(Collection<Edge> circuit) {
        return share(patcher.metric(circuit));
    }

    private double share(double metric) {
        return (metric - empty) / (full - empty);
    }

    /** Measures so many states, a few at a time; {@code state} is asked for each once. */
    private double[] measure(String what, int count, IntFunction<Set<Edge>> state) {
        double[] metrics = new double[count];
        try (Progress progress = Progress.of(what, count)) {
            for (int from = 0; from < count; from += patcher.statesAtOnce()) {
                List<Set<Edge>> some = new ArrayList<>();
                for (int i = from; i < Math.min(count, from + patcher.statesAtOnce()); i++) {
                    some.add(state.apply(i));
                }
                System.arraycopy(patcher.metrics(some), 0, metrics, from, some.size());
                some.forEach(done -> progress.step());
            }
        }
        return metrics;
    }

    /**
     * The faithfulness of the best edges at {@link #SIZES}.
     *
     * @param title how they were ranked
     * @param scores of every edge of the graph, the best highest; of equal ones, those nearer to the output come first
     * @throws IllegalArgumentException when an edge has no score
     */
    public FaithfulnessCurve curve(String title, Map<Edge, Double> scores) {
        return curve(title, scores, SIZES);
    }

    /**
     * The faithfulness of the best edges.
     *
     * @param title how they were ranked
     * @param scores of every edge of the graph, the best highest
     * @param sizes how many of them, as shares from 0 to 1
     * @throws IllegalArgumentException when an edge has no score, or a size is out of range
     */
    public FaithfulnessCurve curve(String title, Map<Edge, Double> scores, List<Double> sizes) {
        List<Edge> ranked = new ArrayList<>(patcher.graph().edges());
        for (Edge edge : ranked) {
            double score = scores.getOrDefault(edge, Double.NaN);
            if (Double.isNaN(score)) {
                throw new IllegalArgumentException(
                        "'" + edge + "' has no score, and a curve up to the whole graph ranks" + " all " + ranked.size()
                                + " edges; use curve(title, circuits) for circuits of some sizes");
            }
        }
        ranked.sort((one, other) ->
                Double.compare(scores.getOrDefault(other, Double.NaN), scores.getOrDefault(one, Double.NaN)));
        List<List<Edge>> circuits = new ArrayList<>();
        for (double size : sizes) {
            if (!(size >= 0 && size <= 1)) {
                throw new IllegalArgumentException("a size is a share of all edges, from 0 to 1, got " + size);
            }
            circuits.add(ranked.subList(0, (int) Math.round(size * ranked.size())));
        }
        return curve(title, circuits);
    }

    /**
     * The faithfulness of circuits of rising size, such as one per threshold.
     *
     * @param title how they were found
     * @param circuits edges of the patcher's graph, in any order
     */
    public FaithfulnessCurve curve(String title, List<? extends Collection<Edge>> circuits) {
        double[] metrics = measure("faithfulness", circuits.size(), i -> new HashSet<>(circuits.get(i)));
        List<FaithfulnessCurve.Point> points = new ArrayList<>();
        for (int i = 0; i < metrics.length; i++) {
            points.add(new FaithfulnessCurve.Point(circuits.get(i).size(), share(metrics[i])));
        }
        return new FaithfulnessCurve(title, patcher.graph().size(), points);
    }

    /**
     * Compares a circuit with random ones of its size.
     *
     * @param circuit of the patcher's graph
     * @param count how many random ones
     * @param connected whether each of their edges lies on a way from the embedding to the output; else any edges do
     * @param seed where the random numbers begin
     */
    public RandomControl control(Circuit circuit, int count, boolean connected, long seed) {
        if (count < 1) {
            throw new IllegalArgumentException("a control needs at least 1 random circuit, got " + count);
        }
        RandomEdges random = new RandomEdges(patcher.graph(), new Random(seed));
        int size = circuit.edgeCount();
        double[] metrics =
                measure("random circuits", count, i -> connected ? random.connected(size) : random.any(size));
        List<Double> scores = new ArrayList<>();
        for (double metric : metrics) {
            scores.add(share(metric));
        }
        return new RandomControl(circuit.title(), size, of(circuit.edgeSet()), scores, connected, seed);
    }

    /**
     * How much the metric changes when one edge alone is taken out of the circuit: a minimal circuit has none that changes nothing.
     *
     * @param circuit of the patcher's graph
     */
    public Minimality minimality(Circuit circuit) {
        Map<String, Set<Edge>> without = new LinkedHashMap<>();
        circuit.edgeSet().forEach(edge -> without.put(edge.toString(), Set.of(edge)));
        return minimality(circuit, without);
    }

    /**
     * How much the metric changes when one head or MLP alone is taken out of the circuit.
     *
     * @param circuit of the patcher's graph
     */
    public Minimality minimalityOfNodes(Circuit circuit) {
        Map<String, Set<Edge>> without = new LinkedHashMap<>();
        for (Node node : removable(circuit)) {
            without.put(
                    node.toString(),
                    circuit.edgeSet().stream()
                            .filter(edge -> edge.from().equals(node))
                            .collect(Collectors.toSet()));
        }
        return minimality(circuit, without);
    }

    private Minimality minimality(Circuit circuit, Map<String, Set<Edge>> without) {
        List<Set<Edge>> parts = List.copyOf(without.values());
        double whole = patcher.metric(circuit.edgeSet());
        double[] metrics = measure("minimality", parts.size(), i -> {
            Set<Edge> rest = new HashSet<>(circuit.edgeSet());
            rest.removeAll(parts.get(i));
            return rest;
        });
        Map<String, Double> changes = new LinkedHashMap<>();
        int i = 0;
        for (String name : without.keySet()) {
            changes.put(name, metrics[i++] - whole);
        }
        return new Minimality(circuit.title(), circuit.provenance().unit(), whole, changes);
    }

    /** The heads and MLPs of a circuit. */
    private static List<Node> removable(Circuit circuit) {
        return circuit.nodes().stream()
                .filter(node -> node.kind() == Kind.HEAD || node.kind() == Kind.MLP)
                .toList();
    }

    /**
     * Takes sets of nodes K out of the circuit and out of the full model: where the circuit is complete, both score alike.
     *
     * <p>The sets: each of the given groups, as far as it is in the circuit, and random sets in which every head and MLP of the circuit is
     * with probability one half (Wang et al. 2023, §4.1). A node is taken out by ablating all edges that leave it.
     *
     * @param circuit of the patcher's graph
     * @param groups sets of nodes by name, such as {@link PublishedCircuit#groups}
     * @param subsets how many random sets
     * @param seed where the random numbers begin
     * @throws IllegalArgumentException when there is no set at all
     */
    public Completeness completeness(
            Circuit circuit, Map<String, ? extends Collection<Node>> groups, int subsets, long seed) {
        List<Node> all = removable(circuit);
        Map<String, Set<Node>> sets = new LinkedHashMap<>();
        groups.forEach((name, nodes) -> {
            Set<Node> some = all.stream().filter(nodes::contains).collect(Collectors.toCollection(LinkedHashSet::new));
            if (!some.isEmpty()) {
                sets.put(name, some);
            }
        });
        Random random = new Random(seed);
        for (int i = 0; i < subsets; i++) {
            sets.put(
                    "random " + (i + 1),
                    all.stream()
                            .filter(node -> random.nextBoolean())
                            .collect(Collectors.toCollection(LinkedHashSet::new)));
        }
        if (sets.isEmpty()) {
            throw new IllegalArgumentException("completeness needs at least one set of nodes to take out, got none: "
                    + subsets + " random ones, and no group of " + groups.keySet() + " is in " + circuit);
        }
        List<Set<Node>> out = List.copyOf(sets.values());
        double[] ofCircuit = measure("completeness, circuit", out.size(), i -> without(circuit.edgeSet(), out.get(i)));
        double[] ofModel = measure(
                "completeness, model", out.size(), i -> without(patcher.graph().edges(), out.get(i)));
        List<Completeness.Point> points = new ArrayList<>();
        int i = 0;
        for (Map.Entry<String, Set<Node>> set : sets.entrySet()) {
            points.add(new Completeness.Point(set.getKey(), List.copyOf(set.getValue()), ofCircuit[i], ofModel[i]));
            i++;
        }
        return new Completeness(circuit.title(), circuit.provenance().unit(), points, seed);
    }

    private static Set<Edge> without(Collection<Edge> edges, Set<Node> nodes) {
        return edges.stream().filter(edge -> !nodes.contains(edge.from())).collect(Collectors.toSet());
    }
}
