package dev.ariadne.circuit;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.Shape;
import dev.ariadne.circuit.Node.Kind;
import dev.ariadne.model.Components;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.task.Task;
import dev.ariadne.tensor.Tensors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Collectors;

/**
 * What a model does when only some of its edges are present (Conmy et al. 2023, §3).
 *
 * <p>A receiver reads the sum over its senders: what the sender writes where the edge is present, what stands in for it where the edge is
 * absent, and the attention biases of the layers before. Exact for every set of edges.
 */
public final class EdgePatcher implements AutoCloseable {
    private static final long MOST_NUMBERS = 1 << 26; // in the senders' outputs of all states at once

    private final ComputationalGraph graph;
    private final HookedTransformer model;
    private final NDManager owner;
    private final Components parts;
    private final Outputs outputs;
    private final Readout readout;
    private final long[][] clean;
    private final int batch;
    private final int pos;
    private final int firstRead;

    private EdgePatcher(ComputationalGraph graph, Task task, Ablation ablation, NDManager owner) {
        this.graph = graph;
        this.model = task.model();
        this.owner = owner;
        int[] positions = task.positions();
        this.firstRead = positions[0];
        this.batch = task.clean().length;
        // what comes after the last position that is read cannot change it, unless positions are averaged or shuffled
        boolean mixed = ablation == Ablation.MEAN || (graph.splitEmbedding() && ablation == Ablation.CORRUPTED);
        this.pos = graph.config().causal() && !mixed ? positions[positions.length - 1] + 1 : task.clean()[0].length;
        this.parts = model.components(pos);
        this.clean = cut(task.clean());
        try {
            this.outputs = new Outputs(graph, model, parts, owner, clean, cut(task.corrupted()), ablation);
            this.readout = new Readout(
                    parts,
                    task,
                    clean,
                    outputs.cleanInput(logits()),
                    graph.config().dVocabOut());
        } catch (RuntimeException | Error e) {
            parts.close();
            throw e;
        }
    }

    /**
     * Prepares to patch edges: runs the model on clean and corrupted prompts.
     *
     * @param task the behavior, and the model
     * @param graph of the same model
     * @param ablation what stands in for an absent edge
     * @throws IllegalArgumentException when the graph is another model's
     */
    public static EdgePatcher of(Task task, ComputationalGraph graph, Ablation ablation) {
        if (!graph.config().equals(task.model().config())) {
            throw new IllegalArgumentException("the graph is not of the task's model '"
                    + task.model().name() + "'; make it with ComputationalGraph.of(model.config(), ...)");
        }
        NDManager owner = task.model().newOwner();
        try {
            return Tensors.run(false, Double.MAX_VALUE, () -> new EdgePatcher(graph, task, ablation, owner));
        } catch (RuntimeException | Error e) {
            owner.close();
            throw e;
        }
    }

    private long[][] cut(long[][] tokens) {
        return Arrays.stream(tokens).map(row -> Arrays.copyOf(row, pos)).toArray(long[][]::new);
    }

    /** The graph whose edges are patched. */
    public ComputationalGraph graph() {
        return graph;
    }

    /** The metric of the full model. */
    public double metric() {
        return work(1, () -> {
            try (NDManager scope = owner.newSubManager()) {
                return readout.measure(Tensors.alias(outputs.cleanInput(logits()), scope), 0);
            }
        })[0];
    }

    /**
     * The metric with only these edges present.
     *
     * @param present edges of the graph
     * @throws IllegalArgumentException when one is not
     */
    public double metric(Collection<Edge> present) {
        return metrics(List.of(present))[0];
    }

