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
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/** One search under way. */
final class AcdcSearch {
    private static final int MOST_STATES = 64;

    private final EdgePatcher patcher;
    private final Task task;
    private final AcdcConfig config;
    private final Optional<AcdcCheckpoint> checkpoint;
    private final Optional<Map<Long, Double>> known; // by what is removed, from other searches
    private final List<Decision> decisions = new ArrayList<>();
    private double current;
    private long removed; // a fingerprint of the edges that were measured and went
    private int evaluations;
    private int measured;
    private int batches;
    private int length = 8; // states in the next batch
    private AcdcCheckpoint.State reached =
            AcdcCheckpoint.State.NONE; // at the end of the last receiver: where a search resumes

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
        this.current = patcher.metric();
        double none = patcher.metric(List.of());
        if (current == none) {
            throw new IllegalArgumentException("the metric '" + task.metric().name() + "' of the task '" + task.name()
                    + "' is " + current
                    + " with every edge and with none, so no edge matters to it; use another metric,"
                    + " or corrupted prompts that differ");
        }
        this.checkpoint = checkpoint.map(file -> new AcdcCheckpoint(file, task, config, current, none));
    }

    AcdcTrace run() {
        List<Group> groups = AcdcOrder.of(patcher.graph(), config);
        List<Decision> before = checkpoint.map(this::resume).orElse(List.of());
        int edges = patcher.graph().size();
        try (Descent descent = patcher.descend();
                Progress progress = Progress.of("ACDC on " + task.name() + ", " + edges + " edges", edges)) {
            for (Group group : groups) {
                int start = decisions.size();
                descent.enter(group.receiver());
                if (before.size() >= start + group.senders().size()) {
                    replay(
                            descent,
                            group,
                            before.subList(start, start + group.senders().size()));
                } else {
                    decide(descent, group);
                }
                reached = new AcdcCheckpoint.State(
                        decisions, decisions.size(), current, evaluations, measured, batches, length);
                checkpoint.ifPresent(c -> c.write(reached, false));
                String note = "at " + group.receiver() + ", " + count(Outcome.KEPT) + " kept";
                for (int i = start; i < decisions.size(); i++) {
                    progress.step(note);
                }
            }
        } finally {
            checkpoint.ifPresent(c -> c.write(reached, true));
        }
        return new AcdcTrace(patcher.graph(), config, provenance(), decisions, current, evaluations, measured, batches);
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

    /** What was decided before, whole receivers only. */
    private List<Decision> resume(AcdcCheckpoint file) {
        AcdcCheckpoint.State state = file.read(patcher.graph());
        if (state.count() > 0) {
            current = state.current();
            evaluations = state.evaluations();
            measured = state.measured();
            batches = state.batches();
            length = state.length();
        }
        return state.decisions();
    }

    private void replay(Descent descent, Group group, List<Decision> before) {
        decisions.addAll(before);
        List<Node> gone =
                before.stream().filter(d -> !d.kept()).map(d -> d.edge().from()).toList();
        remove(descent, group, group.senders().stream().filter(gone::contains).toList());
    }

    private void decide(Descent descent, Group group) {
        if (!descent.isAlive(group.receiver())) {
            for (Edge edge : group.downward()) {
                decisions.add(new Decision(edge, Double.NaN, Double.NaN, Outcome.UNREACHABLE));
            }
            remove(descent, group, group.senders());
        } else {
            List<Node> gone = search(descent, group);
            remove(descent, group, gone);
            gone.forEach(sender -> removed ^= fingerprint(new Edge(sender, group.receiver())));
        }
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
        List<boolean[]> unknown = new ArrayList<>();
        for (int i = 0; i < states.length; i++) {
            Double value = known.isPresent() ? known.get().get(fingerprint(group, states[i])) : null;
            values[i] = value == null ? Double.NaN : value;
            if (value == null) {
                unknown.add(states[i]);
            }
        }
        if (unknown.isEmpty()) {
            return values;
        }
        double[] fresh = group.isDirect()
                ? new double[] {descent.measureWithout(group.edges().get(0))}
                : descent.measure(group.receiver(), group.senders(), unknown.toArray(new boolean[0][]));
        batches++;
        measured += fresh.length;
        int next = 0;
        for (int i = 0; i < values.length; i++) {
            if (Double.isNaN(values[i]) && next < fresh.length) {
                values[i] = fresh[next++];
                long key = fingerprint(group, states[i]);
                double value = values[i];
                known.ifPresent(map -> map.put(key, value));
            }
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
            evaluations++;
            boolean isRemoved = isSmall(cost(after[i], current));
            decisions.add(new Decision(edge, current, after[i], isRemoved ? Outcome.REMOVED : Outcome.KEPT));
            gone[next + i] = isRemoved;
            double before = current;
            current = isRemoved ? after[i] : current;
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
