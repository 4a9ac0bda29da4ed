package dev.ariadne.model;

import com.fasterxml.jackson.databind.JsonNode;
import dev.ariadne.model.ModelConfig.Activation;
import dev.ariadne.model.ModelConfig.Llama3Scaling;
import dev.ariadne.model.ModelConfig.LocalAttention;
import dev.ariadne.model.ModelConfig.Norm;
import dev.ariadne.model.ModelConfig.Rotary;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;

/**
 * Reads a Hugging Face config.json into a {@link ModelConfig}: one short method per family. A new family is one more, and its names in
 * {@link WeightNames}.
 */
final class ConfigReader {
    private static final Set<String> TANH = Set.of("gelu_new", "gelu_pytorch_tanh", "gelu_fast");

    private static final Map<String, Function<Fields, ModelConfigBuilder>> FAMILIES = new TreeMap<>(Map.of(
            "gpt2", ConfigReader::gpt2,
            "gpt_neox", ConfigReader::gptNeoX,
            "llama", ConfigReader::llama,
            "mistral", ConfigReader::mistral,
            "qwen2", ConfigReader::qwen2,
            "qwen3", ConfigReader::qwen3,
            "gemma", ConfigReader::gemma,
            "gemma2", ConfigReader::gemma2,
            "gemma3_text", ConfigReader::gemma3));

    private ConfigReader() {}

    /** Reads a Hugging Face or TransformerLens config.json. */
    static ModelConfig read(JsonNode json, String where) {
        Fields f = new Fields(json, where);
        if (json.has("n_layers") && json.has("d_model")) {
            return LensConfig.read(f);
        }
        String type = f.text("model_type", "");
        if (type.equals("gemma3") && json.path("text_config").isObject()) { // the text part of a model that sees, too
            f = f.child("text_config");
            type = "gemma3_text";
        }
        Function<Fields, ModelConfigBuilder> family = FAMILIES.get(type);
        if (family == null) {
            throw unknown("model type '" + type + "' in " + where, FAMILIES.keySet());
        }
        return family.apply(f).build();
    }

    /** Says which families are known and how another one is added. */
    static IllegalArgumentException unknown(String what, Collection<String> known) {
        return new IllegalArgumentException(what + " is not supported; supported are " + String.join(", ", known)
                + " and TransformerLens-layout folders. A family is data: docs/models.md shows how one is added, and a model of any"
                + " kind loads once it is saved in TransformerLens layout");
    }

    private static ModelConfigBuilder gpt2(Fields f) {
        f.require(true, "scale_attn_weights");
        f.require(false, "scale_attn_by_inverse_layer_idx", "add_cross_attention");
        int dModel = f.integer("n_embd");
        int heads = f.integer("n_head");
        return ModelConfig.builder()
                .family("gpt2")
                .nLayers(f.integer("n_layer"))
                .dModel(dModel)
                .heads(heads, f.divide(dModel, heads))
                .dMlp(f.integer("n_inner", 4 * dModel))
                .dVocab(f.integer("vocab_size"))
                .nCtx(f.integer("n_positions", 1024))
                .eps((float) f.number("layer_norm_epsilon", 1e-5))
                .activation(activation(f, "activation_function", "gelu_new"))
                .tied(f.flag("tie_word_embeddings", true));
    }

    private static ModelConfigBuilder gptNeoX(Fields f) {
        f.require(true, "attention_bias");
        int dModel = f.integer("hidden_size");
        int heads = f.integer("num_attention_heads");
        int dHead = f.divide(dModel, heads);
        Fields rope = rope(f);
        double share = rope.number("partial_rotary_factor", f.number("rotary_pct", 0.25));
        return ModelConfig.builder()
                .family("gpt_neox")
                .nLayers(f.integer("num_hidden_layers"))
                .dModel(dModel)
                .heads(heads, dHead)
                .dMlp(f.integer("intermediate_size"))
                .dVocab(f.integer("vocab_size"))
                .nCtx(f.integer("max_position_embeddings", 2048))
                .eps((float) f.number("layer_norm_eps", 1e-5))
                .activation(activation(f, "hidden_act", "gelu"))
                .rotary(rotary(f, rope, f.number("rotary_emb_base", 10000), (int) (dHead * share)))
                .parallel(f.flag("use_parallel_residual", true))
                .tied(f.flag("tie_word_embeddings", false));
    }

    private static ModelConfigBuilder llama(Fields f) {
        f.require(false, "attention_bias", "mlp_bias");
        return likeLlama(f, "llama", 10000);
    }

    private static ModelConfigBuilder mistral(Fields f) {
        return windowed(likeLlama(f, "mistral", 10000), f, layer -> true, Optional.empty());
    }

    private static ModelConfigBuilder qwen2(Fields f) {
        f.require(false, "use_sliding_window");
        return likeLlama(f, "qwen2", 10000);
    }

    private static ModelConfigBuilder qwen3(Fields f) {
        f.require(false, "use_sliding_window", "attention_bias");
        return likeLlama(f, "qwen3", 10000).qkNorms(true);
    }

    private static ModelConfigBuilder gemma(Fields f) {
        return likeGemma(f, "gemma");
    }

    private static ModelConfigBuilder gemma2(Fields f) {
        ModelConfigBuilder gemma = likeGemma(f, "gemma2")
                .postNorms(true)
                .attnScale(Math.sqrt(f.number("query_pre_attn_scalar", 256)))
                .scoreSoftcap(f.number("attn_logit_softcapping", 0))
                .logitSoftcap(f.number("final_logit_softcapping", 0));
        return windowed(gemma, f, layer -> layer % 2 == 0, Optional.empty());
    }

