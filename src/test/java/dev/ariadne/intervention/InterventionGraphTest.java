package dev.ariadne.intervention;

import static dev.ariadne.intervention.InterventionGraph.row;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.ariadne.attribution.ActiveFeatures;
import dev.ariadne.attribution.ReplacementModel;
import dev.ariadne.display.Display;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.model.Logits;
import dev.ariadne.transcoder.Feature;
import dev.ariadne.transcoder.TranscoderSet;
import dev.ariadne.view.Citation;
import dev.ariadne.view.SupernodeGraph;
import dev.ariadne.view.SupernodeGraph.State;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tech.tablesaw.api.Table;

/** Supernodes of the tutorial model's own neurons. */
class InterventionGraphTest {
    private static final String DALLAS = "Fact: the capital of the state containing Dallas is";
    private static final String OAKLAND = "Fact: the capital of the state containing Oakland is";
    private static final ReplacementModel replacement = neurons();

    private static final Supernode sayAustin = last("Say Austin", DALLAS);
    private static final Supernode texas = at("Texas", DALLAS, 9).leadsTo(sayAustin);
    private static final Supernode capital = at("capital", DALLAS, 4).leadsTo(sayAustin);
    private static final Supernode california = at("California", OAKLAND, 9).on(OAKLAND);

    private static ReplacementModel neurons() {
        HookedTransformer model = HookedTransformer.load("tutorial", "cpu");
        return ReplacementModel.of(model, TranscoderSet.ofNeurons(model));
    }

    @AfterAll
    static void close() {
        replacement.transcoders().close();
        replacement.model().close();
    }

    /** The three strongest features of a layer at a token. */
    private static Supernode at(String name, String prompt, int position) {
        return Supernode.of(name, strongest(prompt, 0, position));
    }

    private static Supernode last(String name, String prompt) {
        return Supernode.of(name, strongest(prompt, 2, 10));
    }

    private static List<Feature> strongest(String prompt, int layer, int position) {
        return replacement.features(prompt).strongest(position, 200).stream()
                .filter(feature -> feature.layer() == layer)
                .limit(3)
                .toList();
    }

    private static InterventionGraph graph() {
        return InterventionGraph.of(replacement, DALLAS, row(capital), row(texas), row(sayAustin));
    }

    @Test
    void setsFactorsOfWhatIsActiveWithoutAnIntervention() {
        ActiveFeatures clean = replacement.features(DALLAS);
        try (InterventionGraph graph = graph();
                FeaturePatcher patcher = FeaturePatcher.of(replacement, DALLAS)) {
            List<Setting> byHand = new ArrayList<>();
            texas.features().forEach(f -> byHand.add(Setting.of(f, -1 * clean.activation(f))));
            InterventionResult result = graph.intervene(texas.times(-1));
            requireSame(result.settings(), byHand);
            try (PatchedRun run = patcher.next(byHand, Mode.FROZEN)) {
                Logits.Prediction top = run.logits().top(1).get(0);
                assertThat(result.top()).isEqualTo(top.token()).isNotEqualTo("Austin");
                assertThat(result.top(1).get(0).probability()).isCloseTo(top.probability(), within(1e-5));
                double[] now = run.activations(sayAustin.features());
                double mean = 0;
                for (int i = 0; i < 3; i++) {
                    mean += now[i] / clean.activation(sayAustin.features().get(i)) / 3;
                }
                assertThat(result.activation(sayAustin)).isCloseTo(mean, within(1e-6));
            }
            assertThat(result.activation(texas)).isNaN();
            assertThat(result.activation(capital)).isCloseTo(1, within(1e-6));
            assertThat(result.of("Austin").probabilityBefore()).isGreaterThan(0.99);
        }
    }

    /** The same features, and values that differ by the rounding of two ways to run one prompt. */
    private static void requireSame(List<Setting> found, List<Setting> expected) {
        assertThat(found).hasSameSizeAs(expected);
        for (int i = 0; i < found.size(); i++) {
            assertThat(found.get(i))
                    .isEqualTo(new Setting(
                            expected.get(i).layer(),
                            expected.get(i).positions(),
                            expected.get(i).index(),
                            found.get(i).values()));
            assertThat(found.get(i).values()[0]).isCloseTo(expected.get(i).values()[0], within(1e-5));
        }
    }

    @Test
    void carriesNothingFromOneInterventionToTheNext() {
        try (InterventionGraph graph = graph()) {
            String before = graph.clean().toString();
            InterventionResult first = graph.intervene(texas.times(-1));
            graph.intervene(capital.times(-2), california.times(2).replacing(texas));
            assertThat(graph.intervene(texas.times(-1)).toString()).isEqualTo(first.toString());
            assertThat(graph.clean().toString()).isEqualTo(before);
            assertThat(graph.intervene(texas.times(1)).top()).isEqualTo("Austin");
        }
    }

