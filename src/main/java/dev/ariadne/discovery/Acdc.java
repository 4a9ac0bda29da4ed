package dev.ariadne.discovery;

import dev.ariadne.circuit.ComputationalGraph;
import dev.ariadne.circuit.Descent;
import dev.ariadne.circuit.Edge;
import dev.ariadne.circuit.EdgePatcher;
import dev.ariadne.circuit.Node;
import dev.ariadne.discovery.AcdcOrder.Group;
import dev.ariadne.discovery.Decision.Outcome;
import dev.ariadne.task.Task;
import dev.ariadne.view.Progress;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Automatic circuit discovery (Conmy et al. 2023, algorithm 1): from the output down, each edge is removed whose removal costs less than a
 * threshold.
 *
 * <p>Decisions are those of the sequential algorithm. Edges of one receiver are measured several at a time on the guess that those before go,
 * or stay; what follows a wrong guess is measured again.
 *
 * <pre>{@code
 * var circuit = new Acdc(model, Tasks.ioi(model)).findCircuit();
 * }</pre>
 */
public final class Acdc {
    private final Task task;
    private final AcdcConfig config;

    /** Prepares a search as configured. */
    public Acdc(Task task, AcdcConfig config) {
        this.task = task;
        this.config = config;
    }

    /** Searches, and keeps every decision. */
    public AcdcTrace trace() {
        ComputationalGraph graph =
                ComputationalGraph.of(task.model().config(), config.granularity(), config.splitEmbedding());
        try (EdgePatcher patcher = EdgePatcher.of(task, graph, config.ablation())) {
            return new Search(patcher).run();
        }
    }

    /** One search under way. */
    private final class Search {
        private final EdgePatcher patcher;
        private final List<Decision> decisions = new ArrayList<>();
        private double current;
        private int evaluations;
        private int measured;
        private int batches;
        private int length = 8;

        Search(EdgePatcher patcher) {
            this.patcher = patcher;
        }

        AcdcTrace run() {
            current = patcher.metric();
            try (Descent descent = patcher.descend();
                    Progress progress = Progress.of(
                            "ACDC on " + task.name(), patcher.graph().size())) {
                for (Group group : AcdcOrder.of(patcher.graph(), config)) {
                    descent.enter(group.receiver());
                    int before = decisions.size();
                    if (!descent.isAlive(group.receiver())) {
                        group.downward().forEach(e -> decide(e, Double.NaN, Double.NaN, Outcome.UNREACHABLE));
                        remove(descent, group, group.senders());
                    } else if (group.senders().get(0).isHeadInput()) {
                        direct(descent, group.edges().get(0));
                    } else {
                        search(descent, group);
                    }
                    for (int i = before; i < decisions.size(); i++) {
                        progress.step("at " + group.receiver());
                    }
                }
            }
            return new AcdcTrace(config, decisions, current, evaluations, measured, batches);
        }

        private void remove(Descent descent, Group group, List<Node> senders) {
            if (group.senders().get(0).isHeadInput()) {
                group.edges().forEach(descent::remove);
            } else {
                descent.remove(group.receiver(), senders);
            }
        }

        private void direct(Descent descent, Edge edge) {
            double after = descent.measureWithout(edge);
            evaluations++;
            measured++;
            batches++;
            if (isRemoved(after)) {
                descent.remove(edge);
                decide(edge, current, after, Outcome.REMOVED);
                current = after;
            } else {
                decide(edge, current, after, Outcome.KEPT);
            }
        }

        private boolean isRemoved(double after) {
            double cost = cost(after, current);
            return (config.absolute() ? Math.abs(cost) : cost) < config.threshold();
        }

        private double cost(double after, double before) {
            return task.metric().higherIsBetter() ? before - after : after - before;
        }

        private void decide(Edge edge, double before, double after, Outcome outcome) {
            decisions.add(new Decision(edge, before, after, outcome));
        }

        /** Decides the edges of one receiver. */
        private void search(Descent descent, Group group) {
            List<Node> senders = group.senders();
            boolean[] gone = new boolean[senders.size()];
            boolean[] guess = new boolean[senders.size()];
            Arrays.fill(guess, true);
            int next = 0;
            while (next < senders.size()) {
                Progress.checkInterrupted("ACDC on " + task.name());
                int count = Math.min(Math.min(length, patcher.statesAtOnce()), senders.size() - next);
                double[] after = descent.measure(group.receiver(), senders, states(gone, guess, next, count));
                batches++;
                measured += count;
                int accepted = accept(group, gone, guess, next, after);
                length = accepted == count ? Math.min(2 * length, 64) : Math.max(4, length / 2);
                next += accepted;
            }
            List<Node> removed = new ArrayList<>(senders);
            removed.removeIf(sender -> !gone[senders.indexOf(sender)]);
            descent.remove(group.receiver(), removed);
        }

        /** State i: what is gone, what is guessed to go before edge i, and edge i. */
        private boolean[][] states(boolean[] gone, boolean[] guess, int next, int count) {
            boolean[][] states = new boolean[count][];
            for (int i = 0; i < count; i++) {
                states[i] = gone.clone();
                System.arraycopy(guess, next, states[i], next, i);
                states[i][next + i] = true;
            }
            return states;
        }

        /** Replays the decisions up to the first that was guessed wrong; what came after it tells how to guess next. */
        private int accept(Group group, boolean[] gone, boolean[] guess, int next, double[] after) {
            for (int i = 0; i < after.length; i++) {
                Edge edge = group.edges().get(next + i);
                evaluations++;
                boolean removed = isRemoved(after[i]);
                decide(edge, current, after[i], removed ? Outcome.REMOVED : Outcome.KEPT);
                gone[next + i] = removed;
                double before = current;
                current = removed ? after[i] : current;
                if (removed != guess[next + i]) {
                    double guessed = guess[next + i] ? after[i] : before;
                    for (int j = i + 1; j < after.length; j++) {
                        double cost = cost(after[j], guessed);
                        guessed = guess[next + j] ? after[j] : guessed;
                        guess[next + j] = (config.absolute() ? Math.abs(cost) : cost) < config.threshold();
                    }
                    return i + 1;
                }
            }
            return after.length;
        }
    }
}
