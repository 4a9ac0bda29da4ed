package dev.ariadne.circuit;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import dev.ariadne.circuit.Node.Kind;
import dev.ariadne.model.ActivationCache;
import dev.ariadne.model.Hook;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.model.Logits;
import dev.ariadne.model.Weight;
import dev.ariadne.task.Task;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * Patches edges as the ACDC study does, one whole run of the model per set of edges: hooks note what each sender writes as the run goes along,
 * and put in each receiver's place what it reads in the ablated run and, for each edge that is present, what its sender writes now less what
 * it writes there. All sums are plain Java. Where heads that share keys and values read different ones, the batch is run in copies.
 */
public final class SlowPatcher {
    private static final Map<Integer, int[]> SHUFFLED = Map.of( // recorded from the study's code
            4, new int[] {2, 3, 0, 1},
            5, new int[] {0, 2, 4, 1, 3},
            10, new int[] {0, 3, 2, 5, 4, 7, 8, 1, 9, 6});

    private final Task task;
    private final ComputationalGraph graph;
    private final HookedTransformer model;
    private final int layers;
    private final int heads;
    private final int width;
    private final int batch;
    private final int pos;
    private final int group;
    private final int copies;
    private final Map<Node, double[]> scales = new HashMap<>(); // of the norm behind attention, clean run [batch, pos]
    private final Map<Node, double[]> ablated = new HashMap<>(); // by sender [batch, pos, dModel]
    private final Map<Node, double[]> ablatedInputs = new HashMap<>(); // by receiver [batch, pos, dModel]
    private final Map<Node, double[]> ablatedVectors =
            new HashMap<>(); // by query, key or value input [batch, pos, dHead]
    private final Map<Integer, double[]> normWeights = new HashMap<>(); // of the norm behind attention, by layer
    private final Map<Integer, double[]> biases = new HashMap<>(); // behind that norm, by layer [batch, pos, dModel]
    private final double[][][] clean; // logits [batch][pos][dVocab]

    /** Runs the clean, the corrupted and the ablated prompts; the model computes in FLOAT64. */
    public SlowPatcher(Task task, ComputationalGraph graph, Ablation ablation) {
        this.task = task;
        this.graph = graph;
        this.model = task.model();
        this.layers = graph.config().nLayers();
        this.heads = graph.config().nHeads();
        this.width = graph.config().dModel();
        this.batch = task.clean().length;
        this.pos = task.clean()[0].length;
        this.group = graph.config().groupSize();
        this.copies = graph.granularity() == Granularity.SPLIT_QKV ? 1 : group;
        Map<Node, double[]> written = outputs(task.clean(), scales);
        if (graph.config().postNorms()) {
            biasShares(written);
        }
        this.clean = logits(task.clean());
        ablate(ablation);
        readAblated();
    }

    /** The full model's metric. */
    public double metric(SlowMetric metric) {
        return metric.of(clean, clean, task.positions());
    }

    /** The metric with only these edges. */
    public double metric(Collection<Edge> present, SlowMetric metric) {
        return metric.of(clean, logits(present), task.positions());
    }

    /** The full model's logits. */
    double[][][] clean() {
        return clean;
    }

    /** The logits with only these edges [batch][pos][dVocab]. */
    double[][][] logits(Collection<Edge> present) {
        return logits(repeated(task.clean()), new Run(present).hooks().toArray(Hook[]::new));
    }

    /** What every sender writes in a run [batch, pos, dModel]; a head behind whose attention there is a norm, its share of what comes out. */
    private Map<Node, double[]> outputs(long[][] tokens, Map<Node, double[]> normScales, Hook... hooks) {
        Map<Node, double[]> out = new HashMap<>();
        List<String> names = new ArrayList<>(List.of("result"));
        names.addAll(
                graph.splitEmbedding() ? List.of("hook_embed", "hook_pos_embed") : List.of("blocks.0.hook_resid_pre"));
        if (!graph.config().attnOnly()) {
            names.add("mlp_out");
        }
        if (graph.config().postNorms()) {
            names.add("*.ln1_post.hook_scale");
        }
        try (ActivationCache cache = model.runWithCache(tokens, names, hooks)) {
            for (Node sender : graph.senders()) {
                int layer = sender.layer();
                switch (sender.kind()) {
                    case EMBED ->
                        out.put(
                                sender,
                                doubles(cache.get(graph.splitEmbedding() ? "hook_embed" : "blocks.0.hook_resid_pre")
                                        .array()));
                    case POS_EMBED ->
                        out.put(sender, doubles(cache.get("hook_pos_embed").array()));
                    case MLP ->
                        out.put(sender, doubles(cache.get("mlp_out", layer).array()));
                    default -> {
                        double[] all = doubles(cache.get("result", layer).array());
                        if (graph.config().postNorms()) {
                            normScales.put(
                                    Node.head(layer, 0),
                                    doubles(cache.get("blocks." + layer + ".ln1_post.hook_scale")
                                            .array()));
                        }
                        out.put(sender, share(layer, head(all, sender.head(), 0), normScales));
                    }
                }
            }
        }
        return out;
    }

