package dev.ariadne.attribution;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ariadne.attribution.Annotations.Group;
import dev.ariadne.attribution.GraphJson.Link;
import dev.ariadne.attribution.GraphJson.Metadata;
import dev.ariadne.attribution.GraphJson.Node;
import dev.ariadne.transcoder.Feature;
import dev.ariadne.view.TokenGraph;
import dev.ariadne.view.View;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class GraphViewTest {
    private static GraphJson graph() {
        var nodes = List.of(
                Node.token(5, 1, " Dallas", 0.2),
                Node.feature(new Feature(0, 1, 7), 2.5, 0.4, ""),
                Node.error(2, 1, 0.9),
                Node.logit(3, 1, 9, " Austin", 0.45, true));
        var links = List.of(new Link("E_5_1", "0_7_1", 1), new Link("0_7_1", "4_9_1", -2));
        var metadata = new Metadata("s", "m", List.of(), List.of("<bos>", " Dallas"), "p", Double.NaN, Map.of());
        return new GraphJson(metadata, nodes, links);
    }

    @Test
    void layersAreRowsAndOutputsTheHighest() {
        TokenGraph view = graph().with(
                        Annotations.NONE.withClerps(Map.of("0_28_1", "not it", "28", "nor", "0_35_1", "Texas")))
                .view(Map.of("0_7", new View.Text("", "card")));
        assertThat(view.layers()).containsExactly("tokens", "layer 0", "layer 1", "layer 2", "output");
        assertThat(view.nodes()).extracting(TokenGraph.Node::row).containsExactly(0, 1, 3, 4);
        assertThat(view.nodes()).extracting(TokenGraph.Node::card).containsExactly("", "0_7", "", "");
        assertThat(view.nodes().get(3).value()).as("an output's probability").isEqualTo(0.45);
        assertThat(view.links()).containsExactly(new TokenGraph.Link(0, 1, 1), new TokenGraph.Link(1, 3, -2));
        assertThat(FeatureNumber.cantor(0, 7)).isEqualTo(35);
        assertThat(view.name(view.nodes().get(1)))
                .as("found by Cantor's number")
                .isEqualTo("Texas");
    }

    @Test
    void whatThePageExportsComesBack() {
        String exported = """
                {"slug": "s", "qParams": {"pinnedIds": ["4_9_1"], "supernodes": [["R&D", "0_7_1"]], "linkType": "both",
                 "clickedId": "", "clerps": [["0_7_1", "首都"]], "notes": [["0_7_1", "why?"]], "pruningThreshold": 0.5}}""";
        Annotations read = graph().annotated(exported).annotations();
        assertThat(read.supernodes()).containsExactly(new Group("R&D", List.of("0_7_1")));
        assertThat(read.notes()).containsEntry("0_7_1", "why?");
        assertThat(read.pruningThreshold()).isEqualTo(0.5);
        TokenGraph.Marks marks = graph().annotated(exported).view().marks();
        assertThat(marks.labels()).containsEntry("0_7_1", "首都");
        assertThat(marks.pinned()).containsExactly("4_9_1");

        assertThatThrownBy(() -> graph().annotated(exported.replace("\"s\"", "\"other\"")))
                .hasMessageContaining("are of the graph 'other', this one is 's'");
        assertThatThrownBy(() -> graph().annotated("{")).hasMessageContaining("no JSON");
        assertThatThrownBy(() -> graph().annotated("{\"slug\": \"s\", \"qParams\": []}"))
                .hasMessageContaining("'qParams' must be an object");
    }
}
