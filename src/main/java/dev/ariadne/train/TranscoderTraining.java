package dev.ariadne.train;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ariadne.model.weights.Checkpoint;
import dev.ariadne.tensor.Tensors;
import dev.ariadne.transcoder.Activation;
import dev.ariadne.transcoder.Transcoder;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** The training of one layer's transcoder, step by step. Decoders keep length 1. */
final class TranscoderTraining implements AutoCloseable {
    private static final AdamW ADAM = AdamW.DEFAULT.withDecay(0);
    private static final long SPREAD = 0x9E3779B97F4A7C15L; // far-apart seeds: the first numbers of near ones are alike
    private static final int REMEMBER = 25; // after how many good steps the weights are kept
    private static final double WILD = 10; // a loss so many times the first one is no learning any more
    private static final int MOST_ROWS = 8192; // whose activations decide the threshold
    private static final String THRESHOLD = "activation_function.threshold";
    private static final String SILENT = "silent";
    private static final String STEP = "step";
    private static final String RECIPE = "recipe";
    private static final String FIRST_LOSS = "first loss";
    private static final String VARIANCE = "variance of the outputs";

    private final int layer;
    private final TranscoderRecipe recipe;
    private final TranscoderRows rows;
    private final double variance;
    private final NDManager owner = Tensors.engine().newBaseManager(Device.cpu());
    private final Map<String, NDArray> parameters = new LinkedHashMap<>();
    private final Map<String, float[]> good = new LinkedHashMap<>(); // the weights as last remembered
    private final Moments moments;
    private final int[] silent; // for how many steps each feature has been
    private @Nullable NDArray thresholds; // [feature], once they are fixed
    private int goodStep;
    private int done;
    private double firstLoss;

    TranscoderTraining(int layer, TranscoderRecipe recipe, TranscoderRows rows) {
        this.layer = layer;
        this.recipe = recipe;
        this.rows = rows;
        this.variance = rows.variance();
        if (!(variance > 0)) {
            throw new IllegalArgumentException("layer " + layer + ": the MLP writes the same at all " + rows.count()
                    + " rows of this corpus; there is nothing to learn, give more prompts");
        }
        TranscoderStart start = TranscoderStart.of(rows, recipe);
        Shape matrix = new Shape(recipe.features(), rows.width());
        parameters.put(TranscoderLoss.W_ENC, owner.create(start.encoder, matrix));
        parameters.put(TranscoderLoss.B_ENC, owner.create(start.encoderBias));
        parameters.put(TranscoderLoss.W_DEC, owner.create(start.decoder, matrix));
        parameters.put(TranscoderLoss.B_DEC, owner.create(start.decoderBias));
        this.moments = new Moments(ADAM, parameters, owner);
        this.silent = new int[recipe.features()];
        remember();
    }

    boolean isDone() {
        return done >= recipe.steps();
    }

    int stepsDone() {
        return done;
    }

    /**
     * Does one step.
     *
     * @return its loss; the squared error alone is the share of the variance that is not explained
     * @throws IllegalStateException when the loss is no number or far above the first one: the weights are the last good ones
     */
    double step() {
        double work = 12.0 * recipe.batch() * recipe.features() * rows.width();
        return Tensors.run(false, work, () -> {
            try (NDManager scope = owner.newSubManager()) {
                if (done == recipe.fixedFrom()) {
                    thresholds = owner.create(thresholds());
                }
                int[] batch = batch();
                TranscoderLoss loss = TranscoderLoss.of(
                        parameters,
                        TranscoderRows.array(scope, rows.inputs(), batch),
                        TranscoderRows.array(scope, rows.outputs(), batch),
                        recipe,
                        variance,
                        thresholds,
                        dead(scope));
                if (done == 0) {
                    firstLoss = loss.value();
                }
                if (!(loss.value() <= WILD * Math.max(1, firstLoss))) { // also when it is no number
                    throw diverged(loss.value());
                }
                if (done % REMEMBER == 0) {
                    remember(); // these weights have just proved good
                }
                moments.update(done + 1, recipe.rate(done), loss.gradients(), scope);
                NDArray decoder = Tensors.alias(parameter(TranscoderLoss.W_DEC), scope);
                decoder.divi(decoder.norm(new int[] {1}, true).maximum(1e-12f));
                float[] active = loss.active().toFloatArray();
                for (int i = 0; i < active.length; i++) {
                    silent[i] = active[i] > 0 ? 0 : silent[i] + 1;
                }
                done++;
                return loss.value();
            }
        });
    }