    @Test
    void putsFeaturesOfAnotherPromptInWithTheirOwnActivations() {
        ActiveFeatures there = replacement.features(OAKLAND);
        try (InterventionGraph graph = graph()) {
            InterventionResult result =
                    graph.intervene(texas.times(0), california.times(1).replacing(texas));
            assertThat(result.top()).isEqualTo("Sacramento");
            List<Setting> own = california.features().stream()
                    .map(f -> Setting.of(f, there.activation(f)))
                    .toList();
            requireSame(
                    result.settings()
                            .subList(texas.features().size(), result.settings().size()),
                    own);
            SupernodeGraph view = result.view();
            assertThat(view.nodes())
                    .extracting(SupernodeGraph.Node::id)
                    .containsExactly("capital", "Texas", "California", "Say Austin");
            assertThat(view.nodes().get(1).state()).isEqualTo(State.REPLACED);
            assertThat(view.nodes().get(2).state()).isEqualTo(State.INSERTED);
            assertThat(view.nodes().get(2).note()).isEqualTo("×1 for Texas");
            assertThat(view.outputs()).extracting(SupernodeGraph.Output::token).contains("Sacramento", "Austin");
            // three tokens earlier, it lands on "the state", and Texas answers as before
            assertThat(graph.intervene(california.moved(-2).times(1))
                            .settings()
                            .get(0)
                            .positions())
                    .isEqualTo(Positions.at(7));
            Supernode mapped = california.moved(Map.of(9, 10));
            assertThat(graph.intervene(mapped.times(1)).settings().get(0).positions())
                    .isEqualTo(Positions.at(10));
        }
    }

    @Test
    void weighsArrowsByWhatTurningOffTheParentTakesFromTheChild() {
        try (InterventionGraph graph = graph()) {
            double left = graph.intervene(texas.times(0)).activation(sayAustin);
            assertThat(graph.weight("Texas", "Say Austin"))
                    .isCloseTo(1 - left, within(1e-5))
                    .isGreaterThan(0.1);
            Table table = graph.verify(1);
            assertThat(table.rowCount()).isEqualTo(2);
            assertThat(table.stringColumn("parent").asList()).containsExactly("capital", "Texas");
            assertThat(table.doubleColumn("×0").get(1)).isCloseTo(left, within(1e-5));
            assertThat(table.booleanColumn("supported").get(1)).isTrue();
            assertThat(graph.verify(1).print()).isEqualTo(table.print());
        }
    }

    @Test
    void comparesResultsInOneTable() {
        try (InterventionGraph graph = graph();
                InterventionGraph live = graph.with(Mode.LIVE)) {
            Table table = InterventionResult.compare(
                    graph.clean(), graph.intervene(texas.times(-1)), live.intervene(capital.times(-1)));
            assertThat(table.stringColumn("intervention").asList())
                    .containsExactly("no intervention", "Texas ×−1", "capital ×−1");
            assertThat(table.stringColumn("attention").asList()).containsExactly("frozen", "frozen", "live");
            assertThat(table.stringColumn("top").get(0)).isEqualTo("Austin");
            assertThat(table.doubleColumn("Texas").isMissing(1)).isTrue();
            try (InterventionGraph other = InterventionGraph.of(replacement, OAKLAND, row(last("x", OAKLAND)))) {
                assertThatThrownBy(() -> InterventionResult.compare(graph.clean(), other.clean()))
                        .hasMessageContaining("on one prompt of one model");
            }
        }
    }

    @Test
    void refusesResultsAndFeaturesOfAnotherModel() {
        try (ReplacementModel shipped = ReplacementModel.load("tutorial");
                InterventionGraph graph = graph();
                InterventionGraph other = InterventionGraph.of(shipped, DALLAS, row(Supernode.of("Texas", "0_62_9")))) {
            assertThatThrownBy(() -> InterventionResult.compare(graph.clean(), other.clean()))
                    .hasMessageContaining("on one prompt of one model");
            Supernode neuron = Supernode.of("a neuron", "0_700_9"); // the shipped transcoders have 475 in this layer
            assertThatThrownBy(() -> other.intervene(neuron.times(0)))
                    .hasMessageContaining("'a neuron' has the member 0_700_9, which the transcoders do not have");
        }
    }

