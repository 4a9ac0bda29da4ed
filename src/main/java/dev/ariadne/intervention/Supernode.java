package dev.ariadne.intervention;

import dev.ariadne.attribution.Annotations;
import dev.ariadne.attribution.GraphUrl;
import dev.ariadne.transcoder.Feature;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * Features that mean one thing together, under a name. Immutable; what is done with it makes another one.
 *
 * <pre>{@code
 * var sayAustin = Supernode.of("Say Austin", "2_12_10");
 * var texas = Supernode.of("Texas", "0_3_9", "1_207_9").leadsTo(sayAustin);
 * var california = Supernode.of("California", "1_31_9").on("Fact: the capital of the state containing Oakland is");
 * circuit.intervene(texas.times(-2), california.times(2).replacing(texas))
 * }</pre>
 *
 * @param name what it is called in a picture, unique there
 * @param features its members, each at its token; none for what is only drawn, such as a token
 * @param children the supernodes that arrows lead to
 * @param source the prompt that its features are from; empty for the one they are used on
 * @param moves from positions in the source to those on another prompt; others stay
 */
public record Supernode(
        String name, List<Feature> features, List<Supernode> children, String source, Map<Integer, Integer> moves) {
    /** Copies everything, and requires that no member is there twice. */
    public Supernode {
        features = List.copyOf(features);
        children = List.copyOf(children);
        moves = Map.copyOf(moves);
        if (name.isBlank()) {
            throw new IllegalArgumentException("a supernode has a name, got '" + name + "'");
        }
        if (new HashSet<>(features).size() < features.size()) {
            throw new IllegalArgumentException("the supernode '" + name + "' has a member twice: " + features);
        }
        if (children.stream().map(Supernode::name).distinct().count() < children.size()) {
            throw new IllegalArgumentException("the supernode '" + name + "' leads twice to one name: "
                    + children.stream().map(Supernode::name).toList());
        }
    }

    /** A group of features. */
    public static Supernode of(String name, List<Feature> features) {
        return new Supernode(name, features, List.of(), "", Map.of());
    }

    /**
     * A group of features.
     *
     * @param features as in attribution graphs, layer_index_position: "1_207_9"
     */
    public static Supernode of(String name, String... features) {
        return of(name, Arrays.stream(features).map(Feature::of).toList());
    }

    /** Something that is only drawn, such as a token of the prompt. */
    public static Supernode drawn(String name) {
        return of(name, List.of());
    }

    /**
     * Groups by name, as an attribution graph or a published address has them.
     *
     * @param groups features by name
     * @return supernodes by name, in the same order
     */
    public static Map<String, Supernode> of(Map<String, List<Feature>> groups) {
        Map<String, Supernode> all = new LinkedHashMap<>();
        groups.forEach((name, features) -> all.put(name, of(name, features)));
        return all;
    }

    /**
     * The supernodes of an attribution graph, or of its published address; what is no feature is left out.
     *
     * @param annotations such as those of {@code GraphUrl.of(url)} or {@code GraphJson.read(file)}
     * @return by name, in the order made; the second of a name is called "name (2)"
     */
    public static Map<String, Supernode> of(Annotations annotations) {
        Map<String, List<Feature>> groups = new LinkedHashMap<>();
        annotations
                .byName()
                .forEach((name, ids) -> groups.put(
                        name,
                        ids.stream()
                                .distinct()
                                .flatMap(id -> Annotations.feature(id).stream())
                                .toList()));
        return of(groups);
    }

    /**
     * The supernodes in the address of a published graph.
     *
     * @throws IllegalArgumentException when the address is damaged
     */
    public static Map<String, Supernode> fromUrl(String url) {
        return of(GraphUrl.of(url).annotations());
    }

    /** The same, with arrows to these, too. */
    public Supernode leadsTo(Supernode... more) {
        List<Supernode> all = new ArrayList<>(children);
        all.addAll(List.of(more));
        return new Supernode(name, features, all, source, moves);
    }

    /** The same, with features from this prompt: there they have their activations and positions. */
    public Supernode on(String prompt) {
        return new Supernode(name, features, children, prompt, moves);
    }

    /**
     * The same, with its features at other positions when it is put into another prompt.
     *
     * @param by how many tokens later; negative is earlier
     */
    public Supernode moved(int by) {
        return moved(features.stream()
                .map(Feature::position)
                .distinct()
                .collect(Collectors.toMap(position -> position, position -> position + by)));
    }

    /** The same, with its features at other positions when it is put into another prompt: from those of the source to those there. */
    public Supernode moved(Map<Integer, Integer> positions) {
        return new Supernode(name, features, children, source, positions);
    }

    /** The same, with the members of another one, too, which must be from the same prompt. */
    public Supernode plus(Supernode other) {
        if (!other.source.equals(source) || !other.moves.equals(moves)) {
            throw new IllegalArgumentException("'" + name + "' and '" + other.name + "' are from different prompts ('"
                    + source + "', '" + other.source + "'); use them side by side");
        }
        List<Feature> all = new ArrayList<>(features);
        other.features.stream().filter(feature -> !features.contains(feature)).forEach(all::add);
        return new Supernode(name, all, children, source, moves);
    }

    /** Sets each member to a multiple of its activation in the run it is from. */
    public Intervention times(double factor) {
        return new Intervention(this, Intervention.Kind.TIMES, factor, "");
    }

    /** Sets each member to a value. */
    public Intervention to(double value) {
        return new Intervention(this, Intervention.Kind.TO, value, "");
    }

    /** Sets nothing, but is drawn in the place of another one, with how active it has become. */
    public Intervention replacing(Supernode other) {
        return new Intervention(this, Intervention.Kind.WATCH, 0, "").replacing(other);
    }

    /** Where its features are on a prompt they are put into. */
    List<Feature> placed() {
        return features.stream()
                .map(f -> new Feature(f.layer(), place(f.position()), f.index()))
                .toList();
    }

    private int place(int position) {
        int moved = moves.getOrDefault(position, position);
        if (moved < 0) {
            throw new IllegalArgumentException("'" + name + "' would be moved from position " + position + " to "
                    + moved + ", before the prompt begins");
        }
        return moved;
    }

    @Override
    public String toString() {
        return name + " (" + features.size() + (features.size() == 1 ? " feature)" : " features)");
    }
}
