package dev.ariadne.cli;

import dev.ariadne.circuit.Ablation;
import dev.ariadne.circuit.ComputationalGraph;
import dev.ariadne.circuit.Edge;
import dev.ariadne.circuit.EdgePatcher;
import dev.ariadne.circuit.Granularity;
import dev.ariadne.circuit.Node;
import dev.ariadne.discovery.EdgeAttribution;
import dev.ariadne.discovery.EdgeAttributionConfig;
import dev.ariadne.discovery.EdgeAttributionConfig.Method;
import dev.ariadne.discovery.EdgeScores;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.task.Metric;
import dev.ariadne.task.Task;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The metric without each edge, and the estimates of its effect by gradients: EAP, EAP-IG, clean-corrupted. */
final class EdgeScoreCheck implements Conformance.Check {
    private static final double METRIC = 5e-6;
    private static final double ESTIMATE = 1e-4; // of the column's largest score
    private static final double ROUNDING = 5e-6; // of scores that are zero but for it: 1.2e-6 on some processors

    @Override
    public boolean reads(String file) {
        return file.matches("edges/[^/]+/edge_scores_(split_qkv|whole_heads)\\.csv");
    }

    @Override
    public void compare(Path folder, String file, Comparison comparison) throws IOException {
        Path lens = folder.resolve("tl").resolve(file.split("/", -1)[1]);
        if (!Files.isDirectory(lens)) {
            throw new Conformance.Skip("its model is not there: " + folder.relativize(lens));
        }
        Granularity granularity = file.contains("whole_heads") ? Granularity.HEADS : Granularity.SPLIT_QKV;
        try (HookedTransformer model = HookedTransformer.load(lens.toString(), "cpu");
                Reference data = new Reference(lens.resolve("acdc_data.safetensors"))) {
            Metric difference = Metric.logitDifference(data.longs("correct"), data.longs("wrong"));
            Task task =
                    Task.of(model, "reference", data.tokens("clean_tokens"), data.tokens("corrupt_tokens"), difference);
            Recorded recorded = Recorded.of(
                    Files.readAllLines(folder.resolve(file)), model.config().nLayers());
            comparison.same(
                    "the number of edges",
                    ComputationalGraph.of(model.config(), granularity).size(),
                    recorded.edges().size());
            for (String column : recorded.columns().keySet()) {
                Task measured = column.contains("kl") ? task.measuring(Metric.kl()) : task;
                recorded.compare(column, scores(column, measured, granularity), comparison);
            }
        }
    }

    /** What the library says of each edge, in the order of the graph. */
    private static Map<Edge, Double> scores(String column, Task task, Granularity granularity) {
        EdgeAttributionConfig config = EdgeAttributionConfig.DEFAULT
                .withGranularity(granularity)
                .withAblation(column.endsWith("zero") ? Ablation.ZERO : Ablation.CORRUPTED)
                .withMethod(method(column));
        ComputationalGraph graph = ComputationalGraph.of(task.model().config(), granularity);
        try (EdgePatcher patcher = EdgePatcher.of(task, graph, config.ablation())) {
            Map<Edge, Double> all = new LinkedHashMap<>();
            if (column.equals("eap_kl")) { // refused as a score, since it is zero
                double[] values = patcher.gradients().atEmbedding(1);
                graph.edges().forEach(edge -> all.put(edge, values[all.size()]));
                return all;
            }
            EdgeScores scores = EdgeAttribution.of(task, config);
            double shift = config.method() == Method.EXACT ? patcher.metric() : 0; // recorded is the metric itself
            scores.scores().forEach((edge, score) -> all.put(edge, score + shift));
            return all;
        }
    }

    private static Method method(String column) {
        if (column.contains("_removed_")) {
            return Method.EXACT;
        }
        if (column.startsWith("eapig")) {
            return column.endsWith("to_clean") ? Method.IG_INPUTS_TO_CLEAN : Method.IG_INPUTS;
        }
        return column.startsWith("clean_corrupted") ? Method.CLEAN_CORRUPTED : Method.EAP;
    }

    /** A table of edges and numbers. */
    private record Recorded(List<Edge> edges, Map<String, double[]> columns) {
        static Recorded of(List<String> lines, int layers) {
            String[] names = lines.get(0).split(",", -1);
            List<String[]> rows =
                    lines.stream().skip(1).map(line -> line.split(",", -1)).toList();
            List<Edge> edges = rows.stream()
                    .map(cells -> new Edge(Node.of(cells[0], layers), Node.of(cells[1], layers)))
                    .toList();
            Map<String, double[]> columns = new LinkedHashMap<>();
            for (int c = 2; c < names.length; c++) {
                int column = c;
                columns.put(
                        names[c],
                        rows.stream()
                                .mapToDouble(cells -> Double.parseDouble(cells[column]))
                                .toArray());
            }
            return new Recorded(edges, columns);
        }

        void compare(String column, Map<Edge, Double> actual, Comparison comparison) {
            double[] expected = columns.getOrDefault(column, new double[0]);
            double largest = Arrays.stream(expected).map(Math::abs).max().orElse(0);
            boolean metric = column.contains("_removed_");
            double allowed = metric ? METRIC : column.equals("eap_kl") ? ROUNDING : ESTIMATE * largest;
            for (int i = 0; i < expected.length; i++) {
                double score = actual.getOrDefault(edges.get(i), Double.POSITIVE_INFINITY);
                comparison.add(column + " of " + edges.get(i), Math.abs(score - expected[i]), allowed);
            }
        }
    }
}
