package dev.ariadne.display;

import dev.ariadne.display.Scene.Anchor;
import dev.ariadne.display.Scene.Area;
import dev.ariadne.display.Scene.Box;
import dev.ariadne.display.Scene.Curve;
import dev.ariadne.display.Scene.Font;
import dev.ariadne.display.Scene.Words;
import dev.ariadne.display.TokenGraphLayout.Span;
import dev.ariadne.view.TokenGraph;
import dev.ariadne.view.TokenGraph.Kind;
import dev.ariadne.view.TokenGraph.Link;
import dev.ariadne.view.TokenGraph.Node;
import java.awt.geom.Rectangle2D;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * Draws a graph by layer and token for a page: its strongest links, its nodes, and as many names as cover nothing. Kinds differ in shape,
 * signs in dashes, so that it reads without color.
 */
final class TokenGraphScene {
    private static final double PAGE = 860;
    private static final double ASPECT = 1.5;
    private static final double MOST_SCALE = 2.6;
    private static final int LINKS = 600;
    private static final int NAMES = 120;
    private static final double FONT = 10;
    private static final double LAYER = 90; // the widest name of a layer
    private static final int BAND = 0xF6F8FA;
    private static final int[] COLORS = {0x3F6FB5, 0x7A8490, 0x1A7F37, 0x8250DF, 0x9A6700, 0x3F6FB5, 0xC4C9D0
    }; // by kind

    private final TokenGraph graph;
    private final TokenGraphLayout layout;
    private final Scene scene = new Scene();
    private final double scale;
    private double left;
    private double top;

    private TokenGraphScene(TokenGraph graph) {
        this.graph = graph;
        this.layout = TokenGraphLayout.of(graph, ASPECT);
        this.scale = Math.max(1, Math.min(MOST_SCALE, PAGE / Math.max(1, layout.width())));
    }

    static Scene of(TokenGraph graph) {
        return new TokenGraphScene(graph).draw();
    }

    private Scene draw() {
        left = Scene.PAD
                + 6
                + graph.layers().stream()
                        .mapToDouble(layer -> Glyphs.width(layer(layer), FONT))
                        .reduce(0, Math::max);
        List<Link> links = TokenGraphText.strongest(graph, LINKS);
        String shown = links.size() < graph.links().size() ? ", the strongest " + LINKS + " drawn" : "";
        top = scene.heading(graph.title(), TokenGraphText.size(graph) + shown, PAGE);
        scene.include(left + layout.width() * scale + Scene.PAD, top + layout.height() * scale);
        axes();
        links(links);
        for (int i = 0; i < graph.nodes().size(); i++) {
            mark(x(i), y(i), layout.radius() * scale, graph.nodes().get(i).kind());
        }
        names();
        legend(links);
        return scene;
    }

    private double x(int node) {
        return left + scale * layout.x().get(node);
    }

    private double y(int node) {
        return top + scale * layout.y().get(node);
    }

    private static String layer(String name) {
        return Glyphs.shorten(Glyphs.visible(name), LAYER, FONT);
    }

    private void axes() {
        double width = layout.width() * scale;
        double bottom = top + layout.height() * scale;
        double last = Double.POSITIVE_INFINITY;
        for (int r = 0; r < layout.rows().size(); r++) {
            Span row = layout.rows().get(r);
            double y = top + scale * row.start();
            if (r % 2 == 1) {
                scene.add(new Box(left, y, width, scale * row.size(), BAND));
            }
            double middle = y + scale * row.size() / 2 + FONT * 0.36;
            if (last - middle >= FONT * 1.1) {
                Font font = Font.of(FONT, Scene.FAINT);
                scene.add(new Words(left - 6, middle, layer(graph.layers().get(r)), font, Anchor.END, 0));
                last = middle;
            }
        }
        double low = bottom;
        for (int c = 0; c < layout.columns().size(); c++) {
            Span column = layout.columns().get(c);
            double x = left + scale * column.start();
            scene.add(new Box(x, top, 0.5, bottom - top, Scene.RULE));
            String token = Glyphs.visible(graph.tokens().get(c));
            double room = scale * column.size() - 2;
            double middle = x + scale * column.size() / 2;
            Font font = Font.of(FONT, Scene.INK);
            if (Glyphs.width(token, FONT) <= room) {
                scene.add(new Words(middle, bottom + FONT * 1.4, token, font, Anchor.MIDDLE, 0));
                low = Math.max(low, bottom + FONT * 1.6);
            } else if (room >= FONT) {
                String text = Glyphs.shorten(token, LAYER, FONT);
                scene.add(new Words(middle + FONT * 0.36, bottom + 4, text, font, Anchor.END, -90));
                low = Math.max(low, bottom + 8 + Glyphs.width(text, FONT));
            }
        }
        scene.include(left + width + Scene.PAD, low);
    }

