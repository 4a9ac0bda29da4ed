package dev.ariadne.sparse;

import dev.ariadne.model.ModelConfig;
import dev.ariadne.view.View;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/** What there is to see of a circuit: the way from tokens to tokens, and the numbers. */
final class SparseCircuitPicture {
    private static final int TOKENS = 4; // shown per channel
    private static final double LEAST = 0.2; // of the strongest token's weight, to be shown

    private final SparseCircuit circuit;
    private final Wiring wiring;
    private final ModelConfig c;
    private final List<String> rows = new ArrayList<>();
    private final Map<String, View.Graph.Node> nodes = new LinkedHashMap<>();
    private final List<View.Graph.Edge> edges = new ArrayList<>();

    SparseCircuitPicture(SparseCircuit circuit) {
        this.circuit = circuit;
        this.wiring = circuit.pruner().wiring();
        this.c = wiring.c;
    }

    View view() {
        List<View> panels = new ArrayList<>();
        panels.add(graph());
        panels.add(new View.Facts("", facts()));
        panels.add(curve());
        return new View.Panels(circuit.toString(), panels);
    }

    private Map<String, String> facts() {
        PruneConfig config = circuit.pruner().config();
        Map<String, String> facts = new LinkedHashMap<>();
        facts.put("loss", String.format(Locale.ROOT, "%.3f nats (target %.3f)", circuit.loss(), config.target()));
        facts.put("without scale and shift", String.format(Locale.ROOT, "%.3f nats", circuit.plainLoss()));
        facts.put("scale and shift", circuit.calibration().toString());
        facts.put("channels of the stream", circuit.streamChannels().toString());
        facts.put("heads", String.join(", ", circuit.heads()));
        facts.put("ranked by", circuit.making().method());
        facts.put("what is off has", config.ablation().name().toLowerCase(Locale.ROOT));
        return facts;
    }

    private View curve() {
        List<View.Bar> bars = circuit.lossByChannels().entrySet().stream()
                .map(point -> new View.Bar(Integer.toString(point.getKey()), point.getValue()))
                .toList();
        return new View.Bars("loss of the first channels of the ranking", "channels", "nats", bars);
    }

    /** From the tokens that write a channel of the stream, through heads and neurons, to the tokens that a channel votes for. */
    View.Graph graph() {
        List<Channel> channels = circuit.channels();
        rows.add("tokens read");
        for (int layer = 0; layer < c.nLayers(); layer++) {
            for (Place place : Place.values()) {
                rows.add(layer + " " + place.what());
            }
        }
        rows.add("tokens next");
        for (Channel channel : channels) {
            add(channel.toString(), Integer.toString(channel.index()), row(channel));
        }
        for (Connection weight : circuit.connections()) {
            edges.add(new View.Graph.Edge(weight.from().toString(), weight.to().toString(), weight.weight()));
        }
        joinStream(channels);
        return new View.Graph(
                "circuit",
                "place",
                rows,
                List.copyOf(nodes.values()),
                "",
                edges.stream().distinct().toList(),
                "weight");
    }

    private int row(Channel channel) {
        return 1 + channel.layer() * Place.COUNT + channel.place().ordinal();
    }

    private void add(String id, String label, int row) {
        nodes.putIfAbsent(id, new View.Graph.Node(id, label, row, nodes.size(), Double.NaN));
    }

    /** The stream adds up: who writes a channel is read by all who read it later, and by the unembedding. */
    private void joinStream(List<Channel> channels) {
        for (Channel reader : channels) {
            if (reader.place() == Place.ATTN_IN || reader.place() == Place.MLP_IN) {
                for (Channel writer : channels) {
                    boolean writes = writer.place() == Place.ATTN_OUT || writer.place() == Place.MLP_OUT;
                    if (writes && writer.index() == reader.index() && writer.compareTo(reader) < 0) {
                        edges.add(new View.Graph.Edge(writer.toString(), reader.toString(), Double.NaN));
                    }
                }
                for (int token :
                        strongest(wiring.embed, reader.index(), circuit.task().tokens())) {
                    String id = "read " + token;
                    add(id, circuit.pruner().piece(token), 0);
                    double weight = wiring.embed[token][reader.index()];
                    edges.add(new View.Graph.Edge(id, reader.toString(), weight));
                }
            }
        }
        Set<Integer> answers = circuit.task().answers();
        for (Channel writer : channels) {
            if (writer.place() == Place.ATTN_OUT || writer.place() == Place.MLP_OUT) {
                for (int token : strongest(wiring.unembed, writer.index(), answers)) {
                    String id = "predicted " + token;
                    add(id, circuit.pruner().piece(token), rows.size() - 1);
                    double weight = wiring.unembed[token][writer.index()];
                    edges.add(new View.Graph.Edge(writer.toString(), id, weight));
                }
            }
        }
    }

    /** Of some tokens, those with the largest entries in a channel's column of a table, none that are zero. */
    static List<Integer> strongest(float[][] table, int channel, Collection<Integer> some) {
        double most = some.stream()
                .mapToDouble(t -> Math.abs(table[t][channel]))
                .max()
                .orElse(0);
        return some.stream()
                .filter(t -> table[t][channel] != 0 && Math.abs(table[t][channel]) >= LEAST * most)
                .sorted(Comparator.comparingDouble(t -> -Math.abs(table[t][channel])))
                .limit(TOKENS)
                .toList();
    }
}