    /** The metric of each set of edges, several at a time. */
    public double[] metrics(List<? extends Collection<Edge>> circuits) {
        circuits.forEach(circuit -> circuit.forEach(graph::require));
        long each = (long) graph.senders().size() * batch * pos * graph.config().dModel();
        int atOnce = (int) Math.max(1, Math.min(circuits.size(), MOST_NUMBERS / each));
        double[] values = new double[circuits.size()];
        for (int from = 0; from < circuits.size(); from += atOnce) {
            List<Set<Edge>> some = new ArrayList<>();
            for (Collection<Edge> circuit : circuits.subList(from, Math.min(circuits.size(), from + atOnce))) {
                some.add(circuit instanceof Set<Edge> set ? set : new HashSet<>(circuit));
            }
            double[] metrics = work(some.size(), () -> evaluate(some));
            System.arraycopy(metrics, 0, values, from, metrics.length);
        }
        return values;
    }

    /** A circuit of all edges, from which they can be taken one by one. */
    public Descent descend() {
        return new Descent(graph, outputs, parts, readout, owner.newSubManager(), batch, firstRead);
    }

    /**
     * How the metric answers to what edges carry, to first order.
     *
     * @throws IllegalArgumentException when the graph has direct edges
     */
    public EdgeGradients gradients() {
        return new EdgeGradients(graph, model, outputs, parts, readout, clean, owner);
    }

    /** How many states a {@link Descent} can measure at once within a few hundred megabytes. */
    public int statesAtOnce() {
        return (int) Math.max(
                1,
                Math.min(
                        64,
                        MOST_NUMBERS / 4 / ((long) batch * pos * graph.config().dModel())));
    }

    /** Does work of so many states with the engine's threads, without recording. */
    <T> T work(int states, Supplier<T> what) {
        return Tensors.run(false, (double) states * batch * pos * graph.config().dModel() * 1000, what);
    }

    private Node logits() {
        return new Node(Kind.LOGITS, graph.config().nLayers() - 1, -1);
    }

    /** Runs a forward pass for all states at once, through the nodes from which the output can be reached. */
    private double[] evaluate(List<Set<Edge>> states) {
        Set<Node> alive = alive(states);
        try (NDManager scope = owner.newSubManager()) {
            int senders = graph.senders().size();
            Shape one = outputs.delta().getShape().slice(1); // [batch, pos, dModel]
            NDArray away = scope.zeros(
                    new Shape(states.size(), senders, one.size()),
                    outputs.delta().getDataType());
            for (Node sender : graph.senders().subList(0, graph.splitEmbedding() ? 2 : 1)) {
                store(away, sender, outputs.clean(sender, scope).sub(outputs.ablated(sender, scope)));
            }
            for (int layer = 0; layer < graph.config().nLayers(); layer++) {
                try (NDManager inner = scope.newSubManager()) {
                    heads(layer, states, alive, away, inner);
                }
                Node mlp = Node.mlp(layer);
                if (alive.contains(mlp)) {
                    try (NDManager inner = scope.newSubManager()) {
                        NDArray out = parts.mlp(layer, input(mlp, states, away, inner));
                        store(away, mlp, states(out).sub(outputs.ablated(mlp, inner)));
                    }
                }
            }
            return readout.measure(input(logits(), states, away, scope), 0);
        }
    }

    private void heads(int layer, List<Set<Edge>> states, Set<Node> alive, NDArray away, NDManager scope) {
        for (int h = 0; h < graph.config().nHeads(); h++) {
            Node head = Node.head(layer, h);
            if (!alive.contains(head)) {
                continue;
            }
            try (NDManager inner = scope.newSubManager()) {
                int shared = h / graph.config().groupSize();
                List<Node> sources = graph.inputs(head);
                boolean split = sources.size() == 3;
                NDArray in = input(sources.get(0), states, away, inner);
                NDArray q = parts.query(layer, h, in, 0);
                NDArray k = parts.key(layer, shared, split ? input(sources.get(1), states, away, inner) : in);
                NDArray v = parts.value(layer, shared, split ? input(sources.get(2), states, away, inner) : in);
                if (graph.granularity() == Granularity.SPLIT_QKV_DIRECT) {
                    q = direct(q, sources.get(0), head, states);
                    k = direct(k, sources.get(1), head, states);
                    v = direct(v, sources.get(2), head, states);
                }
                NDArray result = parts.result(layer, h, parts.attend(layer, h, q, k, v, 0));
                NDArray out = outputs.share(layer, result, 0);
                store(away, head, states(out).sub(outputs.ablated(head, inner)));
            }
        }
    }