    private double[] share(int layer, double[] result, Map<Node, double[]> normScales) {
        if (!graph.config().postNorms()) {
            return result;
        }
        double[] scale = get(normScales, Node.head(layer, 0));
        double[] weight = normWeights.computeIfAbsent(layer, this::normWeight);
        double[] share = new double[result.length];
        for (int i = 0; i < share.length; i++) {
            share[i] = result[i] / scale[i / width] * weight[i % width];
        }
        return share;
    }

    /** Behind a norm, attention's bias is what its output in the clean run is more than the heads' shares. */
    private void biasShares(Map<Node, double[]> written) {
        try (ActivationCache cache = model.runWithCache(task.clean(), "attn_out")) {
            for (int layer = 0; layer < layers; layer++) {
                double[] rest = doubles(cache.get("attn_out", layer).array());
                for (int head = 0; head < heads; head++) {
                    double[] share = get(written, Node.head(layer, head));
                    Arrays.setAll(rest, i -> rest[i] - share[i]);
                }
                Arrays.setAll(rest, i -> Math.abs(rest[i]) < 1e-12 ? 0 : rest[i]); // rounding, where there is no bias
                biases.put(layer, rest);
            }
        }
    }

    private double[] normWeight(int layer) {
        try (Weight weight = model.weights().get("blocks." + layer + ".ln1_post.w")) {
            return doubles(weight.array());
        }
    }

    /** One head of [copy · batch, pos, head, dModel]. */
    private double[] head(double[] all, int head, int copy) {
        double[] one = new double[batch * pos * width];
        for (int row = 0; row < batch * pos; row++) {
            System.arraycopy(all, ((copy * batch * pos + row) * heads + head) * width, one, row * width, width);
        }
        return one;
    }

    private void ablate(Ablation ablation) {
        Hook[] shuffle = graph.splitEmbedding() && ablation == Ablation.CORRUPTED
                ? new Hook[] {Hook.at("hook_pos_embed", this::shuffled)}
                : new Hook[0];
        outputs(task.corrupted(), new HashMap<>(), shuffle).forEach((sender, out) -> {
            double[] instead = new double[out.length];
            for (int i = 0; i < out.length; i++) {
                int column = i % width;
                int position = i / width % pos;
                double sum = 0;
                for (int row = 0; row < batch; row++) {
                    for (int at = 0; at < pos; at++) {
                        boolean same = ablation == Ablation.MEAN || at == position;
                        sum += same ? out[(row * pos + at) * width + column] : 0;
                    }
                }
                instead[i] = switch (ablation) {
                    case CORRUPTED -> out[i];
                    case ZERO -> 0;
                    case MEAN -> sum / batch / pos;
                    case MEAN_POSITIONAL -> sum / batch;
                };
            }
            ablated.put(sender, instead);
        });
    }

    /** Position i gets the vector of position order[i]. */
    private NDArray shuffled(NDArray positions) {
        double[] from = doubles(positions);
        double[] to = new double[from.length];
        for (int row = 0; row < batch * pos; row++) {
            int source = row / pos * pos + get(SHUFFLED, pos)[row % pos];
            System.arraycopy(from, source * width, to, row * width, width);
        }
        return like(positions, to);
    }

