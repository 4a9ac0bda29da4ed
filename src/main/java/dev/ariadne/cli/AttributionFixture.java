package dev.ariadne.cli;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.ariadne.attribution.ReplacementModel;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.model.weights.Checkpoint;
import dev.ariadne.tensor.Tensors;
import dev.ariadne.transcoder.Activation;
import dev.ariadne.transcoder.CrossLayerTranscoder;
import dev.ariadne.transcoder.Transcoder;
import dev.ariadne.transcoder.TranscoderSet;
import dev.ariadne.transcoder.Transcoders;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;

/** A recorded small model with transcoders: three files of one name. */
record AttributionFixture(HookedTransformer model, Transcoders transcoders, JsonNode description)
        implements AutoCloseable {
    private static final String TRANSCODERS = "transcoders.";
    private static final String EACH = TRANSCODERS + "transcoders.";
    private static final String CROSS_LAYER = TRANSCODERS + "W_dec.";
    private static final int TOP_K = 4; // of the models that are called so: it stands nowhere else

    /** Loads {@code folder/name.weights.safetensors} and {@code folder/name.json}. */
    static AttributionFixture load(Path folder, String name) throws IOException {
        Path lens = Files.createTempDirectory("ariadne-transcoders");
        try (NDManager manager = Tensors.engine().newBaseManager(Device.cpu())) {
            Map<String, NDArray> weights = read(folder.resolve(name + ".weights.safetensors"), manager);
            JsonNode description = new ObjectMapper().readTree(Files.readString(folder.resolve(name + ".json")));
            Files.writeString(
                    lens.resolve("config.json"), description.path("cfg").toString());
            Checkpoint.write(lens.resolve("weights.safetensors"), model(weights), Map.of());
            HookedTransformer model = HookedTransformer.load(lens.toString(), "cpu");
            Transcoders transcoders = weights.keySet().stream().anyMatch(key -> key.startsWith(CROSS_LAYER))
                    ? crossLayer(name, weights, model.config().nLayers())
                    : perLayer(name, weights, model.config().nLayers());
            return new AttributionFixture(model, transcoders, description);
        } finally {
            try (Stream<Path> files = Files.walk(lens)) {
                for (Path each : files.sorted(Comparator.reverseOrder()).toList()) {
                    Files.delete(each);
                }
            }
        }
    }

    ReplacementModel replacement() {
        return ReplacementModel.of(model, transcoders);
    }

    private static Map<String, NDArray> read(Path path, NDManager manager) throws IOException {
        Map<String, NDArray> all = new LinkedHashMap<>();
        try (Checkpoint file = Checkpoint.open(path)) {
            for (String name : file.names()) {
                all.put(name, file.readCopy(manager, name));
            }
        }
        return all;
    }

    /** The model's own weights, under the names they have without transcoders around its MLPs. */
    private static Map<String, NDArray> model(Map<String, NDArray> all) {
        Map<String, NDArray> own = new LinkedHashMap<>();
        all.forEach((name, array) -> {
            if (!name.startsWith(TRANSCODERS)) {
                own.put(
                        name.replace(".old_mlp.", ".")
                                .replace("unembed.old_unembed.", "unembed.")
                                .replaceFirst("attn\\._([Wb])_([KV])$", "attn.$1_$2"),
                        array);
            }
        });
        return own;
    }

    private static TranscoderSet perLayer(String name, Map<String, NDArray> all, int layers) {
        List<Transcoder> transcoders = new ArrayList<>();
        for (int layer = 0; layer < layers; layer++) {
            String prefix = EACH + layer + ".";
            Map<String, NDArray> arrays = new LinkedHashMap<>();
            all.forEach((key, array) -> {
                if (key.startsWith(prefix)) {
                    arrays.put(key.substring(prefix.length()), array);
                }
            });
            boolean jumps = arrays.containsKey("activation_function.threshold");
            boolean largest = name.contains("topk");
            transcoders.add(Transcoder.of(
                    jumps ? Activation.JUMP_RELU : largest ? Activation.topK(TOP_K) : Activation.RELU, arrays));
        }
        return TranscoderSet.of(name, "mlp.hook_in", "mlp.hook_out", transcoders);
    }

    private static CrossLayerTranscoder crossLayer(String name, Map<String, NDArray> all, int layers) {
        List<Map<String, NDArray>> arrays = new ArrayList<>();
        for (int layer = 0; layer < layers; layer++) {
            Map<String, NDArray> own = new LinkedHashMap<>();
            own.put("W_dec", require(all, CROSS_LAYER + layer));
            for (String stacked : List.of("W_enc", "b_enc", "b_dec")) {
                own.put(stacked, require(all, TRANSCODERS + stacked).get(layer));
            }
            arrays.add(own);
        }
        return CrossLayerTranscoder.of(name, "hook_resid_mid", "hook_mlp_out", arrays);
    }

    private static NDArray require(Map<String, NDArray> all, String name) {
        return Objects.requireNonNull(all.get(name), name);
    }

    @Override
    public void close() {
        transcoders.close();
        model.close();
    }
}
