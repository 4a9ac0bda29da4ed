package dev.ariadne.train;

import dev.ariadne.model.Initialization;
import dev.ariadne.model.ModelConfig;
import dev.ariadne.model.ModelConfig.Positions;
import dev.ariadne.model.TrainableModel;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;

/**
 * Makes the model "induction-2l" that ships with the library: two blocks of attention alone, eight heads each, which learn to continue
 * what they have seen (Elhage et al. 2021; Olsson et al. 2022). Positions reach queries and keys only, as in the model of Conmy et al. (2023).
 */
public final class InductionModel {
    private static final int STEPS = 3000;
    private static final long SEED = 0;

    private InductionModel() {}

    /**
     * Trains the model, or goes on where an interrupted training stopped.
     *
     * @param folder where checkpoints and, at the end, the model are written
     * @return the training, with its losses
     */
    public static Training train(Path folder) {
        ModelConfig config = ModelConfig.builder()
                .nLayers(2)
                .dModel(128)
                .heads(8, 16)
                .attnOnly(true)
                .dVocab(96)
                .nCtx(128)
                .positions(Positions.SHORTFORMER)
                .build();
        return train(config, STEPS, folder);
    }

    static Training train(ModelConfig config, int steps, Path folder) {
        TrainerConfig how = TrainerConfig.of(steps, Schedule.cosine(2e-3, 100, steps, 0.02))
                .withAdamW(AdamW.DEFAULT.withBetas(0.9, 0.98).withDecay(0.1));
        Batches texts = new InductionText(config.dVocab(), config.nCtx(), 16, SEED);
        try (TrainableModel model = TrainableModel.random(config, Initialization.GPT2, SEED, "cpu");
                Trainer trainer = new Trainer(model, how, texts).resume(folder)) {
            Training training = trainer.fit();
            model.save(folder); // without what only a training needs
            return training;
        } catch (IOException e) {
            throw new UncheckedIOException(e.getMessage(), e);
        }
    }
}