    /** Runs the model with all senders ablated, and notes what every receiver reads and which vectors heads make of it. */
    private void readAblated() {
        List<Hook> hooks = new ArrayList<>();
        for (Node sender : graph.senders()) {
            switch (sender.kind()) {
                case EMBED ->
                    hooks.add(replace(
                            graph.splitEmbedding() ? "hook_embed" : "blocks.0.hook_resid_pre", get(ablated, sender)));
                case POS_EMBED -> hooks.add(replace("hook_pos_embed", get(ablated, sender)));
                case MLP -> hooks.add(replace("blocks." + sender.layer() + ".hook_mlp_out", get(ablated, sender)));
                default -> {
                    if (sender.head() == 0) {
                        hooks.add(ablatedHeads(sender.layer()));
                    }
                }
            }
        }
        List<String> names = new ArrayList<>(List.of("resid_pre", "resid_post", "q", "k", "v"));
        if (!graph.config().attnOnly()) {
            names.add("mlp_in");
        }
        try (ActivationCache cache = model.runWithCache(task.clean(), names, hooks.toArray(Hook[]::new))) {
            for (Node receiver : graph.receivers()) {
                String stream = switch (receiver.kind()) {
                    case LOGITS -> "resid_post";
                    case MLP -> "mlp_in";
                    default -> "resid_pre";
                };
                ablatedInputs.put(
                        receiver, doubles(cache.get(stream, receiver.layer()).array()));
                if (receiver.isHeadInput()) {
                    String vector = receiver.kind() == Kind.QUERY ? "q" : receiver.kind() == Kind.KEY ? "k" : "v";
                    NDArray all = cache.get(vector, receiver.layer()).array();
                    ablatedVectors.put(receiver, doubles(all.get(":, :, " + receiver.head())));
                }
            }
        }
    }

    private static <K, V> V get(Map<K, V> map, K key) {
        return Objects.requireNonNull(map.get(key));
    }

    private Hook ablatedHeads(int layer) {
        boolean sum = graph.config().postNorms(); // shares come behind the norm
        String point = "blocks." + layer + (sum ? ".hook_attn_out" : ".attn.hook_result");
        return Hook.at(point, x -> {
            double[] all = sum ? get(biases, layer).clone() : new double[batch * pos * heads * width];
            for (int head = 0; head < heads; head++) {
                double[] one = get(ablated, Node.head(layer, head));
                for (int i = 0; i < one.length; i++) {
                    all[(sum ? i / width : i / width * heads + head) * width + i % width] += one[i];
                }
            }
            return like(x, all);
        });
    }

    private static Hook replace(String point, double[] values) {
        return Hook.at(point, x -> like(x, values));
    }

    /** One run: the edges it has, and what its senders have written so far. */
    private final class Run {
        private final Collection<Edge> present;
        private final Map<Node, double[]> current = new HashMap<>();

        Run(Collection<Edge> present) {
            this.present = present;
        }

        List<Hook> hooks() {
            List<Hook> hooks = new ArrayList<>();
            if (graph.splitEmbedding()) {
                hooks.add(Hook.observe("hook_embed", x -> note(Node.embed(), x)));
                hooks.add(Hook.observe("hook_pos_embed", x -> note(new Node(Kind.POS_EMBED, 0, -1), x)));
            } else {
                hooks.add(Hook.observe("blocks.0.hook_resid_pre", x -> note(Node.embed(), x)));
            }
            for (int i = 0; i < layers; i++) {
                int layer = i;
                String block = "blocks." + layer + ".";
                for (Kind kind : List.of(Kind.QUERY, Kind.KEY, Kind.VALUE)) {
                    String letter = kind == Kind.QUERY ? "q" : kind == Kind.KEY ? "k" : "v";
                    hooks.add(Hook.at(block + "hook_" + letter + "_input", x -> inputs(layer, kind, x)));
                    if (graph.granularity() == Granularity.SPLIT_QKV_DIRECT) {
                        hooks.add(Hook.at(block + "attn.hook_" + letter, x -> vectors(layer, kind, x)));
                    }
                }
                hooks.add(Hook.observe(block + "attn.hook_result", x -> noteHeads(layer, x)));
                if (!graph.config().attnOnly()) {
                    hooks.add(Hook.at(block + "hook_mlp_in", x -> like(x, repeated(input(Node.mlp(layer))))));
                    hooks.add(Hook.observe(block + "hook_mlp_out", x -> note(Node.mlp(layer), x)));
                }
            }
            Node logits = new Node(Kind.LOGITS, layers - 1, -1);
            hooks.add(Hook.at("blocks." + (layers - 1) + ".hook_resid_post", x -> like(x, repeated(input(logits)))));
            return hooks;
        }

