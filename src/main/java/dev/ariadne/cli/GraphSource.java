package dev.ariadne.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ariadne.attribution.GraphJson;
import dev.ariadne.attribution.GraphUrl;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** An attribution graph in a file, with what was added to it elsewhere. */
final class GraphSource {
    @Parameters(index = "0", paramLabel = "GRAPH", description = "an attribution graph in Neuronpedia's JSON")
    private Path file = Path.of("");

    @Option(
            names = "--annotations",
            paramLabel = "FILE",
            description = "add what the explorer's button 'save JSON' wrote: pins, supernodes, labels, notes")
    private Optional<Path> annotations = Optional.empty();

    @Option(
            names = "--url",
            paramLabel = "URL",
            description = "add what a graph's web address says: pins, supernodes, labels")
    private Optional<String> url = Optional.empty();

    Path file() {
        return file;
    }

    GraphJson read() throws IOException {
        GraphJson graph = GraphJson.read(file);
        if (url.isPresent()) {
            graph = graph.with(GraphUrl.of(url.get()).annotations());
        }
        return annotations.isPresent() ? graph.annotated(Files.readString(annotations.get())) : graph;
    }

    static ObjectNode json(GraphJson graph, Path saved) {
        return Printed.object()
                .put("slug", graph.metadata().slug())
                .put("model", graph.metadata().scan())
                .put("prompt", graph.metadata().prompt())
                .put("nodes", graph.nodes().size())
                .put("links", graph.links().size())
                .put("supernodes", graph.annotations().supernodes().size())
                .put("file", saved.toString());
    }
}
