package dev.ariadne.cli;

import dev.ariadne.attribution.ReplacementModel;
import dev.ariadne.display.Display;
import dev.ariadne.intervention.TutorialInterventions;
import dev.ariadne.train.TutorialModel;
import java.io.PrintWriter;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Measures what the tutorial model's card says of interventions, with the transcoders that belong to the model. */
@Command(
        name = "interventions",
        mixinStandardHelpOptions = true,
        description =
                "Intervene on a tutorial model's features over many prompts it has never seen, and print the rates.")
final class InterventionsCommand implements Callable<Integer> {
    @Parameters(
            index = "0",
            arity = "0..1",
            paramLabel = "MODEL",
            description = "a tutorial model's name, or its folder with a folder transcoders in it")
    private String name = "tutorial";

    @Option(
            names = "--split",
            paramLabel = "N",
            description =
                    "the seed that it was trained with, which chose what was kept from it (default: ${DEFAULT-VALUE})")
    private long split = TutorialModel.SHIPPED_SEED;

    @Option(
            names = "--pairs",
            paramLabel = "N",
            description = "prompts about places, and as many about words (default: ${DEFAULT-VALUE})")
    private int pairs = 120;

    @Option(
            names = "--seed",
            paramLabel = "N",
            description = "chooses prompts, what is put in, and controls (default: ${DEFAULT-VALUE})")
    private long seed = 5;

    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Override
    public Integer call() {
        try (ReplacementModel replacement = ReplacementModel.load(name)) {
            PrintWriter out = spec.commandLine().getOut();
            out.print(Display.text(TutorialInterventions.run(replacement, split, pairs, seed)));
            out.flush();
        }
        return 0;
    }
}
