package dev.ariadne.sparse;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import dev.ariadne.circuit.Ablation;
import dev.ariadne.circuit.Circuit;
import dev.ariadne.circuit.Edge;
import dev.ariadne.circuit.Granularity;
import dev.ariadne.discovery.Acdc;
import dev.ariadne.discovery.AcdcConfig;
import dev.ariadne.discovery.EdgeAttribution;
import dev.ariadne.display.Display;
import dev.ariadne.model.ActivationCache;
import dev.ariadne.model.Hook;
import dev.ariadne.model.Logits;
import dev.ariadne.model.ModelConfig.Extras;
import dev.ariadne.sparse.PruneConfig.Ranking;
import dev.ariadne.task.Task;
import dev.ariadne.view.Citation;
import dev.ariadne.view.TokenGraph;
import dev.ariadne.view.TokenGraph.Kind;
import dev.ariadne.view.View;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CancellationException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import tech.tablesaw.api.Table;

/** On a model whose circuit is known. */
class CircuitPrunerTest {
    private static final PairTask QUOTES = MiniPython.task("single_double_quote", 24, 0);
    private static final List<String> WEIGHTS =
            List.of("0.attn.act_in.0->0.attn.v.1", "0.attn.v.1->0.attn.resid_delta.2");

    private final SparseTransformer trained = HandMade.quotes();
    private final CircuitPruner pruner = CircuitPruner.of(trained);

    @TempDir
    private Path folder;

    @AfterEach
    void close() {
        trained.close();
    }

    @ParameterizedTest
    @EnumSource(Ranking.class)
    void findsTheThreeChannelsAndTwoWeightsThatDoTheTask(Ranking ranking) {
        SparseCircuit circuit =
                pruner.with(PruneConfig.DEFAULT.withRanking(ranking)).prune(QUOTES);
        assertThat(circuit.connections()).extracting(Connection::toString).isEqualTo(WEIGHTS);
        assertThat(circuit.channels())
                .extracting(Channel::toString)
                .containsExactly("0.attn.act_in.0", "0.attn.v.1", "0.attn.resid_delta.2");
        assertThat(circuit.isMinimal()).isTrue();
        assertThat(circuit.loss()).isLessThanOrEqualTo(0.15);
        assertThat(circuit.streamChannels()).containsExactly(0, 2);
        assertThat(circuit.heads()).containsExactly("a0.h0");
    }

    @ParameterizedTest
    @EnumSource(
            value = Ablation.class,
            names = {"ZERO", "CORRUPTED"})
    void findsThemWhateverStandsInForTheRest(Ablation ablation) {
        SparseCircuit circuit =
                pruner.with(PruneConfig.DEFAULT.withAblation(ablation)).prune(QUOTES);
        assertThat(circuit.connections()).extracting(Connection::toString).isEqualTo(WEIGHTS);
    }

    /** From a start with much that is not needed: nothing of what is left can go. */
    @Test
    void nothingOfWhatIsLeftCanBeSpared() {
        SparseCircuit circuit = pruner.with(PruneConfig.DEFAULT.withTarget(0.3)).prune(QUOTES);
        Judge judge = circuit.pruner().judge(QUOTES.pairs());
        Part part = circuit.part();
        assertThat(judge.meets(part)).isTrue();
        for (int i = 0; i < part.channels().length; i++) {
            if (part.channels()[i]) {
                part.channels()[i] = false;
                assertThat(judge.meets(part)).isFalse();
                part.channels()[i] = true;
            }
        }
        for (int e = 0; e < part.edges().length; e++) {
            if (part.has(pruner.wiring(), e)) {
                part.edges()[e] = false;
                assertThat(judge.meets(part)).isFalse();
                part.edges()[e] = true;
            }
        }
    }

