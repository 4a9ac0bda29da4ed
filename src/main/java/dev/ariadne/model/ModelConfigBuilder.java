package dev.ariadne.model;

import dev.ariadne.model.ModelConfig.Activation;
import dev.ariadne.model.ModelConfig.Extras;
import dev.ariadne.model.ModelConfig.LocalAttention;
import dev.ariadne.model.ModelConfig.Norm;
import dev.ariadne.model.ModelConfig.Positions;
import dev.ariadne.model.ModelConfig.Rotary;
import java.util.Optional;

/** Settings of a {@link ModelConfig}, by name; what they mean stands there. */
public final class ModelConfigBuilder {
    private String family = "transformer_lens";
    private int nLayers = 1;
    private int dModel;
    private int nHeads;
    private int nKeyValueHeads;
    private int dHead;
    private int dMlp;
    private int dVocab;
    private int dVocabOut;
    private int nCtx = 1024;
    private Norm norm = Norm.LAYER;
    private float eps = 1e-5f;
    private boolean postNorms;
    private boolean qkNorms;
    private Activation activation = Activation.GELU_TANH;
    private int topK;
    private boolean gated;
    private Positions positions = Positions.LEARNED;
    private Optional<Rotary> rotary = Optional.empty();
    private Optional<LocalAttention> local = Optional.empty();
    private boolean causal = true;
    private boolean parallel;
    private boolean attnOnly;
    private double attnScale;
    private double scoreSoftcap;
    private double logitSoftcap;
    private double embedScale = 1;
    private boolean tied;
    private Extras extras = Extras.NONE;

    ModelConfigBuilder() {}

    ModelConfigBuilder(ModelConfig c) {
        this.family = c.family();
        this.nLayers = c.nLayers();
        this.dModel = c.dModel();
        this.nHeads = c.nHeads();
        this.nKeyValueHeads = c.nKeyValueHeads();
        this.dHead = c.dHead();
        this.dMlp = c.dMlp();
        this.dVocab = c.dVocab();
        this.dVocabOut = c.dVocabOut();
        this.nCtx = c.nCtx();
        this.norm = c.norm();
        this.eps = c.eps();
        this.postNorms = c.postNorms();
        this.qkNorms = c.qkNorms();
        this.activation = c.activation();
        this.topK = c.topK();
        this.gated = c.gated();
        this.positions = c.positions();
        this.rotary = c.rotary();
        this.local = c.local();
        this.causal = c.causal();
        this.parallel = c.parallel();
        this.attnOnly = c.attnOnly();
        this.attnScale = c.attnScale();
        this.scoreSoftcap = c.scoreSoftcap();
        this.logitSoftcap = c.logitSoftcap();
        this.embedScale = c.embedScale();
        this.tied = c.tied();
        this.extras = c.extras();
    }

    /** The family. */
    public ModelConfigBuilder family(String value) {
        this.family = value;
        return this;
    }

    /** The number of blocks. */
    public ModelConfigBuilder nLayers(int value) {
        this.nLayers = value;
        return this;
    }

    /** The width of the residual stream. */
    public ModelConfigBuilder dModel(int value) {
        this.dModel = value;
        return this;
    }

    /** How many heads, of which width. */
    public ModelConfigBuilder heads(int count, int width) {
        this.nHeads = count;
        this.dHead = width;
        return this;
    }

    /** Fewer key/value heads than query heads. */
    public ModelConfigBuilder nKeyValueHeads(int value) {
        this.nKeyValueHeads = value;
        return this;
    }

    /** The width of the MLP, 4·dModel when not said. */
    public ModelConfigBuilder dMlp(int value) {
        this.dMlp = value;
        return this;
    }

    /** The number of tokens. */
    public ModelConfigBuilder dVocab(int value) {
        this.dVocab = value;
        return this;
    }

    /** The number of tokens that can be predicted, when it differs. */
    public ModelConfigBuilder dVocabOut(int value) {
        this.dVocabOut = value;
        return this;
    }

