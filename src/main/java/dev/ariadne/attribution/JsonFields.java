package dev.ariadne.attribution;

import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * One JSON object of a file that may say anything: fields are there and of their kind, or the message names where, what and what instead.
 *
 * @param node the object
 * @param path where it is, with a dot at the end unless empty
 */
record JsonFields(JsonNode node, String path) {
    /** Reads NaN and Infinity, which other programs write, so that they are refused by name of their place. */
    static final ObjectMapper JSON = JsonMapper.builder()
            .enable(DeserializationFeature.FAIL_ON_READING_DUP_TREE_KEY)
            .enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS)
            .build();

    /** Reads whole documents: nothing may follow. */
    static final ObjectReader DOCUMENT = JSON.reader().with(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

    static JsonFields of(JsonNode node, String where) {
        if (!node.isObject()) {
            throw new IllegalArgumentException("'" + where + "' must be an object, got " + kind(node));
        }
        return new JsonFields(node, where + ".");
    }

    boolean has(String name) {
        return node.hasNonNull(name);
    }

    String text(String name) {
        JsonNode value = get(name);
        if (!value.isTextual()) {
            throw wrong(name, "text", value);
        }
        return value.textValue();
    }

    String text(String name, String absent) {
        return has(name) ? text(name) : absent;
    }

    boolean flag(String name) {
        if (!has(name)) {
            return false;
        }
        JsonNode value = get(name);
        if (!value.isBoolean()) {
            throw wrong(name, "true or false", value);
        }
        return value.booleanValue();
    }

    /** A whole number in the given range. */
    long whole(String name, long least, long most) {
        JsonNode value = get(name);
        if (!value.isIntegralNumber()
                || !value.canConvertToLong()
                || value.longValue() < least
                || value.longValue() > most) {
            throw wrong(name, "a whole number from " + least + " to " + most, value);
        }
        return value.longValue();
    }

    /** A finite number. */
    double number(String name) {
        JsonNode value = get(name);
        if (!value.isNumber() || !Double.isFinite(value.doubleValue())) {
            throw wrong(name, "a finite number", value);
        }
        return value.doubleValue();
    }

    /** A finite number, or NaN where there is null or nothing. */
    double numberOrNone(String name) {
        return has(name) ? number(name) : Double.NaN;
    }

    List<String> texts(String name) {
        return texts(get(name), path + name);
    }

    /** A list of texts. */
    static List<String> texts(JsonNode list, String where) {
        List<String> texts = new ArrayList<>();
        for (JsonNode item : list(list, where)) {
            if (!item.isTextual()) {
                throw new IllegalArgumentException(
                        "'" + where + "[" + texts.size() + "]' must be text, got " + kind(item));
            }
            texts.add(item.textValue());
        }
        return texts;
    }

    static JsonNode list(JsonNode list, String where) {
        if (!list.isArray()) {
            throw new IllegalArgumentException("'" + where + "' must be a list, got " + kind(list));
        }
        return list;
    }

    JsonNode get(String name) {
        JsonNode value = node.get(name);
        if (value == null) {
            throw new IllegalArgumentException("'" + path + name + "' is missing from " + kind(node));
        }
        return value;
    }

    /** What else the object says, as plain values: text, numbers, booleans, null, lists and maps of them. */
    Map<String, @Nullable Object> more(Set<String> known) {
        Map<String, @Nullable Object> more = new LinkedHashMap<>();
        node.properties().forEach(field -> {
            if (!known.contains(field.getKey())) {
                more.put(field.getKey(), plain(field.getValue(), path + field.getKey()));
            }
        });
        return more;
    }

    static @Nullable Object plain(JsonNode value, String where) {
        if (value.isFloatingPointNumber() && !Double.isFinite(value.doubleValue())) {
            throw new IllegalArgumentException("'" + where + "' must be a finite number, got " + kind(value));
        }
        Iterable<JsonNode> parts = value;
        parts.forEach(part -> plain(part, where));
        return frozen(JSON.convertValue(value, Object.class));
    }

    private static @Nullable Object frozen(@Nullable Object value) {
        if (value instanceof Map<?, ?> map) {
            Map<Object, @Nullable Object> copy = new LinkedHashMap<>();
            map.forEach((key, part) -> copy.put(key, frozen(part)));
            return Collections.unmodifiableMap(copy);
        }
        if (value instanceof List<?> list) {
            List<@Nullable Object> copy = new ArrayList<>();
            list.forEach(part -> copy.add(frozen(part)));
            return Collections.unmodifiableList(copy);
        }
        return value;
    }

    IllegalArgumentException wrong(String name, String what, JsonNode value) {
        return new IllegalArgumentException("'" + path + name + "' must be " + what + ", got " + kind(value));
    }

    /** A value in short. */
    static String kind(JsonNode value) {
        String text = value.isContainerNode() ? "" : value.toString();
        return value.isContainerNode()
                ? (value.isArray() ? "a list of " : "an object of ") + value.size()
                : text.length() > 40 ? text.substring(0, 40) + "…" : text;
    }
}
