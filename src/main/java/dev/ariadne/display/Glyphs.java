package dev.ariadne.display;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** What a piece of text looks like: made visible, escaped, measured without a font, shortened. */
final class Glyphs {
    private static final int ZERO_WIDTH_JOINER = 0x200D; // keeps composed emoji together

    // Pairs of first and last code point that a terminal draws two columns wide (Unicode East Asian Width W and F).
    private static final int[] WIDE = {
        0x1100, 0x115F, 0x2E80, 0x303E, 0x3041, 0xA4CF, 0xAC00, 0xD7A3, 0xF900, 0xFAFF, 0xFE30, 0xFE4F, 0xFF00, 0xFF60,
        0xFFE0, 0xFFE6, 0x1F300, 0x1F64F, 0x1F680, 0x1F6FF, 0x1F900, 0x1FAFF, 0x20000, 0x3FFFD
    };

    private Glyphs() {}

    /** Shows what would not be seen: line breaks and tabs as arrows, text that is blank, other controls as their number. */
    static String visible(String text) {
        boolean blank =
                text.chars().allMatch(Character::isSpaceChar); // such a token would be a label that is not there
        StringBuilder out = new StringBuilder(text.length());
        text.codePoints().forEach(c -> {
            if (c == '\n') {
                out.append('↵');
            } else if (c == '\t') {
                out.append('⇥');
            } else if (blank) {
                out.append(c == ' ' ? "␣" : String.format(Locale.ROOT, "\\u%04x", c));
            } else {
                appendSafe(out, c);
            }
        });
        return out.toString();
    }

    /** Keeps line breaks and tabs, and makes other controls visible. */
    static String visibleLines(String text) {
        StringBuilder out = new StringBuilder(text.length());
        text.codePoints().forEach(c -> {
            if (c == '\n' || c == '\t') {
                out.append((char) c);
            } else if (c != '\r') {
                appendSafe(out, c);
            }
        });
        return out.toString();
    }

    private static void appendSafe(StringBuilder out, int c) {
        int type = Character.getType(c);
        if (type == Character.SURROGATE || (c & 0xFFFE) == 0xFFFE) { // not allowed in XML, nor in UTF-8
            out.append('\uFFFD');
        } else if (type == Character.CONTROL
                || type == Character.LINE_SEPARATOR
                || type == Character.PARAGRAPH_SEPARATOR
                || (type == Character.FORMAT && c != ZERO_WIDTH_JOINER)) { // FORMAT: could reverse the line
            out.append(String.format(Locale.ROOT, "\\u%04x", c));
        } else {
            out.appendCodePoint(c);
        }
    }

    /** Escapes for HTML and XML, in text and in quoted attributes. */
    static String escape(String text) {
        StringBuilder out = new StringBuilder(text.length() + 16);
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            switch (c) {
                case '&' -> out.append("&amp;");
                case '<' -> out.append("&lt;");
                case '>' -> out.append("&gt;");
                case '"' -> out.append("&quot;");
                case '\'' -> out.append("&#39;");
                default -> out.append(c);
            }
        }
        return out.toString();
    }

    /** Returns how many columns of a terminal the text takes. */
    static int columns(String text) {
        return text.codePoints().map(c -> zeroWidth(c) ? 0 : wide(c) ? 2 : 1).sum();
    }

    /** Pads with spaces to a number of terminal columns. */
    static String pad(String text, int columns, boolean right) {
        String space = " ".repeat(Math.max(0, columns - columns(text)));
        return right ? space + text : text + space;
    }

    /**
     * Estimates the width of text in a proportional font; an over-estimate for the usual fonts, so that what is laid
     * out with it does not overlap in a browser that has other fonts.
     *
     * @return the width in pixels
     */
    static double width(String text, double size) {
        return size * text.codePoints().mapToDouble(Glyphs::em).sum();
    }

    private static double em(int c) {
        if (zeroWidth(c)) {
            return 0;
        }
        if (wide(c)) {
            return c >= 0x1F000 && c < 0x20000 ? 1.35 : 1.02; // emoji fonts are wider than their em
        }
        if (c == 'i' || c == 'j' || c == 'l' || c == '\'' || c == '|') {
            return 0.33;
        }
        if (c == ' ' || c == '.' || c == ',' || c == ':' || c == ';' || c == 'I' || c == '!') {
            return 0.38;
        }
        if (c == 'f' || c == 't' || c == 'r' || c == '(' || c == ')' || c == '-' || c == '[' || c == ']') {
            return 0.43;
        }
        if (c == 'm' || c == 'w' || c == 'M' || c == 'W' || c == '%' || c == '@') {
            return 1.0;
        }
        if (Character.isUpperCase(c)) {
            return 0.76;
        }
        return c < 0x250 ? 0.64 : 0.84;
    }

    /** Shortens to a width, ending with an ellipsis, never inside a character. */
    static String shorten(String text, double maxWidth, double size) {
        if (width(text, size) <= maxWidth) {
            return text;
        }
        double room = maxWidth - width("…", size);
        int end = 0;
        double used = 0;
        while (end < text.length()) {
            int c = text.codePointAt(end);
            used += size * em(c);
            if (used > room) {
                break;
            }
            end += Character.charCount(c);
        }
        return text.substring(0, end) + "…";
    }

    /** Breaks text into lines at spaces; a word that is too long is shortened. */
    static List<String> wrap(String text, double maxWidth, double size) {
        List<String> lines = new ArrayList<>();
        String line = "";
        for (String word : text.split(" ", -1)) {
            String longer = line.isEmpty() ? word : line + " " + word;
            if (!line.isEmpty() && width(longer, size) > maxWidth) {
                lines.add(shorten(line, maxWidth, size));
                line = word;
            } else {
                line = longer;
            }
        }
        lines.add(shorten(line, maxWidth, size));
        return lines;
    }

    /** Breaks text into lines at spaces, and inside a word that is too long: nothing is lost. */
    static List<String> fold(String text, double maxWidth, double size) {
        List<String> lines = new ArrayList<>();
        StringBuilder line = new StringBuilder();
        double used = 0;
        int space = -1; // where the line was last broken by a blank
        for (int at = 0; at < text.length(); ) {
            int c = text.codePointAt(at);
            at += Character.charCount(c);
            if (used + size * em(c) > maxWidth && line.length() > 0 && c != ' ') {
                String rest = space < 0 ? "" : line.substring(space + 1);
                lines.add(space < 0 ? line.toString() : line.substring(0, space));
                line = new StringBuilder(rest);
                used = width(rest, size);
                space = -1;
            }
            space = c == ' ' ? line.length() : space;
            line.appendCodePoint(c);
            used += size * em(c);
        }
        lines.add(line.toString());
        return lines;
    }

    private static boolean zeroWidth(int c) {
        int type = Character.getType(c);
        return type == Character.NON_SPACING_MARK || type == Character.ENCLOSING_MARK || c == ZERO_WIDTH_JOINER;
    }

    private static boolean wide(int c) {
        for (int i = 0; i < WIDE.length; i += 2) {
            if (c >= WIDE[i] && c <= WIDE[i + 1]) {
                return true;
            }
        }
        return false;
    }
}
