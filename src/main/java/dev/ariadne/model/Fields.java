package dev.ariadne.model;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;

/**
 * The fields of a configuration file, read with checks: a number that is missing, no number, or out of range is named.
 *
 * @param json the object
 * @param where the file, for messages
 */
record Fields(JsonNode json, String where) {
    private static final int LARGEST = 1 << 24; // no width, depth or vocabulary of a transformer comes near

    Fields child(String name) {
        JsonNode node = json.path(name);
        return new Fields(node.isObject() ? node : MissingNode.getInstance(), where + " (" + name + ")");
    }

    int integer(String name) {
        return check(name, json.path(name));
    }

    int integer(String name, int fallback) {
        JsonNode node = json.path(name);
        return node.isMissingNode() || node.isNull() ? fallback : check(name, node);
    }

    private int check(String name, JsonNode node) {
        if (!node.isIntegralNumber() || !node.canConvertToInt() || node.asInt() < 1 || node.asInt() > LARGEST) {
            throw new IllegalArgumentException(name + " in " + where + " must be an integer from 1 to " + LARGEST
                    + ", got " + (node.isMissingNode() ? "nothing" : node) + "; is this the model's own config.json?");
        }
        return node.asInt();
    }

    double number(String name) {
        JsonNode node = json.path(name);
        if (!node.isNumber() || !Double.isFinite(node.asDouble())) {
            throw new IllegalArgumentException(
                    name + " in " + where + " must be a number, got " + (node.isMissingNode() ? "nothing" : node));
        }
        return node.asDouble();
    }

    double number(String name, double fallback) {
        JsonNode node = json.path(name);
        return node.isMissingNode() || node.isNull() ? fallback : number(name);
    }

    String text(String name, String fallback) {
        JsonNode node = json.path(name);
        return node.isTextual() ? node.asText() : fallback;
    }

    int divide(int width, int parts) {
        if (width % parts != 0) {
            throw new IllegalArgumentException(
                    "width " + width + " in " + where + " is not a multiple of its " + parts + " heads");
        }
        return width / parts;
    }

    boolean flag(String name, boolean fallback) {
        JsonNode node = json.path(name);
        return node.isBoolean() ? node.asBoolean() : fallback;
    }

    /** Refuses settings that would change the result and are not built: each must have the value, or be absent. */
    void require(boolean value, String... names) {
        for (String name : names) {
            if (flag(name, value) != value) {
                throw new IllegalArgumentException(name + "=" + !value + " in " + where
                        + " is not supported yet; only models with " + name + "=" + value + " load");
            }
        }
    }
}
