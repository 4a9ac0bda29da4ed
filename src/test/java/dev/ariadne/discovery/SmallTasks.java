package dev.ariadne.discovery;

import ai.djl.ndarray.NDManager;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.model.weights.Checkpoint;
import dev.ariadne.task.Metric;
import dev.ariadne.task.Task;
import dev.ariadne.tensor.Tensors;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.IntStream;

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

    /** A folder's own prompts, by the squared difference of outputs at the positions behind the first. */
    static Task tracr(HookedTransformer model, String name) throws IOException {
        Path file = Path.of("src/test/resources/tracr").resolve(name).resolve("acdc_data.safetensors");
        try (Checkpoint data = Checkpoint.open(file);
                NDManager manager = Tensors.engine().newBaseManager()) {
            long[][] clean = tokens(data, "clean_tokens", manager);
            return Task.of(model, name, clean, tokens(data, "corrupt_tokens", manager), Metric.meanSquaredError())
                    .at(IntStream.range(1, clean[0].length).toArray());
        }
    }

    private static long[][] tokens(Checkpoint data, String name, NDManager manager) throws IOException {
        long[] flat = data.read(manager, name).toLongArray();
        int pos = Math.toIntExact(data.shape(name)[1]);
        return IntStream.range(0, flat.length / pos)
                .mapToObj(row -> Arrays.copyOfRange(flat, row * pos, (row + 1) * pos))
                .toArray(long[][]::new);
    }

    /** Measured by a logit difference at the last position but one. */
    static Task of(HookedTransformer model) {
        return Task.of(model, "small task", CLEAN, CORRUPTED, Metric.logitDifference(new long[] {4, 6, 20}, new long[] {
                    17, 1, 3
                }))
                .at(4);
    }
}
