package dev.ariadne.display;

import dev.ariadne.view.TokenGraph;
import dev.ariadne.view.TokenGraph.Kind;
import dev.ariadne.view.TokenGraph.Link;
import dev.ariadne.view.TokenGraph.Node;
import dev.ariadne.view.View.Table;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** A graph by layer and token in words: how much of what, and the most important of it. */
final class TokenGraphText {
    private static final int ROWS = 30;

    private TokenGraphText() {}

    static String write(TokenGraph graph) {
        List<List<String>> nodes = graph.nodes().stream()
                .sorted(Comparator.comparingDouble(Node::influence)) // NaN comes last
                .limit(ROWS)
                .map(node -> List.of(
                        graph.layers().get(node.row()),
                        graph.tokens().get(node.column()),
                        node.id(),
                        graph.name(node).equals(node.id()) ? "" : graph.name(node),
                        number(node.value()),
                        number(node.influence())))
                .toList();
        List<List<String>> links = strongest(graph, ROWS).stream()
                .map(link -> List.of(
                        graph.name(graph.nodes().get(link.from())),
                        "->",
                        graph.name(graph.nodes().get(link.to())),
                        String.format(Locale.ROOT, "%+.4g", link.weight())))
                .toList();
        List<List<String>> groups = new ArrayList<>();
        graph.marks().groups().forEach(group -> groups.add(List.of(group.name(), String.join(" ", group.ids()))));
        return size(graph) + "\n"
                + table(
                        List.of("layer", "token", "node", "label", "value", "influence"),
                        nodes,
                        graph.nodes().size())
                + table(
                        List.of("from", "", "to", "weight"),
                        links,
                        graph.links().size())
                + (groups.isEmpty() ? "" : table(List.of("supernode", "nodes"), groups, groups.size()));
    }

    static String alt(TokenGraph graph) {
        String outputs = graph.nodes().stream()
                .filter(node -> node.kind() == Kind.OUTPUT)
                .limit(3)
                .map(graph::name)
                .collect(Collectors.joining("; "));
        return (graph.title().isBlank() ? "Graph" : graph.title()) + ": " + size(graph)
                + (outputs.isEmpty() ? "" : "; outputs " + outputs);
    }

    static String size(TokenGraph graph) {
        String kinds = java.util.Arrays.stream(Kind.values())
                .map(kind -> {
                    long count = graph.nodes().stream()
                            .filter(node -> node.kind() == kind)
                            .count();
                    return count == 0 ? "" : count + " " + name(kind) + (count == 1 || kind == Kind.AT_REST ? "" : "s");
                })
                .filter(text -> !text.isEmpty())
                .collect(Collectors.joining(", "));
        return kinds + ", " + graph.links().size() + " links";
    }

    static String name(Kind kind) {
        return kind.name().toLowerCase(Locale.ROOT).replace('_', ' ');
    }

    static List<Link> strongest(TokenGraph graph, int limit) {
        return graph.links().stream()
                .sorted(Comparator.comparingDouble(link -> -Math.abs(link.weight())))
                .limit(limit)
                .toList();
    }

    private static String number(double value) {
        return Double.isNaN(value) ? "" : Numbers.format(value);
    }

    private static String table(List<String> columns, List<List<String>> rows, int all) {
        String more = Grid.more(all, rows.size());
        return PlainText.grid(Grid.of(new Table("", columns, rows))) + (more.isEmpty() ? "" : more + "\n");
    }
}
