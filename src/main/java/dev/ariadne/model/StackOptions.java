package dev.ariadne.model;

import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * Which part of the residual stream a stack is made of; set inside the call that makes it.
 *
 * <pre>{@code
 * cache.decomposeResid(o -> o.layer(3).pos(-1))
 * cache.accumulatedResid(o -> o.inclMid().applyLn())
 * cache.stackNeuronResults(o -> o.layers(2, 4).neurons(0, 100).pos(-1))
 * }</pre>
 *
 * <p>Names are TransformerLens's. An option that a stack does not have is refused.
 */
public final class StackOptions {
    private static final int END = Integer.MAX_VALUE;
    private static final long MOST_BYTES = 1L << 30;

    private final Set<String> given = new LinkedHashSet<>();
    private int fromLayer;
    private int layer = -1;
    private int fromPos;
    private int toPos = END;
    private int fromNeuron;
    private int toNeuron = END;
    private long maxBytes = MOST_BYTES;
    private String mode = "all";

    StackOptions() {}

    /**
     * Takes what is read by one layer: everything written before it.
     *
     * @param layer from 0; nLayers, or -1, is the unembedding, the default
     */
    public StackOptions layer(int layer) {
        this.layer = layer;
        return set("layer");
    }

    /**
     * Takes the heads or neurons of some layers only.
     *
     * @param from the first layer
     * @param to the layer after the last, or -1 for all the others
     */
    public StackOptions layers(int from, int to) {
        fromLayer = from;
        layer = to;
        return set("layers");
    }

    /** Takes what the layer's MLP reads instead of what its attention reads: the layer's attention is part of it. */
    public StackOptions mlpInput() {
        return set("mlpInput");
    }

    /** Takes the stream between attention and MLP, too. */
    public StackOptions inclMid() {
        return set("inclMid");
    }

    /**
     * Takes components of one kind only.
     *
     * @param mode "all", "attn" or "mlp"
     * @throws IllegalArgumentException when it is something else
     */
    public StackOptions mode(String mode) {
        if (!List.of("all", "attn", "mlp").contains(mode)) {
            throw new IllegalArgumentException("mode must be \"all\", \"attn\" or \"mlp\", got \"" + mode + "\"");
        }
        this.mode = mode;
        return set("mode");
    }

    /** Leaves out the embeddings. */
    public StackOptions exclEmbeds() {
        return set("exclEmbeds");
    }

    /** Takes an MLP as one component instead of its neurons. */
    public StackOptions wholeMlps() {
        return set("wholeMlps");
    }

    /** Adds a last component, "remainder": the rest of the stream. */
    public StackOptions inclRemainder() {
        return set("inclRemainder");
    }

    /**
     * Normalizes each component as the layer that reads the stack does, with the scale of the run; see {@link
     * ActivationCache#applyLnToStack(ResidStack)}.
     */
    public StackOptions applyLn() {
        return set("applyLn");
    }

    /**
     * Takes one position; its axis stays, with size 1.
     *
     * @param position from 0; negative counts from the end
     */
    public StackOptions pos(int position) {
        return pos(position, position == -1 ? END : position + 1);
    }

    /**
     * Takes some positions.
     *
     * @param from the first; negative counts from the end
     * @param to the position after the last; negative counts from the end
     */
    public StackOptions pos(int from, int to) {
        fromPos = from;
        toPos = to;
        return set("pos");
    }

    /**
     * Takes some neurons of each layer.
     *
     * @param from the first
     * @param to the neuron after the last
     */
    public StackOptions neurons(int from, int to) {
        fromNeuron = from;
        toNeuron = to;
        return set("neurons");
    }

    /**
     * Allows more memory, or less.
     *
     * @param maxBytes the most bytes the stack may take, by default 1 GiB; one that would take more is refused with its size
     */
    public StackOptions maxBytes(long maxBytes) {
        this.maxBytes = maxBytes;
        return set("maxBytes");
    }

    private StackOptions set(String name) {
        given.add(name);
        return this;
    }

    boolean has(String name) {
        return given.contains(name);
    }

    boolean takes(String kind) {
        return mode.equals("all") || mode.equals(kind);
    }

    /** Refuses what a kind of stack does not have; every kind has layer, applyLn, pos and maxBytes. */
    StackOptions only(String method, String... names) {
        Set<String> known = new LinkedHashSet<>(List.of("layer", "pos", "applyLn", "maxBytes"));
        known.addAll(List.of(names));
        for (String name : given) {
            if (!known.contains(name)) {
                throw new IllegalArgumentException(
                        method + " has no option '" + name + "'; it has " + String.join(", ", known));
            }
        }
        return this;
    }

    /** The layers, checked: the first, and the one after the last. */
    Range layers(ModelConfig config) {
        int to = layer == -1 ? config.nLayers() : layer;
        if (fromLayer < 0 || fromLayer > to || to > config.nLayers()) {
            throw new IllegalArgumentException("layers must be within 0 to " + config.nLayers()
                    + " (the unembedding, also written -1), got " + (fromLayer > 0 ? fromLayer + " to " : "") + layer);
        }
        if (has("mlpInput") && (to == config.nLayers() || config.attnOnly())) {
            throw new IllegalArgumentException(
                    config.attnOnly()
                            ? "mlpInput: this model has no MLPs; leave it out"
                            : "mlpInput needs a layer from 0 to " + (config.nLayers() - 1) + ", got " + to
                                    + "; the unembedding has no MLP");
        }
        return new Range(fromLayer, to);
    }

    Range positions(int count) {
        return Range.of("pos", fromPos, toPos, count);
    }

    Range neurons(int count) {
        return Range.of("neurons", fromNeuron, toNeuron, count);
    }

    long maxBytes() {
        return maxBytes;
    }

    /**
     * Some indices.
     *
     * @param from the first
     * @param to the one after the last
     */
    record Range(int from, int to) {
        private static Range of(String what, int from, int to, int count) {
            int first = from < 0 ? from + count : from;
            int end = to == END ? count : to < 0 ? to + count : to;
            if (first < 0 || first >= end || end > count) {
                throw new IllegalArgumentException(what + " must be within the " + count + " there are, got " + from
                        + (to == END ? "" : " to " + to) + "; negative ones count from the end");
            }
            return new Range(first, end);
        }

        int count() {
            return to - from;
        }
    }
}
