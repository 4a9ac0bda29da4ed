package dev.ariadne.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.ariadne.circuit.Ablation;
import dev.ariadne.circuit.ComputationalGraph;
import dev.ariadne.circuit.Edge;
import dev.ariadne.circuit.EdgePatcher;
import dev.ariadne.circuit.Node;
import dev.ariadne.discovery.Acdc;
import dev.ariadne.discovery.AcdcConfig;
import dev.ariadne.discovery.AcdcConfig.Order;
import dev.ariadne.discovery.AcdcTrace;
import dev.ariadne.discovery.Decision;
import dev.ariadne.discovery.Decision.Outcome;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.task.Metric;
import dev.ariadne.task.Task;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.IntStream;

/** Every decision of every recorded search of the ACDC study's own program. */
final class AcdcCheck implements Conformance.Check {
    private static final double TOLERANCE = 2e-6;
    private static final String PEER_CODING = "-peer-coding"; // other token ids for the same program

    @Override
    public boolean reads(String file) {
        return file.matches("acdc/[^/]+\\.json");
    }

    @Override
    public void compare(Path folder, String file, Comparison comparison) throws IOException {
        String name = file.replaceFirst("acdc/(.*)\\.json", "$1");
        boolean program = name.startsWith("tracr");
        Path dir = folder.resolve(program ? "tracr" : "tl").resolve(name.replace(PEER_CODING, ""));
        if (!Files.isDirectory(dir)) {
            throw new Conformance.Skip("its model is not there: " + folder.relativize(dir));
        }
        String data = name.endsWith(PEER_CODING) ? "acdc_data_peer_coding.safetensors" : "acdc_data.safetensors";
        JsonNode runs = new ObjectMapper().readTree(folder.resolve(file).toFile());
        try (HookedTransformer model = HookedTransformer.load(dir.toString(), "cpu");
                Reference tokens = new Reference(dir.resolve(data))) {
            Metric metric = !program
                    ? Metric.kl()
                    : name.contains("xproportion") ? Metric.meanSquaredError(0) : Metric.meanSquaredError();
            long[][] clean = tokens.tokens("clean_tokens");
            Task last = Task.of(model, name, clean, tokens.tokens("corrupt_tokens"), metric);
            Task task = program ? last.at(IntStream.range(1, clean[0].length).toArray()) : last;
            for (JsonNode run : runs) {
                compare(task, run, comparison);
            }
        }
    }

    private static void compare(Task task, JsonNode run, Comparison comparison) {
        AcdcConfig config = AcdcConfig.DEFAULT
                .withThreshold(run.get("threshold").asDouble())
                .withAblation(Ablation.valueOf(upper(run.get("ablation"))))
                .withSplitEmbedding(run.get("use_pos_embed").asBoolean())
                .withOrder(order(run.get("names_mode")), order(run.get("indices_mode")))
                .withAbsolute(run.get("abs_value_threshold").asBoolean());
        String what = config.threshold() + " " + config.ablation() + " ";
        int layers = task.model().config().nLayers();
        ComputationalGraph graph =
                ComputationalGraph.of(task.model().config(), config.granularity(), config.splitEmbedding());
        comparison.same(what + "edges", graph.edges(), edges(run.get("edges"), layers));
        comparison.same(
                what + "number of edges",
                graph.size(),
                run.get("n_edges_initial").asInt());
        AcdcTrace trace = new Acdc(task, config).trace();
        List<Decision> decisions = trace.decisions();
        JsonNode steps = run.get("steps");
        comparison.same(what + "number of steps", decisions.size(), steps.size());
        for (int i = 0; i < Math.min(steps.size(), decisions.size()); i++) {
            step(what + "step " + i, decisions.get(i), steps.get(i), layers, comparison);
        }
        comparison.same(what + "kept edges", Set.copyOf(trace.kept()), edges(run.get("kept"), layers));
        comparison.same(
                what + "number kept",
                trace.kept().size(),
                run.get("n_edges_final").asInt());
        comparison.same(
                what + "evaluations",
                trace.evaluations(),
                run.get("n_evaluations").asInt());
        double metric = run.get("final_metric").asDouble();
        comparison.add(what + "final metric", Math.abs(trace.metric() - metric), TOLERANCE);
        try (EdgePatcher patcher = EdgePatcher.of(task, graph, config.ablation())) {
            comparison.add(what + "metric of kept", Math.abs(patcher.metric(trace.kept()) - metric), TOLERANCE);
            double full = run.get("start_metric").asDouble();
            comparison.add(what + "metric of all", Math.abs(patcher.metric() - full), TOLERANCE);
        }
    }

    private static void step(String what, Decision decision, JsonNode step, int layers, Comparison comparison) {
        comparison.same(what, decision.edge(), edge(step.get("sender"), step.get("receiver"), layers));
        if (step.has("dropped_unreachable")) {
            comparison.same(what + " outcome", decision.outcome(), Outcome.UNREACHABLE);
        } else {
            boolean removed = step.get("removed").asBoolean();
            comparison.same(what + " outcome", decision.outcome(), removed ? Outcome.REMOVED : Outcome.KEPT);
            metrics(what, decision, step, TOLERANCE, comparison);
        }
    }

    /** The metric before and after a decision that was measured. */
    static void metrics(String what, Decision decision, JsonNode step, double tolerance, Comparison comparison) {
        double before = step.get("metric_before").asDouble();
        double after = step.get("metric_after").asDouble();
        comparison.add(what + " before", Math.abs(decision.before() - before), tolerance);
        comparison.add(what + " after", Math.abs(decision.after() - after), tolerance);
    }

    private static Order order(JsonNode mode) {
        return mode.asText().equals("normal") ? Order.DESCENDING : Order.ASCENDING;
    }

    static String upper(JsonNode name) {
        return name.asText().toUpperCase(Locale.ROOT);
    }

    private static Set<Edge> edges(JsonNode pairs, int layers) {
        Set<Edge> edges = new HashSet<>();
        pairs.forEach(pair -> edges.add(edge(pair.get(0), pair.get(1), layers)));
        return edges;
    }

    /** Senders are written a1.2, m1, resid_pre; receivers a1.2.q too; a direct edge runs from input:a1.2.q to vector:a1.2.q. */
    static Edge edge(JsonNode sender, JsonNode receiver, int layers) {
        if (receiver.asText().startsWith("vector:")) {
            Node input = Node.of(sender.asText().replace("input:", ""), layers);
            return new Edge(input, Node.head(input.layer(), input.head()));
        }
        return new Edge(Node.of(sender.asText(), layers), Node.of(receiver.asText(), layers));
    }
}
