package dev.ariadne.intervention;

import static dev.ariadne.intervention.InterventionGraph.row;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.ariadne.Cells;
import dev.ariadne.attribution.ReplacementModel;
import dev.ariadne.display.Display;
import dev.ariadne.view.Displayable;
import dev.ariadne.view.View;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.StreamSupport;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The published demonstrations on random files in Gemma-2-2B's layout and names, and the tutorials with these in the place of the tutorial model. */
class DemonstrationTest {
    private static final String SWITCH = "var where = \"tutorial\";";

    @TempDir
    private static Path folder;

    private static ReplacementModel gemma;

    @BeforeAll
    static void write() throws IOException {
        GemmaFiles.write(folder);
        gemma = ReplacementModel.load(folder.toString());
    }

    @AfterAll
    static void close() {
        gemma.close();
    }

    @Test
    void repeatsThePublishedInterventionsWithThePublishedMembers() {
        View.Table table = (View.Table) Demonstration.dallas().compare(gemma).view();
        assertThat(table.rows()).hasSize(8);
        assertThat(table.rows().get(0).get(3)).startsWith("Austin 42, not 6");
        assertThat(table.rows().get(5).get(0)).isEqualTo("Texas ×−2, California ×2 for Texas");
        assertThat(table.rows()).allSatisfy(row -> {
            assertThat(row.get(4)).isNotEmpty();
            assertThat(row.get(5)).isEqualTo("no"); // random weights do not say Austin
        });
        // by hand: Texas off
        Supernode texas =
                Supernode.of("Texas", "20_15589_9", "19_7477_9", "16_25_9", "4_13154_9", "14_2268_9", "7_6861_9");
        Supernode state = Supernode.of("state", "6_4012_7", "0_13727_7");
        Supernode sayAustin = Supernode.of("Say Austin", "23_12237_10");
        try (InterventionGraph graph =
                InterventionGraph.of(gemma, Demonstration.dallas().prompt(), row(state, texas), row(sayAustin))) {
            InterventionResult off = graph.intervene(texas.times(-2));
            assertThat(table.rows().get(3).get(2))
                    .contains(String.format(Locale.ROOT, "Say Austin %.0f", 100 * off.activation("Say Austin")))
                    .contains("state 100");
            assertThat(table.rows().get(3).get(4))
                    .startsWith(off.top().strip()
                            + String.format(
                                    Locale.ROOT,
                                    " %.0f",
                                    100 * off.top(1).get(0).probability()));
        }
    }

    @Test
    void movesTheSynonymToTheOppositesPlace() {
        Demonstration demo = Demonstration.opposites();
        View.Table table = (View.Table) demo.compare(gemma).view();
        assertThat(table.rows()).hasSize(5);
        assertThat(table.rows().get(4).get(0)).isEqualTo("opposite ×−2, synonym ×2 for opposite");
        assertThat(Objects.requireNonNull(demo.nodes().get("synonym")).placed())
                .allMatch(feature -> feature.position() == 2);
        assertThat(Objects.requireNonNull(demo.nodes().get("opposite")).features())
                .hasSize(12);
    }

    @Test
    void showsThePublishedFigures() {
        Map<String, Supernode> same = Demonstration.dallas().nodes();
        assertThat(((View.Table) Demonstration.dallas().view()).rows().get(1))
                .containsExactly(
                        "Say a capital ×−2",
                        "capital 100, state 100, Texas 100, Say Austin 0",
                        "Texas 45, the 8, called 5, not 5, known 3");
        assertThat(Objects.requireNonNull(same.get("state")).children())
                .extracting(Supernode::name)
                .containsExactly("Say a capital", "Texas");
    }

    @Test
    void theOtherPublishedRowsPutFeaturesWhereTheyWerePut() {
        List<Demonstration> more = Demonstration.more();
        assertThat(more)
                .extracting(Demonstration::prompt)
                .containsExactly("Fait: Michael Jordan joue au", "Mexico:Spanish :: US:");
        assertThat(Objects.requireNonNull(more.get(0).nodes().get("say football"))
                        .placed())
                .as("position 6 of the other prompt, set at 7")
                .extracting(Object::toString)
                .containsExactly("16_5039_7");
        assertThat(((View.Table) more.get(1).view()).rows().get(1))
                .containsExactly("language ×0, currency ×10 for language", "", "Dollar 8, English 5, Dollar 4");
        for (Demonstration demo : more) {
            View.Table table = (View.Table) demo.compare(gemma).view();
            assertThat(table.rows()).allSatisfy(row -> assertThat(row.get(5)).isEqualTo("no"));
        }
        try (ReplacementModel tutorial = ReplacementModel.load("tutorial")) { // its words are others
            assertThatThrownBy(() -> more.get(0).compare(tutorial)).isInstanceOf(IllegalArgumentException.class);
        }
    }

