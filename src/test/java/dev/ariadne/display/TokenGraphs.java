package dev.ariadne.display;

import dev.ariadne.view.TokenGraph;
import dev.ariadne.view.TokenGraph.Kind;
import dev.ariadne.view.TokenGraph.Link;
import dev.ariadne.view.TokenGraph.Marks;
import dev.ariadne.view.TokenGraph.Node;
import dev.ariadne.view.View;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;

/** Graphs by layer and token to draw. */
final class TokenGraphs {
    static final String HOSTILE =
            "</script><script>document.title='gone'</script><img src=x onerror=\"document.title='gone'\">&'\"\u202E";

    private TokenGraphs() {}

    /** Five nodes: two tokens, two features of one cell, an output; one negative link; hostile text wherever there is text. */
    static TokenGraph small() {
        List<Node> nodes = List.of(
                new Node("E_5_0", Kind.TOKEN, "", 0, 0, Double.NaN, 0.2, ""),
                new Node("E_6_1", Kind.TOKEN, HOSTILE, 0, 1, Double.NaN, 0.3, ""),
                new Node("0_7_1", Kind.FEATURE, "Texas", 1, 1, 2.5, 0.6, "0_7"),
                new Node("0_8_1", Kind.FEATURE, HOSTILE, 1, 1, 1.5, 0.5, ""),
                new Node("3_9_1", Kind.OUTPUT, "Output \" Austin\" (p=0.450)", 2, 1, 0.45, Double.NaN, ""));
        List<Link> links = List.of(
                new Link(0, 2, 0.5), new Link(1, 3, -3), new Link(2, 4, 2), new Link(3, 4, 1), new Link(1, 4, 0.25));
        Marks marks = new Marks(
                List.of("3_9_1", "nobody"),
                List.of(new TokenGraph.Group(HOSTILE, List.of("0_7_1"))),
                Map.of("0_7_1", "capital & state"),
                Map.of("0_7_1", HOSTILE),
                Double.NaN);
        View card = new View.Tokens("", List.of(" in", HOSTILE), new double[] {0, 2}, "activation");
        return new TokenGraph(
                HOSTILE,
                "small",
                List.of("<bos>", HOSTILE),
                List.of("tokens", "layer 0", "output"),
                nodes,
                links,
                marks,
                Map.of("0_7", card));
    }

    static TokenGraph random(int size, int layers, int tokens, long seed) {
        Random random = new Random(seed);
        List<Node> nodes = new ArrayList<>();
        for (int i = 0; i < size; i++) {
            int row = 1 + random.nextInt(layers);
            int column = (int) Math.max(0, tokens - 1 - Math.abs(random.nextGaussian()) * tokens / 3);
            Kind kind = random.nextInt(9) == 0 ? Kind.ERROR : Kind.FEATURE;
            String label = random.nextInt(3) == 0 ? "label " + random.nextInt(50) : "";
            nodes.add(new Node("n" + i, kind, label, row, column, random.nextDouble(), random.nextDouble() * 0.8, ""));
        }
        Set<Long> pairs = new LinkedHashSet<>();
        List<Link> links = new ArrayList<>();
        for (int i = 0; i < 13 * size; i++) { // about half of the pairs go up
            int from = random.nextInt(size);
            int to = random.nextInt(size);
            if (nodes.get(from).row() < nodes.get(to).row() && pairs.add((long) from << 32 | to)) {
                links.add(new Link(from, to, random.nextGaussian()));
            }
        }
        return new TokenGraph(
                "random",
                "random-" + size,
                IntStream.range(0, tokens).mapToObj(i -> " token" + i).toList(),
                IntStream.range(0, layers + 1).mapToObj(i -> "layer " + i).toList(),
                nodes,
                links,
                Marks.NONE,
                Map.of());
    }
}
