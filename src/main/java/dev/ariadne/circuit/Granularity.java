package dev.ariadne.circuit;

/** How finely a graph tells the inputs of attention heads apart. */
public enum Granularity {
    /** A head is one node with one input. */
    HEADS,

    /** A head reads the stream three times, as query, key and value; the graph of EAP-IG and of auto-circuit. */
    SPLIT_QKV,

    /**
     * As {@link #SPLIT_QKV}, and between each such input and its head there is an edge of its own; without it the head gets the ablated query,
     * key or value vector. The graph of the ACDC study ("direct computation" edges).
     */
    SPLIT_QKV_DIRECT
}
