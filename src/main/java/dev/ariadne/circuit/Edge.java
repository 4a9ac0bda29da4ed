package dev.ariadne.circuit;

import java.util.Comparator;

/**
 * What one node gives another: {@code a0.h1->a1.h2<q>}. Between a head's input and the head, {@code a1.h2<q>->a1.h2}, it is a direct edge.
 *
 * @param from the sender
 * @param to the receiver
 */
public record Edge(Node from, Node to) implements Comparable<Edge> {
    private static final Comparator<Edge> ORDER = Comparator.comparing(Edge::to)
            .reversed()
            .thenComparing(Comparator.comparing(Edge::from).reversed());

    /**
     * Reads what {@link #toString} prints.
     *
     * @param text two nodes joined by {@code ->}
     * @param layers the model's number of blocks
     * @throws IllegalArgumentException when the text is no edge's
     */
    public static Edge of(String text, int layers) {
        int arrow = text.indexOf("->");
        if (arrow < 0) {
            throw new IllegalArgumentException(
                    "an edge is written 'sender->receiver', such as 'a9.h6->m10', got '" + text + "'");
        }
        return new Edge(
                Node.of(text.substring(0, arrow).strip(), layers),
                Node.of(text.substring(arrow + 2).strip(), layers));
    }

    /** Whether it joins a head's query, key or value input to the head. */
    public boolean isDirect() {
        return from.isHeadInput();
    }

    /** From the output down. */
    @Override
    public int compareTo(Edge other) {
        return ORDER.compare(this, other);
    }

    @Override
    public String toString() {
        return from + "->" + to;
    }
}
