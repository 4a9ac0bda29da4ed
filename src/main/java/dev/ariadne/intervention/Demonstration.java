package dev.ariadne.intervention;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.ariadne.attribution.ReplacementModel;
import dev.ariadne.view.Displayable;
import dev.ariadne.view.View;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;

/**
 * A demonstration of circuit tracing as it was published for Gemma-2-2B with GemmaScope's transcoders: the supernodes' members, what was set, and what
 * came of it. Shown as its figures; {@link #compare} repeats it and puts what comes out beside them.
 *
 * <pre>{@code
 * Demonstration.dallas() // the published figures; compare(gemma) puts those of this machine beside them, and says whether they agree
 * }</pre>
 */
public final class Demonstration implements Displayable {
    private static final double TOP =
            5; // percentage points by which the most probable token may differ, from rounding in bfloat16
    private static final double ACTIVATION = 3; // the same for activations

    private final String name;
    private final String prompt;
    private final Map<String, Supernode> nodes = new LinkedHashMap<>();
    private final List<List<String>> rows = new ArrayList<>();
    private final List<Step> steps = new ArrayList<>();

    /** What was set, in the words of {@link Intervention#toString}, and the published figures in percent. */
    private record Step(List<String> set, Map<String, Double> activations, Map<String, Double> top) {}

    private Demonstration(String name) {
        this.name = name;
        JsonNode file = read(name + ".json");
        this.prompt = file.path("prompt").asText();
        Map<String, JsonNode> described = new LinkedHashMap<>();
        file.path("nodes").properties().forEach(node -> described.put(node.getKey(), node.getValue()));
        described.keySet().forEach(node -> add(node, described));
        file.path("rows").forEach(row -> rows.add(texts(row)));
        file.path("steps")
                .forEach(step -> steps.add(new Step(
                        texts(step.path("set")), numbers(step.path("activations")), numbers(step.path("top")))));
    }

    /** From Dallas to Austin in two hops: seven interventions. */
    public static Demonstration dallas() {
        return new Demonstration("dallas-austin");
    }

    /** Opposites in three languages: four interventions. */
    public static Demonstration opposites() {
        return new Demonstration("multilingual-opposites");
    }

    /** What else was shown on the same model: the sport of Michael Jordan, asked in French, and the language of the US; single features, at ten times their activation. */
    public static List<Demonstration> more() {
        return List.of(new Demonstration("michael-jordan"), new Demonstration("mexico-us"));
    }

    private static JsonNode read(String file) {
        try (InputStream in = Objects.requireNonNull(Demonstration.class.getResourceAsStream(file), file)) {
            return new ObjectMapper().readTree(in);
        } catch (IOException e) {
            throw new UncheckedIOException(e.getMessage(), e);
        }
    }

    private static List<String> texts(JsonNode list) {
        List<String> texts = new ArrayList<>();
        list.forEach(each -> texts.add(each.asText()));
        return texts;
    }

    private static Map<String, Double> numbers(JsonNode object) {
        Map<String, Double> numbers = new LinkedHashMap<>();
        object.properties()
                .forEach(each -> numbers.put(each.getKey(), each.getValue().asDouble()));
        return numbers;
    }

    /** Makes a node, after those that it leads to. */
    private Supernode add(String node, Map<String, JsonNode> described) {
        Supernode known = nodes.get(node);
        if (known != null) {
            return known;
        }
        JsonNode from = Objects.requireNonNull(described.get(node), node);
        Supernode made = Supernode.of(node, from.path("members").asText().split(" ", -1));
        for (String child : texts(from.path("leadsTo"))) {
            made = made.leadsTo(add(child, described));
        }
        made = from.has("prompt") ? made.on(from.path("prompt").asText()) : made;
        made = from.has("moved") ? made.moved(from.path("moved").asInt()) : made;
        nodes.put(node, made);
        return made;
    }

    /** The prompt. */
    public String prompt() {
        return prompt;
    }

    /** The published supernodes by name, those of other prompts included. */
    public Map<String, Supernode> nodes() {
        return Collections.unmodifiableMap(nodes);
    }

    private InterventionGraph graph(ReplacementModel replacement, Map<String, Supernode> members) {
        List<List<Supernode>> drawn = rows.stream()
                .map(row -> row.stream().map(node -> node(members, node)).toList())
                .toList();
        return new InterventionGraph(replacement, prompt, drawn, Mode.FROZEN);
    }