    @ParameterizedTest
    @CsvSource({"2 4, 2 4, 1", "1 2, 2 4, 0.5", "3 0, 2 0, 1.5", "0 0, 0 0, 1", "1 3, 0 0, 3"})
    void countsActivationAsAShareAlsoOfNothing(String now, String before, double fraction) {
        assertThat(InterventionGraph.fraction(numbers(now), numbers(before))).isEqualTo(fraction);
    }

    private static double[] numbers(String text) {
        return List.of(text.split(" ")).stream()
                .mapToDouble(Double::parseDouble)
                .toArray();
    }

    @Test
    void saysWhereNoFeaturesWereFoundButNotOfTokens() {
        Supernode hub = Supernode.of("Say a capital", List.of()).leadsTo(sayAustin);
        Supernode token = Supernode.of("Emb: capital", List.of()).leadsTo(hub);
        try (InterventionGraph graph =
                InterventionGraph.of(replacement, DALLAS, row(token), row(hub), row(sayAustin))) {
            assertThat(graph.clean().view().nodes())
                    .extracting(SupernodeGraph.Node::state)
                    .containsExactly(State.INPUT, State.EMPTY, State.ACTIVE);
            assertThat(Display.svg(graph)).contains("no features");
        }
    }

    @Test
    void refusesGraphsThatAreNone() {
        Supernode other = Supernode.of("Texas", "0_1_3");
        assertThatThrownBy(() -> InterventionGraph.of(replacement, DALLAS, row(other), row(other)))
                .hasMessageContaining("two supernodes are called 'Texas'");
        assertThatThrownBy(() -> InterventionGraph.of(replacement, DALLAS, row(texas)))
                .hasMessageContaining("'Texas' leads to 'Say Austin', which is in no row");
        Supernode back = sayAustin.leadsTo(Supernode.of("Texas", texas.features()));
        assertThatThrownBy(() -> InterventionGraph.of(replacement, DALLAS, row(texas), row(back)))
                .hasMessageContaining("in a circle: Texas -> Say Austin -> Texas");
        for (String member : List.of("3_0_1", "0_768_1", "0_0_11")) {
            assertThatThrownBy(() -> InterventionGraph.of(replacement, DALLAS, row(Supernode.of("x", member))))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("'x' has the member " + member);
        }
        assertThatThrownBy(() -> InterventionGraph.of(replacement, DALLAS, row(california)))
                .hasMessageContaining("'California' is from another prompt");
        assertThatThrownBy(() -> Supernode.of("x", "0_1_2", "0_1_2")).hasMessageContaining("a member twice");
    }

    @Test
    void refusesInterventionsThatCannotBe() {
        assertThatThrownBy(() -> texas.times(Double.NaN))
                .hasMessageContaining("'Texas' must be set to a finite number");
        assertThatThrownBy(() -> Supernode.drawn("Emb: Dallas").times(0))
                .hasMessageContaining("'Emb: Dallas' has no features");
        try (InterventionGraph graph = graph()) {
            assertThatThrownBy(() -> graph.intervene(california.moved(5).times(1)))
                    .hasMessageContaining("the prompt has positions 0 to 10");
            assertThatThrownBy(() -> graph.intervene(california.moved(-10).times(1)))
                    .hasMessageContaining("before the prompt begins");
            assertThatThrownBy(() -> graph.intervene(texas.times(0), texas.times(1)))
                    .hasMessageContaining("'Texas' is set twice");
            assertThatThrownBy(() -> graph.intervene(texas.times(0).replacing(Supernode.drawn("Ohio"))))
                    .hasMessageContaining("to replace 'Ohio', which is in no row");
            assertThatThrownBy(
                            () -> graph.intervene(Supernode.of("Texas", "0_1_9").times(0)))
                    .hasMessageContaining("'Texas' has other members");
            assertThatThrownBy(() -> graph.clean().activation("Ohio"))
                    .hasMessageContaining("no supernode is called 'Ohio'");
        }
    }

    @Test
    void refusesWhatLeavesTheModelWithoutNumbers() {
        try (InterventionGraph graph = graph()) {
            assertThatThrownBy(() -> graph.intervene(texas.times(1e30)))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining(
                            "the model's logits are no numbers any more, but NaN, after [Texas ×1.0E30] on")
                    .hasMessageContaining("smaller multiples or values");
            assertThat(graph.intervene(texas.times(-2)).top(1).get(0).probability())
                    .isPositive(); // nothing is left of it
        }
    }

    @Test
    void whatIsClosedSaysSo() {
        InterventionGraph graph = graph();
        graph.close();
        for (ThrowingCallable use :
                List.<ThrowingCallable>of(() -> graph.intervene(texas.times(0)), () -> graph.verify(0))) {
            assertThatThrownBy(use)
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("the intervention graph of “" + DALLAS + "” is closed")
                    .hasMessageContaining("make it again with InterventionGraph.of(...)");
        }
        assertThat(graph.clean().top()).isEqualTo("Austin"); // plain numbers stay
    }

