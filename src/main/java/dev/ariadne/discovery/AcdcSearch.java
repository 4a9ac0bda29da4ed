package dev.ariadne.discovery;

import dev.ariadne.circuit.Descent;
import dev.ariadne.circuit.Edge;
import dev.ariadne.circuit.EdgePatcher;
import dev.ariadne.circuit.Node;
import dev.ariadne.circuit.Provenance;
import dev.ariadne.discovery.AcdcOrder.Group;
import dev.ariadne.discovery.Decision.Outcome;
import dev.ariadne.task.Task;
import dev.ariadne.view.Progress;
import dev.ariadne.view.View;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/** One search under way. */
final class AcdcSearch {
    private static final int MOST_STATES = 64;
    private static final int MOST_LINES = 12;
    private static final double ROUNDING = 1e-6; // relative: sums of floats in two orders differ by less

    private final EdgePatcher patcher;
    private final Task task;
    private final AcdcConfig config;
    private final Optional<AcdcCheckpoint> checkpoint;
    private final Optional<Map<Long, Double>> known; // by what is removed, from other searches
    private final List<Decision> decisions = new ArrayList<>();
    private double current;
    private long removed; // a fingerprint of the edges that were measured and went, of the receivers before
    private int evaluations;
    private int measured;
    private int batches;
    private int length = 8; // states in the next batch
    private AcdcCheckpoint.State reached = AcdcCheckpoint.State.NONE; // at the end of the last receiver decided here

    AcdcSearch(
            EdgePatcher patcher,
            Task task,
            AcdcConfig config,
            Optional<Path> checkpoint,
            Optional<Map<Long, Double>> known) {
        this.patcher = patcher;
        this.task = task;
        this.config = config;
        this.known = known;
        this.current = requireFinite(patcher.metric(), "with every edge");
        double none = requireFinite(patcher.metric(List.of()), "with no edge");
        if (Math.abs(current - none) <= ROUNDING * Math.max(1, Math.abs(current))) {
            throw new IllegalArgumentException("the metric '" + task.metric().name() + "' of the task '" + task.name()
                    + "' is " + current + " with every edge and " + none
                    + " with none, so no edge matters to it; use another metric, other corrupted"
                    + " prompts, or more prompts, whose mean is none of them");
        }
        this.checkpoint = checkpoint.map(file -> new AcdcCheckpoint(file, task, config, current, none));
    }

    private double requireFinite(double value, String where) {
        if (!Double.isFinite(value)) {
            throw new IllegalArgumentException("the metric '" + task.metric().name() + "' of the task '" + task.name()
                    + "' must be a number, got " + value + " " + where
                    + "; use another metric, or a wider type: model.to(DataType.FLOAT32)");
        }
        return value;
    }

    AcdcTrace run() {
        AcdcCheckpoint.State before =
                checkpoint.map(file -> file.read(patcher.graph())).orElse(AcdcCheckpoint.State.NONE);
        if (before.count() > 0) {
            current = before.decisions().get(0).before();
            measured = before.measured();
            batches = before.batches();
            length = before.length();
        }
        int edges = patcher.graph().size();
        try (Descent descent = patcher.descend();
                Progress progress = Progress.of("ACDC on " + task.name(), edges - before.count())) {
            for (Group group : AcdcOrder.of(patcher.graph(), config)) {
                int start = decisions.size();
                descent.enter(group.receiver());
                if (start < before.count()) {
                    replay(descent, group, before.decisions());
                    continue;
                }
                decide(descent, group);
                reached = new AcdcCheckpoint.State(decisions, decisions.size(), measured, batches, length);
                checkpoint.ifPresent(file -> file.write(reached, false));
                String note = count(Outcome.KEPT) + " kept, at " + group.receiver();
                progress.step(decisions.size() - start, note, this::soFar);
            }
        } finally {
            checkpoint.ifPresent(file -> file.write(reached, true));
        }
        return trace();
    }

    private AcdcTrace trace() {
        return new AcdcTrace(patcher.graph(), config, provenance(), decisions, current, evaluations, measured, batches);
    }