    @Test
    void aCircuitThatIsOneIsBelieved() {
        Verification verification = pruner.prune(QUOTES).verify();
        assertThat(verification.unseen()).isLessThan(0.2);
        assertThat(verification.accuracy()).isEqualTo(1);
        assertThat(verification.without()).isGreaterThan(0.6);
        assertThat(verification.withoutAccuracy()).isBetween(0.3, 0.7);
        assertThat(verification.random()).hasSize(5).allMatch(loss -> loss > 0.6);
        assertThat(verification.shuffledLabels()).isGreaterThan(0.3);
        assertThat(verification.randomWeights()).isGreaterThan(0.3);
        assertThat(verification.view()).isInstanceOf(View.Panels.class);
        assertThat(verification.toString()).contains("accuracy 1.000");
        Table table = verification.table();
        assertThat(table.stringColumn("what").asList())
                .hasSize(18)
                .startsWith("circuit, pairs it was cut out on", "circuit, unseen pairs")
                .endsWith("accuracy", "accuracy of the model without it");
        assertThat(table.doubleColumn("value").get(1)).isEqualTo(verification.unseen());
        assertThat(table.doubleColumn("value").get(16)).isEqualTo(1);
        assertThat(table.stringColumn("unit").asList()).containsOnly("nats", "share");
    }

    @Test
    void theGraphAloneIsWrittenForOtherPrograms() throws IOException {
        SparseCircuit circuit = pruner.prune(QUOTES);
        View.Graph diagram = circuit.diagram();
        assertThat(((View.Panels) circuit.view()).panels()).contains(diagram);
        assertThat(Display.csv(diagram).lines())
                .hasSize(1 + diagram.edges().size())
                .contains("0.attn.act_in.0,0.attn.v.1,3.0,", "0.attn.v.1,0.attn.resid_delta.2,3.0,");
        for (String name : List.of("c.dot", "c.csv", "c.tex")) {
            Display.save(diagram, folder.resolve(name));
        }
        assertThat(folder.resolve("c.dot")).content().contains("\"0.attn.act_in.0\" -> \"0.attn.v.1\" [");
        assertThatThrownBy(() -> Display.dot(circuit)).hasMessageContaining("save circuit.diagram()");
    }

    @Test
    void logitDifferencesCanBeJudgedAsTheyAre() {
        SparseCircuit circuit =
                pruner.with(PruneConfig.DEFAULT.withCalibrate(false)).prune(QUOTES);
        assertThat(circuit.calibration()).isEqualTo(Calibration.NONE);
        assertThat(circuit.loss()).isEqualTo(circuit.plainLoss()).isLessThanOrEqualTo(PruneConfig.DEFAULT.target());
    }

    @Test
    void whatSpeaksAgainstACircuitIsSaidInWords() {
        PairTask seen = new PairTask("seen", QUOTES.pairs(), QUOTES.pairs().subList(0, 3));
        Verification again = pruner.prune(seen).verify();
        assertThat(again.warnings()).anyMatch(text -> text.startsWith("3 of the unseen pairs"));
        PairTask alone = new PairTask("alone", QUOTES.pairs(), List.of());
        SparseCircuit all = pruner.with(PruneConfig.DEFAULT.withMinimal(false)).prune(alone);
        assertThat(all.isMinimal()).isFalse();
        assertThat(all.verify().warnings())
                .anyMatch(text -> text.contains("no unseen pairs"))
                .anyMatch(text -> text.contains("may not be minimal"));
    }

    @Test
    void timeEndsAndWhatThereIsIsKept() {
        SparseCircuit circuit =
                pruner.with(PruneConfig.DEFAULT.withMostSeconds(1e-9)).prune(QUOTES);
        assertThat(circuit.isMinimal()).isFalse();
        assertThat(circuit.loss()).isLessThanOrEqualTo(0.15);
    }

