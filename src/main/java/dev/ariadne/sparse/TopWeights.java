package dev.ariadne.sparse;

/** Keeps the largest weights of a matrix and makes the others zero (Gao et al. 2025, appendix A.2). */
final class TopWeights {
    private static final int LOWER = 20; // bits of a float that do not count at first

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
        int[] sizes = new int[size]; // bits of |w|: ordered as the numbers are
        for (int i = 0; i < size; i++) {
            sizes[i] = Float.floatToRawIntBits(Math.abs(weights[from + i]));
        }
        if (neuron == Neuron.ROW) {
            protect(sizes, rows, columns, columns, 1, least);
        } else if (neuron == Neuron.COLUMN) {
            protect(sizes, columns, rows, 1, columns, least);
        }
        int threshold = k == 0 ? Integer.MAX_VALUE : threshold(sizes, k);
        int above = 0;
        for (int s : sizes) {
            above += s > threshold ? 1 : 0;
        }
        int ties = k - above;
        for (int i = 0; i < size; i++) {
            boolean tie = sizes[i] == threshold && ties-- > 0;
            if (sizes[i] <= threshold && !tie) {
                weights[from + i] = 0;
            }
        }
    }

    /** The k-th largest, from 1: first by the upper bits, of which there are few, then among those that agree in them. */
    private static int threshold(int[] sizes, int k) {
        int[] counts = new int[1 << (31 - LOWER)];
        for (int s : sizes) {
            counts[s >>> LOWER]++;
        }
        int upper = counts.length - 1;
        int left = k;
        while (counts[upper] < left) {
            left -= counts[upper--];
        }
        int[] same = new int[counts[upper]];
        int next = 0;
        for (int s : sizes) {
            if (s >>> LOWER == upper) {
                same[next++] = s;
            }
        }
        return largest(same, left);
    }

    /** Makes the largest entries of each neuron larger than all others. */
    private static void protect(int[] sizes, int neurons, int entries, int stride, int step, int least) {
        for (int n = 0; n < neurons; n++) {
            for (int count = 0; count < least; count++) {
                int best = -1;
                for (int e = 0; e < entries; e++) {
                    int at = n * stride + e * step;
                    if (sizes[at] != Integer.MAX_VALUE && (best < 0 || sizes[at] > sizes[best])) {
                        best = at;
                    }
                }
                sizes[best] = Integer.MAX_VALUE;
            }
        }
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