    /** What the last receivers keep; a picture would leave it out while nothing leads to it. */
    private View soFar() {
        Map<Node, List<String>> kept = new LinkedHashMap<>();
        decisions.stream()
                .filter(Decision::kept)
                .map(Decision::edge)
                .forEach(edge -> kept.computeIfAbsent(edge.to(), to -> new ArrayList<>())
                        .add(edge.from().toString()));
        return new View.Text(
                "",
                kept.entrySet().stream()
                        .skip(Math.max(0, kept.size() - MOST_LINES))
                        .map(one -> one.getKey() + " ← " + String.join(", ", one.getValue()))
                        .collect(Collectors.joining("\n")));
    }

    private Provenance provenance() {
        Map<String, String> settings = new LinkedHashMap<>();
        settings.put("threshold", Double.toString(config.threshold()));
        settings.put("granularity", config.granularity().name().toLowerCase(Locale.ROOT));
        settings.put("nodes", config.nodes().name().toLowerCase(Locale.ROOT));
        settings.put("heads", config.heads().name().toLowerCase(Locale.ROOT));
        if (config.absolute()) {
            settings.put("absolute", "true");
        }
        return Provenance.of(task, "ACDC", config.ablation(), settings, 0);
    }

    private long count(Outcome outcome) {
        return decisions.stream().filter(d -> d.outcome() == outcome).count();
    }

    /** Decides as a checkpoint says, which is of whole receivers, and must say what the search would have done. */
    private void replay(Descent descent, Group group, List<Decision> before) {
        boolean alive = descent.isAlive(group.receiver());
        int start = decisions.size();
        for (Edge edge : alive ? group.edges() : group.downward()) {
            int at = decisions.size();
            Optional<Decision> there = at < before.size() ? Optional.of(before.get(at)) : Optional.empty();
            Decision here = alive ? decision(edge, there.map(Decision::after).orElse(Double.NaN)) : unreachable(edge);
            if (!there.equals(Optional.of(here))) {
                throw checkpoint
                        .orElseThrow()
                        .damaged("decision " + at + " should be about " + edge
                                + (alive ? ", measured from " + current : ", unreachable") + ", but is "
                                + there.map(Decision::toString).orElse("missing"));
            }
            add(here);
        }
        List<Node> gone = decisions.subList(start, decisions.size()).stream()
                .filter(decision -> !decision.kept())
                .map(decision -> decision.edge().from())
                .toList();
        remove(descent, group, group.senders().stream().filter(gone::contains).toList());
    }

    private void decide(Descent descent, Group group) {
        if (descent.isAlive(group.receiver())) {
            List<Node> gone = search(descent, group);
            remove(descent, group, gone);
            gone.forEach(sender -> removed ^= fingerprint(new Edge(sender, group.receiver())));
        } else {
            group.downward().forEach(edge -> add(unreachable(edge)));
            remove(descent, group, group.senders());
        }
    }

    private static Decision unreachable(Edge edge) {
        return new Decision(edge, Double.NaN, Double.NaN, Outcome.UNREACHABLE);
    }

    private Decision decision(Edge edge, double after) {
        return new Decision(edge, current, after, isSmall(cost(after, current)) ? Outcome.REMOVED : Outcome.KEPT);
    }

    private void add(Decision decision) {
        decisions.add(decision);
        evaluations += decision.outcome() == Outcome.UNREACHABLE ? 0 : 1;
        current = decision.outcome() == Outcome.REMOVED ? decision.after() : current;
    }

    private static void remove(Descent descent, Group group, List<Node> gone) {
        if (group.isDirect()) {
            gone.forEach(sender -> descent.remove(new Edge(sender, group.receiver())));
        } else {
            descent.remove(group.receiver(), gone);
        }
    }

