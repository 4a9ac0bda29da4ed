package dev.ariadne.attribution;

import dev.ariadne.attribution.GraphJson.Kind;
import dev.ariadne.attribution.GraphJson.Link;
import dev.ariadne.attribution.GraphJson.Node;
import dev.ariadne.view.Displayable;
import dev.ariadne.view.View;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.ToDoubleFunction;
import tech.tablesaw.api.DoubleColumn;
import tech.tablesaw.api.IntColumn;
import tech.tablesaw.api.StringColumn;
import tech.tablesaw.api.Table;

/**
 * Two graphs, of two prompts or of two models, by what their nodes stand for: the members of a supernode, or features of one label, count
 * as one thing, wherever they are; without a label, a feature is itself if both graphs are of one model, and else one of its layer's.
 *
 * <pre>{@code
 * dallas.compare(oakland) // a table and a picture of what differs
 * }</pre>
 *
 * @param first name of the one graph
 * @param second name of the other
 * @param things what there is in either, the largest change first
 * @param links what pushes what in either, the largest change first
 */
public record GraphComparison(String first, String second, List<Thing> things, List<Push> links)
        implements Displayable {
    private static final int SHOWN = 30;
    private static final int DRAWN = 16;

    /** Copies the lists. */
    public GraphComparison {
        things = List.copyOf(things);
        links = List.copyOf(links);
    }

    /**
     * What nodes stand for.
     *
     * @param name of a supernode, a label, or what the node is
     * @param kind of its nodes
     * @param layer of its lowest node; -1 for tokens
     * @param nodesFirst how many nodes there are in the first graph
     * @param nodesSecond and in the second
     * @param first the sum of their activations in the first graph, or of their probabilities; 0 where there are none
     * @param second and in the second
     */
    public record Thing(
            String name, Kind kind, int layer, int nodesFirst, int nodesSecond, double first, double second) {
        /** The second less the first. */
        public double change() {
            return second - first;
        }
    }

    /**
     * What one thing pushes another by.
     *
     * @param from the name of the thing that pushes
     * @param to the name of the thing that is pushed
     * @param first the sum of the links in the first graph; 0 where there are none
     * @param second and in the second
     */
    public record Push(String from, String to, double first, double second) {
        /** The second less the first. */
        public double change() {
            return second - first;
        }
    }

    static GraphComparison of(GraphJson first, GraphJson second) {
        boolean oneModel = first.metadata().scan().equals(second.metadata().scan());
        Side a = new Side(first, oneModel);
        Side b = new Side(second, oneModel);
        List<Thing> things = new ArrayList<>();
        for (String name : union(a.nodes.keySet(), b.nodes.keySet())) {
            List<Node> inFirst = a.nodes.getOrDefault(name, List.of());
            List<Node> inSecond = b.nodes.getOrDefault(name, List.of());
            Node lowest = List.of(inFirst, inSecond).stream()
                    .flatMap(List::stream)
                    .min(Comparator.comparingInt(Node::layer))
                    .orElseThrow();
            things.add(new Thing(
                    name,
                    lowest.kind(),
                    lowest.layer(),
                    inFirst.size(),
                    inSecond.size(),
                    value(inFirst),
                    value(inSecond)));
        }
        List<Push> links = new ArrayList<>();
        for (List<String> pair : union(a.links.keySet(), b.links.keySet())) {
            links.add(new Push(
                    pair.get(0), pair.get(1), a.links.getOrDefault(pair, 0.0), b.links.getOrDefault(pair, 0.0)));
        }
        things.sort(byChange(Thing::change));
        links.sort(byChange(Push::change));
        return new GraphComparison(name(first), name(second), things, links);
    }

    private static String name(GraphJson graph) {
        return graph.metadata().prompt() + " (" + graph.metadata().scan() + ")";
    }

    private static <T> Set<T> union(Set<T> a, Set<T> b) {
        Set<T> all = new LinkedHashSet<>(a);
        all.addAll(b);
        return all;
    }

    private static <T> Comparator<T> byChange(ToDoubleFunction<T> change) {
        return Comparator.comparingDouble(one -> -Math.abs(change.applyAsDouble(one)));
    }

    private static double value(List<Node> nodes) {
        return nodes.stream()
                .mapToDouble(node -> node.kind() == Kind.LOGIT ? node.probability() : node.activation())
                .filter(Double::isFinite)
                .sum();
    }

    /** One graph by what its nodes stand for. */
    private static final class Side {
        private final Map<String, List<Node>> nodes = new LinkedHashMap<>();
        private final Map<List<String>, Double> links = new LinkedHashMap<>();

        Side(GraphJson graph, boolean oneModel) {
            Map<String, String> groups = new HashMap<>();
            graph.annotations().byName().forEach((name, ids) -> ids.forEach(id -> groups.put(id, name)));
            Map<String, String> names = new HashMap<>();
            for (Node node : graph.nodes()) {
                String group = groups.get(node.id());
                String name = group == null ? thing(graph, node, oneModel) : group;
                names.put(node.id(), name);
                nodes.computeIfAbsent(name, key -> new ArrayList<>()).add(node);
            }
            for (Link link : graph.links()) {
                String from = Objects.requireNonNull(names.get(link.source()));
                String to = Objects.requireNonNull(names.get(link.target()));
                if (!from.equals(to)) {
                    links.merge(List.of(from, to), link.weight(), Double::sum);
                }
            }
        }

        private static String thing(GraphJson graph, Node node, boolean oneModel) {
            String label = graph.label(node);
            return switch (node.kind()) {
                case TOKEN -> "token \"" + graph.metadata().promptTokens().get(node.position()) + "\"";
                case LOGIT -> label.replaceFirst(" \\(p=[0-9.]+\\)$", "");
                case ERROR, LORSA_ERROR -> "errors of layer " + node.layer();
                case BIAS -> "bias";
                default -> {
                    String other = oneModel
                            ? "feature " + node.layer() + "/" + node.index()
                            : "unlabeled, layer " + node.layer();
                    yield label.isEmpty() ? other : label;
                }
            };
        }
    }

    /**
     * Returns what there is in either graph.
     *
     * @return columns thing, kind, nodes and value in the first graph and in the second, change
     */
    public Table table() {
        Table table = Table.create(
                "things",
                StringColumn.create("thing"),
                StringColumn.create("kind"),
                IntColumn.create("nodes 1"),
                IntColumn.create("nodes 2"),
                DoubleColumn.create("value 1"),
                DoubleColumn.create("value 2"),
                DoubleColumn.create("change"));
        for (Thing thing : things) {
            table.stringColumn(0).append(thing.name());
            table.stringColumn(1).append(thing.kind().name().toLowerCase(Locale.ROOT));
            table.intColumn(2).append(thing.nodesFirst());
            table.intColumn(3).append(thing.nodesSecond());
            table.doubleColumn(4).append(thing.first());
            table.doubleColumn(5).append(thing.second());
            table.doubleColumn(6).append(thing.change());
        }
        return table;
    }

    @Override
    public View view() {
        List<List<String>> rows = things.stream()
                .limit(SHOWN)
                .map(thing -> List.of(
                        thing.name(),
                        thing.kind().name().toLowerCase(Locale.ROOT),
                        thing.nodesFirst() + " → " + thing.nodesSecond(),
                        number(thing.first()),
                        number(thing.second()),
                        signed(thing.change())))
                .toList();
        View table = new View.Table(
                "1: " + first + "; 2: " + second,
                List.of("thing", "kind", "nodes", "activation 1", "2", "change"),
                rows);
        return new View.Panels("", List.of(table, diagram()));
    }

    /** The links that change most, by layer, with their weights in the first graph and in the second. */
    public View.Graph diagram() {
        List<Push> drawn = links.subList(0, Math.min(DRAWN, links.size()));
        Map<String, Thing> byName = new HashMap<>();
        things.forEach(thing -> byName.put(thing.name(), thing));
        Set<String> names = new LinkedHashSet<>();
        drawn.forEach(push -> names.addAll(List.of(push.from(), push.to())));
        Set<Integer> layers = new TreeSet<>(Comparator.reverseOrder());
        names.forEach(name -> layers.add(row(byName, name)));
        List<Integer> rows = List.copyOf(layers);
        List<View.Graph.Node> nodes = new ArrayList<>();
        for (String name : names) {
            nodes.add(new View.Graph.Node(name, name, rows.indexOf(row(byName, name)), nodes.size(), Double.NaN));
        }
        List<View.Graph.Edge> edges = drawn.stream()
                .map(push -> new View.Graph.Edge(
                        push.from(),
                        push.to(),
                        push.change(),
                        number(push.first()) + " → " + number(push.second()) + " Δ"))
                .toList();
        return new View.Graph(
                "What pushes differently: weight in 1 → in 2",
                "layer",
                rows.stream().map(GraphComparison::rowName).toList(),
                nodes,
                "",
                edges,
                "change");
    }

    private static int row(Map<String, Thing> things, String name) {
        Thing thing = Objects.requireNonNull(things.get(name));
        return thing.kind() == Kind.LOGIT ? Integer.MAX_VALUE : thing.layer();
    }

    private static String rowName(int layer) {
        return layer == -1 ? "tokens" : layer == Integer.MAX_VALUE ? "output" : "layer " + layer;
    }

    private static String number(double value) {
        return String.format(Locale.ROOT, "%.3g", value);
    }

    private static String signed(double value) {
        return String.format(Locale.ROOT, "%+.3g", value);
    }

    @Override
    public String toString() {
        return "GraphComparison[" + first + " | " + second + ", " + things.size() + " things, " + links.size()
                + " links]";
    }
}
