package dev.ariadne.model.weights;

import java.io.IOException;
import java.net.ProxySelector;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Where the hub and its cache are, from the variables that Python's tools read too.
 *
 * @param endpoint the hub, without a slash at its end
 * @param cache the folder that holds {@code models--org--name}
 * @param token sent to the endpoint; empty for none
 * @param offline whether to look into the cache only
 * @param timeout how long nothing may come before a connection counts as dropped
 * @param pause before the first repetition of a request; doubled for each further one
 * @param links whether snapshots link to the files, as long as the file system can
 * @param disk says how much room is left
 * @param proxies what requests go through
 */
record HubSettings(
        URI endpoint,
        Path cache,
        String token,
        boolean offline,
        Duration timeout,
        Duration pause,
        boolean links,
        Disk disk,
        ProxySelector proxies) {
    private static final String ENDPOINT = "https://huggingface.co";
    private static final long LONGEST_TOKEN = 4096;

    /** The bytes that can still be written into a folder. */
    interface Disk {
        long free(Path folder) throws IOException;
    }

    static HubSettings of(Map<String, String> environment, Path home) throws IOException {
        String cacheHome = first(environment, "", "XDG_CACHE_HOME");
        Path caches = cacheHome.isEmpty() ? home.resolve(".cache") : path(cacheHome, home);
        String set = first(environment, "", "HF_HOME");
        Path hubHome = set.isEmpty() ? caches.resolve("huggingface") : path(set, home);
        String cache = first(environment, "", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE");
        String offline = first(environment, "", "HF_HUB_OFFLINE").toUpperCase(Locale.ROOT);
        return new HubSettings(
                endpoint(first(environment, ENDPOINT, "HF_ENDPOINT")),
                cache.isEmpty() ? hubHome.resolve("hub") : path(cache, home),
                token(environment, hubHome, home),
                List.of("1", "ON", "YES", "TRUE").contains(offline),
                Duration.ofSeconds(30),
                Duration.ofMillis(500),
                true,
                folder -> Files.getFileStore(folder).getUsableSpace(),
                new HubProxies(environment));
    }

    private static URI endpoint(String text) {
        String trimmed = text.replaceAll("/+$", "");
        try {
            URI uri = URI.create(trimmed);
            if (uri.getHost() != null && List.of("http", "https").contains(uri.getScheme())) {
                return uri;
            }
        } catch (IllegalArgumentException e) {
            // reported below, like an address of another kind
        }
        throw new IllegalArgumentException(
                "HF_ENDPOINT is '" + text + "'; it must be an address such as " + ENDPOINT + ", or unset");
    }

    private static String token(Map<String, String> environment, Path hubHome, Path home) throws IOException {
        String token = first(environment, "", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN");
        if (!token.isEmpty()) {
            return header(token, "HF_TOKEN");
        }
        String set = first(environment, "", "HF_TOKEN_PATH");
        Path file = set.isEmpty() ? hubHome.resolve("token") : path(set, home);
        boolean there = Files.isRegularFile(file) && Files.size(file) <= LONGEST_TOKEN;
        return there ? header(Files.readString(file).strip(), file.toString()) : "";
    }

    /** A token goes into a header, where a line break or a blank would be refused without a word about its origin. */
    private static String header(String token, String source) {
        if (!token.chars().allMatch(c -> c > ' ' && c < 0x7f)) {
            throw new IllegalArgumentException(
                    "the token in " + source + " has characters that no token has; copy it again from the hub");
        }
        return token;
    }

    static String first(Map<String, String> environment, String otherwise, String... names) {
        for (String name : names) {
            String value = environment.getOrDefault(name, "").strip();
            if (!value.isEmpty()) {
                return value;
            }
        }
        return otherwise;
    }

    private static Path path(String text, Path home) {
        return text.equals("~") || text.startsWith("~/")
                ? home.resolve(text.substring(1).replaceAll("^/+", ""))
                : Path.of(text);
    }

    @Override
    public String toString() {
        return "HubSettings[" + endpoint + ", " + cache + (token.isEmpty() ? "" : ", with a token")
                + "]"; // not the token
    }
}
