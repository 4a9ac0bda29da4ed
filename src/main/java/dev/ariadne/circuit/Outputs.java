package dev.ariadne.circuit;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
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
import java.util.Objects;
import org.apache.commons.math3.random.MersenneTwister;

/** What every sender writes, in the clean run and where it is ablated, and what reads the sums. */
final class Outputs {
    private final ComputationalGraph graph;
    private final HookedTransformer model;
    private final Components parts;
    private final NDManager owner;
    private final Map<Node, Integer> index = new HashMap<>();
    private final NDArray clean; // [sender, batch, pos, dModel]
    private final NDArray ablated; // the same
    private final NDArray delta; // ablated - clean
    private final List<NDArray> cleanStreams; // by point, see point()
    private final List<NDArray> ablatedStreams;
    private final NDArray[] scales; // by layer: the clean scale of the norm behind attention
    private final Map<Node, NDArray> vectors = new HashMap<>(); // ablated queries, keys and values, made when asked for
    private final Ablation ablation;

    /**
     * Runs the model on both batches.
     *
     * @param owner owns everything this keeps
     */
    Outputs(
            ComputationalGraph graph,
            HookedTransformer model,
            Components parts,
            NDManager owner,
            long[][] cleanTokens,
            long[][] corruptedTokens,
            Ablation ablation) {
        this.graph = graph;
        this.model = model;
        this.parts = parts;
        this.owner = owner;
        this.ablation = ablation;
        this.scales = new NDArray[graph.config().nLayers()];
        List<Node> senders = graph.senders();
        for (int i = 0; i < senders.size(); i++) {
            index.put(senders.get(i), i);
        }
        this.clean = run(cleanTokens, true);
        this.cleanStreams = streams(clean);
        NDArray away = ablation == Ablation.ZERO ? null : run(corruptedTokens, false);
        this.ablated = away == null ? clean.zerosLike() : ablation == Ablation.CORRUPTED ? away : mean(away);
        this.delta = ablated.sub(clean);
        this.ablatedStreams = streams(ablated);
    }

    private NDArray mean(NDArray outputs) {
        try (NDManager scope = owner.newSubManager()) {
            NDArray mean = Tensors.alias(outputs, scope).mean(new int[] {1}, true); // [sender, 1, pos, dModel]
            mean = ablation == Ablation.MEAN ? mean.mean(new int[] {2}, true) : mean;
            return copy(mean.broadcast(outputs.getShape()));
        } finally {
            outputs.close();
        }
    }

    /** All senders' outputs [sender, batch, pos, dModel], in the graph's order. */
    private NDArray run(long[][] tokens, boolean cleanRun) {
        List<String> filter = new ArrayList<>(List.of("result"));
        if (!graph.config().attnOnly()) {
            filter.add("mlp_out");
        }
        filter.addAll(
                graph.splitEmbedding() ? List.of("hook_embed", "hook_pos_embed") : List.of("blocks.0.hook_resid_pre"));
        boolean posts = graph.config().postNorms();
        if (posts) {
            filter.add("*.ln1_post.hook_scale");
        }
        Hook[] hooks = graph.splitEmbedding() && !cleanRun && ablation == Ablation.CORRUPTED
                ? new Hook[] {Hook.at("hook_pos_embed", Outputs::shufflePositions)}
                : new Hook[0];
        try (ActivationCache cache = model.runWithCache(tokens, filter, hooks)) {
            NDList all = new NDList();
            for (Node sender : graph.senders()) {
                NDArray out = output(cache, sender, graph.splitEmbedding());
                if (sender.kind() == Kind.HEAD && posts) {
                    NDArray scale = cache.get("blocks." + sender.layer() + ".ln1_post.hook_scale")
                            .array();
                    out = parts.share(sender.layer(), out, scale);
                    if (cleanRun && scales[sender.layer()] == null) {
                        scales[sender.layer()] = copy(scale);
                    }
                }
                all.add(out);
            }
            NDArray stack = NDArrays.stack(all, 0);
            stack.attach(owner);
            return stack;
        }
    }

    private NDArray copy(NDArray array) {
        NDArray copy = array.duplicate();
        copy.attach(owner);
        return copy;
    }

    private static NDArray output(ActivationCache cache, Node sender, boolean split) {
        return switch (sender.kind()) {
            case EMBED ->
                cache.get(split ? "hook_embed" : "blocks.0.hook_resid_pre").array();
            case POS_EMBED -> cache.get("hook_pos_embed").array();
            case HEAD ->
                cache.get("result", sender.layer())
                        .array()
                        .get(new NDIndex(":, :, " + sender.head())); // [batch, pos, dModel]
            case MLP -> cache.get("mlp_out", sender.layer()).array();
            default -> throw new AssertionError(sender + " is no sender");
        };
    }

    /** The ACDC study's corrupted position embedding: position i gets the vector of position order[i]. */
    private static NDArray shufflePositions(NDArray positions) {
        int[] order = shuffled(Math.toIntExact(positions.getShape().get(1)));
        NDList rows = new NDList();
        for (int i : order) {
            rows.add(positions.get(new NDIndex(":, " + i + ":" + (i + 1))));
        }
        return NDArrays.concat(rows, 1);
    }

