package dev.ariadne.intervention;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ariadne.attribution.ReplacementModel;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What the model card says of the shipped model's features: rates over prompts that it has never seen; of places, over those of the card. */
class TutorialInterventionsTest {
    private static final ReplacementModel replacement = ReplacementModel.load("tutorial");

    @AfterAll
    static void close() {
        replacement.close();
    }

    @Test
    void placesAnswerToTheirRegionsFeatures() {
        TutorialInterventions rates = TutorialInterventions.places(replacement, 120, 5);
        TutorialInterventions.Row in = rates.row("another region in");
        assertThat(in.live().all()).isEqualTo(120);
        assertThat(in.live().value()).isGreaterThanOrEqualTo(0.95);
        assertThat(in.frozen().value()).isGreaterThanOrEqualTo(0.95);
        assertThat(in.controlLive().value()).isLessThan(0.05);
        assertThat(rates.row("region off ×0: its capital").live().value()).isGreaterThanOrEqualTo(0.9);
        assertThat(rates.row("region off ×0: another").live().value()).isGreaterThanOrEqualTo(0.7);
        assertThat(rates.row("region off ×0: its capital").controlLive().value())
                .isLessThan(0.5);
        assertThat(rates.row("all but the region off").live().value()).isGreaterThanOrEqualTo(0.9);
        assertThat(rates.row("\"state\" off ×0").live().value()).isGreaterThanOrEqualTo(0.9);
        assertThat(rates.row("\"state\" off ×−1").frozen().value()).isGreaterThanOrEqualTo(0.9);
        assertThat(rates.row("\"capital\" off ×0").live().value()).isGreaterThanOrEqualTo(0.6);
        assertThat(rates.row("\"capital\" off ×−1").live().value()).isGreaterThanOrEqualTo(0.9);
        assertThat(rates.row("\"say a capital\" off").live().value()).isLessThan(0.15); // there is no such hub
        assertThat(in.share()).isBetween(0.6, 0.85); // no rewriting of the whole token
        assertThat(in.features()).isBetween(1.5, 3.0); // one out, one in
        assertThatThrownBy(() -> rates.row("nothing")).hasMessageContaining("no row begins with 'nothing'");
    }

    @Test
    void wordsAndLanguagesAnswerToTheirs() {
        TutorialInterventions rates = TutorialInterventions.words(replacement, 40, 1);
        TutorialInterventions.Row in = rates.row("another concept in");
        assertThat(in.live().value()).isGreaterThanOrEqualTo(0.9);
        assertThat(in.controlLive().value()).isLessThan(0.05);
        assertThat(in.share()).isLessThan(0.8);
        TutorialInterventions.Row language = rates.row("language in ×0/×1: the right word");
        assertThat(language.live().all()).isEqualTo(240);
        assertThat(language.live().value()).isGreaterThanOrEqualTo(0.9);
        assertThat(language.controlLive().value()).isLessThan(0.05);
        assertThat(language.share()).isLessThan(0.6);
        assertThat(rates.row("language off ×−1").frozen().value()).isGreaterThanOrEqualTo(0.6);
        for (String pair : List.of("en → fr", "en → zh", "fr → en", "fr → zh", "zh → en", "zh → fr")) {
            assertThat(rates.row(pair).live().value()).as(pair).isGreaterThanOrEqualTo(0.75);
        }
    }

    /** Published tables of Wilson's interval. */
    @ParameterizedTest
    @CsvSource({"0, 10, 0, 0.278", "10, 10, 0.722, 1", "96, 100, 0.902, 0.984", "81, 263, 0.255, 0.366", "0, 0, 0, 1"})
    void intervalsAreWilsons(int hits, int all, double low, double high) {
        Rate rate = new Rate(hits, all);
        assertThat(Math.round(1000 * rate.low()) / 1000.0).isEqualTo(low);
        assertThat(Math.round(1000 * rate.high()) / 1000.0).isEqualTo(high);
    }
}
