package dev.ariadne.model;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ariadne.model.ModelConfig.Extras;
import dev.ariadne.model.ModelConfig.Llama3Scaling;
import dev.ariadne.model.ModelConfig.LocalAttention;
import dev.ariadne.model.ModelConfig.Norm;
import dev.ariadne.model.ModelConfig.Positions;
import dev.ariadne.model.ModelConfig.Rotary;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Reads and writes a TransformerLens configuration, under its names (HookedTransformerConfig). */
final class LensConfig {
    private LensConfig() {}

    static ModelConfig read(Fields f) {
        f.require(false, "scale_attn_by_inverse_layer_idx", "rotary_adjacent_pairs", "post_embedding_ln");
        boolean attnOnly = f.flag("attn_only", false);
        int heads = f.integer("n_heads");
        int dHead = f.integer("d_head");
        ModelConfigBuilder builder = ModelConfig.builder()
                .family("transformer_lens")
                .nLayers(f.integer("n_layers"))
                .dModel(f.integer("d_model"))
                .heads(heads, dHead)
                .nKeyValueHeads(f.integer("n_key_value_heads", heads))
                .dMlp(attnOnly ? 0 : f.integer("d_mlp"))
                .dVocab(f.integer("d_vocab"))
                .dVocabOut(f.integer("d_vocab_out", f.integer("d_vocab")))
                .nCtx(f.integer("n_ctx"))
                .norm(norm(f))
                .eps((float) f.number("eps", 1e-5))
                .postNorms(f.flag("use_normalization_before_and_after", false))
                .qkNorms(f.flag("use_qk_norm", false))
                .topK(f.json().path("top_k").isNumber() ? f.integer("top_k") : 0)
                .gated(f.flag("gated_mlp", false))
                .positions(positions(f))
                .causal(causal(f))
                .parallel(f.flag("parallel_attn_mlp", false))
                .attnOnly(attnOnly)
                .attnScale(attnScale(f, dHead))
                .scoreSoftcap(Math.max(0, f.number("attn_scores_soft_cap", -1)))
                .logitSoftcap(Math.max(0, f.number("output_logits_soft_cap", -1)))
                .tied(f.flag("tie_word_embeddings", false))
                .extras(extras(f));
        if (!attnOnly) {
            builder.activation(ConfigReader.activation(f, "act_fn", "gelu_new"));
        }
        if (f.text("positional_embedding_type", "standard").equals("rotary")) {
            builder.rotary(rotary(f, f.number("rotary_base", 10000), dHead));
        }
        if (f.flag("use_local_attn", false)) {
            builder.local(local(f, dHead));
        }
        return builder.build();
    }

    private static Norm norm(Fields f) {
        JsonNode type = f.json().path("normalization_type");
        return switch (type.isNull() ? "none" : type.asText("LN")) {
            case "LN", "" -> Norm.LAYER;
            case "LNPre" -> Norm.LAYER_PRE;
            case "RMS" -> Norm.RMS;
            case "RMSPre" -> Norm.RMS_PRE;
            case "none" -> Norm.NONE;
            default ->
                throw new IllegalArgumentException("normalization_type " + type + " in " + f.where()
                        + " is not supported; supported are LN, LNPre, RMS, RMSPre and null");
        };
    }

    private static Positions positions(Fields f) {
        String type = f.text("positional_embedding_type", "standard");
        return switch (type) {
            case "standard" -> Positions.LEARNED;
            case "shortformer" -> Positions.SHORTFORMER;
            case "rotary" -> Positions.ROTARY;
            case "none" -> Positions.NONE;
            default ->
                throw new IllegalArgumentException("positional_embedding_type '" + type + "' in " + f.where()
                        + " is not supported; supported are standard, shortformer, rotary, none");
        };
    }

    private static boolean causal(Fields f) {
        String direction = f.text("attention_dir", "causal");
        if (!direction.equals("causal") && !direction.equals("bidirectional")) {
            throw new IllegalArgumentException(
                    "attention_dir in " + f.where() + " must be causal or bidirectional, got '" + direction + "'");
        }
        return direction.equals("causal");
    }

    private static double attnScale(Fields f, int dHead) {
        if (!f.flag("use_attn_scale", true)) {
            return 1;
        }
        double said = f.number("attn_scale", -1); // -1: the usual one
        return said > 0 ? said : Math.sqrt(dHead);
    }

    private static Extras extras(Fields f) {
        List<Double> slopes = new ArrayList<>();
        f.json().path("alibi_slopes").forEach(slope -> slopes.add(slope.asDouble(Double.NaN)));
        return new Extras(
                f.number("activations_kept", 0),
                f.flag("bigram_table", false),
                f.flag("attention_sinks", false),
                slopes);
    }