    /** The longest prompt, in tokens. */
    public ModelConfigBuilder nCtx(int value) {
        this.nCtx = value;
        return this;
    }

    /** The normalization. */
    public ModelConfigBuilder norm(Norm value) {
        this.norm = value;
        return this;
    }

    /** What the normalization adds. */
    public ModelConfigBuilder eps(float value) {
        this.eps = value;
        return this;
    }

    /** Norms after attention and MLP. */
    public ModelConfigBuilder postNorms(boolean value) {
        this.postNorms = value;
        return this;
    }

    /** Norms of queries and keys. */
    public ModelConfigBuilder qkNorms(boolean value) {
        this.qkNorms = value;
        return this;
    }

    /** The MLP's function. */
    public ModelConfigBuilder activation(Activation value) {
        this.activation = value;
        return this;
    }

    /** How many activations of the MLP are kept per token; 0 keeps all. */
    public ModelConfigBuilder topK(int value) {
        this.topK = value;
        return this;
    }

    /** Whether the MLP is gated. */
    public ModelConfigBuilder gated(boolean value) {
        this.gated = value;
        return this;
    }

    /** How the model knows positions, but for rotary ones. */
    public ModelConfigBuilder positions(Positions value) {
        this.positions = value;
        return this;
    }

    /** Rotary positions. */
    public ModelConfigBuilder rotary(Rotary value) {
        this.positions = Positions.ROTARY;
        this.rotary = Optional.of(value);
        return this;
    }

    /** Local attention in some layers. */
    public ModelConfigBuilder local(LocalAttention value) {
        this.local = Optional.of(value);
        return this;
    }

    /** Whether attention looks back only. */
    public ModelConfigBuilder causal(boolean value) {
        this.causal = value;
        return this;
    }

    /** Whether the MLP reads the stream before attention. */
    public ModelConfigBuilder parallel(boolean value) {
        this.parallel = value;
        return this;
    }

    /** Whether the blocks have no MLP. */
    public ModelConfigBuilder attnOnly(boolean value) {
        this.attnOnly = value;
        return this;
    }

    /** What scores are divided by, sqrt(dHead) when not said. */
    public ModelConfigBuilder attnScale(double value) {
        this.attnScale = value;
        return this;
    }

    /** The soft cap of attention scores. */
    public ModelConfigBuilder scoreSoftcap(double value) {
        this.scoreSoftcap = value;
        return this;
    }

    /** The soft cap of logits. */
    public ModelConfigBuilder logitSoftcap(double value) {
        this.logitSoftcap = value;
        return this;
    }

    /** What the token embedding is multiplied by. */
    public ModelConfigBuilder embedScale(double value) {
        this.embedScale = value;
        return this;
    }

    /** Whether the embedding is also the unembedding. */
    public ModelConfigBuilder tied(boolean value) {
        this.tied = value;
        return this;
    }

    /** What weight-sparse models have besides. */
    public ModelConfigBuilder extras(Extras value) {
        this.extras = value;
        return this;
    }

    /**
     * The settings, checked.
     *
     * @throws IllegalArgumentException when sizes are missing or do not fit each other
     */
    public ModelConfig build() {
        return new ModelConfig(
                family,
                nLayers,
                dModel,
                nHeads,
                nKeyValueHeads == 0 ? nHeads : nKeyValueHeads,
                dHead,
                attnOnly ? 0 : dMlp == 0 ? 4 * dModel : dMlp,
                dVocab,
                dVocabOut == 0 ? dVocab : dVocabOut,
                nCtx,
                norm,
                eps,
                postNorms,
                qkNorms,
                activation,
                topK,
                gated,
                positions,
                rotary,
                local,
                causal,
                parallel,
                attnOnly,
                attnScale == 0 ? Math.sqrt(dHead) : attnScale,
                scoreSoftcap,
                logitSoftcap,
                embedScale,
                tied,
                extras);
    }
}
