package dev.ariadne.attribution;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import org.junit.jupiter.api.Test;

class FeatureNumberTest {
    @Test
    void countsPairsDiagonalByDiagonal() {
        long number = 0;
        for (int sum = 0; sum < 60; sum++) {
            for (int index = 0; index <= sum; index++) {
                assertThat(FeatureNumber.cantor(sum - index, index)).isEqualTo(number);
                assertThat(FeatureNumber.index(number, sum - index, false)).hasValue(index);
                assertThat(FeatureNumber.index(number, sum - index + 1, false))
                        .as("in another layer")
                        .isEmpty();
                number++;
            }
        }
    }

    @Test
    void isExactWhereDoublesAreNot() {
        Random random = new Random(5);
        int wrongInDouble = 0;
        for (int i = 0; i < 10_000; i++) {
            int layer = random.nextInt(100);
            long index = 1_000_000_000L + random.nextInt(1_000_000_000);
            long number = FeatureNumber.cantor(layer, index);
            assertThat(FeatureNumber.index(number, layer, false)).hasValue(index);
            double diagonal = Math.floor((Math.sqrt(8.0 * number + 1) - 1) / 2);
            wrongInDouble += number - (long) (diagonal * (diagonal + 1) / 2) == index ? 0 : 1;
        }
        assertThat(wrongInDouble).as("the test reaches such numbers").isPositive();
    }

    @Test
    void readsTheDigitsOfOldFiles() {
        assertThat(FeatureNumber.index(2_312_237, 23, true)).hasValue(12_237);
        assertThat(FeatureNumber.index(2_312_237, 23, false))
                .as("no Cantor number of layer 23, so digits")
                .hasValue(12_237);
        assertThat(FeatureNumber.index(7, 0, true)).as("digits first").hasValue(7);
        assertThat(FeatureNumber.index(2, 0, false)).as("Cantor first").hasValue(1);
        assertThat(FeatureNumber.index(-1, 0, false)).isEmpty();
        assertThat(FeatureNumber.index(Long.MAX_VALUE / 16, 3, true)).isEmpty();
    }
}
