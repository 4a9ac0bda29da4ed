package dev.ariadne.attribution;

import com.fasterxml.jackson.core.JsonProcessingException;
import dev.ariadne.attribution.GraphJson.Kind;
import dev.ariadne.attribution.GraphJson.Link;
import dev.ariadne.attribution.GraphJson.Node;
import dev.ariadne.view.Displayable;
import dev.ariadne.view.TokenGraph;
import dev.ariadne.view.View;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** An attribution graph as something to look at, and back what a reader added there. */
final class GraphView {
    private GraphView() {}

    static TokenGraph of(GraphJson graph, Map<String, ? extends Displayable> cards) {
        int top = graph.nodes().stream()
                .filter(node -> node.kind() != Kind.LOGIT)
                .mapToInt(Node::layer)
                .reduce(-1, Math::max);
        List<String> layers = new ArrayList<>(List.of("tokens"));
        for (int layer = 0; layer <= top; layer++) {
            layers.add("layer " + layer);
        }
        layers.add("output");
        Map<String, Integer> places = new HashMap<>();
        List<TokenGraph.Node> nodes = new ArrayList<>();
        for (Node node : graph.nodes()) {
            places.put(node.id(), nodes.size());
            nodes.add(new TokenGraph.Node(
                    node.id(),
                    kind(node.kind()),
                    node.label(),
                    node.kind() == Kind.LOGIT ? layers.size() - 1 : node.layer() + 1,
                    node.position(),
                    node.kind() == Kind.LOGIT ? node.probability() : node.activation(),
                    node.influence(),
                    node.kind() == Kind.FEATURE ? node.layer() + "_" + node.index() : ""));
        }
        List<TokenGraph.Link> links = new ArrayList<>();
        for (Link link : graph.links()) {
            links.add(new TokenGraph.Link(
                    Objects.requireNonNull(places.get(link.source())),
                    Objects.requireNonNull(places.get(link.target())),
                    link.weight()));
        }
        Map<String, View> views = new LinkedHashMap<>();
        for (TokenGraph.Node node : nodes) { // cards of features that are not here would only make the page large
            Displayable card = cards.get(node.card());
            if (card != null) {
                views.put(node.card(), card.view());
            }
        }
        GraphJson.Metadata metadata = graph.metadata();
        return new TokenGraph(
                metadata.prompt(), metadata.slug(), metadata.promptTokens(), layers, nodes, links, marks(graph), views);
    }

    private static TokenGraph.Kind kind(Kind kind) {
        return switch (kind) {
            case FEATURE, LORSA -> TokenGraph.Kind.FEATURE;
            case ERROR, LORSA_ERROR -> TokenGraph.Kind.ERROR;
            case TOKEN -> TokenGraph.Kind.TOKEN;
            case LOGIT -> TokenGraph.Kind.OUTPUT;
            case BIAS -> TokenGraph.Kind.BIAS;
        };
    }

    private static TokenGraph.Marks marks(GraphJson graph) {
        Annotations from = graph.annotations();
        Map<String, String> labels = new LinkedHashMap<>();
        graph.nodes().forEach(node -> from.label(node).ifPresent(label -> labels.put(node.id(), label)));
        List<TokenGraph.Group> groups = from.supernodes().stream()
                .map(group -> new TokenGraph.Group(group.name(), group.ids()))
                .toList();
        return new TokenGraph.Marks(from.pinnedIds(), groups, labels, from.notes(), from.pruningThreshold());
    }

    /** Reads what the page of a graph exports: its slug and its annotations. */
    static Annotations annotations(GraphJson graph, String json) {
        try {
            JsonFields fields = JsonFields.of(JsonFields.DOCUMENT.readTree(json), "annotations");
            String slug = graph.metadata().slug();
            if (!fields.text("slug").equals(slug)) {
                throw new IllegalArgumentException("the annotations are of the graph '" + fields.text("slug")
                        + "', this one is '" + slug + "'; annotate the graph that was looked at");
            }
            return AnnotationFields.read(JsonFields.of(fields.get("qParams"), "qParams"));
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException(
                    "the annotations are no JSON: " + e.getOriginalMessage() + "; paste what 'copy JSON' gave", e);
        }
    }
}
