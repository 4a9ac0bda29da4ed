package dev.ariadne.attribution;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ariadne.attribution.Annotations.Group;
import dev.ariadne.attribution.GraphComparison.Push;
import dev.ariadne.attribution.GraphComparison.Thing;
import dev.ariadne.attribution.GraphJson.Kind;
import dev.ariadne.attribution.GraphJson.Link;
import dev.ariadne.attribution.GraphJson.Metadata;
import dev.ariadne.attribution.GraphJson.Node;
import dev.ariadne.transcoder.Feature;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class GraphComparisonTest {
    private static GraphJson graph(String city, String scan, int region, double activation, String capital, double p) {
        var metadata = new Metadata("s", scan, List.of(), List.of("<bos>", city), city, Double.NaN, Map.of());
        var nodes = List.of(
                Node.token(city.length(), 1, city, Double.NaN),
                Node.feature(new Feature(0, 1, region), activation, Double.NaN, "region"),
                Node.feature(new Feature(0, 1, 99), 1, Double.NaN, "region"),
                Node.feature(new Feature(1, 1, 3), 4, Double.NaN, ""),
                Node.error(1, 1, Double.NaN),
                Node.logit(2, 1, 1, capital, p, true));
        var links = List.of(
                new Link("E_" + city.length() + "_1", "0_" + region + "_1", 1),
                new Link("0_" + region + "_1", "1_3_1", 2 * activation),
                new Link("0_99_1", "1_3_1", -1),
                new Link("1_3_1", "3_1_1", p));
        return new GraphJson(metadata, nodes, links);
    }

    @Test
    void whatHasOneLabelIsOneThing() {
        GraphComparison same =
                graph("Dallas", "m", 5, 2, " Austin", 0.5).compare(graph("Oakland", "m", 6, 5, " Austin", 0.7));
        assertThat(same.things().get(0))
                .as("2 + 1 against 5 + 1, the largest change")
                .isEqualTo(new Thing("region", Kind.FEATURE, 0, 2, 2, 3, 6));
        assertThat(same.links().get(0))
                .as("2·2 − 1 against 2·5 − 1")
                .isEqualTo(new Push("region", "feature 1/3", 3, 9));
        assertThat(same.things())
                .as("the same output, its probability changed; a token of each")
                .extracting(Thing::name)
                .contains(
                        "Output \" Austin\"",
                        "token \"Dallas\"",
                        "token \"Oakland\"",
                        "feature 1/3",
                        "errors of layer 1");
        assertThat(same.links())
                .contains(new Push("token \"Dallas\"", "region", 1, 0), new Push("token \"Oakland\"", "region", 0, 1));
        assertThat(same.table().rowCount()).isEqualTo(same.things().size());
        assertThat(same.table().doubleColumn("change").get(0)).isEqualTo(3);
    }

    @Test
    void featuresOfAnotherModelAreNotTakenForTheSame() {
        GraphComparison two =
                graph("Dallas", "m", 5, 2, " Austin", 0.5).compare(graph("Dallas", "n", 5, 2, " Austin", 0.5));
        assertThat(two.things())
                .extracting(Thing::name)
                .contains("unlabeled, layer 1")
                .doesNotContain("feature 1/3");
        assertThat(two.things()).allSatisfy(thing -> assertThat(thing.change()).isZero());
    }

    @Test
    void supernodesComeBeforeLabels() {
        GraphJson first = graph("Dallas", "m", 5, 2, " Austin", 0.5)
                .with(Annotations.NONE.withSupernodes(List.of(new Group("Texas", List.of("0_5_1", "1_3_1")))));
        GraphComparison with = first.compare(first);
        assertThat(with.things()).contains(new Thing("Texas", Kind.FEATURE, 0, 1 + 1, 2, 6, 6));
        assertThat(with.links())
                .as("what a supernode's members do to each other is not shown")
                .containsExactlyInAnyOrder(
                        new Push("token \"Dallas\"", "Texas", 1, 1),
                        new Push("region", "Texas", -1, -1),
                        new Push("Texas", "Output \" Austin\"", 0.5, 0.5));
    }

    @Test
    void isATableAndOnePicture() {
        GraphComparison two =
                graph("Dallas", "m", 5, 2, " Austin", 0.5).compare(graph("Oakland", "m", 6, 5, " Sacramento", 0.7));
        assertThat(two.diagram().rows()).containsExactly("output", "layer 1", "layer 0", "tokens");
        assertThat(two.diagram().edges().get(0).label()).isEqualTo("3.00 → 9.00 Δ");
        assertThat(two.view().toString()).contains("Panels");
    }
}
