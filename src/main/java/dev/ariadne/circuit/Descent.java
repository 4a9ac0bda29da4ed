package dev.ariadne.circuit;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.Shape;
import dev.ariadne.circuit.Node.Kind;
import dev.ariadne.model.Components;
import dev.ariadne.tensor.Tensors;
import dev.ariadne.view.Progress;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * A circuit from which edges are taken, from the output down, measured exactly at the cost of what a change reaches.
 *
 * <p>What lies before the receiver at hand is the clean run, so a removed edge adds a known difference to that receiver's input, and only the
 * nodes behind it along edges that are still there are computed again, only at positions that something still reads (Conmy et al. 2023, §3; an
 * exact rearrangement of its algorithm).
 */
public final class Descent implements AutoCloseable {
    private final ComputationalGraph graph;
    private final Outputs outputs;
    private final Components parts;
    private final Readout readout;
    private final NDManager owner;
    private final int batch;
    private final int firstRead;
    private final boolean direct;
    private final Map<Node, NDArray> inputs = new HashMap<>(); // of receivers that were entered, from inputFrom on
    private final Map<Node, NDArray> written = new HashMap<>(); // what changed senders write, from outputFrom on
    private final Map<Node, NDArray> vectors = new HashMap<>(); // queries, keys and values of heads, where computed
    private final Map<Node, TreeSet<Node>> consumers =
            new HashMap<>(); // sender to receivers, along edges that are there
    private final Set<Edge> cut = new HashSet<>(); // direct edges that are gone

    /** Begins with every edge there, and no receiver entered. */
    Descent(
            ComputationalGraph graph,
            Outputs outputs,
            Components parts,
            Readout readout,
            NDManager owner,
            int batch,
            int firstRead) {
        this.graph = graph;
        this.outputs = outputs;
        this.parts = parts;
        this.readout = readout;
        this.owner = owner;
        this.batch = batch;
        this.firstRead = firstRead;
        this.direct = graph.granularity() == Granularity.SPLIT_QKV_DIRECT;
    }

    /** Whether anything still reads a node, or the heads behind an input. */
    public boolean isAlive(Node node) {
        if (node.kind() == Kind.LOGITS) {
            return true;
        }
        if (node.isHeadInput()) {
            return graph.headsOf(node).stream().anyMatch(head -> isAlive(head) && !cut.contains(new Edge(node, head)));
        }
        return !consumers(node).isEmpty();
    }

    /** Turns to a receiver whose edges are all there; those behind it must have been entered before. */
    public void enter(Node receiver) {
        for (Node sender : graph.sendersTo(receiver)) {
            if (!sender.isHeadInput()) {
                consumers.computeIfAbsent(sender, s -> new TreeSet<>()).add(receiver);
            }
        }
        if (isAlive(receiver) && !inputs.containsKey(receiver) && !(direct && receiver.kind() == Kind.HEAD)) {
            try (NDManager scope = owner.newSubManager()) {
                NDArray input = Tensors.alias(outputs.cleanInput(receiver), scope);
                inputs.put(receiver, keep(from(input, 0, inputFrom(receiver))));
            }
        }
    }

    /** The first position of a receiver's input that anything still reads. */
    private int inputFrom(Node receiver) {
        return switch (receiver.kind()) {
            case LOGITS -> firstRead;
            case MLP -> outputFrom(receiver);
            case QUERY -> outputFrom(Node.head(receiver.layer(), receiver.head()));
            default -> 0;
        };
    }

    /** The first position of a node's output that anything still reads. */
    private int outputFrom(Node sender) {
        int first = Integer.MAX_VALUE;
        for (Node consumer : consumers(sender)) {
            first = Math.min(first, inputFrom(consumer));
        }
        if (first == Integer.MAX_VALUE) {
            throw new AssertionError("nothing reads " + sender);
        }
        return first;
    }

    /**
     * Measures states that differ in what one receiver is given.
     *
     * @param receiver entered, alive
     * @param senders those that are missing in some state
     * @param missing [state][sender] whether the edge is missing
     * @return the metric of each state
     */
    public double[] measure(Node receiver, List<Node> senders, boolean[][] missing) {
        try (NDManager scope = owner.newSubManager()) {
            return propagate(receiver, changedInput(receiver, senders, missing, scope), scope, null);
        }
    }

