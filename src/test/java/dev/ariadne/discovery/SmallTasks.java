package dev.ariadne.discovery;

import dev.ariadne.model.HookedTransformer;
import dev.ariadne.task.Metric;
import dev.ariadne.task.Task;
import java.nio.file.Path;

/** Tasks that small random models can be asked, and compiled programs' own. */
final class SmallTasks {
    private static final long[][] CLEAN = {{5, 9, 3, 7, 30, 2}, {8, 2, 21, 38, 9, 1}, {1, 1, 2, 3, 5, 8}};
    private static final long[][] CORRUPTED = {{5, 4, 3, 11, 30, 2}, {8, 2, 12, 38, 31, 6}, {14, 1, 2, 33, 5, 8}};

    private SmallTasks() {}

    /** "models/gpt2-tiny", "tl/attn-only-tiny". */
    static HookedTransformer load(String name) {
        return HookedTransformer.load(
                Path.of("src/test/resources").resolve(name).toString(), "cpu");
    }

    /** Measured by a logit difference at the last position but one. */
    static Task of(HookedTransformer model) {
        return Task.of(model, "small task", CLEAN, CORRUPTED, Metric.logitDifference(new long[] {4, 6, 20}, new long[] {
                    17, 1, 3
                }))
                .at(4);
    }
}
