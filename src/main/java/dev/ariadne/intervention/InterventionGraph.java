package dev.ariadne.intervention;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import dev.ariadne.attribution.ReplacementModel;
import dev.ariadne.model.Logits;
import dev.ariadne.transcoder.Feature;
import dev.ariadne.view.Citation;
import dev.ariadne.view.Displayable;
import dev.ariadne.view.View;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Consumer;
import tech.tablesaw.api.Table;

/**
 * Supernodes of a prompt in rows, and what the model says when some of them are set.
 *
 * <p>Their activations are recorded from a run without an intervention, and how much of each child's activation is lost when a parent is turned off
 * is measured: the numbers at the arrows. Nothing carries over from one intervention to the next.
 *
 * <pre>{@code
 * var circuit = InterventionGraph.of(replacement, prompt, row(capital, state), row(sayACapital, texas), row(sayAustin));
 * circuit.intervene(texas.times(-2))
 * }</pre>
 */
public final class InterventionGraph implements Displayable, AutoCloseable {
    /** What the numbers at the arrows are. */
    static final String EDGES = "share of the upper one's activation that goes when the lower one is turned off";

    private final ReplacementModel replacement;
    private final String prompt;
    private final Mode mode;
    private final List<List<Supernode>> rows;
    private final Map<String, Supernode> nodes = new LinkedHashMap<>();
    private final Map<String, double[]> defaults = new LinkedHashMap<>();
    private final Map<List<String>, Double> weights = new LinkedHashMap<>(); // parent, child
    private final Map<List<Object>, double[]> elsewhere = new HashMap<>(); // prompt, features: what they are there
    private final FeaturePatcher patcher;
    private final InterventionResult clean;
    private volatile boolean closed;

    InterventionGraph(ReplacementModel replacement, String prompt, List<List<Supernode>> rows, Mode mode) {
        this.replacement = replacement;
        this.prompt = prompt;
        this.mode = mode;
        this.rows = rows.stream().map(List::copyOf).toList();
        this.rows.forEach(row -> row.forEach(this::add));
        nodes.values().forEach(node -> requireAcyclic(node, List.of()));
        this.patcher = FeaturePatcher.of(replacement, prompt);
        try {
            nodes.values().forEach(node -> defaults.put(node.name(), defaults(node)));
            measureEdges();
            this.clean = result(List.of(), List.of(), patcher.clean());
        } catch (RuntimeException | Error e) {
            patcher.close();
            throw e;
        }
    }

    /**
     * A graph in which attention patterns are frozen during interventions, as in the published demos.
     *
     * @param rows from the lowest up, each from the left
     * @throws IllegalArgumentException when two supernodes have one name, an arrow leads to none of them or around in a circle, or a feature
     *     does not exist
     */
    @SafeVarargs
    public static InterventionGraph of(ReplacementModel replacement, String prompt, List<Supernode>... rows) {
        List<List<Supernode>> all = new ArrayList<>();
        for (List<Supernode> row : rows) { // the compiler warns of passing the array on
            all.add(row);
        }
        return new InterventionGraph(replacement, prompt, all, Mode.FROZEN);
    }

    /** A row of supernodes, from the left. */
    public static List<Supernode> row(Supernode... nodes) {
        return List.of(nodes);
    }

    /** The same graph, with another rule of what stays during interventions. */
    public InterventionGraph with(Mode other) {
        return new InterventionGraph(replacement, prompt, rows, other);
    }

    private void add(Supernode node) {
        if (nodes.put(node.name(), node) != null) {
            throw new IllegalArgumentException("two supernodes are called '" + node.name() + "'; rename one of them");
        }
        if (!node.source().isEmpty() && !node.source().equals(prompt)) {
            throw new IllegalArgumentException("'" + node.name() + "' is from another prompt, '" + node.source()
                    + "'; it can be set with intervene(...), but has no place in the rows");
        }
    }

    private void requireAcyclic(Supernode node, List<String> above) {
        if (above.contains(node.name())) {
            throw new IllegalArgumentException("arrows lead around in a circle: " + String.join(" -> ", above) + " -> "
                    + node.name() + "; take one away");
        }
        List<String> path = new ArrayList<>(above);
        path.add(node.name());
        for (Supernode child : node.children()) {
            Supernode here = nodes.get(child.name());
            if (here == null) {
                throw new IllegalArgumentException("'" + node.name() + "' leads to '" + child.name()
                        + "', which is in no row; the rows have " + nodes.keySet());
            }
            requireAcyclic(here, path);
        }
    }