    /** Takes edges to one receiver away for good. */
    public void remove(Node receiver, List<Node> senders) {
        for (Node sender : senders) {
            consumers(sender).remove(receiver);
        }
        if (!inputs.containsKey(receiver) || senders.isEmpty()) {
            return; // nothing reads it, or nothing changed
        }
        boolean[][] all = new boolean[1][senders.size()];
        Arrays.fill(all[0], true);
        try (NDManager scope = owner.newSubManager()) {
            Map<Node, NDArray> changed = new HashMap<>();
            propagate(receiver, changedInput(receiver, senders, all, scope), scope, changed);
        }
    }

    /** Measures the circuit without one direct edge. */
    public double measureWithout(Edge edge) {
        cut.add(edge);
        try (NDManager scope = owner.newSubManager()) {
            return propagate(edge.to(), null, scope, null)[0];
        } finally {
            cut.remove(edge);
        }
    }

    /** Takes a direct edge away for good. */
    public void remove(Edge edge) {
        cut.add(edge);
        if (isAlive(edge.to())) {
            try (NDManager scope = owner.newSubManager()) {
                propagate(edge.to(), null, scope, new HashMap<>());
            }
        }
    }

    /**
     * What a receiver reads in each state [state, batch, pos, dModel]: its input less what is gone, or, with fewer terms and less rounding
     * where most is gone, the ablated input and what is left.
     */
    private NDArray changedInput(Node receiver, List<Node> senders, boolean[][] missing, NDManager scope) {
        NDArray base = input(inputs, receiver); // [batch, pos, dModel]
        int from = inputFrom(receiver);
        List<Node> gone = senders(senders, missing, true);
        List<Node> left = new ArrayList<>(graph.sendersTo(receiver));
        left.removeAll(senders);
        left.addAll(senders(senders, missing, false));
        boolean fewerLeft = left.size() < gone.size();
        List<Node> terms = fewerLeft ? left : gone;
        Shape shape = base.getShape();
        NDArray start = fewerLeft ? from(Tensors.alias(outputs.ablatedInput(receiver), scope), 0, from) : base;
        if (terms.isEmpty()) {
            return spread(Tensors.alias(start, scope), missing.length).reshape(missing.length, batch, shape.get(1), -1);
        }
        float[] mask = new float[missing.length * terms.size()];
        for (int i = 0; i < terms.size(); i++) {
            int at = senders.indexOf(terms.get(i));
            for (int state = 0; state < missing.length; state++) {
                boolean isGone = at >= 0 && missing[state][at];
                mask[state * terms.size() + i] = fewerLeft ? (isGone ? 0 : -1) : (isGone ? 1 : 0);
            }
        }
        NDArray which =
                scope.create(mask, new Shape(missing.length, terms.size())).toType(base.getDataType(), false);
        return which.matMul(deltas(terms, from, scope)) // [state, batch·pos·dModel]
                .reshape(missing.length, shape.get(0), shape.get(1), shape.get(2))
                .addi(start);
    }

    /** The senders that are missing, or that are there, in some state. */
    private static List<Node> senders(List<Node> senders, boolean[][] missing, boolean value) {
        List<Node> some = new ArrayList<>();
        for (int i = 0; i < senders.size(); i++) {
            int at = i;
            if (Arrays.stream(missing).anyMatch(state -> state[at] == value)) {
                some.add(senders.get(i));
            }
        }
        return some;
    }

    /** What ablating each of these senders changes [sender, batch·pos·dModel]; a view where they stand side by side. */
    private NDArray deltas(List<Node> senders, int first, NDManager scope) {
        int low = outputs.index(senders.get(0));
        boolean upward = true;
        for (int i = 0; i < senders.size(); i++) {
            upward &= outputs.index(senders.get(i)) == low + i;
        }
        if (upward) {
            return outputs.delta()
                    .get(scope, new NDIndex(low + ":" + (low + senders.size()) + ", :, " + first + ":"))
                    .reshape(senders.size(), -1);
        }
        NDList rows = new NDList();
        for (Node sender : senders) {
            rows.add(outputs.delta().get(scope, new NDIndex(outputs.index(sender) + ", :, " + first + ":")));
        }
        return NDArrays.stack(rows, 0).reshape(senders.size(), -1);
    }

