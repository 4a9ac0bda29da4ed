package dev.ariadne.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.ariadne.model.Hook;
import dev.ariadne.model.TrainableModel;
import dev.ariadne.model.TrainableModel.Gradients;
import dev.ariadne.model.weights.Checkpoint;
import dev.ariadne.tensor.Tensors;
import dev.ariadne.tensor.Updates;
import dev.ariadne.view.Progress;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CancellationException;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/**
 * Fits a model's weights to texts: the cross entropy of chosen tokens, by AdamW.
 *
 * <p>The same model, settings and batches give the same weights, bit for bit, on a CPU with the same number of threads; a training that is
 * taken up at a checkpoint gives what one that was never interrupted gives.
 *
 * <pre>{@code
 * try (var trainer = new Trainer(model, config, new Epochs(examples, 32, 0)).resume(Path.of("my-model"))) {
 *     trainer.fit();                                      // interrupted: run the cell again, it goes on
 * }
 * }</pre>
 */
public final class Trainer implements AutoCloseable {
    private static final String WEIGHTS = "weights.safetensors";
    private static final String LOSSES = "trainer.losses";
    private static final String STEP = "step";
    private static final double LOST = 10; // times what guessing costs: nothing is learned from there
    private static final int KEEP_EVERY = 50; // steps; a copy costs far less than so many

    private final TrainableModel model;
    private final TrainerConfig config;
    private final Batches batches;
    private final List<Hook> hooks;
    private final NDManager owner;
    private final List<String> trained;
    private final Moments moments;
    private @Nullable Path folder;
    private final Map<String, NDArray> good = new LinkedHashMap<>(); // the weights before step goodStep
    private int goodStep = -1;
    private int done;
    private double[] losses = new double[64];
    private IntFunction<String> after = step -> "";
    private String afterwards = "nothing";
    private String note = "";

    /**
     * Prepares a training; nothing changes before the first step.
     *
     * @param model what changes; closed by the caller
     * @param config how
     * @param batches what it learns from
     * @param hooks functions on activations in every run of the training; they must leave the record of gradients whole. Where a
     *     token sees only earlier ones, positions after a batch's last prediction are not computed
     * @throws IllegalArgumentException when a frozen parameter does not exist, or none is left
     */
    public Trainer(TrainableModel model, TrainerConfig config, Batches batches, Hook... hooks) {
        this.model = model;
        this.config = config;
        this.batches = batches;
        this.hooks = List.of(hooks);
        this.trained = model.parameters().keySet().stream()
                .filter(name -> !config.frozen().contains(name))
                .toList();
        if (trained.size() + config.frozen().size() != model.parameters().size() || trained.isEmpty()) {
            throw new IllegalArgumentException("frozen must name some of this model's parameters, each once, got "
                    + config.frozen() + "; they are "
                    + String.join(", ", model.parameters().keySet()));
        }
        this.owner = model.newOwner();
        Map<String, NDArray> parameters = new LinkedHashMap<>(model.parameters());
        config.frozen().forEach(parameters::remove);
        this.moments = new Moments(config.adamW(), parameters, owner);
    }

    /** Writes checkpoints to a folder, which {@code HookedTransformer.load} reads too; each replaces the one before. */
    public Trainer checkpoints(Path place) {
        this.folder = place;
        return this;
    }

    /**
     * Does something after each step, such as changing the weights; it must depend on nothing but their values and the step, else a training
     * that is taken up would go another way.
     *
     * @param what is done, with its settings; a checkpoint of a training that did another thing is refused
     * @param action takes the number of steps done, and returns what to show beside the loss, or nothing ("")
     */
    public Trainer afterEachStep(String what, IntFunction<String> action) {
        this.afterwards = what;
        this.after = action;
        return this;
    }

    /**
     * Goes on where the folder's checkpoint ends, if there is one, and writes checkpoints there.
     *
     * @throws IllegalArgumentException when it is of another model or training, or of none
     * @throws UncheckedIOException when it cannot be read
     */
    public Trainer resume(Path place) {
        if (Files.isRegularFile(place.resolve(WEIGHTS))) {
            try (Checkpoint file = Checkpoint.open(place.resolve(WEIGHTS));
                    NDManager scope = owner.newSubManager()) {
                moments.require(file); // first: nothing changes where it is no checkpoint, or another's
                int steps = Integer.parseInt(String.valueOf(file.metadata().get(STEP)));
                requireSame(place, file.metadata(), settings(steps));
                model.restore(place);
                moments.restore(file);
                losses = file.read(scope, LOSSES).toDoubleArray();
                done = steps;
            } catch (IOException e) {
                throw new UncheckedIOException(e.getMessage(), e);
            }
        }
        return checkpoints(place);
    }

