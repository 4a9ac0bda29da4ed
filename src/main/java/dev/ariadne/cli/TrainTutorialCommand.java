package dev.ariadne.cli;

import dev.ariadne.train.TutorialModel;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Makes the tutorial model, its transcoders and the names of their features again: short for {@code train tutorial}. */
@Command(
        name = "train-tutorial",
        mixinStandardHelpOptions = true,
        description =
                "Train the model 'tutorial' and its transcoders again, into a folder; the same as 'train tutorial'.")
final class TrainTutorialCommand implements Callable<Integer> {
    @Parameters(index = "0", paramLabel = "DIR", description = "where the model goes; made if need be")
    private Path folder = Path.of(".");

    @Option(
            names = "--seed",
            paramLabel = "N",
            description = "what is kept from it, and its first weights (default: ${DEFAULT-VALUE})")
    private long seed = TutorialModel.SHIPPED_SEED;

    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Override
    public Integer call() {
        PrintWriter out = spec.commandLine().getOut();
        out.println(TutorialModel.train(folder, seed) + "; " + folder);
        out.flush();
        return 0;
    }
}
