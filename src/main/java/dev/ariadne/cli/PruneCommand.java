package dev.ariadne.cli;

import dev.ariadne.attribution.GraphJson;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Makes an attribution graph smaller. */
@Command(
        name = "prune",
        mixinStandardHelpOptions = true,
        description =
                "Keep the nodes of an attribution graph that hold a share of its influence, with tokens and outputs.",
        footer = {"", "Example: ariadne prune dallas.json small.json --nodes 0.6"})
final class PruneCommand implements Callable<Integer> {
    @Mixin
    private GraphSource source = new GraphSource();

    @Parameters(index = "1", paramLabel = "OUT", description = "the .json to write")
    private Path output = Path.of("");

    @Option(
            names = "--nodes",
            required = true,
            paramLabel = "SHARE",
            description =
                    "of influence that the nodes kept hold together, in [0, 1]; less than the graph was pruned to")
    private double share;

    @Mixin
    private Printed printed = new Printed();

    @Override
    public Integer call() throws IOException {
        GraphJson graph = source.read();
        GraphJson pruned = graph.prune(share);
        pruned.write(output);
        printed.print(() -> graph + " -> " + pruned + ", " + output, () -> GraphSource.json(pruned, output));
        return 0;
    }
}
