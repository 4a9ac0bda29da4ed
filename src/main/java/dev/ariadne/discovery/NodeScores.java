package dev.ariadne.discovery;

import dev.ariadne.circuit.ComputationalGraph;
import dev.ariadne.circuit.Edge;
import dev.ariadne.circuit.Granularity;
import dev.ariadne.circuit.Node;
import dev.ariadne.circuit.Node.Kind;
import dev.ariadne.model.ModelConfig;
import dev.ariadne.task.Task;
import dev.ariadne.view.Displayable;
import dev.ariadne.view.View;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import tech.tablesaw.api.DoubleColumn;
import tech.tablesaw.api.IntColumn;
import tech.tablesaw.api.StringColumn;
import tech.tablesaw.api.Table;

/**
 * A number for the query, key and value vectors of every head and for every MLP, and the circuits that removal in ascending order leaves.
 *
 * <p>A node that is removed takes its edges with it; a head goes when its query, key and value are all gone.
 *
 * @param config the model's
 * @param scores one per node, in the order of a forward pass
 * @param method how they were found, with its settings
 * @param metric what was measured
 * @param unit the unit of the scores
 * @param provenance the task and the model
 */
public record NodeScores(
        ModelConfig config, Map<Node, Double> scores, String method, String metric, String unit, String provenance)
        implements Displayable {
    /**
     * Copies the scores.
     *
     * @throws IllegalArgumentException when a node that has a mask has no score, or one that is no number
     */
    public NodeScores {
        Map<Node, Double> ordered = new LinkedHashMap<>();
        for (Node node : NodeMasks.of(config).nodes()) {
            Double score = scores.get(node);
            if (score == null || score.isNaN()) {
                throw new IllegalArgumentException("every query, key, value and MLP needs a score, but " + node
                        + " has " + score + " by " + method + "; look for activations that overflow, or give a score");
            }
            ordered.put(node, score);
        }
        scores = Collections.unmodifiableMap(ordered);
    }

    static NodeScores of(Task task, Map<Node, Double> scores, String method, String unit) {
        return new NodeScores(
                task.model().config(),
                scores,
                method,
                task.metric().name(),
                unit,
                task.name() + ", " + task.model().name());
    }

    /**
     * The score of one node, {@code a0.h1<q>} or {@code m0}.
     *
     * @throws IllegalArgumentException when it has none: embeddings, whole heads and the output are never removed by themselves
     */
    public double score(Node node) {
        Double score = scores.get(node);
        if (score == null) {
            throw new IllegalArgumentException(
                    "no score for '" + node + "'; those that have one are " + scores.keySet());
        }
        return score;
    }

    /** All nodes with a score, the highest first; equal ones in the order of a forward pass. */
    public List<Node> ranked() {
        List<Node> all = new ArrayList<>(scores.keySet());
        all.sort(Comparator.comparingDouble((Node node) -> -score(node)));
        return all;
    }

    /**
     * The nodes with the highest scores.
     *
     * @throws IllegalArgumentException when there are not so many
     */
    public Set<Node> top(int count) {
        if (count < 0 || count > scores.size()) {
            throw new IllegalArgumentException(
                    "a circuit has 0 to " + scores.size() + " of the scored nodes, got " + count);
        }
        return new LinkedHashSet<>(ranked().subList(0, count));
    }

    /** The graph whose edges {@link #edges(Collection)} speaks of, with split inputs. */
    public ComputationalGraph graph() {
        return ComputationalGraph.of(config, Granularity.SPLIT_QKV);
    }

    /**
     * The edges that are left when all nodes but these are removed.
     *
     * @param kept queries, keys, values and MLPs
     */
    public Set<Edge> edges(Collection<Node> kept) {
        return edges(kept, graph());
    }

    /**
     * The edges that are left in another graph of the model; direct edges go with what they begin in.
     *
     * @param kept queries, keys, values and MLPs
     * @param graph with split inputs
     * @throws IllegalArgumentException when the graph is of whole heads, which have no queries, keys and values to remove
     */
    public Set<Edge> edges(Collection<Node> kept, ComputationalGraph graph) {
        kept.forEach(this::score);
        return NodeMasks.edges(kept, graph);
    }

    /** The edges of {@link #graph()}, ranked as they go; see {@link #edgeScores(ComputationalGraph)}. */
    public EdgeScores edgeScores() {
        return edgeScores(graph());
    }

    /**
     * Ranks edges by when they go: an edge is worth what the first of its ends to go is worth, and one between embedding and output a
     * little more than the highest score. The edges of at least some score are those that are left when the nodes of at least that score are.
     *
     * @param graph with split inputs
     * @throws IllegalArgumentException when a score is negative, or the graph is of whole heads
     */
    public EdgeScores edgeScores(ComputationalGraph graph) {
        NodeMasks.requireSplit(graph);
        double highest = Math.nextUp(Collections.max(scores.values())); // what is never removed comes first
        if (Collections.min(scores.values()) < 0) {
            throw new IllegalArgumentException("edges are ranked by absolute scores, but the lowest node's score is "
                    + Collections.min(scores.values()) + "; use edges(top(n))");
        }
        Map<Edge, Double> worth = new LinkedHashMap<>();
        for (Edge edge : graph.edges()) {
            worth.put(edge, Math.min(worth(edge.from(), graph, highest), worth(edge.to(), graph, highest)));
        }
        return new EdgeScores(graph, worth, method, metric, unit, provenance);
    }

    private double worth(Node node, ComputationalGraph graph, double highest) {
        return switch (node.kind()) {
            case EMBED, POS_EMBED, LOGITS -> highest;
            case HEAD ->
                graph.inputs(node).stream().mapToDouble(this::score).max().orElseThrow();
            default -> score(node);
        };
    }

    /** One line per node, the highest score first: rank, node, kind, layer, head, score. */
    public Table table() {
        List<Node> ranked = ranked();
        return Table.create(
                method,
                IntColumn.indexColumn("rank", ranked.size(), 1),
                StringColumn.create("node", ranked.stream().map(Node::toString)),
                StringColumn.create(
                        "kind", ranked.stream().map(node -> node.kind().name().toLowerCase(Locale.ROOT))),
                IntColumn.create("layer", ranked.stream().mapToInt(Node::layer)),
                IntColumn.create("head", ranked.stream().mapToInt(node -> node.kind() == Kind.MLP ? -1 : node.head())),
                DoubleColumn.create("score", ranked.stream().mapToDouble(this::score)));
    }

    /** All nodes, ranked, with bars. */
    @Override
    public View view() {
        return new View.Bars(
                "Nodes by " + method + " (" + metric + "; " + provenance + ")",
                "node",
                unit,
                ranked().stream()
                        .map(node -> new View.Bar(node.toString(), score(node)))
                        .toList());
    }

    @Override
    public String toString() {
        return "NodeScores[" + method + ", " + scores.size() + " nodes, first "
                + ranked().stream().limit(3).toList() + "]";
    }
}
