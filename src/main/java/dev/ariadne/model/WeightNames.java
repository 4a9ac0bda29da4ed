package dev.ariadne.model;

import dev.ariadne.model.weights.Checkpoint;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/**
 * How a file names a model's arrays. In a template, {@code %s} stands for "weight" or "bias" (whatever the layout writes).
 *
 * @param templates one per part that the family has
 * @param block what stands before a block's names, with {@code %d} for the layer
 * @param matrix the two words for a matrix: its weight, its bias
 * @param norm the two words for a norm
 * @param storage how matrices are stored
 * @param normOffset what is added to the weight of a norm as stored: 1 where the file has the distance from 1
 */
record WeightNames(
        Map<Part, String> templates,
        String block,
        List<String> matrix,
        List<String> norm,
        Storage storage,
        float normOffset) {

    /** A matrix or a norm. */
    enum Part {
        EMBED,
        POSITIONS,
        FINAL_NORM,
        UNEMBED,
        BIGRAMS,
        LN1,
        /** Queries, keys and values in one matrix; else the next three. */
        QKV,
        Q,
        K,
        V,
        Q_NORM,
        K_NORM,
        OUT,
        LN1_POST,
        LN2,
        GATE,
        IN,
        MLP_OUT,
        LN2_POST,
        SINKS;

        boolean inBlock() {
            return compareTo(BIGRAMS) > 0;
        }

        boolean isNorm() {
            return switch (this) {
                case FINAL_NORM, LN1, Q_NORM, K_NORM, LN1_POST, LN2, LN2_POST -> true;
                default -> false;
            };
        }
    }

    /** How matrices are stored. */
    enum Storage {
        /** [out, in]. */
        OUT_IN,
        /** [out, in], with the rows of queries and keys interleaved for adjacent-pair rotation. */
        OUT_IN_INTERLEAVED,
        /** [out, in], queries, keys and values in one matrix, head by head: [head, 3, dHead]. */
        OUT_IN_BY_HEAD,
        /** [in, out]. */
        IN_OUT,
        /** [in, out]; per head [head, dModel, dHead] and [head, dHead, dModel]. */
        HEADS
    }

    private static final List<String> WEIGHT_BIAS = List.of("weight", "bias");

    static final WeightNames GPT2 = new WeightNames(
            Map.of(
                    Part.EMBED, "wte.%s",
                    Part.POSITIONS, "wpe.%s",
                    Part.FINAL_NORM, "ln_f.%s",
                    Part.UNEMBED, "lm_head.%s",
                    Part.LN1, "ln_1.%s",
                    Part.QKV, "attn.c_attn.%s",
                    Part.OUT, "attn.c_proj.%s",
                    Part.LN2, "ln_2.%s",
                    Part.IN, "mlp.c_fc.%s",
                    Part.MLP_OUT, "mlp.c_proj.%s"),
            "h.%d.",
            WEIGHT_BIAS,
            WEIGHT_BIAS,
            Storage.IN_OUT,
            0);

    static final WeightNames GPT_NEOX = new WeightNames(
            Map.of(
                    Part.EMBED, "gpt_neox.embed_in.%s",
                    Part.FINAL_NORM, "gpt_neox.final_layer_norm.%s",
                    Part.UNEMBED, "lm_head.%s|embed_out.%s",
                    Part.LN1, "input_layernorm.%s",
                    Part.QKV, "attention.query_key_value.%s",
                    Part.OUT, "attention.dense.%s",
                    Part.LN2, "post_attention_layernorm.%s",
                    Part.IN, "mlp.dense_h_to_4h.%s",
                    Part.MLP_OUT, "mlp.dense_4h_to_h.%s"),
            "gpt_neox.layers.%d.",
            WEIGHT_BIAS,
            WEIGHT_BIAS,
            Storage.OUT_IN_BY_HEAD,
            0);

    /** Also Mistral and Qwen. */
    static final WeightNames LLAMA = new WeightNames(
            Map.ofEntries(
                    Map.entry(Part.EMBED, "model.embed_tokens.%s"),
                    Map.entry(Part.FINAL_NORM, "model.norm.%s"),
                    Map.entry(Part.UNEMBED, "lm_head.%s"),
                    Map.entry(Part.LN1, "input_layernorm.%s"),
                    Map.entry(Part.Q, "self_attn.q_proj.%s"),
                    Map.entry(Part.K, "self_attn.k_proj.%s"),
                    Map.entry(Part.V, "self_attn.v_proj.%s"),
                    Map.entry(Part.Q_NORM, "self_attn.q_norm.%s"),
                    Map.entry(Part.K_NORM, "self_attn.k_norm.%s"),
                    Map.entry(Part.OUT, "self_attn.o_proj.%s"),
                    Map.entry(Part.LN2, "post_attention_layernorm.%s"),
                    Map.entry(Part.GATE, "mlp.gate_proj.%s"),
                    Map.entry(Part.IN, "mlp.up_proj.%s"),
                    Map.entry(Part.MLP_OUT, "mlp.down_proj.%s")),
            "model.layers.%d.",
            WEIGHT_BIAS,
            WEIGHT_BIAS,
            Storage.OUT_IN,
            0);

    static final WeightNames GEMMA = LLAMA.with(Map.of(), Storage.OUT_IN, 1);

    /** Gemma 2 and 3: "post_attention_layernorm" is what it says. */
    static final WeightNames GEMMA2 = GEMMA.with(
            Map.of(
                    Part.LN1_POST, "post_attention_layernorm.%s",
                    Part.LN2, "pre_feedforward_layernorm.%s",
                    Part.LN2_POST, "post_feedforward_layernorm.%s"),
            Storage.OUT_IN,
            1);

    static final WeightNames GGUF = new WeightNames(
            Map.ofEntries(
                    Map.entry(Part.EMBED, "token_embd.%s"),
                    Map.entry(Part.FINAL_NORM, "output_norm.%s"),
                    Map.entry(Part.UNEMBED, "output.%s"),
                    Map.entry(Part.LN1, "attn_norm.%s"),
                    Map.entry(Part.Q, "attn_q.%s"),
                    Map.entry(Part.K, "attn_k.%s"),
                    Map.entry(Part.V, "attn_v.%s"),
                    Map.entry(Part.Q_NORM, "attn_q_norm.%s"),
                    Map.entry(Part.K_NORM, "attn_k_norm.%s"),
                    Map.entry(Part.OUT, "attn_output.%s"),
                    Map.entry(Part.LN1_POST, "post_attention_norm.%s"),
                    Map.entry(Part.LN2, "ffn_norm.%s"),
                    Map.entry(Part.GATE, "ffn_gate.%s"),
                    Map.entry(Part.IN, "ffn_up.%s"),
                    Map.entry(Part.MLP_OUT, "ffn_down.%s"),
                    Map.entry(Part.LN2_POST, "post_ffw_norm.%s")),
            "blk.%d.",
            WEIGHT_BIAS,
            WEIGHT_BIAS,
            Storage.OUT_IN,
            0);

    static final WeightNames TRANSFORMER_LENS = new WeightNames(
            Map.ofEntries(
                    Map.entry(Part.EMBED, "embed.%s_E"),
                    Map.entry(Part.POSITIONS, "pos_embed.%s_pos"),
                    Map.entry(Part.FINAL_NORM, "ln_final.%s"),
                    Map.entry(Part.UNEMBED, "unembed.%s_U"),
                    Map.entry(Part.BIGRAMS, "unembed.%s_bigrams"),
                    Map.entry(Part.SINKS, "attn.%s_sinks"),
                    Map.entry(Part.LN1, "ln1.%s"),
                    Map.entry(Part.Q, "attn.%s_Q"),
                    Map.entry(Part.K, "attn.%s_K|attn._%s_K"), // the second where several queries share it
                    Map.entry(Part.V, "attn.%s_V|attn._%s_V"),
                    Map.entry(Part.Q_NORM, "attn.q_norm.%s"),
                    Map.entry(Part.K_NORM, "attn.k_norm.%s"),
                    Map.entry(Part.OUT, "attn.%s_O"),
                    Map.entry(Part.LN1_POST, "ln1_post.%s"),
                    Map.entry(Part.LN2, "ln2.%s"),
                    Map.entry(Part.GATE, "mlp.%s_gate"),
                    Map.entry(Part.IN, "mlp.%s_in"),
                    Map.entry(Part.MLP_OUT, "mlp.%s_out"),
                    Map.entry(Part.LN2_POST, "ln2_post.%s")),
            "blocks.%d.",
            List.of("W", "b"),
            List.of("w", "b"),
            Storage.HEADS,
            0);

    WeightNames {
        templates = Map.copyOf(templates);
    }

    private WeightNames with(Map<Part, String> others, Storage newStorage, float newOffset) {
        Map<Part, String> all = new EnumMap<>(templates);
        all.putAll(others);
        return new WeightNames(all, block, matrix, norm, newStorage, newOffset);
    }

    /** The names that a family has in this kind of file. */
    static WeightNames of(ModelConfig config, Checkpoint.Format format) {
        if (format == Checkpoint.Format.GGUF) {
            // the converter of this family reorders queries and keys for rotation of neighbors
            return config.family().equals("llama") ? GGUF.with(Map.of(), Storage.OUT_IN_INTERLEAVED, 0) : GGUF;
        }
        return switch (config.family()) {
            case "gpt2" -> GPT2;
            case "gpt_neox" -> GPT_NEOX;
            case "llama", "mistral", "qwen2", "qwen3" -> LLAMA;
            case "gemma" -> GEMMA;
            case "gemma2", "gemma3" -> GEMMA2;
            case "transformer_lens" -> TRANSFORMER_LENS;
            default -> throw new AssertionError("unhandled family " + config.family());
        };
    }

    /** The full names that a part may have, the usual one first; none when the family has no such part. */
    List<String> names(Part part, int layer, boolean bias) {
        String template = templates.getOrDefault(part, "");
        if (template.isEmpty()) {
            return List.of();
        }
        String word = (part.isNorm() ? norm : matrix).get(bias ? 1 : 0);
        String before = part.inBlock() ? block.replace("%d", Integer.toString(layer)) : "";
        return List.of(template.split("\\|", -1)).stream()
                .map(t -> before + t.replace("%s", word))
                .toList();
    }
}
