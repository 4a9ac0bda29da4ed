package dev.ariadne.train;

import ai.djl.ndarray.NDArray;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.model.Initialization;
import dev.ariadne.model.ModelConfig;
import dev.ariadne.model.ModelConfig.Activation;
import dev.ariadne.model.ModelConfig.Rotary;
import dev.ariadne.model.TrainableModel;
import dev.ariadne.tensor.Tensors;
import dev.ariadne.train.TranscoderRecipe.Repair;
import dev.ariadne.train.TranscoderRecipe.Sparsity;
import dev.ariadne.train.TranscoderRecipe.Start;
import dev.ariadne.train.TutorialCorpus.Kind;
import dev.ariadne.transcoder.FeatureLabels;
import dev.ariadne.transcoder.TranscoderSet;
import dev.ariadne.view.WholeFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Makes the model "tutorial" that ships with the library: three blocks that know where places lie and which words are opposites, and put two
 * such facts together about places they never did it for; and its transcoders, with labels.
 *
 * <p>Where the first hop happens is chosen so that it can be seen: embeddings stay at a tiny random start and the first block's attention writes
 * nothing, so all that a token means is written by the first MLP; positions reach queries and keys only. All MLPs keep their 16 largest activations.
 */
public final class TutorialModel {
    /** The seed of the model that ships. */
    public static final long SHIPPED_SEED = 3;

    /** The parameters that stay as they began, in all phases. */
    public static final List<String> FROZEN = List.of(
            "embed.W_E",
            "blocks.0.ln1.w",
            "blocks.0.ln1.b",
            "blocks.0.attn.W_QKV",
            "blocks.0.attn.b_QKV",
            "blocks.0.attn.W_O",
            "blocks.0.attn.b_O");

    private static final double EMBEDDING =
            1e-4; // below the root of the norm's eps: the stream begins as good as empty
    private static final int KEPT = 16;

    /**
     * How long and how wide.
     *
     * @param oneHop passes over all but the two-hop sentences
     * @param all passes over everything, with a new optimizer
     * @param after passes over everything, after the first MLP's neurons have been regrouped
     * @param dMlp the width of the MLPs
     * @param groups of tokens, of which each gets a neuron of the first MLP
     * @param more groups of what the first ones leave over
     * @param transcoders the recipes of the second and the third block's transcoder; the first one's features are its MLP's neurons
     */
    record Size(int oneHop, int all, int after, int dMlp, int groups, int more, List<TranscoderRecipe> transcoders) {
        static final Size SHIPPED =
                new Size(20, 34, 4, 768, 320, 200, List.of(recipe(768, 8, 500, 0.1), recipe(640, 2, 640, 0)));

        Size {
            transcoders = List.copyOf(transcoders);
        }
    }

    /** For so many features, of which k stay in each row; they begin as so many groups of outputs. */
    private static TranscoderRecipe recipe(int features, int k, int groups, double repair) {
        return TranscoderRecipe.of(features, k)
                .withSparsity(Sparsity.rowTopK(k))
                .withStart(new Start(groups))
                .withRepair(new Repair(60, 48, repair))
                .withSteps(600);
    }

    private final TutorialCorpus corpus;
    private final long seed;
    private final Size size;
    private final Path work; // checkpoints

    private TutorialModel(TutorialCorpus corpus, long seed, Size size, Path work) {
        this.corpus = corpus;
        this.seed = seed;
        this.size = size;
        this.work = work;
    }

    /**
     * Trains what ships, from nothing, into a folder; {@code ariadne train-tutorial} takes other seeds as well.
     *
     * @param arguments the folder
     */
    public static void main(String[] arguments) {
        if (arguments.length != 1) {
            throw new IllegalArgumentException("expected one argument, the folder for the model, got "
                    + Arrays.toString(arguments) + "; 'ariadne train-tutorial --help' says more");
        }
        System.out.println(train(Path.of(arguments[0]), SHIPPED_SEED));
    }

    /**
     * Trains the model, or goes on where an interrupted training stopped.
     *
     * @param folder where checkpoints and, at the end, the model are written
     * @param seed decides what is kept from the model, and its first weights; {@link TutorialCorpus#DEVELOPMENT} is the one that was looked at
     *     while the training was tuned
     * @return what it learned
     * @throws UncheckedIOException when the folder cannot be written
     */
    public static TutorialScores train(Path folder, long seed) {
        return train(TutorialCorpus.embedded(seed), seed, Size.SHIPPED, folder);
    }

