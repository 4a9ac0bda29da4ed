package dev.ariadne.model.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.ariadne.model.HookedTransformer;
import dev.ariadne.model.Logits;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Downloads against a server that drops, lies, stalls and redirects. */
class HubDownloadTest {
    private static final Path LLAMA = Path.of("src/test/resources/models/llama-tiny");
    private static final HubId ID = HubId.of(HubServer.MODEL);
    private static final String WEIGHTS = "model.safetensors";

    @TempDir
    Path cache;

    private HubServer server;

    @BeforeEach
    void serveATinyModel() throws IOException {
        server = new HubServer();
        server.files.put("config.json", Files.readAllBytes(LLAMA.resolve("config.json")));
        server.files.put(WEIGHTS, Files.readAllBytes(LLAMA.resolve(WEIGHTS)));
        server.files.put("README.md", "not needed".getBytes(StandardCharsets.UTF_8));
        server.files.put("pytorch_model.bin", new byte[] {1});
    }

    @AfterEach
    void stop() {
        server.close();
    }

    private Path load() throws IOException {
        return new Hub(server.settings(cache)).folder(ID);
    }

    private Path repository() {
        return cache.resolve("models--someone--some-model");
    }

    private Path blob() {
        return repository().resolve("blobs").resolve(HubServer.hash(WEIGHTS, content()));
    }

    private Path partial() {
        return blob().resolveSibling(blob().getFileName() + ".incomplete");
    }

    private byte[] content() {
        return server.file(WEIGHTS);
    }

    private long weightRequests() {
        return server.requests.stream().filter(r -> r.contains(WEIGHTS)).count();
    }

    @Test
    void whatIsNeededComesIntoTheLayoutOfPythonsCache() throws IOException {
        Path folder = load();
        assertThat(folder).isEqualTo(repository().resolve("snapshots").resolve(HubServer.COMMIT));
        assertThat(repository().resolve("refs/main")).hasContent(HubServer.COMMIT);
        assertThat(Files.readSymbolicLink(folder.resolve(WEIGHTS)))
                .isEqualTo(Path.of("../../blobs").resolve(blob().getFileName()));
        assertThat(blob()).hasBinaryContent(content());
        try (Stream<Path> files = Files.list(folder)) {
            assertThat(files.map(f -> f.getFileName().toString())).containsExactlyInAnyOrder("config.json", WEIGHTS);
        }
        int asked = server.requests.size();
        assertThat(load()).isEqualTo(folder);
        assertThat(server.requests).hasSize(asked); // nothing is asked for what is there
        try (HookedTransformer loaded = HookedTransformer.load(folder.toString(), "cpu");
                HookedTransformer local = HookedTransformer.load(LLAMA.toString(), "cpu");
                Logits a = loaded.run(new long[][] {{1, 2, 3}});
                Logits b = local.run(new long[][] {{1, 2, 3}})) {
            assertThat(a.array()).isEqualTo(b.array());
        }
    }

    @Test
    void aShardedModelComesWithTheShardsItsIndexNames() throws IOException {
        Path shards = Files.createDirectory(cache.resolve("source"));
        ShardFiles.split(LLAMA.resolve(WEIGHTS), shards, 3, UnaryOperator.identity());
        server.files.remove(WEIGHTS);
        try (Stream<Path> files = Files.list(shards)) {
            for (Path file : files.toList()) {
                server.files.put(file.getFileName().toString(), Files.readAllBytes(file));
            }
        }
        server.files.put("other.safetensors", new byte[] {1});
        Path folder = load();
        try (Checkpoint whole = Checkpoint.open(LLAMA);
                Checkpoint loaded = Checkpoint.open(folder)) {
            assertThat(loaded.names()).containsExactlyInAnyOrderElementsOf(whole.names());
        }
        assertThat(folder.resolve("other.safetensors")).doesNotExist();
        String third = ShardFiles.name(2, 3);
        Files.delete(folder.resolve(third).toRealPath()); // a link to nothing: fetched again
        load();
        assertThat(folder.resolve(third)).hasBinaryContent(server.file(third));
        server.files.remove(third);
        Files.delete(folder.resolve(third).toRealPath());
        assertThatThrownBy(this::load).hasMessageContaining("has no " + third + ", although");
    }

