package dev.ariadne.circuit;

import dev.ariadne.circuit.Node.Kind;
import dev.ariadne.view.View;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** A circuit without dead ends as boxes and arrows, or as a matrix; what a head's queries, keys and values read is drawn at the head. */
final class CircuitPicture {
    private static final int MOST = 60; // arrows, above which a matrix is easier to read

    private final Circuit circuit;
    private final Map<Node, Map<Node, Arrow>> arrows = new TreeMap<>(); // sender to receiver
    private final boolean weighted;
    private final String title;

    CircuitPicture(Circuit whole) {
        this.circuit = whole.prune();
        int left = whole.edgeCount() - circuit.edgeCount();
        this.title = whole.title() + (left == 0 ? "" : "; not drawn: " + left + " in dead ends");
        this.weighted = circuit.effects().values().stream().anyMatch(effect -> !effect.isNaN());
        Fold fold = new Fold(circuit.graph(), circuit.edgeSet());
        circuit.effects().forEach((edge, effect) -> {
            for (Node to : edge.isDirect() ? List.<Node>of() : fold.of(edge.to())) {
                arrows.computeIfAbsent(edge.from(), node -> new TreeMap<>())
                        .merge(to, new Arrow(letter(edge.to().kind()), effect), Arrow::and);
            }
        });
    }

    /**
     * All edges from one part to another.
     *
     * @param letters which inputs of a head they end at
     * @param effect the one that is furthest from zero; NaN where none is known
     */
    record Arrow(String letters, double effect) {
        Arrow and(Arrow other) {
            boolean stronger = Double.isNaN(effect) || Math.abs(other.effect) > Math.abs(effect);
            String all = letters + other.letters;
            StringBuilder sorted = new StringBuilder();
            for (String letter : List.of("q", "k", "v")) {
                sorted.append(all.contains(letter) ? letter : "");
            }
            return new Arrow(sorted.toString(), stronger ? other.effect : effect);
        }

        int count() {
            return Math.max(1, letters.length());
        }
    }

    static String letter(Kind kind) {
        return switch (kind) {
            case QUERY -> "q";
            case KEY -> "k";
            case VALUE -> "v";
            case EMBED, POS_EMBED, HEAD, MLP, LOGITS -> "";
        };
    }

    View view() {
        long count = arrows.values().stream().mapToLong(Map::size).sum();
        return count > MOST ? matrix() : diagram();
    }

    View.Graph diagram() {
        List<String> rows = new ArrayList<>();
        List<View.Graph.Node> boxes = new ArrayList<>();
        for (Node node : circuit.nodes()) {
            String row = row(node);
            if (rows.isEmpty() || !rows.get(rows.size() - 1).equals(row)) {
                rows.add(row); // nodes come in the order of a forward pass
            }
            String name = node.toString();
            boxes.add(new View.Graph.Node(name, name, rows.size() - 1, node.head(), Double.NaN));
        }
        List<View.Graph.Edge> lines = new ArrayList<>();
        arrows.forEach((from, to) -> to.forEach((receiver, arrow) ->
                lines.add(new View.Graph.Edge(from.toString(), receiver.toString(), arrow.effect(), arrow.letters()))));
        return new View.Graph(title, "", rows, boxes, "", lines, weighted ? unit() : "");
    }

    private String unit() {
        return "effect of the strongest edge, " + circuit.provenance().unit();
    }

    private static String row(Node node) {
        return switch (node.kind()) {
            case EMBED, POS_EMBED -> "in";
            case QUERY, KEY, VALUE, HEAD -> "L" + node.layer() + " heads";
            case MLP -> "L" + node.layer() + " MLP";
            case LOGITS -> "out";
        };
    }

    View.HeatMap matrix() {
        List<Node> senders = List.copyOf(arrows.keySet());
        List<Node> receivers = arrows.values().stream()
                .flatMap(to -> to.keySet().stream())
                .distinct()
                .sorted(Comparator.naturalOrder())
                .toList();
        float[][] cells = new float[receivers.size()][senders.size()];
        List<List<String>> letters = new ArrayList<>();
        boolean negative = false;
        for (int r = 0; r < cells.length; r++) {
            List<String> texts = new ArrayList<>();
            for (int s = 0; s < cells[r].length; s++) {
                Map<Node, Arrow> to = arrows.getOrDefault(senders.get(s), new LinkedHashMap<>());
                Arrow arrow = to.get(receivers.get(r));
                if (arrow == null) {
                    cells[r][s] = weighted ? Float.NaN : 0;
                    texts.add("");
                } else {
                    cells[r][s] = weighted ? (float) arrow.effect() : arrow.count();
                    negative |= arrow.effect() < 0;
                    texts.add(arrow.letters());
                }
            }
            letters.add(texts);
        }
        View.HeatMap map = new View.HeatMap(
                title,
                "reads",
                receivers.stream().map(Node::toString).toList(),
                "writes",
                senders.stream().map(Node::toString).toList(),
                cells,
                weighted ? unit() : "edges",
                negative ? View.Scale.DIVERGING : View.Scale.SEQUENTIAL);
        return map.withTexts(letters);
    }
}
