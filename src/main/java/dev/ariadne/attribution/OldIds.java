package dev.ariadne.attribution;

import dev.ariadne.attribution.GraphJson.Link;
import dev.ariadne.attribution.GraphJson.Node;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Ids as files have them, after some nodes got better ones. An id that both a feature and an error had means the feature, unless it can
 * only be the error.
 */
final class OldIds {
    private final Map<String, Node> byId = new HashMap<>();
    private final Map<String, Node> renamed;
    private int doubtful;

    /**
     * @param nodes all nodes, with their new ids
     * @param renamed by the old id, the nodes whose id is new
     */
    OldIds(List<Node> nodes, Map<String, Node> renamed) {
        nodes.forEach(node -> byId.putIfAbsent(node.id(), node));
        this.renamed = renamed;
    }

    /** The id of the node that an annotation names. */
    String renamed(String id) {
        Node node = renamed.get(id);
        return node == null || byId.containsKey(id) ? id : node.id();
    }

    /**
     * Returns the links with new ids. Where a source is a feature of layer 0 and an error at once, files write their links to a target in
     * the order of the nodes, features first: the second of two is the error's. A single one could be either's and is counted.
     */
    List<Link> links(List<Link> old) {
        if (renamed.isEmpty()) {
            return old;
        }
        Set<String> once = new HashSet<>(); // pairs whose first link went to the feature
        List<Link> links = new ArrayList<>(old.size());
        for (Link link : old) {
            String source = renamed(link.source());
            Node error = renamed.get(link.source());
            Node target = byId.get(renamed(link.target()));
            if (error != null && byId.containsKey(link.source()) && target != null && target.layer() > error.layer()) {
                if (once.add(link.source() + " " + target.id())) {
                    doubtful++;
                } else {
                    doubtful--;
                    source = error.id();
                }
            }
            links.add(new Link(source, renamed(link.target()), link.weight()));
        }
        return links;
    }

    /** How many links went to a feature that could have been an error's. */
    int doubtful() {
        return doubtful;
    }
}
