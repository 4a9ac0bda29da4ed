package dev.ariadne.discovery;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ariadne.circuit.ComputationalGraph;
import dev.ariadne.circuit.Edge;
import dev.ariadne.discovery.Decision.Outcome;
import dev.ariadne.task.Task;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CancellationException;

/** What a search has decided so far, in a file that is replaced whole. */
final class AcdcCheckpoint {
    private static final long LEAST_PAUSE = 100_000_000L; // between two writes, ns
    private static final int SHARE = 20; // of the time goes into writing, one part
    private static final long MOST_BYTES = 1L << 30;
    private static final ObjectMapper JSON = new ObjectMapper();

    private final Path file;
    private final ObjectNode header;
    private long pause = LEAST_PAUSE;
    private long written = System.nanoTime();

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
     * Where a search stands, at the end of a receiver. The metric and the number of evaluations follow from the decisions.
     *
     * @param decisions its first {@code count} count; the list may go on
     */
    record State(List<Decision> decisions, int count, int measured, int batches, int length) {
        static final State NONE = new State(List.of(), 0, 0, 0, 1);
    }

    /**
     * Fails now rather than when there is something to write.
     *
     * @throws UncheckedIOException when the file cannot be written
     */
    static void requireWritable(Path file) {
        try {
            if (Files.isDirectory(file)) {
                throw new FileSystemException(file.toString(), null, "it is a folder");
            }
            Files.write(half(file), new byte[0]);
            Files.delete(half(file));
        } catch (IOException e) {
            throw unwritable(file, e);
        }
    }

    private static UncheckedIOException unwritable(Path file, IOException e) {
        return new UncheckedIOException(
                "cannot write the checkpoint " + file + " (" + e
                        + "); name a file in a folder that exists and is yours to write",
                e);
    }

    private static Path half(Path file) {
        return file.resolveSibling(file.getFileName() + ".part");
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
        JsonNode root;
        try {
            if (Files.size(file) > MOST_BYTES) {
                throw damaged("it has " + Files.size(file) + " bytes, more than any search writes");
            }
            root = JSON.readTree(file.toFile());
        } catch (IOException e) {
            throw damaged("it cannot be read, " + e.getMessage());
        }
        requireSame(root);
        JsonNode list = root.path("decisions");
        if (!list.isArray() || list.isEmpty() || list.size() > graph.size()) {
            throw damaged("it should have 1 to " + graph.size() + " decisions, but has "
                    + (list.isArray() ? list.size() : list));
        }
        List<Decision> decisions = new ArrayList<>();
        for (JsonNode one : list) {
            try {
                decisions.add(decision(one, graph));
            } catch (IllegalArgumentException e) {
                throw damaged("decision " + decisions.size() + " is " + one + ": " + e.getMessage());
            }
        }
        requireSame(decisions.get(0).before(), header.get("full").asDouble());
        int most = Integer.MAX_VALUE / 2;
        int measured = count(root, "measured", most);
        return new State(
                decisions, decisions.size(), measured, count(root, "batches", measured), count(root, "length", 64));
    }

    private static Decision decision(JsonNode one, ComputationalGraph graph) {
        Edge edge = graph.edge(one.path(0).asText());
        Outcome outcome = Outcome.valueOf(one.path(3).asText());
        if (outcome == Outcome.UNREACHABLE) {
            return new Decision(edge, Double.NaN, Double.NaN, outcome);
        }
        for (int i = 1; i <= 2; i++) {
            if (!one.path(i).isNumber() || !Double.isFinite(one.path(i).asDouble())) {
                throw new IllegalArgumentException("'" + one.path(i).asText() + "' is no metric");
            }
        }
        return new Decision(edge, one.path(1).asDouble(), one.path(2).asDouble(), outcome);
    }

    private int count(JsonNode root, String field, int most) {
        JsonNode value = root.path(field);
        if (!value.isInt() || value.asInt() < 1 || value.asInt() > most) {
            throw damaged("its '" + field + "' should be from 1 to " + most + ", but is '" + value.asText() + "'");
        }
        return value.asInt();
    }

    /** What to say of a file that no search has written. */
    IllegalArgumentException damaged(String how) {
        return new IllegalArgumentException(
                "the checkpoint " + file + " is damaged: " + how + "; delete it to begin anew, or name another file");
    }

    /** What to say when a search stops that this file keeps. */
    static CancellationException cancelled(Path file, CancellationException cause) {
        CancellationException e = new CancellationException("interrupted; what was decided is kept in the checkpoint "
                + file + ": run the cell again to go on from there");
        e.initCause(cause);
        return e;
    }

    private void requireSame(JsonNode root) {
        for (String field : List.of("format", "model", "task", "metric", "prompts", "config")) {
            if (!header.get(field).asText().equals(root.path(field).asText())) {
                throw other(field, root.path(field).asText(), header.get(field).asText());
            }
        }
        for (String field : List.of("full", "none")) {
            requireSame(root.path(field).asDouble(Double.NaN), header.get(field).asDouble());
        }
    }

    private void requireSame(double there, double here) {
        if (!(Math.abs(here - there) <= 1e-4 * Math.max(1, Math.abs(here)))) { // other threads may round otherwise
            throw other("metric of the model's weights", Double.toString(there), Double.toString(here));
        }
    }

    private IllegalArgumentException other(String what, String there, String here) {
        return new IllegalArgumentException("the checkpoint " + file + " belongs to another search: its " + what
                + " is '" + there + "', here it is '" + here + "'; name another file, or delete this one");
    }

    /** Writes what is new, unless that was done a moment ago and this is not the end. */
    void write(State state, boolean end) {
        long start = System.nanoTime();
        if (state.count() == 0 || (!end && start - written < pause)) {
            return;
        }
        ObjectNode root = header.deepCopy();
        root.put("measured", state.measured()).put("batches", state.batches()).put("length", state.length());
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
        try {
            JSON.writeValue(half(file).toFile(), root);
            Files.move(half(file), file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException e) {
            throw unwritable(file, e);
        }
        written = System.nanoTime();
        pause = Math.max(LEAST_PAUSE, SHARE * (written - start));
    }
}