    private IllegalStateException diverged(double loss) {
        String what = String.format(
                Locale.ROOT,
                "layer %d: the training diverged at step %d, with loss %.4g after %.4g at first, at learning rate %.3g; the"
                        + " weights are those of step %d. Lower the rate",
                layer,
                done,
                loss,
                firstLoss,
                recipe.rate(done),
                goodStep);
        good.forEach((name, values) -> parameter(name).set(values));
        return new IllegalStateException(what);
    }

    private void remember() {
        parameters.forEach((name, array) -> good.put(name, array.toFloatArray()));
        goodStep = done;
    }

    /** The rows of the next step: passes over all, each in an order of its own; one that is cut short by the end of a pass begins the next. */
    private int[] batch() {
        int size = Math.min(recipe.batch(), rows.count());
        int perPass = rows.count() / size;
        int[] order = IntStream.range(0, rows.count()).toArray();
        Random random = new Random((recipe.seed() + 1) * SPREAD + done / perPass);
        for (int i = order.length - 1; i > 0; i--) {
            int other = random.nextInt(i + 1);
            int row = order[i];
            order[i] = order[other];
            order[other] = row;
        }
        int from = done % perPass * size;
        return Arrays.copyOfRange(order, from, from + size);
    }

    private @Nullable NDArray dead(NDManager scope) {
        float[] dead = new float[silent.length];
        boolean any = false;
        for (int i = 0; i < dead.length; i++) {
            boolean is = silent[i] >= recipe.repair().silentFor();
            dead[i] = is ? 1 : 0;
            any |= is;
        }
        return any ? scope.create(dead) : null;
    }

    private NDArray parameter(String name) {
        return Objects.requireNonNull(parameters.get(name), name);
    }

    /** The transcoder that the weights make, with its threshold; closed by the caller. */
    Transcoder transcoder() {
        try (NDManager scope = owner.newSubManager()) {
            Map<String, NDArray> arrays = new LinkedHashMap<>(parameters);
            Activation activation = switch (recipe.sparsity().kind()) {
                case TOP_K -> Activation.topK((int) recipe.sparsity().amount());
                case L1 -> Activation.RELU;
                case BATCH_TOP_K -> {
                    arrays.put(THRESHOLD, scope.create(threshold()));
                    yield Activation.JUMP_RELU;
                }
                case ROW_TOP_K -> {
                    arrays.put(THRESHOLD, thresholds == null ? scope.create(thresholds()) : thresholds);
                    yield Activation.JUMP_RELU;
                }
            };
            return Transcoder.of(activation, arrays);
        }
    }

    /** The number that so many activations per row exceed as batches have kept. */
    private float threshold() {
        float[] all = preactivations();
        int count = all.length / recipe.features();
        int active = 0;
        for (float value : all) {
            if (value > 0) {
                all[active++] = value;
            }
        }
        Arrays.sort(all, 0, active);
        int wanted = (int) Math.round(count * recipe.sparsity().amount());
        return wanted >= active ? 0 : all[active - wanted - 1];
    }

