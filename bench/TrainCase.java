import dev.ariadne.model.HookedTransformer;
import dev.ariadne.model.TrainableModel;
import dev.ariadne.train.AdamW;
import dev.ariadne.train.Example;
import dev.ariadne.train.Schedule;
import dev.ariadne.train.Trainer;
import dev.ariadne.train.TrainerConfig;
import dev.ariadne.train.TutorialModel;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** Steps of training the model "tutorial" on, as it was trained: the same batch each time. */
final class TrainCase implements Case {
    private static final int BATCH = 96;
    private static final int POS = 11;
    private final TrainableModel model;
    private final Trainer trainer;

    TrainCase() {
        try (var tutorial = HookedTransformer.load("tutorial", "cpu")) {
            model = TrainableModel.of(tutorial);
        }
        List<Example> batch = new ArrayList<>();
        for (int row = 0; row < BATCH; row++) {
            long[] tokens = new long[POS];
            for (int i = 0; i < POS; i++) {
                tokens[i] = (17 + 7919L * ((long) row * POS + i)) % model.config().dVocab();
            }
            batch.add(new Example(tokens, new int[] {POS - 1}));
        }
        var how = TrainerConfig.of(1_000_000, Schedule.constant(1e-3, 1))
                .withAdamW(AdamW.DEFAULT.withBetas(0.9, 0.98).withDecay(0.4))
                .withFrozen(TutorialModel.FROZEN.toArray(String[]::new));
        trainer = new Trainer(model, how, step -> batch);
    }

    /** The loss after two steps, which depends on gradients, clipping, moments and decay. */
    @Override
    public double load() throws IOException {
        model.save(Bench.DATA.resolve("tutorial")); // for the peer, before anything changes
        trainer.step();
        trainer.step();
        return trainer.step();
    }

    @Override
    public double run() {
        long start = System.nanoTime();
        trainer.step();
        return (System.nanoTime() - start) / 1e6;
    }

    @Override
    public void close() {
        trainer.close();
        model.close();
    }
}
