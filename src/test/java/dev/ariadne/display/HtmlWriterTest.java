package dev.ariadne.display;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ariadne.view.View;
import java.io.StringReader;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Set;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.w3c.dom.Attr;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;
import org.xml.sax.InputSource;

class HtmlWriterTest {
    // The part of the allowlist of JupyterLab 4.6.6's sanitizer that we use, as read in its bundle.
    private static final Set<String> TAGS =
            Set.of("div", "span", "table", "thead", "tbody", "tr", "th", "td", "img", "pre", "br", "progress");
    private static final Set<String> ATTRIBUTES = Set.of("style", "title", "src", "alt", "width", "value", "max");
    private static final Set<String> STYLES = Set.of(
            "background-color",
            "border-bottom",
            "border-collapse",
            "text-decoration",
            "font-size",
            "font-weight",
            "height",
            "line-height",
            "margin",
            "margin-bottom",
            "margin-left",
            "max-width",
            "min-width",
            "opacity",
            "overflow-x",
            "padding",
            "table-layout",
            "text-align",
            "white-space",
            "width");

    static List<View> all() {
        return Samples.all();
    }

    @ParameterizedTest
    @MethodSource("all")
    void holdsOnlyWhatTheSanitizerKeeps(View view) throws Exception {
        NodeList elements = parse("<html>" + Display.html(view) + "</html>").getElementsByTagName("*");
        for (int i = 1; i < elements.getLength(); i++) {
            Element element = (Element) elements.item(i);
            assertThat(TAGS).contains(element.getTagName());
            for (int a = 0; a < element.getAttributes().getLength(); a++) {
                Attr attribute = (Attr) element.getAttributes().item(a);
                assertThat(ATTRIBUTES).contains(attribute.getName());
                if (attribute.getName().equals("style")) {
                    Arrays.stream(attribute.getValue().split(";"))
                            .forEach(style -> assertThat(STYLES).contains(style.substring(0, style.indexOf(':'))));
                }
                if (attribute.getName().equals("src")) {
                    assertThat(attribute.getValue()).startsWith("data:image/svg+xml;base64,");
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("all")
    void drawsWellFormedSvgWithoutScriptsOrLinks(View view) throws Exception {
        String svg = Display.svg(view);
        Document document = parse(svg);
        NodeList elements = document.getElementsByTagName("*");
        for (int i = 0; i < elements.getLength(); i++) {
            assertThat(Set.of("svg", "rect", "g", "text", "image", "path", "polygon"))
                    .contains(elements.item(i).getNodeName());
        }
        assertThat(Display.svg(view))
                .as("the same view gives the same characters")
                .isEqualTo(svg);
        assertThat(StandardCharsets.UTF_8.newEncoder().canEncode(svg)).isTrue();
    }

    @Test
    void escapesTokensThatAreMarkup() {
        View view = new View.Bars("", "token", "p", List.of(new View.Bar("<script>\"x\"</script>", 1)));
        assertThat(Display.html(view))
                .contains("&lt;script&gt;&quot;x&quot;&lt;/script&gt;")
                .doesNotContain("<script");
        assertThat(Display.svg(view)).contains("&lt;script&gt;").doesNotContain("<script");
    }

    @Test
    void drawsABarAsLongAsItsShare() {
        String html = Display.html(new View.Bars(
                "", "token", "logit", List.of(new View.Bar("a", 3), new View.Bar("b", -1), new View.Bar("c", 1.5))));
        assertThat(html)
                .contains("margin-left:25.0%;width:75.0%")
                .contains("margin-left:0.0%;width:25.0%")
                .contains("margin-left:25.0%;width:37.5%");
    }

    @Test
    void underlinesTokensBelowZero() {
        View view = new View.Tokens("", List.of("up", "down", "none"), new double[] {1, -2, Double.NaN}, "nats");
        assertThat(Display.html(view))
                .containsOnlyOnce("text-decoration:underline")
                .containsPattern("text-decoration:underline[^>]*>down<")
                .contains("-2.00 (orange, underlined) to 1.00 (blue)");
    }

    @Test
    void alignsNumbersRightAndWordsLeft() {
        String html = Display.html(new View.Table("", List.of("edge", "KL"), List.of(List.of("a0.h1->m2", "-1.5e-3"))));
        assertThat(html).contains("text-align:left\">a0.h1-&gt;m2<").contains("text-align:right\">-1.5e-3<");
    }

    @Test
    void putsAHeatMapIntoAnImage() throws Exception {
        String html = Display.html(Samples.map(3, 3, View.Scale.DIVERGING));
        Element image = (Element) parse(html).getElementsByTagName("img").item(0);
        String data = image.getAttribute("src").substring("data:image/svg+xml;base64,".length());
        String svg = new String(Base64.getDecoder().decode(data), StandardCharsets.UTF_8);
        assertThat(svg).isEqualTo(Display.svg(Samples.map(3, 3, View.Scale.DIVERGING)));
    }

    @Test
    void saysHowManyRowsItLeavesOut() {
        List<List<String>> rows = java.util.stream.IntStream.range(0, 620)
                .mapToObj(i -> List.of("" + i))
                .toList();
        View view = new View.Table("", List.of("n"), rows);
        assertThat(Display.html(view)).contains("… 120 more rows").doesNotContain(">500<");
        assertThat(Display.text(view)).endsWith("499\n… 120 more rows\n");
        assertThat(Display.svg(view)).contains("… 560 more rows");
    }

    private static Document parse(String xml) throws Exception {
        return DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(new InputSource(new StringReader(xml)));
    }
}
