package dev.ariadne.sparse;

import ai.djl.ndarray.NDArray;
import dev.ariadne.model.Initialization;
import dev.ariadne.model.TrainableModel;
import dev.ariadne.sparse.SparseConfig.Phase;
import dev.ariadne.tensor.Tensors;
import dev.ariadne.train.AdamW;
import dev.ariadne.train.Epochs;
import dev.ariadne.train.Example;
import dev.ariadne.train.Schedule;
import dev.ariadne.train.Trainer;
import dev.ariadne.train.TrainerConfig;
import dev.ariadne.train.Training;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CancellationException;
import org.jspecify.annotations.Nullable;

/**
 * Trains a transformer almost all of whose weights are zero (Gao et al. 2025, appendix A.2): after each step only the largest weights of each
 * matrix stay, fewer and fewer; the gradients and the optimizer's moments stay dense, so that weights can come back.
 *
 * <p>The same settings and rows give the same weights, bit for bit, on a CPU; a training that was interrupted goes on where it stopped.
 *
 * <pre>{@code
 * var trained = SparseTrainer.of(SparseConfig.TWO_PHASE).checkpoints(Path.of("sparse")).fit(MiniPython.corpus(6000, 0)); // some minutes
 * }</pre>
 */
public final class SparseTrainer {
    private static final AdamW ADAM = new AdamW(0.9, 0.95, 0.1, 0.1);
    private static final Initialization START = Initialization.fanIn(1 / Math.sqrt(3), 1);
    private static final double WARM_UP = 0.01; // of the steps

    private final SparseConfig config;
    private final @Nullable Path folder;

    private SparseTrainer(SparseConfig config, @Nullable Path folder) {
        this.config = config;
        this.folder = folder;
    }

    /** Prepares a training. */
    public static SparseTrainer of(SparseConfig config) {
        return new SparseTrainer(config, null);
    }

    /** Writes checkpoints to two folders in this one, and goes on from those that are there. */
    public SparseTrainer checkpoints(Path place) {
        return new SparseTrainer(config, place);
    }

    /**
     * Trains, or goes on where an interrupted training stopped.
     *
     * @param rows token ids, all of one length, at most one more than the model's context
     * @return the model, closed by the caller
     * @throws IllegalArgumentException when the folder's checkpoints are of another training
     * @throws IllegalStateException when the loss becomes no number; the last good weights are in the folder's {@code last-good} then
     * @throws java.util.concurrent.CancellationException when interrupted
     */
    public SparseTransformer fit(List<long[]> rows) {
        SparseTransformer.requireWhole(rows);
        List<Example> examples = rows.stream().map(Example::of).toList();
        try (TrainableModel model = TrainableModel.random(config.model(), START, config.seed(), "cpu")) {
            try {
                List<Training> phases = phases(model, examples);
                return new SparseTransformer(model.snapshot(), rows, phases);
            } catch (CancellationException e) {
                String kept = folder == null
                        ? "nothing is kept: with checkpoints(folder) fit() would go on from there"
                        : "the same fit() goes on from the checkpoints in " + folder;
                throw (CancellationException)
                        new CancellationException("the training was interrupted; " + kept).initCause(e);
            } catch (IllegalStateException e) {
                throw new IllegalStateException(e.getMessage() + keepLast(model), e);
            }
        }
    }

    private List<Training> phases(TrainableModel model, List<Example> examples) {
        List<Training> phases = new ArrayList<>();
        Phase dense = config.dense();
        if (dense.steps() > 0) {
            phases.add(phase(model, "dense", examples, dense.steps(), step -> rate(step, dense)));
        }
        Phase sparse = config.sparse();
        if (sparse.steps() > 0) {
            Schedule rate = step -> rate(step, sparse) / Math.sqrt(config.fraction(step + 1));
            phases.add(phase(model, "sparse", examples, sparse.steps(), rate));
        }
        return phases;
    }

    /** Writes the weights from before a training went astray, and says where. */
    private String keepLast(TrainableModel model) {
        if (folder == null) {
            return "; with checkpoints(folder) those weights would be kept";
        }
        Path last = folder.resolve("last-good");
        try {
            model.save(last);
        } catch (IOException e) {
            throw new UncheckedIOException(e.getMessage(), e);
        }
        return "; those weights are in " + last;
    }

    private Training phase(TrainableModel model, String name, List<Example> examples, int steps, Schedule rate) {
        TrainerConfig how = TrainerConfig.of(steps, rate).withAdamW(ADAM).withNormalizedGradients();
        Epochs batches = new Epochs(examples, config.batch(), 2 * config.seed() + (name.equals("dense") ? 0 : 1));
        try (Trainer trainer = new Trainer(model, how, batches)) {
            if (name.equals("sparse")) {
                trainer.afterEachStep(
                        "weights go, " + config.thinning(), step -> project(model, config.fraction(step)));
            }
            return (folder == null ? trainer : trainer.resume(folder.resolve(name))).fit();
        }
    }

    /** A rise over the first steps, then a straight fall to zero. */
    private static double rate(int step, Phase phase) {
        double way = (double) step / phase.steps();
        return phase.rate() * Math.min(1, (step + 1) / Math.max(1, WARM_UP * phase.steps())) * (1 - way);
    }

    /** Makes all but a share of each matrix's weights zero, and says how many are left. */
    private String project(TrainableModel model, double fraction) {
        if (fraction >= 1) {
            return "";
        }
        return Tensors.recording(false, () -> {
            Map<String, float[]> values = new LinkedHashMap<>();
            long left = 0;
            for (Piece piece : Piece.of(model.config())) {
                float[] weights = values.computeIfAbsent(
                        piece.parameter(), name -> model.parameter(name).toFloatArray());
                int k = piece.count(fraction);
                TopWeights.keep(
                        weights,
                        piece.from(),
                        piece.rows(),
                        piece.columns(),
                        k,
                        piece.neuron(),
                        config.thinning().leastPerNeuron());
                left += k;
            }
            values.forEach((name, weights) -> {
                NDArray array = model.parameter(name);
                array.set(weights);
            });
            return String.format(Locale.ROOT, ", %,d weights", left);
        });
    }
}