        private void note(Node sender, NDArray x) {
            current.put(sender, Arrays.copyOf(doubles(x), batch * pos * width));
        }

        private void noteHeads(int layer, NDArray x) {
            double[] all = doubles(x);
            for (int head = 0; head < heads; head++) {
                current.put(
                        Node.head(layer, head), share(layer, head(all, head, copies == 1 ? 0 : head % group), scales));
            }
        }

        private double[] input(Node receiver) {
            double[] sum = get(ablatedInputs, receiver).clone();
            for (Node sender : graph.sendersTo(receiver)) {
                if (present.contains(new Edge(sender, receiver))) {
                    double[] now = get(current, sender);
                    double[] away = get(ablated, sender);
                    for (int i = 0; i < sum.length; i++) {
                        sum[i] += now[i] - away[i];
                    }
                }
            }
            return sum;
        }

        /** What the heads of a layer read as queries, keys or values [copy · batch, pos, head or kvHead, dModel]. */
        private NDArray inputs(int layer, Kind kind, NDArray x) {
            int count = (int) x.getShape().get(2);
            double[] all = new double[(int) x.size()];
            for (int copy = 0; copy < copies; copy++) {
                for (int i = 0; i < count; i++) {
                    Node receiver = graph.granularity() == Granularity.HEADS
                            ? Node.head(layer, kind == Kind.QUERY ? i : i * group + copy)
                            : new Node(kind, layer, i);
                    double[] one = input(receiver);
                    for (int row = 0; row < batch * pos; row++) {
                        int to = ((copy * batch * pos + row) * count + i) * width;
                        System.arraycopy(one, row * width, all, to, width);
                    }
                }
            }
            return like(x, all);
        }

        /** Queries, keys or values, ablated where the direct edge is missing [copy · batch, pos, head or kvHead, dHead]. */
        private NDArray vectors(int layer, Kind kind, NDArray x) {
            int count = (int) x.getShape().get(2);
            int wide = (int) x.getShape().get(3);
            double[] all = doubles(x);
            for (int copy = 0; copy < copies; copy++) {
                for (int i = 0; i < count; i++) {
                    Node source = new Node(kind, layer, i);
                    Node head = Node.head(layer, kind == Kind.QUERY ? i : i * group + copy);
                    if (!present.contains(new Edge(source, head))) {
                        for (int row = 0; row < batch * pos; row++) {
                            int to = ((copy * batch * pos + row) * count + i) * wide;
                            System.arraycopy(ablatedVectors.get(source), row * wide, all, to, wide);
                        }
                    }
                }
            }
            return like(x, all);
        }
    }

    private double[] repeated(double[] one) {
        double[] all = new double[copies * one.length];
        for (int copy = 0; copy < copies; copy++) {
            System.arraycopy(one, 0, all, copy * one.length, one.length);
        }
        return all;
    }

    private long[][] repeated(long[][] tokens) {
        long[][] all = new long[copies * batch][];
        Arrays.setAll(all, row -> tokens[row % batch]);
        return all;
    }

    /** The logits of the first prompts, as many as the task has: of the first copy. */
    private double[][][] logits(long[][] tokens, Hook... hooks) {
        return Arrays.copyOf(run(model, tokens, hooks), batch);
    }

    /** Logits [batch][pos][dVocab] of a run. */
    static double[][][] run(HookedTransformer model, long[][] tokens, Hook... hooks) {
        try (Logits logits = model.run(tokens, hooks)) {
            double[] flat = doubles(logits.array());
            int pos = tokens[0].length;
            int vocabulary = flat.length / tokens.length / pos;
            double[][][] rows = new double[tokens.length][pos][];
            for (int row = 0; row < tokens.length * pos; row++) {
                rows[row / pos][row % pos] = Arrays.copyOfRange(flat, row * vocabulary, (row + 1) * vocabulary);
            }
            return rows;
        }
    }

    private static double[] doubles(NDArray array) {
        return array.toDoubleArray();
    }

    private static NDArray like(NDArray x, double[] values) {
        Shape shape = x.getShape();
        return x.getManager().create(values, shape);
    }
}