    @Test
    void aDroppedDownloadGoesOnWhereItEnded() throws IOException {
        int third = content().length / 3;
        server.replies.put(WEIGHTS, (e, c) -> HubServer.send(e, c, Math.min(HubServer.from(e) + third, c.length)));
        assertThat(load().resolve(WEIGHTS)).hasBinaryContent(content());
        List<String> ranges = server.requests.stream()
                .filter(r -> r.contains(WEIGHTS))
                .map(r -> r.replaceFirst("^\\S+ ?", ""))
                .toList();
        assertThat(ranges.subList(0, 3)).containsExactly("", "bytes=" + third + "-", "bytes=" + 2 * third + "-");
        assertThat(partial()).doesNotExist();
    }

    @Test
    void aServerThatCannotGoOnIsAskedFromTheStart() throws IOException {
        AtomicInteger tries = new AtomicInteger();
        server.replies.put(WEIGHTS, (exchange, content) -> {
            exchange.sendResponseHeaders(200, content.length); // whatever the range
            int end = tries.incrementAndGet() < 3 ? content.length / 2 : content.length;
            exchange.getResponseBody().write(content, 0, end);
        });
        assertThat(load().resolve(WEIGHTS)).hasBinaryContent(content());
        assertThat(tries).hasValue(3);
    }

    @Test
    void whatHasComeIsKeptWhenTheServerStaysAway() throws IOException {
        int half = content().length / 2;
        server.replies.put(WEIGHTS, (e, c) -> HubServer.send(e, c, half));
        assertThatThrownBy(this::load)
                .isInstanceOf(IOException.class)
                .hasMessageContainingAll("downloading model.safetensors", "failed 5 times", "kept", "again");
        assertThat(weightRequests()).isEqualTo(5);
        assertThat(partial()).hasSize(half);
        assertThat(blob()).doesNotExist();
        assertThat(repository().resolve("refs/main")).doesNotExist();
        server.replies.clear();
        assertThat(load().resolve(WEIGHTS)).hasBinaryContent(content());
        assertThat(server.requests.get(server.requests.size() - 1)).endsWith(" bytes=" + half + "-");
    }

    @Test
    void aPartialFileThatIsTooLongOrWrongIsNotTrusted() throws IOException {
        Files.createDirectories(partial().getParent());
        Files.write(partial(), new byte[content().length + 1]);
        assertThat(load().resolve(WEIGHTS)).hasBinaryContent(content());
        Files.delete(blob());
        Files.write(partial(), new byte[content().length]); // as long, other bytes
        assertThatThrownBy(this::load).hasMessageContaining("SHA-256").hasMessageContaining("deleted");
        assertThat(load().resolve(WEIGHTS)).hasBinaryContent(content());
    }

    @Test
    void aBusyServerIsAskedAgain() throws IOException {
        AtomicInteger tries = new AtomicInteger();
        server.replies.put("", (exchange, content) -> {
            if (tries.incrementAndGet() < 3) {
                exchange.sendResponseHeaders(503, -1);
            } else {
                HubServer.well(exchange, content);
            }
        });
        assertThat(load()).isDirectory();
        assertThat(tries).hasValue(3);
    }

    @Test
    void aFileOfAnotherLengthIsRefused() throws IOException {
        byte[] longer = new byte[content().length + 1];
        server.replies.put(WEIGHTS, (exchange, content) -> HubServer.well(exchange, longer));
        assertThatThrownBy(this::load)
                .isInstanceOf(IOException.class)
                .hasMessageContainingAll("offers " + longer.length + " bytes", "says " + content().length);
        assertThat(weightRequests()).isEqualTo(1); // a lie is no dropped connection
        server.replies.put(WEIGHTS, (exchange, content) -> {
            exchange.sendResponseHeaders(200, 0); // no length announced
            exchange.getResponseBody().write(longer);
        });
        assertThatThrownBy(this::load).hasMessageContaining("sends more than the " + content().length + " bytes");
        assertThat(partial()).doesNotExist();
        assertThat(blob()).doesNotExist();
    }

