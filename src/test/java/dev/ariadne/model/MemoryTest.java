package dev.ariadne.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDArray;
import dev.ariadne.circuit.Ablation;
import dev.ariadne.circuit.ComputationalGraph;
import dev.ariadne.circuit.Descent;
import dev.ariadne.circuit.Edge;
import dev.ariadne.circuit.EdgePatcher;
import dev.ariadne.circuit.Granularity;
import dev.ariadne.circuit.Node;
import dev.ariadne.discovery.Acdc;
import dev.ariadne.discovery.AcdcConfig;
import dev.ariadne.task.Metric;
import dev.ariadne.task.Task;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.CancellationException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

/** Native memory stays flat: it is compared after a warm-up and after all runs. */
class MemoryTest {
    private static final long SLACK = 40 << 20; // bytes: the garbage collector's and allocator's own fluctuation

    private static final long[][] TOKENS = {{5, 9, 3}};
    private static final long[][] CORRUPTED = {{7, 2, 8}};
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

    @Test
    void aThousandCircuitsOfOnePatcherLeaveMemoryFlat() {
        Iterator<Metric> metrics = List.of(
                        Metric.kl(),
                        Metric.logitDifference(new long[] {4}, new long[] {17}),
                        Metric.probabilityDifference(new long[][] {{4, 5}}, new long[][] {{6, 7}}),
                        Metric.meanSquaredError(3, 1))
                .iterator();
        for (String name : List.of("gpt2-tiny", "gemma-like-tiny", "shortformer-tiny", "attn-only-tiny")) {
            try (HookedTransformer other = TestModels.load("tl/" + name)) {
                ComputationalGraph graph = ComputationalGraph.of(other.config(), Granularity.SPLIT_QKV_DIRECT);
                List<Edge> edges = List.copyOf(graph.edges());
                Task task = Task.of(other, "any", TOKENS, CORRUPTED, metrics.next());
                try (EdgePatcher patcher = EdgePatcher.of(task, graph, Ablation.CORRUPTED)) {
                    assertSameArrays(other, 250, i -> {
                        patcher.metric(edges.subList(i % 20, edges.size()));
                        patcher.metric();
                    });
                    assertSameArrays(other, 3, i -> {
                        try (Descent descent = patcher.descend()) {
                            walk(other, descent, graph);
                        }
                    });
                }
            }
        }
    }

    /** Measures and removes an edge at every receiver; while nothing new is entered, measuring leaves nothing. */
    private static void walk(HookedTransformer model, Descent descent, ComputationalGraph graph) {
        List<Node> receivers = new ArrayList<>(graph.receivers());
        Collections.reverse(receivers);
        for (Node receiver : receivers) {
            descent.enter(receiver);
            List<Node> senders = graph.sendersTo(receiver);
            if (senders.get(0).isHeadInput()) {
                Edge direct = new Edge(senders.get(1), receiver);
                descent.measureWithout(direct);
                descent.remove(direct);
            } else if (descent.isAlive(receiver)) {
                boolean[][] first = new boolean[1][senders.size()];
                first[0][0] = true;
                descent.measure(receiver, senders, first);
                int arrays = model.arrayCount();
                descent.measure(receiver, senders, first);
                assertThat(model.arrayCount()).isEqualTo(arrays);
                descent.remove(receiver, senders.subList(0, 1));
            } else {
                descent.remove(receiver, senders);
            }
        }
    }

    @Test
    void aHundredSearchesLeaveMemoryFlat() {
        try (HookedTransformer other = TestModels.load("tracr/tracr-xproportion")) {
            Task task = Task.of(
                    other,
                    "any",
                    new long[][] {{0, 3, 2, 4, 3}, {0, 2, 2, 3, 5}}, // two of four letters are x, and one
                    new long[][] {{0, 2, 2, 3, 5}, {0, 3, 2, 4, 3}},
                    Metric.meanSquaredError());
            assertSameArrays(other, 100, i -> {
                Ablation ablation = Ablation.values()[i % 4];
                new Acdc(task, AcdcConfig.DEFAULT.withAblation(ablation)).trace();
            });
        }
    }

    @Test
    void searchesOfEveryKindLeaveTheProcessAsLargeAsItWas() throws IOException, InterruptedException {
        Task task = Task.of(model, "any", TOKENS, CORRUPTED, Metric.kl());
        assertFlat(36, i -> {
            AcdcConfig config = AcdcConfig.DEFAULT
                    .withAblation(Ablation.values()[i % 4])
                    .withGranularity(Granularity.values()[i % 3]);
            new Acdc(task, config.withThreshold(1e-4)).trace();
        });
    }

    @Test
    void interruptedSearchesLeaveNothing() {
        int[] calls = new int[1];
        Metric interrupting = new Metric() {
            @Override
            public String name() {
                return "interrupting";
            }

            @Override
            public String unit() {
                return "logits";
            }

            @Override
            public NDArray perPrompt(NDArray logits) {
                if (--calls[0] == 0) {
                    Thread.currentThread().interrupt();
                }
                return logits.get(":, :, 0").mean(new int[] {1});
            }
        };
        Task task = Task.of(model, "any", TOKENS, CORRUPTED, interrupting);
        assertSameArrays(model, 40, i -> {
            calls[0] = 3 + i % 9;
            assertThatThrownBy(() -> new Acdc(task, AcdcConfig.DEFAULT).trace())
                    .isInstanceOf(CancellationException.class)
                    .hasMessageContaining("run the cell again");
            assertThat(Thread.interrupted()).isTrue();
        });
    }

    @Test
    void searchesThatThrowLeaveNothing() {
        int[] calls = new int[1];
        Metric throwing = new Metric() {
            @Override
            public String name() {
                return "throwing";
            }

            @Override
            public String unit() {
                return "calls";
            }

            @Override
            public boolean needsReference() {
                return true;
            }

            @Override
            public Metric against(NDArray reference) {
                return step();
            }

            @Override
            public NDArray perPrompt(NDArray logits) {
                step();
                return logits.mean(new int[] {2}).mean(new int[] {1});
            }

            private Metric step() {
                if (--calls[0] == 0) {
                    throw new IllegalStateException("from the metric");
                }
                return this;
            }
        };
        Task task = Task.of(model, "any", TOKENS, CORRUPTED, throwing);
        assertSameArrays(model, 60, i -> {
            calls[0] = 1 + i % 6;
            assertThatThrownBy(() -> new Acdc(task, AcdcConfig.DEFAULT).trace()).hasMessage("from the metric");
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

    private static void assertSameArrays(HookedTransformer model, int runs, Body body) {
        body.run(0);
        int arrays = model.arrayCount();
        for (int i = 1; i <= runs; i++) {
            body.run(i);
        }
        assertThat(model.arrayCount()).as(model.name()).isEqualTo(arrays);
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
