package dev.ariadne.cli;

import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Prints a line per reference file: pass, fail or skip, the largest error, the tolerance, the time. */
@Command(
        name = "conformance",
        mixinStandardHelpOptions = true,
        description = "Compare the library with values recorded from other programs.")
final class ConformanceCommand implements Callable<Integer> {
    @Parameters(
            paramLabel = "DIR",
            description = "a folder laid out like the project's fixtures; any part of it will do")
    private Path folder = Path.of(".");

    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Override
    public Integer call() {
        PrintWriter out = spec.commandLine().getOut();
        List<Outcome> outcomes = Conformance.run(folder, outcome -> {
            out.println(outcome);
            out.flush();
        });
        long failed = Outcome.count(outcomes, Outcome.Status.FAIL);
        out.println(Outcome.count(outcomes, Outcome.Status.PASS) + " passed, " + failed + " failed, "
                + Outcome.count(outcomes, Outcome.Status.SKIP) + " skipped");
        out.flush();
        return failed == 0 ? 0 : 1;
    }
}
