package dev.ariadne.sparse;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ariadne.circuit.Provenance;
import dev.ariadne.view.WholeFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/** Circuits of weights as JSON: channels with their means, weights, the line, and how the circuit was made. */
final class SparseCircuitJson {
    private static final String FORMAT = "ariadne sparse circuit 1";
    private static final long MOST_BYTES = 1 << 26; // a weight takes about 80: far more than a circuit has
    private static final ObjectMapper JSON = JsonMapper.builder()
            .enable(DeserializationFeature.FAIL_ON_READING_DUP_TREE_KEY)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    private SparseCircuitJson() {}

    static void write(SparseCircuit circuit, Path file) throws IOException {
        CircuitPruner pruner = circuit.pruner();
        ObjectNode root = JSON.createObjectNode();
        root.put("format", FORMAT).put("version", Provenance.libraryVersion());
        root.put("task", circuit.task().name()).put("model", pruner.model().name());
        root.put("modelChecksum", pruner.wiring().checksum);
        PruneConfig config = pruner.config();
        root.put("target", config.target())
                .put("ablation", config.ablation().name())
                .put("seed", config.seed());
        root.put("method", circuit.making().method()).put("minimal", circuit.isMinimal());
        root.put("loss", circuit.loss()).put("plainLoss", circuit.plainLoss());
        root.put("scale", circuit.calibration().scale())
                .put("shift", circuit.calibration().shift());
        double[] means = pruner.means();
        ArrayNode channels = root.putArray("channels");
        for (Channel channel : circuit.channels()) {
            channels.addObject()
                    .put("channel", channel.toString())
                    .put("mean", means[pruner.wiring().number(channel)]);
        }
        ArrayNode weights = root.putArray("weights");
        for (Connection connection : circuit.connections()) {
            weights.addObject()
                    .put("from", connection.from().toString())
                    .put("to", connection.to().toString())
                    .put("weight", connection.weight());
        }
        ObjectNode curve = root.putObject("lossByChannels");
        circuit.lossByChannels().forEach((k, loss) -> curve.put(Integer.toString(k), loss));
        byte[] bytes = JSON.writerWithDefaultPrettyPrinter().writeValueAsBytes(root);
        try {
            WholeFile.write(file, temporary -> Files.write(temporary, bytes));
        } catch (IOException e) {
            throw new IOException("cannot write the circuit to " + file + ": " + e, e);
        }
    }

    static SparseCircuit read(Path file, CircuitPruner pruner, PairTask task) throws IOException {
        long size = Files.size(file);
        if (size > MOST_BYTES) {
            throw new IOException(
                    file + " is no circuit: it has " + size + " bytes, and a circuit at most " + MOST_BYTES);
        }
        try {
            return circuit(JSON.readTree(Files.readAllBytes(file)), pruner, task);
        } catch (JacksonException | IllegalArgumentException e) {
            throw new IOException("cannot read a circuit from " + file + ": " + e.getMessage(), e);
        }
    }

    private static SparseCircuit circuit(JsonNode root, CircuitPruner pruner, PairTask task) {
        Wiring wiring = pruner.wiring();
        expect("format", FORMAT, field(root, "format").asText());
        expect("task", task.name(), field(root, "task").asText());
        String other = "; is it another model's, or was the model trained anew?";
        expect(
                "modelChecksum" + other,
                Long.toString(wiring.checksum),
                field(root, "modelChecksum").asText());
        expect(
                "ablation",
                pruner.config().ablation().name(),
                field(root, "ablation").asText());
        Part part = Part.none(wiring);
        for (JsonNode channel : field(root, "channels")) {
            part.channels()[
                    wiring.number(Channel.parse(field(channel, "channel").asText()))] = true;
        }
        for (JsonNode weight : field(root, "weights")) {
            String from = field(weight, "from").asText();
            String to = field(weight, "to").asText();
            int edge = wiring.edge(wiring.number(Channel.parse(from)), wiring.number(Channel.parse(to)));
            if (edge < 0) {
                throw new IllegalArgumentException("the model has no weight from " + from + " to " + to);
            }
            part.edges()[edge] = true;
        }
        Map<Integer, Double> curve = new LinkedHashMap<>();
        field(root, "lossByChannels")
                .properties()
                .forEach(entry -> curve.put(
                        Integer.parseInt(entry.getKey()), entry.getValue().asDouble()));
        SparseCircuit circuit = new SparseCircuit(
                pruner,
                task,
                part,
                new SparseCircuit.Making(
                        field(root, "method").asText(), field(root, "minimal").asBoolean(), curve));
        requireSame(root, circuit, pruner);
        return circuit;
    }

    /** With other pairs, texts or settings it would be another circuit, and perhaps not minimal. */
    private static void requireSame(JsonNode root, SparseCircuit circuit, CircuitPruner pruner) {
        double[] means = pruner.means();
        String other = "; read it with the texts that the means were taken over";
        for (JsonNode channel : field(root, "channels")) {
            String name = field(channel, "channel").asText();
            double mean = means[pruner.wiring().number(Channel.parse(name))];
            expect("mean of " + name + other, mean, field(channel, "mean").asDouble());
        }
        expect(
                "target; read it with the settings it was cut out with",
                pruner.config().target(),
                field(root, "target").asDouble());
        expect(
                "loss; read it with the pairs and the settings it was cut out with",
                circuit.loss(),
                field(root, "loss").asDouble());
    }

    /** To more than two processors' float32 differ by, and less than other pairs or texts do. */
    private static void expect(String what, double expected, double got) {
        if (!(Math.abs(expected - got) <= 1e-3 * Math.max(1, Math.abs(expected)))) {
            throw new IllegalArgumentException("expected " + expected + ", got " + got + " as " + what);
        }
    }

    private static JsonNode field(JsonNode node, String name) {
        JsonNode value = node.get(name);
        if (value == null) {
            throw new IllegalArgumentException("there is no '" + name + "'");
        }
        return value;
    }

    private static void expect(String what, String expected, String got) {
        if (!got.equals(expected)) {
            throw new IllegalArgumentException("expected '" + expected + "', got '" + got + "' as " + what);
        }
    }
}
