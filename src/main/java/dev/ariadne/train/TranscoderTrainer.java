package dev.ariadne.train;

import dev.ariadne.model.HookedTransformer;
import dev.ariadne.train.TranscoderRows.Which;
import dev.ariadne.transcoder.Activation;
import dev.ariadne.transcoder.Transcoder;
import dev.ariadne.transcoder.TranscoderSet;
import dev.ariadne.view.Progress;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CancellationException;
import org.jspecify.annotations.Nullable;

/**
 * Trains a transcoder for each layer of a model: what the MLP reads → what it writes, over the prefixes of a corpus.
 *
 * <p>The same model, corpus and recipes give the same bytes, on a CPU with the same number of threads; a training that is taken up again gives
 * what one that was never interrupted gives.
 *
 * <pre>{@code
 * var trainer = TranscoderTrainer.of(model, corpus, List.of(TranscoderRecipe.of(768, 8))).resume(Path.of("my-transcoders"));
 * try (TranscoderSet transcoders = trainer.fit()) {
 *     Notebook.show(TranscoderReport.of(model, transcoders, corpus, asked));
 * }
 * }</pre>
 */
public final class TranscoderTrainer {
    private static final int EVERY = 200; // steps between checkpoints
    static final String INPUT = "mlp.hook_in";
    static final String OUTPUT = "mlp.hook_out";

    private final HookedTransformer model;
    private final List<Example> corpus;
    private final List<TranscoderRecipe> recipes; // by layer
    private Set<Integer> neurons = Set.of(); // layers whose own neurons are the features
    private Set<Integer> predicting = Set.of(); // layers that learn where a token is predicted only
    private boolean pruned;
    private String name;
    private @Nullable Path folder;

    private TranscoderTrainer(HookedTransformer model, List<Example> corpus, List<TranscoderRecipe> recipes) {
        this.model = model;
        this.name = model.name();
        this.corpus = corpus;
        this.recipes = recipes;
    }

    /**
     * Prepares a training.
     *
     * @param model whose MLPs are learned; it stays as it is
     * @param corpus texts; which of their tokens are predicted matters {@linkplain #atPredictions where asked}
     * @param recipes one for each layer, or one for all
     */
    public static TranscoderTrainer of(HookedTransformer model, List<Example> corpus, List<TranscoderRecipe> recipes) {
        int layers = model.config().nLayers();
        if (model.config().attnOnly() || corpus.isEmpty() || (recipes.size() != 1 && recipes.size() != layers)) {
            throw new IllegalArgumentException(
                    "transcoders need a model with MLPs, texts, and a recipe for each layer or"
                            + " one for all; got '" + model.name() + "' of " + layers + " layers"
                            + (model.config().attnOnly() ? " without MLPs, " : ", ") + corpus.size() + " texts, "
                            + recipes.size() + " recipes");
        }
        return new TranscoderTrainer(
                model,
                List.copyOf(corpus),
                recipes.size() == 1 ? Collections.nCopies(layers, recipes.get(0)) : List.copyOf(recipes));
    }

    /**
     * Takes the own neurons of some layers as features, by ReLU, instead of training: right where an MLP is sparse already; see {@link
     * Transcoder#ofNeurons}. {@link TranscoderReport} says what that leaves unexplained.
     */
    public TranscoderTrainer withNeurons(Integer... layers) {
        this.neurons = new TreeSet<>(List.of(layers));
        return this;
    }

    /**
     * Lets some layers learn only from positions before a predicted token. What the last MLP writes elsewhere changes no prediction, and takes features away
     * from what does.
     */
    public TranscoderTrainer atPredictions(Integer... layers) {
        this.predicting = new TreeSet<>(List.of(layers));
        return this;
    }

    /** Calls the model so in what is written; else it is its own name. */
    public TranscoderTrainer named(String model) {
        this.name = model;
        return this;
    }

    /** Leaves features out, in the end, that no row of the corpus makes active; the others move up, in their order. */
    public TranscoderTrainer withoutDead() {
        this.pruned = true;
        return this;
    }

