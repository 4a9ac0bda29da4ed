package dev.ariadne.discovery;

import dev.ariadne.circuit.Circuit;
import dev.ariadne.circuit.ComputationalGraph;
import dev.ariadne.circuit.EdgePatcher;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.task.Metric;
import dev.ariadne.task.Task;
import dev.ariadne.view.View;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CancellationException;

/**
 * Automatic circuit discovery (Conmy et al. 2023, algorithm 1): from the output down, each edge is removed whose removal costs less than a
 * threshold.
 *
 * <p>Decisions are exactly those of the sequential algorithm, at a fraction of its work: a change is computed where it reaches, and edges of
 * one receiver are measured several at a time on the guess that those before go, or stay; what follows a wrong guess is measured again.
 *
 * <pre>{@code
 * var circuit = new Acdc(model, Tasks.ioi(model)).findCircuit();
 * }</pre>
 */
public final class Acdc {
    private final Task task;
    private final AcdcConfig config;
    private final Optional<Path> checkpoint;

    private Acdc(Task task, AcdcConfig config, Optional<Path> checkpoint) {
        this.task = task;
        this.config = config;
        this.checkpoint = checkpoint;
    }

    /**
     * Prepares a search with {@link AcdcConfig#DEFAULT}.
     *
     * @param model the task's model
     * @param task the behavior whose circuit is looked for
     * @throws IllegalArgumentException when the task is another model's
     */
    public Acdc(HookedTransformer model, Task task) {
        this(task, AcdcConfig.DEFAULT);
        if (task.model() != model) {
            throw new IllegalArgumentException("the task '" + task.name() + "' is made for the model '"
                    + task.model().name() + "', not for '" + model.name() + "'; make it again for this model");
        }
    }

    /** Prepares a search as configured, in the task's model. */
    public Acdc(Task task, AcdcConfig config) {
        this(task, config, Optional.empty());
    }

    /** The same search with another threshold τ, in the metric's unit. */
    public Acdc withThreshold(double threshold) {
        return with(config.withThreshold(threshold));
    }

    /** The same search, otherwise configured. */
    public Acdc with(AcdcConfig other) {
        return new Acdc(task, other, checkpoint);
    }

    /**
     * The same search, which writes down what it has decided, and begins where such a file ends.
     *
     * @param file written to a temporary name and moved, several times a second or seldom enough to cost little; it stays when the search is done
     */
    public Acdc withCheckpoint(Path file) {
        return new Acdc(task, config, Optional.of(file));
    }

    /** How it searches. */
    public AcdcConfig config() {
        return config;
    }

    /** Searches: the edges that are left. Throws what {@link #trace} throws. */
    public Circuit findCircuit() {
        return trace().circuit();
    }

    /**
     * Searches, and keeps every decision; a model that does not do the task is warned of.
     *
     * @throws IllegalArgumentException when the metric is the same for the full model and with every edge absent, or a checkpoint belongs
     *     to another model, task or configuration
     * @throws java.io.UncheckedIOException when the checkpoint cannot be written, before anything is measured
     * @throws CancellationException when the thread is interrupted; the checkpoint, if any, is up to date
     */
    public AcdcTrace trace() {
        checkpoint.ifPresent(AcdcCheckpoint::requireWritable);
        task.warning().ifPresent(View::show);
        try (EdgePatcher patcher = patcher()) {
            return new AcdcSearch(patcher, task, config, checkpoint, Optional.empty()).run();
        } catch (CancellationException e) {
            throw checkpoint.map(file -> AcdcCheckpoint.cancelled(file, e)).orElse(e);
        }
    }

    /**
     * Searches once per threshold; states that several searches come across are measured once.
     *
     * @param thresholds in the metric's unit
     * @return one trace per threshold, in the order given
     * @throws IllegalArgumentException when there is no threshold, or one is no threshold
     */
    public AcdcSweep sweep(double... thresholds) {
        if (checkpoint.isPresent()) {
            throw new IllegalArgumentException("a sweep has no single checkpoint, got " + checkpoint.get()
                    + "; run the thresholds one by one, each with its own file");
        }
        if (thresholds.length == 0) {
            throw new IllegalArgumentException("a sweep needs one threshold at least, got none; try 0.1, 0.01, 0.001");
        }
        List<AcdcTrace> traces = new ArrayList<>();
        Map<Long, Double> known = new HashMap<>();
        List<AcdcConfig> configs =
                Arrays.stream(thresholds).mapToObj(config::withThreshold).toList(); // checks all before any is run
        task.warning().ifPresent(View::show);
        try (EdgePatcher patcher = patcher()) {
            for (AcdcConfig one : configs) {
                traces.add(new AcdcSearch(patcher, task, one, Optional.empty(), Optional.of(known)).run());
            }
        }
        return new AcdcSweep(traces, task.metric().higherIsBetter());
    }

    /**
     * How much the circuit depends on choices that the behavior does not make: searches once per threshold and metric.
     *
     * @param metrics what is measured, each with its own thresholds in its unit
     * @return the circuits and how they overlap
     */
    public CircuitStability stability(Map<Metric, double[]> metrics) {
        List<AcdcTrace> traces = new ArrayList<>();
        metrics.forEach((metric, thresholds) -> traces.addAll(
                new Acdc(task.measuring(metric), config).sweep(thresholds).traces()));
        return CircuitStability.of(traces);
    }

    private EdgePatcher patcher() {
        ComputationalGraph graph =
                ComputationalGraph.of(task.model().config(), config.granularity(), config.splitEmbedding());
        return EdgePatcher.of(task, graph, config.ablation());
    }
}
