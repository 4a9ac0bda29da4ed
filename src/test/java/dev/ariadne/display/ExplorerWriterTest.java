package dev.ariadne.display;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.ariadne.view.TokenGraph;
import dev.ariadne.view.TokenGraph.Marks;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ExplorerWriterTest {
    private static final ObjectMapper JSON = new ObjectMapper();

    @TempDir
    private Path folder;

    private Path saved(TokenGraph graph) throws IOException {
        Path file = folder.resolve("graph.html");
        Display.save(graph, file);
        return file;
    }

    private Browser browser() throws IOException, InterruptedException {
        assumeThat(Browser.installed())
                .as("a Chromium on the path, to see what the page does")
                .isPresent();
        return Browser.start(Files.createDirectory(folder.resolve("profile")));
    }

    @Test
    void isOneFileThatLoadsNothing() throws IOException {
        String page = Files.readString(saved(TokenGraphs.small()));
        assertThat(page).contains("default-src 'none'").doesNotContain("<link");
        assertThat(page.split("<script", -1)).as("data, d3 and our own").hasSize(4);
        assertThat(page.split("</script", -1)).hasSize(4);
        assertThat(page.toLowerCase(java.util.Locale.ROOT)).doesNotContain("<script src", " src=\"http", "@import");
        assertThat(page)
                .as("d3's license travels with it")
                .contains("Copyright 2010-2023 Mike Bostock", "Permission to use");
    }

    @Test
    void carriesTheGraphAsPlainData() throws IOException {
        String page = Files.readString(saved(TokenGraphs.small()));
        int start = page.indexOf("id=\"data\">") + 10;
        JsonNode data = JSON.readTree(page.substring(start, page.indexOf("</script>", start)));
        assertThat(data.get("id").toString()).isEqualTo("[\"E_5_0\",\"E_6_1\",\"0_7_1\",\"0_8_1\",\"3_9_1\"]");
        assertThat(data.get("weight").toString()).as("strongest first").isEqualTo("[-3.0,2.0,1.0,0.5,0.25]");
        assertThat(data.get("from").toString()).isEqualTo("[1,2,3,0,1]");
        assertThat(data.get("label").get(1).asText())
                .as("with the control that would turn the line round made visible")
                .isEqualTo(Glyphs.visible(TokenGraphs.HOSTILE));
        assertThat(data.get("influence").get(4).isNull()).isTrue();
        assertThat(data.get("card").toString()).isEqualTo("[-1,-1,0,-1,-1]");
        assertThat(data.get("cards").get(0).asText()).contains("&lt;img").doesNotContain("<img", "<script");
    }

    @Test
    void aNotebookShowsThePageAndWhereItMayNotThePicture() {
        String html = Display.html(TokenGraphs.small());
        String around = html.replaceAll("srcdoc=\"[^\"]*\"", "");
        assertThat(around)
                .contains("<img alt=", "data:image/svg+xml;base64,", "<iframe")
                .doesNotContain("<script");
        String page = html.replaceAll("(?s).*srcdoc=\"([^\"]*)\".*", "$1")
                .replace("&lt;", "<")
                .replace("&gt;", ">")
                .replace("&quot;", "\"")
                .replace("&#39;", "'")
                .replace("&amp;", "&");
        assertThat(page).isEqualTo(ExplorerWriter.page(TokenGraphs.small()));
    }

    @Test
    @Tag("browser")
    void hostileTextStaysText() throws Exception {
        try (Browser browser = browser()) {
            browser.open(saved(TokenGraphs.small()));
            assertThat(browser.evaluate("document.documentElement.dataset.opened")
                            .asInt())
                    .isPositive();
            assertThat(browser.evaluate("document.title").asText()).startsWith("</script>");
            click(browser, "capital & state");
            assertThat(browser.evaluate("document.querySelectorAll('img, script:not(body > script)').length")
                            .asInt())
                    .isZero();
            assertThat(browser.evaluate("document.title").asText()).isNotEqualTo("gone");
            assertThat(browser.evaluate("document.getElementById('side').textContent")
                            .asText())
                    .contains("0_7_1", "activation 2.500", "feature card", "+0.500", "+2.000");
        }
    }

    /** Finds a node and goes to it, as a reader does. */
    private static void click(Browser browser, String name) throws Exception {
        browser.evaluate("(() => { const f = document.getElementById('find'); f.value = '" + name
                + "'; f.dispatchEvent(new Event('input'));"
                + " f.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter' })); f.value = '';"
                + " f.dispatchEvent(new Event('input')); document.getElementById('canvas').focus(); })()");
    }

    @Test
    @Tag("browser")
    void whatIsAddedByKeyboardSurvivesAReloadAndIsExported() throws Exception {
        try (Browser browser = browser()) {
            Path page = saved(TokenGraphs.small());
            browser.open(page);
            click(browser, "0_8_1");
            browser.key("p", "p", 0);
            browser.key("ArrowRight", "", 8); // with Shift: the other feature of the cell, or the one there is
            browser.evaluate("(() => { const t = document.querySelector('#side textarea');"
                    + " if (t) { t.value = 'my note'; t.dispatchEvent(new Event('input')); } })()");
            browser.key("g", "g", 0);
            browser.key("Enter", "\r", 0);
            browser.open(page);
            browser.evaluate(
                    "navigator.clipboard.writeText = text => { window.copied = text; return Promise.resolve(); }");
            browser.evaluate("document.getElementById('copy').click()");
            JsonNode copied = JSON.readTree(browser.evaluate("window.copied").asText());
            assertThat(copied.get("slug").asText()).isEqualTo("small");
            JsonNode added = copied.get("qParams");
            assertThat(added.get("pinnedIds").toString())
                    .contains("3_9_1", "0_8_1")
                    .doesNotContain("nobody");
            assertThat(added.get("supernodes").size()).isPositive();
            assertThat(added.get("supernodes").toString()).contains("0_8_1");
            assertThat(added.get("clerps").toString()).isEqualTo("[[\"0_7_1\",\"capital & state\"]]");

            browser.evaluate("document.getElementById('reset').click()");
            browser.open(page);
            browser.evaluate(
                    "navigator.clipboard.writeText = text => { window.copied = text; return Promise.resolve(); }");
            browser.evaluate("document.getElementById('copy').click()");
            assertThat(JSON.readTree(browser.evaluate("window.copied").asText())
                            .at("/qParams/pinnedIds")
                            .toString())
                    .isEqualTo("[\"3_9_1\"]");
        }
    }

    @Test
    @Tag("browser")
    void whatIsSavedIsAFileThatTheGraphTakesBack() throws Exception {
        Path downloads = Files.createDirectory(folder.resolve("downloads"));
        try (Browser browser = browser()) {
            browser.send("Page.setDownloadBehavior", Map.of("behavior", "allow", "downloadPath", downloads.toString()));
            browser.open(saved(TokenGraphs.small()));
            click(browser, "0_8_1");
            browser.key("p", "p", 0);
            browser.evaluate("document.getElementById('download').click()");
            Path file = downloads.resolve("small-annotations.json");
            for (int i = 0; i < 200 && !Files.exists(file); i++) {
                TimeUnit.MILLISECONDS.sleep(50);
            }
            JsonNode added = JSON.readTree(file.toFile());
            assertThat(added.get("slug").asText()).isEqualTo("small");
            assertThat(added.at("/qParams/pinnedIds").toString()).isEqualTo("[\"3_9_1\",\"0_8_1\"]");
            assertThat(added.at("/qParams/linkType").asText()).isEqualTo("both");
        }
    }

    @Test
    @Tag("browser")
    void escapeEndsASearchAndAGraphWithoutInfluencesHasNoSliderForThem() throws Exception {
        try (Browser browser = browser()) {
            browser.open(saved(TokenGraphs.small()));
            browser.evaluate("(() => { const f = document.getElementById('find'); f.focus(); f.value = '0_8_1';"
                    + " f.dispatchEvent(new Event('input')); })()");
            String live = "document.getElementById('live').textContent";
            assertThat(browser.evaluate(live).asText()).isEqualTo("1 found");
            browser.key("Escape", "", 0);
            assertThat(browser.evaluate(live).asText()).isEmpty();
            assertThat(browser.evaluate("document.getElementById('find').value").asText())
                    .isEmpty();
            String slider = "document.getElementById('prune').checkVisibility()";
            assertThat(browser.evaluate(slider).asBoolean()).isTrue();
            browser.open(saved(new TokenGraph(
                    "", "k", List.of("a"), List.of("tokens"), List.of(), List.of(), Marks.NONE, Map.of())));
            assertThat(browser.evaluate(slider).asBoolean()).isFalse();
        }
    }

    @Test
    @Tag("browser")
    void pruningHidesWhatInfluencesLittle() throws Exception {
        try (Browser browser = browser()) {
            browser.open(saved(TokenGraphs.random(500, 8, 6, 3)));
            String shown = "parseInt(document.getElementById('pruned').textContent.split(': ')[1])";
            assertThat(browser.evaluate(shown).asInt()).isEqualTo(500);
            browser.evaluate(
                    "(() => { const p = document.getElementById('prune'); p.value = 0.4; p.dispatchEvent(new Event('input')); })()");
            long expected = TokenGraphs.random(500, 8, 6, 3).nodes().stream()
                    .filter(node -> (float) node.influence() <= 0.4)
                    .count();
            assertThat(browser.evaluate(shown).asLong()).isEqualTo(expected);
        }
    }

    @Test
    @Tag("browser")
    void tenThousandNodesOpenInTwoSecondsAndPanSmoothly() throws Exception {
        TokenGraph graph = TokenGraphs.random(10_000, 26, 11, 7);
        Path page = saved(graph);
        assertThat(graph.links()).hasSizeGreaterThan(60_000);
        try (Browser browser = browser()) {
            browser.open(page);
            int opened =
                    browser.evaluate("document.documentElement.dataset.opened").asInt();
            browser.evaluate("(() => { window.frames_ = []; let last = performance.now(); const next = () => {"
                    + " const now = performance.now(); frames_.push(now - last); last = now; requestAnimationFrame(next); };"
                    + " requestAnimationFrame(next); })()");
            browser.mouse("mousePressed", 500, 300, true);
            for (int i = 0; i < 60; i++) {
                browser.mouse("mouseMoved", 500 + 4 * i, 300 + 2 * i, true);
            }
            browser.mouse("mouseReleased", 740, 420, false);
            List<Double> frames = new ArrayList<>();
            browser.evaluate("frames_").forEach(frame -> frames.add(frame.doubleValue()));
            frames.sort(null);
            System.out.printf(
                    "10,000 nodes, more than 60,000 links: open after %d ms; %d frames while panning, median %.1f ms, 95 %% within %.1f ms%n",
                    opened, frames.size(), frames.get(frames.size() / 2), frames.get(frames.size() * 95 / 100));
            assertThat(opened)
                    .as("ms from the start of loading to the first picture")
                    .isBetween(1, 2_000);
            assertThat(frames).hasSizeGreaterThan(10);
            assertThat(frames.get(frames.size() / 2)).as("median frame, ms").isLessThan(34);
        }
    }
}
