package dev.ariadne.discovery;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.knowm.xchart.XYSeries;

class PatchGridTest {
    private final double[][] values = {{-1, 3}, {1, 2}};
    private final PatchGrid grid = new PatchGrid(
            "patched", "layer", List.of("L0", "L1"), "position", List.of("a", "b"), values, 3, -1, "logits");

    @Test
    void measuresRecoveryBetweenTheTwoRuns() {
        assertThat(grid.recovered(0, 0)).isZero();
        assertThat(grid.recovered(1, 0)).isCloseTo(0.5, within(1e-12));
        assertThat(grid.recovered(0, 1)).isEqualTo(1);
        assertThat(grid.bestRow(0)).isEqualTo(1);
        assertThat(grid.bestRow(1)).isZero();
    }

    @Test
    void drawsOneLinePerColumn() {
        assertThat(grid.chart().getSeriesCollection())
                .extracting(XYSeries::getName)
                .containsExactly("0 a", "1 b");
        assertThat(grid.chart().getSeries("0 a").getYData()).containsExactly(0, 0.5);
        assertThat(grid.chart(1).getSeriesCollection())
                .extracting(XYSeries::getName)
                .containsExactly("1 b");
        assertThat(grid).hasToString("patched: 2 layers × 2 positions");
    }

    @Test
    void keepsItsOwnCopy() {
        values[0][0] = 99;
        grid.values()[1][1] = 99;
        assertThat(grid.value(0, 0)).isEqualTo(-1);
        assertThat(grid.value(1, 1)).isEqualTo(2);
    }
}
