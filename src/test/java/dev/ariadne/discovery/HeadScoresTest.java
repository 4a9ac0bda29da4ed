package dev.ariadne.discovery;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ariadne.discovery.HeadScores.Head;
import dev.ariadne.view.View;
import org.junit.jupiter.api.Test;
import tech.tablesaw.api.Table;

class HeadScoresTest {
    private final double[][] values = {{0.1, -0.5}, {Double.NaN, 0.9}};
    private final HeadScores scores = new HeadScores("effect", values, "nats", "tiny");

    @Test
    void ranksHeadsFromBothEnds() {
        assertThat(scores.top(2)).extracting(Head::label).containsExactly("L1H1", "L0H0");
        assertThat(scores.bottom(9)).extracting(Head::label).containsExactly("L0H1", "L0H0", "L1H1");
        assertThat(scores.top(1)).hasToString("[L1H1 0.900]");
        assertThatThrownBy(() -> scores.top(0)).hasMessageContaining("at least 1, got 0");
    }

    @Test
    void isATableAndAHeatMap() {
        Table table = scores.table();
        assertThat(table.columnNames()).containsExactly("layer", "head", "label", "nats");
        assertThat(table.where(table.intColumn("layer").isEqualTo(1)).stringColumn("label"))
                .containsExactly("L1H0", "L1H1");
        assertThat(scores.view()).isInstanceOfSatisfying(View.HeatMap.class, map -> {
            assertThat(map.scale()).isEqualTo(View.Scale.DIVERGING);
            assertThat(map.value(0, 1)).isEqualTo(-0.5f);
        });
        HeadScores positive = new HeadScores("", new double[][] {{1}}, "", "");
        assertThat(((View.HeatMap) positive.view()).scale()).isEqualTo(View.Scale.SEQUENTIAL);
        assertThat(scores).hasToString("effect: [L1H1 0.900, L0H0 0.100, L0H1 -0.500] (tiny)");
    }

    @Test
    void keepsItsOwnCopyAndComparesByContent() {
        HeadScores same = new HeadScores("effect", scores.values(), "nats", "tiny");
        assertThat(same).isEqualTo(scores).hasSameHashCodeAs(scores);
        values[0][0] = 7;
        scores.values()[1][1] = 7;
        assertThat(scores.value(0, 0)).isEqualTo(0.1);
        assertThat(scores.value(1, 1)).isEqualTo(0.9);
        assertThat(new HeadScores("effect", values, "nats", "tiny")).isNotEqualTo(scores);
        assertThatThrownBy(() -> new HeadScores("", new double[][] {{1}, {1, 2}}, "", ""))
                .hasMessageContaining("1 in layer 0 and 2 in layer 1");
    }
}
