package dev.ariadne.circuit;

/** What stands in for an edge that is absent. */
public enum Ablation {
    /** The sender's output on the corrupted prompts ("resample ablation"). */
    CORRUPTED,

    /** Nothing: every sender writes zero. Attention's output bias stays, since it belongs to no node. */
    ZERO,

    /** The mean of the sender's output over the corrupted prompts and all positions. */
    MEAN,

    /** The mean of the sender's output over the corrupted prompts, at each position. */
    MEAN_POSITIONAL
}
