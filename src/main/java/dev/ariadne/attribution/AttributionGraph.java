package dev.ariadne.attribution;

import dev.ariadne.attribution.GraphNode.Kind;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.transcoder.Feature;
import dev.ariadne.view.Citation;
import dev.ariadne.view.Citation.Paper;
import dev.ariadne.view.Displayable;
import dev.ariadne.view.View;
import java.io.IOException;
import java.nio.file.Path;
import java.util.AbstractList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Which features, errors and tokens of a prompt push which features and output tokens, and by how much (Ameisen et al. 2025).
 *
 * <p>The weight of an edge is what the source contributes to the target's pre-activation, or to an output's logit less the mean logit, with
 * attention patterns and norm scales as they were: for each target, the weights of all edges to it and the bias add up to its value. Nodes are
 * numbered: features by layer, position and number; errors by layer and position; tokens; targets.
 *
 * <p>Plain numbers, kept sparse: nothing to close.
 *
 * <pre>{@code
 * var graph = replacement.attribute("Dallas is in");
 * graph.strongestInputs(graph.targetNode(0), 10)
 * graph.prune()
 * }</pre>
 */
public final class AttributionGraph implements Displayable {
    static final double LEAST = 1e-10; // a row's sum is at least this, where it is divided by

    private final Origin origin;
    private final ActiveFeatures active;
    private final int[] selected; // the features that are nodes, by their place among the active ones
    private final List<Target> targets;
    private final SparseRows matrix; // rows: features, then targets
    private final double[] values; // of rows
    private final double[] biases;
    private final double[] unselected; // from features that are no nodes
    private final double residual;
    private final double[] influence;

    /**
     * How a graph was made.
     *
     * @param prompt the text, empty when token ids were given
     * @param model its name
     * @param transcoders what they are
     * @param layers of the model
     * @param config how
     * @param labels of features, by layer_index
     * @param version of this library
     * @param source the model itself: its weights are hashed when somebody asks
     */
    record Origin(
            String prompt,
            String model,
            String transcoders,
            int layers,
            AttributionConfig config,
            Map<String, String> labels,
            String version,
            HookedTransformer source) {}

    /** Takes the computed rows, and drops the columns of features that have none. */
    AttributionGraph(
            Origin origin,
            ActiveFeatures active,
            List<Target> targets,
            int[] selected,
            SparseRows all,
            Sweep.Rest[] rests,
            double[] values) {
        this.origin = origin;
        this.active = active;
        this.targets = List.copyOf(targets);
        this.selected = selected;
        int rows = selected.length + targets.size();
        this.matrix = SparseRows.ofSize(rows);
        this.values = new double[rows];
        this.biases = new double[rows];
        this.unselected = new double[rows];
        int[] node = new int[active.size() + (origin.layers() + 1) * tokens()]; // by column
        Arrays.fill(node, 0, active.size(), -1);
        IntStream.range(0, selected.length).forEach(i -> node[selected[i]] = i);
        IntStream.range(active.size(), node.length).forEach(i -> node[i] = i - active.size() + selected.length);
        double worst = 0;
        for (int row = 0; row < rows; row++) {
            int from = row < selected.length ? selected[row] : active.size() + row - selected.length;
            unselected[row] = all.moveRow(from, node, matrix, row);
            this.values[row] = values[from];
            biases[row] = rests[from].bias();
            worst = Math.max(worst, Math.abs(rests[from].residual()));
        }
        this.residual = worst;
        double[] start = targets.stream().mapToDouble(Target::probability).toArray();
        this.influence = Influence.of(matrix, size(), start, LEAST);
    }

    private int tokens() {
        return active.labels().size();
    }

    /** How many nodes there are. */
    public int size() {
        return selected.length + (origin.layers() + 1) * tokens() + targets.size();
    }

    /** How many edges there are: pairs of nodes whose weight is not 0. */
    public long edgeCount() {
        return matrix.size();
    }

    /** How many features are nodes; they come first. */
    public int featureCount() {
        return selected.length;
    }

    /** The features that are active on the prompt, those that are no nodes included. */
    public ActiveFeatures active() {
        return active;
    }

    /** What the graph explains, in order. */
    public List<Target> targets() {
        return targets;
    }

    /** A node by its number. */
    public GraphNode node(int node) {
        int n = tokens();
        int errors = selected.length;
        int embeddings = errors + origin.layers() * n;
        int outputs = embeddings + n;
        if (node < 0 || node >= size()) {
            throw new IllegalArgumentException("node must be from 0 to " + (size() - 1) + ", got " + node);
        }
        if (node < errors) {
            Feature feature = active.feature(selected[node]);
            String label = origin.labels().getOrDefault(feature.layer() + "_" + feature.index(), "");
            double activation = active.activation(selected[node]);
            return new GraphNode(Kind.FEATURE, feature.layer(), feature.position(), feature.index(), activation, label);
        }
        if (node < embeddings) {
            return new GraphNode(Kind.ERROR, (node - errors) / n, (node - errors) % n, -1, 0, "");
        }
        if (node < outputs) {
            int position = node - embeddings;
            return new GraphNode(
                    Kind.TOKEN,
                    -1,
                    position,
                    active.tokens()[position],
                    0,
                    active.labels().get(position));
        }
        Target target = targets.get(node - outputs);
        return new GraphNode(Kind.TARGET, origin.layers(), n - 1, target.id(), 0, target.label());
    }