    /**
     * Computes what a change reaches.
     *
     * @param changedInput the receiver's input [state, batch, pos, dModel]; null when it is the vectors of a head that change
     * @param kept where what changed is kept for good, one state; null to measure only
     * @return the metric of each state; none when nothing is measured
     */
    private double[] propagate(
            Node receiver, @Nullable NDArray changedInput, NDManager scope, @Nullable Map<Node, NDArray> kept) {
        Map<Node, NDArray> changed = new TreeMap<>();
        Map<Node, NDArray> fresh = new HashMap<>(); // vectors of changed inputs: heads of a group share keys and values
        TreeSet<Node> todo = new TreeSet<>();
        if (changedInput != null) {
            changed.put(receiver, changedInput);
        }
        todo.addAll(readers(receiver));
        double[] values = new double[0];
        while (!todo.isEmpty()) {
            Progress.checkInterrupted("measuring edges");
            Node node = todo.pollFirst();
            if (node.kind() == Kind.LOGITS) {
                values = kept == null ? readout.measure(flat(input(changed, node)), firstRead) : values;
                continue;
            }
            if (!isAlive(node)) {
                continue;
            }
            try (NDManager inner =
                    scope.newSubManager()) { // what a node makes is as large as all states; only sums are kept
                int first = outputFrom(node);
                NDArray now = node.kind() == Kind.MLP
                        ? parts.mlp(node.layer(), read(input(changed, node), inputFrom(node), first, inner))
                        : head(node, first, changed, fresh, inner);
                Shape one = outputs.cleanInput(node).getShape();
                now = now.reshape(-1, batch, one.get(1) - first, one.get(2)); // [state, batch, pos, dModel]
                NDArray before = written.containsKey(node)
                        ? written.get(node)
                        : from(outputs.clean(node, inner), 0, first); // [batch, pos, dModel]
                add(now.sub(before), first, node, changed, scope);
                todo.addAll(consumers(node).stream()
                        .flatMap(c -> readers(c).stream())
                        .toList());
                if (kept != null) {
                    replace(written, node, now);
                } else {
                    free(node, changed);
                }
            }
        }
        if (kept != null) {
            changed.forEach((node, input) -> replace(inputs, node, input));
            fresh.forEach((slot, vector) -> replace(vectors, slot, vector));
        }
        return values;
    }

    /** Adds a difference in what a node writes to the inputs of those that read it. */
    private void add(NDArray difference, int first, Node node, Map<Node, NDArray> changed, NDManager scope) {
        for (Node consumer : consumers(node)) {
            NDArray part = from(difference, first, inputFrom(consumer));
            NDArray input = changed.get(consumer);
            if (input == null) {
                NDArray sum = part.add(input(inputs, consumer));
                sum.attach(scope);
                changed.put(consumer, sum);
            } else {
                input.addi(part);
            }
        }
    }

    /** Frees those inputs of a node that no later one reads. */
    private void free(Node node, Map<Node, NDArray> changed) {
        for (Node source : node.kind() == Kind.HEAD ? graph.inputs(node) : List.of(node)) {
            List<Node> readers = readers(source);
            NDArray input = changed.get(source);
            if (input != null && readers.get(readers.size() - 1).equals(node)) {
                input.close();
            }
        }
    }

    private Set<Node> consumers(Node sender) {
        return consumers.getOrDefault(sender, new TreeSet<>());
    }

    private static NDArray input(Map<Node, NDArray> inputs, Node receiver) {
        NDArray input = inputs.get(receiver);
        if (input == null) {
            throw new AssertionError(receiver + " was not entered");
        }
        return input;
    }

    private List<Node> readers(Node receiver) {
        return receiver.isHeadInput()
                ? graph.headsOf(receiver).stream()
                        .filter(head -> !cut.contains(new Edge(receiver, head)))
                        .toList()
                : List.of(receiver);
    }