    @Test
    void aFileOfAnotherHashIsRefusedAndDeleted() throws IOException {
        for (String name : List.of(WEIGHTS, "config.json")) {
            server.replies.clear();
            byte[] changed = server.file(name).clone();
            changed[changed.length / 2] ^= 1;
            server.replies.put(name, (exchange, content) -> HubServer.well(exchange, changed));
            assertThatThrownBy(this::load)
                    .isInstanceOf(IOException.class)
                    .hasMessageContainingAll(
                            name,
                            name.equals(WEIGHTS) ? "SHA-256" : "SHA-1",
                            HubServer.hash(name, changed),
                            "the hub says " + HubServer.hash(name, server.file(name)),
                            "deleted");
            try (Stream<Path> files = Files.walk(repository())) {
                assertThat(files.map(Path::toString))
                        .noneMatch(f -> f.endsWith(".incomplete") || f.endsWith("/" + WEIGHTS));
            }
            Files.deleteIfExists(repository().resolve("blobs").resolve(hashOf("config.json")));
        }
    }

    private String hashOf(String name) {
        return HubServer.hash(name, server.file(name));
    }

    @Test
    void aFullDiskIsSaidBeforeAnythingComes() {
        byte[] large = new byte[3_000_000];
        new SplittableRandom(1).nextBytes(large);
        server.files.put(WEIGHTS, large);
        Hub small = new Hub(server.settings(cache, "", Duration.ofSeconds(5), folder -> 2_500_000));
        assertThatThrownBy(() -> small.folder(ID))
                .isInstanceOf(IOException.class)
                .hasMessageContainingAll("needs 3 MB", "2 MB are free", "HF_HUB_CACHE", cache.toString());
        assertThat(weightRequests()).isZero();
        assertThat(partial()).doesNotExist();
    }

    @Test
    void aDiskThatFillsUpWhileBytesComeIsSaidAndNothingGetsTheFinalName() throws IOException {
        Path full = Path.of("/dev/full"); // takes no byte: "No space left on device", as a full disk says
        assumeTrue(Files.exists(full), "this system has no /dev/full");
        Files.createDirectories(partial().getParent());
        Files.createSymbolicLink(partial(), full);
        assertThatThrownBy(this::load)
                .isInstanceOf(IOException.class)
                .hasMessageContainingAll(partial().toString(), "No space left", "make room and load the model again");
        assertThat(weightRequests()).isOne(); // a full disk is not worth another try
        assertThat(blob()).doesNotExist();
        Files.delete(partial());
        assertThat(load().resolve(WEIGHTS)).hasBinaryContent(content());
    }

