package dev.ariadne.sparse;

import java.util.Arrays;

/** Keeps the largest weights of a matrix and makes the others zero (Gao et al. 2025, appendix A.2). */
final class TopWeights {
    private static final int LOWER = 20; // bits of a float that do not count at first
    private static final int PROTECTED = -1; // smaller than any size

    private TopWeights() {}

    /** Which entries of a matrix belong to one neuron or channel. */
    enum Neuron {
        /** What it reads: a row. */
        ROW,
        /** What it writes: a column. */
        COLUMN,
        /** There are none to look after. */
        NONE
    }

    /**
     * Makes all but the k largest zero, in place; among equals the first stay.
     *
     * @param weights [row · columns + column], from {@code from} on
     * @param from where the matrix begins
     * @param rows how many rows it has
     * @param columns how many columns
     * @param k how many entries stay
     * @param neuron whose entries are looked after
     * @param least how many entries of each neuron stay in any case, its largest
     */
    static void keep(float[] weights, int from, int rows, int columns, int k, Neuron neuron, int least) {
        int size = rows * columns;
        if (k >= size) {
            return;
        }
        int[] sizes = sizes(weights, from, size);
        for (int count = 0; count < least; count++) {
            switch (neuron) {
                case ROW -> protectInRows(sizes, rows, columns);
                case COLUMN -> protectInColumns(sizes, rows, columns);
                case NONE -> {}
            }
        }
        for (int i = 0; i < size; i++) {
            sizes[i] &= Integer.MAX_VALUE; // protected ones: the largest there are
        }
        int threshold = k == 0 ? Integer.MAX_VALUE : threshold(sizes, k);
        int left = cut(weights, from, sizes, threshold);
        for (int i = size - 1; left > k; i--) { // the last among equals go
            if (sizes[i] == threshold) {
                weights[from + i] = 0;
                left--;
            }
        }
    }

    /** Bits of |w|: ordered as the numbers are. */
    private static int[] sizes(float[] weights, int from, int size) {
        int[] sizes = new int[size];
        for (int i = 0; i < size; i++) {
            sizes[i] = Float.floatToRawIntBits(Math.abs(weights[from + i]));
        }
        return sizes;
    }

    /** Marks the largest of each row, of equals the first, that is not marked yet. */
    private static void protectInRows(int[] sizes, int rows, int columns) {
        for (int row = 0; row < rows; row++) {
            int largest = 0;
            for (int at = row * columns; at < (row + 1) * columns; at++) {
                largest = Math.max(largest, sizes[at]);
            }
            int at = row * columns;
            while (sizes[at] != largest) {
                at++;
            }
            sizes[at] = PROTECTED;
        }
    }

    private static void protectInColumns(int[] sizes, int rows, int columns) {
        int[] largest = new int[columns];
        for (int row = 0; row < rows; row++) {
            for (int column = 0; column < columns; column++) {
                largest[column] = Math.max(largest[column], sizes[row * columns + column]);
            }
        }
        for (int row = 0; row < rows; row++) {
            for (int column = 0; column < columns; column++) {
                if (sizes[row * columns + column] == largest[column]) {
                    sizes[row * columns + column] = PROTECTED;
                    largest[column] = Integer.MAX_VALUE; // found
                }
            }
        }
    }

    /** Makes what is smaller zero, and says how many are left. Without branches: which weights stay cannot be foretold. */
    private static int cut(float[] weights, int from, int[] sizes, int threshold) {
        int left = 0;
        for (int i = 0; i < sizes.length; i++) {
            int smaller = (sizes[i] - threshold) >> 31; // all bits or none
            weights[from + i] = Float.intBitsToFloat(Float.floatToRawIntBits(weights[from + i]) & ~smaller);
            left += 1 + smaller;
        }
        return left;
    }

    /** The k-th largest, from 1: first by the upper bits, of which there are few, then among those that agree in them. */
    private static int threshold(int[] sizes, int k) {
        int[] counts = new int[1 << (31 - LOWER)];
        int[] others = new int[counts.length]; // every second one: counting twice the same in a row takes longer
        int even = sizes.length & ~1;
        for (int i = 0; i < even; i += 2) {
            counts[sizes[i] >>> LOWER]++;
            others[sizes[i + 1] >>> LOWER]++;
        }
        if (even < sizes.length) {
            counts[sizes[even] >>> LOWER]++;
        }
        int upper = counts.length - 1;
        int left = k;
        while (counts[upper] + others[upper] < left) {
            left -= counts[upper] + others[upper];
            upper--;
        }
        int[] same = new int[counts[upper] + others[upper] + 1]; // one more: what comes last is written over
        int next = 0;
        for (int s : sizes) {
            same[next] = s;
            next += s >>> LOWER == upper ? 1 : 0;
        }
        return largest(Arrays.copyOf(same, next), left);
    }

    /** The k-th largest, from 1, by Hoare's selection; changes the order. */
    static int largest(int[] values, int k) {
        int low = 0;
        int high = values.length - 1;
        int target = k - 1;
        while (low < high) {
            int pivot = values[(low + high) >>> 1];
            int i = low;
            int j = high;
            while (i <= j) {
                while (values[i] > pivot) {
                    i++;
                }
                while (values[j] < pivot) {
                    j--;
                }
                if (i <= j) {
                    int swap = values[i];
                    values[i++] = values[j];
                    values[j--] = swap;
                }
            }
            if (target <= j) {
                high = j;
            } else if (target >= i) {
                low = i;
            } else {
                break;
            }
        }
        return values[target];
    }
}
