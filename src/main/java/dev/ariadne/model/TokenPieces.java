package dev.ariadne.model;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** What each token id looks like to a reader: blanks and odd bytes visible, one piece per token. */
final class TokenPieces {
    /** How a vocabulary writes bytes and blanks. */
    enum Kind {
        /** One stand-in character per byte, as GPT-2 does it. */
        BYTE_LEVEL,
        /** {@code ▁} for a blank and {@code <0xE5>} for a byte, as SentencePiece does it. */
        BLANK_MARKED,
        /** As it is. */
        PLAIN
    }

    private static final Pattern ASCII_BYTE = Pattern.compile("<0x[0-7][0-9A-F]>");
    private static final int[] BYTE_OF = byteOfStandIn();

    private final List<@Nullable String> raw;
    private final BitSet literal;
    private final Kind kind;

    /**
     * @param raw the vocabulary's own spelling by id; null where an id has no piece
     * @param literal ids that were added to the vocabulary and are spelled as they read (special tokens among them)
     */
    TokenPieces(List<@Nullable String> raw, BitSet literal, Kind kind) {
        this.raw = raw;
        this.literal = literal;
        this.kind = kind;
    }

    int size() {
        return raw.size();
    }

    String visible(long id) {
        if (id < 0 || id >= raw.size()) {
            throw new IllegalArgumentException(
                    "token id " + id + " is not between 0 and " + (raw.size() - 1) + "; ids come from toTokens(text)");
        }
        String piece = raw.get((int) id);
        if (piece == null) {
            return "<id " + id + ">";
        }
        if (literal.get((int) id) || kind == Kind.PLAIN) {
            return escaped(piece);
        }
        if (kind == Kind.BYTE_LEVEL) {
            return byteLevel(piece);
        }
        if (ASCII_BYTE.matcher(piece).matches()) {
            return escaped(String.valueOf((char) Integer.parseInt(piece.substring(3, 5), 16)));
        }
        return escaped(piece.replace('\u2581', ' '));
    }

    /** The byte each stand-in character means, or -1: printable Latin-1 stands for itself, the rest from U+0100 on. */
    private static int[] byteOfStandIn() {
        int[] byteOf = new int[0x180];
        Arrays.fill(byteOf, -1);
        int next = 0x100;
        for (int b = 0; b < 256; b++) {
            boolean itself = (b > ' ' && b < 0x7f) || (b > 0xa0 && b != 0xad);
            byteOf[itself ? b : next++] = b;
        }
        return byteOf;
    }

    private static String byteLevel(String piece) {
        ByteBuffer bytes = ByteBuffer.allocate(piece.length());
        for (int i = 0; i < piece.length(); i++) {
            int standIn = piece.charAt(i);
            if (standIn >= BYTE_OF.length || BYTE_OF[standIn] < 0) {
                return escaped(piece);
            }
            bytes.put((byte) BYTE_OF[standIn]);
        }
        return utf8(bytes.flip());
    }

    /** Whole characters as they are, other bytes as {@code <0xE5>}. */
    private static String utf8(ByteBuffer bytes) {
        CharsetDecoder decoder = StandardCharsets.UTF_8
                .newDecoder()
                .onMalformedInput(CodingErrorAction.REPORT)
                .onUnmappableCharacter(CodingErrorAction.REPORT);
        StringBuilder text = new StringBuilder();
        CharBuffer chars = CharBuffer.allocate(bytes.remaining() + 1);
        while (bytes.hasRemaining()) {
            CoderResult result = decoder.decode(bytes, chars, true);
            text.append(escaped(chars.flip().toString()));
            chars.clear();
            for (int i = 0; result.isError() && i < result.length(); i++) {
                text.append(String.format(Locale.ROOT, "<0x%02X>", bytes.get() & 255));
            }
            decoder.reset();
        }
        return text.toString();
    }

    /** Control characters and invisible marks by their escapes; everything else as it is. */
    private static String escaped(String text) {
        StringBuilder out = new StringBuilder(text.length());
        text.codePoints().forEach(c -> {
            switch (c) {
                case '\n' -> out.append("\\n");
                case '\r' -> out.append("\\r");
                case '\t' -> out.append("\\t");
                default -> {
                    if (isInvisible(c)) {
                        out.append(String.format(Locale.ROOT, c < 0x10000 ? "\\u%04X" : "\\u{%X}", c));
                    } else {
                        out.appendCodePoint(c);
                    }
                }
            }
        });
        return out.toString();
    }

    private static boolean isInvisible(int codePoint) {
        return switch (Character.getType(codePoint)) {
            case Character.CONTROL,
                    Character.FORMAT,
                    Character.SURROGATE,
                    Character.LINE_SEPARATOR,
                    Character.PARAGRAPH_SEPARATOR -> true;
            default -> false;
        };
    }
}