    /** Each feature's number that as many activations exceed as are among the k largest of their rows. */
    private float[] thresholds() {
        float[] all = preactivations(); // [row, feature]
        int features = recipe.features();
        int count = all.length / features;
        int k = (int) recipe.sparsity().amount();
        int[] kept = new int[features];
        float[] sorted = new float[features];
        for (int row = 0; row < count; row++) {
            System.arraycopy(all, row * features, sorted, 0, features);
            Arrays.sort(sorted);
            float least = Math.max(sorted[features - k], Float.MIN_VALUE);
            for (int feature = 0; feature < features; feature++) {
                kept[feature] += all[row * features + feature] >= least ? 1 : 0;
            }
        }
        float[] thresholds = new float[features];
        float[] column = new float[count];
        for (int feature = 0; feature < features; feature++) {
            for (int row = 0; row < count; row++) {
                column[row] = all[row * features + feature];
            }
            Arrays.sort(column);
            thresholds[feature] = kept[feature] == count ? 0 : Math.max(0, column[count - kept[feature] - 1]);
        }
        return thresholds;
    }

    /** Before the activation function, at rows that stand for all: [row, feature]. */
    private float[] preactivations() {
        int count = Math.min(MOST_ROWS, rows.count());
        int[] which = IntStream.range(0, count)
                .map(i -> (int) ((long) i * rows.count() / count))
                .toArray();
        try (NDManager scope = owner.newSubManager()) {
            NDArray x = TranscoderRows.array(scope, rows.inputs(), which);
            return Tensors.linear(x, parameter(TranscoderLoss.W_ENC), parameter(TranscoderLoss.B_ENC))
                    .toFloatArray();
        }
    }

    /** Writes all that the training knows. */
    void save(Path file) throws IOException {
        try (NDManager scope = owner.newSubManager()) {
            Map<String, NDArray> all = new LinkedHashMap<>(parameters);
            all.putAll(moments.stored());
            all.put(SILENT, scope.create(silent));
            if (thresholds != null) {
                all.put(THRESHOLD, thresholds);
            }
            Map<String, String> notes = new LinkedHashMap<>();
            notes.put(STEP, Integer.toString(done));
            notes.put(RECIPE, recipe.toString());
            notes.put(FIRST_LOSS, Double.toString(firstLoss));
            notes.put(VARIANCE, Double.toString(variance));
            Checkpoint.write(file, all, notes);
        }
    }

    /** Goes on from what was saved. */
    void restore(Path path) throws IOException {
        try (Checkpoint file = Checkpoint.open(path);
                NDManager scope = owner.newSubManager()) {
            Object made = file.metadata().get(RECIPE);
            if (!recipe.toString().equals(made)) {
                throw new IllegalArgumentException(path + " is of a training by another recipe: it says " + made
                        + ", this one is " + recipe + "; delete the file to start over, or train in another folder");
            }
            double before = Double.parseDouble(String.valueOf(file.metadata().getOrDefault(VARIANCE, "NaN")));
            if (!(Math.abs(before - variance) <= 1e-4 * variance)) { // other numbers of threads change the last digits
                throw new IllegalArgumentException(path + " is of a training of another model or on other texts: what"
                        + " its MLP wrote there had variance " + before + ", here " + variance
                        + "; delete the file to start over, or train in another folder");
            }
            moments.restore(file);
            for (Map.Entry<String, NDArray> entry : parameters.entrySet()) {
                entry.getValue().set(file.read(scope, entry.getKey()).toFloatArray());
            }
            int[] saved = file.read(scope, SILENT).toIntArray();
            System.arraycopy(saved, 0, silent, 0, silent.length);
            if (file.contains(THRESHOLD)) {
                thresholds = file.read(owner, THRESHOLD);
            }
            done = Integer.parseInt(String.valueOf(file.metadata().get(STEP)));
            firstLoss = Double.parseDouble(String.valueOf(file.metadata().get(FIRST_LOSS)));
            remember();
        }
    }

    /** Frees the arrays. */
    @Override
    public void close() {
        owner.close();
    }
}