    private static ModelConfigBuilder gemma3(Fields f) {
        f.require(false, "use_bidirectional_attention");
        ModelConfigBuilder gemma = likeGemma(f, "gemma3")
                .postNorms(true)
                .qkNorms(true)
                .attnScale(Math.sqrt(f.number("query_pre_attn_scalar", 256)))
                .scoreSoftcap(f.number("attn_logit_softcapping", 0))
                .logitSoftcap(f.number("final_logit_softcapping", 0));
        Fields rope = rope(f);
        Fields near = rope.child("sliding_attention");
        double base = near.number("rope_theta", f.number("rope_local_base_freq", 10000));
        int pattern = f.integer("sliding_window_pattern", f.integer("_sliding_window_pattern", 6));
        Rotary local = new Rotary(base, f.integer("head_dim", 256), Optional.empty(), 1);
        return windowed(gemma, f, layer -> (layer + 1) % pattern != 0, Optional.of(local));
    }

    private static ModelConfigBuilder likeGemma(Fields f, String family) {
        f.require(false, "attention_bias");
        String act = f.text("hidden_activation", f.text("hidden_act", "gelu_pytorch_tanh"));
        boolean tanh = TANH.contains(act) || act.equals("gelu"); // older files say gelu and mean its tanh form
        if (!tanh) {
            throw new IllegalArgumentException(
                    "activation '" + act + "' in " + f.where() + " is not Gemma's; it must be gelu_pytorch_tanh");
        }
        double scale = (float) Math.sqrt(f.integer("hidden_size"));
        return likeLlama(f, family, family.equals("gemma3") ? 1e6 : 10000)
                .activation(Activation.GELU_TANH)
                .embedScale(scale)
                .tied(f.flag("tie_word_embeddings", true));
    }

    private static ModelConfigBuilder likeLlama(Fields f, String family, double base) {
        int dModel = f.integer("hidden_size");
        int heads = f.integer("num_attention_heads");
        int dHead = f.integer("head_dim", dModel / heads);
        Fields rope = rope(f);
        return ModelConfig.builder()
                .family(family)
                .nLayers(f.integer("num_hidden_layers"))
                .dModel(dModel)
                .heads(heads, dHead)
                .nKeyValueHeads(f.integer("num_key_value_heads", heads))
                .dMlp(f.integer("intermediate_size"))
                .dVocab(f.integer("vocab_size"))
                .nCtx(f.integer("max_position_embeddings", 2048))
                .norm(Norm.RMS)
                .eps((float) f.number("rms_norm_eps", 1e-6))
                .activation(activation(f, f.json().has("hidden_act") ? "hidden_act" : "hidden_activation", "silu"))
                .gated(true)
                .rotary(rotary(f, rope.json().has("full_attention") ? rope.child("full_attention") : rope, base, dHead))
                .tied(f.flag("tie_word_embeddings", false));
    }

    /** Marks the layers that see a window: those the file lists, else those of the family's habit; none without a window. */
    private static ModelConfigBuilder windowed(
            ModelConfigBuilder builder, Fields f, IntPredicate habit, Optional<Rotary> rotary) {
        if (!f.json().path("sliding_window").isNumber()) {
            return builder;
        }
        JsonNode types = f.json().path("layer_types");
        List<Boolean> layers = IntStream.range(0, f.integer("num_hidden_layers"))
                .mapToObj(layer ->
                        types.has(layer) ? types.get(layer).asText().equals("sliding_attention") : habit.test(layer))
                .toList();
        return builder.local(new LocalAttention(f.integer("sliding_window"), layers, rotary));
    }

    /** Both styles: rope_theta and rope_scaling at top level, or both inside rope_parameters. */
    private static Fields rope(Fields f) {
        return f.json().path("rope_parameters").isObject() ? f.child("rope_parameters") : f;
    }

    private static Rotary rotary(Fields f, Fields rope, double fallback, int dims) {
        double base = rope.number("rope_theta", fallback);
        Fields scaling = f.json().path("rope_scaling").isObject() ? f.child("rope_scaling") : rope;
        String type = scaling.text("rope_type", scaling.text("type", "default"));
        return switch (type) {
            case "default" -> new Rotary(base, dims, Optional.empty(), 1);
            case "linear" -> new Rotary(base, dims, Optional.empty(), scaling.number("factor"));
            case "llama3" ->
                new Rotary(
                        base,
                        dims,
                        Optional.of(new Llama3Scaling(
                                scaling.number("factor"),
                                scaling.number("low_freq_factor"),
                                scaling.number("high_freq_factor"),
                                scaling.number("original_max_position_embeddings"))),
                        1);
            default ->
                throw new IllegalArgumentException("rope type '" + type + "' in " + f.where()
                        + " is not supported; supported are default, linear and llama3");
        };
    }

    static Activation activation(Fields f, String field, String fallback) {
        String name = f.text(field, fallback).toLowerCase(Locale.ROOT);
        if (TANH.contains(name)) {
            return Activation.GELU_TANH;
        }
        return switch (name) {
            case "gelu" -> Activation.GELU;
            case "silu", "swish" -> Activation.SILU;
            case "relu" -> Activation.RELU;
            default ->
                throw new IllegalArgumentException("activation '" + name + "' in " + f.where()
                        + " is not supported; supported are gelu, gelu_new, silu, relu");
        };
    }
}
