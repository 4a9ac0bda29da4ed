package dev.ariadne.sparse;

import dev.ariadne.sparse.PartRun.Absent;
import dev.ariadne.view.TokenGraph;
import dev.ariadne.view.TokenGraph.Kind;
import dev.ariadne.view.TokenGraph.Link;
import dev.ariadne.view.TokenGraph.Marks;
import dev.ariadne.view.TokenGraph.Node;
import dev.ariadne.view.View;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * A circuit at work on one prompt, as the published circuits are drawn: a column per token, the places of the blocks from below upward. What a
 * link brings is measured from means: weight · (source − its mean); along a channel of the stream, what the writer adds to it beyond its mean.
 */
final class SparseCircuitTrace {
    private static final double REST =
            0.1; // of the channel's largest difference from its mean, below which it is at rest
    private static final double FAINT = 0.02; // of the strongest link, below which none is drawn

    private final SparseCircuit circuit;
    private final Wiring wiring;
    private final long[] prompt;
    private final double[][] values; // [pos][channel]
    private final double[] means;
    private final PartRun run;
    private final List<Channel> channels;
    private final List<Node> nodes = new ArrayList<>();
    private final Map<String, Integer> places = new HashMap<>();
    private final List<Link> links = new ArrayList<>();
    private final List<Channel> rows; // one channel for each place that has some

    SparseCircuitTrace(SparseCircuit circuit, long[] prompt) {
        this.circuit = circuit;
        this.prompt = prompt;
        this.wiring = circuit.pruner().wiring();
        this.means = circuit.pruner().stand();
        this.channels = circuit.channels();
        circuit.pruner().requireReadable(prompt);
        this.run = new PartRun(wiring, circuit.part(), Absent.constant(means));
        this.values = run.values(prompt);
        this.rows = channels.stream()
                .map(channel -> new Channel(channel.layer(), channel.place(), 0))
                .distinct()
                .toList();
    }

    TokenGraph view() {
        List<String> layers = new ArrayList<>(List.of("tokens"));
        rows.forEach(
                channel -> layers.add(channel.layer() + " " + channel.place().what()));
        layers.add("votes");
        List<String> pieces =
                Arrays.stream(prompt).mapToObj(circuit.pruner()::piece).toList();
        addNodes(pieces);
        circuit.connections().forEach(this::link);
        channels.forEach(this::stream);
        double least = FAINT
                * links.stream().mapToDouble(l -> Math.abs(l.weight())).max().orElse(0);
        Map<String, View> cards = new LinkedHashMap<>();
        Pair pair = circuit.task().pairs().get(0);
        channels.forEach(channel -> cards.put(channel.toString(), circuit.card(channel, pair)));
        return new TokenGraph(
                circuit.task().name() + ": " + String.join(" ", pieces),
                circuit.task().name(),
                pieces,
                layers,
                nodes,
                links.stream().filter(link -> Math.abs(link.weight()) > least).toList(),
                Marks.NONE,
                cards);
    }

    private void addNodes(List<String> pieces) {
        for (int t = 0; t < prompt.length; t++) {
            add("token@" + t, Kind.TOKEN, pieces.get(t), 0, t, Double.NaN, "");
        }
        for (Channel channel : channels) {
            int number = wiring.number(channel);
            double most = 0;
            for (double[] at : values) {
                most = Math.max(most, Math.abs(at[number] - means[number]));
            }
            for (int t = 0; t < prompt.length; t++) {
                boolean rests = !(Math.abs(values[t][number] - means[number]) > REST * most);
                int row = 1 + rows.indexOf(new Channel(channel.layer(), channel.place(), 0));
                Kind kind = rests ? Kind.AT_REST : Kind.CHANNEL;
                String label = Integer.toString(channel.index());
                add(channel + "@" + t, kind, label, row, t, values[t][number], channel.toString());
            }
        }
        for (int answer : circuit.task().answers()) {
            int last = prompt.length - 1;
            add("answer " + answer, Kind.OUTPUT, circuit.pruner().piece(answer), 1 + rows.size(), last, Double.NaN, "");
        }
    }

    private void add(String id, Kind kind, String label, int row, int t, double value, String card) {
        places.put(id, nodes.size());
        nodes.add(new Node(id, kind, label, row, t, value, Double.NaN, card));
    }

    private void link(String from, String to, double weight) {
        if (weight != 0) {
            links.add(
                    new Link(Objects.requireNonNull(places.get(from)), Objects.requireNonNull(places.get(to)), weight));
        }
    }

    /** What a weight brings, at each token; for what attention writes, from each token that it takes values from. */
    private void link(Connection weight) {
        int source = wiring.number(weight.from());
        for (int t = 0; t < prompt.length; t++) {
            if (weight.to().place() != Place.ATTN_OUT) {
                link(
                        weight.from() + "@" + t,
                        weight.to() + "@" + t,
                        weight.weight() * (values[t][source] - means[source]));
                continue;
            }
            double[] pattern = run.pattern(weight.from().layer(), weight.from().index() / wiring.c.dHead(), t);
            for (int s = 0; s <= t; s++) {
                double brought = weight.weight() * pattern[s] * (values[s][source] - means[source]);
                link(weight.from() + "@" + s, weight.to() + "@" + t, brought);
            }
        }
    }

    /** The stream: who writes a channel is read by all who read it later, at the same token. */
    private void stream(Channel channel) {
        int number = wiring.number(channel);
        boolean reads = channel.place() == Place.ATTN_IN || channel.place() == Place.MLP_IN;
        boolean writes = channel.place() == Place.ATTN_OUT || channel.place() == Place.MLP_OUT;
        for (int t = 0; t < prompt.length && reads; t++) {
            link("token@" + t, channel + "@" + t, wiring.embed[(int) prompt[t]][channel.index()]);
        }
        for (Channel reader : channels) {
            boolean later = reader.place() == Place.ATTN_IN || reader.place() == Place.MLP_IN;
            if (writes && later && reader.index() == channel.index() && channel.compareTo(reader) < 0) {
                for (int t = 0; t < prompt.length; t++) {
                    link(channel + "@" + t, reader + "@" + t, values[t][number] - means[number]);
                }
            }
        }
        int last = prompt.length - 1;
        for (int answer : writes ? circuit.task().answers() : List.<Integer>of()) {
            double vote = wiring.unembed[answer][channel.index()] * (values[last][number] - means[number]);
            link(channel + "@" + last, "answer " + answer, vote);
        }
    }
}
