package dev.ariadne.attribution;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.networknt.schema.JsonSchema;
import com.networknt.schema.JsonSchemaFactory;
import com.networknt.schema.SpecVersion;
import dev.ariadne.attribution.Annotations.Group;
import dev.ariadne.attribution.GraphJson.Kind;
import dev.ariadne.attribution.GraphJson.Link;
import dev.ariadne.attribution.GraphJson.Metadata;
import dev.ariadne.attribution.GraphJson.Node;
import dev.ariadne.transcoder.Feature;
import java.io.IOException;
import java.io.InputStream;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class GraphJsonTest {
    private static final ObjectMapper JSON = new ObjectMapper();

    @TempDir
    private Path folder;

    private static String resource(String name) {
        try (InputStream in = GraphJsonTest.class.getResourceAsStream("/graphs/" + name)) {
            return new String(in.readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    private GraphJson read(String text) throws IOException {
        return GraphJson.read(Files.writeString(folder.resolve("graph.json"), text));
    }

    private JsonNode written(GraphJson graph) throws IOException {
        Path file = folder.resolve("written.json");
        graph.write(file);
        return JSON.readTree(file.toFile());
    }

    private static GraphJson hostile() {
        String odd = "</script><script>alert('1')</script>\"\\\n\u0000 首都 🙂";
        Metadata metadata = new Metadata(
                "s", "tutorial", List.of(), List.of("<bos>", odd, " is"), odd, Double.NaN, Map.of("info", Map.of()));
        List<Node> nodes = List.of(
                Node.token(7, 1, odd, 0.25),
                Node.feature(new Feature(0, 1, 2), 1e-300, Double.NaN, odd),
                Node.feature(new Feature(1, 2, 2_000_000), -3, 1, ""),
                Node.error(2, 1, 0.5),
                Node.bias(0, 0, Double.NaN),
                Node.logit(3, 2, 99, odd, 0.1 + 0.2, true));
        List<Link> links = List.of(
                new Link("E_7_1", "0_2_1", 0.1 + 0.2),
                new Link("0_2_1", "1_2000000_2", -Double.MIN_VALUE),
                new Link("error_2_1", "4_99_2", Double.MAX_VALUE),
                new Link("bias_0_0", "4_99_2", -0.0));
        Annotations annotations = Annotations.NONE
                .withSupernodes(List.of(new Group(odd, List.of("0_2_1", "E_7_1"))))
                .withClerps(Map.of("0_2_1", odd));
        return new GraphJson(metadata, annotations, nodes, links, Map.of("extra", List.of(1, "a")));
    }

    @Test
    void readsWhatItWrote() throws IOException {
        Path file = folder.resolve("graph.json");
        hostile().write(file);
        assertThat(GraphJson.read(file)).isEqualTo(hostile());
        hostile().write(file);
        try (var files = Files.list(folder)) {
            assertThat(files).as("nothing temporary is left").hasSize(1);
        }
        assertThatThrownBy(() -> hostile().write(folder.resolve("none").resolve("graph.json")))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("cannot write");
    }

    @Test
    void aPublishedFileMeansTheSameAfterReadingAndWriting() throws IOException {
        ObjectNode expected = (ObjectNode) JSON.readTree(resource("published.json")
                .replace("\"layer\": 3,", "\"layer\": \"3\",")
                .replace("\"weight\": 3}", "\"weight\": 3.0}")
                .replace("\"0_0_2\"", "\"error_0_2\""));
        ((ObjectNode) expected.get("nodes").get(3)).put("node_id", "error_1_1");
        ((ObjectNode) expected.get("links").get(4)).put("source", "error_1_1");
        GraphJson graph = read(resource("published.json"));
        assertThat(written(graph)).isEqualTo(expected);
        assertThat(graph.label(graph.nodes().get(2)))
                .as("by layer, Cantor's number and position")
                .isEqualTo("Texas");
        assertThat(graph.nodes().get(2).index()).isEqualTo(7);
        assertThat(graph.nodes().get(0).index()).as("the token's").isEqualTo(5);
    }

    @Test
    void aGraphFromNeuronpediaKeepsItsMeaningAndGetsItsScores() throws IOException {
        GraphJson graph = read(resource("neuronpedia.json"));
        assertThat(graph.nodes()).hasSize(46);
        assertThat(graph.links()).hasSize(175).contains(new Link("error_17_3", "19_4466_3", 7.0625));
        assertThat(graph.metadata().more()).containsKeys("info", "generation_settings", "pruning_settings");
        JsonNode expected = JSON.readTree(resource("neuronpedia.json").replaceAll("\"(\\d+)_-1_3\"", "\"error_$1_3\""));
        assertThat(written(graph)).isEqualTo(expected);
        assertScores(graph.scores(), 0.6443605044785814, 0.8593157528483271);
        List<String> some = List.of("25_6324_3", "19_12116_3", "24_11777_3", "E_2_0");
        assertScores(graph.scores(some), 0.5271480685383282, 0.7778413928640646);
        assertScores(graph.scores(List.of("0_35_3")), 0.47497654384654936, 0.7398460299196659);
        assertThatThrownBy(() -> graph.scores(List.of("1_1_1")))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("'1_1_1'");
    }

    /** By hand: token 1 gives two features of one supernode 24.5 and 12.375, and another token 15.75; they give an output 0.265625 − 0.1708984375. */
    @Test
    void supernodesPushEachOtherByTheirMembersLinks() throws IOException {
        GraphJson graph = read(resource("neuronpedia.json"));
        Annotations own = graph.annotations()
                .withSupernodes(List.of(
                        new Group("ones", List.of("0_6200_1", "0_12914_1")),
                        new Group("token 1", List.of("E_235274_1"))));
        Annotations pinned = new Annotations(
                List.of("27_235310_3", "0_6200_1"),
                own.supernodes(),
                Map.of(),
                Map.of(),
                List.of(),
                Double.NaN,
                Double.NaN,
                "",
                "both",
                "",
                Map.of());
        List<GraphJson.SupernodeLink> links = graph.with(pinned).supernodeLinks();
        double all = graph.links().stream()
                .filter(link -> link.target().equals("27_235310_3"))
                .mapToDouble(link -> Math.abs(link.weight()))
                .sum();
        assertThat(links)
                .containsExactly(
                        new GraphJson.SupernodeLink("token 1", "ones", 36.875, 36.875 / (36.875 + 15.75)),
                        new GraphJson.SupernodeLink("token 1", "Output \"4\" (p=0.229)", -2.734375, 2.734375 / all),
                        new GraphJson.SupernodeLink(
                                "ones", "Output \"4\" (p=0.229)", 0.0947265625, 0.4365234375 / all));
    }

    /** Expected: a dense power iteration in NumPy; both in float64. */
    private static void assertScores(GraphScores scores, double replacement, double completeness) {
        assertThat(scores.replacement()).isCloseTo(replacement, within(1e-12));
        assertThat(scores.completeness()).isCloseTo(completeness, within(1e-12));
    }

    @Test
    void linksOfAnErrorAreTakenForAFeaturesOnlyWhereBothCouldBe() throws IOException {
        String text = resource("published.json");
        assertThat(read(text).more()).doesNotContainKey("doubtful_links");
        String single = text.replace("{\"source\": \"0_1_1\", \"target\": \"3_9_2\", \"weight\": -1e-30},", "");
        GraphJson graph = read(single);
        assertThat(graph.links()).contains(new Link("0_1_1", "3_9_2", 3)).hasSize(5);
        assertThat(graph.more()).containsEntry("doubtful_links", 1);
        String noFeature = single.replace(
                        "\"node_id\": \"0_1_1\", \"feature\": 2,", "\"node_id\": \"0_3_1\", \"feature\": 9,")
                .replace("\"source\": \"0_1_1\", \"target\": \"1_7_2\"", "\"source\": \"0_3_1\", \"target\": \"1_7_2\"")
                .replace("\"target\": \"0_1_1\"", "\"target\": \"0_3_1\"");
        GraphJson plain = read(noFeature);
        assertThat(plain.links()).contains(new Link("error_1_1", "3_9_2", 3));
        assertThat(plain.annotations().byName()).containsEntry("R&D", List.of("error_1_1"));
    }

    @Test
    void oldFilesGetTheNumbersAndIdsOfToday() throws IOException {
        GraphJson graph = read(resource("published.json")
                .replace("\"schema_version\": 1", "\"schema_version\": 0")
                .replace("\"feature\": 2,", "\"feature\": 1,")
                .replace("\"feature\": 43,", "\"feature\": 100007,")
                .replace("1_7_2", "1_100007_2"));
        assertThat(graph).isEqualTo(read(resource("published.json")));
    }

    @Test
    void nodesMayComeBeforeTheMetadata() throws IOException {
        JsonNode tree = JSON.readTree(resource("published.json"));
        ObjectNode turned = JSON.createObjectNode();
        for (String name : List.of("links", "nodes", "qk_only_nodes", "qParams", "metadata")) {
            turned.set(name, tree.get(name));
        }
        assertThat(read(turned.toString())).isEqualTo(read(resource("published.json")));
    }

    @Test
    void annotationsMayBeTextsOfAnAddress() throws IOException {
        ObjectNode tree = (ObjectNode) JSON.readTree(resource("published.json"));
        ObjectNode params = (ObjectNode) tree.get("qParams");
        params.put("pinnedIds", "1_7_2,3_9_2");
        params.put("supernodes", params.get("supernodes").toString());
        params.put("clerps", params.get("clerps").toString());
        assertThat(read(tree.toString())).isEqualTo(read(resource("published.json")));
        params.put("pruningThreshold", "0.5").put("pinnedIds", "").put("clerps", "");
        Annotations read = read(tree.toString()).annotations();
        assertThat(read.pruningThreshold()).isEqualTo(0.5);
        assertThat(read.pinnedIds()).isEmpty();
        assertThat(read.clerps()).isEmpty();
    }

    @Test
    void whatIsWrittenFitsThePublishedSchema() throws IOException {
        JsonSchema schema =
                JsonSchemaFactory.getInstance(SpecVersion.VersionFlag.V202012).getSchema(resource("graph.schema.json"));
        assertThat(schema.validate(written(hostile()))).isEmpty();
        assertThat(schema.validate(written(read(resource("published.json"))))).isEmpty();
        assertThat(schema.validate(JSON.readTree(resource("published.json").replace("\"clerp\"", "\"label\""))))
                .as("the schema can say no")
                .hasSize(6);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            "target": "3_9_2", "weight": 0.5 | "target": "3_9_9", "weight": 0.5 | there is no node '3_9_9'
            "weight": 0.5        | "weight": NaN           | 'links[5].weight' must be a finite number, got "NaN"
            "weight": 0.5        | "weight": 1e999         | 'links[5].weight' must be a finite number
            "weight": 0.5        | "weight": "0.5"         | 'links[5].weight' must be a finite number, got "0.5"
            "weight": 0.5        | "wait": 0.5             | 'links[5].weight' is missing from an object of 3
            "source": "E_5_1", "target": "0_1_1" | "source": "1_7_2", "target": "0_1_1" | the links form a cycle:
            "source": "E_5_1", "target": "0_1_1" | "source": "0_1_1", "target": "0_1_1" | the links form a cycle: 0_1_1 <- 0_1_1
            "source": "0_0_2", "target": "1_7_2" | "source": "0_1_1", "target": "1_7_2" | 0_1_1 -> 1_7_2 is there twice
            "node_id": "1_7_2"   | "node_id": "E_5_1"      | two nodes have the id 'E_5_1'
            "node_id": "0_0_2"   | "node_id": "0_1_1"      | two nodes have the id '0_1_1'
            "feature": 43        | "feature": 44           | 'nodes[2].feature' must be the number of a feature of layer 1
            "feature": 43        | "feature": 1e99         | 'nodes[2].feature' must be a whole number
            "feature": 43        | "feature": 9223372036854775807 | 'nodes[2].feature' must be a whole number
            "feature": 43        | "feature": null         | 'nodes[2].feature' must be a whole number
            "ctx_idx": 2         | "ctx_idx": 3            | is at position 3, but the prompt has 3 tokens
            "ctx_idx": 2         | "ctx_idx": -1           | 'nodes[2].ctx_idx' must be a whole number from 0
            "layer": "1"         | "layer": "E"            | 'nodes[2].layer' must be a whole number from 0 to 100000, got "E"
            "layer": "1"         | "layer": 99999999       | 'nodes[2].layer' must be a whole number
            "logit",             | "other",                | 'nodes[5].feature_type' must be one of [bias, cross layer transcoder
            "influence": 0.5     | "influence": -Infinity  | 'nodes[0].influence' must be a finite number
            "metadata"           | "meta"                  | 'metadata' is missing
            "qParams"            | "params"                | this one only
            "links": [           | "links": [[],           | 'links[0]' must be an object, got a list of 0
            "nodes": [           | "nodes": 3, "a": [      | 'nodes' must be a list
            "qk_only_nodes"      | "links"                 | 'links' is there twice
            "schema_version": 1  | "schema_version": 2     | 'metadata.schema_version' must be a whole number from 0 to 1, got 2
            "prompt": "<bos>     | "prompt": "a", "prompt": "<bos> | prompt
            ["Texas", "1_7_2"    | [3, "1_7_2"             | 'qParams.supernodes[0][0]' must be text, got 3
            "qk_only_nodes": []  | "qk_only_nodes": [NaN]  | 'qk_only_nodes' must be a finite number
            "qk_only_nodes": []  | "qk_only_nodes": [      | cannot read a graph
            """)
    void refusesWhatIsNoGraph(String there, String instead, String message) throws IOException {
        String text = resource("published.json");
        assertThat(text).contains(there);
        String damaged = text.replaceFirst(java.util.regex.Pattern.quote(there), instead.replace("\\", "\\\\"));
        assertThatThrownBy(() -> read(damaged))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("graph.json")
                .hasMessageContaining(message);
    }

    @Test
    void refusesAFileTooLargeBeforeReadingIt() throws IOException {
        Path file = folder.resolve("huge.json");
        try (RandomAccessFile huge = new RandomAccessFile(file.toFile(), "rw")) {
            huge.setLength(1L << 40); // sparse
        }
        assertThatThrownBy(() -> GraphJson.read(file)).hasMessageContaining("a graph at most 536870912");
        assertThatThrownBy(() -> read("[".repeat(100_000))).isInstanceOf(IOException.class);
        assertThatThrownBy(() -> read("{\"x\":".repeat(100_000))).isInstanceOf(IOException.class);
        assertThatThrownBy(() -> read("")).hasMessageContaining("a graph is an object");
    }

    @Test
    void publishingReplacesTheEntryOfThatName() throws IOException {
        GraphJson graph = read(resource("published.json"));
        assertThat(GraphJson.published(folder)).isEmpty();
        graph.publish(folder);
        hostile().publish(folder);
        Metadata from = graph.metadata();
        Metadata changed = new Metadata(
                from.slug(),
                "other",
                List.of(),
                from.promptTokens(),
                "changed",
                Double.NaN,
                Map.of("title_prefix", "T"));
        GraphJson again = new GraphJson(changed, graph.nodes(), graph.links());
        assertThat(GraphJson.read(again.publish(folder))).isEqualTo(again);
        assertThat(GraphJson.published(folder))
                .containsExactly(changed, hostile().metadata());

        Files.writeString(folder.resolve("graph-metadata.json"), "{\"graphs\": [{}]}");
        assertThatThrownBy(() -> graph.publish(folder)).hasMessageContaining("'graphs[0].slug' is missing");
        for (String slug : List.of("../evil", "", ".hidden", "a/b", "graph-metadata")) {
            Metadata evil = new Metadata(slug, "m", List.of(), List.of(), "", Double.NaN, Map.of());
            assertThatThrownBy(() -> new GraphJson(evil, List.of(), List.of()).publish(folder))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("got '" + slug + "'");
        }
    }

    @Test
    void kindsAreThoseOfTheFormat() {
        assertThat(Kind.values()).extracting(Kind::type).doesNotHaveDuplicates().hasSize(7);
    }
}