    /** Writes checkpoints to a folder and, in the end, the set, and goes on where checkpoints there end. */
    public TranscoderTrainer resume(Path place) {
        this.folder = place;
        return this;
    }

    /**
     * Trains all layers.
     *
     * @return the transcoders, to be closed by the caller
     * @throws CancellationException when interrupted; with a folder, the next call goes on from there
     * @throws IllegalStateException when a training diverges; with a folder, the last good weights are in its checkpoint
     * @throws UncheckedIOException when a file cannot be written
     */
    public TranscoderSet fit() {
        List<TranscoderRows> rows = rows();
        List<Transcoder> trained = new ArrayList<>();
        boolean whole = false;
        int steps = recipes.stream().mapToInt(TranscoderRecipe::steps).sum();
        try (Progress progress = Progress.of("training transcoders", steps)) {
            if (folder != null) {
                Files.createDirectories(folder);
            }
            for (int layer = 0; layer < recipes.size(); layer++) {
                if (neurons.contains(layer)) {
                    trained.add(Transcoder.ofNeurons(model, layer, Activation.RELU));
                    progress.step(recipes.get(layer).steps(), "layer " + layer, null);
                } else {
                    trained.add(fit(layer, rows.get(layer), progress));
                }
                if (pruned) {
                    try (Transcoder before = trained.remove(layer)) {
                        trained.add(before.select(TranscoderQuality.living(before, rows.get(layer))));
                    }
                }
            }
            TranscoderSet set = TranscoderSet.of(name, INPUT, OUTPUT, trained);
            if (folder != null) {
                set.save(
                        folder,
                        Map.of(
                                "recipes", recipes.toString(),
                                "neurons", neurons.toString(),
                                "predicting", predicting.toString()));
                for (int layer = 0; layer < recipes.size(); layer++) {
                    Files.deleteIfExists(checkpoint(folder, layer));
                }
            }
            whole = true;
            return set;
        } catch (IOException e) {
            throw new UncheckedIOException(e.getMessage(), e);
        } finally {
            if (!whole) {
                trained.forEach(Transcoder::close);
            }
        }
    }

    private List<TranscoderRows> rows() {
        List<TranscoderRows> rows = new ArrayList<>(
                predicting.size() == recipes.size()
                        ? Collections.nCopies(recipes.size(), TranscoderRows.NONE)
                        : TranscoderRows.of(model, corpus, INPUT, OUTPUT, Which.ALL));
        if (!predicting.isEmpty()) {
            List<TranscoderRows> some = TranscoderRows.of(model, corpus, INPUT, OUTPUT, Which.PREDICTING);
            predicting.forEach(layer -> rows.set(layer, some.get(layer)));
        }
        return rows;
    }

    private Transcoder fit(int layer, TranscoderRows rows, Progress progress) throws IOException {
        Path file = folder == null ? null : checkpoint(folder, layer);
        try (TranscoderTraining training = new TranscoderTraining(layer, recipes.get(layer), rows)) {
            if (file != null && Files.isRegularFile(file)) {
                training.restore(file);
                progress.step(training.stepsDone(), "layer " + layer, null);
            }
            try {
                while (!training.isDone()) {
                    double loss = training.step();
                    if (training.stepsDone() % EVERY == 0) {
                        save(training, file);
                    }
                    progress.step(String.format(Locale.ROOT, "layer %d, loss %.3f", layer, loss));
                }
            } catch (IllegalStateException e) { // a CancellationException too
                boolean interrupted = Thread.interrupted(); // an interrupted thread cannot write files
                save(training, file);
                if (interrupted) {
                    Thread.currentThread().interrupt();
                }
                throw e;
            }
            save(training, file);
            return training.transcoder();
        }
    }

    private static void save(TranscoderTraining training, @Nullable Path file) throws IOException {
        if (file != null) {
            training.save(file);
        }
    }

    private static Path checkpoint(Path folder, int layer) {
        return folder.resolve("training_" + layer + ".safetensors");
    }
}