    @Test
    void aCircuitIsWrittenAndRead() throws IOException {
        Path file = folder.resolve("circuit.json");
        SparseCircuit circuit = pruner.prune(QUOTES);
        circuit.save(file);
        SparseCircuit read = SparseCircuit.read(file, pruner, QUOTES);
        assertThat(read.channels()).isEqualTo(circuit.channels());
        assertThat(read.connections()).isEqualTo(circuit.connections());
        assertThat(read.loss()).isEqualTo(circuit.loss());
        assertThat(read.lossByChannels()).isEqualTo(circuit.lossByChannels());
        assertThat(read.isMinimal()).isTrue();
        PairTask other = new PairTask("another", QUOTES.pairs(), List.of());
        assertThatThrownBy(() -> SparseCircuit.read(file, pruner, other)).hasMessageContaining("'another'");
        try (SparseTransformer strange = HandMade.random(Extras.NONE, 1)) {
            assertThatThrownBy(() -> SparseCircuit.read(file, CircuitPruner.of(strange), QUOTES))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("another model's");
        }
        String text = Files.readString(file);
        for (String damage :
                List.of("", "{}", text.replace("0.attn.v.1", "0.attn.v.77"), text.replace("\"weights\"", "\"w\""))) {
            Files.writeString(file, damage);
            assertThatThrownBy(() -> SparseCircuit.read(file, pruner, QUOTES)).isInstanceOf(IOException.class);
        }
        assertThat(folder.toFile().list()).containsExactly("circuit.json");
    }

    /** A file of version 0.1.0, kept as it was written: its form is read by all later ones. */
    @Test
    void aCircuitOfTheFirstFormIsReadForever() throws Exception {
        Path file = Path.of(Objects.requireNonNull(getClass().getResource("/sparse/circuit-1.json"))
                .toURI());
        SparseCircuit read = SparseCircuit.read(file, pruner, QUOTES);
        assertThat(read.connections()).extracting(Connection::toString).isEqualTo(WEIGHTS);
        assertThat(read.isMinimal()).isTrue();
    }

    @Test
    void aCircuitIsReadOnlyAsWhatItWas() throws IOException {
        Path file = folder.resolve("circuit.json");
        pruner.prune(QUOTES).save(file);
        PruneConfig other = PruneConfig.DEFAULT.withTarget(0.3);
        assertThatThrownBy(() -> SparseCircuit.read(file, pruner.with(other), QUOTES))
                .hasMessageContaining("expected 0.3, got 0.15 as target");
        SparseTransformer texts = SparseTransformer.of(trained.model(), HandMade.TEXTS.subList(0, 1));
        assertThatThrownBy(() -> SparseCircuit.read(file, CircuitPruner.of(texts), QUOTES))
                .hasMessageContaining("as mean of 0.attn");
        Files.writeString(file, Files.readString(file).replaceFirst("\"loss\" : [^,]+", "\"loss\" : 0.1"));
        assertThatThrownBy(() -> SparseCircuit.read(file, pruner, QUOTES)).hasMessageContaining("got 0.1 as loss");
    }

    @Test
    void channelsAreCountedFromZeroAndLookedForInTheRun() {
        assertThatThrownBy(() -> new Channel(0, Place.V, -1)).hasMessageContaining("channel -1");
        assertThatThrownBy(() -> new Channel(-1, Place.V, 0)).hasMessageContaining("block -1");
        Channel channel = new Channel(0, Place.V, 1);
        try (ActivationCache cache = trained.model().runWithCache(new long[][] {{0, 1}}, Place.V.hook(0))) {
            assertThat(channel.value(cache, 1)).isFinite();
            assertThatThrownBy(() -> channel.value(cache, 2)).hasMessageContaining("there are 2 positions");
            assertThatThrownBy(() -> channel.value(cache, -1)).hasMessageContaining("position -1");
        }
        SparseCircuit circuit = pruner.prune(QUOTES);
        Pair strange = new Pair(new long[] {0, 99}, new long[] {0, 1}, 6, 7);
        assertThatThrownBy(() -> circuit.card(circuit.channels().get(0), strange))
                .hasMessageContaining("99");
    }