    private static Rotary rotary(Fields f, double base, int dHead) {
        Optional<Llama3Scaling> scaling = f.flag("use_NTK_by_parts_rope", false)
                ? Optional.of(new Llama3Scaling(
                        f.number("NTK_by_parts_factor", 8),
                        f.number("NTK_by_parts_low_freq_factor", 1),
                        f.number("NTK_by_parts_high_freq_factor", 4),
                        f.number("NTK_original_ctx_len", 8192)))
                : Optional.empty();
        return new Rotary(base, f.integer("rotary_dim", dHead), scaling, 1);
    }

    private static LocalAttention local(Fields f, int dHead) {
        List<Boolean> layers = new ArrayList<>();
        f.json().path("attn_types").forEach(type -> layers.add(type.asText().equals("local")));
        Optional<Rotary> rotary = f.json().path("rotary_base_local").isNumber()
                ? Optional.of(
                        new Rotary(f.number("rotary_base_local"), f.integer("rotary_dim", dHead), Optional.empty(), 1))
                : Optional.empty();
        return new LocalAttention(f.integer("window_size"), layers, rotary);
    }

    /**
     * Writes a configuration under TransformerLens's names; {@code top_k}, {@code tie_word_embeddings} and the {@link Extras} are this
     * library's.
     *
     * @throws IllegalArgumentException when the layout has no word for one of its settings
     */
    static ObjectNode write(ModelConfig c) {
        if (c.embedScale() != 1 || c.rotary().map(r -> r.factor() != 1).orElse(false)) {
            throw new IllegalArgumentException(
                    "a configuration with embedScale " + c.embedScale() + " and rotary " + c.rotary()
                            + " has no form in TransformerLens's layout: the scale and the rotary factor must be 1");
        }
        ObjectNode json = new ObjectMapper().createObjectNode();
        json.put("n_layers", c.nLayers()).put("d_model", c.dModel()).put("n_ctx", c.nCtx());
        json.put("n_heads", c.nHeads()).put("d_head", c.dHead());
        if (c.groupSize() > 1) {
            json.put("n_key_value_heads", c.nKeyValueHeads());
        }
        json.put("attn_only", c.attnOnly());
        if (!c.attnOnly()) {
            json.put("d_mlp", c.dMlp()).put("gated_mlp", c.gated()).put("parallel_attn_mlp", c.parallel());
            json.put(
                    "act_fn",
                    c.activation() == ModelConfig.Activation.GELU_TANH
                            ? "gelu_new"
                            : c.activation().name().toLowerCase(Locale.ROOT));
        }
        if (c.topK() > 0) {
            json.put("top_k", c.topK());
        }
        json.put("d_vocab", c.dVocab()).put("d_vocab_out", c.dVocabOut());
        json.put("normalization_type", norm(c.norm())).put("eps", Double.parseDouble(Float.toString(c.eps())));
        json.put("use_normalization_before_and_after", c.postNorms()).put("use_qk_norm", c.qkNorms());
        json.put("attention_dir", c.causal() ? "causal" : "bidirectional");
        json.put("use_attn_scale", true).put("attn_scale", c.attnScale());
        json.put("attn_scores_soft_cap", c.scoreSoftcap() > 0 ? c.scoreSoftcap() : -1);
        json.put("output_logits_soft_cap", c.logitSoftcap() > 0 ? c.logitSoftcap() : -1);
        json.put("tie_word_embeddings", c.tied());
        writePositions(c, json);
        writeExtras(c.extras(), json);
        return json;
    }

    private static @Nullable String norm(Norm norm) {
        return switch (norm) {
            case LAYER -> "LN";
            case LAYER_PRE -> "LNPre";
            case RMS -> "RMS";
            case RMS_PRE -> "RMSPre";
            case NONE -> null;
        };
    }

    private static void writeExtras(Extras extras, ObjectNode json) {
        if (extras.equals(Extras.NONE)) {
            return;
        }
        json.put("activations_kept", extras.kept());
        json.put("bigram_table", extras.bigrams()).put("attention_sinks", extras.sinks());
        ArrayNode slopes = json.putArray("alibi_slopes");
        extras.slopes().forEach(slopes::add);
    }

    private static void writePositions(ModelConfig c, ObjectNode json) {
        String type = c.positions().name().toLowerCase(Locale.ROOT);
        json.put("positional_embedding_type", c.positions() == Positions.LEARNED ? "standard" : type);
        c.rotary().ifPresent(rotary -> {
            json.put("rotary_base", rotary.base()).put("rotary_dim", rotary.dims());
            rotary.scaling()
                    .ifPresent(s -> json.put("use_NTK_by_parts_rope", true)
                            .put("NTK_by_parts_factor", s.factor())
                            .put("NTK_by_parts_low_freq_factor", s.lowFrequency())
                            .put("NTK_by_parts_high_freq_factor", s.highFrequency())
                            .put("NTK_original_ctx_len", s.originalContext()));
        });
        c.local().ifPresent(local -> {
            json.put("use_local_attn", true).put("window_size", local.window());
            ArrayNode types = json.putArray("attn_types");
            local.layers().forEach(near -> types.add(near ? "local" : "global"));
            local.rotary().ifPresent(near -> json.put("rotary_base_local", near.base()));
        });
    }
}
