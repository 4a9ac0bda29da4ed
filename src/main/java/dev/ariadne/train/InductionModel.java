package dev.ariadne.train;

import ai.djl.ndarray.NDArray;
import dev.ariadne.model.Initialization;
import dev.ariadne.model.ModelConfig;
import dev.ariadne.model.ModelConfig.Positions;
import dev.ariadne.model.TrainableModel;
import dev.ariadne.tensor.Tensors;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Objects;

/**
 * Makes the model "induction-2l" that ships with the library: two blocks of attention alone, eight heads each, which learn to continue
 * what they have seen (Elhage et al. 2021; Olsson et al. 2022). Positions reach queries and keys only, as in the model of Conmy et al. (2023).
 */
public final class InductionModel {
    private static final int STEPS = 4000;
    private static final int BATCH = 16;
    private static final long SEED = 0;
    private static final List<String> TOKENIZER = List.of("tokenizer.json", "tokenizer_config.json");

    private InductionModel() {}

    /**
     * Trains the model, or goes on where an interrupted training stopped.
     *
     * @param folder where checkpoints and, at the end, the model are written
     * @return the training, with its losses
     * @throws UncheckedIOException when the folder cannot be written
     */
    public static Training train(Path folder) {
        ModelConfig config = ModelConfig.builder()
                .nLayers(2)
                .dModel(128)
                .heads(8, 16)
                .attnOnly(true)
                .dVocab(96)
                .nCtx(64)
                .positions(Positions.SHORTFORMER)
                .build();
        return train(config, STEPS, folder);
    }

    static Training train(ModelConfig config, int steps, Path folder) {
        TrainerConfig how = TrainerConfig.of(steps, Schedule.cosine(3e-3, 100, steps, 0.02))
                .withAdamW(AdamW.DEFAULT.withBetas(0.9, 0.98).withDecay(0.1));
        Batches texts = new InductionText(config.dVocab(), config.nCtx(), BATCH, SEED);
        try (TrainableModel model = TrainableModel.random(config, Initialization.fanIn(1, 0.1), SEED, "cpu")) {
            beginWithWaves(model.parameter("pos_embed.W_pos"));
            try (Trainer trainer = new Trainer(model, how, texts).resume(folder)) {
                Training training = trainer.fit();
                model.save(folder); // without what only a training needs
                copyTokenizer(folder);
                return training;
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e.getMessage(), e);
        }
    }

    /**
     * Begins with the sinusoids of Vaswani et al. (2017), which training then changes: a head of width 16 can look one position back along
     * eight frequencies, but not along random vectors, of which each position has its own.
     */
    private static void beginWithWaves(NDArray positions) {
        int count = (int) positions.getShape().get(0);
        int width = (int) positions.getShape().get(1);
        float[] values = new float[count * width];
        for (int at = 0; at < values.length; at++) {
            int i = at % width;
            int position = at / width;
            double angle = position * Math.pow(1000, -(double) (i - i % 2) / width);
            values[at] = (float) (2 * (i % 2 == 0 ? Math.sin(angle) : Math.cos(angle)));
        }
        Tensors.recording(false, () -> {
            positions.set(values);
            return positions;
        });
    }

    private static void copyTokenizer(Path folder) throws IOException {
        for (String file : TOKENIZER) {
            try (InputStream in =
                    InductionModel.class.getResourceAsStream("/dev/ariadne/models/induction-2l/" + file)) {
                Files.copy(Objects.requireNonNull(in, file), folder.resolve(file), StandardCopyOption.REPLACE_EXISTING);
            }
        }
    }
}
