package dev.ariadne.sparse;

import dev.ariadne.circuit.Circuit;
import dev.ariadne.circuit.Granularity;
import dev.ariadne.sparse.Judge.Verdict;
import dev.ariadne.view.Citation;
import dev.ariadne.view.Displayable;
import dev.ariadne.view.TokenGraph;
import dev.ariadne.view.View;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;

/**
 * The channels and weights of a model that are enough for a task. Everything else is held at its mean, the same at all positions of all prompts;
 * embedding, unembedding, biases and the stream are always there, and are not counted.
 */
public final class SparseCircuit implements Displayable {
    static final String METHOD = "pruning of weights";

    private final CircuitPruner pruner;
    private final PairTask task;
    private final Part part;
    private final Making making;
    private final Verdict verdict;

    /**
     * How a circuit was made.
     *
     * @param method what ranked its channels
     * @param minimal whether no channel and no weight of it can be spared
     * @param curve the loss, in nats, for each number of channels that came first in the ranking, all weights between them on
     */
    record Making(String method, boolean minimal, Map<Integer, Double> curve) {
        Making {
            curve = Collections.unmodifiableMap(new TreeMap<>(curve));
        }
    }

    SparseCircuit(CircuitPruner pruner, PairTask task, Part part, Making making) {
        this.pruner = pruner;
        this.task = task;
        this.part = part.copy();
        this.making = making;
        this.verdict = pruner.judge(task.pairs()).of(part);
    }

    Part part() {
        return part.copy();
    }

    Making making() {
        return making;
    }

    CircuitPruner pruner() {
        return pruner;
    }

    /** The task it was cut out for. */
    public PairTask task() {
        return task;
    }

    /** The channels, in the order of the forward pass. */
    public List<Channel> channels() {
        return IntStream.range(0, part.channels().length)
                .filter(i -> part.channels()[i])
                .mapToObj(pruner.wiring()::channel)
                .toList();
    }

    /** The weights between them that are on. */
    public List<Connection> connections() {
        Wiring wiring = pruner.wiring();
        return IntStream.range(0, wiring.edges())
                .filter(e -> part.has(wiring, e))
                .mapToObj(wiring::connection)
                .toList();
    }

    /** How many channels: the nodes of the published counts. */
    public int channelCount() {
        return part.channelCount();
    }

    /** How many weights: the edges of the published counts. */
    public int edgeCount() {
        return part.edgeCount(pruner.wiring());
    }

    /** The channels of the stream that it reads or writes, rising. */
    public List<Integer> streamChannels() {
        return channels().stream()
                .filter(channel -> !channel.place().inHead() && channel.place() != Place.NEURON)
                .map(Channel::index)
                .distinct()
                .sorted()
                .toList();
    }

    /** The heads it uses, as in {@code a0.h2}: those with a value in it. */
    public List<String> heads() {
        int dHead = pruner.wiring().c.dHead();
        return channels().stream()
                .filter(channel -> channel.place() == Place.V)
                .map(channel -> "a" + channel.layer() + ".h" + channel.index() / dHead)
                .distinct()
                .toList();
    }

    /** The loss on the pairs it was cut out on, in nats, after scale and shift. */
    public double loss() {
        return verdict.loss();
    }

    /** The same without scale and shift. */
    public double plainLoss() {
        return verdict.plainLoss();
    }

    /** The line that its logit differences are laid on. */
    public Calibration calibration() {
        return verdict.calibration();
    }

    /** Whether no channel and no weight can go without the loss rising above the target; not so when time ran out. */
    public boolean isMinimal() {
        return making.minimal();
    }

    /** The loss, in nats, for each number of channels that came first in the ranking. */
    public Map<Integer, Double> lossByChannels() {
        return making.curve();
    }

    /** Asks whether the circuit is to be believed: on unseen pairs, without it, beside random ones, on labels and weights without meaning. */
    public Verification verify() {
        return Verification.of(this);
    }

    /**
     * The circuit in the graph that ACDC and attribution search: an edge from each head or MLP to each other that reads a channel of the stream
     * which it writes, by weights that are on. Its metric is not measured; an {@link dev.ariadne.circuit.EdgePatcher} does that.
     */
    public Circuit betweenHeads(Granularity granularity) {
        return HeadsAndMlps.of(this, granularity);
    }

    /**
     * The circuit at work on a prompt: a column per token, a row per place, a node per channel and token, gray where it is about at its mean;
     * links are what one channel's difference from its mean brings another.
     *
     * @param prompt token ids
     * @throws IllegalArgumentException when the model cannot read them
     */
    public TokenGraph on(long... prompt) {
        return new SparseCircuitTrace(this, prompt).view();
    }

    /**
     * What one channel does: who writes and reads it, which tokens, and its value at each token of a pair of prompts.
     *
     * @param pair whose two prompts it is shown on
     */
    public View card(Channel channel, Pair pair) {
        return new ChannelCard(this, channel).view(pair);
    }

    /**
     * What a write-up needs to name this circuit: how it was cut out, of which model, and the paper of the method.
     *
     * @throws IllegalStateException when the model is closed: the hash of its weights is computed here, once for a model
     */
    public Citation cite() {
        PruneConfig config = pruner.config();
        Map<String, String> facts = new LinkedHashMap<>();
        facts.put("circuit", channelCount() + " channels, " + edgeCount() + " weights");
        facts.put("task", task.name());
        facts.put("loss", String.format(Locale.ROOT, "%.4f nats, %.4f without scale and shift", loss(), plainLoss()));
        facts.put("model", pruner.model().name());
        facts.put("weights (SHA-256)", pruner.model().weights().sha256());
        facts.put("method", METHOD + ", " + making.method() + (isMinimal() ? ", minimal" : ""));
        facts.put("ablation", config.ablation().name().toLowerCase(Locale.ROOT));
        facts.put("target", config.target() + " nats");
        facts.put("largest scale", config.calibrate() ? Double.toString(config.mostScale()) : "1, not calibrated");
        facts.put("seed", Long.toString(config.seed()));
        facts.put("version", Citation.libraryVersion());
        return new Citation("How to cite: " + this, facts, Citation.Paper.of(METHOD));
    }

    /** Writes the circuit as JSON; the file appears when it is whole. */
    public void save(Path file) throws IOException {
        SparseCircuitJson.write(this, file);
    }

    /**
     * Reads what {@link #save} wrote.
     *
     * @param pruner of the model it was cut out of
     * @param task the one it was cut out for
     * @throws IOException when the file cannot be read, is no circuit, or is of another model or task
     */
    public static SparseCircuit read(Path file, CircuitPruner pruner, PairTask task) throws IOException {
        return SparseCircuitJson.read(file, pruner, task);
    }

    /**
     * The graph alone, for {@code Display.save(circuit.diagram(), Path.of("circuit.dot"))}: from tokens through channels to tokens; weights at the
     * edges, NaN where a channel of the stream is only passed on.
     */
    public View.Graph diagram() {
        return new SparseCircuitPicture(this).graph();
    }

    @Override
    public View view() {
        return new SparseCircuitPicture(this).view();
    }

    @Override
    public String toString() {
        return String.format(
                Locale.ROOT,
                "%s on %s: %d channels, %d weights, loss %.3f nats%s",
                task.name(),
                pruner.model().name(),
                channelCount(),
                edgeCount(),
                loss(),
                isMinimal() ? "" : ", perhaps not minimal");
    }
}
