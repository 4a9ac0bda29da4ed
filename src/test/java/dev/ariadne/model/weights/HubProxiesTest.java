package dev.ariadne.model.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Proxy;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Behind a proxy: what is between is named, in one line. */
class HubProxiesTest {
    private static final HubId ID = HubId.of(HubServer.MODEL);
    private static final Path LLAMA = Path.of("src/test/resources/models/llama-tiny");
    private static final URI HUB = URI.create("https://hub.invalid");

    @TempDir
    Path cache;

    private Hub hub(URI endpoint, Map<String, String> environment) {
        return new Hub(new HubSettings(
                endpoint,
                cache,
                "",
                false,
                Duration.ofSeconds(5),
                Duration.ofMillis(5),
                true,
                dir -> Long.MAX_VALUE,
                new HubProxies(environment)));
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    @Test
    void aProxyThatIsNotThereIsNamed() throws IOException {
        String proxy = "127.0.0.1:" + freePort();
        assertThatThrownBy(
                        () -> hub(HUB, Map.of("HTTPS_PROXY", "http://" + proxy)).folder(ID))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("hub.invalid did not answer through the proxy " + proxy + ", which HTTPS_PROXY")
                .hasMessageContaining("check the connection")
                .hasMessageNotContaining("\n");
    }

    @ParameterizedTest
    @CsvSource({
        "403, did not answer through the proxy",
        "407, 'it asks for a name and a password (status 407), which cannot be given here; fetch the files of'"
    })
    void aProxyThatRefusesIsNamed(int status, String words) throws IOException {
        try (ServerSocket proxy = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
            Thread refusing = new Thread(() -> refuse(proxy, status));
            refusing.setDaemon(true);
            refusing.start();
            assertThatThrownBy(() -> hub(HUB, Map.of("https_proxy", "127.0.0.1:" + proxy.getLocalPort()))
                            .folder(ID))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining(words)
                    .hasMessageContaining("the proxy 127.0.0.1:" + proxy.getLocalPort())
                    .hasMessageNotContaining("\n");
        }
    }

    private static void refuse(ServerSocket proxy, int status) {
        while (!proxy.isClosed()) {
            try (Socket client = proxy.accept()) {
                byte[] request = new byte[4096];
                if (client.getInputStream().read(request) > 0) {
                    String wanted = status == 407 ? "Proxy-Authenticate: Basic realm=\"x\"\r\n" : "";
                    client.getOutputStream()
                            .write(("HTTP/1.1 " + status + " No\r\n" + wanted + "Content-Length: 0\r\n\r\n")
                                    .getBytes(StandardCharsets.US_ASCII));
                }
            } catch (IOException e) {
                return; // the test is over
            }
        }
    }

    @Test
    void aModelComesThroughAProxy() throws IOException {
        try (HubServer proxy = new HubServer()) {
            for (String file : new String[] {"config.json", "model.safetensors"}) {
                proxy.files.put(file, Files.readAllBytes(LLAMA.resolve(file)));
            }
            Map<String, String> environment =
                    Map.of("HTTP_PROXY", proxy.address().toString());
            Path folder = hub(URI.create("http://hub.invalid"), environment).folder(ID);
            assertThat(folder.resolve("config.json")).hasSameBinaryContentAs(LLAMA.resolve("config.json"));
            assertThat(proxy.requests).allMatch(request -> request.startsWith("http://hub.invalid/"));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"socks5://proxy:1080", "http://", "a b"})
    void whatIsNoAddressOfAProxyIsSaid(String text) {
        assertThatThrownBy(() -> new HubProxies(Map.of("HTTPS_PROXY", text)).select(HUB))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("HTTPS_PROXY is '" + text + "'; it must be an address such as http://proxy:3128, or unset");
    }

    @Test
    void aPasswordIsNotRepeated() {
        assertThatThrownBy(() -> hub(HUB, Map.of("HTTPS_PROXY", "socks5://me:secret@proxy:1080"))
                        .folder(ID))
                .hasMessageContaining("socks5://…@proxy:1080")
                .hasMessageNotContaining("secret");
    }

    @Test
    void noProxyNamesHostsAndWhatIsBelowThem() {
        HubProxies proxies = new HubProxies(
                Map.of("HTTPS_PROXY", "proxy.example", "NO_PROXY", "hub.invalid, .example.org,*.example.net"));
        assertThat(proxies.select(HUB)).containsExactly(Proxy.NO_PROXY);
        assertThat(proxies.select(URI.create("https://cdn.example.org/x"))).containsExactly(Proxy.NO_PROXY);
        assertThat(proxies.select(URI.create("https://cdn.example.net/x"))).containsExactly(Proxy.NO_PROXY);
        assertThat(proxies.select(URI.create("https://another-hub.invalid/")))
                .extracting(Proxy::address)
                .containsExactly(InetSocketAddress.createUnresolved("proxy.example", 80));
        assertThat(proxies.select(URI.create("http://another-hub.invalid/"))).containsExactly(Proxy.NO_PROXY);
    }

    @Test
    void theJvmsOwnPropertiesComeFirst() {
        assertThat(System.getProperty("https.proxyHost")).isNull();
        System.setProperty("https.proxyHost", "jvm.example");
        System.setProperty("https.proxyPort", "3129");
        try {
            Proxy proxy = new HubProxies(Map.of("HTTPS_PROXY", "http://proxy.example:3128"))
                    .select(HUB)
                    .get(0);
            InetSocketAddress address = (InetSocketAddress) Objects.requireNonNull(proxy.address());
            assertThat(address.getHostString()).isEqualTo("jvm.example");
            assertThat(address.getPort()).isEqualTo(3129);
        } finally {
            System.clearProperty("https.proxyHost");
            System.clearProperty("https.proxyPort");
        }
    }
}
