package dev.ariadne.notebook;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import dev.ariadne.discovery.Acdc;
import dev.ariadne.discovery.AcdcConfig;
import dev.ariadne.discovery.AcdcTrace;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.task.Metric;
import dev.ariadne.task.Task;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What is seen of a search while it runs. */
class SearchProgressTest {
    private final RecordingKernel kernel = new RecordingKernel();

    @AfterEach
    void forgetTheKernel() {
        Kernels.reset();
    }

    @Test
    void saysHowManyEdgesAreLeftAndKeptHowLongItTakesAndWhatTheLastReceiversRead() {
        Kernels.use(kernel);
        try (HookedTransformer model = HookedTransformer.load("src/test/resources/tl/gpt2-tiny", "cpu")) {
            Task task = Task.of(model, "slow", new long[][] {{5, 9, 3}}, new long[][] {{5, 2, 8}}, new Slow());
            AcdcTrace trace = new Acdc(task, AcdcConfig.DEFAULT).trace();
            int edges = trace.decisions().size();
            List<String> shown = kernel.bundles.stream()
                    .map(bundle -> bundle.get("text/plain"))
                    .toList();
            assertThat(shown).hasSizeGreaterThan(3).last().isEqualTo("");
            Map<String, String> read = new LinkedHashMap<>();
            trace.kept()
                    .forEach(e -> read.merge(e.to() + " ← ", e.from().toString(), (one, more) -> one + ", " + more));
            List<String> kept = new ArrayList<>();
            read.forEach((to, from) -> kept.add(to + from));
            for (String frame : shown.subList(0, shown.size() - 1)) {
                assertThat(frame)
                        .matches("(?s)ACDC on slow: \\d+/" + edges
                                + ", [\\d.]+ s left, \\d+ kept, at (logits|[am]\\S+)\n.*");
                assertThat(frame.lines().skip(1))
                        .isNotEmpty()
                        .hasSizeLessThanOrEqualTo(12)
                        .allMatch(line -> kept.stream().anyMatch(whole -> whole.startsWith(line)));
            }
        }
    }

    /** A logit, on which the search waits. */
    private static final class Slow implements Metric {
        @Override
        public String name() {
            return "slow";
        }

        @Override
        public String unit() {
            return "logits";
        }

        @Override
        public NDArray perPrompt(NDArray logits) {
            LockSupport.parkNanos(60_000_000);
            return logits.get(":, 0, 0");
        }
    }
}
