package dev.ariadne.sparse;

import dev.ariadne.model.HookedTransformer;
import dev.ariadne.model.ModelConfig;
import dev.ariadne.model.ModelConfig.Activation;
import dev.ariadne.model.ModelConfig.Norm;
import dev.ariadne.model.ModelConfig.Positions;
import dev.ariadne.model.Weight;
import java.util.zip.CRC32;

/** A model's weights as a list of edges between numbered channels, and the tables before and behind them: what pruning computes with. */
final class Wiring {
    final ModelConfig c;
    final int channels;
    private final int[] first; // [layer · places + place], the number of the first channel there

    /** Edges in the order of the channels they write: those into channel i are into[i] to into[i + 1]. */
    final int[] into;

    final int[] from; // [edge]
    final int[] to; // [edge]
    final float[] weight; // [edge], none is 0
    final float[] bias; // [channel], 0 where there is none
    final float[][] embed; // [dVocab, dModel]
    final float[][] positions; // [nCtx, dModel], or none
    final float[][] unembed; // [dVocabOut, dModel]
    final float[] unembedBias; // [dVocabOut]
    final float[][] bigrams; // [dVocab, dVocabOut], or none
    final float[][] sinks; // [layer][head], or none
    final long checksum; // of all of it

    /**
     * Reads a model.
     *
     * @throws IllegalArgumentException when the model is of another kind than those circuits are cut out of
     */
    Wiring(HookedTransformer model) {
        this.c = model.config();
        refuse(model);
        this.first = new int[c.nLayers() * Place.COUNT];
        int count = 0;
        for (int i = 0; i < first.length; i++) {
            first[i] = count;
            count += Place.values()[i % Place.COUNT].width(c);
        }
        this.channels = count;
        this.bias = new float[channels];
        Reader reader = new Reader(model);
        this.embed = rows(reader.read("embed.W_E"), c.dModel());
        this.positions =
                c.positions() == Positions.LEARNED ? rows(reader.read("pos_embed.W_pos"), c.dModel()) : new float[0][];
        this.unembed = transposed(reader.read("unembed.W_U"), c.dVocabOut());
        this.unembedBias = reader.read("unembed.b_U");
        this.bigrams = c.extras().bigrams() ? rows(reader.read("unembed.W_bigrams"), c.dVocabOut()) : new float[0][];
        this.sinks = new float[c.extras().sinks() ? c.nLayers() : 0][];
        float[][][] matrices = new float[first.length][][]; // [layer · places + place of the output][out][in]
        for (int layer = 0; layer < c.nLayers(); layer++) {
            read(reader, layer, matrices);
        }
        this.checksum = reader.checksum.getValue();
        int edges = 0;
        for (float[][] matrix : matrices) {
            edges += matrix == null ? 0 : nonzeros(matrix);
        }
        this.into = new int[channels + 1];
        this.from = new int[edges];
        this.to = new int[edges];
        this.weight = new float[edges];
        number(matrices);
    }

    private static void refuse(HookedTransformer model) {
        ModelConfig c = model.config();
        String why = c.norm() != Norm.RMS_PRE
                ? "its norm is " + c.norm() + ", not RMS_PRE" + (c.norm() == Norm.RMS ? "; take model.foldLn()" : "")
                : c.attnOnly() || c.gated() || c.topK() > 0 || c.parallel() || c.postNorms() || c.qkNorms()
                        ? "its blocks are not attention, then a plain MLP"
                        : c.positions() != Positions.NONE && c.positions() != Positions.LEARNED
                                ? "its positions are " + c.positions() + ", not NONE or LEARNED"
                                : c.activation() != Activation.GELU_TANH && c.activation() != Activation.RELU
                                        ? "its activation is " + c.activation() + ", not GELU_TANH or RELU"
                                        : c.groupSize() > 1
                                                        || !c.causal()
                                                        || c.local().isPresent()
                                                        || c.scoreSoftcap() > 0
                                                        || c.logitSoftcap() > 0
                                                ? "its attention is not plain and causal, or something is capped"
                                                : "";
        if (!why.isEmpty()) {
            throw new IllegalArgumentException(
                    "circuits of weights cannot be cut out of '" + model.name() + "': " + why);
        }
    }

    /** Reads weights, and remembers all that it read. */
    private static final class Reader {
        final HookedTransformer model;
        final CRC32 checksum = new CRC32();

        Reader(HookedTransformer model) {
            this.model = model;
        }

        float[] read(String name) {
            try (Weight array = model.weights().get(name)) {
                float[] values = array.toFloatArray();
                for (float value : values) {
                    int bits = Float.floatToIntBits(value);
                    for (int shift = 0; shift < 32; shift += 8) {
                        checksum.update(bits >>> shift & 0xff);
                    }
                }
                return values;
            }
        }
    }

