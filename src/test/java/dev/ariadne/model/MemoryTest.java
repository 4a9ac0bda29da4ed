package dev.ariadne.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ariadne.task.Metric;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

/** Native memory stays flat: it is compared after a warm-up and after all runs. */
class MemoryTest {
    private static final long SLACK = 40 << 20; // bytes: the garbage collector's and allocator's own fluctuation

    private static final long[][] TOKENS = {{5, 9, 3}};
    private static final HookedTransformer model = TestModels.gpt2();

    @AfterAll
    static void close() {
        model.close();
    }

    @Test
    void tenThousandRunsLeaveMemoryFlat() throws IOException, InterruptedException {
        assertFlat(10_000, i -> {
            if (i % 2 == 0) {
                model.run(TOKENS).close();
            } else {
                model.runWithCache(TOKENS).close();
            }
        });
    }

    @Test
    void threeThousandRunsWithGradientsLeaveMemoryFlat() throws IOException, InterruptedException {
        Metric metric = Metric.logitDifference(new long[] {4}, new long[] {17});
        assertFlat(
                3_000,
                i -> model.runWithGradients(TOKENS, metric, List.of("z", "mlp_out"))
                        .close());
    }

    @Test
    void decompositionsAttributionsAndLensesLeaveMemoryFlat() throws IOException, InterruptedException {
        assertFlat(600, i -> {
            try (ActivationCache cache = model.runWithCache(TOKENS);
                    ResidStack all = cache.fullResidDecomposition(o -> o.applyLn());
                    ResidStack heads = cache.stackHeadResults(o -> o.inclRemainder())) {
                cache.directLogitAttribution(heads, new long[] {4}, new long[] {17});
                cache.logitLens();
                cache.logits().loss();
                all.table();
                assertThatThrownBy(() -> cache.stackNeuronResults(o -> o.maxBytes(1)))
                        .hasMessageContaining("maxBytes");
            }
        });
    }

    @Test
    void aThousandRunsThatThrowLeaveNothing() throws IOException, InterruptedException {
        Hook throwing = Hook.at("blocks.1.attn.hook_z", x -> {
            throw new IllegalStateException("from the hook");
        });
        assertFlat(
                1_000,
                i -> assertThatThrownBy(() -> model.runWithCache(TOKENS, List.of(), throwing))
                        .hasMessage("from the hook"));
        float[] after;
        try (Logits logits = model.run(TOKENS)) {
            after = logits.array().toFloatArray();
        }
        try (HookedTransformer fresh = TestModels.gpt2();
                Logits logits = fresh.run(TOKENS)) {
            assertThat(after).isEqualTo(logits.array().toFloatArray());
        }
    }

    @Test
    void fiveHundredProcessedModelsAndCircuitsLeaveMemoryFlat() throws IOException, InterruptedException {
        assertFlat(500, i -> {
            try (HookedTransformer processed = model.processWeights();
                    FactoredMatrix circuit = processed.weights().fullOv(1, i % 4);
                    Weight weight = processed.weights().get("W_E")) {
                circuit.svd();
                circuit.eigenvalues();
                weight.array().mul(2);
            }
        });
    }

    private interface Body {
        void run(int i);
    }

    private static void assertFlat(int runs, Body body) throws IOException, InterruptedException {
        for (int i = 0; i < runs / 3; i++) {
            body.run(i);
        }
        int arrays = model.arrayCount();
        long before = settledBytes();
        for (int i = 0; i < runs; i++) {
            body.run(i);
        }
        assertThat(model.arrayCount()).isEqualTo(arrays);
        assertThat(settledBytes() - before).isLessThan(SLACK);
    }

    /** The least of several readings: the collector gives the heap's pages back in its own time. */
    private static long settledBytes() throws IOException, InterruptedException {
        long least = Long.MAX_VALUE;
        for (int i = 0; i < 10; i++) {
            System.gc();
            Thread.sleep(100);
            least = Math.min(least, residentBytes());
        }
        return least;
    }

    /** Resident memory where the system tells it (Linux); elsewhere only the count of arrays is checked. */
    private static long residentBytes() throws IOException {
        Path status = Path.of("/proc/self/status");
        if (!Files.exists(status)) {
            return 0;
        }
        return Files.readAllLines(status).stream()
                .filter(line -> line.startsWith("VmRSS:"))
                .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) * 1024)
                .findFirst()
                .orElseThrow();
    }
}