    @Test
    void aSpotIsNamedByATokenThatSaysSomething() {
        for (String token : List.of("", " ")) {
            assertThatThrownBy(() -> Spot.of(DALLAS, token))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("must say something, got '" + token + "' in “" + DALLAS + "”");
        }
    }

    @Test
    void choosesMembersByContrastWithoutLookingAtTheTokenItself() {
        List<Spot> texan = spots("Houston", "El Paso", "San Antonio", "Fort Worth");
        List<Spot> others = spots("Oakland", "Fresno", "Chicago", "Tampa", "Miami", "Tulsa", "Cleveland");
        Contrast contrast = Contrast.of(replacement, texan, others).layers(0, 0);
        Spot dallas = Spot.of(DALLAS, "Dallas");
        Supernode chosen = contrast.supernode("Texas", dallas);
        ActiveFeatures active = replacement.features(DALLAS);
        assertThat(chosen.features()).isNotEmpty().allMatch(f -> f.position() == 9 && active.place(f) >= 0);
        assertThat(contrast.share(dallas)).isBetween(0.01, 0.99);
        for (Contrast.Evidence one : contrast.evidence()) {
            long here = texan.stream().filter(spot -> isActive(spot, one)).count();
            long elsewhere = others.stream().filter(spot -> isActive(spot, one)).count();
            assertThat(one.here()).isEqualTo(here / 4.0).isGreaterThanOrEqualTo(0.6);
            assertThat(one.elsewhere()).isEqualTo(elsewhere / 7.0).isLessThanOrEqualTo(0.1);
        }
        try (InterventionGraph graph = InterventionGraph.of(replacement, DALLAS, row(chosen))) {
            assertThat(graph.intervene(chosen.times(-1)).top()).isNotEqualTo("Austin");
        }
        assertThatThrownBy(() -> Contrast.of(replacement, List.of(), others)).hasMessageContaining("got 0 tokens");
        assertThatThrownBy(() -> contrast.supernode("x", Spot.of(DALLAS, "Houston")))
                .hasMessageContaining("'Houston' is no token of");
    }

    @Test
    void readsSupernodesFromAPublishedAddress() {
        String url =
                "https://example.org/g?slug=x&supernodes=%5B%5B%22R%26D%22%2C%2220_15589_9%22%2C%22E_5_3%22%5D%2C%5B%22R%26D%22%2C%221_2_3%22%5D%5D";
        Map<String, Supernode> found = Supernode.fromUrl(url);
        assertThat(found.keySet()).containsExactly("R&D", "R&D (2)");
        assertThat(found.get("R&D")).isEqualTo(Supernode.of("R&D", "20_15589_9"));
        assertThatThrownBy(() -> InterventionGraph.of(replacement, DALLAS, List.copyOf(found.values())))
                .hasMessageContaining("the member 20_15589_9, which the transcoders do not have");
    }

    private static List<Spot> spots(String... places) {
        return List.of(places).stream()
                .map(place -> Spot.at("Fact: the capital of the state containing " + place + " is", 9))
                .toList();
    }

    private static boolean isActive(Spot spot, Contrast.Evidence one) {
        return replacement.features(spot.prompt()).place(new Feature(one.layer(), 9, one.index())) >= 0;
    }

    @Test
    void citesWhatWasSetInWhichModel() {
        try (InterventionGraph graph = graph()) {
            Citation citation =
                    graph.intervene(california.times(2).replacing(texas)).cite();
            String members =
                    california.features().stream().map(Feature::toString).collect(Collectors.joining(", "));
            assertThat(citation.facts())
                    .containsEntry("prompt", DALLAS)
                    .containsEntry("mode", "attention patterns frozen")
                    .containsEntry("supernode California", members)
                    .containsEntry("model", "tutorial")
                    .containsEntry(
                            "weights (SHA-256)", replacement.model().weights().sha256())
                    .containsEntry("transcoders", replacement.transcoders().toString())
                    .containsKeys("supernode Texas", "supernode Say Austin", "next token", "version");
            assertThat(citation.facts().get("interventions"))
                    .contains("California")
                    .contains("Texas");
            assertThat(citation.bibtex()).contains("@article{lindsey2025biology,", "@article{ameisen2025circuit,");
            assertThat(graph.cite().facts())
                    .containsEntry("interventions", "no intervention")
                    .doesNotContainKey("supernode California");
        }
    }
}
