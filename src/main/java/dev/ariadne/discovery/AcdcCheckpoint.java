package dev.ariadne.discovery;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ariadne.circuit.ComputationalGraph;
import dev.ariadne.discovery.Decision.Outcome;
import dev.ariadne.task.Task;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** What a search has decided so far, in a file that is replaced whole. */
final class AcdcCheckpoint {
    private static final long PAUSE = 1_000_000_000L; // between two writes, ns
    private static final long MOST_BYTES = 1L << 30;
    private static final ObjectMapper JSON = new ObjectMapper();

    private final Path file;
    private final ObjectNode header;
    private long written = System.nanoTime() - PAUSE;

    /**
     * Prepares to read and write.
     *
     * @param full the metric of the full model, which tells models and prompts apart
     * @param none the metric with every edge absent
     */
    AcdcCheckpoint(Path file, Task task, AcdcConfig config, double full, double none) {
        this.file = file;
        this.header = JSON.createObjectNode()
                .put("format", "ariadne-acdc-1")
                .put("task", task.name())
                .put("metric", task.metric().name())
                .put("prompts", Arrays.deepHashCode(new Object[] {task.clean(), task.corrupted(), task.positions()}))
                .put("model", task.model().config().toString())
                .put("config", config.toString())
                .put("full", full)
                .put("none", none);
    }

    /**
     * Where a search stands.
     *
     * @param decisions its first {@code count} count; the list may go on
     */
    record State(
            List<Decision> decisions,
            int count,
            double current,
            int evaluations,
            int measured,
            int batches,
            int length) {
        static final State NONE = new State(List.of(), 0, 0, 0, 0, 0, 8);
    }

    /**
     * Reads the file, if there is one.
     *
     * @throws IllegalArgumentException when it is of another model, task or configuration, or no checkpoint
     */
    State read(ComputationalGraph graph) {
        if (!Files.exists(file)) {
            return State.NONE;
        }
        try {
            if (Files.size(file) > MOST_BYTES) {
                throw new IllegalArgumentException(
                        "the checkpoint " + file + " has " + Files.size(file) + " bytes, more than any search writes");
            }
            JsonNode root = JSON.readTree(file.toFile());
            requireSame(root);
            List<Decision> decisions = new ArrayList<>();
            for (JsonNode d : root.path("decisions")) {
                decisions.add(new Decision(
                        graph.edge(d.path(0).asText()),
                        d.path(1).asDouble(Double.NaN),
                        d.path(2).asDouble(Double.NaN),
                        Outcome.valueOf(d.path(3).asText())));
            }
            return new State(
                    decisions,
                    decisions.size(),
                    root.path("current").asDouble(),
                    root.path("evaluations").asInt(),
                    root.path("measured").asInt(),
                    root.path("batches").asInt(),
                    Math.max(1, root.path("length").asInt()));
        } catch (IOException e) {
            throw new IllegalArgumentException(
                    "the checkpoint " + file + " cannot be read (" + e.getMessage() + "); delete it to begin anew", e);
        }
    }

    private void requireSame(JsonNode root) {
        for (String field : List.of("format", "model", "task", "metric", "prompts", "config")) {
            if (!header.get(field).asText().equals(root.path(field).asText())) {
                throw other(field, root.path(field).asText(), header.get(field).asText());
            }
        }
        for (String field : List.of("full", "none")) {
            double here = header.get(field).asDouble();
            double there = root.path(field).asDouble(Double.NaN);
            if (!(Math.abs(here - there) <= 1e-4 * Math.max(1, Math.abs(here)))) { // other threads may round otherwise
                throw other("metric of the model's weights", Double.toString(there), Double.toString(here));
            }
        }
    }

    private IllegalArgumentException other(String what, String there, String here) {
        return new IllegalArgumentException("the checkpoint " + file + " belongs to another search: its " + what
                + " is '" + there + "', here it is '" + here + "'; name another file, or delete this one");
    }

    /** Writes, unless that was done a moment ago and this is not the end. */
    void write(State state, boolean end) {
        if (!end && System.nanoTime() - written < PAUSE) {
            return;
        }
        ObjectNode root = header.deepCopy();
        root.put("current", state.current())
                .put("evaluations", state.evaluations())
                .put("measured", state.measured())
                .put("batches", state.batches())
                .put("length", state.length());
        ArrayNode decisions = root.putArray("decisions");
        for (Decision d : state.decisions().subList(0, state.count())) {
            ArrayNode one = decisions.addArray().add(d.edge().toString());
            if (d.outcome() == Outcome.UNREACHABLE) {
                one.addNull().addNull();
            } else {
                one.add(d.before()).add(d.after());
            }
            one.add(d.outcome().name());
        }
        Path half = file.resolveSibling(file.getFileName() + ".part");
        try {
            JSON.writeValue(half.toFile(), root);
            Files.move(half, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot write the checkpoint " + file, e);
        }
        written = System.nanoTime();
    }
}