    /** A head's vectors, ablated in those states that lack the direct edge. */
    private NDArray direct(NDArray vectors, Node input, Node head, List<Set<Edge>> states) {
        Edge edge = new Edge(input, head);
        float[] missing = new float[states.size()];
        for (int i = 0; i < missing.length; i++) {
            missing[i] = states.get(i).contains(edge) ? 0 : 1;
        }
        NDArray lost = vectors.getManager()
                .create(missing, new Shape(missing.length, 1, 1, 1))
                .toType(vectors.getDataType(), false);
        NDArray mine = states(vectors); // [state, batch, pos, dHead]
        NDArray ablated = outputs.vector(input); // [batch, pos, dHead]
        return mine.add(mine.neg().add(ablated).mul(lost)).reshape(vectors.getShape());
    }

    /** What a receiver reads in each state [state · batch, pos, dModel]. */
    private NDArray input(Node receiver, List<Set<Edge>> states, NDArray away, NDManager scope) {
        List<Node> senders = graph.sendersTo(receiver);
        int count = outputs.index(senders.get(senders.size() - 1)) + 1; // senders come in order
        float[] mask = new float[states.size() * count];
        for (int state = 0; state < states.size(); state++) {
            for (Node sender : senders) {
                mask[state * count + outputs.index(sender)] =
                        states.get(state).contains(new Edge(sender, receiver)) ? 1 : 0;
            }
        }
        NDArray which = scope.create(mask, new Shape(states.size(), 1, count)).toType(away.getDataType(), false);
        Shape one = outputs.ablatedInput(receiver).getShape();
        return which.matMul(away.get(scope, new NDIndex(":, :" + count))) // [state, 1, batch·pos·dModel]
                .reshape(states.size(), one.get(0), one.get(1), one.get(2))
                .addi(outputs.ablatedInput(receiver))
                .reshape((long) states.size() * batch, pos, one.get(2));
    }

    private NDArray states(NDArray rows) {
        Shape shape = rows.getShape();
        return rows.reshape(-1, batch, shape.get(1), shape.get(2));
    }

    private void store(NDArray away, Node sender, NDArray difference) {
        int i = outputs.index(sender);
        Shape shape = away.getShape();
        NDArray rows = difference.reshape(-1, 1, shape.get(2)).broadcast(shape.get(0), 1, shape.get(2));
        away.set(new NDIndex(":, " + i + ":" + (i + 1)), rows);
    }

    /** The nodes from which the output can be reached in some state. */
    private Set<Node> alive(List<Set<Edge>> states) {
        Set<Edge> any = states.stream().flatMap(Set::stream).collect(Collectors.toSet());
        Set<Node> alive = new HashSet<>();
        List<Node> receivers = new ArrayList<>(graph.receivers());
        for (int i = receivers.size() - 1; i >= 0; i--) { // from the output down
            Node receiver = receivers.get(i);
            if (receiver.kind() == Kind.LOGITS || reached(receiver, alive)) {
                for (Node sender : graph.sendersTo(receiver)) {
                    if (!sender.isHeadInput() && any.contains(new Edge(sender, receiver))) {
                        alive.add(sender);
                    }
                }
            }
        }
        return alive;
    }

    private boolean reached(Node receiver, Set<Node> alive) {
        return receiver.isHeadInput()
                ? graph.headsOf(receiver).stream().anyMatch(alive::contains)
                : alive.contains(receiver);
    }

    @Override
    public void close() {
        parts.close();
        owner.close();
    }
}
