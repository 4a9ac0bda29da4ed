package dev.ariadne.notebook;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * The quickstart in a real IJava, where one is installed: Jupyter starts the kernel, and the classes under test are put on its class path
 * instead of the installed artifact. Executing in JJava is what {@code ./run --execute} does.
 */
@Tag("kernel")
class RealKernelTest {
    private static final String EXECUTE = """
            import sys, nbformat
            from nbclient import NotebookClient
            notebook = nbformat.read(sys.argv[1], as_version=4)
            NotebookClient(notebook, kernel_name=sys.argv[2], timeout=600, startup_timeout=120).execute()
            nbformat.write(notebook, sys.argv[1])
            """;

    @Test
    @Timeout(600)
    void showsTheQuickstartInIJavaAsInJJava(@TempDir Path folder) throws Exception {
        Optional<Path> spec = kernelSpec();
        assumeTrue(
                spec.isPresent(),
                "no IJava here: no kernel.json that names ijava in " + dataFolders() + "; unpack ijava-1.3.0.zip and"
                        + " run its install.py");
        Optional<String> python = python();
        assumeTrue(python.isPresent(), "no Python with nbclient: run ./run once, or set ARIADNE_PYTHON to one");

        NotebookFile committed = NotebookFile.read(NotebookFile.FOLDER.resolve("quickstart.ipynb"));
        Path copy = folder.resolve("quickstart.ipynb");
        Files.writeString(copy, withClassPath(committed.root()).toString());
        execute(python.orElseThrow(), copy, spec.orElseThrow(), folder.resolve("log"));

        List<JsonNode> expected = committed.codeCells();
        List<JsonNode> seen = NotebookFile.read(copy).codeCells();
        for (int i = 0; i < expected.size(); i++) {
            assertThat(forms(seen.get(i)))
                    .as(NotebookFile.source(expected.get(i)))
                    .isEqualTo(forms(expected.get(i)));
        }
    }

    /** The notebook with the classes under test in its first cell, where it had the artifact's coordinate. */
    private static JsonNode withClassPath(JsonNode committed) throws IOException {
        ObjectNode root = committed.deepCopy();
        JsonNode first = new NotebookFile(Path.of("copy"), root).codeCells().get(0);
        String classPath = Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator))
                .filter(entry -> !entry.matches(".*(test-classes|jupyter|junit|assertj|archunit|surefire).*"))
                .collect(Collectors.joining(" "));
        ((ObjectNode) first)
                .put("source", NotebookFile.source(first).replace(NotebookFile.mavenLine(), "%classpath " + classPath));
        return root;
    }

    private static void execute(String python, Path notebook, Path spec, Path log) throws Exception {
        ProcessBuilder builder = new ProcessBuilder(
                        python,
                        "-c",
                        EXECUTE,
                        notebook.toString(),
                        spec.resolveSibling("").getFileName().toString())
                .redirectErrorStream(true)
                .redirectOutput(log.toFile());
        // first in Jupyter's search: kernels/NAME/kernel.json lies two folders below the data folder
        builder.environment()
                .put("JUPYTER_PATH", spec.resolve("../../..").normalize().toString());
        Process process = builder.start();
        try {
            assertThat(process.waitFor(540, TimeUnit.SECONDS))
                    .as("finished in nine minutes")
                    .isTrue();
            assertThat(process.exitValue()).as(Files.readString(log)).isZero();
        } finally {
            process.descendants().forEach(ProcessHandle::destroy);
            process.destroy();
        }
    }

    /** The MIME types a cell's outputs are stored in. */
    private static List<Set<String>> forms(JsonNode cell) {
        List<Set<String>> all = new ArrayList<>();
        for (JsonNode output : cell.path("outputs")) {
            Set<String> types = new TreeSet<>();
            output.path("data").fieldNames().forEachRemaining(types::add);
            all.add(types);
        }
        return all;
    }

    private static Optional<Path> kernelSpec() throws IOException {
        for (Path data : dataFolders()) {
            Path kernels = data.resolve("kernels");
            if (!Files.isDirectory(kernels)) {
                continue;
            }
            try (Stream<Path> specs = Files.list(kernels)) {
                for (Path spec : specs.map(kernel -> kernel.resolve("kernel.json"))
                        .sorted()
                        .toList()) {
                    if (Files.isRegularFile(spec)
                            && Files.readString(spec).toLowerCase(Locale.ROOT).contains("ijava")) {
                        new ObjectMapper().readTree(spec.toFile());
                        return Optional.of(spec.toAbsolutePath());
                    }
                }
            }
        }
        return Optional.empty();
    }

    /** Where Jupyter looks for kernels. */
    private static List<Path> dataFolders() {
        Path home = Path.of(System.getProperty("user.home"));
        List<Path> folders = new ArrayList<>();
        for (String variable : List.of("JUPYTER_PATH", "JUPYTER_DATA_DIR")) {
            Stream.of(System.getenv().getOrDefault(variable, "").split(File.pathSeparator))
                    .filter(entry -> !entry.isBlank())
                    .map(Path::of)
                    .forEach(folders::add);
        }
        folders.add(home.resolve(".local/share/jupyter"));
        folders.add(home.resolve("Library/Jupyter"));
        folders.add(Path.of(".venv/share/jupyter"));
        folders.add(Path.of("/usr/local/share/jupyter"));
        folders.add(Path.of("/usr/share/jupyter"));
        return folders;
    }

    private static Optional<String> python() throws InterruptedException {
        String set = System.getenv().getOrDefault("ARIADNE_PYTHON", "");
        for (String python : List.of(set, ".venv/bin/python", "python3")) {
            if (!python.isEmpty() && starts(python)) {
                return Optional.of(python);
            }
        }
        return Optional.empty();
    }

    private static boolean starts(String python) throws InterruptedException {
        try {
            return new ProcessBuilder(python, "-c", "import nbclient, nbformat")
                            .redirectErrorStream(true)
                            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                            .start()
                            .waitFor()
                    == 0;
        } catch (IOException e) {
            return false; // there is no such program
        }
    }
}