    @Test
    void textsWithPaddingAreRefused() {
        List<long[]> padded = List.of(new long[] {0, 1, 2}, new long[] {-1, 0, 1});
        assertThatThrownBy(() -> SparseTransformer.of(trained.model(), padded))
                .hasMessageContaining("text 1 has 3 tokens, the smallest id -1");
        List<long[]> uneven = List.of(new long[] {0, 1, 2}, new long[] {0, 1});
        assertThatThrownBy(() -> SparseTransformer.of(trained.model(), uneven))
                .hasMessageContaining("text 1 has 2 tokens, the smallest id 0, the first one 3 tokens");
        assertThatThrownBy(() -> SparseTrainer.of(SparseConfig.TWO_PHASE).fit(padded))
                .hasMessageContaining("without padding");
    }

    @Test
    void aCircuitIsDrawnFromTheTokensThatWriteItToThoseItVotesFor() {
        View.Panels panels = (View.Panels) pruner.prune(QUOTES).view();
        View.Graph graph = (View.Graph) panels.panels().get(0);
        assertThat(graph.nodes()).hasSize(3 + 2 + 2);
        assertThat(graph.edges()).hasSize(2 + 2 + 2);
        assertThat(graph.edges())
                .anyMatch(edge -> edge.from().equals("read " + MiniPython.id("('")) && edge.weight() == 4);
    }

    /** A model whose circuit is known: pruning of weights, ACDC and attribution find the same edges between the same heads. */
    @Test
    void acdcAndAttributionFindTheSameHead() {
        Circuit edges = pruner.prune(QUOTES).betweenHeads(Granularity.SPLIT_QKV);
        assertThat(edges.edgeSet())
                .extracting(Edge::toString)
                .containsExactlyInAnyOrder("embed->a0.h0<v>", "a0.h0->logits", "embed->logits");
        Task task = MiniPython.task("single_double_quote", 100, 0).task(trained.model());
        assertThat(task.accuracy()).isEqualTo(1);
        AcdcConfig config = AcdcConfig.DEFAULT.withGranularity(Granularity.SPLIT_QKV);
        Circuit found = new Acdc(task, config.withThreshold(0.5)).findCircuit();
        assertThat(found.edgeSet())
                .extracting(Edge::toString)
                .containsExactlyInAnyOrder("embed->a0.h0<v>", "a0.h0->logits"); // what the last word says is not asked
        assertThat(EdgeAttribution.eap(task).top(2)).isEqualTo(found.edgeSet());
        assertThat(found.compare(edges).edges().recall()).isEqualTo(2 / 3.0);
        Circuit direct = pruner.prune(QUOTES).betweenHeads(Granularity.SPLIT_QKV_DIRECT);
        assertThat(direct.edgeSet()).extracting(Edge::toString).contains("a0.h0<v>->a0.h0");
        Circuit heads = pruner.prune(QUOTES).betweenHeads(Granularity.HEADS);
        assertThat(heads.edgeSet()).extracting(Edge::toString).contains("embed->a0.h0");
    }

    @Test
    void aTaskForAcdcHasTheOtherPromptOfThePairAsTheCorruptedOne() {
        Pair one = new Pair(new long[] {0, 4, 9}, new long[] {0, 5, 9}, 6, 7);
        Pair other = new Pair(new long[] {0, 2, 4, 9}, new long[] {0, 2, 5, 9}, 6, 7);
        Pair uneven = new Pair(new long[] {0, 4}, new long[] {0, 4, 5}, 6, 7);
        Task task = new PairTask("some", List.of(uneven, other, one, one), List.of(other)).task(trained.model());
        assertThat(task.clean()).isDeepEqualTo(new long[][] {{0, 4, 9}, {0, 5, 9}, {0, 4, 9}, {0, 5, 9}});
        assertThat(task.corrupted()).isDeepEqualTo(new long[][] {{0, 5, 9}, {0, 4, 9}, {0, 5, 9}, {0, 4, 9}});
        assertThatThrownBy(() -> new PairTask("uneven", List.of(uneven), List.of()).task(trained.model()))
                .hasMessageContaining("'uneven'");
    }