    /** The activations of a supernode's features without an intervention, on the prompt they are from. */
    private double[] defaults(Supernode node) {
        for (Feature feature : node.features()) {
            boolean known = feature.layer() < replacement.transcoders().size()
                    && feature.index() < replacement.transcoders().features(feature.layer());
            if (!known) {
                throw new IllegalArgumentException("'" + node.name() + "' has the member " + feature
                        + ", which the transcoders do not have: they are " + replacement.transcoders());
            }
        }
        boolean own = node.source().isEmpty() || node.source().equals(prompt);
        if (own) {
            requirePositions(node, node.features(), patcher.length());
            return patcher.clean().activations(node.features());
        }
        return elsewhere.computeIfAbsent(List.of(node.source(), node.features()), key -> {
            try (FeaturePatcher there = FeaturePatcher.of(replacement, node.source())) {
                requirePositions(node, node.features(), there.length());
                return there.clean().activations(node.features());
            }
        });
    }

    private static void requirePositions(Supernode node, List<Feature> features, int length) {
        for (Feature feature : features) {
            if (feature.position() >= length) {
                throw new IllegalArgumentException("'" + node.name() + "' has the member " + feature
                        + ", but the prompt has positions 0 to " + (length - 1)
                        + "; a supernode of another prompt is put elsewhere with moved(...)");
            }
        }
    }

    /** Turns off each supernode that leads somewhere, all side by side. */
    private void measureEdges() {
        List<Supernode> parents = nodes.values().stream()
                .filter(node -> !node.children().isEmpty() && !node.features().isEmpty())
                .toList();
        if (parents.isEmpty()) {
            return;
        }
        List<List<Setting>> off = parents.stream()
                .map(node -> node.features().stream()
                        .map(feature -> Setting.of(feature, 0))
                        .toList())
                .toList();
        try (PatchedRun run = patcher.nextOfAll(off, mode)) {
            for (int row = 0; row < parents.size(); row++) {
                for (Supernode child : parents.get(row).children()) {
                    Supernode node = Objects.requireNonNull(nodes.get(child.name()));
                    double left = fraction(run.activations(row, node.features()), base(node));
                    double lost = Math.abs(1 - left) < 1e-6 ? 0 : 1 - left; // else rounding would have a sign
                    weights.put(List.of(parents.get(row).name(), child.name()), lost);
                }
            }
        }
    }

    private double[] base(Supernode node) {
        return Objects.requireNonNull(defaults.get(node.name()));
    }

    /**
     * How active a supernode is: the mean of its members' activations by what they are without an intervention. Members that are 0 without
     * one have no such share and are left out; where all are, it is 1 plus their mean activation.
     *
     * @return NaN without members
     */
    static double fraction(double[] now, double[] before) {
        double shares = 0;
        double sum = 0;
        int count = 0;
        for (int i = 0; i < now.length; i++) {
            sum += now[i];
            if (before[i] != 0) {
                shares += now[i] / before[i];
                count++;
            }
        }
        return now.length == 0 ? Double.NaN : count > 0 ? shares / count : 1 + sum / now.length;
    }

    /**
     * Sets supernodes and runs the model on from there.
     *
     * @param interventions all at once; of two that set one feature at one token, the last one counts
     * @throws IllegalArgumentException when a feature does not exist or is put at a position that the prompt does not have, or when a
     *     value is too large for the model to say anything
     * @throws IllegalStateException when this graph is closed
     */
    public InterventionResult intervene(Intervention... interventions) {
        requireOpen();
        List<Intervention> all = List.of(interventions);
        Set<String> once = new HashSet<>();
        List<Setting> settings = new ArrayList<>();
        for (Intervention one : all) {
            if (!once.add(one.node().name())) {
                throw new IllegalArgumentException(
                        "'" + one.node().name() + "' is set twice; say once what it is to be");
            }
            if (!one.replaces().isEmpty() && !nodes.containsKey(one.replaces())) {
                throw new IllegalArgumentException("'" + one.node().name() + "' is to replace '" + one.replaces()
                        + "', which is in no row; the rows have " + nodes.keySet());
            }
            requireSame(one.node());
            settings.addAll(settings(one));
        }
        try (PatchedRun run = patcher.next(settings, mode)) {
            return result(all, settings, run);
        }
    }

    /** A supernode of the rows is the one that was recorded. */
    private void requireSame(Supernode node) {
        Supernode here = nodes.get(node.name());
        if (here != null && !here.features().equals(node.features())) {
            throw new IllegalArgumentException("'" + node.name() + "' has other members than the supernode of that name"
                    + " in the rows; rename it");
        }
    }