    private void read(Reader reader, int layer, float[][][] matrices) {
        String block = "blocks." + layer + ".";
        int heads = c.nHeads() * c.dHead();
        for (Place place : new Place[] {Place.Q, Place.K, Place.V}) {
            float[] w = reader.read(block + "attn.W_" + place.name()); // [head, dModel, dHead]
            float[][] rows = new float[heads][c.dModel()];
            for (int i = 0; i < w.length; i++) {
                int head = i / (c.dModel() * c.dHead());
                rows[head * c.dHead() + i % c.dHead()][i / c.dHead() % c.dModel()] = w[i];
            }
            put(matrices, layer, place, rows, reader.read(block + "attn.b_" + place.name()));
        }
        if (sinks.length > 0) {
            sinks[layer] = reader.read(block + "attn.W_sinks");
        }
        read(reader, layer, Place.ATTN_OUT, "attn.W_O", matrices);
        read(reader, layer, Place.NEURON, "mlp.W_in", matrices);
        read(reader, layer, Place.MLP_OUT, "mlp.W_out", matrices);
    }

    private void read(Reader reader, int layer, Place place, String name, float[][][] matrices) {
        String full = "blocks." + layer + "." + name;
        float[][] rows = transposed(reader.read(full), place.width(c));
        put(matrices, layer, place, rows, reader.read(full.replace(".W_", ".b_")));
    }

    private void put(float[][][] matrices, int layer, Place place, float[][] rows, float[] b) {
        matrices[layer * Place.COUNT + place.ordinal()] = rows;
        System.arraycopy(b, 0, bias, first(layer, place), b.length);
    }

    private void number(float[][][] matrices) {
        int edge = 0;
        for (int channel = 0; channel < channels; channel++) {
            into[channel] = edge;
            Channel target = channel(channel);
            float[][] matrix =
                    matrices[target.layer() * Place.COUNT + target.place().ordinal()];
            if (matrix != null) {
                int source = first(target.layer(), source(target.place()));
                float[] row = matrix[target.index()];
                for (int i = 0; i < row.length; i++) {
                    if (row[i] != 0) {
                        from[edge] = source + i;
                        to[edge] = channel;
                        weight[edge++] = row[i];
                    }
                }
            }
        }
        into[channels] = edge;
    }

    /** Where a place's inputs come from; for what attention writes, the values, which its pattern moves. */
    static Place source(Place place) {
        return switch (place) {
            case Q, K, V -> Place.ATTN_IN;
            case ATTN_OUT -> Place.V;
            case NEURON -> Place.MLP_IN;
            case MLP_OUT -> Place.NEURON;
            case ATTN_IN, MLP_IN -> throw new AssertionError("no weights write " + place);
        };
    }

    private static int nonzeros(float[][] matrix) {
        int count = 0;
        for (float[] row : matrix) {
            for (float value : row) {
                count += value != 0 ? 1 : 0;
            }
        }
        return count;
    }

    private static float[][] rows(float[] values, int columns) {
        float[][] rows = new float[values.length / columns][columns];
        for (int i = 0; i < values.length; i++) {
            rows[i / columns][i % columns] = values[i];
        }
        return rows;
    }

    /** [in, out] → rows [out][in]. */
    private static float[][] transposed(float[] values, int out) {
        float[][] rows = new float[out][values.length / out];
        for (int i = 0; i < values.length; i++) {
            rows[i % out][i / out] = values[i];
        }
        return rows;
    }

    /** How many edges there are. */
    int edges() {
        return from.length;
    }

    /** The number of the first channel of a place. */
    int first(int layer, Place place) {
        return first[layer * Place.COUNT + place.ordinal()];
    }

    /** The number of a channel. */
    int number(Channel channel) {
        int width = channel.place().width(c);
        if (channel.layer() >= c.nLayers() || channel.index() >= width) {
            throw new IllegalArgumentException("the model has no channel " + channel + ": it has " + c.nLayers()
                    + " layers and " + width + " channels at " + channel.place() + "; is the circuit another model's?");
        }
        return first(channel.layer(), channel.place()) + channel.index();
    }

    /** The channel of a number. */
    Channel channel(int number) {
        int i = first.length - 1;
        while (first[i] > number) {
            i--;
        }
        return new Channel(i / Place.COUNT, Place.values()[i % Place.COUNT], number - first[i]);
    }

    Connection connection(int edge) {
        return new Connection(channel(from[edge]), channel(to[edge]), weight[edge]);
    }

    /** The number of the edge between two channels, or -1. */
    int edge(int source, int target) {
        for (int e = into[target]; e < into[target + 1]; e++) {
            if (from[e] == source) {
                return e;
            }
        }
        return -1;
    }
}
