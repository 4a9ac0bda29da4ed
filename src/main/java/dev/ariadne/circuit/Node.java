package dev.ariadne.circuit;

import java.util.Comparator;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A part of a transformer that reads from the residual stream, writes to it, or both.
 *
 * <p>Text forms: {@code embed} (token and position embedding together, or the token embedding where the two are split), {@code pos_embed},
 * {@code a9.h6} (a head), {@code a9.h6<q>} (what its queries read), {@code m2} (an MLP), {@code logits} (the stream behind the last block,
 * before the final norm).
 *
 * @param kind what it is
 * @param layer its block, from 0; 0 for the embeddings, and for the output the number of blocks less one
 * @param head its head, from 0, or key/value head for {@link Kind#KEY} and {@link Kind#VALUE}; -1 where there are none
 */
public record Node(Kind kind, int layer, int head) implements Comparable<Node> {
    private static final Pattern HEAD = Pattern.compile("a(\\d{1,6})\\.h?(\\d{1,6})(?:<([qkv])>|\\.([qkv]))?");
    private static final Pattern MLP = Pattern.compile("m(\\d{1,6})");
    private static final Comparator<Node> ORDER = Comparator.comparingInt(Node::stage)
            .thenComparing(Node::kind, Comparator.naturalOrder())
            .thenComparingInt(Node::head);

    /** The kinds, in the order in which a block computes them. */
    public enum Kind {
        /** The token embedding, with the positions' where they are not split. */
        EMBED,
        /** The position embedding, by itself. */
        POS_EMBED,
        /** What the queries of a head read. */
        QUERY,
        /** What the keys of a key/value head read. */
        KEY,
        /** What the values of a key/value head read. */
        VALUE,
        /** An attention head; its output, and at {@link Granularity#HEADS} its input. */
        HEAD,
        /** An MLP, input and output. */
        MLP,
        /** The stream behind the last block. */
        LOGITS
    }

    /** The embedding. */
    public static Node embed() {
        return new Node(Kind.EMBED, 0, -1);
    }

    /** An attention head. */
    public static Node head(int layer, int head) {
        return new Node(Kind.HEAD, layer, head);
    }

    /** An MLP. */
    public static Node mlp(int layer) {
        return new Node(Kind.MLP, layer, -1);
    }

    /**
     * Reads a text form; also {@code a9.6}, {@code a9.6.q}, {@code input} and {@code resid_pre} (the embedding), {@code resid_post} (the output).
     *
     * @param text what {@link #toString} prints
     * @param layers the model's number of blocks, which places the output
     * @throws IllegalArgumentException when the text is no node's
     */
    public static Node of(String text, int layers) {
        Matcher head = HEAD.matcher(text);
        if (head.matches()) {
            String input = head.group(3) != null ? head.group(3) : head.group(4);
            Kind kind = input == null
                    ? Kind.HEAD
                    : switch (input) {
                        case "q" -> Kind.QUERY;
                        case "k" -> Kind.KEY;
                        default -> Kind.VALUE;
                    };
            return new Node(kind, Integer.parseInt(head.group(1)), Integer.parseInt(head.group(2)));
        }
        Matcher mlp = MLP.matcher(text);
        if (mlp.matches()) {
            return mlp(Integer.parseInt(mlp.group(1)));
        }
        return switch (text) {
            case "embed", "input", "resid_pre" -> embed();
            case "pos_embed" -> new Node(Kind.POS_EMBED, 0, -1);
            case "logits", "resid_post" -> new Node(Kind.LOGITS, layers - 1, -1);
            default ->
                throw new IllegalArgumentException("no node is called '" + text
                        + "'; nodes are called embed, pos_embed, a9.h6, a9.h6<q>, m2, logits");
        };
    }

    /** Whether this is what a head's queries, keys or values read. */
    public boolean isHeadInput() {
        return kind == Kind.QUERY || kind == Kind.KEY || kind == Kind.VALUE;
    }

    private int stage() {
        return switch (kind) {
            case EMBED, POS_EMBED -> 0;
            case LOGITS -> 3 * layer + 4;
            case MLP -> 3 * layer + 3;
            case HEAD -> 3 * layer + 2;
            case QUERY, KEY, VALUE -> 3 * layer + 1;
        };
    }

    /** In the order of a forward pass: a node reads only from those before it. */
    @Override
    public int compareTo(Node other) {
        return ORDER.compare(this, other);
    }

    @Override
    public String toString() {
        return switch (kind) {
            case EMBED, POS_EMBED, LOGITS -> kind.name().toLowerCase(Locale.ROOT);
            case MLP -> "m" + layer;
            case HEAD -> "a" + layer + ".h" + head;
            case QUERY -> "a" + layer + ".h" + head + "<q>";
            case KEY -> "a" + layer + ".h" + head + "<k>";
            case VALUE -> "a" + layer + ".h" + head + "<v>";
        };
    }
}
