package dev.ariadne.intervention;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ariadne.model.weights.Checkpoint;
import dev.ariadne.tensor.Tensors;
import dev.ariadne.transcoder.Activation;
import dev.ariadne.transcoder.Feature;
import dev.ariadne.transcoder.Transcoder;
import dev.ariadne.transcoder.TranscoderSet;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.stream.Stream;

/**
 * Random files in Gemma-2-2B's layout and names, 26 layers of width 16, with transcoders of 16,384 features in GemmaScope's place: what a user who has
 * the weights would have in a folder. Words are those of the tutorial model and of the demonstrations, whose tokens have the published positions.
 */
final class GemmaFiles {
    private static final int LAYERS = 26;
    private static final int WIDTH = 16;
    private static final int FEATURES = 16_384;
    private static final List<String> MORE_WORDS = List.of(
            "F", "ait", "Michael", "Jordan", "joue", "au", "He", "cho", "juega", "al", "Tom", "Brady", "plays", "sport",
            "Spanish", "peso", "US");

    private final Random random = new Random(5);
    private final int words;

    private GemmaFiles(int words) {
        this.words = words;
    }

    /** Writes a model, and transcoders in its folder "transcoders". */
    static void write(Path folder) throws IOException {
        int words = writeTokenizer(folder);
        String config = Files.readString(Path.of("src/test/resources/models/gemma2-tiny/config.json"))
                .replace("\"num_hidden_layers\": 4", "\"num_hidden_layers\": " + LAYERS)
                .replace("\"hidden_size\": 32", "\"hidden_size\": " + WIDTH)
                .replace("\"vocab_size\": 96", "\"vocab_size\": " + words)
                .replace("\"bos_token_id\": 2", "\"bos_token_id\": 0");
        Files.writeString(folder.resolve("config.json"), config);
        GemmaFiles files = new GemmaFiles(words);
        try (NDManager manager = Tensors.engine().newBaseManager(Device.cpu())) {
            Checkpoint.write(folder.resolve("model.safetensors"), files.weights(manager), Map.of());
            try (TranscoderSet set = files.transcoders(manager)) {
                set.save(folder.resolve("transcoders"), Map.of());
            }
        }
    }

    /** The tutorial model's tokenizer with more words, of which "Fait" and "Hecho" are two tokens, as Gemma has them; how many words there are. */
    private static int writeTokenizer(Path folder) throws IOException {
        ObjectMapper mapper = new ObjectMapper();
        try (InputStream in = resource("tokenizer.json");
                InputStream settings = resource("tokenizer_config.json")) {
            Files.copy(settings, folder.resolve("tokenizer_config.json"));
            ObjectNode file = (ObjectNode) mapper.readTree(in);
            ObjectNode pattern = (ObjectNode) file.path("pre_tokenizer").path("pattern");
            pattern.put(
                    "Regex",
                    "F(?=ait:)|ait(?=:)|He(?=cho:)|cho(?=:)|"
                            + pattern.path("Regex").asText());
            ObjectNode vocabulary = (ObjectNode) file.path("model").path("vocab");
            for (String word : MORE_WORDS) {
                vocabulary.put(word, vocabulary.size());
            }
            mapper.writeValue(folder.resolve("tokenizer.json").toFile(), file);
            return vocabulary.size();
        }
    }

    private static InputStream resource(String name) {
        return Objects.requireNonNull(GemmaFiles.class.getResourceAsStream("/dev/ariadne/models/tutorial/" + name));
    }

    private Map<String, NDArray> weights(NDManager manager) {
        Map<String, NDArray> arrays = new LinkedHashMap<>();
        arrays.put("model.embed_tokens.weight", random(manager, words, WIDTH));
        for (int layer = 0; layer < LAYERS; layer++) {
            String name = "model.layers." + layer + ".";
            arrays.put(name + "self_attn.q_proj.weight", random(manager, 32, WIDTH));
            arrays.put(name + "self_attn.k_proj.weight", random(manager, 16, WIDTH));
            arrays.put(name + "self_attn.v_proj.weight", random(manager, 16, WIDTH));
            arrays.put(name + "self_attn.o_proj.weight", random(manager, WIDTH, 32));
            arrays.put(name + "mlp.gate_proj.weight", random(manager, 48, WIDTH));
            arrays.put(name + "mlp.up_proj.weight", random(manager, 48, WIDTH));
            arrays.put(name + "mlp.down_proj.weight", random(manager, WIDTH, 48));
            for (String norm : List.of(
                    "input_layernorm",
                    "post_attention_layernorm",
                    "pre_feedforward_layernorm",
                    "post_feedforward_layernorm")) {
                arrays.put(name + norm + ".weight", random(manager, WIDTH));
            }
        }
        arrays.put("model.norm.weight", random(manager, WIDTH));
        return arrays;
    }

    /** Published members are mostly active, others hardly ever. */
    private TranscoderSet transcoders(NDManager manager) {
        float[][] biases = new float[LAYERS][FEATURES];
        for (float[] layer : biases) {
            Arrays.fill(layer, -5f);
        }
        Stream.concat(Stream.of(Demonstration.dallas(), Demonstration.opposites()), Demonstration.more().stream())
                .flatMap(demo -> demo.nodes().values().stream())
                .flatMap(node -> node.features().stream())
                .forEach((Feature member) -> biases[member.layer()][member.index()] = 1);
        List<Transcoder> layers = new ArrayList<>();
        for (float[] layer : biases) {
            Map<String, NDArray> arrays = new LinkedHashMap<>();
            arrays.put("W_enc", random(manager, FEATURES, WIDTH));
            arrays.put("b_enc", manager.create(layer));
            arrays.put("W_dec", random(manager, FEATURES, WIDTH).mul(0.3));
            arrays.put("b_dec", random(manager, WIDTH));
            arrays.put("activation_function.threshold", manager.create(0.1f));
            layers.add(Transcoder.of(Activation.JUMP_RELU, arrays));
        }
        return TranscoderSet.of("gemma-2-2b", "ln2.hook_normalized", "hook_mlp_out", layers);
    }

    private NDArray random(NDManager manager, long... sizes) {
        Shape shape = new Shape(sizes);
        float[] values = new float[(int) shape.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) (0.25 * random.nextGaussian());
        }
        return manager.create(values, shape);
    }
}
