package dev.ariadne.intervention;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.ariadne.attribution.AttributionConfig;
import dev.ariadne.attribution.AttributionGraph;
import dev.ariadne.attribution.ReplacementModel;
import dev.ariadne.attribution.Targets;
import dev.ariadne.transcoder.Feature;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

/** What is read of features, and how members are chosen by it, on the shipped transcoders. */
class ReadingsTest {
    private static final String DALLAS = "Fact: the capital of the state containing Dallas is";
    private static final String OAKLAND = "Fact: the capital of the state containing Oakland is";
    private static final ReplacementModel replacement = ReplacementModel.load("tutorial");

    @AfterAll
    static void close() {
        replacement.close();
    }

    @Test
    void effectsAreTheSumsOfAllPathsInEachPromptsGraph() {
        Map<Spot, Toward> aims = new LinkedHashMap<>();
        aims.put(Spot.at(DALLAS, 9), Toward.of("Austin", List.of("Sacramento")));
        aims.put(Spot.at(OAKLAND, 9), Toward.of("Sacramento", List.of("Austin")));
        aims.put(Spot.last(DALLAS), Toward.of("Austin", List.of("Sacramento")));
        Readings readings = Readings.toward(replacement, aims);
        AttributionGraph dallas = graph(DALLAS);
        AttributionGraph oakland = graph(OAKLAND);
        List<Readings.Active> there = readings.of(Spot.at(DALLAS, 9));
        assertThat(there).hasSizeGreaterThan(3);
        assertThat(there.stream().mapToDouble(Readings.Active::effect).max().orElseThrow())
                .isGreaterThan(5);
        for (Readings.Active active : there) {
            requirePath(dallas, active, 9, 1);
        }
        readings.of(Spot.at(OAKLAND, 9)).forEach(active -> requirePath(oakland, active, 9, -1));
        readings.of(Spot.last(DALLAS)).forEach(active -> requirePath(dallas, active, 10, 1));
    }

    private static AttributionGraph graph(String prompt) {
        return replacement.attribute(
                prompt, AttributionConfig.DEFAULT.withTargets(Targets.tokens("Austin", "Sacramento")));
    }

    /** All paths to the first target, less those to the second. */
    private static void requirePath(AttributionGraph graph, Readings.Active active, int position, int sign) {
        double[] paths = new double[graph.featureCount()];
        for (int node = paths.length - 1; node >= 0; node--) {
            paths[node] = graph.weight(graph.targetNode(0), node) - graph.weight(graph.targetNode(1), node);
            for (int later = node + 1; later < paths.length; later++) {
                paths[node] += graph.weight(later, node)
                        * paths[later]
                        / graph.active().activation(later);
            }
        }
        Feature feature = new Feature(active.layer(), position, active.index());
        assertThat(active.effect())
                .as(feature.toString())
                .isCloseTo(sign * paths[graph.featureNode(feature)], within(1e-3)); // of up to 20 logits
        assertThat(active.value()).isCloseTo(graph.active().activation(feature), within(1e-5));
    }

    @Test
    void candidatesAreTheFewestFeaturesThatMakeUpFourFifthsOfThePush() {
        List<Spot> texan = spots("Houston", "El Paso", "San Antonio");
        List<Spot> others = spots("Oakland", "Fresno", "Chicago");
        Map<Spot, Toward> aims = new LinkedHashMap<>();
        texan.forEach(spot -> aims.put(spot, Toward.of("Austin", List.of("Boston", "Sacramento"))));
        others.forEach(spot -> aims.put(spot, Toward.of("Austin", List.of("Boston", "Sacramento"))));
        Readings readings = Readings.toward(replacement, aims);
        // all that is active there counts as confirmed: what is left is attribution's choice
        List<Contrast.Evidence> chosen =
                Contrast.of(readings, texan, List.of(), 1e-9, 0).evidence();
        Map<List<Integer>, Double> sums = new LinkedHashMap<>();
        texan.forEach(spot -> readings.of(spot)
                .forEach(active -> sums.merge(List.of(active.layer(), active.index()), active.effect(), Double::sum)));
        List<Double> pushing =
                new ArrayList<>(sums.values().stream().filter(sum -> sum > 0).toList());
        pushing.sort(Comparator.reverseOrder());
        double all = pushing.stream().mapToDouble(sum -> sum).sum();
        int count = 0;
        for (double sum = 0; sum < 0.8 * all; count++) {
            sum += pushing.get(count);
        }
        assertThat(chosen).hasSize(count);
        assertThat(chosen)
                .allSatisfy(one -> assertThat(3 * one.effect())
                        .isCloseTo(sums.get(List.of(one.layer(), one.index())), within(1e-9)));
        assertThat(chosen.stream().mapToDouble(Contrast.Evidence::effect).min().orElseThrow())
                .isCloseTo(pushing.get(count - 1) / 3, within(1e-9));
    }

    private static List<Spot> spots(String... places) {
        return List.of(places).stream()
                .map(place -> Spot.at("Fact: the capital of the state containing " + place + " is", 9))
                .toList();
    }

    @Test
    void refusesAimsThatAreNone() {
        assertThatThrownBy(() -> new Toward(List.of(), List.of("Austin"))).hasMessageContaining("got [] less [Austin]");
        assertThatThrownBy(() -> new Toward(List.of("Austin"), List.of("Austin")))
                .hasMessageContaining("none on both");
        assertThatThrownBy(() -> Readings.toward(
                        replacement, Map.of(Spot.last(DALLAS), Toward.of("Austin Texas", List.of("Boston")))))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("Austin Texas");
        assertThatThrownBy(() -> Readings.of(replacement, List.of()).of(Spot.last(DALLAS)))
                .hasMessageContaining("nothing was read at");
    }
}
