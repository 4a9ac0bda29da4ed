package dev.ariadne.discovery;

import dev.ariadne.circuit.Edge;
import dev.ariadne.circuit.Node;
import dev.ariadne.view.Displayable;
import dev.ariadne.view.View;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/**
 * What subnetwork probing kept.
 *
 * @param config how it was found
 * @param scores for each edge, the probability that its mask, or that of the node it goes with, is not 0: a ranking for circuits of other sizes
 * @param edges those that are kept, from the output down
 * @param nodes the queries, keys, values and MLPs that are kept; none where edges have the masks
 * @param losses at each step, in the metric's unit
 * @param metric with the trained masks, the mean over prompts and samples of the masks
 */
public record Subnetwork(
        SubnetworkProbingConfig config,
        EdgeScores scores,
        Set<Edge> edges,
        Set<Node> nodes,
        List<Double> losses,
        double metric)
        implements Displayable {
    /** Copies the collections. */
    public Subnetwork {
        edges = Collections.unmodifiableSet(new LinkedHashSet<>(edges));
        nodes = Collections.unmodifiableSet(new LinkedHashSet<>(nodes));
        losses = List.copyOf(losses);
    }

    /** The circuit of so many edges that are most likely to be there. */
    public Set<Edge> top(int count) {
        return scores.top(count);
    }

    /** What is kept, in numbers, above the ranking. */
    @Override
    public View view() {
        Map<String, String> facts = new LinkedHashMap<>();
        facts.put("edges", edges.size() + " of " + scores.graph().size());
        if (config.masks() == SubnetworkProbingConfig.Masks.NODES) {
            facts.put("nodes", nodes.size() + " kept");
        }
        facts.put(scores.metric(), String.format(Locale.ROOT, "%.4g", metric));
        facts.put(
                "loss",
                String.format(
                        Locale.ROOT, "%.4g at first, %.4g at last", losses.get(0), losses.get(losses.size() - 1)));
        return new View.Panels("", List.of(new View.Facts(scores.method(), facts), scores.view()));
    }

    @Override
    public String toString() {
        return String.format(
                Locale.ROOT,
                "Subnetwork[%s: %d of %d edges, %s %.4g]",
                scores.method(),
                edges.size(),
                scores.graph().size(),
                scores.metric(),
                metric);
    }
}