    /** Decides the edges of one receiver: the senders that go. */
    private List<Node> search(Descent descent, Group group) {
        List<Node> senders = group.senders();
        boolean[] gone = new boolean[senders.size()];
        boolean[] guess = new boolean[senders.size()];
        Arrays.fill(guess, true);
        int next = 0;
        while (next < senders.size()) {
            Progress.checkInterrupted("ACDC on " + task.name());
            int count = Math.min(Math.min(length, patcher.statesAtOnce()), senders.size() - next);
            double[] after = measure(descent, group, states(gone, guess, next, count));
            int accepted = accept(group, gone, guess, next, after);
            length = accepted == count ? Math.min(2 * length, MOST_STATES) : Math.max(4, length / 2);
            next += accepted;
        }
        List<Node> all = new ArrayList<>(senders);
        all.removeIf(sender -> !gone[senders.indexOf(sender)]);
        return all;
    }

    /** State i: what is gone, what is guessed to go before edge i, and edge i. */
    private static boolean[][] states(boolean[] gone, boolean[] guess, int next, int count) {
        boolean[][] states = new boolean[count][];
        for (int i = 0; i < count; i++) {
            states[i] = gone.clone();
            System.arraycopy(guess, next, states[i], next, i);
            states[i][next + i] = true;
        }
        return states;
    }

    /** The metric of each state; one that another search has measured is not measured again. */
    private double[] measure(Descent descent, Group group, boolean[][] states) {
        double[] values = new double[states.length];
        List<Integer> unknown = new ArrayList<>();
        for (int i = 0; i < states.length; i++) {
            Double value = known.isPresent() ? known.get().get(fingerprint(group, states[i])) : null;
            if (value == null) {
                unknown.add(i);
            } else {
                values[i] = value;
            }
        }
        if (unknown.isEmpty()) {
            return values;
        }
        double[] fresh = group.isDirect()
                ? new double[] {descent.measureWithout(group.edges().get(0))}
                : descent.measure(
                        group.receiver(),
                        group.senders(),
                        unknown.stream().map(i -> states[i]).toArray(boolean[][]::new));
        batches++;
        measured += fresh.length;
        for (int i = 0; i < fresh.length; i++) {
            int at = unknown.get(i);
            double value = fresh[i];
            values[at] = value;
            known.ifPresent(map -> map.put(fingerprint(group, states[at]), value));
        }
        return values;
    }

    private long fingerprint(Group group, boolean[] missing) {
        long print = removed;
        for (int i = 0; i < missing.length; i++) {
            Edge edge = new Edge(group.senders().get(i), group.receiver());
            print ^= missing[i] ? fingerprint(edge) : 0;
        }
        return print;
    }

    /** 64 well-mixed bits per edge, the same in every search; those of a set are added without carry. */
    private long fingerprint(Edge edge) {
        long x = 0x9E3779B97F4A7C15L * (1 + patcher.graph().indexOf(edge));
        x = (x ^ (x >>> 30)) * 0xBF58476D1CE4E5B9L;
        x = (x ^ (x >>> 27)) * 0x94D049BB133111EBL;
        return x ^ (x >>> 31);
    }

    /** Replays the decisions up to the first that was guessed wrong; what came after it tells how to guess next. */
    private int accept(Group group, boolean[] gone, boolean[] guess, int next, double[] after) {
        for (int i = 0; i < after.length; i++) {
            Edge edge = new Edge(group.senders().get(next + i), group.receiver());
            double before = current;
            add(decision(edge, requireFinite(after[i], "without " + edge)));
            boolean isRemoved = decisions.get(decisions.size() - 1).outcome() == Outcome.REMOVED;
            gone[next + i] = isRemoved;
            if (isRemoved != guess[next + i]) {
                double guessed = guess[next + i] ? after[i] : before;
                for (int j = i + 1; j < after.length; j++) {
                    boolean again = isSmall(cost(after[j], guessed));
                    guessed = guess[next + j] ? after[j] : guessed;
                    guess[next + j] = again;
                }
                return i + 1;
            }
        }
        return after.length;
    }

    private boolean isSmall(double cost) {
        return (config.absolute() ? Math.abs(cost) : cost) < config.threshold();
    }

    private double cost(double after, double before) {
        return task.metric().higherIsBetter() ? before - after : after - before;
    }
}