    /** All nodes, in order. */
    public List<GraphNode> nodes() {
        return new AbstractList<>() {
            @Override
            public GraphNode get(int index) {
                return node(index);
            }

            @Override
            public int size() {
                return AttributionGraph.this.size();
            }
        };
    }

    /**
     * The number of a feature's node.
     *
     * @throws IllegalArgumentException when it is none: not active, or not among the most influential that were asked for
     */
    public int featureNode(Feature feature) {
        int place = active.place(feature);
        int node = place < 0 ? -1 : Arrays.binarySearch(selected, place);
        if (node < 0) {
            throw new IllegalArgumentException("feature " + feature + " is no node of this graph: it is "
                    + (place < 0 ? "not active on this prompt" : "beyond maxFeatureNodes"));
        }
        return node;
    }

    /** The number of an error's node. */
    public int errorNode(int layer, int position) {
        return selected.length + layer * tokens() + position;
    }

    /** The number of a token's node. */
    public int tokenNode(int position) {
        return errorNode(origin.layers(), position);
    }

    /** The number of a target's node, by its place. */
    public int targetNode(int place) {
        return tokenNode(tokens()) + place;
    }

    /** A node's row; −1 for those that get nothing. */
    int row(int node) {
        int outputs = targetNode(0);
        return node < selected.length ? node : node >= outputs ? node - outputs + selected.length : -1;
    }

    int nodeOf(int row) {
        return row < selected.length ? row : targetNode(row - selected.length);
    }

    /** What a source contributes to a target; 0 where there is no edge. */
    public double weight(int target, int source) {
        int row = row(target);
        return row < 0 ? 0 : matrix.get(row, source);
    }

    /** What a target gets whatever is active: from all biases on the way; 0 for nodes that get nothing. */
    public double bias(int target) {
        int row = row(target);
        return row < 0 ? 0 : biases[row];
    }

    /** What a target gets from active features that are no nodes, because of maxFeatureNodes. */
    public double unselected(int target) {
        int row = row(target);
        return row < 0 ? 0 : unselected[row];
    }

    /** A feature's pre-activation, a target's value; 0 for other nodes. */
    public double value(int target) {
        int row = row(target);
        return row < 0 ? 0 : values[row];
    }

    /** By how much the edges, the bias and what is not selected miss a target's value, at worst. */
    public double residual() {
        return residual;
    }

    /** How much a node influences the targets, over all paths; 0 for targets. */
    public double influence(int node) {
        return influence[node];
    }

    SparseRows matrix() {
        return matrix;
    }

    Origin origin() {
        return origin;
    }

    /**
     * An edge.
     *
     * @param source a node
     * @param target a node
     * @param weight what the source contributes to the target
     */
    public record GraphEdge(int source, int target, double weight) {}

    /** The edges to a node with the largest weights, by falling size. */
    public List<GraphEdge> strongestInputs(int target, int count) {
        int row = row(target);
        if (row < 0) {
            return List.of();
        }
        int[] columns = matrix.columns()[row];
        float[] weights = matrix.weights()[row];
        return strongest(
                IntStream.range(0, columns.length)
                        .mapToObj(i -> new GraphEdge(columns[i], target, weights[i]))
                        .toList(),
                count);
    }

    /** The edges from a node with the largest weights, by falling size. */
    public List<GraphEdge> strongestOutputs(int source, int count) {
        return strongest(
                IntStream.range(0, matrix.rows())
                        .mapToObj(row -> new GraphEdge(source, nodeOf(row), matrix.get(row, source)))
                        .filter(edge -> edge.weight() != 0)
                        .toList(),
                count);
    }

    private static List<GraphEdge> strongest(List<GraphEdge> edges, int count) {
        return edges.stream()
                .sorted(Comparator.comparingDouble((GraphEdge edge) -> -Math.abs(edge.weight()))
                        .thenComparingInt(GraphEdge::source))
                .limit(count)
                .toList();
    }

    /**
     * The replacement score: of the influence that begins at tokens or errors, the share of tokens, from 0 to 1. High where the features explain
     * the output from the prompt.
     */
    public double replacementScore() {
        double tokens = IntStream.range(tokenNode(0), targetNode(0))
                .mapToDouble(this::influence)
                .sum();
        double errors = IntStream.range(errorNode(0, 0), tokenNode(0))
                .mapToDouble(this::influence)
                .sum();
        return tokens + errors == 0 ? 1 : tokens / (tokens + errors);
    }

