package dev.ariadne.attribution;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Annotations as the fields of a JSON object. A value is JSON, or the text that an address has in its place: servers write both. */
record AnnotationFields(JsonFields fields) {
    private static final Set<String> KNOWN = Set.of(
            "pinnedIds",
            "supernodes",
            "clerps",
            "notes",
            "hiddenIds",
            "pruningThreshold",
            "densityThreshold",
            "clickedId",
            "linkType",
            "logitDiff");

    static Annotations read(JsonFields fields) {
        AnnotationFields from = new AnnotationFields(fields);
        return new Annotations(
                from.ids("pinnedIds"),
                from.groups(),
                from.pairs("clerps"),
                from.pairs("notes"),
                from.ids("hiddenIds"),
                from.share("pruningThreshold"),
                from.share("densityThreshold"),
                fields.text("clickedId", ""),
                fields.text("linkType", "both"),
                fields.text("logitDiff", ""),
                fields.more(KNOWN));
    }

    /** Writes JSON values, and of those that old readers do not know only the ones that say something. */
    static ObjectNode write(Annotations from) {
        ObjectNode to = JsonFields.JSON.createObjectNode();
        from.more().forEach(to::putPOJO);
        from.pinnedIds().forEach(to.putArray("pinnedIds")::add);
        to.set("supernodes", groups(from));
        to.put("linkType", from.linkType());
        to.put("clickedId", from.clickedId());
        if (!from.clerps().isEmpty()) {
            to.set("clerps", pairs(from.clerps()));
        }
        if (!from.notes().isEmpty()) {
            to.set("notes", pairs(from.notes()));
        }
        if (!from.hiddenIds().isEmpty()) {
            from.hiddenIds().forEach(to.putArray("hiddenIds")::add);
        }
        if (!Double.isNaN(from.pruningThreshold())) {
            to.put("pruningThreshold", from.pruningThreshold());
        }
        if (!Double.isNaN(from.densityThreshold())) {
            to.put("densityThreshold", from.densityThreshold());
        }
        if (!from.logitDiff().isEmpty()) {
            to.put("logitDiff", from.logitDiff());
        }
        return to;
    }

    static ArrayNode groups(Annotations from) {
        ArrayNode groups = JsonFields.JSON.createArrayNode();
        for (Annotations.Group group : from.supernodes()) {
            group.ids().forEach(groups.addArray().add(group.name())::add);
        }
        return groups;
    }

    static ArrayNode pairs(Map<String, String> texts) {
        ArrayNode pairs = JsonFields.JSON.createArrayNode();
        texts.forEach((id, text) -> pairs.addArray().add(id).add(text));
        return pairs;
    }

    private List<String> ids(String name) {
        if (!fields.has(name)) {
            return List.of();
        }
        return fields.get(name).isTextual() ? Annotations.split(fields.text(name)) : fields.texts(name);
    }

    private List<Annotations.Group> groups() {
        List<Annotations.Group> groups = new ArrayList<>();
        for (JsonNode one : list("supernodes")) {
            String where = fields.path() + "supernodes[" + groups.size() + "]";
            List<String> texts = JsonFields.texts(one, where);
            if (texts.isEmpty()) {
                throw new IllegalArgumentException("'" + where + "' must be [name, id, id, ...], got an empty list");
            }
            groups.add(new Annotations.Group(texts.get(0), texts.subList(1, texts.size())));
        }
        return groups;
    }

    private Map<String, String> pairs(String name) {
        Map<String, String> pairs = new LinkedHashMap<>();
        int i = 0;
        for (JsonNode one : list(name)) {
            String where = fields.path() + name + "[" + i++ + "]";
            if (JsonFields.list(one, where).size() != 2
                    || !(one.get(0).isTextual() || one.get(0).isIntegralNumber())
                    || !one.get(1).isTextual()) {
                throw new IllegalArgumentException("'" + where + "' must be [id, text], got " + shortly(one));
            }
            pairs.put(one.get(0).asText(), one.get(1).textValue());
        }
        return pairs;
    }

    private JsonNode list(String name) {
        if (!fields.has(name)
                || (fields.get(name).isTextual() && fields.text(name).isBlank())) {
            return JsonFields.JSON.createArrayNode();
        }
        JsonNode value = fields.get(name);
        if (value.isTextual()) {
            try {
                value = JsonFields.DOCUMENT.readTree(value.textValue());
            } catch (JsonProcessingException e) {
                throw new IllegalArgumentException(
                        "'" + fields.path() + name + "' is no JSON: " + e.getOriginalMessage() + " in " + shortly(value)
                                + "; in an address write & # % + as %26 %23 %25 %2B",
                        e);
            }
        }
        return JsonFields.list(value, fields.path() + name);
    }

    private double share(String name) {
        if (!fields.has(name) || !fields.get(name).isTextual()) {
            return fields.numberOrNone(name);
        }
        String text = fields.text(name);
        try {
            return text.isBlank() || text.equals("null") ? Double.NaN : Double.parseDouble(text);
        } catch (NumberFormatException e) {
            throw fields.wrong(name, "a number from 0 to 1", fields.get(name));
        }
    }

    private static String shortly(JsonNode value) {
        String text = value.toString();
        return text.length() > 80 ? text.substring(0, 80) + "…" : text;
    }
}
