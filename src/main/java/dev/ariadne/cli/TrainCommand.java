package dev.ariadne.cli;

import dev.ariadne.train.InductionModel;
import dev.ariadne.train.Training;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
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
        induction
    }

    @Parameters(index = "0", paramLabel = "NAME", description = "one of ${COMPLETION-CANDIDATES}")
    private Program program = Program.induction;

    @Parameters(index = "1", paramLabel = "DIR", description = "where the model goes; made if need be")
    private Path folder = Path.of(".");

    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Override
    public Integer call() {
        PrintWriter out = spec.commandLine().getOut();
        Training training = switch (program) {
            case induction -> InductionModel.train(folder);
        };
        double perSecond = training.stepsDone() / training.seconds();
        out.println(training
                + String.format(Locale.ROOT, "; %.0f s, %.1f steps/s; ", training.seconds(), perSecond)
                + folder);
        out.flush();
        return 0;
    }
}
