package dev.ariadne.cli;

import dev.ariadne.attribution.GraphJson;
import dev.ariadne.display.Display;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Makes an attribution graph visible. */
@Command(
        name = "view",
        mixinStandardHelpOptions = true,
        description =
                "Write an attribution graph as a page to explore, in one file that loads nothing, or as a picture.",
        footer = {"", "Example: ariadne view dallas.json -o dallas.html"})
final class ViewCommand implements Callable<Integer> {
    @Mixin
    private GraphSource source = new GraphSource();

    @Option(
            names = {"-o", "--output"},
            paramLabel = "FILE",
            description = "what to write: .html to explore, .svg .png for print, .txt (default: GRAPH with .html)")
    private Optional<Path> output = Optional.empty();

    @Mixin
    private Printed printed = new Printed();

    @Override
    public Integer call() throws IOException {
        GraphJson graph = source.read();
        Path file = output.orElseGet(() -> Path.of(source.file().toString().replaceFirst("(\\.json)?$", ".html")));
        Display.save(graph, file);
        printed.print(() -> graph + " -> " + file, () -> GraphSource.json(graph, file));
        return 0;
    }
}
