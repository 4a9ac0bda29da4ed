package dev.ariadne.sparse;

import dev.ariadne.model.ModelConfig;
import dev.ariadne.sparse.TopWeights.Neuron;
import java.util.ArrayList;
import java.util.List;

/**
 * A matrix or a bias that becomes sparse as a whole: a parameter, or a third of one that holds queries, keys and values.
 *
 * @param name the name of the parameter, with Q, K or V in place of QKV
 * @param parameter the name of the parameter, as in {@link dev.ariadne.model.TrainableModel#parameters}
 * @param from where it begins in the parameter
 * @param rows how many rows
 * @param columns how many columns; 1 for a bias
 * @param neuron whose weights are looked after
 */
record Piece(String name, String parameter, int from, int rows, int columns, Neuron neuron) {
    /** All of a model's, but the table of bigrams and the sinks. */
    static List<Piece> of(ModelConfig c) {
        List<Piece> all = new ArrayList<>();
        int heads = c.nHeads() * c.dHead();
        all.add(new Piece("embed.W_E", "embed.W_E", 0, c.dVocab(), c.dModel(), Neuron.NONE));
        for (int layer = 0; layer < c.nLayers(); layer++) {
            String attn = "blocks." + layer + ".attn.";
            for (int i = 0; i < 3; i++) {
                String kind = "QKV".substring(i, i + 1);
                int first = i * heads;
                all.add(new Piece(
                        attn + "W_" + kind, attn + "W_QKV", first * c.dModel(), heads, c.dModel(), Neuron.ROW));
                all.add(new Piece(attn + "b_" + kind, attn + "b_QKV", first, heads, 1, Neuron.NONE));
            }
            addMatrix(all, attn, "O", c.dModel(), heads, Neuron.COLUMN);
            if (!c.attnOnly()) {
                String mlp = "blocks." + layer + ".mlp.";
                addMatrix(all, mlp, "in", c.dMlp(), c.dModel(), Neuron.ROW);
                addMatrix(all, mlp, "out", c.dModel(), c.dMlp(), Neuron.COLUMN);
            }
        }
        all.add(new Piece("unembed.W_U", "unembed.W_U", 0, c.dVocabOut(), c.dModel(), Neuron.NONE));
        return all;
    }

    private static void addMatrix(List<Piece> all, String part, String kind, int rows, int columns, Neuron neuron) {
        all.add(new Piece(part + "W_" + kind, part + "W_" + kind, 0, rows, columns, neuron));
        all.add(new Piece(part + "b_" + kind, part + "b_" + kind, 0, rows, 1, Neuron.NONE));
    }

    /** How many entries it has. */
    int size() {
        return rows * columns;
    }

    /** How many neurons have weights here that are looked after. */
    int neurons() {
        return neuron == Neuron.ROW ? rows : neuron == Neuron.COLUMN ? columns : 0;
    }

    /** How many entries are left at a share. */
    int count(double fraction) {
        return Math.toIntExact(Math.round(fraction * size()));
    }
}
