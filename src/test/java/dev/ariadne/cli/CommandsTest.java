package dev.ariadne.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.ariadne.attribution.GraphJson;
import dev.ariadne.attribution.GraphUrl;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.model.Logits;
import dev.ariadne.transcoder.TranscoderSet;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CommandsTest {
    private static final String GRAPH = "src/test/resources/graphs/published.json";

    @TempDir
    private Path folder;

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    private int run(String... arguments) {
        return Main.commandLine()
                .setOut(new PrintWriter(out, true))
                .setErr(new PrintWriter(err, true))
                .execute(arguments);
    }

    private String in(String name) {
        return folder.resolve(name).toString();
    }

    private JsonNode printed() throws IOException {
        return new ObjectMapper().readTree(out.toString());
    }

    @Test
    void nextSaysWhatTheModelSays() throws IOException {
        String prompt = "Fact: the capital of the state containing Dallas is";
        assertThat(run("next", "tutorial", prompt, "--json", "-n", "3")).isZero();
        try (HookedTransformer model = HookedTransformer.load("tutorial");
                Logits logits = model.next(prompt)) {
            assertThat(printed().get("tokens").size()).isEqualTo(3);
            assertThat(printed().at("/tokens/0/token").asText())
                    .isEqualTo(logits.top(1).get(0).token());
            assertThat(printed().at("/tokens/0/probability").asDouble())
                    .isEqualTo(logits.top(1).get(0).probability());
        }
    }

    @Test
    void acdcFindsAndSavesACircuit() throws IOException {
        String json = in("circuit.json");
        assertThat(run(
                        "acdc",
                        "induction-2l",
                        "--task",
                        "induction",
                        "--threshold",
                        "1",
                        "-o",
                        json,
                        "-o",
                        in("c.svg"),
                        "--json"))
                .as(err.toString())
                .isZero();
        assertThat(printed().get("edges").size())
                .isLessThan(printed().get("edges_of_model").asInt());
        assertThat(Files.readString(folder.resolve("c.svg"))).startsWith("<svg");
        assertThat(new ObjectMapper()
                        .readTree(Path.of(json).toFile())
                        .get("edges")
                        .size())
                .isEqualTo(printed().get("edges").size());
    }

    @Test
    void attributeSavesAGraphThatCanBeReadAndSeen() throws IOException {
        Path transcoders = folder.resolve("transcoders");
        try (HookedTransformer model = HookedTransformer.load("tutorial");
                TranscoderSet neurons = TranscoderSet.ofNeurons(model)) {
            neurons.save(transcoders, Map.of());
        }
        String prompt = "Fact: the capital of the state containing Dallas is";
        int code = run(
                "attribute",
                "tutorial",
                prompt,
                "-t",
                transcoders.toString(),
                "-o",
                in("g.json"),
                "-o",
                in("g.html"),
                "--json");
        assertThat(code).as(err.toString()).isZero();
        GraphJson graph = GraphJson.read(folder.resolve("g.json"));
        assertThat(graph.metadata().slug()).isEqualTo("g");
        assertThat(graph.nodes().size())
                .isLessThanOrEqualTo(printed().get("nodes_kept").asInt());
        assertThat(graph.links()).hasSize(printed().get("links_kept").asInt());
        assertThat(printed().get("replacement_score").asDouble()).isBetween(0.0, 1.0);
        assertThat(printed().at("/targets/0/token").asText()).contains("Austin");
        assertThat(Files.readString(folder.resolve("g.html")))
                .contains(graph.nodes().get(0).id());
    }

    @Test
    void theTutorialModelsOwnTranscodersAreUsedWhereNoneAreGiven() throws IOException {
        int code =
                run("attribute", "tutorial", "Fact: the capital of the state containing Dallas is", "-o", in("d.json"));
        assertThat(code).as(err.toString()).isZero();
        assertThat(GraphJson.read(folder.resolve("d.json")).nodes())
                .as("features with the names that ship")
                .anyMatch(node ->
                        node.kind() == GraphJson.Kind.FEATURE && !node.label().isEmpty());
        assertThat(run("attribute", "gpt2-tiny", "x", "-o", in("e.json"))).isEqualTo(1);
        assertThat(err.toString()).contains("no transcoders for 'gpt2-tiny'").doesNotContain("\tat ");
        assertThat(run("attribute", "tutorial", "x", "-t", "no-such-folder", "-o", in("e.json")))
                .isEqualTo(1);
        assertThat(err.toString()).contains("'no-such-folder' is neither a folder here nor a place on the hub");
    }

    @Test
    void viewWritesAPageAndPictures() throws IOException {
        assertThat(run("view", GRAPH, "-o", in("g.html"))).isZero();
        assertThat(Files.readString(folder.resolve("g.html")))
                .startsWith("<!DOCTYPE html>")
                .contains("E_5_1");
        assertThat(run("view", GRAPH, "-o", in("g.svg"))).isZero();
        assertThat(Files.readString(folder.resolve("g.svg"))).startsWith("<svg");
        assertThat(run("view", GRAPH, "-o", in("g.doc"))).isEqualTo(1);
        assertThat(err.toString()).contains("the name must end with").doesNotContain("\tat ");
    }

    @Test
    void annotationsComeFromAFileOrAnAddress() throws IOException {
        Path added = Files.writeString(
                folder.resolve("added.json"),
                "{\"slug\": \"made-up\", \"qParams\": {\"supernodes\": [[\"Texas & more\", \"1_7_2\"]]}}");
        assertThat(run(
                        "convert",
                        GRAPH,
                        folder.toString(),
                        "--annotations",
                        added.toString(),
                        "--page",
                        "https://example.org/g"))
                .isZero();
        GraphJson read = GraphJson.read(folder.resolve("made-up.json"));
        assertThat(read.annotations().byName()).containsEntry("Texas & more", List.of("1_7_2"));
        assertThat(GraphJson.published(folder)).containsExactly(read.metadata());
        String url = out.toString()
                .lines()
                .filter(line -> line.startsWith("https:"))
                .findFirst()
                .orElseThrow();
        assertThat(GraphUrl.of(url).annotations()).isEqualTo(read.annotations());

        assertThat(run("convert", GRAPH, in("again.json"), "--url", url)).isZero();
        assertThat(GraphJson.read(folder.resolve("again.json"))).isEqualTo(read);
    }

    @Test
    void pruneKeepsWhatHoldsTheShare() throws IOException {
        assertThat(run("prune", GRAPH, in("small.json"), "--nodes", "0.6", "--json"))
                .isZero();
        GraphJson small = GraphJson.read(folder.resolve("small.json"));
        assertThat(small.nodes())
                .as("0.5 and 0.6 of influence, one that nobody counted, the logit; not the errors with 0.7")
                .extracting(GraphJson.Node::id)
                .containsExactly("E_5_1", "0_1_1", "1_7_2", "3_9_2");
        assertThat(printed().get("links").asInt()).isEqualTo(4);
        assertThat(small.metadata().nodeThreshold()).isEqualTo(0.6);
    }

    @Test
    void whatIsMissingIsSaidInOneLine() {
        assertThat(run("view", in("none.json"))).isEqualTo(1);
        assertThat(run("next", "no-such-model", "x")).isEqualTo(1);
        assertThat(err.toString().lines()).allMatch(line -> !line.startsWith("\tat "));
        assertThat(err.toString()).contains("none.json", "no-such-model");
        assertThat(run("prune", GRAPH, in("x.json"))).as("--nodes is missing").isEqualTo(2);
        assertThat(run("acdc", "gpt2-tiny", "--task", "nonsense")).isEqualTo(2);
        assertThat(run("acdc", "gpt2-tiny")).isEqualTo(2);
        assertThat(run("prune", GRAPH, in("x.json"), "--nodes", "2")).isEqualTo(1);
        assertThat(err.toString()).contains("must be from 0 to 1, got 2.0");
    }

    @ParameterizedTest
    @ValueSource(strings = {"next", "acdc", "attribute", "view", "prune", "convert"})
    void everyCommandExplainsItself(String command) {
        assertThat(run(command, "--help")).isZero();
        assertThat(out.toString()).contains("Usage: ariadne " + command, "Example: ariadne " + command, "--json");
    }
}
