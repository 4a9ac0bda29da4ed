package dev.ariadne.circuit;

import dev.ariadne.view.Displayable;
import dev.ariadne.view.View;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/**
 * What two circuits of one graph have in common.
 *
 * @param here a circuit
 * @param there another, which precision and recall take for the truth
 */
public record CircuitComparison(Circuit here, Circuit there) implements Displayable {
    /**
     * Checks that the circuits' edges can be the same.
     *
     * @throws IllegalArgumentException when their graphs have other edges
     */
    public CircuitComparison {
        if (!here.graph().edges().equals(there.graph().edges())) {
            throw new IllegalArgumentException("two circuits are compared edge by edge, but one is of " + here.graph()
                    + " and the other of " + there.graph() + "; find both with one granularity on models of one shape");
        }
    }

    /**
     * Two sets, counted.
     *
     * @param shared how many are in both
     * @param onlyHere how many are only in the first
     * @param onlyThere how many are only in the second
     */
    public record Overlap(int shared, int onlyHere, int onlyThere) {
        static <T> Overlap of(Collection<T> here, Collection<T> there) {
            int shared = common(here, there).size();
            return new Overlap(shared, here.size() - shared, there.size() - shared);
        }

        /** The share of the first that is in the second, from 0 to 1; NaN where the first is empty. */
        public double precision() {
            return (double) shared / (shared + onlyHere);
        }

        /** The share of the second that is in the first, from 0 to 1; NaN where the second is empty. */
        public double recall() {
            return (double) shared / (shared + onlyThere);
        }

        /** How many are in both, of all there are in either, from 0 to 1; NaN where both are empty. */
        public double jaccard() {
            return (double) shared / (shared + onlyHere + onlyThere);
        }

        private List<String> row(String what) {
            return List.of(
                    what,
                    Integer.toString(shared),
                    Integer.toString(onlyHere),
                    Integer.toString(onlyThere),
                    share(precision()),
                    share(recall()),
                    share(jaccard()));
        }

        private static String share(double value) {
            return Double.isNaN(value) ? "" : String.format(Locale.ROOT, "%.3f", value);
        }
    }

    /** The edges, counted. */
    public Overlap edges() {
        return Overlap.of(here.edgeSet(), there.edgeSet());
    }

    /** The nodes, counted as {@link Circuit#nodes} does. */
    public Overlap nodes() {
        return Overlap.of(here.nodes(), there.nodes());
    }

    /** The edges of both. */
    public Set<Edge> shared() {
        return common(here.edgeSet(), there.edgeSet());
    }

    /** The edges that only the first has. */
    public Set<Edge> onlyHere() {
        return rest(here.edgeSet(), there.edgeSet());
    }

    /** The edges that only the second has. */
    public Set<Edge> onlyThere() {
        return rest(there.edgeSet(), here.edgeSet());
    }

    private static <T> Set<T> common(Collection<T> some, Collection<T> others) {
        Set<T> both = new LinkedHashSet<>(some);
        both.retainAll(others);
        return both;
    }

    private static <T> Set<T> rest(Collection<T> some, Collection<T> others) {
        Set<T> left = new LinkedHashSet<>(some);
        left.removeAll(others);
        return left;
    }

    @Override
    public View view() {
        return new View.Table(
                here.provenance().method() + " against " + there.provenance().method() + ": "
                        + here.provenance().task() + " on " + here.provenance().model(),
                List.of("", "shared", "only here", "only there", "precision", "recall", "Jaccard"),
                List.of(edges().row("edges"), nodes().row("nodes")));
    }

    @Override
    public String toString() {
        Overlap edges = edges();
        return String.format(
                Locale.ROOT,
                "%d edges shared, %d only here, %d only there; precision %.3f, recall %.3f",
                edges.shared(),
                edges.onlyHere(),
                edges.onlyThere(),
                edges.precision(),
                edges.recall());
    }
}
