package dev.ariadne;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What {@code ./run} and the engine say on a machine that lacks something: one line, with what to do. */
class SetupTest {
    private static final String JDK_17 = "java.home = %s\\n    java.specification.version = 17\\n";

    @TempDir
    Path bin; // all there is on the PATH

    @TempDir
    Path home;

    @BeforeEach
    void usualTools() throws IOException {
        assumeTrue(find("bash").isPresent(), "there is no bash on this machine");
        for (String tool : List.of("bash", "cat", "dirname", "grep", "head", "sed")) {
            script(tool, "exec " + find(tool).orElseThrow() + " \"$@\"");
        }
    }

    @Test
    void noJava() throws Exception {
        assertThat(run())
                .containsExactly("[run] missing: Java; install a JDK 17 or later (Debian: apt install"
                        + " openjdk-17-jdk-headless; macOS: brew install openjdk@17)");
    }

    @Test
    void anOldJava() throws Exception {
        script("java", "printf '    java.home = /opt/java11\\n    java.specification.version = 11\\n' >&2");
        assertThat(run()).hasSize(1).first().asString().contains("Java 17 or later, found 11 in /opt/java11");
    }

    @Test
    void onlyARuntime() throws Exception {
        script("java", "printf '    " + JDK_17.formatted(home) + "' >&2");
        assertThat(run()).hasSize(1).first().asString().contains("a JDK: " + home + " is only a runtime (no javac)");
    }

    @Test
    void noMaven() throws Exception {
        jdk();
        assertThat(run())
                .containsExactly("[run] missing: Maven; install Maven 3.8 or later (Debian: apt install maven;"
                        + " macOS: brew install maven)");
    }

    @Test
    void anOldMaven() throws Exception {
        jdk();
        script("mvn", "echo 'Apache Maven 3.6.3 (cecedd343002696d0abb50b32b541b8a6ba2883f)'");
        assertThat(run()).hasSize(1).first().asString().contains("Maven 3.8 or later, found '3.6.3'");
    }

    @Test
    void noPython() throws Exception {
        jdk();
        script("mvn", "echo 'Apache Maven 3.9.9 (x)'");
        assertThat(run()).hasSize(1).first().asString().contains("missing: Python; install Python 3.9 or later");
    }

    @Test
    void pythonWithoutVenv() throws Exception {
        jdk();
        script("mvn", "echo 'Apache Maven 3.9.9 (x)'");
        script("python3", "case $2 in *venv*) exit 1 ;; *) echo 3.12 ;; esac");
        assertThat(run())
                .containsExactly("[run] missing: Python's venv; install it (Debian: apt install python3-venv)");
    }

    @Test
    void anUnknownOption() throws Exception {
        assertThat(run("--excute")).first().asString().isEqualTo("[run] unknown option '--excute'");
    }

    @Test
    void aHomeThatCannotBeWritten() throws Exception {
        List<String> lines = inAnotherJvm(List.of("-Duser.home=/dev/null"));
        assertThat(lines).hasSize(1);
        assertThat(lines.get(0)).contains("the PyTorch engine did not start", "DJL_CACHE_DIR");
    }

    @Test
    void noNativeLibrary() throws Exception {
        String classPath = String.join(
                File.pathSeparator,
                Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator, -1))
                        .filter(entry -> !entry.contains("pytorch-native"))
                        .toList());
        List<String> lines = inAnotherJvm(List.of("-Duser.home=" + home, "-cp", classPath));
        assertThat(lines).hasSize(1);
        assertThat(lines.get(0)).contains("ai.djl.pytorch:pytorch-native-cpu:jar:");
    }

    /** Loads a model, and prints what a notebook shows of the error. */
    static final class Load {
        private Load() {}

        public static void main(String[] args) {
            try {
                dev.ariadne.model.HookedTransformer.load("gpt2-tiny", "cpu").close();
                System.out.println("loaded");
            } catch (RuntimeException e) {
                System.out.println(e.getMessage());
            }
        }
    }

    private static List<String> inAnotherJvm(List<String> options) throws Exception {
        List<String> command = Stream.concat(
                        Stream.of(java()), Stream.concat(options.stream(), Stream.of(Load.class.getName())))
                .toList();
        ProcessBuilder builder = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD);
        builder.environment().putIfAbsent("CLASSPATH", System.getProperty("java.class.path"));
        builder.environment().keySet().removeAll(List.of("DJL_CACHE_DIR", "ENGINE_CACHE_DIR", "JAVA_TOOL_OPTIONS"));
        builder.environment().put("DJL_OFFLINE", "true");
        return output(builder);
    }

    private static String java() {
        return Path.of(System.getProperty("java.home"), "bin", "java").toString();
    }

    private void jdk() throws IOException {
        Files.createDirectories(home.resolve("bin"));
        for (String name : List.of("java", "javac")) {
            executable(home.resolve("bin").resolve(name), "");
        }
        script("java", "printf '    " + JDK_17.formatted(home) + "' >&2");
    }

    private void script(String name, String body) throws IOException {
        executable(bin.resolve(name), body);
    }

    private static void executable(Path file, String body) throws IOException {
        Files.writeString(file, "#!/bin/bash\n" + body + "\n");
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
    }

    private List<String> run(String... options) throws Exception {
        List<String> command = Stream.concat(
                        Stream.of(find("bash").orElseThrow().toString(), "run"), Stream.of(options))
                .toList();
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
        builder.environment().clear();
        builder.environment().put("PATH", bin.toString());
        builder.environment().put("HOME", home.toString());
        return output(builder);
    }

    private static List<String> output(ProcessBuilder builder) throws Exception {
        Process process = builder.start();
        process.getOutputStream().close();
        String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        process.waitFor();
        return text.lines().toList();
    }

    private static Optional<Path> find(String tool) {
        return Stream.of("/bin", "/usr/bin", "/usr/local/bin")
                .map(folder -> Path.of(folder, tool))
                .filter(Files::isExecutable)
                .findFirst();
    }
}