    /** A column per token, a node per channel and token; what is at rest is gray, and the links are weights times differences from means. */
    @Test
    void aCircuitIsDrawnAtWorkOnAPrompt() {
        SparseCircuit circuit = pruner.prune(QUOTES);
        TokenGraph graph = circuit.on(MiniPython.ids("<bos> print (' hello"));
        assertThat(graph.layers()).containsExactly("tokens", "0 heads read", "0 values", "0 heads write", "votes");
        assertThat(graph.nodes()).hasSize(4 + 3 * 4 + 2);
        assertThat(graph.nodes())
                .filteredOn(node -> node.id().startsWith("0.attn.v.1@"))
                .extracting(TokenGraph.Node::kind)
                .containsExactly(Kind.AT_REST, Kind.AT_REST, Kind.CHANNEL, Kind.AT_REST);
        double mean = pruner.means()[pruner.wiring().number(Channel.parse("0.attn.act_in.0"))];
        TokenGraph.Node read = node(graph, "0.attn.act_in.0@2");
        double brought = graph.links().stream()
                .filter(link -> graph.nodes().get(link.from()).equals(read))
                .mapToDouble(TokenGraph.Link::weight)
                .sum();
        assertThat(brought).isCloseTo(3 * (read.value() - mean), within(1e-6));
        assertThat(Display.svg(graph)).contains("at rest").doesNotContain("NaN");
        assertThatThrownBy(() -> circuit.on(99)).hasMessageContaining("token id 99");
        assertThatThrownBy(circuit::on).hasMessageContaining("got 0");
    }

    private static TokenGraph.Node node(TokenGraph graph, String id) {
        return graph.nodes().stream()
                .filter(node -> node.id().equals(id))
                .findFirst()
                .orElseThrow();
    }

    @Test
    void aCardSaysWhoWritesAndReadsAChannel() {
        SparseCircuit circuit = pruner.prune(QUOTES);
        Pair pair = QUOTES.unseen().get(0);
        View.Panels card = (View.Panels) circuit.card(Channel.parse("0.attn.act_in.0"), pair);
        View.Facts facts = (View.Facts) card.panels().get(0);
        assertThat(facts.facts())
                .containsEntry("is read by", "0.attn.v.1 (+3.00)")
                .doesNotContainKey("reads");
        assertThat(facts.facts().get("tokens that write it"))
                .contains("(+4.00)")
                .contains("(-4.00)");
        View.Tokens both = (View.Tokens) card.panels().get(1); // in one view, so that a color means one value
        assertThat(both.tokens()).hasSize(pair.first().length + pair.second().length);
        assertThat(both.tokens().get(pair.first().length - 1)).endsWith("\n");
        Channel absent = Channel.parse("0.attn.v.2");
        assertThatThrownBy(() -> circuit.card(absent, pair)).hasMessageContaining("0.attn.v.2 is not in the circuit");
    }

    @Test
    void whatTheModelDoesNotDoIsRefused() {
        PairTask brackets = MiniPython.task("bracket_counting", 8, 0);
        assertThatThrownBy(() -> pruner.prune(brackets))
                .hasMessageContaining("does not do 'bracket_counting'")
                .hasMessageContaining("0.693");
        PairTask nonsense = QUOTES.nonsense(MiniPython.id(".add("), MiniPython.id("+="));
        assertThatThrownBy(() -> pruner.prune(nonsense)).hasMessageContaining("nonsense");
        Pair strange = new Pair(new long[] {0, 99}, new long[] {0, 1}, 2, 3);
        assertThatThrownBy(() -> pruner.prune(new PairTask("strange", List.of(strange), List.of())))
                .hasMessageContaining("99");
        Pair endless = new Pair(new long[40], new long[] {0, 1}, 2, 3);
        assertThatThrownBy(() -> pruner.prune(new PairTask("endless", List.of(endless), List.of())))
                .hasMessageContaining("40 tokens, the model takes at most 32");
        assertThatThrownBy(() -> PruneConfig.DEFAULT.withTarget(0.7)).hasMessageContaining("0.7");
        assertThatThrownBy(() -> PruneConfig.DEFAULT.withAblation(Ablation.MEAN_POSITIONAL))
                .hasMessageContaining("MEAN_POSITIONAL");
    }

