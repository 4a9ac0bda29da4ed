package dev.ariadne.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.ariadne.circuit.Ablation;
import dev.ariadne.circuit.ComputationalGraph;
import dev.ariadne.circuit.Edge;
import dev.ariadne.circuit.EdgePatcher;
import dev.ariadne.circuit.Granularity;
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
import java.util.HashMap;
import java.util.Iterator;
import java.util.Map;
import java.util.Set;

/** Searches without direct edges, recorded from a plain reference that measures every edge, also those that nothing reads. */
final class PlainAcdcCheck implements Conformance.Check {
    private static final double TOLERANCE = 5e-6;

    @Override
    public boolean reads(String file) {
        return file.matches("edges/[^/]+/acdc_plain_(split_qkv|whole_heads)\\.json");
    }

    @Override
    public void compare(Path folder, String file, Comparison comparison) throws IOException {
        Path dir = folder.resolve("tl").resolve(file.split("/", -1)[1]);
        if (!Files.isDirectory(dir)) {
            throw new Conformance.Skip("its model is not there: " + folder.relativize(dir));
        }
        Granularity granularity = file.contains("whole_heads") ? Granularity.HEADS : Granularity.SPLIT_QKV;
        JsonNode recorded = new ObjectMapper().readTree(folder.resolve(file).toFile());
        try (HookedTransformer model = HookedTransformer.load(dir.toString(), "cpu");
                Reference data = new Reference(dir.resolve("acdc_data.safetensors"))) {
            Task kl =
                    Task.of(model, "recorded", data.tokens("clean_tokens"), data.tokens("corrupt_tokens"), Metric.kl());
            Task difference = kl.measuring(Metric.logitDifference(data.longs("correct"), data.longs("wrong")));
            ComputationalGraph graph = ComputationalGraph.of(model.config(), granularity);
            try (EdgePatcher patcher = EdgePatcher.of(difference, graph, Ablation.CORRUPTED)) {
                close("clean_logit_diff", patcher.metric(), recorded, comparison);
                close("clean_logit_diff", patcher.metric(graph.edges()), recorded, comparison);
                close("corrupted_logit_diff", patcher.metric(Set.of()), recorded, comparison);
            }
            for (JsonNode run : recorded.get("runs")) {
                AcdcConfig config = AcdcConfig.DEFAULT
                        .withThreshold(run.get("threshold").asDouble())
                        .withAblation(Ablation.valueOf(AcdcCheck.upper(run.get("ablation"))))
                        .withGranularity(granularity)
                        .withOrder(Order.DESCENDING, Order.ASCENDING);
                AcdcTrace trace = new Acdc(kl, config).trace();
                comparison.same(
                        "edges", graph.size(), run.get("n_edges_initial").asInt());
                comparison.same(
                        "kept", trace.kept().size(), run.get("n_edges_final").asInt());
                close("final_kl", trace.metric(), run, comparison);
                try (EdgePatcher patcher = EdgePatcher.of(difference, graph, config.ablation())) {
                    close("final_logit_diff", patcher.metric(trace.kept()), run, comparison);
                }
                String what = config.threshold() + " " + config.ablation() + " ";
                steps(what, trace, run.get("steps"), model.config().nLayers(), comparison);
            }
        }
    }

    private static void close(String what, double actual, JsonNode recorded, Comparison comparison) {
        comparison.add(what, Math.abs(actual - recorded.get(what).asDouble()), TOLERANCE);
    }

    /** Edges that the search measures come in the recorded order; at those that nothing reads nothing changed in the record. */
    private static void steps(String run, AcdcTrace trace, JsonNode steps, int layers, Comparison comparison) {
        Map<Edge, Decision> unreachable = new HashMap<>();
        for (Decision decision : trace.decisions()) {
            if (decision.outcome() == Outcome.UNREACHABLE) {
                unreachable.put(decision.edge(), decision);
            }
        }
        comparison.same(run + "steps", trace.decisions().size(), steps.size());
        Iterator<Decision> next = trace.decisions().stream()
                .filter(decision -> decision.outcome() != Outcome.UNREACHABLE)
                .iterator();
        for (int i = 0; i < steps.size(); i++) {
            JsonNode step = steps.get(i);
            Edge edge = AcdcCheck.edge(step.get("sender"), step.get("receiver"), layers);
            String what = run + "step " + i + " " + edge;
            boolean removed = step.get("removed").asBoolean();
            if (unreachable.containsKey(edge)) {
                double change = step.get("metric_after").asDouble()
                        - step.get("metric_before").asDouble();
                comparison.add(what + " change", Math.abs(change), TOLERANCE);
                comparison.same(what + " removed", removed, true);
            } else if (next.hasNext()) {
                Decision decision = next.next();
                comparison.same(what, decision.edge(), edge);
                comparison.same(what + " outcome", decision.outcome(), removed ? Outcome.REMOVED : Outcome.KEPT);
                AcdcCheck.metrics(what, decision, step, TOLERANCE, comparison);
            }
        }
    }
}
