package dev.ariadne.discovery;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.ariadne.view.View;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.knowm.xchart.XYSeries;

class PatchGridTest {
    private final double[][] values = {{-1, 3}, {1, 2}};
    private final PatchGrid grid = new PatchGrid(
            "patched",
            "layer",
            List.of("L0", "L1"),
            "position",
            List.of("a", "b"),
            values,
            3,
            -1,
            "logits",
            "tiny, a and b");

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
        assertThat(grid).hasToString("patched: 2 layers × 2 positions (tiny, a and b)");
    }

    private PatchGrid between(double clean, double corrupted, String provenance) {
        return new PatchGrid(
                "patched",
                "layer",
                List.of("L0", "L1"),
                "position",
                List.of("a", "b"),
                values,
                clean,
                corrupted,
                "logits",
                provenance);
    }

    @Test
    void withoutALeadShowsTheMetricItself() {
        PatchGrid flat = between(2, 2, "tiny");
        assertThatThrownBy(() -> flat.recovered(1, 0))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("2.0 on the clean run and 2.0 on the corrupted")
                .hasMessageContaining("value(1, 0)");
        assertThat(flat.table().doubleColumn("logits").asDoubleArray()).containsExactly(-1, 3, 1, 2);
        assertThat(flat.table().doubleColumn("recovered").countMissing()).isEqualTo(4);
        assertThat(flat.table().toString()).contains("logits");
        assertThat(flat.view()).isInstanceOfSatisfying(View.HeatMap.class, map -> {
            assertThat(map.value(0, 1)).isEqualTo(3);
            assertThat(map.unit()).isEqualTo("logits");
            assertThat(map.title()).contains("both 2.00");
        });
        assertThat(flat.chart().getSeries("0 a").getYData()).containsExactly(-1, 1);
        assertThat(flat.chart().getYAxisTitle()).isEqualTo("logits");
    }

    @Test
    void isEqualOnlyInAllComponents() {
        assertThat(between(3, -1, "tiny and more")).isNotEqualTo(grid);
        assertThat(between(3, -1, "tiny, a and b")).isEqualTo(grid).hasSameHashCodeAs(grid);
        assertThat(between(3, 0, "tiny, a and b")).isNotEqualTo(grid);
        assertThat(between(4, -1, "tiny, a and b")).isNotEqualTo(grid);
    }

    @Test
    void needsALabelPerRowAndColumn() {
        List<String> two = List.of("x", "y");
        assertThatThrownBy(() -> new PatchGrid("t", "r", List.of("x"), "c", two, values, 1, 0, "u", ""))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("2 rows and 1 labels");
        assertThatThrownBy(() -> new PatchGrid("t", "r", two, "c", List.of("x"), values, 1, 0, "u", ""))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("2 values in row 0 and 1 labels");
    }

    @Test
    void keepsItsOwnCopy() {
        values[0][0] = 99;
        grid.values()[1][1] = 99;
        assertThat(grid.value(0, 0)).isEqualTo(-1);
        assertThat(grid.value(1, 1)).isEqualTo(2);
    }
}