    static TutorialScores train(TutorialCorpus corpus, long seed, Size size, Path folder) {
        Path work = folder.resolve("training");
        TutorialModel program = new TutorialModel(corpus, seed, size, work);
        try (TrainableModel model = program.begin()) {
            List<Training> phases = program.fit(model);
            model.save(folder); // without what only a training needs
            corpus.writeTokenizer(folder);
            try (HookedTransformer trained = model.snapshot();
                    TranscoderSet transcoders =
                            transcoders(trained, corpus, seed, size, folder.resolve("transcoders"))) {
                TutorialScores scores = TutorialScores.of(trained, corpus, phases, transcoders.hooks());
                WholeFile.deleteFolder(work);
                return scores;
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e.getMessage(), e);
        }
    }

    /** Trains transcoders for a model that has learned the corpus, labels their features, and writes both to a folder. */
    static TranscoderSet transcoders(
            HookedTransformer trained, TutorialCorpus corpus, long seed, Size size, Path folder) throws IOException {
        TranscoderRecipe none = size.transcoders().get(0); // the first layer's is not used
        TranscoderSet set = TranscoderTrainer.of(
                        trained,
                        corpus.examples(sentence -> true),
                        Stream.concat(Stream.of(none), size.transcoders().stream())
                                .map(recipe -> recipe.withSeed(seed))
                                .toList())
                .named("tutorial")
                .withNeurons(0)
                .atPredictions(2)
                .withoutDead()
                .resume(folder)
                .fit();
        boolean labeled = false;
        try {
            FeatureLabels.write(TutorialLabels.of(trained, set, corpus), folder);
            labeled = true;
            return set;
        } finally {
            if (!labeled) {
                set.close();
            }
        }
    }

    private TrainableModel begin() {
        ModelConfig config = ModelConfig.builder()
                .nLayers(3)
                .dModel(128)
                .heads(4, 32)
                .dMlp(size.dMlp())
                .dVocab(corpus.vocabulary().size())
                .nCtx(16)
                .activation(Activation.RELU)
                .topK(KEPT)
                .rotary(new Rotary(100, 32, Optional.empty(), 1))
                .build();
        TrainableModel model = TrainableModel.random(config, Initialization.fanIn(0.7, EMBEDDING), seed, "cpu");
        // the first MLP reads embeddings of unit size in spite of the eps that they are divided by
        fill(model.parameter("blocks.0.ln2.w"), Math.sqrt(config.eps() + EMBEDDING * EMBEDDING) / EMBEDDING);
        fill(model.parameter("blocks.0.attn.W_QKV"), 0);
        fill(model.parameter("blocks.0.attn.W_O"), 0);
        return model;
    }

    private static void fill(NDArray array, double value) {
        float[] values = new float[Math.toIntExact(array.size())];
        Arrays.fill(values, (float) value);
        Tensors.recording(false, () -> {
            array.set(values);
            return array;
        });
    }

    private List<Training> fit(TrainableModel model) {
        List<Example> all = corpus.examples(sentence -> true);
        List<Example> oneHop = corpus.examples(sentence -> sentence.kind() != Kind.TWO_HOP);
        List<Training> phases = new ArrayList<>();
        phases.add(phase(model, 1, new Epochs(oneHop, 96, seed), size.oneHop(), 4e-3, 0.4));
        phases.add(phase(model, 2, new Epochs(all, 96, seed + 1), size.all(), 3e-3, 1));
        long[] read = all.stream()
                .flatMapToLong(example -> Arrays.stream(example.tokens(), 0, example.length() - 1))
                .sorted()
                .distinct()
                .toArray();
        TokenGroups.rewrite(model, read, size.groups(), size.more());
        phases.add(phase(model, 3, new Epochs(all, 96, seed + 2), size.after(), 1e-3, 0.4));
        return phases;
    }

    private Training phase(TrainableModel model, int number, Epochs epochs, int passes, double rate, double decay) {
        int steps = passes * epochs.perEpoch();
        TrainerConfig how = TrainerConfig.of(steps, Schedule.cosine(rate, Math.min(100, steps / 2), steps, 0.02))
                .withAdamW(AdamW.DEFAULT.withBetas(0.9, 0.98).withDecay(decay))
                .withFrozen(FROZEN.toArray(String[]::new));
        try (Trainer trainer = new Trainer(model, how, epochs).resume(work.resolve("phase-" + number))) {
            return trainer.fit();
        }
    }
}
