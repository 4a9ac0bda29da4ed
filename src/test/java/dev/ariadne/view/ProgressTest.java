package dev.ariadne.view;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import org.junit.jupiter.api.Test;

class ProgressTest {
    private long millis;
    private final Recorder recorder = new Recorder();

    @Test
    void staysSilentForWorkThatIsQuicklyDone() {
        try (Progress progress = progress(10)) {
            steps(progress, 10, 150); // 1.5 s in all
        }
        assertThat(recorder.said).isEmpty();
    }

    @Test
    void staysSilentInTheFirstHalfSecond() {
        try (Progress progress = progress(1000)) {
            steps(progress, 4, 120);
            assertThat(recorder.said).isEmpty();
            steps(progress, 1, 120); // 600 ms
            assertThat(recorder.said).containsExactly("0.005 sweep: 5/1000, 119 s left");
        }
    }

    @Test
    void opensOneDisplayForTheWholeWork() {
        try (Progress progress = progress(100)) {
            steps(progress, 100, 100);
        }
        assertThat(recorder.opened).isEqualTo(1);
    }

    @Test
    void changesAtMostFourTimesASecond() {
        try (Progress progress = progress(10_000)) {
            steps(progress, 10_000, 1); // 10 s
        }
        assertThat(recorder.said.size()).isBetween(36, 41); // 9.5 s, 4 a second, and the last line
    }

    @Test
    void estimatesTheTimeLeftFromTheStepsDone() {
        try (Progress progress = progress(40)) {
            steps(progress, 9, 1000);
            progress.step("layer 9"); // no time passes: 10 of 40 in 9 s
            millis += 1000;
            progress.step("layer 10"); // 11 of 40 in 10 s
        }
        assertThat(recorder.said).contains("0.275 sweep: 11/40, 26 s left, layer 10");
    }

    @Test
    void saysAtTheEndHowLongItTook() {
        try (Progress progress = progress(4)) {
            steps(progress, 4, 50_000);
        }
        assertThat(recorder.said).last().isEqualTo("done: sweep: 4 of 4 in 3 min 20 s");
    }

    @Test
    void saysHowFarItCameWhenTheWorkFails() {
        assertThatThrownBy(() -> {
                    try (Progress progress = progress(4)) {
                        steps(progress, 2, 1000);
                        throw new IllegalStateException("no such layer");
                    }
                })
                .hasMessage("no such layer");
        assertThat(recorder.said).last().isEqualTo("sweep: stopped after 2 of 4, 2.0 s");
    }

    @Test
    void stopsAnInterruptedLoopAndSaysHowFarItCame() {
        Progress progress = progress(330);
        steps(progress, 11, 1);
        Thread.currentThread().interrupt();
        try {
            assertThatThrownBy(progress::step)
                    .isInstanceOf(CancellationException.class)
                    .hasMessage("interrupted after 12 of 330 steps of sweep; run the cell again to start over");
            assertThatThrownBy(() -> Progress.checkInterrupted("reading a file"))
                    .isInstanceOf(CancellationException.class)
                    .hasMessageContaining("interrupted during reading a file");
        } finally {
            assertThat(Thread.interrupted())
                    .as("the flag is left for those above")
                    .isTrue();
        }
    }

    @Test
    void letsAnUninterruptedLoopGoOn() {
        Progress.checkInterrupted("reading a file");
        try (Progress progress = progress(3)) {
            steps(progress, 3, 1);
        }
        assertThat(recorder.said).isEmpty();
    }

    @Test
    void showsWhatHasBeenMadeSoFarWhenTheDisplayChanges() {
        int[] asked = {0};
        try (Progress progress = progress(20)) {
            for (int i = 1; i <= 20; i++) {
                millis += 150;
                String made = "text " + i;
                progress.step("", () -> {
                    asked[0]++;
                    return new View.Text("", made);
                });
            }
        }
        assertThat(recorder.said)
                .startsWith("0.2 sweep: 4/20, 2.4 s left | text 4", "0.3 sweep: 6/20, 2.1 s left | text 6");
        assertThat(asked[0]).as("not at each step").isEqualTo(recorder.said.size() - 1);
    }

    @Test
    void keepsAllThatWasMadeWhenTheWorkIsCutShort() {
        StringBuilder made = new StringBuilder();
        assertThatThrownBy(() -> {
                    try (Progress progress = progress(20)) {
                        for (int i = 0; i < 8; i++) {
                            millis += 150;
                            made.append(i);
                            progress.step("", () -> new View.Text("", made.toString()));
                        }
                        throw new IllegalStateException("enough");
                    }
                })
                .hasMessage("enough");
        assertThat(recorder.said)
                .endsWith("0.4 sweep: stopped after 8 of 20, 1.2 s | 01234567", "sweep: stopped after 8 of 20, 1.2 s");
    }

    @Test
    void isDoneWhenTheWorkTookFewerStepsThanItMight() {
        try (Progress progress = progress(100)) {
            steps(progress, 7, 1000);
            progress.complete();
        }
        assertThat(recorder.said).last().isEqualTo("done: sweep: 7 of 7 in 7.0 s");
    }

    @Test
    void drawsOnItsOwnThreadOnly() throws InterruptedException {
        try (Progress progress = progress(100)) {
            Thread worker = new Thread(() -> steps(progress, 50, 100));
            worker.start();
            worker.join();
            assertThat(recorder.said).isEmpty();
            steps(progress, 1, 100);
            assertThat(recorder.said).containsExactly("0.51 sweep: 51/100, 4.9 s left");
        }
    }

    @Test
    void goesOnWhenNobodyLooks() {
        Progress progress = new Progress("sweep", 100, () -> millis * 1_000_000, () -> new DisplayHost() {
            @Override
            public void install() {}

            @Override
            public void show(Displayable displayable) {}

            @Override
            public Optional<Live> open() {
                recorder.opened++;
                return Optional.empty();
            }
        });
        try (progress) {
            steps(progress, 100, 100);
        }
        assertThat(recorder.opened).as("asked once, not at each step").isEqualTo(1);
    }

    @Test
    void refusesANegativeTotal() {
        assertThatThrownBy(() -> Progress.of("sweep", -1))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("'sweep' must be >= 0 steps, got -1");
    }

    private Progress progress(long total) {
        return new Progress("sweep", total, () -> millis * 1_000_000, () -> recorder);
    }

    private void steps(Progress progress, int steps, long each) {
        for (int i = 0; i < steps; i++) {
            millis += each;
            progress.step();
        }
    }

    private static final class Recorder implements DisplayHost, DisplayHost.Live {
        private final List<String> said = new ArrayList<>();
        private int opened;

        @Override
        public void install() {}

        @Override
        public void show(Displayable displayable) {}

        @Override
        public Optional<Live> open() {
            opened++;
            return Optional.of(this);
        }

        @Override
        public void update(double fraction, String line) {
            said.add(fraction + " " + line);
        }

        @Override
        public void update(double fraction, String line, Displayable soFar) {
            update(fraction, line + " | " + ((View.Text) soFar.view()).body());
        }

        @Override
        public void finish(String line) {
            said.add("done: " + line);
        }

        @Override
        public void stop(String line) {
            said.add(line);
        }
    }
}
