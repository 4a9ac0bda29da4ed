package dev.ariadne.discovery;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.types.DataType;
import dev.ariadne.circuit.Ablation;
import dev.ariadne.circuit.ComputationalGraph;
import dev.ariadne.circuit.Edge;
import dev.ariadne.circuit.EdgePatcher;
import dev.ariadne.circuit.Granularity;
import dev.ariadne.circuit.Node;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.model.Logits;
import dev.ariadne.task.Metric;
import dev.ariadne.task.Task;
import dev.ariadne.task.Tasks;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SubnetworkProbingTest {
    private static final SubnetworkProbingConfig QUICK =
            SubnetworkProbingConfig.DEFAULT.withSteps(150, 0.1).withSeed(7);

    /** The published circuit of tracr-reverse. */
    private static final String REVERSE = "a0.h0->m0 a3.h0->logits embed->a0.h0<v> embed->a3.h0<v> embed->m0 embed->m1"
            + " a0.h0<v>->a0.h0 a3.h0<k>->a3.h0 a3.h0<q>->a3.h0 a3.h0<v>->a3.h0 m0->m1 m1->m2 m2->a3.h0<q>"
            + " pos_embed->a3.h0<k> pos_embed->m1";

    /** In float64; queries, keys and values of every head, and MLPs. */
    @ParameterizedTest
    @CsvSource({
        "tl/attn-only-tiny, CORRUPTED",
        "models/gpt2-tiny, CORRUPTED",
        "models/gpt2-tiny, ZERO",
        "models/llama-tiny, CORRUPTED",
        "models/gemma2-tiny, ZERO"
    })
    void gradientsOfMasksAgreeWithDifferences(String name, Ablation ablation) {
        try (HookedTransformer single = SmallTasks.load(name);
                HookedTransformer model = single.to(DataType.FLOAT64);
                MaskedNodes masked = new MaskedNodes(SmallTasks.of(model).measuring(Metric.kl()), ablation)) {
            double[] masks =
                    new Random(5).doubles(masked.nodes().nodes().size()).toArray();
            double[] found = masked.run(masks).gradients();
            for (int i = 0; i < masks.length; i++) {
                assertThat(found[i])
                        .as(masked.nodes().nodes().get(i).toString())
                        .isCloseTo(difference(masked, masks, i), within(1e-7));
            }
            assertThat(Arrays.stream(found).map(Math::abs).max().orElse(0)).isGreaterThan(1e-3);
        }
    }

    private static double difference(MaskedNodes masked, double[] masks, int i) {
        double step = 1e-5;
        double[] up = masks.clone();
        double[] down = masks.clone();
        up[i] += step;
        down[i] -= step;
        return (masked.run(up).metric() - masked.run(down).metric()) / (2 * step);
    }

    @Test
    void masksOfOneAreTheFullModel() {
        try (HookedTransformer model = SmallTasks.load("models/gpt2-tiny");
                MaskedNodes masked = new MaskedNodes(SmallTasks.of(model), Ablation.CORRUPTED)) {
            double[] ones = new double[masked.nodes().nodes().size()];
            Arrays.fill(ones, 1);
            Task task = SmallTasks.of(model);
            try (Logits full = model.run(task.clean())) {
                float plain = task.metric().apply(task.select(full.array(), 0)).getFloat();
                assertThat(masked.run(ones).metric()).isCloseTo(plain, within(1e-5));
            }
        }
    }

    /** s = σ((ln u − ln(1 − u) + a) / β), mask = clamp(1.2 s − 0.1), by hand at the start a = ln 5. */
    @Test
    void masksAreHardConcrete() {
        HardConcrete masks = new HardConcrete(2_000);
        HardConcrete.Sample sample = masks.sample(new Random(1));
        double u = new Random(1).nextDouble();
        double s = 1 / (1 + Math.exp(-1.5 * (Math.log(u / (1 - u)) + Math.log(5))));
        assertThat(sample.masks()[0]).isCloseTo(Math.min(1, Math.max(0, 1.2 * s - 0.1)), within(1e-12));
        assertThat(masks.present()[0]).isCloseTo(1 / (1 + Math.pow(1 / 11.0, 2.0 / 3) / 5), within(1e-12));
        long zeros = Arrays.stream(sample.masks()).filter(mask -> mask == 0).count();
        assertThat(zeros / 2_000.0).isCloseTo(1 - masks.present()[0], within(0.02)); // four standard errors
    }

    @Test
    void aHigherPriceKeepsLess() {
        try (HookedTransformer model = SmallTasks.load("models/gpt2-tiny")) {
            Task task = SmallTasks.of(model).measuring(Metric.kl());
            int[] sizes = new int[3];
            double[] metrics = new double[3];
            double[] prices = {0, 2, 100};
            for (int i = 0; i < 3; i++) {
                Subnetwork found =
                        SubnetworkProbing.of(task, QUICK.withLambda(prices[i])).find();
                sizes[i] = found.edges().size();
                metrics[i] = found.metric();
            }
            assertThat(sizes[0]).isGreaterThan(sizes[1]);
            assertThat(sizes[1]).isGreaterThan(sizes[2]);
            assertThat(metrics[0]).isLessThan(metrics[1]).isLessThan(0.02); // nats
            assertThat(metrics[1]).isLessThan(metrics[2]);
        }
    }

    @ParameterizedTest
    @CsvSource({"NODES", "EDGES"})
    void withoutAPriceNothingNeededIsLost(SubnetworkProbingConfig.Masks masks) {
        try (HookedTransformer model = SmallTasks.load("tl/attn-only-tiny")) {
            Task task = SmallTasks.of(model).measuring(Metric.kl());
            SubnetworkProbingConfig config = masks == SubnetworkProbingConfig.Masks.NODES
                    ? QUICK.withLambda(0)
                    : SubnetworkProbingConfig.EDGES.withLambda(0).withSteps(150, 0.1);
            Subnetwork found = SubnetworkProbing.of(task, config).find();
            try (EdgePatcher patcher = EdgePatcher.of(task, found.scores().graph(), Ablation.CORRUPTED)) {
                double nothing = patcher.metric(List.of());
                assertThat(nothing).isGreaterThan(0.4); // nats
                // one sample in about thirty loses what has a price of nothing but is not needed much
                assertThat(patcher.metric(found.edges())).isLessThan(0.2 * nothing);
            }
        }
    }

    @Test
    void edgesAreTrainedToASize() {
        try (HookedTransformer model = SmallTasks.load("models/gpt2-tiny")) {
            Task task = SmallTasks.of(model).measuring(Metric.kl());
            SubnetworkProbingConfig config = SubnetworkProbingConfig.EDGES.withSteps(150, 0.1);
            for (int size : new int[] {25, 60}) {
                Subnetwork found =
                        SubnetworkProbing.of(task, config.withTargetSize(size)).find();
                double expected = found.scores().scores().values().stream()
                        .mapToDouble(Double::doubleValue)
                        .sum();
                assertThat(expected).isBetween(size * 0.4, size * 1.1); // a bound from above
                assertThat(found.top(size)).hasSize(size);
                try (EdgePatcher patcher = EdgePatcher.of(task, found.scores().graph(), Ablation.CORRUPTED)) {
                    assertThat(patcher.metric(found.top(size))).isLessThan(patcher.metric(List.of()));
                }
            }
        }
    }

    /**
     * The program's seven nodes, and with them the area under the curve that the ACDC study prints for this program (0.692, edges, zero
     * ablation): each node keeps all its edges, so 28 of the 91 edges that are not in the published circuit stay.
     */
    @Test
    void findsTheNodesOfACompiledProgram() throws IOException {
        try (HookedTransformer model = SmallTasks.load("tracr/tracr-reverse")) {
            SubnetworkProbingConfig config = QUICK.withAblation(Ablation.ZERO)
                    .withSplitEmbedding(true)
                    .withLambda(0.03)
                    .withSteps(400, 0.1);
            Subnetwork found = SubnetworkProbing.of(SmallTasks.tracr(model, "tracr-reverse"), config)
                    .find();
            assertThat(found.nodes().stream().map(Node::toString))
                    .containsExactlyInAnyOrder("a0.h0<v>", "m0", "m1", "m2", "a3.h0<q>", "a3.h0<k>", "a3.h0<v>");
            ComputationalGraph direct = ComputationalGraph.of(model.config(), Granularity.SPLIT_QKV_DIRECT, true);
            Set<Edge> edges = NodeMasks.edges(found.nodes(), direct);
            Set<Edge> published =
                    Stream.of(REVERSE.split(" ", -1)).map(direct::edge).collect(Collectors.toSet());
            assertThat(direct.size()).isEqualTo(106);
            assertThat(edges).hasSize(43).containsAll(published);
            double falsePositives = (edges.size() - published.size()) / (double) (direct.size() - published.size());
            assertThat(1 - falsePositives).isCloseTo(0.692, within(5e-4)); // one point, all true edges found
        }
    }

    @Test
    void theSameSeedGivesTheSameCircuit() {
        try (HookedTransformer model = SmallTasks.load("tl/attn-only-tiny")) {
            Task task = SmallTasks.of(model);
            SubnetworkProbingConfig config = QUICK.withSteps(30, 0.1).withLambda(3);
            Subnetwork one = SubnetworkProbing.of(task, config).find();
            Subnetwork same = SubnetworkProbing.of(task, config).find();
            Subnetwork other = SubnetworkProbing.of(task, config.withSeed(8)).find();
            assertThat(same.losses()).isEqualTo(one.losses());
            assertThat(same.edges()).isEqualTo(one.edges());
            assertThat(other.losses()).isNotEqualTo(one.losses());
        }
    }

    @Test
    void stopsWhenInterrupted() {
        try (HookedTransformer model = SmallTasks.load("tl/attn-only-tiny")) {
            Thread.currentThread().interrupt();
            assertThatThrownBy(() -> SubnetworkProbing.of(SmallTasks.of(model)).find())
                    .isInstanceOf(CancellationException.class);
        } finally {
            assertThat(Thread.interrupted()).isTrue();
        }
    }

    @Test
    void saysWhatSettingsItTakes() {
        assertThatThrownBy(() -> QUICK.withLambda(-1)).hasMessageContaining("got -1.0");
        assertThatThrownBy(() -> QUICK.withSteps(0, 0.1)).hasMessageContaining("got 0 steps");
        assertThatThrownBy(() -> QUICK.withSteps(5, Double.NaN)).hasMessageContaining("got NaN");
        assertThatThrownBy(() -> QUICK.withAblation(Ablation.MEAN)).hasMessageContaining("Masks.EDGES");
    }

    /** Its answers are a single number, of which the metric reads the only column. */
    @Test
    void probesAProgramWithOneOutput() {
        try (HookedTransformer model = HookedTransformer.load("tracr-xproportion")) {
            SubnetworkProbingConfig config = SubnetworkProbingConfig.DEFAULT
                    .withSplitEmbedding(true)
                    .withLambda(0)
                    .withSteps(30, 0.1);
            Subnetwork found = SubnetworkProbing.of(Tasks.tracrXproportion(model, 8, 0), config)
                    .find();
            double[] losses = found.losses().stream().mapToDouble(loss -> loss).toArray();
            assertThat(Arrays.stream(losses, 0, 10).sum()).isPositive();
            assertThat(found.scores().scores().values().stream().distinct().count())
                    .as("masks have moved apart")
                    .isGreaterThan(3);
        }
    }
}
