package dev.ariadne.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

class ScheduleTest {
    @Test
    void warmsUpInAStraightLine() {
        for (Schedule schedule :
                new Schedule[] {Schedule.constant(8, 4), Schedule.linear(8, 4, 20, 0), Schedule.cosine(8, 4, 20, 0)}) {
            assertThat(schedule.rate(0)).isEqualTo(2);
            assertThat(schedule.rate(2)).isEqualTo(6);
            assertThat(schedule.rate(3)).isEqualTo(8);
            assertThat(schedule.rate(4)).isCloseTo(8, within(1e-6));
        }
    }

    @Test
    void fallsToItsFloor() {
        Schedule linear = Schedule.linear(10, 0, 100, 0.2);
        assertThat(linear.rate(0)).isEqualTo(10);
        assertThat(linear.rate(50)).isCloseTo(6, within(1e-12)); // halfway from 10 to 2
        assertThat(linear.rate(100)).isCloseTo(2, within(1e-12));
        assertThat(linear.rate(1000)).isCloseTo(2, within(1e-12));
        Schedule cosine = Schedule.cosine(10, 0, 90, 0.2);
        assertThat(cosine.rate(30)).isCloseTo(2 + 8 * 0.75, within(1e-12)); // (1 + cos 60°) / 2
        assertThat(cosine.rate(45)).isCloseTo(6, within(1e-12));
        assertThat(cosine.rate(90)).isCloseTo(2, within(1e-12));
        assertThat(Schedule.constant(10, 0).rate(1_000_000)).isEqualTo(10);
    }

    @Test
    void refusesWhatIsNoSchedule() {
        assertThatThrownBy(() -> Schedule.linear(1, 10, 10, 0)).hasMessageContaining("warmUp 10, steps 10");
        assertThatThrownBy(() -> Schedule.cosine(0, 1, 10, 0)).hasMessageContaining("peak 0.0");
        assertThatThrownBy(() -> Schedule.cosine(1, 1, 10, 2)).hasMessageContaining("floor 2.0");
    }
}
