package dev.ariadne.model;

import com.fasterxml.jackson.databind.JsonNode;
import dev.ariadne.model.ModelConfig.Llama3Scaling;
import dev.ariadne.model.ModelConfig.LocalAttention;
import dev.ariadne.model.ModelConfig.Norm;
import dev.ariadne.model.ModelConfig.Positions;
import dev.ariadne.model.ModelConfig.Rotary;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Reads a TransformerLens configuration, under its names (HookedTransformerConfig). */
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
                .logitSoftcap(Math.max(0, f.number("output_logits_soft_cap", -1)));
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
}
