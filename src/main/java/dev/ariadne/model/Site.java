package dev.ariadne.model;

import java.util.List;

/**
 * The places of the forward pass where a hook can sit, in the order in which they are reached, under TransformerLens's names.
 * What an MLP reads and writes, whatever norms stand around it, goes by circuit-tracer's names: {@code mlp.hook_in}, {@code mlp.hook_out}.
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
    Q_NORM_SCALE("blocks.%d.attn.q_norm.hook_scale", Axes.HEAD_SCALE),
    Q_NORM_NORMALIZED("blocks.%d.attn.q_norm.hook_normalized", Axes.HEAD),
    K_NORM_SCALE("blocks.%d.attn.k_norm.hook_scale", Axes.HEAD_SCALE),
    K_NORM_NORMALIZED("blocks.%d.attn.k_norm.hook_normalized", Axes.HEAD),
    ROT_Q("blocks.%d.attn.hook_rot_q", Axes.HEAD),
    ROT_K("blocks.%d.attn.hook_rot_k", Axes.HEAD),
    ATTN_SCORES("blocks.%d.attn.hook_attn_scores", Axes.PATTERN),
    PATTERN("blocks.%d.attn.hook_pattern", Axes.PATTERN),
    Z("blocks.%d.attn.hook_z", Axes.HEAD),
    RESULT("blocks.%d.attn.hook_result", Axes.HEAD_RESID, true),
    LN1_POST_SCALE("blocks.%d.ln1_post.hook_scale", Axes.SCALE),
    LN1_POST_NORMALIZED("blocks.%d.ln1_post.hook_normalized", Axes.RESID),
    ATTN_OUT("blocks.%d.hook_attn_out", Axes.RESID),
    RESID_MID("blocks.%d.hook_resid_mid", Axes.RESID),
    MLP_IN("blocks.%d.hook_mlp_in", Axes.RESID, true),
    LN2_SCALE("blocks.%d.ln2.hook_scale", Axes.SCALE),
    LN2_NORMALIZED("blocks.%d.ln2.hook_normalized", Axes.RESID),
    MLP_INPUT("blocks.%d.mlp.hook_in", Axes.RESID, true),
    PRE("blocks.%d.mlp.hook_pre", Axes.MLP),
    PRE_LINEAR("blocks.%d.mlp.hook_pre_linear", Axes.MLP),
    POST("blocks.%d.mlp.hook_post", Axes.MLP),
    MLP_OUTPUT("blocks.%d.mlp.hook_out", Axes.RESID, true),
    LN2_POST_SCALE("blocks.%d.ln2_post.hook_scale", Axes.SCALE),
    LN2_POST_NORMALIZED("blocks.%d.ln2_post.hook_normalized", Axes.RESID),
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
        return inBlock ? "blocks." + layer + template.substring("blocks.%d".length()) : template;
    }

    /** What people type in short: "resid_pre", "z", "pattern", "mlp_out". */
    String shortName() {
        return template.substring(template.indexOf("hook_") + "hook_".length());
    }

    /** The part of the block it belongs to: "attn", "mlp", "ln1", "attn.q_norm"; "ln_final" after the blocks, "" for the stream itself. */
    String part() {
        String path = template.substring(inBlock ? "blocks.%d.".length() : 0, template.indexOf("hook_"));
        return path.isEmpty() ? "" : path.substring(0, path.length() - 1);
    }

    /** Whether a model of this shape has the site at all. */
    boolean existsIn(ModelConfig config) {
        boolean mlp = !config.attnOnly();
        boolean norms = config.norm() != ModelConfig.Norm.NONE;
        return switch (this) {
            case POS_EMBED -> config.positions().learned();
            case ROT_Q, ROT_K -> config.positions() == ModelConfig.Positions.ROTARY;
            case LN1_SCALE, LN1_NORMALIZED, FINAL_SCALE, FINAL_NORMALIZED -> norms;
            case LN2_SCALE, LN2_NORMALIZED -> mlp && norms;
            case Q_NORM_SCALE, Q_NORM_NORMALIZED, K_NORM_SCALE, K_NORM_NORMALIZED -> config.qkNorms();
            case LN1_POST_SCALE, LN1_POST_NORMALIZED -> config.postNorms();
            case LN2_POST_SCALE, LN2_POST_NORMALIZED -> mlp && config.postNorms();
            case RESID_MID -> mlp && !config.parallel();
            case MLP_IN, MLP_INPUT, PRE, POST, MLP_OUTPUT, MLP_OUT -> mlp;
            case PRE_LINEAR -> mlp && config.gated();
            default -> true;
        };
    }

    private static final class Axes {
        static final List<String> RESID = List.of("batch", "pos", "dModel");
        static final List<String> SCALE = List.of("batch", "pos", "1");
        static final List<String> HEAD_SCALE = List.of("batch", "pos", "head", "1");
        static final List<String> HEAD = List.of("batch", "pos", "head", "dHead");
        static final List<String> HEAD_RESID = List.of("batch", "pos", "head", "dModel");
        static final List<String> PATTERN = List.of("batch", "head", "queryPos", "keyPos");
        static final List<String> MLP = List.of("batch", "pos", "dMlp");
    }
}
