package dev.ariadne.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ariadne.model.Hook;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.model.TrainableModel;
import dev.ariadne.tensor.Tensors;
import dev.ariadne.tensor.Updates;
import dev.ariadne.view.Progress;
import java.util.Arrays;
import java.util.List;

/**
 * Gives the first block's MLP one neuron for each group of tokens that it has come to treat alike.
 *
 * <p>Where the first block's attention writes nothing, its MLP is a table from tokens to vectors. Training makes the vectors of Houston and Dallas
 * alike, but writes each with neurons of its own. So the vectors are grouped, knowing nothing but the vectors ({@link WardClusters}); what a group's mean leaves over is
 * grouped once more; then each group gets a neuron that writes its mean and is trained to be active on its tokens and on no others. The
 * training of the whole model goes on from there.
 */
final class TokenGroups {
    private static final String MLP = "blocks.0.mlp.";
    private static final int STEPS = 600;
    private static final double RATE = 0.01;
    private static final float MARGIN = 0.3f; // how far below zero a neuron is to be on tokens of other groups
    private static final float SECOND = 0.5f; // the activation of the neurons for what is left over; the others' is 1
    private static final double LEAST = 0.05; // shorter left-overs get no neuron
    private static final AdamW DETECTORS = AdamW.DEFAULT.withBetas(0.9, 0.98);

    private final TrainableModel model;
    private final int dModel;
    private float[][] inputs = new float[0][]; // [token][dModel], what the MLP reads
    private float[][] outputs = new float[0][]; // [token][dModel], what it writes

    private TokenGroups(TrainableModel model) {
        this.model = model;
        this.dModel = model.config().dModel();
    }

    /**
     * Rewrites the MLP.
     *
     * @param model changed in place; its first block's attention writes nothing
     * @param tokens the ids of those that are read; the others are left to chance
     * @param first how many groups
     * @param second how many groups of what is left over; with the first at most dMlp and at most as many as there are tokens each
     * @return the groups: [2][token]
     */
    static int[][] rewrite(TrainableModel model, long[] tokens, int first, int second) {
        int neurons = model.config().dMlp();
        if (first + second > neurons) {
            throw new IllegalArgumentException("an MLP of " + neurons + " neurons has no room for " + first + " and "
                    + second + " groups; ask for fewer, or train a wider one");
        }
        TokenGroups groups = new TokenGroups(model);
        groups.look(tokens);
        return groups.rewrite(first, second);
    }

    private void look(long[] tokens) {
        long[][] each = Arrays.stream(tokens).mapToObj(id -> new long[] {id}).toArray(long[][]::new);
        try (HookedTransformer now = model.snapshot()) {
            now.next(
                            each,
                            Hook.observe("blocks.0.ln2.hook_normalized", x -> inputs = rows(x.toFloatArray())),
                            Hook.observe("blocks.0.hook_mlp_out", x -> outputs = rows(x.toFloatArray())))
                    .close();
        }
    }

    private float[][] rows(float... values) {
        float[][] rows = new float[values.length / dModel][];
        for (int i = 0; i < rows.length; i++) {
            rows[i] = Arrays.copyOfRange(values, i * dModel, (i + 1) * dModel);
        }
        return rows;
    }

    private int[][] rewrite(int first, int second) {
        int count = outputs.length;
        int[] groups = WardClusters.of(tempered(outputs), first);
        float[][] means = means(outputs, groups, first);
        float[][] left = new float[count][dModel];
        for (int token = 0; token < count; token++) {
            for (int i = 0; i < dModel; i++) {
                left[token][i] = outputs[token][i] - means[groups[token]][i];
            }
        }
        int[] others = WardClusters.of(left, second);
        float[][] otherMeans = means(left, others, second);
        float[] wanted = new float[count * (first + second)]; // [token, neuron]
        for (int token = 0; token < count; token++) {
            int row = token * (first + second);
            wanted[row + groups[token]] = 1;
            if (Math.sqrt(WardClusters.squared(otherMeans[others[token]], new float[dModel])) > LEAST) {
                wanted[row + first + others[token]] = SECOND;
            }
        }
        int neurons = model.config().dMlp();
        float[] out = new float[dModel * neurons]; // [dModel, neuron]
        for (int i = 0; i < dModel; i++) {
            for (int group = 0; group < first; group++) {
                out[i * neurons + group] = means[group][i];
            }
            for (int group = 0; group < second; group++) {
                out[i * neurons + first + group] = otherMeans[group][i] / SECOND;
            }
        }
        write("W_out", out);
        write("b_out", new float[dModel]);
        detect(wanted, first + second);
        return new int[][] {groups, others};
    }

