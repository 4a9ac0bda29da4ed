package dev.ariadne.display;

import com.fasterxml.jackson.annotation.JsonTypeInfo;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectWriter;
import com.fasterxml.jackson.databind.jsontype.NamedType;
import dev.ariadne.view.View;

/** Any view as JSON. A class of its own: {@link Display} prints text also where Jackson is not on the class path. */
final class JsonWriter {
    private static final ObjectWriter WRITER = writer();

    /** Says which kind of view each one is. */
    @JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "view")
    private interface Kind {}

    private JsonWriter() {}

    static String write(View view) {
        try {
            return WRITER.writeValueAsString(view);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("plain data that cannot be written", e);
        }
    }

    private static ObjectWriter writer() {
        ObjectMapper mapper = new ObjectMapper().addMixIn(View.class, Kind.class);
        for (Class<?> kind : View.class.getPermittedSubclasses()) {
            mapper.registerSubtypes(new NamedType(kind, kind.getSimpleName()));
        }
        return mapper.writerWithDefaultPrettyPrinter();
    }
}
