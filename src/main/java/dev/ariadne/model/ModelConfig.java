package dev.ariadne.model;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;

/**
 * What a transformer is made of: families differ in this data, not in code.
 *
 * @param family "gpt2", "llama", or "transformer_lens" for a folder in that layout
 * @param nLayers the number of blocks
 * @param dModel the width of the residual stream
 * @param nHeads the number of query heads
 * @param nKeyValueHeads the number of key/value heads; equal to nHeads without grouped-query attention
 * @param dHead the width of a head
 * @param dMlp the width of the MLP; 0 when attnOnly
 * @param dVocab the number of tokens
 * @param nCtx the longest prompt, in tokens
 * @param norm the normalization before attention, MLP and unembedding
 * @param eps what the normalization adds to the variance (or mean square)
 * @param activation the MLP's function
 * @param gated whether the MLP multiplies act(x·W_gate) with x·W_in (Shazeer 2020)
 * @param positions how the model knows positions
 * @param rotary the rotary embedding; present exactly with {@link Positions#ROTARY}
 * @param attnOnly whether the blocks have no MLP
 * @param tied whether the embedding is also the unembedding
 */
public record ModelConfig(
        String family,
        int nLayers,
        int dModel,
        int nHeads,
        int nKeyValueHeads,
        int dHead,
        int dMlp,
        int dVocab,
        int nCtx,
        Norm norm,
        float eps,
        Activation activation,
        boolean gated,
        Positions positions,
        Optional<Rotary> rotary,
        boolean attnOnly,
        boolean tied) {

    /** A normalization. */
    public enum Norm {
        /** LayerNorm with weight and bias (Ba et al. 2016). */
        LAYER,
        /** RMSNorm with weight (Zhang and Sennrich 2019). */
        RMS
    }

    /** An MLP's elementwise function. */
    public enum Activation {
        /** GELU by its tanh approximation, also called gelu_new. */
        GELU_TANH,
        /** GELU by the error function. */
        GELU,
        /** x · sigmoid(x), also called swish. */
        SILU,
        /** max(x, 0). */
        RELU
    }

    /** How positions enter. */
    public enum Positions {
        /** A learned vector per position is added to the embedding. */
        LEARNED,
        /** Queries and keys are rotated by an angle that grows with the position (Su et al. 2021). */
        ROTARY
    }

    /**
     * A rotary embedding of whole heads, half-split.
     *
     * @param base the base of the frequencies, 10000 in the paper
     * @param scaling the frequency scaling of Llama 3, if any
     */
    public record Rotary(double base, Optional<Llama3Scaling> scaling) {
        /** Checks the base. */
        public Rotary {
            if (!(base > 1)) {
                throw new IllegalArgumentException("rotary base must be > 1, got " + base);
            }
        }
    }

    /**
     * Llama 3's scaling: low frequencies are divided by the factor, high ones kept, those between interpolated.
     *
     * @param factor the divisor
     * @param lowFrequency wavelengths longer than originalContext / lowFrequency are scaled
     * @param highFrequency wavelengths shorter than originalContext / highFrequency are kept
     * @param originalContext the context length the model was first trained with, in tokens
     */
    public record Llama3Scaling(double factor, double lowFrequency, double highFrequency, double originalContext) {}

    /** Checks that the sizes fit each other. */
    public ModelConfig {
        positive("nLayers", nLayers);
        positive("dModel", dModel);
        positive("nHeads", nHeads);
        positive("nKeyValueHeads", nKeyValueHeads);
        positive("dHead", dHead);
        positive("dVocab", dVocab);
        positive("nCtx", nCtx);
        if (nHeads % nKeyValueHeads != 0) {
            throw new IllegalArgumentException(
                    "nHeads must be a multiple of nKeyValueHeads, got " + nHeads + " and " + nKeyValueHeads);
        }
        if (!attnOnly) {
            positive("dMlp", dMlp);
        }
        if (rotary.isPresent() != (positions == Positions.ROTARY)) {
            throw new IllegalArgumentException(
                    "rotary settings go with rotary positions, got positions " + positions + " and rotary " + rotary);
        }
        if (positions == Positions.ROTARY && dHead % 2 != 0) {
            throw new IllegalArgumentException("a rotary head needs an even width, got dHead " + dHead);
        }
    }

    /** How many query heads share one key/value head. */
    public int groupSize() {
        return nHeads / nKeyValueHeads;
    }

    private static void positive(String name, int value) {
        if (value < 1) {
            throw new IllegalArgumentException(name + " must be at least 1, got " + value);
        }
    }

    /** Reads a Hugging Face or TransformerLens config.json. */
    static ModelConfig of(JsonNode json, String where) {
        Fields f = new Fields(json, where);
        if (json.has("n_layers") && json.has("d_model")) {
            return transformerLens(f);
        }
        String type = f.text("model_type", "");
        return switch (type) {
            case "gpt2" -> gpt2(f);
            case "llama" -> llama(f);
            default ->
                throw new IllegalArgumentException("model type '" + type + "' in " + where
                        + " is not supported; supported are gpt2, llama and TransformerLens-layout folders");
        };
    }

    private static ModelConfig gpt2(Fields f) {
        f.require(true, "scale_attn_weights");
        f.require(false, "scale_attn_by_inverse_layer_idx", "add_cross_attention");
        int dModel = f.integer("n_embd");
        int heads = f.integer("n_head");
        return new ModelConfig(
                "gpt2",
                f.integer("n_layer"),
                dModel,
                heads,
                heads,
                f.divide(dModel, heads),
                f.integer("n_inner", 4 * dModel),
                f.integer("vocab_size"),
                f.integer("n_positions", 1024),
                Norm.LAYER,
                (float) f.number("layer_norm_epsilon", 1e-5),
                activation(f, "activation_function", "gelu_new"),
                false,
                Positions.LEARNED,
                Optional.empty(),
                false,
                f.flag("tie_word_embeddings", true));
    }

    private static ModelConfig llama(Fields f) {
        f.require(false, "attention_bias", "mlp_bias");
        int dModel = f.integer("hidden_size");
        int heads = f.integer("num_attention_heads");
        return new ModelConfig(
                "llama",
                f.integer("num_hidden_layers"),
                dModel,
                heads,
                f.integer("num_key_value_heads", heads),
                f.integer("head_dim", dModel / heads),
                f.integer("intermediate_size"),
                f.integer("vocab_size"),
                f.integer("max_position_embeddings", 2048),
                Norm.RMS,
                (float) f.number("rms_norm_eps", 1e-6),
                activation(f, "hidden_act", "silu"),
                true,
                Positions.ROTARY,
                Optional.of(rotary(f)),
                false,
                f.flag("tie_word_embeddings", false));
    }

    /** Both styles: rope_theta and rope_scaling at top level, or both inside rope_parameters. */
    private static Rotary rotary(Fields f) {
        boolean nested = f.json().path("rope_parameters").isObject();
        Fields at = nested ? f.child("rope_parameters") : f;
        double base = at.number("rope_theta", 10000);
        Fields scaling = nested ? at : f.child("rope_scaling");
        String type = scaling.text("rope_type", scaling.text("type", "default"));
        return switch (type) {
            case "default" -> new Rotary(base, Optional.empty());
            case "llama3" ->
                new Rotary(
                        base,
                        Optional.of(new Llama3Scaling(
                                scaling.number("factor"),
                                scaling.number("low_freq_factor"),
                                scaling.number("high_freq_factor"),
                                scaling.number("original_max_position_embeddings"))));
            default ->
                throw new IllegalArgumentException("rope type '" + type + "' in " + f.where()
                        + " is not supported; supported are default and llama3");
        };
    }

    private static ModelConfig transformerLens(Fields f) {
        String norm = f.text("normalization_type", "LN");
        String positions = f.text("positional_embedding_type", "standard");
        String direction = f.text("attention_dir", "causal");
        if (!norm.equals("LN") || !positions.equals("standard") || !direction.equals("causal")) {
            throw new IllegalArgumentException(
                    "normalization_type '" + norm + "', positional_embedding_type '" + positions
                            + "', attention_dir '" + direction + "' in " + f.where()
                            + ": so far TransformerLens-layout folders load with LN, standard, causal");
        }
        f.require(true, "use_attn_scale");
        f.require(false, "gated_mlp", "parallel_attn_mlp", "use_local_attn", "scale_attn_by_inverse_layer_idx");
        f.require(false, "use_normalization_before_and_after", "final_rms");
        int heads = f.integer("n_heads");
        if (f.number("attn_scores_soft_cap", -1) > 0
                || f.number("output_logits_soft_cap", -1) > 0
                || f.integer("n_key_value_heads", heads) != heads) {
            throw new IllegalArgumentException("soft caps and grouped key/value heads in " + f.where()
                    + " are not supported in TransformerLens layout yet; load the model in Hugging Face layout");
        }
        boolean attnOnly = f.flag("attn_only", false);
        return new ModelConfig(
                "transformer_lens",
                f.integer("n_layers"),
                f.integer("d_model"),
                heads,
                heads,
                f.integer("d_head"),
                attnOnly ? 0 : f.integer("d_mlp"),
                f.integer("d_vocab"),
                f.integer("n_ctx"),
                Norm.LAYER,
                (float) f.number("eps", 1e-5),
                attnOnly ? Activation.GELU_TANH : activation(f, "act_fn", "gelu_new"),
                false,
                Positions.LEARNED,
                Optional.empty(),
                attnOnly,
                false);
    }

    private static final Set<String> TANH = Set.of("gelu_new", "gelu_pytorch_tanh", "gelu_fast");

    private static Activation activation(Fields f, String field, String fallback) {
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