    /** What decided the steps done: a training that agrees in it would have come to the same checkpoint. */
    private Map<String, String> settings(int steps) {
        Map<String, String> settings = new LinkedHashMap<>();
        settings.put("optimizer", config.adamW().toString());
        settings.put("gradients", config.normalized() ? "normalized" : "clipped to norm " + config.clipNorm());
        settings.put("frozen", config.frozen().toString());
        settings.put("after each step", afterwards);
        if (steps > 0) {
            int last = steps - 1;
            settings.put(
                    "first and last rate",
                    String.format(
                            Locale.ROOT,
                            "%.6g, %.6g",
                            config.schedule().rate(0),
                            config.schedule().rate(last)));
            settings.put(
                    "first and last batch",
                    String.format("%08x, %08x", digest(batches.batch(0)), digest(batches.batch(last))));
        }
        return settings;
    }

    private static int digest(List<Example> batch) {
        return batch.stream()
                .mapToInt(example -> 31 * Arrays.hashCode(example.tokens()) + Arrays.hashCode(example.predicted()))
                .reduce(1, (sum, hash) -> 31 * sum + hash);
    }

    private static void requireSame(Path place, Map<String, ?> made, Map<String, String> wanted) {
        wanted.forEach((name, value) -> {
            if (!value.equals(made.get(name))) {
                throw new IllegalArgumentException("the checkpoint in " + place + " is of another training, its " + name
                        + ": " + made.get(name) + ", this one's: " + value
                        + "; train as before to go on from it, or name another folder to begin anew");
            }
        });
    }

    /** How many steps have been done, those before a checkpoint included. */
    public int stepsDone() {
        return done;
    }

    /**
     * Does one step.
     *
     * @return the mean cross entropy of its batch before the step, in nats
     * @throws IllegalStateException when the loss or its gradient is no number, or the loss has become ten times what guessing costs: the
     *     weights are the last ones kept from before that, at most 50 steps ago
     * @throws CancellationException when interrupted; nothing has changed then
     */
    public double step() {
        List<Example> batch = batches.batch(done);
        int pos = read(batch);
        long[][] tokens = new long[batch.size()][];
        int count =
                batch.stream().mapToInt(example -> example.predicted().length).sum();
        long[] places = new long[count];
        long[] targets = new long[count];
        int next = 0;
        for (int row = 0; row < tokens.length; row++) {
            Example example = batch.get(row);
            long[] all = example.tokens();
            tokens[row] = Arrays.copyOf(all, pos);
            for (int at : example.predicted()) {
                places[next] = (long) row * pos + at - 1;
                targets[next++] = requireToken(all[at], at);
            }
        }
        double loss;
        try (Gradients gradients =
                model.gradients(tokens, places, logits -> crossEntropy(logits, targets), trained, hooks())) {
            loss = gradients.value();
            Tensors.run(false, 10.0 * model.parameterCount(), () -> update(gradients)); // 10: per number
        }
        if (done == losses.length) {
            losses = Arrays.copyOf(
                    losses, Math.max(64, 2 * done)); // none yet where a checkpoint was written before a step
        }
        losses[done++] = loss;
        note = after.apply(done);
        return loss;
    }

    private long requireToken(long token, int at) {
        int most = model.config().dVocabOut();
        if (token < 0 || token >= most) {
            throw new IllegalArgumentException("the token to be predicted at position " + at + " has id " + token
                    + "; ids go from 0 to " + (most - 1));
        }
        return token;
    }

    /** How many positions have to be computed: nothing after the last prediction is, where a token sees only those before it. */
    private int read(List<Example> batch) {
        return model.config().causal()
                ? batch.stream()
                        .flatMapToInt(example -> Arrays.stream(example.predicted()))
                        .max()
                        .orElse(1)
                : batch.get(0).length();
    }

    private Hook[] hooks() {
        return hooks.toArray(Hook[]::new);
    }

