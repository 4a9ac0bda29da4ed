package dev.ariadne.attribution;

import java.util.Arrays;

/**
 * A sparse matrix by rows: what each target gets from each source. Columns are in order within a row, and no weight is 0. Neighboring rows
 * with the same columns share them, so columns never change.
 *
 * @param columns [row][entry]
 * @param weights [row][entry]
 */
@SuppressWarnings("ArrayRecordComponent") // handed on, not shared: large
record SparseRows(int[][] columns, float[][] weights) {
    static SparseRows ofSize(int rows) {
        return new SparseRows(new int[rows][], new float[rows][]);
    }

    int rows() {
        return columns.length;
    }

    long size() {
        return Arrays.stream(columns)
                .mapToLong(row -> row == null ? 0 : row.length)
                .sum();
    }

    /** Takes the entries that are not 0 over. */
    void set(int row, double[] dense) {
        int count = 0;
        for (double value : dense) {
            count += (float) value != 0 ? 1 : 0;
        }
        int[] where = new int[count];
        float[] what = new float[count];
        count = 0;
        for (int column = 0; column < dense.length; column++) {
            if ((float) dense[column] != 0) {
                where[count] = column;
                what[count++] = (float) dense[column];
            }
        }
        put(row, where, what);
    }

    /** Takes a row; features of one token and layer mostly have the same sources. */
    void put(int row, int[] where, float[] what) {
        columns[row] = row > 0 && Arrays.equals(columns[row - 1], where) ? columns[row - 1] : where;
        weights[row] = what;
    }

    /**
     * Moves a row to another matrix, and renumbers its columns.
     *
     * @param numbers the new number of each column, in order; negative to leave it out
     * @return the sum of what is left out
     */
    double moveRow(int row, int[] numbers, SparseRows other, int as) {
        int[] where = columns[row];
        float[] what = weights[row];
        columns[row] = null;
        weights[row] = null;
        int count = 0;
        double rest = 0;
        int[] there = new int[where.length];
        for (int i = 0; i < where.length; i++) {
            int number = numbers[where[i]];
            if (number < 0) {
                rest += what[i];
            } else {
                there[count] = number;
                what[count++] = what[i];
            }
        }
        boolean all = count == where.length;
        other.put(as, all ? there : Arrays.copyOf(there, count), all ? what : Arrays.copyOf(what, count));
        return rest;
    }

    /** The weight at a place, 0 where there is none. */
    double get(int row, int column) {
        int at = Arrays.binarySearch(columns[row], column);
        return at < 0 ? 0 : weights[row][at];
    }

    /** Σ |weight| of a row. */
    double norm(int row) {
        double sum = 0;
        for (float weight : weights[row]) {
            sum += Math.abs(weight);
        }
        return sum;
    }
}
