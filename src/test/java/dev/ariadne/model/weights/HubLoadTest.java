package dev.ariadne.model.weights;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ariadne.model.HookedTransformer;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** {@code HookedTransformer.load(id)} as a user calls it, in JVMs of their own, since variables cannot be set in this one. */
class HubLoadTest {
    private static final Path MODELS = Path.of("src/test/resources/models").toAbsolutePath();

    @TempDir
    Path folder;

    @Test
    @Timeout(120)
    void aModelIsDownloadedThenCachedAndAFolderOfThatNameWins() throws Exception {
        Path cache = folder.resolve("hub");
        try (HubServer server = new HubServer()) {
            for (String name : new String[] {"config.json", "model.safetensors"}) {
                server.files.put(
                        name, Files.readAllBytes(MODELS.resolve("llama-tiny").resolve(name)));
            }
            String endpoint = server.address().toString();
            assertThat(load(Map.of("HF_ENDPOINT", endpoint, "HF_HUB_CACHE", cache.toString())))
                    .endsWith(HubServer.MODEL + " llama");
            assertThat(server.requests).hasSize(3);
        }
        assertThat(load(Map.of("HF_HUB_OFFLINE", "1", "HF_HUB_CACHE", cache.toString())))
                .endsWith(HubServer.MODEL + " llama");
        Map<String, String> nowhere = Map.of(
                "HF_HUB_OFFLINE", "1", "HF_HUB_CACHE", folder.resolve("empty").toString());
        assertThat(load(nowhere)).contains("neither a file or folder here (" + folder, "HF_HUB_OFFLINE");
        Path here = Files.createDirectories(folder.resolve(HubServer.MODEL));
        try (Stream<Path> files = Files.list(MODELS.resolve("gpt2-tiny"))) {
            for (Path file : files.toList()) {
                Files.copy(file, here.resolve(file.getFileName()));
            }
        }
        assertThat(load(nowhere)).endsWith(HubServer.MODEL + " gpt2");
    }

    private String load(Map<String, String> variables) throws IOException, InterruptedException {
        ProcessBuilder java = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-cp",
                        System.getProperty("java.class.path"),
                        Cell.class.getName())
                .directory(folder.toFile())
                .redirectErrorStream(true);
        java.environment().keySet().removeIf(name -> name.startsWith("HF_") || name.equals("JAVA_TOOL_OPTIONS"));
        java.environment().putAll(variables);
        Process process = java.start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        process.waitFor();
        return output.strip();
    }

    /** What runs in the other JVM. */
    static final class Cell {
        private Cell() {}

        public static void main(String[] args) {
            try (HookedTransformer model = HookedTransformer.load(HubServer.MODEL, "cpu")) {
                System.out.println(model.name() + " " + model.config().family());
            }
        }
    }
}
