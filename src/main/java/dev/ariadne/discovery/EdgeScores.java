package dev.ariadne.discovery;

import dev.ariadne.circuit.ComputationalGraph;
import dev.ariadne.circuit.Edge;
import dev.ariadne.circuit.EdgePatcher;
import dev.ariadne.circuit.Granularity;
import dev.ariadne.circuit.Node;
import dev.ariadne.circuit.Node.Kind;
import dev.ariadne.circuit.Pareto;
import dev.ariadne.task.Task;
import dev.ariadne.view.Displayable;
import dev.ariadne.view.View;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.Set;
import tech.tablesaw.api.DoubleColumn;
import tech.tablesaw.api.IntColumn;
import tech.tablesaw.api.StringColumn;
import tech.tablesaw.api.Table;

/**
 * A number for every edge of a graph, and the circuits of any size that it orders edges into. Edges with larger absolute scores come first;
 * equal ones come from the output down.
 *
 * @param graph whose edges they are
 * @param scores in the order of {@link ComputationalGraph#edges()}
 * @param method how they were found, with its settings
 * @param metric what was measured
 * @param unit the unit of the scores
 * @param provenance the task and the model
 */
public record EdgeScores(
        ComputationalGraph graph,
        Map<Edge, Double> scores,
        String method,
        String metric,
        String unit,
        String provenance)
        implements Displayable {
    private static final int SHOWN = 30;

    /**
     * Copies the scores.
     *
     * @throws IllegalArgumentException when an edge has none, or one that is no number
     */
    public EdgeScores {
        Map<Edge, Double> ordered = new LinkedHashMap<>();
        for (Edge edge : graph.edges()) {
            Double score = scores.get(edge);
            if (score == null || score.isNaN()) {
                throw new IllegalArgumentException("every edge of the graph needs a score, but " + edge + " has "
                        + score + " by " + method + "; look for activations that overflow, or give a score");
            }
            ordered.put(edge, score);
        }
        if (scores.size() > ordered.size()) {
            scores.keySet().forEach(graph::require);
        }
        scores = Collections.unmodifiableMap(ordered);
    }

    /** Scores in the order of the graph's edges, in the metric's unit. */
    static EdgeScores of(ComputationalGraph graph, double[] values, String method, Task task) {
        Map<Edge, Double> scores = new LinkedHashMap<>();
        for (Edge edge : graph.edges()) {
            scores.put(edge, values[scores.size()]);
        }
        return new EdgeScores(
                graph,
                scores,
                method,
                task.metric().name(),
                task.metric().unit(),
                task.name() + ", " + task.model().name());
    }

    EdgeScores withUnit(String other) {
        return new EdgeScores(graph, scores, method, metric, other, provenance);
    }

    /**
     * The score of one edge.
     *
     * @throws IllegalArgumentException when the graph has no such edge
     */
    public double score(Edge edge) {
        return scores.getOrDefault(graph.require(edge), Double.NaN);
    }

    /** The score of an edge by its text form, {@code a0.h1->a1.h2<q>}. */
    public double score(String edge) {
        return score(graph.edge(edge));
    }

    /** The absolute scores, for {@link dev.ariadne.circuit.RocCurve#ofScores}: methods that estimate an effect rank by its size. */
    public Map<Edge, Double> magnitudes() {
        Map<Edge, Double> sizes = new LinkedHashMap<>(scores);
        sizes.replaceAll((edge, score) -> Math.abs(score));
        return sizes;
    }

    /** All edges, the largest absolute score first. */
    public List<Edge> ranked() {
        List<Edge> all = new ArrayList<>(scores.keySet());
        all.sort(strongest());
        return all;
    }

    private Comparator<Edge> strongest() {
        return Comparator.comparingDouble((Edge edge) -> -Math.abs(score(edge))); // the sort is stable
    }

    /**
     * The circuit of so many edges with the largest absolute scores, the largest first (EAP-IG's {@code apply_topn}).
     *
     * @throws IllegalArgumentException when the graph does not have so many
     */
    public Set<Edge> top(int count) {
        requireCount(count);
        return new LinkedHashSet<>(ranked().subList(0, count));
    }

    private void requireCount(int count) {
        if (count < 0 || count > graph.size()) {
            throw new IllegalArgumentException(
                    "a circuit has 0 to " + graph.size() + " of the graph's edges, got " + count);
        }
    }

    /** The circuit of all edges whose absolute score is at least this, the largest first (EAP-IG's {@code apply_threshold}). */
    public Set<Edge> threshold(double least) {
        if (Double.isNaN(least)) {
            throw new IllegalArgumentException("the threshold must be a number, in " + unit + ", got NaN");
        }
        Set<Edge> some = new LinkedHashSet<>();
        ranked().stream().filter(edge -> Math.abs(score(edge)) >= least).forEach(some::add);
        return some;
    }

    /**
     * What the circuits of the highest scores score in turn; edges that tie with the last one are in, too.
     *
     * @param patcher of the task, on the same graph
     * @param sizes how many edges at least
     * @return one point per size, in the patcher's metric, named for this method
     * @throws IllegalArgumentException when the graph does not have so many edges, or the patcher's is another
     */
    public List<Pareto.Point> points(EdgePatcher patcher, int... sizes) {
        List<Edge> ranked = ranked();
        List<Set<Edge>> circuits = new ArrayList<>();
        for (int size : sizes) {
            requireCount(size);
            circuits.add(size == 0 ? Set.of() : threshold(Math.abs(score(ranked.get(size - 1)))));
        }
        double[] metrics = patcher.metrics(circuits);
        List<Pareto.Point> points = new ArrayList<>();
        for (int i = 0; i < sizes.length; i++) {
            points.add(
                    new Pareto.Point(method, "top " + sizes[i], circuits.get(i).size(), metrics[i]));
        }
        return points;
    }

    /**
     * A circuit of so many edges that hang together: from the output up, each time the edge with the largest absolute score into a node that
     * is already there (EAP-IG's {@code apply_greedy}).
     *
     * @throws IllegalArgumentException when the graph does not have so many
     */
    public Set<Edge> greedy(int count) {
        requireCount(count);
        Map<Edge, Integer> place = new HashMap<>();
        ranked().forEach(edge -> place.put(edge, place.size()));
        PriorityQueue<Edge> open = new PriorityQueue<>(Comparator.comparingInt(edge -> place.getOrDefault(edge, 0)));
        Set<Node> there = new HashSet<>();
        Set<Edge> circuit = new LinkedHashSet<>();
        reach(new Node(Kind.LOGITS, graph.config().nLayers() - 1, -1), there, open);
        while (circuit.size() < count) {
            Edge best = open.remove(); // every edge ends in a node that the output can be reached from
            circuit.add(best);
            reach(best.from(), there, open);
        }
        return circuit;
    }

    private void reach(Node node, Set<Node> there, PriorityQueue<Edge> open) {
        for (Node input : inputs(node)) {
            if (there.add(input) && !isEmbedding(input)) {
                graph.sendersTo(input).forEach(sender -> open.add(new Edge(sender, input)));
            }
        }
    }

    /** Where what a node writes comes from. */
    private List<Node> inputs(Node node) {
        boolean split = node.kind() == Kind.HEAD && graph.granularity() == Granularity.SPLIT_QKV;
        return split ? graph.inputs(node) : List.of(node);
    }

    /**
     * Leaves out what cannot matter: edges from nodes that read nothing, and into nodes that nothing reads, until there are none.
     *
     * @param circuit edges of the graph
     * @return those that are left, in the same order
     * @throws IllegalArgumentException when one is not the graph's
     */
    public Set<Edge> prune(Collection<Edge> circuit) {
        circuit.forEach(graph::require);
        Set<Edge> left = new LinkedHashSet<>(circuit);
        int before;
        do {
            before = left.size();
            Set<Node> reading = new HashSet<>();
            Set<Node> writing = new HashSet<>();
            for (Edge edge : left) {
                reading.add(edge.to());
                writing.add(edge.from());
            }
            left.removeIf(edge -> !isFed(edge.from(), reading) || !isRead(edge.to(), writing));
        } while (left.size() < before);
        return left;
    }

    private boolean isFed(Node sender, Set<Node> reading) {
        return isEmbedding(sender) || inputs(sender).stream().anyMatch(reading::contains);
    }

    private static boolean isEmbedding(Node node) {
        return node.kind() == Kind.EMBED || node.kind() == Kind.POS_EMBED;
    }

    private boolean isRead(Node receiver, Set<Node> writing) {
        boolean ofHeads = receiver.isHeadInput() && graph.granularity() == Granularity.SPLIT_QKV;
        return receiver.kind() == Kind.LOGITS
                || (ofHeads ? graph.headsOf(receiver) : List.of(receiver))
                        .stream().anyMatch(writing::contains);
    }

    /** One line per edge, the largest absolute score first: rank, edge, sender, receiver, score. */
    public Table edges() {
        List<Edge> ranked = ranked();
        return Table.create(
                method,
                IntColumn.indexColumn("rank", ranked.size(), 1),
                StringColumn.create("edge", ranked.stream().map(Edge::toString)),
                StringColumn.create(
                        "sender", ranked.stream().map(edge -> edge.from().toString())),
                StringColumn.create(
                        "receiver", ranked.stream().map(edge -> edge.to().toString())),
                DoubleColumn.create("score", ranked.stream().mapToDouble(this::score)));
    }

    /** The first edges of the ranking, with bars. */
    @Override
    public View view() {
        int shown = Math.min(SHOWN, graph.size());
        String size = shown < graph.size() ? ", the first " + shown + " of " + graph.size() : "";
        return new View.Bars(
                "Edges by " + method + " (" + metric + "; " + provenance + ")" + size,
                "edge",
                unit,
                ranked().subList(0, shown).stream()
                        .map(edge -> new View.Bar(edge.toString(), score(edge)))
                        .toList());
    }

    @Override
    public String toString() {
        List<String> first = ranked().stream()
                .limit(3)
                .map(edge -> String.format(Locale.ROOT, "%s %.3g", edge, score(edge)))
                .toList();
        return "EdgeScores[" + method + ", " + graph.size() + " edges, first " + first + "]";
    }
}