    private List<Setting> settings(Intervention one) {
        if (one.kind() == Intervention.Kind.WATCH) {
            return List.of();
        }
        List<Feature> placed = placed(one.node());
        double[] before = defaultsOf(one.node());
        List<Setting> settings = new ArrayList<>();
        for (int i = 0; i < before.length; i++) {
            double value = one.kind() == Intervention.Kind.TO ? one.amount() : one.amount() * before[i];
            settings.add(Setting.of(placed.get(i), value));
        }
        return settings;
    }

    private List<Feature> placed(Supernode node) {
        List<Feature> placed = nodes.containsKey(node.name()) ? node.features() : node.placed();
        requirePositions(node, placed, patcher.length());
        return placed;
    }

    private double[] defaultsOf(Supernode node) {
        return nodes.containsKey(node.name()) ? base(node) : defaults(node);
    }

    private InterventionResult result(List<Intervention> interventions, List<Setting> settings, PatchedRun run) {
        Map<String, Double> fractions = new LinkedHashMap<>();
        Consumer<Supernode> read =
                node -> fractions.put(node.name(), fraction(run.activations(placed(node)), defaultsOf(node)));
        nodes.values().forEach(read);
        interventions.stream()
                .map(Intervention::node)
                .filter(node -> !nodes.containsKey(node.name()))
                .forEach(read);
        interventions.stream()
                .filter(one -> one.kind() != Intervention.Kind.WATCH)
                .forEach(one -> fractions.put(one.node().name(), Double.NaN)); // it is what it was set to
        double[] logits = last(run.logits());
        for (double logit : logits) {
            if (!Double.isFinite(logit)) {
                throw new IllegalArgumentException("the model's logits are no numbers any more, but " + logit
                        + ", after " + (interventions.isEmpty() ? "the prompt alone" : interventions) + " on “" + prompt
                        + "”; set supernodes to smaller multiples or values");
            }
        }
        return new InterventionResult(
                this, interventions, settings, fractions, settings.isEmpty() ? logits : clean.logits(), logits);
    }

    private static double[] last(Logits logits) {
        try (NDArray row = logits.array().get(0, logits.shape()[1] - 1);
                NDArray plain = row.toType(DataType.FLOAT64, true)) {
            return plain.toDoubleArray();
        }
    }

    /** The run without an intervention. */
    public InterventionResult clean() {
        return clean;
    }

    /** What stays during interventions. */
    public Mode mode() {
        return mode;
    }

    /** The prompt. */
    public String prompt() {
        return prompt;
    }

    /** From the lowest up. */
    public List<List<Supernode>> rows() {
        return rows;
    }

    /** How much of the child's activation goes when the parent is turned off, as a fraction; NaN where nothing can be turned off. */
    public double weight(String parent, String child) {
        return weights.getOrDefault(List.of(parent, child), Double.NaN);
    }

    /**
     * Tests each arrow: what becomes of the child when the parent is set to −2, −1, 0 and 2 times its activation, and what becomes of it when
     * as many other features at the same tokens are changed by as much.
     *
     * @param seed of the choice of the others, of which there are ten draws
     * @return parent, child, the child's fraction for each factor, the mean and the largest change in either direction under control at factor
     *     0, and whether the child loses more with its parent than in any of the ten
     * @throws IllegalStateException when this graph is closed
     */
    public Table verify(long seed) {
        requireOpen();
        return new EdgeTest(this, seed).table();
    }

    private void requireOpen() {
        if (closed) {
            throw new IllegalStateException("the intervention graph of “" + prompt
                    + "” is closed and its runs are freed; make it again with InterventionGraph.of(...)");
        }
    }

    ReplacementModel replacement() {
        return replacement;
    }

    FeaturePatcher patcher() {
        return patcher;
    }

    Supernode node(String name) {
        return Objects.requireNonNull(nodes.get(name));
    }

    double[] defaultsOf(String name) {
        return Objects.requireNonNull(defaults.get(name)).clone();
    }

    /** What a write-up needs to name this graph: {@linkplain InterventionResult#cite that} of the run without an intervention. */
    public Citation cite() {
        return clean.cite();
    }

    @Override
    public View view() {
        return clean.view();
    }

    @Override
    public String toString() {
        return nodes.size() + " supernodes of “" + prompt + "”, " + mode;
    }

    /** Frees what the runs start from. */
    @Override
    public void close() {
        closed = true;
        patcher.close();
    }
}
