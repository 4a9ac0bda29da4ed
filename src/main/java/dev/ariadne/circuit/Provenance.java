package dev.ariadne.circuit;

import dev.ariadne.task.Task;
import dev.ariadne.view.Citation;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/**
 * How a circuit was found.
 *
 * @param task what the behavior is called
 * @param metric what was measured
 * @param unit the metric's unit: "nats", "logits"
 * @param model the model's name
 * @param weights {@linkplain dev.ariadne.model.ModelWeights#sha256 hash} of the model's weights; empty where it is not known
 * @param method how the circuit was found: "ACDC"
 * @param ablation what stood in for absent edges, in small letters; empty where nothing was run
 * @param settings the method's settings, by name, in the order shown
 * @param seed where the method's random numbers began; 0 for a method that draws none
 * @param version of this library
 */
public record Provenance(
        String task,
        String metric,
        String unit,
        String model,
        String weights,
        String method,
        String ablation,
        Map<String, String> settings,
        long seed,
        String version) {
    /** Copies the settings, keeping their order. */
    public Provenance {
        settings = Collections.unmodifiableMap(new LinkedHashMap<>(settings));
    }

    /**
     * The provenance of what this library has just found.
     *
     * @param task the behavior, its metric and its model
     * @param method how the circuit was found
     * @param ablation what stands in for absent edges
     * @param settings the method's settings, by name
     * @param seed where random numbers began; 0 for a method that draws none
     */
    public static Provenance of(Task task, String method, Ablation ablation, Map<String, String> settings, long seed) {
        return new Provenance(
                task.name(),
                task.metric().name(),
                task.metric().unit(),
                task.model().name(),
                task.model().weights().sha256(),
                method,
                ablation.name().toLowerCase(Locale.ROOT),
                settings,
                seed,
                libraryVersion());
    }

    /** This library's version, as its jar says; "development" for classes that come from no jar. */
    public static String libraryVersion() {
        return Citation.libraryVersion();
    }

    /** What was done to what: {@code ACDC, threshold 0.01, corrupted ablation: ioi on gpt2}. */
    @Override
    public String toString() {
        StringBuilder out = new StringBuilder(method);
        settings.forEach(
                (name, value) -> out.append(", ").append(name).append(' ').append(value));
        if (!ablation.isEmpty()) {
            out.append(", ").append(ablation).append(" ablation");
        }
        return out + ": " + task + " on " + model;
    }
}
