package dev.ariadne.attribution;

import dev.ariadne.transcoder.Feature;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * What a reader has added to an attribution graph: pinned nodes, supernodes, labels, notes, and how much is shown. Graph files carry it as
 * {@code qParams}, addresses as their query.
 *
 * @param pinnedIds the nodes on the reader's desk
 * @param supernodes nodes grouped under a name, in the order made; names may repeat
 * @param clerps labels by node, written in one of the forms that {@link #label} understands
 * @param notes free text by node id; only this library writes and reads it
 * @param hiddenIds nodes not to be shown
 * @param pruningThreshold nodes whose influence is above it are hidden, in [0, 1]; NaN for none
 * @param densityThreshold features that are active more often are hidden, in [0, 1]; NaN for none
 * @param clickedId the node looked at; empty for none
 * @param linkType which links of that node are shown: "both", "input", "output"
 * @param logitDiff the pair of tokens compared, "A__vs__B"; empty for none
 * @param more what else the source said, by name, kept and written again
 */
public record Annotations(
        List<String> pinnedIds,
        List<Group> supernodes,
        Map<String, String> clerps,
        Map<String, String> notes,
        List<String> hiddenIds,
        double pruningThreshold,
        double densityThreshold,
        String clickedId,
        String linkType,
        String logitDiff,
        Map<String, @Nullable Object> more) {
    /** Nothing added. */
    public static final Annotations NONE = new Annotations(
            List.of(), List.of(), Map.of(), Map.of(), List.of(), Double.NaN, Double.NaN, "", "both", "", Map.of());

    /** Copies everything and checks the thresholds. */
    public Annotations {
        pinnedIds = List.copyOf(pinnedIds);
        supernodes = List.copyOf(supernodes);
        clerps = Collections.unmodifiableMap(new LinkedHashMap<>(clerps));
        notes = Collections.unmodifiableMap(new LinkedHashMap<>(notes));
        hiddenIds = List.copyOf(hiddenIds);
        requireShare("pruningThreshold", pruningThreshold);
        requireShare("densityThreshold", densityThreshold);
        Objects.requireNonNull(clickedId, "clickedId");
        Objects.requireNonNull(linkType, "linkType");
        Objects.requireNonNull(logitDiff, "logitDiff");
        more = Collections.unmodifiableMap(new LinkedHashMap<>(more));
    }

    /**
     * Nodes under one name.
     *
     * @param name what they stand for together
     * @param ids the nodes' ids
     */
    public record Group(String name, List<String> ids) {
        /** Copies the ids. */
        public Group {
            Objects.requireNonNull(name, "name");
            ids = List.copyOf(ids);
        }

        /**
         * Returns the members that are features. A logit's id, such as "27_22605_10", cannot be told from a feature's: whoever knows the
         * model leaves out layers that it has not.
         *
         * @return the features, in the order of the ids; tokens ("E_5_3"), errors and biases are left out
         */
        public List<Feature> features() {
            return ids.stream().flatMap(id -> feature(id).stream()).toList();
        }
    }

    /**
     * Reads a node's id as a feature.
     *
     * @param id such as "20_7083_10"
     * @return the feature, or empty when the id is of another kind
     */
    public static Optional<Feature> feature(String id) {
        try {
            return Optional.of(Feature.of(id));
        } catch (IllegalArgumentException e) {
            return Optional.empty();
        }
    }

    /**
     * Returns the supernodes by name; the second of a name becomes "name (2)".
     *
     * @return name to node ids, in the order made
     */
    public Map<String, List<String>> byName() {
        Map<String, List<String>> byName = new LinkedHashMap<>();
        for (Group group : supernodes) {
            String name = group.name();
            for (int i = 2; byName.containsKey(name); i++) {
                name = group.name() + " (" + i + ")";
            }
            byName.put(name, group.ids());
        }
        return byName;
    }

    /**
     * Returns the label that was given to a node. Labels are found by the node's id, by layer, feature number and position ("20_25095166_10"),
     * or by the feature's number alone, where the number is Cantor's or that of old files (layer times 100,000 plus index).
     *
     * @param node the node
     * @return the label, or empty when it has none
     */
    public Optional<String> label(GraphJson.Node node) {
        if (clerps.isEmpty()) {
            return Optional.empty();
        }
        Stream<String> keys = Stream.of(node.id());
        if (node.kind() == GraphJson.Kind.FEATURE) {
            long cantor = FeatureNumber.cantor(node.layer(), node.index());
            long old = FeatureNumber.old(node.layer(), node.index());
            String format = node.layer() + "_%s_" + node.position();
            keys = Stream.of(
                    node.id(),
                    format.replace("%s", "" + node.index()),
                    format.replace("%s", "" + cantor),
                    format.replace("%s", "" + old),
                    "" + cantor,
                    "" + old);
        }
        return keys.map(clerps::get).filter(Objects::nonNull).findFirst();
    }

    /** Returns the same with every id replaced. */
    Annotations renamed(UnaryOperator<String> rename) {
        return new Annotations(
                pinnedIds.stream().map(rename).toList(),
                supernodes.stream()
                        .map(group -> new Group(
                                group.name(), group.ids().stream().map(rename).toList()))
                        .toList(),
                renamed(clerps, rename),
                renamed(notes, rename),
                hiddenIds.stream().map(rename).toList(),
                pruningThreshold,
                densityThreshold,
                rename.apply(clickedId),
                linkType,
                logitDiff,
                more);
    }

    private static Map<String, String> renamed(Map<String, String> texts, UnaryOperator<String> rename) {
        Map<String, String> renamed = new LinkedHashMap<>();
        texts.forEach((id, text) -> renamed.put(rename.apply(id), text));
        return renamed;
    }

    /**
     * Returns the same with other supernodes.
     *
     * @param groups the supernodes
     * @return a copy
     */
    public Annotations withSupernodes(List<Group> groups) {
        return with(groups, clerps);
    }

    /**
     * Returns the same with other labels.
     *
     * @param labels by node id
     * @return a copy
     */
    public Annotations withClerps(Map<String, String> labels) {
        return with(supernodes, labels);
    }

    private Annotations with(List<Group> groups, Map<String, String> labels) {
        return new Annotations(
                pinnedIds,
                groups,
                labels,
                notes,
                hiddenIds,
                pruningThreshold,
                densityThreshold,
                clickedId,
                linkType,
                logitDiff,
                more);
    }

    private static void requireShare(String name, double value) {
        if (value < 0 || value > 1) {
            throw new IllegalArgumentException(name + " must be from 0 to 1, got " + value + "; NaN means none");
        }
    }

    /** Ids in one line, as addresses have them. */
    static String joined(List<String> ids) {
        return String.join(",", ids);
    }

    static List<String> split(String ids) {
        List<String> split = new ArrayList<>(List.of(ids.split(",", -1)));
        split.removeIf(String::isEmpty);
        return split;
    }
}
