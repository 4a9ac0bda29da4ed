package dev.ariadne.sparse;

import dev.ariadne.sparse.PartRun.Absent;
import dev.ariadne.view.View;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.Collectors;

/** What there is to know of one channel of a circuit. */
final class ChannelCard {
    private final SparseCircuit circuit;
    private final Channel channel;
    private final Wiring wiring;
    private final int number;

    ChannelCard(SparseCircuit circuit, Channel channel) {
        this.circuit = circuit;
        this.channel = channel;
        this.wiring = circuit.pruner().wiring();
        this.number = wiring.number(channel);
        if (!circuit.part().channels()[number]) {
            throw new IllegalArgumentException(
                    channel + " is not in the circuit; its channels are " + circuit.channels());
        }
    }

    View view(Pair pair) {
        circuit.pruner().requireReadable(pair.first());
        circuit.pruner().requireReadable(pair.second());
        PartRun run = new PartRun(
                wiring, circuit.part(), Absent.constant(circuit.pruner().stand()));
        List<String> pieces = new ArrayList<>();
        List<Double> values = new ArrayList<>();
        for (long[] prompt : List.of(pair.first(), pair.second())) {
            Arrays.stream(prompt).mapToObj(circuit.pruner()::piece).forEach(pieces::add);
            pieces.set(pieces.size() - 1, pieces.get(pieces.size() - 1) + "\n"); // one color scale for both
            Arrays.stream(run.values(prompt)).forEach(at -> values.add(at[number]));
        }
        double[] all = values.stream().mapToDouble(value -> value).toArray();
        return new View.Panels(
                channel + ", " + channel.place().what(),
                List.of(new View.Facts("", facts()), new View.Tokens("", pieces, all, "value in the circuit")));
    }

    private Map<String, String> facts() {
        Map<String, String> facts = new LinkedHashMap<>();
        facts.put("name", channel.inHead(wiring.c.dHead()));
        facts.put(
                "mean over texts",
                String.format(Locale.ROOT, "%.3g", circuit.pruner().means()[number]));
        facts.put("bias", String.format(Locale.ROOT, "%.3g", wiring.bias[number]));
        weights(facts, "reads", weight -> weight.to().equals(channel), Connection::from);
        weights(facts, "is read by", weight -> weight.from().equals(channel), Connection::to);
        Place place = channel.place();
        if (place == Place.ATTN_IN || place == Place.MLP_IN) {
            facts.put("tokens that write it", tokens(wiring.embed));
        } else if (place == Place.ATTN_OUT || place == Place.MLP_OUT) {
            facts.put("tokens it votes for", tokens(wiring.unembed));
        }
        return facts;
    }

    private void weights(
            Map<String, String> facts, String what, Predicate<Connection> mine, Function<Connection, Channel> other) {
        String all = circuit.connections().stream()
                .filter(mine)
                .map(weight -> String.format(Locale.ROOT, "%s (%+.3g)", other.apply(weight), weight.weight()))
                .collect(Collectors.joining(", "));
        if (!all.isEmpty()) {
            facts.put(what, all);
        }
    }

    private String tokens(float[][] table) {
        List<Integer> all = new ArrayList<>();
        for (int token = 0; token < table.length; token++) {
            all.add(token);
        }
        return SparseCircuitPicture.strongest(table, channel.index(), all).stream()
                .map(token -> String.format(
                        Locale.ROOT, "%s (%+.3g)", circuit.pruner().piece(token), table[token][channel.index()]))
                .collect(Collectors.joining(", "));
    }
}
