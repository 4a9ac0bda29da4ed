package dev.ariadne.intervention;

import dev.ariadne.intervention.Intervention.Kind;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.transcoder.Feature;
import dev.ariadne.view.Citation;
import dev.ariadne.view.Citation.Paper;
import dev.ariadne.view.Displayable;
import dev.ariadne.view.SupernodeGraph;
import dev.ariadne.view.SupernodeGraph.State;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import tech.tablesaw.api.DoubleColumn;
import tech.tablesaw.api.StringColumn;
import tech.tablesaw.api.Table;

/** What an intervention did: to each supernode, and to the next token. Immutable; shown as the graph with the most probable tokens below. */
public final class InterventionResult implements Displayable {
    private static final int SHOWN = 5;
    private static final double LOW = 0.25; // of the activation, from where on the published pictures gray a name

    private final List<List<Supernode>> rows;
    private final List<SupernodeGraph.Edge> edges;
    private final String prompt;
    private final Mode mode;
    private final HookedTransformer model;
    private final String transcoders;
    private final List<Intervention> interventions;
    private final List<Setting> settings;
    private final Map<String, Double> activations;
    private final double[] before;
    private final double[] now;

    InterventionResult(
            InterventionGraph graph,
            List<Intervention> interventions,
            List<Setting> settings,
            Map<String, Double> activations,
            double[] before,
            double[] now) {
        this.rows = graph.rows();
        this.edges = edges(graph);
        this.prompt = graph.prompt();
        this.mode = graph.mode();
        this.model = graph.replacement().model();
        this.transcoders = graph.replacement().transcoders().toString();
        this.interventions = interventions;
        this.settings = List.copyOf(settings);
        this.activations = Collections.unmodifiableMap(new LinkedHashMap<>(activations));
        this.before = before;
        this.now = now;
    }

    private static List<SupernodeGraph.Edge> edges(InterventionGraph graph) {
        return graph.rows().stream()
                .flatMap(List::stream)
                .flatMap(node -> node.children().stream()
                        .map(child -> new SupernodeGraph.Edge(
                                node.name(), child.name(), rounded(graph.weight(node.name(), child.name())))))
                .toList();
    }

    /** As it is drawn: less than half a percent has no sign. */
    private static double rounded(double weight) {
        return Math.abs(weight) < 0.005 ? 0 : weight;
    }

    /**
     * What became of a possible next token.
     *
     * @param rank from 1, after the intervention
     * @param id the token id
     * @param token the token, readable; "#id" without a tokenizer
     * @param probabilityBefore in [0, 1]
     * @param probability in [0, 1], after the intervention
     * @param logitBefore the logit without the intervention
     * @param logit the logit with it
     */
    public record Change(
            int rank,
            int id,
            String token,
            double probabilityBefore,
            double probability,
            double logitBefore,
            double logit) {}

    /** What was set, in the order given. */
    public List<Setting> settings() {
        return settings;
    }

    /** What was done. */
    public List<Intervention> interventions() {
        return interventions;
    }

    /**
     * How active a supernode is, by what it is without an intervention; see {@link InterventionGraph#fraction}. NaN where it was set or has no
     * features.
     *
     * @throws IllegalArgumentException when there is none of that name
     */
    public double activation(String supernode) {
        Double activation = activations.get(supernode);
        if (activation == null) {
            throw new IllegalArgumentException(
                    "no supernode is called '" + supernode + "'; there are " + activations.keySet());
        }
        return activation;
    }

    /** The same. */
    public double activation(Supernode supernode) {
        return activation(supernode.name());
    }

    /** The most probable token. */
    public String top() {
        return top(1).get(0).token();
    }

    /** The most probable tokens. */
    public List<Change> top(int count) {
        return order(now).stream().limit(count).map(this::change).toList();
    }

    /** What became of a token. */
    public Change of(String token) {
        return change((int) model.tokenizer().toSingleToken(token));
    }

    private static List<Integer> order(double[] logits) {
        return IntStream.range(0, logits.length)
                .boxed()
                .sorted(Comparator.comparingDouble(id -> -logits[id]))
                .toList();
    }

    private Change change(int id) {
        int rank = 1;
        for (double logit : now) {
            rank += logit > now[id] ? 1 : 0;
        }
        String token = model.hasTokenizer() ? model.tokenizer().toSingleString(id) : "#" + id;
        return new Change(rank, id, token, probability(before, id), probability(now, id), before[id], now[id]);
    }

    private static double probability(double[] logits, int id) {
        double sum = 0;
        for (double logit : logits) {
            sum += Math.exp(logit - logits[id]);
        }
        return 1 / sum;
    }

    double[] logits() {
        return now;
    }

    /**
     * Puts interventions on one prompt beside each other.
     *
     * @return a row for each: what was done, the most probable token, its probability and that before, then the fraction of each supernode
     * @throws IllegalArgumentException when they are of several models or prompts
     */
    public static Table compare(InterventionResult... results) {
        Table table = Table.create(
                "interventions",
                StringColumn.create("intervention"),
                StringColumn.create("attention"),
                StringColumn.create("top"),
                DoubleColumn.create("probability"),
                DoubleColumn.create("before"));
        List<InterventionResult> all = List.of(results);
        List<String> names = all.stream()
                .flatMap(result -> result.activations.keySet().stream())
                .distinct()
                .filter(name -> all.stream().anyMatch(r -> !Double.isNaN(r.activations.getOrDefault(name, Double.NaN))))
                .toList();
        names.forEach(name -> table.addColumns(DoubleColumn.create(name)));
        for (InterventionResult result : all) {
            InterventionResult first = all.get(0);
            if (result.model != first.model || !result.prompt.equals(first.prompt)) {
                throw new IllegalArgumentException(
                        "only interventions on one prompt of one model can be compared, got “"
                                + first.prompt + "” of " + first.model.name() + " and “" + result.prompt + "” of "
                                + result.model.name());
            }
            Change top = result.top(1).get(0);
            table.stringColumn("intervention").append(result.title());
            table.stringColumn("attention").append(result.mode.frozenAttention() ? "frozen" : "live");
            table.stringColumn("top").append(top.token());
            table.doubleColumn("probability").append(top.probability());
            table.doubleColumn("before").append(top.probabilityBefore());
            for (String name : names) {
                double fraction = result.activations.getOrDefault(name, Double.NaN);
                if (Double.isNaN(fraction)) {
                    table.doubleColumn(name).appendMissing();
                } else {
                    table.doubleColumn(name).append(fraction);
                }
            }
        }
        return table;
    }

