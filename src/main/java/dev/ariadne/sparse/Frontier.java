package dev.ariadne.sparse;

import dev.ariadne.view.Displayable;
import dev.ariadne.view.Progress;
import dev.ariadne.view.View;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.XYSeries.XYSeriesRenderStyle;

/**
 * What a model's circuits cost in capability: its loss on texts against the size of its circuits (Gao et al. 2025, figure 3). Further down and
 * further left is better.
 *
 * @param points one per model
 * @param tasks what circuits were cut out for
 * @param target the loss they meet, in nats
 */
public record Frontier(List<Point> points, List<String> tasks, double target) implements Displayable {
    /**
     * A model.
     *
     * @param model what it is called
     * @param fraction the share of its weights that are other than zero
     * @param weights how many these are
     * @param loss its loss on texts that it was not trained on, in nats per token
     * @param edges for each task that it does, how many weights the circuit has
     * @param atMost the tasks whose circuit is not minimal, for want of time or by the settings: a smaller one may do
     */
    public record Point(
            String model, double fraction, long weights, double loss, Map<String, Integer> edges, Set<String> atMost) {
        /** Keeps the order. */
        public Point {
            edges = Collections.unmodifiableMap(new LinkedHashMap<>(edges));
            atMost = Set.copyOf(atMost);
        }

        /** The geometric mean of the circuits' weights; NaN when a task is not done. */
        public double meanEdges(List<String> tasks) {
            double logs = 0;
            for (String task : tasks) {
                Integer count = edges.get(task);
                logs += count == null ? Double.NaN : Math.log(Math.max(1, count));
            }
            return Math.exp(logs / tasks.size());
        }
    }

    /** Copies the lists. */
    public Frontier {
        points = List.copyOf(points);
        tasks = List.copyOf(tasks);
        if (tasks.isEmpty()) {
            throw new IllegalArgumentException("a frontier needs at least one task, got none");
        }
    }

    /**
     * Cuts the circuits of all tasks out of all models. What a model does not do as well as the target says is left open.
     *
     * @param models by name
     * @param tasks at least one
     * @param texts that no model was trained on, token ids
     * @param config how circuits are cut out
     */
    public static Frontier of(
            Map<String, SparseTransformer> models, List<PairTask> tasks, List<long[]> texts, PruneConfig config) {
        List<Point> points = new ArrayList<>();
        try (Progress progress = Progress.of("cutting out circuits", (long) models.size() * tasks.size())) {
            for (Map.Entry<String, SparseTransformer> model : models.entrySet()) {
                SparseTransformer trained = model.getValue();
                CircuitPruner pruner = CircuitPruner.of(trained, config);
                Map<String, Integer> edges = new LinkedHashMap<>();
                Set<String> atMost = new LinkedHashSet<>();
                for (PairTask task : tasks) {
                    if (pruner.does(task)) {
                        SparseCircuit circuit = pruner.prune(task);
                        edges.put(task.name(), circuit.edgeCount());
                        if (!circuit.isMinimal()) {
                            atMost.add(task.name());
                        }
                    }
                    progress.step(model.getKey() + ", " + task.name());
                }
                long weights =
                        trained.nonzeros().values().stream().mapToLong(n -> n).sum();
                points.add(new Point(model.getKey(), trained.fraction(), weights, trained.loss(texts), edges, atMost));
            }
        }
        return new Frontier(points, tasks.stream().map(PairTask::name).toList(), config.target());
    }

    /** Loss against the size of circuits, that on a logarithmic axis; models that do not do all tasks are left out. */
    public XYChart chart() {
        XYChart chart = new XYChartBuilder()
                .width(620)
                .height(420)
                .title("circuits at loss " + target)
                .xAxisTitle("loss of the model, nats per token")
                .yAxisTitle("weights of a circuit, geometric mean")
                .build();
        chart.getStyler().setYAxisLogarithmic(true).setMarkerSize(9);
        for (Point point : points) {
            double mean = point.meanEdges(tasks);
            if (!Double.isNaN(mean)) {
                chart.addSeries(point.model(), new double[] {point.loss()}, new double[] {mean})
                        .setXYSeriesRenderStyle(XYSeriesRenderStyle.Scatter);
            }
        }
        return chart;
    }

    @Override
    public View view() {
        List<String> columns = new ArrayList<>(List.of("model", "weights", "% not zero", "loss"));
        columns.addAll(tasks);
        columns.add("geometric mean");
        List<List<String>> rows = new ArrayList<>();
        for (Point point : points) {
            List<String> row = new ArrayList<>(List.of(
                    point.model(),
                    Long.toString(point.weights()),
                    String.format(Locale.ROOT, "%.2f", 100 * point.fraction()),
                    String.format(Locale.ROOT, "%.3f", point.loss())));
            for (String task : tasks) {
                Integer count = point.edges().get(task);
                row.add(count == null ? "not done" : (point.atMost().contains(task) ? "≤ " : "") + count);
            }
            double mean = point.meanEdges(tasks);
            String open = point.atMost().isEmpty() ? "" : "≤ ";
            row.add(Double.isNaN(mean) ? "" : open + String.format(Locale.ROOT, "%.1f", mean));
            rows.add(row);
        }
        return new View.Table(toString(), columns, rows);
    }

    @Override
    public String toString() {
        return points.size() + " models, weights of their circuits for " + tasks.size() + " tasks at loss " + target;
    }
}