    /** Logits [place, dVocabOut] and the tokens that came → the mean of −log p, a scalar. */
    private static NDArray crossEntropy(NDArray logits, long[] targets) {
        NDArray came = logits.getManager().create(targets, new Shape(targets.length, 1));
        return logits.logSoftmax(1).gather(came, 1).mean().neg();
    }

    /** Changes the weights, and says by how long a gradient. */
    private double update(Gradients gradients) {
        double rate = config.schedule().rate(done);
        NDManager scope = gradients.owner();
        List<NDArray> all = List.copyOf(gradients.byName().values());
        long entries = all.stream().mapToLong(NDArray::size).sum();
        NDArray norm = config.normalized()
                ? Updates.scale(all, scope.create((float) Math.sqrt((double) entries)))
                : Updates.clip(all, scope.create((float) config.clipNorm()));
        double size = norm.toType(DataType.FLOAT64, false).getDouble();
        double most = LOST * Math.max(Math.log(model.config().dVocabOut()), done == 0 ? gradients.value() : losses[0]);
        if (!(gradients.value() <= most) || !Double.isFinite(size)) { // also when it is no number
            String what = String.format(
                    Locale.ROOT,
                    "step %d has loss %.4g and a gradient of norm %.4g, at learning rate %.3g",
                    done,
                    gradients.value(),
                    size,
                    rate);
            throw new IllegalStateException(what + "; the weights are those before step " + restore()
                    + ". Lower the rate, "
                    + (config.normalized()
                            ? "or warm up for longer"
                            : "warm up for longer, or clip gradients to a smaller norm than " + config.clipNorm())
                    + ", and begin anew");
        }
        if (done % KEEP_EVERY == 0) {
            keep();
        }
        moments.update(done + 1, rate, gradients.byName(), scope);
        return size;
    }

    private void keep() {
        trained.forEach(name -> {
            NDArray array = model.parameter(name);
            good.computeIfAbsent(name, n -> owner.zeros(array.getShape(), array.getDataType()));
            array.copyTo(Objects.requireNonNull(good.get(name)));
        });
        goodStep = done;
    }

    /** Takes the weights back that were kept, if any, and says before which step they were. */
    private int restore() {
        good.forEach((name, array) -> array.copyTo(model.parameter(name)));
        return good.isEmpty() ? done : goodStep;
    }

    /**
     * Does the steps that are left. When interrupted, it writes a checkpoint if there is a folder for it.
     *
     * @return the losses of all steps
     * @throws CancellationException when interrupted
     * @throws UncheckedIOException when a checkpoint cannot be written
     */
    public Training fit() {
        int before = done;
        long start = System.nanoTime();
        try (Progress progress = Progress.of("training", Math.max(0, config.steps() - done))) {
            while (done < config.steps()) {
                double loss = step();
                if (config.checkpointEvery() > 0 && done % config.checkpointEvery() == 0 && done < config.steps()) {
                    checkpoint();
                }
                progress.step(String.format(Locale.ROOT, "loss %.3f", loss) + note);
            }
        } catch (CancellationException e) {
            checkpoint();
            String kept = folder == null
                    ? "the model keeps what it has learned, and fit() goes on from there"
                    : "the checkpoint is in " + folder + ", and resume(folder).fit() goes on from there";
            throw (CancellationException)
                    new CancellationException("interrupted after " + done + " of " + config.steps() + " steps; " + kept)
                            .initCause(e);
        }
        checkpoint();
        return new Training(Arrays.copyOf(losses, done), (System.nanoTime() - start) / 1e9, done - before, config);
    }

    /** Writes a checkpoint, if there is a folder for it: config.json, and weights.safetensors with all that the training knows. */
    private void checkpoint() {
        if (folder == null) {
            return;
        }
        boolean interrupted = Thread.interrupted(); // an interrupted thread cannot write files
        try (NDManager scope = owner.newSubManager()) {
            Map<String, NDArray> all = moments.stored();
            all.put(LOSSES, scope.create(Arrays.copyOf(losses, done)));
            Map<String, String> notes = settings(done);
            notes.put(STEP, Integer.toString(done));
            model.save(folder, all, notes);
        } catch (IOException e) {
            throw new UncheckedIOException(e.getMessage(), e);
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /** Frees what the optimizer remembers; the model stays. */
    @Override
    public void close() {
        owner.close();
    }
}
