package dev.ariadne.circuit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ariadne.model.ModelConfig;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class CircuitJsonTest {
    @TempDir
    private Path folder;

    private final ComputationalGraph graph = Graphs.of(Granularity.SPLIT_QKV);

    private Circuit circuit() {
        Map<Edge, Double> effects = new LinkedHashMap<>();
        effects.put(graph.edge("m1->logits"), 0.1 + 0.2);
        effects.put(graph.edge("embed->m1"), Double.NaN);
        Provenance odd = new Provenance(
                "\"<task>\"\n", "KL", "nats", "模型", "12ab", "ACDC", "zero", Map.of("τ", "0,01"), Long.MIN_VALUE, "0");
        return new Circuit(graph, effects, 1e-300, odd);
    }

    private Path saved() throws IOException {
        Path file = folder.resolve("circuit.json");
        circuit().save(file);
        return file;
    }

    @Test
    void readsWhatItWrote() throws IOException {
        Circuit read = Circuit.load(saved(), graph.config());
        assertThat(read).isEqualTo(circuit());
        assertThat(read.edgeSet()).containsExactlyElementsOf(circuit().edgeSet());
        Circuit unknown = Circuit.of(graph, circuit().edgeSet(), Double.NaN, Graphs.MADE_UP);
        unknown.save(folder.resolve("circuit.json"));
        assertThat(Circuit.load(folder.resolve("circuit.json"), graph.config())).isEqualTo(unknown);
        try (var files = Files.list(folder)) {
            assertThat(files).as("nothing temporary is left").hasSize(1);
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            ariadne circuit 2    | other 2          | 'format' must be 'ariadne circuit 2' or 'ariadne circuit 1', got 'other 2'
            "nLayers" : 2        | "nLayers" : 3    | load it with the configuration of its own model
            "edges" : 46         | "edges" : 5100   | load it with the configuration of its own model
            "SPLIT_QKV"          | "HEADS"          | load it with the configuration of its own model
            "SPLIT_QKV"          | "OTHER"          | OTHER
            m1->logits           | m7->logits       | no edge 'm7->logits'
            m1->logits           | nonsense         | an edge is written 'sender->receiver'
            m1->logits           | embed->m1        | the edge 'embed->m1' is there twice
            "seed" : -9          | "seed" : -1.9    | 'provenance.seed' must be a whole number
            "seed" : -9          | "seed" : -99999  | 'provenance.seed' must be a whole number
            "version" : "0"      | "version" : 0    | 'provenance.version' must be text, got 0
            "version"            | "revision"       | 'provenance.version' is missing
            "effect" : null      | "effect" : "1"   | 'edges[1].effect' must be a number or null
            "metric" : 1.0E-300, |                  | 'metric' is missing
            """)
    void saysWhatIsWrong(String old, String text, String message) throws IOException {
        Path file = saved();
        String json = Files.readString(file);
        assertThat(json).contains(old);
        Files.writeString(file, json.replaceFirst(Pattern.quote(old), text == null ? "" : text));
        assertThatThrownBy(() -> Circuit.load(file, graph.config()))
                .isInstanceOf(IOException.class)
                .hasMessageContaining(message)
                .hasMessageContaining(file.toString());
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "[]", "3", "{\"a\":1,\"a\":1}", "{} {}", "{\"format\":", "\0"})
    void refusesWhatIsNoCircuit(String text) throws IOException {
        Path file = Files.writeString(folder.resolve("x.json"), text);
        assertThatThrownBy(() -> Circuit.load(file, graph.config()))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("x.json");
        Files.writeString(file, "[".repeat(100_000));
        assertThatThrownBy(() -> Circuit.load(file, graph.config())).isInstanceOf(IOException.class);
    }

    @Test
    void refusesMoreEdgesThanThereAreAndFilesThatAreTooLarge() throws IOException {
        Path file = saved();
        String entry = "{\"edge\":\"m1->logits\",\"effect\":null},";
        Files.writeString(
                file, Files.readString(file).replaceFirst("\"edges\" : \\[", "\"edges\" : [" + entry.repeat(60)));
        assertThatThrownBy(() -> Circuit.load(file, graph.config()))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("at most 46 edges");
        try (RandomAccessFile large = new RandomAccessFile(file.toFile(), "rw")) {
            large.setLength((1L << 26) + 1);
        }
        assertThatThrownBy(() -> Circuit.load(file, graph.config()))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("67108865 bytes");
    }

    @Test
    void leavesTheOldFileWhenItCannotWrite() {
        assertThatThrownBy(() -> circuit().save(folder.resolve("missing/circuit.json")))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("cannot write the circuit");
    }

    /** A file of the first format, which did not say which weights the model had. */
    @Test
    void readsWhatTheFirstVersionWrote() throws IOException {
        ModelConfig smolLm2 = ModelConfig.builder()
                .nLayers(30)
                .dModel(576)
                .heads(9, 64)
                .nKeyValueHeads(3)
                .dMlp(1536)
                .dVocab(49152)
                .nCtx(2048)
                .build();
        Path file = Path.of("notebooks/smollm2-ioi-circuit.json");
        assertThat(file).content().contains("ariadne circuit 1").doesNotContain("weights");
        Circuit old = Circuit.load(file, smolLm2);
        assertThat(old.provenance().weights()).isEmpty();
        old.save(folder.resolve("new.json"));
        assertThat(folder.resolve("new.json")).content().contains("ariadne circuit 2");
        assertThat(Circuit.load(folder.resolve("new.json"), smolLm2)).isEqualTo(old);
    }
}