    /** The weakest first, so that the strongest lie on top. */
    private void links(List<Link> links) {
        double strongest = links.isEmpty() ? 1 : Math.abs(links.get(0).weight());
        for (int i = links.size() - 1; i >= 0; i--) {
            Link link = links.get(i);
            double share = strongest == 0 ? 0 : Math.abs(link.weight()) / strongest;
            int color = link.weight() < 0 ? TableScene.ORANGE : TableScene.BLUE;
            int tint = Tint.mix(Tint.WHITE, color, 0.25 + 0.75 * Math.sqrt(share));
            double fromX = x(link.from());
            double toX = x(link.to());
            double middle = (y(link.from()) + y(link.to())) / 2;
            scene.add(new Curve(
                    List.of(fromX, y(link.from()), fromX, middle, toX, middle, toX, y(link.to())),
                    tint,
                    0.4 + 2.6 * share,
                    link.weight() < 0));
        }
    }

    private void mark(double x, double y, double r, Kind kind) {
        int color = COLORS[kind.ordinal()];
        if (kind == Kind.FEATURE || kind == Kind.CHANNEL || kind == Kind.AT_REST) {
            List<Double> points = new ArrayList<>();
            for (int i = 0; i < 12; i++) {
                points.add(x + r * Math.cos(Math.PI * i / 6));
                points.add(y + r * Math.sin(Math.PI * i / 6));
            }
            scene.add(new Area(points, color));
        } else if (kind == Kind.ERROR) {
            scene.add(new Area(List.of(x, y - r, x + r, y, x, y + r, x - r, y), color));
        } else {
            scene.add(new Box(x - r, y - r, 2 * r, 2 * r, color));
        }
    }

    /** First what the reader marked, then outputs, then what influences most. */
    private void names() {
        Set<String> marked = new HashSet<>(graph.marks().pinned());
        graph.marks().groups().forEach(group -> marked.addAll(group.ids()));
        List<Integer> order = IntStream.range(0, graph.nodes().size())
                .filter(i -> !graph.name(node(i)).equals(node(i).id()))
                .filter(i -> node(i).kind() != Kind.TOKEN && node(i).kind() != Kind.AT_REST) // the axis names tokens
                .boxed()
                .sorted(Comparator.<Integer>comparingInt(
                                i -> marked.contains(node(i).id()) ? 0 : node(i).kind() == Kind.OUTPUT ? 1 : 2)
                        .thenComparingDouble(i -> node(i).influence()))
                .toList();
        List<Rectangle2D> taken = new ArrayList<>();
        double r = layout.radius() * scale;
        for (int i = 0; i < graph.nodes().size(); i++) {
            taken.add(new Rectangle2D.Double(x(i) - r, y(i) - r, 2 * r, 2 * r));
        }
        int nodes = taken.size();
        for (int i : order.subList(0, Math.min(order.size(), 5 * NAMES))) {
            if (taken.size() == nodes + NAMES) {
                break;
            }
            String name = Glyphs.shorten(Glyphs.visible(graph.name(node(i))), 2 * LAYER, FONT);
            double width = Glyphs.width(name, FONT);
            double x = Math.min(x(i) + r + 3, scene.width() - Scene.PAD - width);
            var box = new Rectangle2D.Double(x, y(i) - FONT * 0.6, width, FONT * 1.2);
            var above =
                    new Rectangle2D.Double(Math.max(left, x(i) - width / 2), y(i) - r - FONT * 1.25, width, FONT * 1.2);
            for (Rectangle2D place : List.of(box, above)) {
                if (taken.stream().noneMatch(place::intersects) && place.getMaxX() < scene.width()) {
                    taken.add(place);
                    scene.text(place.getX(), place.getY() + FONT * 0.95, name, Font.of(FONT, Scene.INK));
                    break;
                }
            }
        }
    }

    private Node node(int i) {
        return graph.nodes().get(i);
    }

    private void legend(List<Link> links) {
        double y = scene.height() + FONT * 1.2;
        double x = left;
        for (Kind kind : Kind.values()) {
            if (graph.nodes().stream().anyMatch(node -> node.kind() == kind)) {
                String name = TokenGraphText.name(kind);
                mark(x + 5, y - FONT * 0.36, 4, kind);
                scene.text(x + 13, y, name, Font.of(FONT, Scene.FAINT));
                x += 25 + Glyphs.width(name, FONT);
            }
        }
        if (!links.isEmpty()) {
            String words = "lines: solid pushes up, dashed pushes down, wider is stronger (widest "
                    + Numbers.format(links.get(0).weight()) + ")";
            if (x + Glyphs.width(words, FONT) > Math.max(PAGE, scene.width())) {
                x = left;
                y += FONT * 1.5;
            }
            scene.text(x, y, words, Font.of(FONT, Scene.FAINT));
            x += Glyphs.width(words, FONT);
        }
        scene.include(x + Scene.PAD, y + Scene.PAD);
    }
}
