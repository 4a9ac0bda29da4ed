package dev.ariadne.cli;

import dev.ariadne.sparse.MiniPython;
import dev.ariadne.sparse.SparseConfig;
import dev.ariadne.sparse.SparseTrainer;
import dev.ariadne.sparse.SparseTransformer;
import dev.ariadne.train.InductionModel;
import dev.ariadne.train.Training;
import dev.ariadne.train.TutorialModel;
import dev.ariadne.view.WholeFile;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Makes one of the trained models that ship with the library again; a training that was stopped goes on where it was. */
@Command(
        name = "train",
        mixinStandardHelpOptions = true,
        description = "Train a model that ships with the library again, into a folder.")
final class TrainCommand implements Callable<Integer> {
    /** What can be trained. */
    enum Program {
        /** The model "induction-2l". */
        induction,
        /** The model "sparse". */
        sparse,
        /** The model "tutorial". */
        tutorial
    }

    @Parameters(index = "0", paramLabel = "NAME", description = "one of ${COMPLETION-CANDIDATES}")
    private Program program = Program.induction;

    @Parameters(index = "1", paramLabel = "DIR", description = "where the model goes; made if need be")
    private Path folder = Path.of(".");

    @Option(
            names = "--seed",
            paramLabel = "N",
            description =
                    "of the model tutorial: what is kept from it, and its first weights (default: ${DEFAULT-VALUE})")
    private long seed = TutorialModel.SHIPPED_SEED;

    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Override
    public Integer call() {
        PrintWriter out = spec.commandLine().getOut();
        String result = switch (program) {
            case induction -> describe(InductionModel.train(folder));
            case sparse -> sparse();
            case tutorial -> TutorialModel.train(folder, seed).toString();
        };
        out.println(result + "; " + folder);
        out.flush();
        return 0;
    }

    private String sparse() {
        try (SparseTransformer trained = SparseTrainer.of(SparseConfig.TWO_PHASE)
                .checkpoints(folder.resolve("training"))
                .fit(MiniPython.corpus(6000, 0))) {
            trained.save(folder);
            MiniPython.writeTokenizer(folder);
            WholeFile.deleteFolder(folder.resolve("training")); // what only a training needs
            return trained.toString();
        } catch (IOException e) {
            throw new UncheckedIOException(e.getMessage(), e);
        }
    }

    private static String describe(Training training) {
        double perSecond = training.stepsDone() / training.seconds();
        return training + String.format(Locale.ROOT, "; %.0f s, %.1f steps/s", training.seconds(), perSecond);
    }
}
