package dev.ariadne.model;

import java.util.List;
import java.util.Locale;

/**
 * How a file names a model's arrays. In a template, {@code %s} stands for "weight" or "bias" (whatever the layout writes), after the layer
 * number has been filled in.
 *
 * @param matrix the two words for a matrix: its weight, its bias
 * @param norm the two words for a norm
 * @param block what stands before a block's names, with {@code %d} for the layer
 * @param qkv one packed matrix, or three
 * @param storage how matrices are stored
 */
record WeightNames(
        List<String> matrix,
        List<String> norm,
        String embed,
        String positions,
        String finalNorm,
        String unembed,
        String block,
        String ln1,
        List<String> qkv,
        String out,
        String ln2,
        String gate,
        String in,
        String mlpOut,
        Storage storage) {

    /** How matrices are stored. */
    enum Storage {
        /** [out, in]. */
        OUT_IN,
        /** [out, in], with the rows of queries and keys interleaved for adjacent-pair rotation. */
        OUT_IN_INTERLEAVED,
        /** [in, out]. */
        IN_OUT,
        /** [in, out]; per head [head, dModel, dHead] and [head, dHead, dModel]. */
        HEADS
    }

    private static final List<String> WEIGHT_BIAS = List.of("weight", "bias");

    static final WeightNames GPT2 = new WeightNames(
            WEIGHT_BIAS,
            WEIGHT_BIAS,
            "wte.%s",
            "wpe.%s",
            "ln_f.%s",
            "lm_head.%s",
            "h.%d.",
            "ln_1.%s",
            List.of("attn.c_attn.%s"),
            "attn.c_proj.%s",
            "ln_2.%s",
            "",
            "mlp.c_fc.%s",
            "mlp.c_proj.%s",
            Storage.IN_OUT);

    static final WeightNames LLAMA = new WeightNames(
            WEIGHT_BIAS,
            WEIGHT_BIAS,
            "model.embed_tokens.%s",
            "",
            "model.norm.%s",
            "lm_head.%s",
            "model.layers.%d.",
            "input_layernorm.%s",
            List.of("self_attn.q_proj.%s", "self_attn.k_proj.%s", "self_attn.v_proj.%s"),
            "self_attn.o_proj.%s",
            "post_attention_layernorm.%s",
            "mlp.gate_proj.%s",
            "mlp.up_proj.%s",
            "mlp.down_proj.%s",
            Storage.OUT_IN);

    static final WeightNames GGUF_LLAMA = new WeightNames(
            WEIGHT_BIAS,
            WEIGHT_BIAS,
            "token_embd.%s",
            "",
            "output_norm.%s",
            "output.%s",
            "blk.%d.",
            "attn_norm.%s",
            List.of("attn_q.%s", "attn_k.%s", "attn_v.%s"),
            "attn_output.%s",
            "ffn_norm.%s",
            "ffn_gate.%s",
            "ffn_up.%s",
            "ffn_down.%s",
            Storage.OUT_IN_INTERLEAVED);

    static final WeightNames TRANSFORMER_LENS = new WeightNames(
            List.of("W", "b"),
            List.of("w", "b"),
            "embed.%s_E",
            "pos_embed.%s_pos",
            "ln_final.%s",
            "unembed.%s_U",
            "blocks.%d.",
            "ln1.%s",
            List.of("attn.%s_Q", "attn.%s_K", "attn.%s_V"),
            "attn.%s_O",
            "ln2.%s",
            "mlp.%s_gate",
            "mlp.%s_in",
            "mlp.%s_out",
            Storage.HEADS);

    /** The full name of a matrix (or of its bias) outside or inside a block. */
    String matrix(String template, int layer, boolean bias) {
        return name(template, layer, matrix.get(bias ? 1 : 0));
    }

    /** The full name of a norm's weight or bias. */
    String norm(String template, int layer, boolean bias) {
        return name(template, layer, norm.get(bias ? 1 : 0));
    }

    private String name(String template, int layer, String word) {
        String full = String.format(Locale.ROOT, template, word);
        return layer < 0 ? full : String.format(Locale.ROOT, block, layer) + full;
    }
}
