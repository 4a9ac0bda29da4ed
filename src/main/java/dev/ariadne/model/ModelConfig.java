package dev.ariadne.model;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * What a transformer is made of: families differ in this data, not in code.
 *
 * <p>Read from a model's files, or built by hand for a small model of one's own:
 *
 * <pre>{@code
 * ModelConfig.builder().nLayers(2).dModel(64).heads(4, 16).attnOnly(true).dVocab(50).nCtx(32).build()
 * }</pre>
 *
 * @param family "gpt2", "gpt_neox", "llama", "mistral", "qwen2", "qwen3", "gemma", "gemma2", "gemma3", or "transformer_lens" for a folder
 *     in that layout and models of one's own
 * @param nLayers the number of blocks
 * @param dModel the width of the residual stream
 * @param nHeads the number of query heads
 * @param nKeyValueHeads the number of key/value heads; equal to nHeads without grouped-query attention
 * @param dHead the width of a head
 * @param dMlp the width of the MLP; 0 when attnOnly
 * @param dVocab the number of tokens that can be read
 * @param dVocabOut the number of tokens that can be predicted; equal to dVocab but in compiled programs
 * @param nCtx the longest prompt, in tokens
 * @param norm the normalization before attention, MLP and unembedding
 * @param eps what the normalization adds to the variance (or mean square)
 * @param postNorms whether the outputs of attention and MLP are normalized, too, before they are added to the stream (Gemma 2)
 * @param qkNorms whether each head's queries and keys are normalized before they are rotated (Qwen 3, Gemma 3)
 * @param activation the MLP's function
 * @param topK how many of the MLP's activations are kept per token, the largest; 0 keeps all
 * @param gated whether the MLP multiplies act(x·W_gate) with x·W_in (Shazeer 2020)
 * @param positions how the model knows positions
 * @param rotary the rotary embedding; present exactly with {@link Positions#ROTARY}
 * @param local the layers that attend to a window only, if any
 * @param causal whether a token attends to earlier ones and itself only
 * @param parallel whether the MLP reads the stream before attention (GPT-J, Pythia)
 * @param attnOnly whether the blocks have no MLP
 * @param attnScale what the products of queries and keys are divided by, usually sqrt(dHead)
 * @param scoreSoftcap attention scores x become cap·tanh(x / cap); 0 for none
 * @param logitSoftcap logits x become cap·tanh(x / cap); 0 for none
 * @param embedScale what the token embedding is multiplied by, 1 but in Gemma
 * @param tied whether the embedding is also the unembedding
 * @param extras what weight-sparse models have besides
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
        int dVocabOut,
        int nCtx,
        Norm norm,
        float eps,
        boolean postNorms,
        boolean qkNorms,
        Activation activation,
        int topK,
        boolean gated,
        Positions positions,
        Optional<Rotary> rotary,
        Optional<LocalAttention> local,
        boolean causal,
        boolean parallel,
        boolean attnOnly,
        double attnScale,
        double scoreSoftcap,
        double logitSoftcap,
        double embedScale,
        boolean tied,
        Extras extras) {

    /** A normalization. */
    public enum Norm {
        /** LayerNorm with weight and bias (Ba et al. 2016). */
        LAYER,
        /** LayerNorm without weight and bias: they are folded into the matrices behind it ("LNPre"). */
        LAYER_PRE,
        /** RMSNorm with weight (Zhang and Sennrich 2019). */
        RMS,
        /** RMSNorm without weight: it is folded into the matrices behind it ("RMSPre"). */
        RMS_PRE,
        /** No normalization: compiled programs, toy models. */
        NONE;

        /** What people call it. */
        String text() {
            String kind = this == NONE ? "none" : centers() ? "LayerNorm" : "RMSNorm";
            return kind + (this == LAYER_PRE || this == RMS_PRE ? ", weights folded" : "");
        }

        /** Whether the mean is subtracted. */
        boolean centers() {
            return this == LAYER || this == LAYER_PRE;
        }

        /** Whether it has a weight of its own. */
        boolean weighted() {
            return this == LAYER || this == RMS;
        }
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
        /** A learned vector per position is added to what queries and keys read, not to the stream (Press et al. 2021). */
        SHORTFORMER,
        /** Queries and keys are rotated by an angle that grows with the position (Su et al. 2021). */
        ROTARY,
        /** Not at all, but through the causal mask. */
        NONE;

        /** Whether there is a table of vectors. */
        boolean learned() {
            return this == LEARNED || this == SHORTFORMER;
        }
    }

    /**
     * A rotary embedding, half-split.
     *
     * @param base the base of the frequencies, 10000 in the paper
     * @param dims how many of a head's dimensions are rotated, the first; even
     * @param scaling the frequency scaling of Llama 3, if any
     * @param factor all frequencies are divided by it ("linear" scaling), 1 for none
     */
    public record Rotary(double base, int dims, Optional<Llama3Scaling> scaling, double factor) {
        /** Checks the numbers. */
        public Rotary {
            if (!(base > 1)) {
                throw new IllegalArgumentException("rotary base must be > 1, got " + base);
            }
            if (dims < 2 || dims % 2 != 0) {
                throw new IllegalArgumentException(
                        "a rotary embedding turns an even number of dimensions, at least 2, got " + dims);
            }
            if (!(factor >= 1)) {
                throw new IllegalArgumentException("rotary factor must be at least 1, got " + factor);
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

    /**
     * Layers in which a token attends to the nearest tokens only.
     *
     * @param window how many tokens, itself included
     * @param layers one entry per layer, true where attention is local
     * @param rotary these layers' own rotary embedding, where they have one
     */
    public record LocalAttention(int window, List<Boolean> layers, Optional<Rotary> rotary) {
        /** Checks the window. */
        public LocalAttention {
            layers = List.copyOf(layers);
            positive("window", window);
        }
    }

    /**
     * What weight-sparse models have besides (Gao et al. 2025, appendix A.1).
     *
     * @param kept the share of activations that are kept per token, the largest in size (AbsTopK), at eight places of a block: what attention
     *     and the MLP read, queries, keys, values, neurons, and what attention and the MLP write; 0 keeps all
     * @param bigrams whether a table [dVocab, dVocabOut] has a row for each token, which is added to the logits after it
     * @param sinks whether each head can attend to nothing: a learned score beside those of the keys
     * @param slopes how much the scores of each head fall per token of distance (Press et al. 2022), one per head; empty for none
     */
    public record Extras(double kept, boolean bigrams, boolean sinks, List<Double> slopes) {
        /** Nothing of it. */
        public static final Extras NONE = new Extras(0, false, false, List.of());

        /** Checks the numbers. */
        public Extras {
            slopes = List.copyOf(slopes);
            if (!(kept >= 0 && kept <= 1)) {
                throw new IllegalArgumentException(
                        "the share of activations that are kept must be from 0 (all) to 1, got " + kept);
            }
            if (slopes.stream().anyMatch(slope -> !(slope >= 0 && slope < Double.POSITIVE_INFINITY))) {
                throw new IllegalArgumentException("a slope must be at least 0, got " + slopes);
            }
        }

        /** How many of so many activations are kept; 0 means all. */
        public int count(int width) {
            return Math.toIntExact(Math.round(kept * width));
        }

        private void requireFit(int heads, int[] widths) {
            if (!slopes.isEmpty() && slopes.size() != heads) {
                throw new IllegalArgumentException(
                        "slopes need one entry per head, got " + slopes.size() + " for " + heads + " heads");
            }
            for (int width : widths) {
                if (kept > 0 && count(width) == 0) {
                    throw new IllegalArgumentException("a share of " + kept + " keeps none of " + width
                            + " activations; it must be at least " + 0.5 / width);
                }
            }
        }

        private Map<String, String> facts() {
            Map<String, String> facts = new LinkedHashMap<>();
            if (kept > 0) {
                facts.put("activations kept", String.format(Locale.ROOT, "%.4g of each kind, per token", kept));
            }
            if (bigrams) {
                facts.put("bigrams", "a table");
            }
            if (sinks) {
                facts.put("attention sinks", "one per head");
            }
            if (!slopes.isEmpty()) {
                facts.put("slopes of scores", slopes.toString());
            }
            return facts;
        }
    }

    /** Checks that the sizes fit each other. */
    public ModelConfig {
        positive("nLayers", nLayers);
        positive("dModel", dModel);
        positive("nHeads", nHeads);
        positive("nKeyValueHeads", nKeyValueHeads);
        positive("dHead", dHead);
        positive("dVocab", dVocab);
        positive("dVocabOut", dVocabOut);
        positive("nCtx", nCtx);
        if (nHeads % nKeyValueHeads != 0) {
            throw new IllegalArgumentException(
                    "nHeads must be a multiple of nKeyValueHeads, got " + nHeads + " and " + nKeyValueHeads);
        }
        if (!attnOnly) {
            positive("dMlp", dMlp);
        }
        if (topK < 0 || topK > dMlp) {
            throw new IllegalArgumentException("topK must be from 0 (all) to dMlp = " + dMlp + ", got " + topK);
        }
        if (rotary.isPresent() != (positions == Positions.ROTARY)) {
            throw new IllegalArgumentException(
                    "rotary settings go with rotary positions, got positions " + positions + " and rotary " + rotary);
        }
        if (rotary.isPresent() && rotary.get().dims() > dHead) {
            throw new IllegalArgumentException("a rotary embedding of "
                    + rotary.get().dims() + " dimensions does not fit heads of width dHead = " + dHead);
        }
        if (local.isPresent() && local.get().layers().size() != nLayers) {
            throw new IllegalArgumentException("local attention needs one entry per layer, got "
                    + local.get().layers().size() + " for " + nLayers + " layers");
        }
        if (tied && dVocabOut != dVocab) {
            throw new IllegalArgumentException("a tied unembedding predicts the tokens it reads, got dVocab " + dVocab
                    + " and dVocabOut " + dVocabOut);
        }
        for (double factor : new double[] {attnScale, embedScale}) {
            if (!(factor > 0)) {
                throw new IllegalArgumentException("attnScale and embedScale must be > 0, got " + factor);
            }
        }
        if (!(scoreSoftcap >= 0 && logitSoftcap >= 0)) {
            throw new IllegalArgumentException(
                    "a soft cap must be > 0, or 0 for none, got " + scoreSoftcap + " and " + logitSoftcap);
        }
        if (extras.kept() > 0 && (norm != Norm.RMS_PRE || gated || nHeads != nKeyValueHeads)) {
            throw new IllegalArgumentException("keeping a share of the activations needs norm RMS_PRE, a plain MLP and"
                    + " nKeyValueHeads = nHeads, got norm " + norm + ", gated " + gated + ", nKeyValueHeads "
                    + nKeyValueHeads + " of " + nHeads);
        }
        extras.requireFit(
                nHeads, attnOnly ? new int[] {dModel, nHeads * dHead} : new int[] {dModel, nHeads * dHead, dMlp});
    }

    /** How many query heads share one key/value head. */
    public int groupSize() {
        return nHeads / nKeyValueHeads;
    }

    /** Whether a layer attends to a window only. */
    public boolean isLocal(int layer) {
        return local.isPresent() && local.get().layers().get(layer);
    }

    private static void positive(String name, int value) {
        if (value < 1) {
            throw new IllegalArgumentException(name + " must be at least 1, got " + value);
        }
    }

    /** What there is to say about a model of this kind, without what it does not have. */
    Map<String, String> facts() {
        Map<String, String> facts = new LinkedHashMap<>();
        facts.put("family", family.equals("transformer_lens") ? "TransformerLens layout" : family);
        facts.put("layers", nLayers + (parallel ? ", attention beside MLP" : ""));
        facts.put("d_model", Integer.toString(dModel));
        facts.put("heads", nHeads + " × " + dHead + (groupSize() > 1 ? " (" + nKeyValueHeads + " key/value)" : ""));
        facts.put("d_mlp", attnOnly ? "none" : dMlp + (gated ? ", gated" : "") + (topK > 0 ? ", top " + topK : ""));
        facts.put(
                "norm",
                norm.text() + (postNorms ? ", before and after" : "") + (qkNorms ? ", of queries and keys" : ""));
        if (!attnOnly) {
            facts.put("activation", activation.toString().toLowerCase(Locale.ROOT));
        }
        facts.put("positions", positions.toString().toLowerCase(Locale.ROOT));
        local.ifPresent(l -> facts.put(
                "window",
                l.window() + " tokens in "
                        + l.layers().stream().filter(near -> near).count() + " of " + nLayers + " layers"));
        if (scoreSoftcap > 0 || logitSoftcap > 0) {
            facts.put("soft caps", "scores " + cap(scoreSoftcap) + ", logits " + cap(logitSoftcap));
        }
        facts.putAll(extras.facts());
        if (!causal) {
            facts.put("attention", "bidirectional");
        }
        facts.put("vocabulary", String.format(Locale.ROOT, "%,d", dVocab));
        facts.put("context", nCtx + " tokens");
        return facts;
    }

    private static String cap(double cap) {
        return cap > 0 ? String.format(Locale.ROOT, "%.4g", cap) : "none";
    }

    /** Starts from GPT-2's habits: LayerNorm, learned positions, a plain MLP with tanh-GELU, an untied unembedding. */
    public static ModelConfigBuilder builder() {
        return new ModelConfigBuilder();
    }

    /** Starts from these settings. */
    ModelConfigBuilder toBuilder() {
        return new ModelConfigBuilder(this);
    }
}
