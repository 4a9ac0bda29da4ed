package dev.ariadne.discovery;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.ariadne.circuit.Ablation;
import dev.ariadne.circuit.EdgeGradients.Masked;
import dev.ariadne.discovery.NodeMasks.Point;
import dev.ariadne.model.ActivationCache;
import dev.ariadne.model.Hook;
import dev.ariadne.task.Task;
import dev.ariadne.tensor.Tensors;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** A model whose queries, keys, values and MLPs are there in part: mask · x + (1 − mask) · what x is on the corrupted prompts, or nothing. */
final class MaskedNodes implements AutoCloseable {
    private final NodeMasks nodes;
    private final TaskRuns runs;
    private final NDManager owner;
    private final Map<String, NDArray> away = new HashMap<>(); // by hook; empty for zero ablation

    MaskedNodes(Task task, Ablation ablation) {
        this.nodes = NodeMasks.of(task.model().config());
        this.runs = new TaskRuns(task);
        this.owner = task.model().newOwner();
        if (ablation == Ablation.CORRUPTED) {
            try (ActivationCache corrupted = task.model().runWithCache(task.corrupted(), nodes.hooks())) {
                for (String hook : nodes.hooks()) {
                    NDArray copy = corrupted.get(hook).array().duplicate();
                    copy.attach(owner);
                    away.put(hook, copy);
                }
            }
        }
    }

    NodeMasks nodes() {
        return nodes;
    }

    /** The metric, the mean over prompts, and its gradient with respect to each mask, in the order of the nodes. */
    Masked run(double[] masks) {
        try (NDManager scope = owner.newSubManager()) {
            Map<String, NDArray> before = new HashMap<>(); // what masks multiply, less what they blend in
            List<Hook> hooks = new ArrayList<>();
            int first = 0;
            for (Point point : nodes.points()) {
                int from = first;
                hooks.add(Hook.at(point.hook(), x -> blend(point, x, masks, from, before, scope)));
                first += point.nodes().size();
            }
            try (ActivationCache cache = runs.gradients(nodes.hooks(), hooks)) {
                return Tensors.recording(
                        false, () -> new Masked(cache.metric(), gradients(cache, before, masks.length)));
            }
        }
    }

    private NDArray blend(
            Point point, NDArray x, double[] masks, int first, Map<String, NDArray> before, NDManager scope) {
        long count = point.nodes().size();
        double[] some = new double[(int) count];
        System.arraycopy(masks, first, some, 0, some.length);
        NDArray mask = x.getManager()
                .create(some, x.getShape().dimension() == 4 ? new Shape(1, 1, count, 1) : new Shape(1, 1, 1))
                .toType(x.getDataType(), true); // a copy in the engine's memory, which the graph can keep
        NDArray other = away.get(point.hook());
        NDArray plain = x.stopGradient();
        before.put(point.hook(), keep(other == null ? plain : plain.sub(other), scope));
        return other == null ? x.mul(mask) : x.mul(mask).add(mask.neg().add(1).mul(other));
    }

    private static NDArray keep(NDArray array, NDManager scope) {
        array.attach(scope); // read after the layer it was computed in has ended
        return array;
    }

    private double[] gradients(ActivationCache cache, Map<String, NDArray> before, int count) {
        double[] all = new double[count];
        int first = 0;
        for (Point point : nodes.points()) {
            NDArray gradient = cache.grad(point.hook()).array(); // [batch, pos, dModel] or [batch, pos, head, dHead]
            NDArray difference = before.get(point.hook());
            if (difference == null) {
                throw new AssertionError("no run passed " + point.hook());
            }
            Shape shape = gradient.getShape();
            double[] sums = difference
                    .mul(gradient)
                    .reshape(shape.get(0) * shape.get(1), point.nodes().size(), -1)
                    .sum(new int[] {0, 2}) // [node]
                    .toType(DataType.FLOAT64, false)
                    .toDoubleArray();
            System.arraycopy(sums, 0, all, first, sums.length);
            first += sums.length;
        }
        return all;
    }

    @Override
    public void close() {
        runs.close();
        owner.close();
    }
}
