package dev.ariadne.cli;

import dev.ariadne.attribution.GraphJson;
import dev.ariadne.attribution.GraphUrl;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Brings an attribution graph into another form. */
@Command(
        name = "convert",
        mixinStandardHelpOptions = true,
        description = {
            "Check an attribution graph and write it anew: old files get schema 1 and ids that differ.",
            "OUT is a .json file, or a folder of graphs for a front end, with its graph-metadata.json."
        },
        footer = {"", "Example: ariadne convert old.json graphs/ --url 'https://...?supernodes=...'"})
final class ConvertCommand implements Callable<Integer> {
    @Mixin
    private GraphSource source = new GraphSource();

    @Parameters(index = "1", paramLabel = "OUT", description = "a .json file, or a folder that exists")
    private Path output = Path.of("");

    @Option(
            names = "--page",
            paramLabel = "URL",
            description = "also print the address of this graph, with its annotations, on that page")
    private Optional<String> page = Optional.empty();

    @Mixin
    private Printed printed = new Printed();

    @Override
    public Integer call() throws IOException {
        GraphJson graph = source.read();
        Path file = output;
        if (Files.isDirectory(output)) {
            file = graph.publish(output);
        } else if (Printed.isJson(output)) {
            graph.write(output);
        } else {
            throw new IllegalArgumentException("OUT must be a .json file or a folder that exists, got " + output
                    + "; pictures are made by 'view'");
        }
        Path saved = file;
        String address = page.map(at -> new GraphUrl(at, graph.metadata().slug(), graph.annotations()).toString())
                .orElse("");
        printed.print(
                () -> graph + " -> " + saved + (address.isEmpty() ? "" : "\n" + address),
                () -> GraphSource.json(graph, saved).put("url", address));
        return 0;
    }
}
