package dev.ariadne.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ariadne.train.TutorialCorpus.HoldOut;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TutorialFactsTest {
    private static final String REGIONS = """
            region,kind,capital,abbreviation
            Texas,state,Austin,TX
            China,country,Beijing,CHN
            """;
    private static final String CITIES = """
            city,region
            Dallas,Texas
            Houston,Texas
            Shanghai,China
            """;
    private static final String ADJECTIVES = """
            concept,opposite,en,fr,zh,en_synonym,fr_synonym,zh_synonym
            small,big,small,petit,小,little,,
            big,small,big,grand,大,,énorme,
            """;

    @TempDir
    private Path folder;

    @BeforeEach
    void write() throws IOException {
        Files.writeString(folder.resolve("regions.csv"), REGIONS);
        Files.writeString(folder.resolve("cities.csv"), CITIES);
        Files.writeString(folder.resolve("adjectives.csv"), ADJECTIVES);
    }

    private void refuses(String file, String text, String... parts) throws IOException {
        write();
        Files.writeString(folder.resolve(file), text);
        assertThatThrownBy(() -> TutorialFacts.read(folder))
                .isInstanceOf(IllegalArgumentException.class)
                .message()
                .contains(file)
                .contains(parts);
    }

    @Test
    void theLibrarysFactsAreWhole() {
        TutorialFacts facts = TutorialFacts.embedded();
        assertThat(facts.regions()).hasSize(92);
        assertThat(facts.cities()).hasSize(435);
        assertThat(facts.places()).hasSize(527);
        assertThat(facts.concepts()).hasSize(116);
        assertThat(facts.regionOf("Dallas")).isEqualTo("Texas");
        assertThat(facts.regionOf("Beijing")).isEqualTo("China");
        assertThatThrownBy(() -> facts.regionOf("Atlantis")).hasMessageContaining("Atlantis");
    }

    @Test
    void aSmallTableIsRead() {
        TutorialFacts facts = TutorialFacts.read(folder);
        assertThat(facts.places().keySet()).containsExactly("Dallas", "Houston", "Shanghai", "Austin", "Beijing");
        assertThat(facts.concepts().values().stream()
                        .map(concept -> concept.synonyms().keySet()))
                .containsExactly(Set.of("en"), Set.of("fr"));
    }

    @Test
    void aCityThatStandsTwiceIsRefused() throws IOException {
        refuses("cities.csv", CITIES + "Dallas,China\n", "line 5", "'Dallas' stands in line 2 of cities.csv");
        refuses("cities.csv", CITIES + "Austin,Texas\n", "line 5", "'Austin' stands in line 2 of regions.csv");
    }

    @Test
    void aMissingColumnIsRefused() throws IOException {
        refuses("cities.csv", CITIES.replace("city,region", "city,state"), "no column 'region'", "[city, state]");
        refuses("adjectives.csv", ADJECTIVES.replace("zh_synonym", "zh2"), "no column 'zh_synonym'");
        refuses("adjectives.csv", "", "no column 'concept'");
    }

    @Test
    void whatTheTablesDoNotAgreeOnIsRefused() throws IOException {
        refuses("cities.csv", CITIES + "Lyon,France\n", "line 5", "'France' is not in regions.csv");
        refuses("cities.csv", "city,region\nDallas,Texas\n", "no city of [China]");
        refuses("cities.csv", "city,region\n", "no rows");
        refuses("cities.csv", CITIES + "Lyon,\n", "line 5", "'region' is empty");
        refuses("regions.csv", REGIONS.replace("state", "empire"), "line 2", "'empire'");
    }

    @Test
    void oppositesOppose() throws IOException {
        refuses("adjectives.csv", ADJECTIVES.replace("big,small,big", "big,tiny,big"), "line 2", "'big'");
        refuses("adjectives.csv", ADJECTIVES.replace("grand", "small"), "line 3", "'small' stands in line 2");
    }

    @Test
    void aMissingFileIsNamed() throws IOException {
        Files.delete(folder.resolve("cities.csv"));
        assertThatThrownBy(() -> TutorialFacts.read(folder))
                .isInstanceOf(UncheckedIOException.class)
                .hasMessageContaining("cities.csv cannot be read");
    }

    @Test
    void anEmptyHoldOutIsRefused() {
        assertThatThrownBy(() -> new HoldOut(0, 0, 0.15)).hasMessageContaining("places 0.0");
        assertThatThrownBy(() -> new HoldOut(0, 0.2, Double.NaN)).hasMessageContaining("opposites NaN");
        TutorialFacts facts = TutorialFacts.read(folder);
        TutorialFacts noDemo =
                new TutorialFacts(facts.regions(), Map.of("Houston", "Texas", "Wuhan", "China"), facts.concepts());
        assertThatThrownBy(() -> new TutorialCorpus(noDemo, HoldOut.of(0)))
                .hasMessageContaining("nothing would be kept from the model")
                .hasMessageContaining("0 places of 2");
    }
}
