package dev.ariadne.circuit;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.ariadne.circuit.Node.Kind;
import dev.ariadne.model.ActivationCache;
import dev.ariadne.model.Components;
import dev.ariadne.model.Hook;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.tensor.Tensors;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * How the metric answers to what edges carry, to first order: one run of the model forward and one backward give the gradient at every
 * receiver's input, and one matrix product per layer and kind of input brings it together with what the senders write.
 *
 * <p>Gradients are those of the function that {@link EdgePatcher} evaluates: where attention's sum passes a norm of its own, that norm's scale is
 * the clean run's. Values belong to edges in the order of {@link ComputationalGraph#edges()}. Made by {@link EdgePatcher#gradients()}, and
 * usable while that is open.
 */
public final class EdgeGradients {
    private final ComputationalGraph graph;
    private final HookedTransformer model;
    private final Outputs outputs;
    private final Components parts;
    private final Readout readout;
    private final long[][] tokens;
    private final NDManager owner;
    private final List<Group> groups = new ArrayList<>();

    /** Receivers whose inputs are one activation, and the places of their edges, by sender. */
    private record Group(String hook, List<Node> receivers, List<int[]> edges) {}

    /**
     * A circuit whose edges are there in part.
     *
     * @param metric the mean over prompts
     * @param gradients d metric / d mask of each edge
     */
    @SuppressWarnings("ArrayRecordComponent") // handed over, not shared
    public record Masked(double metric, double[] gradients) {}

    /**
     * Prepares.
     *
     * @throws IllegalArgumentException when the graph has direct edges, which carry no part of the stream
     */
    EdgeGradients(
            ComputationalGraph graph,
            HookedTransformer model,
            Outputs outputs,
            Components parts,
            Readout readout,
            long[][] tokens,
            NDManager owner) {
        if (graph.granularity() == Granularity.SPLIT_QKV_DIRECT) {
            throw new IllegalArgumentException("gradients are taken at residual inputs, and the direct edges of "
                    + graph + " carry none; use Granularity.SPLIT_QKV or HEADS");
        }
        this.graph = graph;
        this.model = model;
        this.outputs = outputs;
        this.parts = parts;
        this.readout = readout;
        this.tokens = tokens;
        this.owner = owner;
        Map<Edge, Integer> places = new HashMap<>();
        graph.edges().forEach(edge -> places.put(edge, places.size()));
        group(places);
    }

    private void group(Map<Edge, Integer> places) {
        int last = graph.config().nLayers() - 1;
        for (int layer = 0; layer <= last; layer++) {
            String block = "blocks." + layer + ".";
            if (graph.granularity() == Granularity.HEADS) {
                add(block + (isGrouped() ? "attn.hook_result" : "hook_attn_in"), of(Kind.HEAD, layer), places);
            } else {
                add(block + "hook_q_input", of(Kind.QUERY, layer), places);
                add(block + "hook_k_input", of(Kind.KEY, layer), places);
                add(block + "hook_v_input", of(Kind.VALUE, layer), places);
            }
            if (!graph.config().attnOnly()) {
                add(block + "hook_mlp_in", List.of(Node.mlp(layer)), places);
            }
        }
        add("blocks." + last + ".hook_resid_post", List.of(new Node(Kind.LOGITS, last, -1)), places);
    }

    private void add(String hook, List<Node> receivers, Map<Edge, Integer> places) {
        List<int[]> edges = new ArrayList<>();
        for (Node receiver : receivers) {
            edges.add(graph.sendersTo(receiver).stream()
                    .map(sender -> new Edge(sender, receiver))
                    .mapToInt(places::get)
                    .toArray());
        }
        groups.add(new Group(hook, receivers, edges));
    }

    private List<Node> of(Kind kind, int layer) {
        return graph.receivers().stream()
                .filter(node -> node.kind() == kind && node.layer() == layer)
                .toList();
    }

    /** Whether heads of one input each share keys and values, so that the model has no activation that is such an input. */
    private boolean isGrouped() {
        return graph.granularity() == Granularity.HEADS && graph.config().groupSize() > 1;
    }

    /**
     * First-order effect of ablating each edge alone, by the gradient at a point between the ablated and the clean embedding.
     *
     * @param present where: 1 is the clean run, 0 has the ablated embedding
     * @return Σ (ablated sender − clean sender) · d metric / d receiver's input, over prompts, positions and width, for each edge
     */
    public double[] atEmbedding(double present) {
        return attribute(graph.senders().subList(0, graph.splitEmbedding() ? 2 : 1), present, graph.senders());
    }

    /**
     * First-order effect of ablating each edge of one sender alone, by the gradient where what it writes lies between ablated and clean.
     *
     * @param present where: 1 is the clean run, 0 has the sender ablated
     * @return as {@link #atEmbedding}; 0 for other senders' edges
     */
    public double[] atSender(Node sender, double present) {
        return attribute(List.of(sender), present, List.of(sender));
    }

