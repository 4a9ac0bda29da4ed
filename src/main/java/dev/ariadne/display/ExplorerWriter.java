package dev.ariadne.display;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ariadne.view.TokenGraph;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.ToDoubleFunction;

/**
 * Writes a graph as a page of its own that is explored with mouse or keyboard: data, style and scripts in one file, which its own policy
 * forbids to load anything.
 */
final class ExplorerWriter {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String D3 = "/META-INF/resources/webjars/d3/7.9.0/";
    private static final double ASPECT = 1.4;

    private final TokenGraph graph;
    private final ObjectNode data = JSON.createObjectNode();

    private ExplorerWriter(TokenGraph graph) {
        this.graph = graph;
    }

    /** Writes the page. */
    static String page(TokenGraph graph) {
        Map<String, String> parts = new LinkedHashMap<>();
        parts.put("title", Glyphs.escape(Glyphs.visible(graph.title())));
        parts.put("css", resource("explorer.css"));
        parts.put("data", new ExplorerWriter(graph).json());
        parts.put("d3", "/*\n" + resource(D3 + "LICENSE") + "*/\n" + resource(D3 + "dist/d3.min.js"));
        parts.put("script", resource("explorer.js"));
        StringBuilder page = new StringBuilder();
        String template = resource("explorer.html");
        int end = 0;
        for (Map.Entry<String, String> part :
                parts.entrySet()) { // in the template's order: what is filled in is not searched
            String name = "${" + part.getKey() + "}";
            int at = template.indexOf(name, end);
            page.append(template, end, at).append(part.getValue());
            end = at + name.length();
        }
        return page.append(template, end, template.length()).toString();
    }

    private String json() {
        TokenGraphLayout layout = TokenGraphLayout.of(graph, ASPECT);
        data.put("title", Glyphs.visible(graph.title()));
        data.put("key", graph.key());
        graph.tokens().forEach(token -> data.withArray("/tokens").add(Glyphs.visible(token)));
        graph.layers().forEach(layer -> data.withArray("/layers").add(Glyphs.visible(layer)));
        ArrayNode columns = data.putArray("columns");
        layout.columns()
                .forEach(span -> columns.addArray().add(rounded(span.start())).add(rounded(span.size())));
        ArrayNode rows = data.putArray("rows");
        layout.rows().forEach(span -> rows.addArray().add(rounded(span.start())).add(rounded(span.size())));
        data.put("width", rounded(layout.width()));
        data.put("height", rounded(layout.height()));
        data.put("radius", layout.radius());
        layout.x().forEach(data.putArray("x")::add);
        layout.y().forEach(data.putArray("y")::add);
        nodes();
        links();
        marks();
        try {
            // In a script element only "<" could end it or begin a comment; in JSON it may always be written so.
            return JSON.writeValueAsString(data).replace("<", "\\u003c");
        } catch (JsonProcessingException e) {
            throw new AssertionError("a tree of plain values", e);
        }
    }

    private void nodes() {
        Map<String, Integer> cards = new HashMap<>();
        ArrayNode html = data.putArray("cards");
        graph.cards().forEach((name, card) -> {
            cards.put(name, cards.size());
            html.add(HtmlWriter.write(card));
        });
        ArrayNode ids = data.putArray("id");
        ArrayNode labels = data.putArray("label");
        ArrayNode kinds = data.putArray("kind");
        ArrayNode rows = data.putArray("row");
        ArrayNode columns = data.putArray("column");
        ArrayNode card = data.putArray("card");
        for (TokenGraph.Node node : graph.nodes()) {
            ids.add(node.id());
            labels.add(Glyphs.visible(node.label()));
            kinds.add(node.kind().ordinal());
            rows.add(node.row());
            columns.add(node.column());
            card.add(cards.getOrDefault(node.card(), -1));
        }
        numbers("value", TokenGraph.Node::value);
        numbers("influence", TokenGraph.Node::influence);
    }

    private void numbers(String name, ToDoubleFunction<TokenGraph.Node> value) {
        ArrayNode all = data.putArray(name);
        for (TokenGraph.Node node : graph.nodes()) {
            add(all, value.applyAsDouble(node));
        }
    }

    /** The strongest first: the page draws as many of them as its reader wants. */
    private void links() {
        ArrayNode from = data.putArray("from");
        ArrayNode to = data.putArray("to");
        ArrayNode weights = data.putArray("weight");
        graph.links().stream()
                .sorted(Comparator.comparingDouble(link -> -Math.abs(link.weight())))
                .forEach(link -> {
                    from.add(link.from());
                    to.add(link.to());
                    add(weights, link.weight());
                });
    }

    private void marks() {
        TokenGraph.Marks marks = graph.marks();
        ObjectNode to = data.putObject("marks");
        marks.pinned().forEach(to.putArray("pinned")::add);
        ArrayNode groups = to.putArray("groups");
        for (TokenGraph.Group group : marks.groups()) {
            ObjectNode one = groups.addObject().put("name", group.name());
            group.ids().forEach(one.putArray("ids")::add);
        }
        marks.labels().forEach(to.putObject("labels")::put);
        marks.notes().forEach(to.putObject("notes")::put);
        if (!Double.isNaN(marks.threshold())) {
            to.put("threshold", marks.threshold());
        }
    }

    /** The digits of a float, which are more than an eye can use; JSON has no NaN. */
    private static void add(ArrayNode to, double value) {
        if (Double.isNaN(value)) {
            to.addNull();
        } else if (Math.abs(value) > Float.MAX_VALUE) {
            to.add(value);
        } else {
            to.add((float) value);
        }
    }

    private static double rounded(double pixels) {
        return Math.round(pixels * 100) / 100.0;
    }

    private static String resource(String name) {
        try (InputStream in = ExplorerWriter.class.getResourceAsStream(name)) {
            if (in == null) {
                throw new IllegalStateException("the class path lacks " + name
                        + (name.startsWith(D3) ? "; add org.webjars.npm:d3:7.9.0, which this library asks for" : ""));
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot read " + name + " from the class path", e);
        }
    }
}
