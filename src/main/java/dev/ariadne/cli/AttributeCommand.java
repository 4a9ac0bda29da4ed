package dev.ariadne.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ariadne.attribution.AttributionConfig;
import dev.ariadne.attribution.AttributionGraph;
import dev.ariadne.attribution.PrunedGraph;
import dev.ariadne.attribution.ReplacementModel;
import dev.ariadne.attribution.Targets;
import dev.ariadne.display.Display;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Computes an attribution graph. */
@Command(
        name = "attribute",
        mixinStandardHelpOptions = true,
        description = "Compute the attribution graph of a prompt, prune it, and save it.",
        footer = {
            "",
            "Example: ariadne attribute tutorial \"Fact: the capital of the state containing Dallas is\" -o dallas.html",
            "Example: ariadne attribute gemma-2-2b \"Dallas is in\" -t mntss/gemma-scope-transcoders -o dallas.json"
        })
final class AttributeCommand implements Callable<Integer> {
    @Parameters(
            index = "0",
            paramLabel = "MODEL",
            description = "an embedded model's name, a folder, a file, or a hub id")
    private String model = "";

    @Parameters(index = "1", paramLabel = "PROMPT", description = "the text")
    private String prompt = "";

    @Option(
            names = {"-t", "--transcoders"},
            paramLabel = "DIR",
            description =
                    "the model's transcoders: a folder with a config.yaml, or their name on the hub (default: those embedded with the model)")
    private Optional<String> transcoders = Optional.empty();

    @Option(
            names = {"-o", "--output"},
            required = true,
            paramLabel = "FILE",
            description =
                    "what to write: .json to share, .html to explore, .svg .png for print; several times if need be")
    private List<Path> outputs = new ArrayList<>();

    @Option(
            names = "--target",
            paramLabel = "TOKEN",
            description =
                    "explain this next token, one token with its blank: \" Austin\"; several times if need be (default: the most probable)")
    private List<String> targets = new ArrayList<>();

    @Option(
            names = "--max-logits",
            paramLabel = "N",
            description = "of the most probable next tokens, at most so many (default: ${DEFAULT-VALUE})")
    private int maxLogits = 10;

    @Option(
            names = "--logit-mass",
            paramLabel = "P",
            description = "and as few as reach this probability together (default: ${DEFAULT-VALUE})")
    private double logitMass = 0.95;

    @Option(
            names = "--max-features",
            paramLabel = "N",
            description = "at most so many features, those with the most influence (default: all that are active)")
    private int maxFeatures = AttributionConfig.DEFAULT.maxFeatureNodes();

    @Option(
            names = "--memory",
            paramLabel = "GIB",
            description =
                    "what the computation may use; too little says how much is needed (default: ${DEFAULT-VALUE})")
    private double memory = 4;

    @Option(
            names = "--nodes",
            paramLabel = "SHARE",
            description = "of influence that the nodes kept hold together (default: ${DEFAULT-VALUE})")
    private double nodes = 0.8;

    @Option(
            names = "--edges",
            paramLabel = "SHARE",
            description = "of influence that the links kept hold together (default: ${DEFAULT-VALUE})")
    private double edges = 0.98;

    @Mixin
    private Printed printed = new Printed();

    @Override
    public Integer call() throws IOException {
        try (ReplacementModel replacement = transcoders.isPresent()
                ? ReplacementModel.load(model, transcoders.get())
                : ReplacementModel.load(model)) {
            AttributionConfig config = AttributionConfig.DEFAULT
                    .withTargets(
                            targets.isEmpty() ? new Targets.Salient(maxLogits, logitMass) : new Targets.Tokens(targets))
                    .withMaxFeatureNodes(maxFeatures)
                    .withMemory((long) (memory * (1L << 30)));
            AttributionGraph graph = replacement.attribute(prompt, config);
            PrunedGraph pruned = graph.prune(nodes, edges);
            for (Path output : outputs) {
                if (Printed.isJson(output)) {
                    pruned.save(output);
                } else {
                    Display.save(pruned, output);
                }
            }
            printed.print(() -> text(graph, pruned), () -> json(graph, pruned));
        }
        return 0;
    }

    private static String text(AttributionGraph graph, PrunedGraph pruned) {
        return graph + "\n" + pruned
                + String.format(
                        Locale.ROOT,
                        "%nreplacement score %.4f, completeness score %.4f",
                        graph.replacementScore(),
                        graph.completenessScore());
    }

    private ObjectNode json(AttributionGraph graph, PrunedGraph pruned) {
        ObjectNode object = Printed.object();
        object.put("model", model).put("prompt", prompt);
        object.put("nodes", graph.size()).put("links", graph.edgeCount());
        object.put("nodes_kept", pruned.nodes().length).put("links_kept", pruned.edgeCount());
        object.put("replacement_score", graph.replacementScore());
        object.put("completeness_score", graph.completenessScore());
        graph.targets()
                .forEach(target -> object.withArray("/targets")
                        .addObject()
                        .put("token", target.label())
                        .put("id", target.id())
                        .put("probability", target.probability()));
        outputs.forEach(output -> object.withArray("/files").add(output.toString()));
        return object;
    }
}
