package dev.ariadne.model.weights;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Proxy;
import java.net.ProxySelector;
import java.net.SocketAddress;
import java.net.URI;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** What requests go through: what the JVM's properties say (https.proxyHost), else the variables that Python's tools read too. */
final class HubProxies extends ProxySelector {
    private final Map<String, String> environment;

    /** Knows the variables HTTPS_PROXY, HTTP_PROXY and NO_PROXY, in capitals or not; they are read when something is to be fetched. */
    HubProxies(Map<String, String> environment) {
        this.environment = Map.copyOf(environment);
    }

    private String variable(String name) {
        return HubSettings.first(environment, "", name, name.toLowerCase(Locale.ROOT));
    }

    private boolean isDirect(String host) {
        return Arrays.stream(variable("NO_PROXY").split(",", -1))
                .map(end -> end.strip().toLowerCase(Locale.ROOT).replaceFirst("^\\*?\\.", ""))
                .filter(end -> !end.isEmpty())
                .anyMatch(end -> end.equals("*") || ("." + host).endsWith("." + end));
    }

    private Proxy proxy(String name) {
        String text = variable(name);
        if (text.isEmpty()) {
            return Proxy.NO_PROXY;
        }
        try {
            URI uri = URI.create(text.contains("://") ? text : "http://" + text);
            if (uri.getHost() != null && "http".equals(uri.getScheme())) {
                int port = uri.getPort() < 0 ? 80 : uri.getPort();
                return new Proxy(Proxy.Type.HTTP, InetSocketAddress.createUnresolved(uri.getHost(), port));
            }
        } catch (IllegalArgumentException e) {
            // reported below, like an address of another kind
        }
        throw new IllegalArgumentException(name + " is '" + text.replaceFirst("//.*@", "//…@")
                + "'; it must be an address such as http://proxy:3128, or unset");
    }

    /**
     * What an address is reached through.
     *
     * @throws IllegalArgumentException when a variable is no address of an HTTP proxy
     */
    @Override
    public List<Proxy> select(URI uri) {
        ProxySelector system = ProxySelector.getDefault();
        List<Proxy> set = system == null ? List.of() : system.select(uri);
        if (set.stream().anyMatch(proxy -> proxy.type() == Proxy.Type.HTTP)) {
            return set;
        }
        boolean direct = isDirect(uri.getHost().toLowerCase(Locale.ROOT));
        return List.of(direct ? Proxy.NO_PROXY : proxy(uri.getScheme().toUpperCase(Locale.ROOT) + "_PROXY"));
    }

    /** Names what an address is reached through; empty where nothing is between. */
    static String through(ProxySelector proxies, URI uri) {
        return proxies.select(uri).stream()
                .filter(proxy -> proxy.address() instanceof InetSocketAddress)
                .map(proxy -> (InetSocketAddress) proxy.address())
                .map(address -> " through the proxy " + address.getHostString() + ":" + address.getPort()
                        + ", which HTTPS_PROXY, HTTP_PROXY or the JVM's https.proxyHost names")
                .findFirst()
                .orElse("");
    }

    @Override
    public void connectFailed(URI uri, SocketAddress address, IOException e) {
        // the request itself fails, and says so
    }
}
