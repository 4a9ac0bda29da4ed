package dev.ariadne.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class EpochsTest {
    /** 10 of length 3, 5 of length 4, 1 of length 6; all different. */
    private static final List<Example> EXAMPLES = IntStream.range(0, 16)
            .mapToObj(i -> {
                long[] tokens = new long[i < 10 ? 3 : i < 15 ? 4 : 6];
                tokens[0] = i;
                return Example.of(tokens);
            })
            .toList();

    @Test
    void eachPassSeesEachExampleOnceInBatchesOfOneLength() {
        Epochs epochs = new Epochs(EXAMPLES, 4, 7);
        assertThat(epochs.perEpoch()).isEqualTo(3 + 2 + 1);
        for (int epoch = 0; epoch < 3; epoch++) {
            List<Example> seen = new ArrayList<>();
            for (int step = 0; step < 6; step++) {
                List<Example> batch = epochs.batch(epoch * 6 + step);
                assertThat(batch).hasSizeBetween(1, 4);
                assertThat(batch.stream().map(Example::length).distinct()).hasSize(1);
                seen.addAll(batch);
            }
            assertThat(seen).containsExactlyInAnyOrderElementsOf(EXAMPLES);
        }
    }

    @Test
    void aStepHasTheSameBatchWheneverItIsAskedFor() {
        Epochs forward = new Epochs(EXAMPLES, 4, 7);
        List<List<Example>> all =
                IntStream.range(0, 18).mapToObj(forward::batch).toList();
        Epochs backward = new Epochs(EXAMPLES, 4, 7);
        for (int step = 17; step >= 0; step--) {
            assertThat(backward.batch(step)).isEqualTo(all.get(step));
        }
        assertThat(all.subList(0, 6)).isNotEqualTo(all.subList(6, 12)); // another order
        Epochs other = new Epochs(EXAMPLES, 4, 8);
        assertThat(IntStream.range(0, 18).mapToObj(other::batch).toList()).isNotEqualTo(all);
    }

    @Test
    void anExamplePredictsNoFirstToken() {
        assertThat(Example.of(5, 6, 7).predicted()).containsExactly(1, 2);
        assertThatThrownBy(() -> Example.of(5)).hasMessageContaining("1 tokens");
        assertThatThrownBy(() -> new Example(new long[] {5, 6}, new int[] {0})).hasMessageContaining("[0]");
        assertThatThrownBy(() -> new Example(new long[] {5, 6}, new int[] {2})).hasMessageContaining("[2]");
        assertThatThrownBy(() -> new Epochs(List.of(), 4, 0)).hasMessageContaining("0 examples");
    }
}
