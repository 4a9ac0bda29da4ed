package dev.ariadne.model;

import java.util.List;
import java.util.Locale;

/**
 * The places of the forward pass where a hook can sit, in the order in which they are reached, under TransformerLens's names.
 *
 * <p>A site marked on demand exists only in runs that name it: it makes the model compute something it would not compute otherwise.
 */
enum Site {
    EMBED("hook_embed", Axes.RESID),
    POS_EMBED("hook_pos_embed", Axes.RESID),
    RESID_PRE("blocks.%d.hook_resid_pre", Axes.RESID),
    ATTN_IN("blocks.%d.hook_attn_in", Axes.HEAD_RESID, true),
    Q_INPUT("blocks.%d.hook_q_input", Axes.HEAD_RESID, true),
    K_INPUT("blocks.%d.hook_k_input", Axes.HEAD_RESID, true),
    V_INPUT("blocks.%d.hook_v_input", Axes.HEAD_RESID, true),
    LN1_SCALE("blocks.%d.ln1.hook_scale", Axes.SCALE),
    LN1_NORMALIZED("blocks.%d.ln1.hook_normalized", Axes.RESID),
    Q("blocks.%d.attn.hook_q", Axes.HEAD),
    K("blocks.%d.attn.hook_k", Axes.HEAD),
    V("blocks.%d.attn.hook_v", Axes.HEAD),
    ROT_Q("blocks.%d.attn.hook_rot_q", Axes.HEAD),
    ROT_K("blocks.%d.attn.hook_rot_k", Axes.HEAD),
    ATTN_SCORES("blocks.%d.attn.hook_attn_scores", Axes.PATTERN),
    PATTERN("blocks.%d.attn.hook_pattern", Axes.PATTERN),
    Z("blocks.%d.attn.hook_z", Axes.HEAD),
    RESULT("blocks.%d.attn.hook_result", Axes.HEAD_RESID, true),
    ATTN_OUT("blocks.%d.hook_attn_out", Axes.RESID),
    RESID_MID("blocks.%d.hook_resid_mid", Axes.RESID),
    MLP_IN("blocks.%d.hook_mlp_in", Axes.RESID, true),
    LN2_SCALE("blocks.%d.ln2.hook_scale", Axes.SCALE),
    LN2_NORMALIZED("blocks.%d.ln2.hook_normalized", Axes.RESID),
    PRE("blocks.%d.mlp.hook_pre", Axes.MLP),
    PRE_LINEAR("blocks.%d.mlp.hook_pre_linear", Axes.MLP),
    POST("blocks.%d.mlp.hook_post", Axes.MLP),
    MLP_OUT("blocks.%d.hook_mlp_out", Axes.RESID),
    RESID_POST("blocks.%d.hook_resid_post", Axes.RESID),
    FINAL_SCALE("ln_final.hook_scale", Axes.SCALE),
    FINAL_NORMALIZED("ln_final.hook_normalized", Axes.RESID);

    /** How many sites there are. */
    static final int COUNT = values().length;

    final String template;

    @SuppressWarnings("ImmutableEnumChecker") // made by List.of
    final List<String> axes;

    final boolean onDemand;
    final boolean inBlock;

    Site(String template, List<String> axes) {
        this(template, axes, false);
    }

    Site(String template, List<String> axes, boolean onDemand) {
        this.template = template;
        this.axes = axes;
        this.onDemand = onDemand;
        this.inBlock = template.startsWith("blocks.");
    }

    /** The hook's full name; the layer is ignored outside the blocks. */
    String name(int layer) {
        return inBlock ? String.format(Locale.ROOT, template, layer) : template;
    }

    /** What people type in short: "resid_pre", "z", "pattern", "mlp_out". */
    String shortName() {
        return template.substring(template.indexOf("hook_") + "hook_".length());
    }

    /** Whether a model of this shape has the site at all. */
    boolean existsIn(ModelConfig config) {
        return switch (this) {
            case POS_EMBED -> config.positions() == ModelConfig.Positions.LEARNED;
            case ROT_Q, ROT_K -> config.positions() == ModelConfig.Positions.ROTARY;
            case RESID_MID, MLP_IN, LN2_SCALE, LN2_NORMALIZED, PRE, POST, MLP_OUT -> !config.attnOnly();
            case PRE_LINEAR -> !config.attnOnly() && config.gated();
            default -> true;
        };
    }

    private static final class Axes {
        static final List<String> RESID = List.of("batch", "pos", "dModel");
        static final List<String> SCALE = List.of("batch", "pos", "1");
        static final List<String> HEAD = List.of("batch", "pos", "head", "dHead");
        static final List<String> HEAD_RESID = List.of("batch", "pos", "head", "dModel");
        static final List<String> PATTERN = List.of("batch", "head", "queryPos", "keyPos");
        static final List<String> MLP = List.of("batch", "pos", "dMlp");
    }
}