    /** What was done, in one line. */
    public String title() {
        return interventions.isEmpty()
                ? "no intervention"
                : interventions.stream().map(Intervention::toString).collect(Collectors.joining(", "));
    }

    /**
     * What a write-up needs to name this run: what was set to what, in which model, and the papers of the method.
     *
     * @throws IllegalStateException when the model is closed: the hash of its weights is computed here, once for a model
     */
    public Citation cite() {
        Map<String, String> facts = new LinkedHashMap<>();
        facts.put("interventions", title());
        facts.put("prompt", prompt);
        facts.put("mode", mode.toString());
        Stream.concat(
                        rows.stream().flatMap(List::stream),
                        interventions.stream().map(Intervention::node))
                .forEach(node -> facts.put("supernode " + node.name(), members(node)));
        facts.put("next token", nextTokens());
        facts.put("model", model.name());
        facts.put("weights (SHA-256)", model.weights().sha256());
        facts.put("transcoders", transcoders);
        facts.put("version", Citation.libraryVersion());
        return new Citation(
                "How to cite: " + title() + " on “" + prompt + "”",
                facts,
                List.of(Paper.TRANSCODERS, Paper.CIRCUIT_TRACING, Paper.BIOLOGY));
    }

    private static String members(Supernode node) {
        return node.features().isEmpty()
                ? "no features"
                : node.features().stream().map(Feature::toString).collect(Collectors.joining(", "));
    }

    private String nextTokens() {
        return top(SHOWN).stream()
                .map(change -> String.format(Locale.ROOT, "%s %.2f", change.token(), change.probability()))
                .collect(Collectors.joining(", "));
    }

    @Override
    public SupernodeGraph view() {
        List<SupernodeGraph.Node> nodes = new ArrayList<>();
        List<SupernodeGraph.Edge> arrows = new ArrayList<>(edges);
        for (int row = 0; row < rows.size(); row++) {
            for (Supernode node : rows.get(row)) {
                nodes.add(node(node, row));
                for (Intervention one : interventions) {
                    if (one.replaces().equals(node.name()) && !inRows(one.node())) {
                        nodes.add(inserted(one, row));
                    }
                }
            }
        }
        interventions.stream()
                .filter(one -> one.replaces().isEmpty() && !inRows(one.node()))
                .forEach(one -> nodes.add(inserted(one, 0)));
        for (Intervention one : interventions) {
            if (!inRows(one.node())) {
                one.node().children().stream()
                        .filter(child ->
                                nodes.stream().anyMatch(node -> node.id().equals(child.name())))
                        .forEach(child ->
                                arrows.add(new SupernodeGraph.Edge(one.node().name(), child.name(), Double.NaN)));
            }
        }
        List<SupernodeGraph.Output> outputs = new ArrayList<>();
        List<Change> shown = new ArrayList<>(top(SHOWN));
        Change best = change(order(before).get(0)); // what has been lost is shown, too
        if (shown.stream().noneMatch(change -> change.id() == best.id())) {
            shown.add(best);
        }
        boolean compared = !interventions.isEmpty();
        shown.forEach(change -> outputs.add(new SupernodeGraph.Output(
                change.token(), compared ? change.probabilityBefore() : Double.NaN, change.probability())));
        String title = title() + (compared ? " (" + mode + ")" : "");
        return new SupernodeGraph(title, prompt, nodes, arrows, InterventionGraph.EDGES, outputs);
    }

    private boolean inRows(Supernode node) {
        return rows.stream()
                .flatMap(List::stream)
                .anyMatch(other -> other.name().equals(node.name()));
    }

    private SupernodeGraph.Node node(Supernode node, int row) {
        Optional<Intervention> set = interventions.stream()
                .filter(one -> one.node().name().equals(node.name()) && one.kind() != Kind.WATCH)
                .findFirst();
        boolean replaced = interventions.stream().anyMatch(one -> one.replaces().equals(node.name()));
        double activation = activation(node);
        State state;
        if (node.features().isEmpty()) {
            boolean reached =
                    edges.stream().anyMatch(edge -> edge.to().equals(node.name())); // nothing leads to a token
            state = reached ? State.EMPTY : State.INPUT;
        } else if (set.isPresent()) {
            state = set.get().amount() > 0 ? State.SET : replaced ? State.REPLACED : State.OFF;
        } else if (activation <= LOW) {
            state = replaced ? State.REPLACED : State.LOWERED;
        } else {
            state = State.ACTIVE; // also beside what is drawn in its place
        }
        String note = set.map(Intervention::note).orElse("");
        return new SupernodeGraph.Node(node.name(), node.name(), row, state, activation, note);
    }

    private SupernodeGraph.Node inserted(Intervention one, int row) {
        String name = one.node().name();
        return new SupernodeGraph.Node(name, name, row, State.INSERTED, activation(name), one.note());
    }

    @Override
    public String toString() {
        return title() + ": " + nextTokens();
    }
}
