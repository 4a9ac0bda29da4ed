package dev.ariadne.attribution;

import java.util.Arrays;

/** Columns that grow: layer, position and number of features, with pre-activation and activation. */
final class FeatureTable {
    private int size;
    private int[] layers = new int[64];
    private int[] positions = new int[64];
    private int[] indices = new int[64];
    private double[] activations = new double[64];
    private double[] preactivations = new double[64];

    void add(int layer, int position, int index, double preactivation, double activation) {
        if (size == layers.length) {
            int more = Math.addExact(size, size >> 1);
            layers = Arrays.copyOf(layers, more);
            positions = Arrays.copyOf(positions, more);
            indices = Arrays.copyOf(indices, more);
            activations = Arrays.copyOf(activations, more);
            preactivations = Arrays.copyOf(preactivations, more);
        }
        layers[size] = layer;
        positions[size] = position;
        indices[size] = index;
        preactivations[size] = preactivation;
        activations[size++] = activation;
    }

    int[] layers() {
        return Arrays.copyOf(layers, size);
    }

    int[] positions() {
        return Arrays.copyOf(positions, size);
    }

    int[] indices() {
        return Arrays.copyOf(indices, size);
    }

    double[] activations() {
        return Arrays.copyOf(activations, size);
    }

    double[] preactivations() {
        return Arrays.copyOf(preactivations, size);
    }
}