    private double[] attribute(List<Node> moved, double present, List<Node> scored) {
        try (NDManager scope = owner.newSubManager()) {
            List<Hook> hooks = frozenScales();
            if (present != 1) {
                NDArray shift = rows(moved, scope).sum(new int[] {0}).muli(1 - present); // [batch, pos, dModel]
                hooks.add(Hook.at(written(moved.get(0)), x -> x.add(shift)));
            }
            try (ActivationCache cache = run(hooks)) {
                return Tensors.run(
                        false, operations(), () -> contract(cache, rows(scored, scope), outputs.index(scored.get(0))));
            }
        }
    }

    /** About what the products take. */
    private double operations() {
        return (double) graph.size()
                * outputs.ablatedInput(graph.receivers().get(0)).size();
    }

    /** What ablating senders that stand side by side changes [sender, batch, pos, dModel], a view. */
    private NDArray rows(List<Node> senders, NDManager scope) {
        int from = outputs.index(senders.get(0));
        return outputs.delta().get(scope, new NDIndex(from + ":" + (from + senders.size())));
    }

    /** Where a sender's output joins the stream. */
    private static String written(Node sender) {
        return switch (sender.kind()) {
            case HEAD -> "blocks." + sender.layer() + ".hook_attn_out";
            case MLP -> "blocks." + sender.layer() + ".hook_mlp_out";
            default -> "blocks.0.hook_resid_pre";
        };
    }

    private List<Hook> frozenScales() {
        List<Hook> hooks = new ArrayList<>();
        for (int layer = 0; graph.config().postNorms() && layer < graph.config().nLayers(); layer++) {
            NDArray scale = outputs.scale(layer);
            hooks.add(Hook.at("blocks." + layer + ".ln1_post.hook_scale", x -> Tensors.alias(scale, x.getManager())));
        }
        return hooks;
    }

    private ActivationCache run(List<Hook> hooks) {
        List<String> captured = new ArrayList<>(groups.stream().map(Group::hook).toList());
        if (isGrouped()) {
            captured.add("*.hook_resid_pre");
        }
        return model.runWithGradients(tokens, readout::score, captured, hooks.toArray(Hook[]::new));
    }

    /**
     * Brings gradients and senders together.
     *
     * @param rows senders that stand side by side [sender, batch, pos, dModel]
     * @param first the first one's place among the senders
     */
    private double[] contract(ActivationCache cache, NDArray rows, int first) {
        double[] values = new double[graph.size()];
        for (Group group : groups) {
            int read = graph.sendersTo(group.receivers().get(0)).size(); // always the first ones
            int count = Math.min(read - first, Math.toIntExact(rows.getShape().get(0)));
            if (count <= 0) {
                continue;
            }
            try (NDManager scope = owner.newSubManager()) {
                NDArray gradient = gradient(group, cache, scope); // [receiver, batch·pos·dModel]
                double[] products = rows.get(scope, new NDIndex(":" + count))
                        .reshape(count, -1)
                        .matMul(gradient.transpose()) // [sender, receiver]
                        .toType(DataType.FLOAT64, false)
                        .toDoubleArray();
                int receivers = group.receivers().size();
                for (int i = 0; i < products.length; i++) {
                    values[group.edges().get(i % receivers)[first + i / receivers]] = products[i];
                }
            }
        }
        return values;
    }

    private NDArray gradient(Group group, ActivationCache cache, NDManager scope) {
        NDArray gradient = Tensors.alias(cache.grad(group.hook()).array(), scope);
        if (gradient.getShape().dimension() == 3) {
            return gradient.reshape(1, -1);
        }
        NDArray perHead = gradient.transpose(2, 0, 1, 3); // [head, batch, pos, dModel]
        if (isGrouped()) {
            perHead = throughHeads(group.receivers(), perHead, cache, scope);
        }
        return perHead.reshape(group.receivers().size(), -1);
    }

    /** From the gradient at heads' outputs to that at their inputs, head by head [head, batch, pos, dModel]. */
    private NDArray throughHeads(List<Node> heads, NDArray behind, ActivationCache cache, NDManager scope) {
        int layer = heads.get(0).layer();
        NDArray stream = cache.get("resid_pre", layer).array();
        NDList all = new NDList();
        for (Node head : heads) {
            NDArray gradient = Tensors.recording(true, () -> {
                NDArray x = stream.stopGradient();
                x.attach(scope);
                x.setRequiresGradient(true);
                NDArray out = head(head, x); // [batch, pos, dModel]
                NDArray along = out.mul(behind.get(new NDIndex(Integer.toString(head.head()))))
                        .sum();
                return Tensors.grad(along, List.of(x)).singletonOrThrow();
            });
            all.add(gradient);
        }
        return NDArrays.stack(all, 0);
    }