    @Test
    void pruningCanBeInterrupted() {
        Thread.currentThread().interrupt();
        try {
            assertThatThrownBy(() -> pruner.prune(QUOTES)).isInstanceOf(CancellationException.class);
        } finally {
            assertThat(Thread.interrupted()).isTrue();
        }
    }

    @Test
    void aLineIsFittedAsByAnExhaustiveSearch() {
        List<double[]> cases = List.of(
                new double[] {1.4, 0.2, 2.1, 0.9, 0.7, 1.1, 1.9, -0.4},
                new double[] {3, 3, 3, 3.1, 3, 3}, // nothing to tell apart, and an offset
                new double[] {-2, 1, -1, 2, -0.5, 2}, // the wrong way round
                new double[] {9, -4, 0.1, 0.2, 5, 0.3, 7, 6.5}); // a full step would go too far
        for (double[] differences : cases) {
            double best = Double.POSITIVE_INFINITY;
            for (double scale = 0; scale <= 8; scale += 0.01) {
                for (double shift = -10; shift <= 10; shift += 0.02) {
                    best = Math.min(best, new Calibration(scale, shift).loss(differences));
                }
            }
            double got = Calibration.fit(differences, 8).loss(differences);
            assertThat(got).isCloseTo(best, within(2e-3)); // a ridge of 1e-4 pulls a little
            assertThat(got).isLessThanOrEqualTo(PairTask.CHANCE); // what a scale of 0 gives
        }
        assertThat(Calibration.fit(new double[] {0.1, -0.1}, 8).scale()).isEqualTo(8);
        assertThat(new Calibration(1, 0).loss(new double[] {0, 0})).isCloseTo(Math.log(2), within(1e-12));
        assertThat(new Calibration(1, 0).accuracy(new double[] {1, 1, 2, -3})).isEqualTo(0.75);
    }

    @Test
    void aFrontierSaysWhatEachModelDoesAndLeavesOpenWhatItDoesNot() {
        PairTask brackets = MiniPython.task("bracket_counting", 8, 0);
        Frontier quotes = Frontier.of(Map.of("by hand", trained), List.of(QUOTES), HandMade.TEXTS, PruneConfig.DEFAULT);
        assertThat(quotes.points().get(0).meanEdges(quotes.tasks())).isCloseTo(2, within(1e-9));
        assertThat(quotes.chart().getTitle()).contains("0.15");
        Frontier both =
                Frontier.of(Map.of("by hand", trained), List.of(QUOTES, brackets), HandMade.TEXTS, PruneConfig.DEFAULT);
        assertThat(both.points().get(0).edges()).containsExactly(Map.entry("single_double_quote", 2));
        assertThat(both.points().get(0).meanEdges(both.tasks())).isNaN();
        assertThat(((View.Table) both.view()).rows().get(0)).contains("not done");
        PruneConfig hasty = PruneConfig.DEFAULT.withMostSeconds(1e-9);
        Frontier open = Frontier.of(Map.of("by hand", trained), List.of(QUOTES), HandMade.TEXTS, hasty);
        assertThat(open.points().get(0).atMost()).containsExactly("single_double_quote");
        assertThat(((View.Table) open.view()).rows().get(0)).anyMatch(cell -> cell.startsWith("≤ "));
        assertThat(((View.Table) quotes.view()).rows().get(0)).noneMatch(cell -> cell.startsWith("≤"));
    }

