package dev.ariadne.sparse;

import dev.ariadne.model.ModelConfig;

/** The places of a block whose channels are a circuit's nodes, in the order of the forward pass (Gao et al. 2025, §2.2). */
public enum Place {
    /** What attention reads: a channel of the stream, normalized. */
    ATTN_IN("attn.act_in", "ln1.hook_normalized", "heads read"),
    /** Queries. */
    Q("attn.q", "attn.hook_q", "queries"),
    /** Keys. */
    K("attn.k", "attn.hook_k", "keys"),
    /** Values. */
    V("attn.v", "attn.hook_v", "values"),
    /** What attention writes to a channel of the stream. */
    ATTN_OUT("attn.resid_delta", "hook_attn_out", "heads write"),
    /** What the MLP reads: a channel of the stream, normalized. */
    MLP_IN("mlp.act_in", "ln2.hook_normalized", "MLP reads"),
    /** Neurons. */
    NEURON("mlp.post_act", "mlp.hook_post", "neurons"),
    /** What the MLP writes to a channel of the stream. */
    MLP_OUT("mlp.resid_delta", "hook_mlp_out", "MLP writes");

    /** How many there are. */
    static final int COUNT = values().length;

    private final String text;
    private final String hook;
    private final String what;

    Place(String text, String hook, String what) {
        this.text = text;
        this.hook = hook;
        this.what = what;
    }

    /** What happens there, in two words. */
    String what() {
        return what;
    }

    /** Whether it belongs to a head: queries, keys and values. */
    public boolean inHead() {
        return this == Q || this == K || this == V;
    }

    /** The name of the hook that sees it in a block. */
    public String hook(int layer) {
        return "blocks." + layer + "." + hook;
    }

    /** How many channels it has. */
    int width(ModelConfig c) {
        return inHead() ? c.nHeads() * c.dHead() : this == NEURON ? c.dMlp() : c.dModel();
    }

    /** As in the published circuits: {@code attn.resid_delta}. */
    @Override
    public String toString() {
        return text;
    }
}