    /** The completeness score: the share of what nodes get that is not from errors, over all nodes by their influence, from 0 to 1. */
    public double completenessScore() {
        int errors = errorNode(0, 0);
        int tokens = tokenNode(0);
        double explained = 0;
        double total = 0;
        for (int node = 0; node < size(); node++) {
            double weight = influence[node];
            int row = row(node);
            double missed = 0;
            if (row >= 0) {
                weight += row < selected.length
                        ? 0
                        : targets.get(row - selected.length).probability();
                for (int i = 0; i < matrix.columns()[row].length; i++) {
                    int source = matrix.columns()[row][i];
                    missed += source >= errors && source < tokens ? Math.abs(matrix.weights()[row][i]) : 0;
                }
                missed /= Math.max(matrix.norm(row), LEAST);
            }
            explained += (1 - missed) * weight;
            total += weight;
        }
        return total == 0 ? 1 : explained / total;
    }

    /**
     * For each node, what share of all influence the nodes down to it have, most influential first: small for what matters, 1 for targets.
     *
     * @return [node]
     */
    public double[] cumulativeInfluence() {
        Integer[] order = IntStream.range(0, size()).boxed().toArray(Integer[]::new);
        Arrays.sort(order, Comparator.comparingDouble(node -> -influence[node]));
        double total = Arrays.stream(influence).sum();
        double sum = 0;
        double[] cumulative = new double[size()];
        for (Integer node : order) {
            sum += influence[node];
            cumulative[node] = total == 0 ? 1 : Math.min(1, sum / total);
        }
        return cumulative;
    }

    /** Keeps what makes up 80 % of the influence of nodes, and 98 % of that of the edges between them. */
    public PrunedGraph prune() {
        return prune(0.8, 0.98);
    }

    /**
     * Keeps the most influential nodes and edges, and drops what then leads nowhere or comes from nowhere. Tokens and targets stay.
     *
     * @param nodes the share of the nodes' influence that is kept, from 0 to 1
     * @param edges the share of the edges' influence that is kept, from 0 to 1
     */
    public PrunedGraph prune(double nodes, double edges) {
        return new Pruning(this).prune(nodes, edges);
    }

    /**
     * Writes the graph in Neuronpedia's schema, pruned as by {@link #prune()} and named after the file.
     *
     * @param file a {@code .json}; an existing one is replaced by a whole new one
     */
    public void save(Path file) throws IOException {
        prune().save(file);
    }

    /**
     * Reads a graph that this or another program has saved.
     *
     * @throws IOException when it cannot be read, or is no graph: the message names the place, the value and the rule
     */
    public static GraphJson load(Path file) throws IOException {
        return GraphJson.read(file);
    }

    /**
     * What a write-up needs to name this graph: how it was made, with which model, and the papers of the method.
     *
     * @throws IllegalStateException when the model is closed: the hash of its weights is computed here, once for a model
     */
    public Citation cite() {
        AttributionConfig config = origin.config();
        boolean all = config.maxFeatureNodes() == Integer.MAX_VALUE;
        Map<String, String> facts = new LinkedHashMap<>();
        facts.put("graph", toString());
        facts.put("prompt", prompt());
        facts.put("targets", listed(targets));
        facts.put("targets chosen by", config.targets().toString());
        facts.put("feature nodes", all ? "all that are active" : "at most " + config.maxFeatureNodes());
        facts.put("model", origin.model());
        facts.put("weights (SHA-256)", origin.source().weights().sha256());
        facts.put("transcoders", origin.transcoders());
        facts.put("version", origin.version());
        return new Citation(
                "How to cite: " + this + " on " + origin.model(),
                facts,
                List.of(Paper.TRANSCODERS, Paper.CIRCUIT_TRACING));
    }

    private String prompt() {
        return origin.prompt().isEmpty() ? String.join("", active.labels()) : origin.prompt();
    }

    private static String listed(List<Target> targets) {
        return targets.stream().map(Target::toString).collect(Collectors.joining(", "));
    }

    @Override
    public View view() {
        Map<String, String> facts = new LinkedHashMap<>();
        facts.put("model", origin.model());
        facts.put("transcoders", origin.transcoders());
        facts.put("prompt", prompt());
        facts.put("targets", listed(targets));
        facts.put(
                "nodes",
                String.format(
                        Locale.ROOT,
                        "%,d, of them %,d of %,d active features",
                        size(),
                        selected.length,
                        active.size()));
        facts.put("edges", String.format(Locale.ROOT, "%,d", edgeCount()));
        facts.put("replacement score", String.format(Locale.ROOT, "%.3f", replacementScore()));
        facts.put("completeness score", String.format(Locale.ROOT, "%.3f", completenessScore()));
        facts.put("largest residual", String.format(Locale.ROOT, "%.1e", residual));
        return new View.Facts("attribution graph", facts);
    }

    @Override
    public String toString() {
        return String.format(Locale.ROOT, "attribution graph of %,d nodes and %,d edges", size(), edgeCount());
    }
}
