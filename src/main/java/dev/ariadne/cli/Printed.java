package dev.ariadne.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Locale;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;
import picocli.CommandLine.Spec.Target;

/** What commands print: text for people, or one JSON object for programs. */
final class Printed {
    private static final ObjectMapper JSON = new ObjectMapper();

    @Option(names = "--json", description = "print one JSON object instead of text")
    private boolean json;

    @Spec(Target.MIXEE)
    private @Nullable CommandSpec spec;

    static ObjectNode object() {
        return JSON.createObjectNode();
    }

    void print(Supplier<String> text, Supplier<ObjectNode> object) {
        if (spec == null) {
            throw new AssertionError("picocli sets the command");
        }
        PrintWriter out = spec.commandLine().getOut();
        try {
            out.println(
                    json
                            ? JSON.writerWithDefaultPrettyPrinter().writeValueAsString(object.get())
                            : text.get().stripTrailing());
        } catch (JsonProcessingException e) {
            throw new AssertionError("a tree of plain values", e);
        }
        out.flush();
    }

    static boolean isJson(Path file) {
        return file.toString().toLowerCase(Locale.ROOT).endsWith(".json");
    }
}
