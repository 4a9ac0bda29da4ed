package dev.ariadne.attribution;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayOutputStream;
import java.net.URLEncoder;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * The address of a graph on the web, with what its reader pinned, grouped and labeled; any name survives, whatever characters it has.
 *
 * <pre>{@code
 * GraphUrl url = GraphUrl.of("https://example.org/gemma-2-2b/graph?slug=dallas&supernodes=%5B%5B%22Texas%22%2C%2220_15589_9%22%5D%5D");
 * url.annotations().byName();      // {Texas=[20_15589_9]}
 * url.with(annotations).toString() // to be opened, or sent
 * }</pre>
 *
 * @param page what stands before the question mark
 * @param slug the graph's name; empty where the address has none
 * @param annotations what was added; parameters that are not known are kept in its {@code more}
 */
public record GraphUrl(String page, String slug, Annotations annotations) {
    private static final int MOST_CHARS = 1 << 24;

    /**
     * Reads an address. Its query is split first, and each value decoded exactly once.
     *
     * @param url with or without a page before the question mark; characters that need not be encoded may be
     * @throws IllegalArgumentException when the query is damaged, with the parameter's name
     */
    public static GraphUrl of(String url) {
        if (url.length() > MOST_CHARS) {
            throw new IllegalArgumentException(
                    "the address has " + url.length() + " characters, at most " + MOST_CHARS + " are read");
        }
        int question = url.indexOf('?');
        int hash = url.indexOf('#', question + 1);
        String query = url.substring(question + 1, hash < 0 ? url.length() : hash);
        ObjectNode values = JsonFields.JSON.createObjectNode();
        for (String part : query.split("&", -1)) {
            int equals = part.indexOf('=');
            if (part.isEmpty()) {
                continue;
            }
            if (equals < 0) {
                throw new IllegalArgumentException("'" + part + "' in the address has no '='; parameters are"
                        + " name=value, and an & inside a value is written %26");
            }
            String name = decoded(part.substring(0, equals), "a parameter's name");
            if (values.has(name)) {
                throw new IllegalArgumentException("the address has '" + name + "' twice");
            }
            values.put(name, decoded(part.substring(equals + 1), name));
        }
        String slug = values.has("slug") ? values.remove("slug").textValue() : "";
        String page = question < 0 ? "" : url.substring(0, question);
        return new GraphUrl(page, slug, AnnotationFields.read(new JsonFields(values, "")));
    }

    /**
     * Returns the same address with other annotations.
     *
     * @param other what is pinned, grouped and labeled
     * @return a copy
     */
    public GraphUrl with(Annotations other) {
        return new GraphUrl(page, slug, other);
    }

    /** Writes the address, with every character encoded that could be taken for another. */
    @Override
    public String toString() {
        Map<String, String> values = new LinkedHashMap<>();
        values.put("slug", slug);
        values.put("pinnedIds", Annotations.joined(annotations.pinnedIds()));
        if (!annotations.supernodes().isEmpty()) {
            values.put("supernodes", AnnotationFields.groups(annotations).toString());
        }
        if (!annotations.clerps().isEmpty()) {
            values.put("clerps", AnnotationFields.pairs(annotations.clerps()).toString());
        }
        if (!annotations.notes().isEmpty()) {
            values.put("notes", AnnotationFields.pairs(annotations.notes()).toString());
        }
        values.put("hiddenIds", Annotations.joined(annotations.hiddenIds()));
        values.put("pruningThreshold", number(annotations.pruningThreshold()));
        values.put("densityThreshold", number(annotations.densityThreshold()));
        values.put("clickedId", annotations.clickedId());
        values.put("linkType", annotations.linkType().equals("both") ? "" : annotations.linkType());
        values.put("logitDiff", annotations.logitDiff());
        annotations.more().forEach((name, value) -> values.put(name, String.valueOf(value)));
        values.values().removeIf(String::isEmpty);
        return page + "?"
                + values.entrySet().stream()
                        .map(value -> encoded(value.getKey()) + "=" + encoded(value.getValue()))
                        .collect(Collectors.joining("&"));
    }

    private static String number(double value) {
        return Double.isNaN(value) ? "" : String.valueOf(value);
    }

    private static String encoded(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8);
    }

    /** Decodes one value: strictly, for a replaced character would be another supernode. */
    private static String decoded(String text, String name) {
        byte[] from = text.getBytes(StandardCharsets.UTF_8);
        ByteArrayOutputStream to = new ByteArrayOutputStream(from.length);
        for (int i = 0; i < from.length; i++) {
            if (from[i] == '%') {
                int high = i + 2 < from.length ? Character.digit(from[i + 1], 16) : -1;
                int low = i + 2 < from.length ? Character.digit(from[i + 2], 16) : -1;
                if (high < 0 || low < 0) {
                    throw new IllegalArgumentException("'" + name + "' in the address has a % without two"
                            + " hexadecimal digits after it, at byte " + i + "; a percent sign is written %25");
                }
                to.write(high << 4 | low);
                i += 2;
            } else {
                to.write(from[i] == '+' ? ' ' : from[i]);
            }
        }
        try {
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(to.toByteArray()))
                    .toString();
        } catch (CharacterCodingException e) {
            throw new IllegalArgumentException("'" + name + "' in the address is not UTF-8 once decoded", e);
        }
    }
}