    /** What a head writes that reads queries, keys and values from one input [batch, pos, dModel]. */
    private NDArray head(Node head, NDArray x) {
        int layer = head.layer();
        int shared = head.head() / graph.config().groupSize();
        NDArray z = parts.attend(
                layer,
                head.head(),
                parts.query(layer, head.head(), x, 0),
                parts.key(layer, shared, x),
                parts.value(layer, shared, x),
                0);
        return parts.result(layer, head.head(), z);
    }

    /**
     * Runs the model with every edge there in part: a receiver reads, from each sender, mask · output + (1 − mask) · what stands in for it.
     * With masks of 0 and 1 it is what {@link EdgePatcher#metric(java.util.Collection)} evaluates.
     *
     * @param masks one per edge, 1 for wholly there
     * @throws IllegalArgumentException when their number is wrong, or the graph is of whole heads that share keys and values
     */
    public Masked masked(double[] masks) {
        if (masks.length != graph.size()) {
            throw new IllegalArgumentException("one mask per edge: the graph has " + graph.size() + " edges, got "
                    + masks.length + " masks; their order is that of graph.edges()");
        }
        if (isGrouped()) {
            throw new IllegalArgumentException("heads that share keys and values have no input of their own to mask;"
                    + " use Granularity.SPLIT_QKV");
        }
        try (NDManager scope = owner.newSubManager()) {
            NDList written = new NDList(); // senders so far, less what stands in for them [sender, batch·pos·dModel]
            try (ActivationCache cache = run(maskingHooks(masks, written, scope))) {
                return Tensors.run(false, operations(), () -> {
                    NDList plain = new NDList();
                    for (NDArray some : written) {
                        plain.add(some.stopGradient());
                    }
                    return new Masked(cache.metric(), contract(cache, NDArrays.concat(plain, 0), 0));
                });
            }
        }
    }

    private List<Hook> maskingHooks(double[] masks, NDList written, NDManager scope) {
        List<Hook> hooks = new ArrayList<>();
        List<Node> embeddings = graph.senders().subList(0, graph.splitEmbedding() ? 2 : 1);
        hooks.add(Hook.observe(
                "blocks.0.hook_resid_pre",
                x -> written.add(rows(embeddings, scope).neg().reshape(embeddings.size(), -1))));
        for (int i = 0; i < graph.config().nLayers(); i++) {
            int layer = i;
            hooks.add(Hook.observe("blocks." + layer + ".attn.hook_result", x -> {
                NDArray heads = x.transpose(2, 0, 1, 3); // [head, batch, pos, dModel]
                write(
                        Node.head(layer, 0),
                        parts.postNorm(layer) ? parts.share(layer, heads, outputs.scale(layer)) : heads,
                        written,
                        scope);
            }));
            if (!graph.config().attnOnly()) {
                hooks.add(Hook.observe(
                        "blocks." + layer + ".hook_mlp_out",
                        x -> write(Node.mlp(layer), x.expandDims(0), written, scope)));
            }
        }
        for (Group group : groups) {
            hooks.add(Hook.at(group.hook(), x -> mix(group, masks, written, x)));
        }
        return hooks;
    }

    /** Keeps what senders that stand side by side write, less what stands in for it. */
    private void write(Node first, NDArray out, NDList written, NDManager scope) {
        int from = outputs.index(first);
        long count = out.getShape().get(0);
        NDArray difference = out.sub(outputs.ablated(from, from + count, scope)).reshape(count, -1);
        difference.attach(scope); // the layer it was computed in ends before it is read
        written.add(difference);
    }

    /** What receivers read, in place of x. */
    private NDArray mix(Group group, double[] masks, NDList written, NDArray x) {
        NDList here = new NDList(written);
        here.set(0, Tensors.alias(written.get(0), x.getManager())); // what is computed is freed with the layer
        NDArray senders = NDArrays.concat(here, 0); // [sender, batch·pos·dModel]
        int count = Math.toIntExact(senders.getShape().get(0));
        double[] part = new double[group.receivers().size() * count];
        for (int r = 0; r < group.receivers().size(); r++) {
            int[] places = group.edges().get(r);
            for (int s = 0; s < places.length; s++) {
                part[r * count + s] = masks[places[s]];
            }
        }
        NDArray ablated = outputs.ablatedInput(group.receivers().get(0)); // [batch, pos, dModel]
        Shape shape = ablated.getShape();
        NDArray mixed = x.getManager()
                .create(part, new Shape(group.receivers().size(), count))
                .toType(x.getDataType(), true) // a copy in the engine's memory, which the graph can keep
                .matMul(senders)
                .reshape(-1, shape.get(0), shape.get(1), shape.get(2))
                .add(ablated); // [receiver, batch, pos, dModel]
        return x.getShape().dimension() == 4 ? mixed.transpose(1, 2, 0, 3) : mixed.reshape(x.getShape());
    }
}
