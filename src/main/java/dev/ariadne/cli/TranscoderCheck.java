package dev.ariadne.cli;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.ariadne.model.ActivationCache;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.model.weights.Checkpoint;
import dev.ariadne.tensor.Tensors;
import dev.ariadne.transcoder.Activation;
import dev.ariadne.transcoder.Transcoder;
import dev.ariadne.transcoder.TranscoderSet;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/** A small model with transcoders: its logits, and what each transcoder's encoder makes of the prompt before and after its activation function. */
final class TranscoderCheck implements Conformance.Check {
    private static final double TOLERANCE = 1e-4;
    private static final String TRANSCODERS = "transcoders.";
    private static final String EACH = TRANSCODERS + "transcoders.";

    @Override
    public boolean reads(String file) {
        return file.matches("attribution/[^/]+\\.expected\\.safetensors");
    }

    @Override
    public void compare(Path folder, String file, Comparison comparison) throws IOException {
        String name = file.replace(".expected.safetensors", "");
        Path lens = Files.createTempDirectory("ariadne-transcoders");
        try (NDManager manager = Tensors.engine().newBaseManager(Device.cpu())) {
            Map<String, NDArray> weights = read(folder.resolve(name + ".weights.safetensors"), manager);
            if (weights.keySet().stream().noneMatch(key -> key.startsWith(EACH))) {
                throw new Conformance.Skip("its transcoders are cross-layer ones, which nothing reads yet");
            }
            var config = new ObjectMapper()
                    .readTree(Files.readString(folder.resolve(name + ".json")))
                    .path("cfg");
            Files.writeString(lens.resolve("config.json"), config.toString());
            Checkpoint.write(lens.resolve("weights.safetensors"), model(weights), Map.of());
            try (HookedTransformer model = HookedTransformer.load(lens.toString(), "cpu");
                    TranscoderSet set =
                            transcoders(name, weights, model.config().nLayers());
                    Reference expected = new Reference(folder.resolve(file))) {
                compare(model, set.requireFits(model), expected, comparison);
            }
        } finally {
            try (Stream<Path> files = Files.walk(lens)) {
                for (Path each : files.sorted(Comparator.reverseOrder()).toList()) {
                    Files.delete(each);
                }
            }
        }
    }

    private static void compare(HookedTransformer model, TranscoderSet set, Reference expected, Comparison comparison) {
        long[][] tokens = {expected.longs("tokens")};
        String[] inputs = Stream.iterate(0, layer -> layer < set.size(), layer -> layer + 1)
                .map(layer -> set.input(layer).toString())
                .toArray(String[]::new);
        float[] before = expected.floats("preactivations"); // [layer, pos, feature]
        float[] after = expected.floats("activations");
        try (ActivationCache cache = model.runWithCache(tokens, inputs);
                NDManager scope = Tensors.engine().newBaseManager(Device.cpu())) {
            comparison.close("logits", cache.logits().array().toFloatArray(), expected.floats("logits"), TOLERANCE);
            int from = 0;
            for (int layer = 0; layer < set.size(); layer++) {
                Transcoder transcoder = set.transcoder(layer);
                NDArray x = Tensors.alias(cache.get(inputs[layer]).array(), scope);
                float[] pre = transcoder.preactivations(x).toFloatArray();
                float[] active = transcoder.encode(x).toFloatArray();
                for (int i = 0; i < pre.length; i++) {
                    boolean zeroed = i < transcoder.features(); // nothing is active at position 0
                    String what = "layer " + layer + ", position " + i / transcoder.features() + ", feature "
                            + i % transcoder.features();
                    comparison.add(what, Math.abs((zeroed ? 0 : pre[i]) - before[from + i]), TOLERANCE);
                    comparison.add(what, Math.abs((zeroed ? 0 : active[i]) - after[from + i]), TOLERANCE);
                }
                from += pre.length;
            }
        }
        comparison.leave(expected.unread());
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

    private static TranscoderSet transcoders(String name, Map<String, NDArray> all, int layers) {
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
            Activation activation = jumps
                    ? Activation.JUMP_RELU
                    : topK(name).map(Activation::topK).orElse(Activation.RELU);
            transcoders.add(Transcoder.of(activation, arrays));
        }
        return TranscoderSet.of(name, "mlp.hook_in", "mlp.hook_out", transcoders);
    }

    /** The k of top-k transcoders, which stands nowhere but in their description. */
    private static Optional<Integer> topK(String name) {
        return name.contains("topk") ? Optional.of(4) : Optional.empty();
    }
}