    /** What a head writes [state · batch, pos, dModel]; all but the vectors that {@code fresh} keeps belongs to {@code inner}. */
    private NDArray head(Node head, int first, Map<Node, NDArray> changed, Map<Node, NDArray> fresh, NDManager inner) {
        List<NDArray> qkv = new ArrayList<>();
        long rows = batch;
        for (Kind kind : List.of(Kind.QUERY, Kind.KEY, Kind.VALUE)) {
            NDArray vector = Tensors.alias(vector(head, kind, first, changed, fresh, inner), inner);
            rows = Math.max(rows, vector.getShape().get(0));
            qkv.add(vector);
        }
        for (int i = 0; i < 3; i++) {
            qkv.set(i, spread(qkv.get(i), rows / batch));
        }
        NDArray z = parts.attend(head.layer(), head.head(), qkv.get(0), qkv.get(1), qkv.get(2), first);
        return outputs.share(head.layer(), parts.result(head.layer(), head.head(), z), first);
    }

    /** A head's query, key or value vectors: ablated, of a changed input, or as they were: [state · batch or batch, pos, dHead]. */
    private NDArray vector(
            Node head, Kind kind, int first, Map<Node, NDArray> changed, Map<Node, NDArray> fresh, NDManager inner) {
        Node source = source(head, kind);
        int from = kind == Kind.QUERY ? first : 0;
        if (direct && cut.contains(new Edge(source, head))) {
            return from(Tensors.alias(outputs.vector(source), inner), 0, from);
        }
        Node slot = new Node(kind, source.layer(), source.head());
        NDArray input = changed.get(source);
        Map<Node, NDArray> cache = input == null ? vectors : fresh;
        NDArray known = cache.get(slot);
        if (known != null) {
            return known;
        }
        NDArray base = inputs.get(source); // none where the receiver was not entered yet
        NDArray x = input != null ? input : base != null ? base : outputs.cleanInput(source);
        NDArray read = read(x, input != null || base != null ? inputFrom(source) : 0, from, inner);
        int shared = head.head() / graph.config().groupSize();
        NDArray vector = switch (kind) {
            case QUERY -> parts.query(head.layer(), head.head(), read, from);
            case KEY -> parts.key(head.layer(), shared, read);
            default -> parts.value(head.layer(), shared, read);
        };
        if (input != null) {
            vector.attach(input.getManager()); // as long as the input
        }
        cache.put(slot, input == null ? keep(vector) : vector);
        return vector;
    }

    /** The input that a head's queries, keys or values come from. */
    private Node source(Node head, Kind kind) {
        List<Node> sources = graph.inputs(head);
        return sources.size() == 1
                ? sources.get(0)
                : sources.stream().filter(s -> s.kind() == kind).findFirst().orElseThrow();
    }

    private NDArray spread(NDArray vector, long states) {
        if (vector.getShape().get(0) == states * batch) {
            return vector;
        }
        Shape shape = vector.getShape();
        return vector.expandDims(0)
                .broadcast(states, shape.get(0), shape.get(1), shape.get(2))
                .reshape(states * batch, shape.get(1), shape.get(2));
    }

    /** What is read of an input that begins at one position, from a later one on [row, pos, dModel]. */
    private static NDArray read(NDArray input, int start, int first, NDManager inner) {
        return flat(from(Tensors.alias(input, inner), start, first));
    }

    private static NDArray flat(NDArray x) {
        Shape shape = x.getShape();
        return shape.dimension() == 3 ? x : x.reshape(-1, shape.get(2), shape.get(3));
    }

    /** Cuts an array that begins at one position down to one that begins at a later one; positions are the last axis but one. */
    private static NDArray from(NDArray x, int start, int first) {
        if (start == first) {
            return x;
        }
        return x.get(new NDIndex("..., " + (first - start) + ":, :"));
    }

    private NDArray keep(NDArray array) {
        NDArray copy = array.duplicate();
        copy.attach(owner);
        return copy;
    }

    /** Keeps an array of one state instead of the one before. */
    private void replace(Map<Node, NDArray> where, Node node, NDArray array) {
        Shape shape = array.getShape();
        NDArray one = shape.dimension() == 4 ? array.reshape(shape.slice(1)) : array;
        NDArray before = where.put(node, keep(one));
        if (before != null) {
            before.close();
        }
    }

    @Override
    public void close() {
        owner.close();
    }
}
