package dev.ariadne;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import jdk.jshell.ExpressionSnippet;
import jdk.jshell.JShell;
import jdk.jshell.Snippet;
import jdk.jshell.SnippetEvent;
import jdk.jshell.VarSnippet;
import org.jspecify.annotations.Nullable;

/** A JShell in this JVM, which takes code as the cells of a notebook do. */
public final class Cells implements AutoCloseable {
    /** What JJava imports by itself. */
    public static final List<String> KERNEL = List.of(
            "java.util.*",
            "java.io.*",
            "java.math.*",
            "java.net.*",
            "java.time.*",
            "java.util.concurrent.*",
            "java.util.regex.*");

    private static Consumer<Object> look = value -> {};

    private String worth = ""; // the variable that has the last expression's value

    private final JShell shell = JShell.builder().executionEngine("local").build();

    public Cells(List<String> imports) {
        shell.addToClasspath(System.getProperty("java.class.path"));
        imports.forEach(name -> shell.eval("import " + name + ";"));
    }

    /** Runs a cell line by line, a statement as soon as it is whole: an expression needs no semicolon. */
    public void run(String code) {
        StringBuilder statement = new StringBuilder();
        for (String line : code.lines().toList()) {
            statement.append(line).append('\n');
            var split = shell.sourceCodeAnalysis().analyzeCompletion(statement.toString());
            while (split.completeness().isComplete() && !blank(split.source())) {
                shell.eval(compiledOnly(split.source())).forEach(event -> check(event));
                statement = new StringBuilder(split.remaining());
                split = shell.sourceCodeAnalysis().analyzeCompletion(statement.toString());
            }
            if (blank(split.source()) && blank(split.remaining())) {
                statement.setLength(0);
            }
        }
        assertThat(statement.toString().strip()).as("what is left over").isEmpty();
    }

    /** Runs a cell, and looks at what its last line is worth, as a kernel does to show it. */
    public void run(String code, Consumer<Object> shown) {
        worth = "";
        run(code);
        if (!worth.isEmpty()) {
            look = shown;
            run("dev.ariadne.Cells.look(" + worth + ");");
        }
    }

    /** Called in the shell. */
    public static void look(Object value) {
        look.accept(value);
    }

    private static boolean blank(@Nullable String text) {
        return text == null || text.isBlank();
    }

    /** What says that it takes minutes is not run. */
    private static String compiledOnly(String source) {
        String code = source.replaceFirst("//.*\\bminutes\\b.*", "");
        return code.equals(source)
                ? source
                : "Callable<?> later = () -> "
                        + code.strip().replaceFirst("^var \\w+ = ", "").replaceFirst(";$", "") + ";";
    }

    private void check(SnippetEvent event) {
        if (event.causeSnippet() != null) {
            return; // an earlier variable of the same name
        }
        worth = "";
        if (event.snippet() instanceof ExpressionSnippet expression) {
            worth = expression.name();
        } else if (event.snippet() instanceof VarSnippet made
                && made.subKind() == Snippet.SubKind.TEMP_VAR_EXPRESSION_SUBKIND) {
            worth = made.name();
        }
        String source = event.snippet().source().strip();
        List<String> problems = new ArrayList<>();
        shell.diagnostics(event.snippet()).filter(d -> d.isError()).forEach(d -> problems.add(d.getMessage(null)));
        assertThat(problems).as(source).isEmpty();
        assertThat(event.status()).as(source).isEqualTo(Snippet.Status.VALID);
        if (event.exception() != null) {
            throw new AssertionError("in " + source, event.exception());
        }
    }

    @Override
    public void close() {
        shell.close();
    }
}
