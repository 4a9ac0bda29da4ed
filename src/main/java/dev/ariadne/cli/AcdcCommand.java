package dev.ariadne.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ariadne.circuit.Circuit;
import dev.ariadne.discovery.Acdc;
import dev.ariadne.discovery.AcdcConfig;
import dev.ariadne.display.Display;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.task.Task;
import dev.ariadne.task.Tasks;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Finds a circuit. */
@Command(
        name = "acdc",
        mixinStandardHelpOptions = true,
        description = "Find the circuit of a behavior by automatic circuit discovery.",
        footer = {"", "Example: ariadne acdc gpt2-tiny --task induction --threshold 0.05 -o circuit.json -o circuit.svg"
        })
final class AcdcCommand implements Callable<Integer> {
    /** The behaviors that come with the library. */
    enum Named {
        /** Who gave what to whom. */
        ioi,
        /** Years that are later. */
        greater_than,
        /** Arguments of a function. */
        docstring,
        /** What came before comes again. */
        induction,
        /** He or she. */
        gender_pronoun,
        /** The quotation mark that closes. */
        quote_closing,
        /** Capitals of countries. */
        country_capital;

        Task task(HookedTransformer model) {
            return switch (this) {
                case ioi -> Tasks.ioi(model);
                case greater_than -> Tasks.greaterThan(model);
                case docstring -> Tasks.docstring(model);
                case induction -> Tasks.induction(model);
                case gender_pronoun -> Tasks.genderPronoun(model);
                case quote_closing -> Tasks.quoteClosing(model);
                case country_capital -> Tasks.countryCapital(model);
            };
        }
    }

    /** One of two ways to name a behavior. */
    static final class Behavior {
        @Option(names = "--task", required = true, paramLabel = "NAME", description = "one of ${COMPLETION-CANDIDATES}")
        private Named named = Named.ioi;

        @Option(
                names = "--csv",
                required = true,
                paramLabel = "FILE",
                description = "your own: a table with columns clean, corrupted, answer, wrong")
        private Path csv = Path.of("");
    }

    @Parameters(
            index = "0",
            paramLabel = "MODEL",
            description = "an embedded model's name, a folder, a file, or a hub id")
    private String model = "";

    @ArgGroup(multiplicity = "1")
    private Behavior behavior = new Behavior();

    @Option(
            names = "--threshold",
            paramLabel = "T",
            description = "an edge goes when the metric gets worse by less, in its unit (default: ${DEFAULT-VALUE})")
    private double threshold = AcdcConfig.DEFAULT.threshold();

    @Option(
            names = {"-o", "--output"},
            paramLabel = "FILE",
            description =
                    "save the circuit: .json to load again, or a picture .svg .png .html .txt .dot .tex; several times if need be")
    private List<Path> outputs = new ArrayList<>();

    @Mixin
    private Printed printed = new Printed();

    @Override
    public Integer call() throws IOException {
        try (HookedTransformer transformer = HookedTransformer.load(model)) {
            Path csv = behavior.csv;
            Task task = csv.toString().isEmpty() ? behavior.named.task(transformer) : Tasks.of(transformer, csv);
            Circuit circuit =
                    new Acdc(transformer, task).withThreshold(threshold).findCircuit();
            for (Path output : outputs) {
                if (Printed.isJson(output)) {
                    circuit.save(output);
                } else {
                    Display.save(circuit.diagram(), output);
                }
            }
            printed.print(() -> circuit + "\n" + Display.text(circuit.diagram()), () -> json(circuit));
        }
        return 0;
    }

    private ObjectNode json(Circuit circuit) {
        ObjectNode object = Printed.object();
        object.put("model", model);
        object.put("task", circuit.provenance().task());
        object.put("metric", circuit.metric());
        object.put("unit", circuit.provenance().unit());
        object.put("edges_of_model", circuit.graph().size());
        ArrayNode edges = object.putArray("edges");
        circuit.edgeSet().forEach(edge -> edges.add(edge.toString()));
        return object;
    }
}
