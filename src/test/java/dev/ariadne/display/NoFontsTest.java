package dev.ariadne.display;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.ariadne.view.View;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** In a JVM of its own that finds no font, as in a container without fontconfig. */
class NoFontsTest {
    @Test
    void aPngSaysWhatToInstallAndTheRestNeedsNoFont(@TempDir Path folder) throws Exception {
        assumeTrue(System.getProperty("os.name").equals("Linux"), "other systems always have fonts");
        Path none = Files.writeString(folder.resolve("fonts.conf"), "<?xml version=\"1.0\"?><fontconfig></fontconfig>");
        ProcessBuilder java = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Duser.home=" + folder, // the JDK remembers fonts there
                        "-Dfile.encoding=UTF-8",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Pictures.class.getName(),
                        folder.toString())
                .redirectErrorStream(true);
        java.environment().put("FONTCONFIG_FILE", none.toString());
        java.environment().remove("JAVA_TOOL_OPTIONS"); // the JVM would say that it picked them up
        Process process = java.start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(output.lines())
                .containsExactly(
                        "[text/html, text/plain]",
                        "cannot paint a PNG: this JVM finds no font; install fontconfig and one (Debian: apt install"
                                + " fontconfig fonts-dejavu-core) and start anew, or save as .svg or .html, which need none");
        assertThat(folder.resolve("bars.svg")).content().contains("Texas");
        assertThat(folder.resolve("bars.png")).doesNotExist();
    }

    /** What runs in the other JVM. */
    static final class Pictures {
        private Pictures() {}

        public static void main(String[] args) throws IOException {
            View.Bars bars = new View.Bars("Next", "token", "p", List.of(new View.Bar("Texas", 0.5)));
            System.out.println(Display.bundle(bars).keySet());
            Display.save(bars, Path.of(args[0], "bars.svg"));
            try {
                Display.save(bars, Path.of(args[0], "bars.png"));
            } catch (IllegalStateException e) {
                System.out.println(e.getMessage());
            }
        }
    }
}