    private static Supernode node(Map<String, Supernode> members, String name) {
        Supernode node = members.get(name);
        if (node == null) {
            throw new IllegalArgumentException(
                    "the demonstration sets '" + name + "', which is not among the supernodes " + members.keySet());
        }
        return node;
    }

    /**
     * Repeats it with the published members.
     *
     * @throws IllegalArgumentException when the transcoders have no such features, or the prompt has other positions
     */
    public Displayable compare(ReplacementModel replacement) {
        return compare(replacement, nodes);
    }

    /**
     * Repeats it with other members under the same names, as they are for another model.
     *
     * @param members by name
     * @return for each intervention what was published, what came of it here, and whether they agree: the same token on top, its probability within 5
     *     percentage points, activations within 3
     */
    public Displayable compare(ReplacementModel replacement, Map<String, Supernode> members) {
        List<List<String>> table = new ArrayList<>();
        try (InterventionGraph graph = graph(replacement, members)) {
            for (Step step : steps) {
                List<String> none = step.set().stream()
                        .map(text -> text.split(" ×", 2)[0])
                        .filter(node -> members.containsKey(node)
                                && node(members, node).features().isEmpty())
                        .toList();
                table.add(none.isEmpty() ? row(graph, members, step) : row(step, "no features", "", "no"));
            }
        }
        return () -> new View.Table(
                name + ": published for Gemma-2-2B, and on "
                        + replacement.model().name(),
                List.of("intervention", "active, published", "here", "top, published", "here", "agree"),
                table);
    }

    private static List<String> row(InterventionGraph graph, Map<String, Supernode> members, Step step) {
        Intervention[] set =
                step.set().stream().map(text -> intervention(members, text)).toArray(Intervention[]::new);
        InterventionResult result = set.length == 0 ? graph.clean() : graph.intervene(set);
        Map<String, Double> active = new LinkedHashMap<>();
        step.activations().keySet().forEach(node -> active.put(node, 100 * result.activation(node)));
        Map<String, Double> top = new LinkedHashMap<>();
        result.top(5).forEach(each -> top.put(each.token(), 100 * each.probability()));
        return row(step, percent(active), percent(top), agree(step, active, top) ? "yes" : "no");
    }

    private static List<String> row(Step step, String active, String top, String agree) {
        return List.of(name(step), percent(step.activations()), active, percent(step.top()), top, agree);
    }

    private static boolean agree(Step step, Map<String, Double> active, Map<String, Double> top) {
        Map.Entry<String, Double> published = step.top().entrySet().iterator().next();
        Map.Entry<String, Double> here = top.entrySet().iterator().next();
        return published.getKey().equals(here.getKey().strip())
                && Math.abs(published.getValue() - here.getValue()) <= TOP
                && step.activations().entrySet().stream()
                        .allMatch(each ->
                                Math.abs(each.getValue() - active.getOrDefault(each.getKey(), 0.0)) <= ACTIVATION);
    }

    /** Reads "Texas ×-2", "California ×2 for Texas", "Say Sacramento for Say Austin". */
    private static Intervention intervention(Map<String, Supernode> members, String text) {
        String[] both = text.split(" for ", 2);
        String[] set = both[0].split(" ×", 2);
        Supernode node = node(members, set[0]);
        if (set.length == 1) {
            return node.replacing(node(members, both[1]));
        }
        Intervention times = node.times(Double.parseDouble(set[1]));
        return both.length == 1 ? times : times.replacing(node(members, both[1]));
    }

    private static String name(Step step) {
        String set = step.set().stream()
                .filter(text -> text.contains("×"))
                .map(text -> text.replace('-', '−'))
                .collect(Collectors.joining(", "));
        return set.isEmpty() ? "none" : set;
    }

    private static String percent(Map<String, Double> values) {
        return values.entrySet().stream()
                .map(each ->
                        (each.getKey().isBlank() ? "(blank)" : each.getKey().strip())
                                + String.format(Locale.ROOT, " %.0f", each.getValue()))
                .collect(Collectors.joining(", "));
    }

    @Override
    public View view() {
        List<List<String>> table = steps.stream()
                .map(step -> List.of(name(step), percent(step.activations()), percent(step.top())))
                .toList();
        return new View.Table(
                name + ": published for Gemma-2-2B, percent", List.of("intervention", "active", "top tokens"), table);
    }

    @Override
    public String toString() {
        return name + ", a demonstration of " + (steps.size() - 1) + " interventions";
    }
}
