package dev.ariadne.display;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.WebSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** A Chromium without a window, driven through its debugging protocol; for tests of what a page does. */
final class Browser implements AutoCloseable {
    private static final ObjectMapper JSON = new ObjectMapper();

    private final Process process;
    private final Path profile;
    private final WebSocket socket;
    private final BlockingQueue<String> messages = new LinkedBlockingQueue<>();
    private int last;

    private Browser(Process process, Path profile, int port) throws IOException, InterruptedException {
        this.process = process;
        this.profile = profile;
        HttpClient http = HttpClient.newHttpClient();
        HttpRequest list = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/json"))
                .build();
        JsonNode page =
                JSON.readTree(http.send(list, BodyHandlers.ofString()).body()).get(0);
        this.socket = http.newWebSocketBuilder()
                .buildAsync(URI.create(page.get("webSocketDebuggerUrl").asText()), new Listener(messages))
                .join();
    }

    /** Finds a browser on the path. */
    static Optional<Path> installed() {
        return Stream.of(System.getenv("PATH").split(":", -1))
                .flatMap(folder -> Stream.of("chromium", "chromium-browser", "google-chrome")
                        .map(name -> Path.of(folder, name)))
                .filter(Files::isExecutable)
                .findFirst();
    }

    /**
     * Starts a browser.
     *
     * @param profile an empty folder
     */
    static Browser start(Path profile) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(List.of(
                        installed().orElseThrow().toString(),
                        "--headless",
                        "--no-sandbox",
                        "--no-first-run",
                        "--remote-debugging-port=0",
                        "--window-size=1280,800",
                        "--user-data-dir=" + profile,
                        "about:blank"))
                .redirectErrorStream(true)
                .redirectOutput(profile.resolve("log.txt").toFile())
                .start();
        Path port = profile.resolve("DevToolsActivePort");
        for (int i = 0; i < 600 && (!Files.exists(port) || Files.size(port) == 0); i++) {
            TimeUnit.MILLISECONDS.sleep(50);
        }
        return new Browser(
                process, profile, Integer.parseInt(Files.readAllLines(port).get(0)));
    }

    /** Opens a page and waits until its scripts have run. */
    void open(Path page) throws InterruptedException, IOException {
        send("Page.navigate", Map.of("url", page.toUri().toString()));
        for (int i = 0;
                i < 600
                        && !evaluate("document.readyState + location.protocol")
                                .asText()
                                .equals("completefile:");
                i++) {
            TimeUnit.MILLISECONDS.sleep(50);
        }
    }

    /** Runs a script; a promise is waited for. */
    JsonNode evaluate(String script) throws InterruptedException, IOException {
        JsonNode answer =
                send("Runtime.evaluate", Map.of("expression", script, "awaitPromise", true, "returnByValue", true));
        if (answer.has("exceptionDetails")) {
            throw new AssertionError(script + ": " + answer.get("exceptionDetails"));
        }
        return answer.path("result").path("value");
    }

    /** Presses a key. */
    void key(String key, String text, int modifiers) throws InterruptedException, IOException {
        send("Input.dispatchKeyEvent", Map.of("type", "keyDown", "key", key, "text", text, "modifiers", modifiers));
        send("Input.dispatchKeyEvent", Map.of("type", "keyUp", "key", key, "modifiers", modifiers));
    }

    /** Moves the mouse, or presses or releases its button. */
    void mouse(String type, double x, double y, boolean down) throws InterruptedException, IOException {
        String button = type.equals("mouseMoved") && !down ? "none" : "left";
        send(
                "Input.dispatchMouseEvent",
                Map.of("type", type, "x", x, "y", y, "button", button, "buttons", down ? 1 : 0, "clickCount", 1));
    }

    JsonNode send(String method, Map<String, ?> parameters) throws InterruptedException, IOException {
        int id = ++last;
        ObjectNode message = JSON.createObjectNode().put("id", id).put("method", method);
        message.set("params", JSON.valueToTree(parameters));
        socket.sendText(message.toString(), true).join();
        while (true) {
            String text = messages.poll(60, TimeUnit.SECONDS);
            if (text == null) {
                throw new IOException("the browser does not answer " + method);
            }
            JsonNode answer = JSON.readTree(text);
            if (answer.path("id").asInt() == id) {
                return answer.path("result");
            }
        }
    }

    @Override
    public void close() throws IOException {
        socket.abort();
        List<ProcessHandle> all = process.descendants().toList();
        process.destroyForcibly();
        all.forEach(ProcessHandle::destroyForcibly);
        process.onExit().join();
        for (String link : List.of("SingletonSocket", "SingletonLock", "SingletonCookie")) {
            Files.deleteIfExists(profile.resolve(link)); // they lead out of the profile
        }
    }

    private static final class Listener implements WebSocket.Listener {
        private final BlockingQueue<String> messages;
        private final StringBuilder part = new StringBuilder();

        Listener(BlockingQueue<String> messages) {
            this.messages = messages;
        }

        @Override
        public @Nullable CompletionStage<?> onText(WebSocket from, CharSequence data, boolean whole) {
            part.append(data);
            if (whole) {
                messages.add(part.toString());
                part.setLength(0);
            }
            from.request(1);
            return null;
        }
    }
}
