package dev.ariadne.sparse;

/**
 * An edge of a weight-sparse model's circuit: one weight between two channels. Embedding, unembedding and biases are not counted, nor is the
 * stream, which only adds up.
 *
 * @param from the channel it reads
 * @param to the channel it writes
 * @param weight the entry of the matrix, never 0
 */
public record Connection(Channel from, Channel to, float weight) {
    @Override
    public String toString() {
        return from + "->" + to;
    }
}