    /** Vectors divided by the root of their lengths: else short ones of all kinds form one group. */
    private static float[][] tempered(float[][] vectors) {
        float[][] shorter = new float[vectors.length][];
        for (int i = 0; i < vectors.length; i++) {
            float[] vector = vectors[i].clone();
            double root = Math.sqrt(Math.sqrt(WardClusters.squared(vector, new float[vector.length])));
            for (int j = 0; j < vector.length; j++) {
                vector[j] /= (float) Math.max(root, 1e-12);
            }
            shorter[i] = vector;
        }
        return shorter;
    }

    private static float[][] means(float[][] vectors, int[] groups, int count) {
        float[][] means = new float[count][vectors[0].length];
        int[] sizes = new int[count];
        for (int group : groups) {
            sizes[group]++;
        }
        for (int i = 0; i < vectors.length; i++) {
            for (int j = 0; j < vectors[i].length; j++) {
                means[groups[i]][j] += vectors[i][j] / sizes[groups[i]];
            }
        }
        return means;
    }

    /** Trains the first neurons to have the wanted activations: squared error where one is wanted, squared hinge where none is. */
    private void detect(float[] wanted, int count) {
        int neurons = model.config().dMlp();
        float[] in = new float[neurons * dModel];
        float[] bias = new float[neurons];
        try (NDManager scope = model.newOwner()) {
            NDArray x = scope.create(flat(inputs), new Shape(inputs.length, dModel)); // [token, dModel]
            NDArray target = scope.create(wanted, new Shape(inputs.length, count)); // [token, neuron]
            NDArray w = scope.zeros(new Shape(count, dModel));
            NDArray b = scope.zeros(new Shape(count, 1));
            List<NDArray> all = List.of(w, b);
            List<NDArray> firsts = all.stream().map(NDArray::zerosLike).toList();
            List<NDArray> seconds = all.stream().map(NDArray::zerosLike).toList();
            Schedule schedule = Schedule.linear(RATE, 1, STEPS, 0.02);
            double[] settings = {0, 0, DETECTORS.beta1(), DETECTORS.beta2(), DETECTORS.decay(), DETECTORS.eps()};
            Tensors.run(false, 2.0 * inputs.length * count * dModel, () -> {
                for (int step = 0; step < STEPS; step++) {
                    Progress.checkInterrupted("grouping tokens, before step " + step + " of " + STEPS);
                    settings[0] = step + 1;
                    settings[1] = schedule.rate(step);
                    try (NDManager once = scope.newSubManager()) {
                        NDArray from = Tensors.alias(x, once);
                        NDArray pre = from.matMul(w.transpose()).add(b.transpose()); // [token, neuron]
                        NDArray on = Tensors.alias(target, once).gt(0).toType(w.getDataType(), false);
                        NDArray tooHigh =
                                pre.add(MARGIN).maximum(0).mul(on.neg().add(1));
                        NDArray error = pre.sub(target).mul(on).mul(2).add(tooHigh);
                        NDArray dW = error.transpose().matMul(from);
                        NDArray dB = error.sum(new int[] {0}).reshape(count, 1);
                        Updates.adamW(
                                all,
                                List.of(dW, dB),
                                firsts,
                                seconds,
                                once.create(settings, new Shape(settings.length)));
                    }
                }
                return w;
            });
            System.arraycopy(w.toFloatArray(), 0, in, 0, count * dModel);
            System.arraycopy(b.toFloatArray(), 0, bias, 0, count);
        }
        write("W_in", in);
        write("b_in", bias);
    }

    private static float[] flat(float[][] rows) {
        float[] all = new float[rows.length * rows[0].length];
        for (int i = 0; i < rows.length; i++) {
            System.arraycopy(rows[i], 0, all, i * rows[i].length, rows[i].length);
        }
        return all;
    }

    private void write(String name, float... values) {
        Tensors.recording(false, () -> {
            model.parameter(MLP + name).set(values);
            return values;
        });
    }
}
