package dev.ariadne.model.weights;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.stream.Collectors;

/** A hub on this machine that serves one model, and misbehaves where a test says so. */
final class HubServer implements AutoCloseable {
    static final String MODEL = "someone/some-model";
    static final String COMMIT = "0123456789abcdef0123456789abcdef01234567";

    /** What is sent for one file, or for the list of files. */
    interface Reply {
        void to(HttpExchange exchange, byte[] content) throws IOException;
    }

    final Map<String, byte[]> files = new TreeMap<>();
    final Map<String, Reply> replies = new ConcurrentHashMap<>(); // by file name; "" for the list
    final List<String> requests = new CopyOnWriteArrayList<>(); // path, then Range and Authorization where they are
    private final HttpServer server;
    private final ExecutorService threads = Executors.newCachedThreadPool();

    HubServer() throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setExecutor(threads);
        server.createContext("/", this::handle);
        server.start();
    }

    byte[] file(String name) {
        return Objects.requireNonNull(files.get(name), name);
    }

    URI address() {
        return URI.create("http://127.0.0.1:" + server.getAddress().getPort());
    }

    HubSettings settings(Path cache) {
        return settings(cache, "", Duration.ofSeconds(5), dir -> Long.MAX_VALUE);
    }

    HubSettings settings(Path cache, String token, Duration timeout, HubSettings.Disk disk) {
        return new HubSettings(
                address(), cache, token, false, timeout, Duration.ofMillis(5), true, disk, new HubProxies(Map.of()));
    }

    private void handle(HttpExchange exchange) throws IOException {
        try (exchange) {
            String path = exchange.getRequestURI().toString();
            String range = header(exchange, "Range");
            String token = header(exchange, "Authorization");
            requests.add(path + (range.isEmpty() ? "" : " " + range) + (token.isEmpty() ? "" : " " + token));
            boolean list =
                    path.replaceFirst("^http://[^/]*", "").startsWith("/api/models/"); // whole when asked as a proxy
            String name = list ? "" : path.replaceFirst(path.contains("/resolve/") ? ".*/resolve/[^/]*/" : ".*/", "");
            byte[] content = list ? listing().getBytes(StandardCharsets.UTF_8) : files.get(name);
            if (content == null) {
                exchange.sendResponseHeaders(404, -1);
                return;
            }
            replies.getOrDefault(name, HubServer::well).to(exchange, content);
        }
    }

    static String header(HttpExchange exchange, String name) {
        List<String> values = exchange.getRequestHeaders().get(name);
        return values == null ? "" : values.get(0);
    }

    /** Where a request wants to go on. */
    static int from(HttpExchange exchange) {
        String range = header(exchange, "Range");
        return range.isEmpty() ? 0 : Integer.parseInt(range.replaceAll("\\D", ""));
    }

    /** As a good server does it. */
    static void well(HttpExchange exchange, byte[] content) throws IOException {
        send(exchange, content, content.length);
    }

    /** Announces everything, and ends before byte {@code end}. */
    static void send(HttpExchange exchange, byte[] content, int end) throws IOException {
        int from = from(exchange);
        if (from > 0) {
            exchange.getResponseHeaders()
                    .add("Content-Range", "bytes " + from + "-" + (content.length - 1) + "/" + content.length);
        }
        exchange.sendResponseHeaders(from > 0 ? 206 : 200, content.length - from);
        OutputStream out = exchange.getResponseBody();
        out.write(content, from, Math.max(0, end - from));
        out.flush();
    }

    static Reply status(int status, String code) {
        return (exchange, content) -> {
            if (!code.isEmpty()) {
                exchange.getResponseHeaders().add("X-Error-Code", code);
            }
            exchange.sendResponseHeaders(status, -1);
        };
    }

    static Reply redirect(String location) {
        return (exchange, content) -> {
            exchange.getResponseHeaders().add("Location", location);
            exchange.sendResponseHeaders(302, -1);
        };
    }

    String listing() {
        return files.entrySet().stream()
                .map(e -> entry(e.getKey(), e.getValue().length, hash(e.getKey(), e.getValue())))
                .collect(Collectors.joining(
                        ", ", "{\"id\": \"" + MODEL + "\", \"sha\": \"" + COMMIT + "\", \"siblings\": [", "]}"));
    }

    static String entry(String name, long size, String hash) {
        String large = hash.length() == 64 ? ", \"lfs\": {\"sha256\": \"" + hash + "\", \"size\": " + size + "}" : "";
        String git = hash.length() == 64 ? "f".repeat(40) : hash; // a large file's own blob is a pointer
        return "{\"rfilename\": \"" + name + "\", \"size\": " + size + ", \"blobId\": \"" + git + "\"" + large + "}";
    }

    /** Weights are stored apart and known by SHA-256, small files by their Git blob id. */
    static String hash(String name, byte[] content) {
        try {
            if (name.endsWith(".safetensors")) {
                return HexFormat.of()
                        .formatHex(MessageDigest.getInstance("SHA-256").digest(content));
            }
            MessageDigest git = MessageDigest.getInstance("SHA-1");
            git.update(("blob " + content.length + "\0").getBytes(StandardCharsets.UTF_8));
            return HexFormat.of().formatHex(git.digest(content));
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError(e);
        }
    }

    @Override
    public void close() {
        server.stop(0);
        threads.shutdownNow();
    }
}