    /** The permutation that PyTorch draws on a CPU with the study's seed 49. */
    static int[] shuffled(int count) {
        MersenneTwister random = new MersenneTwister(49);
        int[] order = new int[count];
        for (int i = 0; i < count; i++) {
            order[i] = i;
        }
        for (int i = 0; i < count - 1; i++) {
            int other = i + (int) (Integer.toUnsignedLong(random.nextInt()) % (count - i));
            int kept = order[i];
            order[i] = order[other];
            order[other] = kept;
        }
        return order;
    }

    /** The sums of outputs and biases at every point where something reads. */
    private List<NDArray> streams(NDArray outputs) {
        List<NDArray> streams = new ArrayList<>();
        try (NDManager scope = owner.newSubManager()) {
            NDArray sum = outputs.get(scope, new NDIndex("0")).duplicate(); // [batch, pos, dModel]
            int next = 1;
            if (graph.splitEmbedding()) {
                sum.addi(outputs.get(scope, new NDIndex(Integer.toString(next++))));
            }
            for (int layer = 0; layer < graph.config().nLayers(); layer++) {
                streams.add(copy(sum));
                for (int head = 0; head < graph.config().nHeads(); head++) {
                    sum.addi(outputs.get(scope, new NDIndex(Integer.toString(next++))));
                }
                int behind = layer;
                parts.bias(layer).ifPresent(b -> sum.addi(biasShare(behind, b, scope)));
                streams.add(graph.config().parallel() ? streams.get(streams.size() - 1) : copy(sum));
                if (!graph.config().attnOnly()) {
                    sum.addi(outputs.get(scope, new NDIndex(Integer.toString(next++))));
                }
            }
            streams.add(copy(sum));
        }
        return streams;
    }

    /** What a layer's attention bias is in the stream: behind a norm, its share of what comes out, with the norm's clean scale. */
    private NDArray biasShare(int layer, NDArray bias, NDManager scope) {
        NDArray scale = scales[layer]; // [batch, pos, 1]
        return scale == null ? bias : parts.share(layer, Tensors.alias(bias, scope), scale);
    }

    private static int point(Node receiver) {
        return switch (receiver.kind()) {
            case LOGITS -> 2 * receiver.layer() + 2;
            case MLP -> 2 * receiver.layer() + 1;
            default -> 2 * receiver.layer();
        };
    }

    /** What a receiver reads in the clean run [batch, pos, dModel]. */
    NDArray cleanInput(Node receiver) {
        return cleanStreams.get(point(receiver));
    }

    /** What a receiver reads when every sender is ablated. */
    NDArray ablatedInput(Node receiver) {
        return ablatedStreams.get(point(receiver));
    }

    /** What a sender writes in the clean run, a view. */
    NDArray clean(Node sender, NDManager scope) {
        return clean.get(scope, new NDIndex(Integer.toString(index(sender))));
    }

    /** What an ablated sender writes, a view. */
    NDArray ablated(Node sender, NDManager scope) {
        return ablated.get(scope, new NDIndex(Integer.toString(index(sender))));
    }

    /** What ablated senders that stand side by side write [sender, batch, pos, dModel], a view. */
    NDArray ablated(long from, long to, NDManager scope) {
        return ablated.get(scope, new NDIndex(from + ":" + to));
    }

    /** The clean scale of the norm behind a layer's attention [batch, pos, 1]; only where there is such a norm. */
    NDArray scale(int layer) {
        return scales[layer];
    }

    /** All senders' ablated outputs less their clean ones [sender, batch, pos, dModel], in the graph's order. */
    NDArray delta() {
        return delta;
    }

    int index(Node sender) {
        return Objects.requireNonNull(index.get(sender), () -> sender + " is no sender");
    }

    /** What a head's raw output [state · batch, pos from first on, dModel] is as part of the stream. */
    NDArray share(int layer, NDArray result, int first) {
        NDArray scale = scales[layer]; // [batch, pos, 1]
        if (scale == null) {
            return result;
        }
        Shape shape = result.getShape();
        NDArray states = result.reshape(-1, scale.getShape().get(0), shape.get(1), shape.get(2));
        return parts.share(layer, states, scale.get(result.getManager(), new NDIndex(":, " + first + ":")))
                .reshape(shape);
    }

    /** A head's queries, keys or values in the ablated run [batch, pos, dHead], before norms and rotation; needs direct edges. */
    NDArray vector(Node input) {
        return vectors.computeIfAbsent(input, node -> {
            try (NDManager scope = owner.newSubManager()) {
                NDArray x = Tensors.alias(ablatedInput(node), scope);
                NDArray vector = switch (node.kind()) {
                    case QUERY -> parts.query(node.layer(), node.head(), x, 0);
                    case KEY -> parts.key(node.layer(), node.head(), x);
                    default -> parts.value(node.layer(), node.head(), x);
                };
                vector.attach(owner);
                return vector;
            }
        });
    }
}
