package dev.ariadne.model;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.ariadne.model.ModelConfig.Activation;
import dev.ariadne.model.ModelConfig.LocalAttention;
import dev.ariadne.model.ModelConfig.Norm;
import dev.ariadne.model.ModelConfig.Rotary;
import dev.ariadne.model.weights.Checkpoint;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** Reads the configuration in a GGUF file's metadata; what the format leaves to the program stands here. */
final class GgufConfig {
    private static final List<String> KNOWN = List.of("llama", "qwen2", "qwen3", "gemma3");
    private static final int GEMMA3_PATTERN = 6; // every sixth layer sees everything: not in the file
    private static final double GEMMA3_LOCAL_BASE = 10000; // likewise

    private GgufConfig() {}

    static ModelConfig read(Checkpoint file) {
        Map<String, Object> meta = file.metadata();
        String architecture = String.valueOf(meta.get("general.architecture"));
        if (!KNOWN.contains(architecture)) {
            throw ConfigReader.unknown("architecture '" + architecture + "' of " + file.path(), KNOWN);
        }
        Object scaling = meta.getOrDefault(architecture + ".rope.scaling.type", "none");
        if (file.contains("rope_freqs.weight") || !scaling.equals("none")) {
            throw new IllegalArgumentException("rope scaling in " + file.path()
                    + " is not supported for GGUF yet; load the model from its safetensors folder");
        }
        Fields f = new Fields(
                new ObjectMapper().valueToTree(numbers(meta, architecture + ".")),
                file.path().toString());
        boolean gemma = architecture.equals("gemma3");
        int dModel = f.integer("embedding_length");
        int heads = f.integer("attention.head_count");
        int dHead = f.integer("attention.key_length", f.integer("rope.dimension_count", dModel / heads));
        int layers = f.integer("block_count");
        Rotary rotary = new Rotary(f.number("rope.freq_base", gemma ? 1e6 : 10000), dHead, Optional.empty(), 1);
        ModelConfigBuilder builder = ModelConfig.builder()
                .family(architecture)
                .nLayers(layers)
                .dModel(dModel)
                .heads(heads, dHead)
                .nKeyValueHeads(f.integer("attention.head_count_kv", heads))
                .dMlp(f.integer("feed_forward_length"))
                .dVocab(Math.toIntExact(file.shape("token_embd.weight")[0]))
                .nCtx(f.integer("context_length"))
                .norm(Norm.RMS)
                .eps((float) f.number("attention.layer_norm_rms_epsilon", gemma ? 1e-6 : 1e-5))
                .activation(gemma ? Activation.GELU_TANH : Activation.SILU)
                .gated(true)
                .rotary(rotary)
                .qkNorms(architecture.equals("qwen3") || gemma)
                .tied(!file.contains("output.weight"));
        if (gemma) {
            builder.postNorms(true).embedScale((float) Math.sqrt(dModel));
            List<Boolean> near = IntStream.range(0, layers)
                    .mapToObj(layer -> (layer + 1) % GEMMA3_PATTERN != 0)
                    .toList();
            Rotary local = new Rotary(GEMMA3_LOCAL_BASE, dHead, Optional.empty(), 1);
            builder.local(new LocalAttention(f.integer("attention.sliding_window", 1024), near, Optional.of(local)));
        }
        return builder.build();
    }

    /** An architecture's own scalar settings, without its prefix: a vocabulary is no configuration. */
    private static Map<String, Object> numbers(Map<String, Object> meta, String prefix) {
        return meta.entrySet().stream()
                .filter(e -> e.getValue() instanceof Number && e.getKey().startsWith(prefix))
                .collect(Collectors.toMap(e -> e.getKey().substring(prefix.length()), Map.Entry::getValue));
    }
}