    /** One circuit alone is enough where the model has a copy of it, and nothing breaks without it; both together are needed. */
    @Test
    void aSecondWayIsFoundAndBothSidesTogetherAreNecessary() {
        try (SparseTransformer twice = HandMade.quotes(true)) {
            PruneConfig config =
                    PruneConfig.DEFAULT.withRanking(Ranking.ATTRIBUTION).withAblation(Ablation.ZERO);
            CircuitPruner of = CircuitPruner.of(twice, config);
            SparseCircuit one = of.prune(QUOTES);
            assertThat(one.edgeCount()).isEqualTo(2);
            assertThat(one.verify().warnings()).anyMatch(text -> text.contains("pruneBothSides"));
            SparseCircuit both = of.pruneBothSides(QUOTES);
            assertThat(both.connections())
                    .extracting(Connection::toString)
                    .containsExactlyInAnyOrder(
                            "0.attn.act_in.0->0.attn.v.1",
                            "0.attn.act_in.1->0.attn.v.5",
                            "0.attn.v.1->0.attn.resid_delta.2",
                            "0.attn.v.5->0.attn.resid_delta.3");
            assertThat(both.verify().without()).isGreaterThan(0.6);
        }
    }

    @Test
    void aScaleAtItsLimitAndPairsThatContradictAreWarnedOf() {
        PruneConfig config = new PruneConfig(0.15, Ranking.ATTRIBUTION, Ablation.MEAN, true, 1, true, 300, 0);
        assertThat(pruner.with(config).prune(QUOTES).verify().warnings())
                .anyMatch(text -> text.contains("the most that is allowed"));
        List<Pair> turned = QUOTES.unseen().stream()
                .map(pair -> new Pair(
                        /* first= */ pair.second(),
                        /* second= */ pair.first(),
                        pair.firstAnswer(),
                        pair.secondAnswer()))
                .toList();
        Verification fitted = pruner.with(config)
                .prune(new PairTask("turned", QUOTES.pairs(), turned))
                .verify();
        assertThat(fitted.accuracy()).isZero();
        assertThat(fitted.warnings()).anyMatch(text -> text.contains("fitted to the pairs"));
    }

    /** The model itself, with one channel set to what it is on the other prompt of the pair, gives the other answer. */
    @Test
    void settingAChannelToItsOtherValueTurnsTheAnswer() {
        Channel type = Channel.parse("0.attn.v.1");
        long[] one = MiniPython.ids("<bos> print (' hello");
        long[] other = MiniPython.ids("<bos> print (\" hello");
        double value;
        try (ActivationCache cache = trained.model()
                .runWithCache(new long[][] {other}, List.of(type.place().hook(0)))) {
            value = type.value(cache, 2);
            double mean = pruner.means()[pruner.wiring().number(type)];
            assertThat(value).isLessThan(mean);
        }
        assertThat(difference(one)).isPositive();
        assertThat(difference(one, type.set(2, value))).isNegative();
        assertThat(difference(one, type.set(1, value))).isPositive().isNotEqualTo(difference(one));
        Hook outside = type.set(4, value);
        assertThatThrownBy(() -> difference(one, outside)).hasMessageContaining("0.attn.v.1 at position 4");
    }

    private double difference(long[] prompt, Hook... hooks) {
        try (Logits logits = trained.model().next(new long[][] {prompt}, hooks)) {
            NDArray end = logits.array();
            return end.getFloat(0, 0, MiniPython.id("')")) - end.getFloat(0, 0, MiniPython.id("\")"));
        }
    }

    @Test
    void citesHowItWasCutOutOfWhichModel() {
        SparseCircuit circuit =
                pruner.with(PruneConfig.DEFAULT.withTarget(0.2).withSeed(3)).prune(QUOTES);
        Citation citation = circuit.cite();
        assertThat(citation.facts())
                .containsEntry("circuit", "3 channels, 2 weights")
                .containsEntry("task", "single_double_quote")
                .containsEntry("model", trained.model().name())
                .containsEntry("weights (SHA-256)", trained.model().weights().sha256())
                .containsEntry("ablation", "mean")
                .containsEntry("target", "0.2 nats")
                .containsEntry("seed", "3")
                .containsKey("version");
        assertThat(citation.bibtex()).contains("@article{gao2025weightsparse,", "eprint = {2511.13653}");
        assertThat(circuit.betweenHeads(Granularity.HEADS).cite().bibtex()).contains("gao2025weightsparse");
    }
}