    /** All cells, with the one variable changed that is to be changed; what they show is drawn as a kernel does. */
    @ParameterizedTest
    @ValueSource(strings = {"dallas-austin", "multilingual-opposites"})
    void theTutorialsRunOnTheseFiles(String name) throws IOException {
        JsonNode notebook = new ObjectMapper()
                .readTree(Path.of("tutorials", name + ".ipynb").toFile());
        List<Object> shown = new ArrayList<>();
        try (Cells cells = new Cells(Cells.KERNEL)) {
            for (JsonNode cell : notebook.path("cells")) {
                if (cell.path("cell_type").asText().equals("code")) {
                    String code = StreamSupport.stream(cell.path("source").spliterator(), false)
                            .map(JsonNode::asText)
                            .collect(Collectors.joining());
                    cells.run(
                            code.replaceAll("(?m)^%.*$", "").replace(SWITCH, "var where = \"" + folder + "\";"),
                            shown::add);
                }
            }
        }
        ReplacementModel used = (ReplacementModel) shown.get(0);
        assertThat(used.transcoders().modelName()).isEqualTo("gemma-2-2b");
        List<Displayable> drawn = shown.stream()
                .filter(Displayable.class::isInstance)
                .map(Displayable.class::cast)
                .toList();
        assertThat(drawn)
                .hasSizeGreaterThan(6)
                .allSatisfy(each -> assertThat(Display.html(each)).isNotEmpty());
        List<View.Table> compared = drawn.stream()
                .map(Displayable::view)
                .filter(view ->
                        view instanceof View.Table table && table.columns().contains("agree"))
                .map(View.Table.class::cast)
                .toList();
        assertThat(compared)
                .singleElement()
                .satisfies(table -> assertThat(table.rows())
                        .hasSizeGreaterThan(4)
                        .allSatisfy(row -> assertThat(row.get(5)).isEqualTo("no"))); // not reproduced, and said so
        used.close();
    }

    @Test
    void theTutorialModelTakesItWithItsOwnMembers() {
        try (ReplacementModel tutorial = ReplacementModel.load("tutorial")) {
            TutorialMembers members = TutorialMembers.of(tutorial);
            Map<String, List<ThrowingCallable>> unknown = Map.of(
                    "no region 'Narnia'; it knows ",
                    List.of(
                            () -> members.region("Narnia", "Dallas"),
                            () -> members.sayCapitalOf("Narnia", "Dallas"),
                            () -> members.sayACapital("Narnia", "Dallas")),
                    "no city 'Narnia'; it knows ",
                    List.of(
                            () -> members.region("Texas", "Narnia"),
                            () -> members.sayCapitalOf("Texas", "Narnia"),
                            () -> members.sayACapital("Texas", "Narnia")),
                    "no concept 'flurb'; it knows ",
                    List.of(() -> members.concept("flurb", "fr")),
                    "no language 'French'; it knows ",
                    List.of(() -> members.concept("small", "French")));
            unknown.forEach((message, calls) -> calls.forEach(call -> assertThatThrownBy(call)
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining(message)));
            assertThatThrownBy(() -> members.region("Narnia", "Dallas")).hasMessageContaining("California, ");
            Map<String, Supernode> own = members.dallas();
            assertThat(own.keySet()).containsAll(Demonstration.dallas().nodes().keySet());
            View.Table table =
                    (View.Table) Demonstration.dallas().compare(tutorial, own).view();
            assertThat(table.rows().get(0).get(4)).startsWith("Austin 100");
            assertThat(table.rows().get(0).get(5)).isEqualTo("no"); // published: 42
            assertThat(table.rows().get(1).get(2)).isEqualTo("no features"); // no hub here
            assertThat(table.rows().get(5).get(4)).startsWith("Sacramento");
            assertThat(table.rows().get(6).get(4)).startsWith("Beijing");
            assertThat(table.rows().get(7).get(4)).startsWith("Victoria");
            assertThatThrownBy(() -> Demonstration.dallas().compare(tutorial).view())
                    .hasMessageContaining("which the transcoders do not have");
            own.remove("China");
            assertThatThrownBy(
                            () -> Demonstration.dallas().compare(tutorial, own).view())
                    .hasMessageContaining("sets 'China', which is not among");
        }
    }
}