    @Test
    void anInterruptStopsWithinASecondAndKeepsWhatCame() throws Exception {
        int half = content().length / 2;
        CountDownLatch stalled = new CountDownLatch(1);
        server.replies.put(WEIGHTS, (exchange, content) -> {
            HubServer.send(exchange, content, half);
            stalled.countDown();
            sleep();
        });
        AtomicLong interrupted = new AtomicLong();
        Thread reader = Thread.currentThread();
        Thread stopper = new Thread(() -> {
            try {
                stalled.await();
                Thread.sleep(200); // what was sent has come
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            interrupted.set(System.nanoTime());
            reader.interrupt();
        });
        stopper.start();
        assertThatThrownBy(this::load)
                .isInstanceOf(CancellationException.class)
                .hasMessageContainingAll("interrupted", HubServer.MODEL, "run the cell again to go on");
        assertThat(System.nanoTime() - interrupted.get()).isLessThan(1_000_000_000);
        assertThat(Thread.interrupted()).isTrue();
        stopper.join();
        assertThat(partial()).hasSize(half);
        assertThat(blob()).doesNotExist();
        server.replies.clear();
        assertThat(load().resolve(WEIGHTS)).hasBinaryContent(content());
        assertThat(server.requests.get(server.requests.size() - 1)).endsWith(" bytes=" + half + "-");
    }

    private static void sleep() {
        try {
            Thread.sleep(30_000);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Test
    void aServerThatSaysNothingIsLeft() throws IOException {
        Hub hub = new Hub(server.settings(cache, "", Duration.ofMillis(500), folder -> Long.MAX_VALUE));
        server.replies.put(WEIGHTS, (exchange, content) -> {
            HubServer.send(exchange, content, content.length / 2);
            sleep();
        });
        assertThatThrownBy(() -> hub.folder(ID)).hasMessageContaining("nothing came for 500 ms");
        server.replies.put("", (exchange, content) -> sleep());
        assertThatThrownBy(() -> hub.folder(ID)).hasMessageContainingAll("failed 3 times", "did not answer");
    }

    @Test
    void aMachineThatDoesNotAnswerIsNamed() throws IOException {
        URI nobody;
        try (ServerSocket socket = new ServerSocket()) {
            socket.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
            nobody = URI.create("http://127.0.0.1:" + socket.getLocalPort());
        }
        HubSettings s = server.settings(cache);
        Hub hub =
                new Hub(new HubSettings(nobody, cache, "", false, s.timeout(), s.pause(), true, s.disk(), s.proxies()));
        assertThatThrownBy(() -> hub.folder(ID))
                .isInstanceOf(IOException.class)
                .hasMessageContainingAll(nobody.toString(), HubServer.MODEL, "did not answer", "check the connection");
    }

    @Test
    void redirectsAreFollowedButTheTokenStaysHome() throws IOException {
        Hub hub = new Hub(server.settings(cache, "hf_secret", Duration.ofSeconds(5), folder -> Long.MAX_VALUE));
        try (HubServer other = new HubServer()) {
            other.files.put("stored", content());
            server.replies.put(WEIGHTS, HubServer.redirect(other.address() + "/stored"));
            server.replies.put("config.json", (exchange, content) -> {
                boolean moved = exchange.getRequestURI().toString().contains("/moved/");
                HubServer.Reply reply = moved ? HubServer::well : HubServer.redirect("/moved/config.json");
                reply.to(exchange, content);
            });
            assertThat(hub.folder(ID).resolve(WEIGHTS)).hasBinaryContent(content());
            assertThat(other.requests).containsExactly("/stored");
        }
        assertThat(server.requests).hasSize(4).allMatch(r -> r.endsWith(" Bearer hf_secret"));
    }

    @Test
    void redirectsThatLeadNowhereEnd() {
        server.replies.put("", HubServer.redirect("?again"));
        assertThatThrownBy(this::load).isInstanceOf(IOException.class).hasMessageContaining("more than 10 times");
        server.replies.put("", HubServer.redirect("file:///etc/passwd"));
        assertThatThrownBy(this::load).hasMessageContaining("only http and https addresses");
        server.replies.put("", HubServer.redirect("http://a b"));
        assertThatThrownBy(this::load).hasMessageContaining("which is no address");
        server.replies.put("", HubServer.status(302, ""));
        assertThatThrownBy(this::load).hasMessageContaining("redirects to ''");
    }

    @Test
    void twoThreadsFetchAModelOnce() throws Exception {
        server.replies.put(WEIGHTS, (exchange, content) -> {
            try (OutputStream out = exchange.getResponseBody()) {
                exchange.sendResponseHeaders(200, content.length);
                for (int from = 0; from < content.length; from += content.length / 10 + 1) {
                    out.write(content, from, Math.min(content.length / 10 + 1, content.length - from));
                    out.flush();
                    Thread.sleep(30);
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
        ExecutorService threads = Executors.newFixedThreadPool(2);
        try {
            Future<Path> a = threads.submit(this::load);
            Future<Path> b = threads.submit(this::load);
            assertThat(a.get(20, TimeUnit.SECONDS)).isEqualTo(b.get(20, TimeUnit.SECONDS));
        } finally {
            threads.shutdownNow();
        }
        assertThat(weightRequests()).isEqualTo(1);
    }
}
