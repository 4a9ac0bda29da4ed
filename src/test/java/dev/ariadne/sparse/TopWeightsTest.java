package dev.ariadne.sparse;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ariadne.sparse.TopWeights.Neuron;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TopWeightsTest {
    /** Against a full sort by size, then by place; few different values make many ties. */
    @ParameterizedTest
    @ValueSource(ints = {2, 5, 1000})
    void keepsTheLargestAndAmongEqualsTheFirst(int different) {
        Random random = new Random(different);
        for (int k : new int[] {0, 1, 7, 35, 69, 70}) {
            float[] weights = new float[80];
            for (int i = 0; i < weights.length; i++) {
                weights[i] = (1 + random.nextInt(different)) * (random.nextBoolean() ? 1 : -1);
            }
            float[] expected = new float[80];
            System.arraycopy(weights, 0, expected, 0, 5);
            System.arraycopy(weights, 75, expected, 75, 5); // outside of the matrix nothing changes
            IntStream.range(5, 75)
                    .boxed()
                    .sorted(Comparator.comparingDouble((Integer i) -> -Math.abs(weights[i]))
                            .thenComparing(i -> i))
                    .limit(k)
                    .forEach(i -> expected[i] = weights[i]);
            TopWeights.keep(weights, 5, 7, 10, k, Neuron.NONE, 0);
            assertThat(weights).as("k " + k).containsExactly(expected);
        }
    }

    @Test
    void aSmallNeuronKeepsItsShareAndTheNumberStaysExact() {
        Random random = new Random(1);
        float[] rows = new float[12 * 8];
        for (int i = 0; i < rows.length; i++) {
            rows[i] = (float) random.nextGaussian() * (i / 8 == 3 ? 1e-3f : 1);
        }
        float[] columns = transposed(rows, 12, 8);
        TopWeights.keep(rows, 0, 12, 8, 30, Neuron.ROW, 2);
        TopWeights.keep(columns, 0, 8, 12, 30, Neuron.COLUMN, 2);
        assertThat(nonzeros(rows, 0, rows.length)).isEqualTo(30);
        for (int row = 0; row < 12; row++) {
            assertThat(nonzeros(rows, 8 * row, 8 * row + 8)).isGreaterThanOrEqualTo(2);
        }
        assertThat(nonzeros(rows, 24, 32)).isEqualTo(2);
        assertThat(columns).containsExactly(transposed(rows, 12, 8));
    }

    /** Against sorting: first each neuron's two largest, then the largest of all, among equals the first. */
    @ParameterizedTest
    @ValueSource(ints = {1, 3, 1000})
    void protectsTheLargestOfEachNeuronAndAmongEqualsTheFirst(int different) {
        Random random = new Random(different);
        for (Neuron neuron : List.of(Neuron.ROW, Neuron.COLUMN)) {
            int[] neurons = IntStream.range(0, 60)
                    .map(i -> neuron == Neuron.ROW ? i / 10 : i % 10)
                    .toArray();
            float[] weights = new float[60];
            for (int i = 0; i < weights.length; i++) {
                weights[i] = random.nextInt(different + 1) - different / 2f; // some are zero
            }
            Comparator<Integer> bySize = Comparator.comparingDouble((Integer i) -> -Math.abs(weights[i]))
                    .thenComparing(i -> i);
            Set<Integer> kept = new LinkedHashSet<>();
            for (int n = 0; n < (neuron == Neuron.ROW ? 6 : 10); n++) {
                int which = n;
                IntStream.range(0, 60)
                        .filter(i -> neurons[i] == which)
                        .boxed()
                        .sorted(bySize)
                        .limit(2)
                        .forEach(kept::add);
            }
            IntStream.range(0, 60)
                    .boxed()
                    .sorted(bySize)
                    .filter(i -> !kept.contains(i))
                    .limit(25 - kept.size())
                    .toList()
                    .forEach(kept::add);
            float[] expected = new float[60];
            kept.forEach(i -> expected[i] = weights[i]);
            TopWeights.keep(weights, 0, 6, 10, 25, neuron, 2);
            assertThat(weights).as("neuron " + neuron).containsExactly(expected);
        }
    }

    private static float[] transposed(float[] matrix, int rows, int columns) {
        float[] other = new float[matrix.length];
        for (int i = 0; i < matrix.length; i++) {
            other[i % columns * rows + i / columns] = matrix[i];
        }
        return other;
    }

    private static int nonzeros(float[] weights, int from, int to) {
        return (int) IntStream.range(from, to).filter(i -> weights[i] != 0).count();
    }

    @Test
    void theKthLargestIsThatOfASortedCopy() {
        Random random = new Random(2);
        for (int size = 1; size < 60; size++) {
            int[] values = random.ints(size, 0, 20).toArray();
            int[] sorted = Arrays.stream(values).sorted().toArray();
            for (int k = 1; k <= size; k++) {
                assertThat(TopWeights.largest(values.clone(), k)).isEqualTo(sorted[size - k]);
            }
        }
    }
}
