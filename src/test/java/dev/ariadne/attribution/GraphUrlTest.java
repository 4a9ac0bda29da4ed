package dev.ariadne.attribution;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ariadne.attribution.Annotations.Group;
import dev.ariadne.transcoder.Feature;
import java.net.URLDecoder;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class GraphUrlTest {
    private static final String PAGE = "https://example.org/gemma-2-2b/graph";

    @ParameterizedTest
    @ValueSource(
            strings = {
                "R&D",
                "x#y",
                "50 %",
                "100%25",
                "a+b",
                "say \"Austin\"",
                "don't",
                "首都",
                "a=b",
                "back\\slash",
                "?",
                "𝔘 emoji 🙂",
                "<script>alert(1)</script>",
                "line\nbreak",
                "",
                "a,b",
                "[\"x\"]"
            })
    void anyNameSurvives(String name) {
        Annotations annotations = Annotations.NONE
                .withSupernodes(List.of(new Group(name, List.of("20_7083_10", "E_5_3")), new Group(name, List.of())))
                .withClerps(Map.of("20_7083_10", name));
        String url = new GraphUrl(PAGE, "dallas", annotations).toString();
        assertThat(GraphUrl.of(url).annotations()).isEqualTo(annotations);
        assertThat(url.substring(PAGE.length()))
                .as("nothing is left to misread")
                .matches("[?A-Za-z0-9%&=_.*+-]+");
        assertThat(url.substring(url.indexOf("supernodes=") + 11, url.indexOf("&clerps")))
                .as("decoded once by another decoder, it is the JSON")
                .satisfies(value -> assertThat(URLDecoder.decode(value, StandardCharsets.UTF_8))
                        .isEqualTo(AnnotationFields.groups(annotations).toString()));
    }

    @Test
    void readsEveryParameterThatFrontEndsWrite() {
        String clerps =
                URLEncoder.encode("[[\"23_2312237_10\",\"Texas\"],[\"43\",\"capital\"]]", StandardCharsets.UTF_8);
        GraphUrl url = GraphUrl.of(PAGE + "?slug=gemma-fact&pinnedIds=27_22605_10%2C20_15589_10,E_26865_9&supernodes="
                + "%5B%5B%22Texas+places%22%2C%2220_15589_9%22%2C%22E_5_3%22%5D%5D&clerps=" + clerps
                + "&pruningThreshold=0.6&densityThreshold=0.99&clickedId=21_5943_10&linkType=input&hiddenIds=1_2_3"
                + "&logitDiff=A__vs__B&sg_pos=1+2#top");
        assertThat(url.page()).isEqualTo(PAGE);
        assertThat(url.slug()).isEqualTo("gemma-fact");
        Annotations read = url.annotations();
        assertThat(read.pinnedIds()).containsExactly("27_22605_10", "20_15589_10", "E_26865_9");
        assertThat(read.supernodes()).containsExactly(new Group("Texas places", List.of("20_15589_9", "E_5_3")));
        assertThat(read.supernodes().get(0).features())
                .as("layer, index, position in the id")
                .containsExactly(new Feature(20, 9, 15_589));
        assertThat(read.clerps()).containsEntry("23_2312237_10", "Texas").containsEntry("43", "capital");
        assertThat(read.pruningThreshold()).isEqualTo(0.6);
        assertThat(read.densityThreshold()).isEqualTo(0.99);
        assertThat(read.clickedId()).isEqualTo("21_5943_10");
        assertThat(read.linkType()).isEqualTo("input");
        assertThat(read.hiddenIds()).containsExactly("1_2_3");
        assertThat(read.logitDiff()).isEqualTo("A__vs__B");
        assertThat(read.more()).containsEntry("sg_pos", "1 2");
        assertThat(GraphUrl.of(url.toString())).isEqualTo(url);
    }

    @Test
    void readsCharactersThatABrowserShowsDecoded() {
        GraphUrl url = GraphUrl.of("?supernodes=[[\"首都 Say\",\"1_2_3\"]]&slug=x");
        assertThat(url.annotations().byName()).containsExactly(Map.entry("首都 Say", List.of("1_2_3")));
    }

    @Test
    void numbersNamesThatComeAgain() {
        Annotations annotations = Annotations.NONE.withSupernodes(List.of(
                new Group("a", List.of("1_1_1")),
                new Group("a", List.of("1_2_1")),
                new Group("a (2)", List.of("1_3_1")),
                new Group("a", List.of("1_4_1"))));
        assertThat(annotations.byName().keySet()).containsExactly("a", "a (2)", "a (2) (2)", "a (3)");
        assertThat(GraphUrl.of(new GraphUrl("", "s", annotations).toString()).annotations())
                .as("the address keeps them as they are")
                .isEqualTo(annotations);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            ?supernodes=[["R&D","1_2_3"]]    | 'D","1_2_3"]]' in the address has no '='
            ?supernodes=[["x#y","1_2_3"]]    | 'supernodes' is no JSON
            ?supernodes=[["50%","1_2_3"]]    | 'supernodes' in the address has a % without two hexadecimal digits
            ?supernodes=%ff                  | 'supernodes' in the address is not UTF-8
            ?supernodes=%5                   | a % without two hexadecimal digits
            ?supernodes=[[]]                 | 'supernodes[0]' must be [name, id, id, ...]
            ?supernodes=[["a",1]]            | 'supernodes[0][1]' must be text, got 1
            ?supernodes={}                   | 'supernodes' must be a list, got an object of 0
            ?clerps=[["a"]]                  | 'clerps[0]' must be [id, text], got ["a"]
            ?pruningThreshold=2              | pruningThreshold must be from 0 to 1, got 2.0
            ?pruningThreshold=high           | 'pruningThreshold' must be a number from 0 to 1, got "high"
            ?slug=a&slug=b                   | 'slug' twice
            """)
    void saysWhatIsDamaged(String url, String message) {
        assertThatThrownBy(() -> GraphUrl.of(url))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(message);
    }

    @Test
    void findsLabelsUnderEveryKeyThatIsWritten() {
        var node = GraphJson.Node.feature(new Feature(23, 10, 12_237), 1, Double.NaN, "");
        long cantor = FeatureNumber.cantor(23, 12_237);
        for (String key : List.of("23_12237_10", "23_2312237_10", "23_" + cantor + "_10", "" + cantor, "2312237")) {
            assertThat(Annotations.NONE.withClerps(Map.of(key, "Texas")).label(node))
                    .as(key)
                    .hasValue("Texas");
        }
        assertThat(Annotations.NONE
                        .withClerps(Map.of("23_12237_9", "elsewhere"))
                        .label(node))
                .isEmpty();
    }
}
