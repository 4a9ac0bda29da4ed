package dev.ariadne.notebook;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ariadne.view.Displayable;
import dev.ariadne.view.Progress;
import dev.ariadne.view.View;
import java.io.File;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What happens without a kernel, in a JVM of its own whose class path has no kernel, nor Tablesaw, nor XChart. */
class PlainJvmTest {
    @Test
    @Timeout(60)
    void printsTextWhereThereIsNoKernel() throws Exception {
        String classPath = Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator))
                .filter(entry -> !entry.endsWith(".jar") || entry.contains("jspecify"))
                .collect(Collectors.joining(File.pathSeparator));
        ProcessBuilder java = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Dstdout.encoding=UTF-8",
                        "-Dfile.encoding=UTF-8",
                        "-cp",
                        classPath,
                        Cell.class.getName())
                .redirectErrorStream(true);
        java.environment().remove("JAVA_TOOL_OPTIONS"); // the JVM would say that it picked them up
        Process process = java.start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
        assertThat(output.lines())
                .containsExactly(
                        "no kernel class here",
                        "none",
                        "Model",
                        "layers  12",
                        "",
                        "Next",
                        "token       p",
                        "Texas  0.5000  ####################",
                        "",
                        "[1, 2]");
        assertThat(process.exitValue()).isZero();
    }

    /** What runs in the other JVM. */
    static final class Cell {
        private Cell() {}

        public static void main(String[] args) {
            try {
                Class.forName("org.dflib.jjava.jupyter.Extension");
            } catch (ClassNotFoundException e) {
                System.out.println("no kernel class here");
            }
            System.out.println(Notebook.init());
            new Summary("Model", Map.of("layers", "12")).show();
            Notebook.show(new View.Bars("Next", "token", "p", List.of(new View.Bar("Texas", 0.5))));
            Notebook.show(List.of(1, 2));
            try (Progress progress = Progress.of("work", 2)) {
                progress.step();
                progress.step();
            }
        }
    }

    record Summary(String title, Map<String, String> facts) implements Displayable {
        @Override
        public View view() {
            return new View.Facts(title, facts);
        }
    }
}
