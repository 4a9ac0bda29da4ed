package dev.ariadne.model.weights;

import dev.ariadne.model.weights.HubBody.Dropped;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpHeaders;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.Flow;

/** Asks the hub for things: redirects, repetitions, and what its refusals mean. */
final class HubHttp {
    private static final int MOST_REDIRECTS = 10;
    private static final long MOST_LISTING_BYTES = 32 << 20;
    static final int ATTEMPTS = 5;

    private final HubSettings settings;
    private final HubId id;
    private final HttpClient client;

    HubHttp(HubSettings settings, HubId id) {
        this.settings = settings;
        this.id = id;
        this.client = HttpClient.newBuilder()
                .version(HttpClient.Version.HTTP_1_1) // one large body at a time gains nothing from HTTP/2
                .followRedirects(HttpClient.Redirect.NEVER) // the token must not go along to another host
                .connectTimeout(settings.timeout())
                .proxy(settings.proxies())
                .build();
    }

    /** An answer whose body is still to come. */
    record Answer(int status, HttpHeaders headers, HubBody body) implements AutoCloseable {
        @Override
        public void close() {
            body.close();
        }
    }

    /** One try of something; {@link Dropped} asks for another. */
    interface Attempt<T> {
        T run() throws IOException, InterruptedException;
    }

    /** Repeats an attempt while connections drop, with longer and longer pauses. */
    <T> T repeated(String what, int most, Attempt<T> attempt) throws IOException, InterruptedException {
        for (int number = 1; ; number++) {
            try {
                return attempt.run();
            } catch (Dropped e) {
                if (number >= most) {
                    throw new IOException(
                            what + " failed " + most + " times, the last time because " + e.getMessage()
                                    + "; what has come is kept: check the connection and load the model again",
                            e);
                }
                Thread.sleep(settings.pause().toMillis() << (number - 1));
            }
        }
    }

    /** The whole text at an address below the endpoint. */
    byte[] text(String path) throws IOException, InterruptedException {
        return repeated("asking " + settings.endpoint() + " for " + id, 3, () -> {
            try (Answer answer = get(path, 0)) {
                ByteArrayOutputStream all = new ByteArrayOutputStream();
                for (List<ByteBuffer> piece = answer.body().next();
                        !piece.isEmpty();
                        piece = answer.body().next()) {
                    for (ByteBuffer bytes : piece) {
                        byte[] part = new byte[bytes.remaining()];
                        bytes.get(part);
                        all.write(part);
                    }
                    if (all.size() > MOST_LISTING_BYTES) {
                        throw new IOException(address(path) + " has more than " + MOST_LISTING_BYTES
                                + " bytes, too many for a list of files; is HF_ENDPOINT right?");
                    }
                }
                return all.toByteArray();
            }
        });
    }

    URI address(String path) {
        return URI.create(settings.endpoint() + path);
    }

    /**
     * Asks for what is at an address, from a byte on.
     *
     * @return an answer of status 200, 206 or 416
     * @throws Dropped if the connection broke, or the server is busy
     */
    Answer get(String path, long from) throws IOException, InterruptedException {
        URI uri = address(path);
        for (int hops = 0; hops <= MOST_REDIRECTS; hops++) {
            Answer answer = ask(uri, from);
            switch (answer.status()) {
                case 200, 206, 416 -> {
                    return answer;
                }
                case 301, 302, 303, 307, 308 -> {
                    answer.close();
                    uri = redirected(uri, answer.headers());
                }
                default -> {
                    answer.close();
                    throw refusal(answer, uri);
                }
            }
        }
        throw new IOException(address(path) + " redirects more than " + MOST_REDIRECTS
                + " times; is HF_ENDPOINT right? Else try again later");
    }

    private Answer ask(URI uri, long from) throws IOException, InterruptedException {
        HttpRequest.Builder request =
                HttpRequest.newBuilder(uri).timeout(settings.timeout()).header("User-Agent", "ariadne");
        if (from > 0) {
            request.header("Range", "bytes=" + from + "-");
        }
        if (!settings.token().isEmpty() && isEndpoint(uri)) {
            request.header("Authorization", "Bearer " + settings.token());
        }
        HttpResponse<Flow.Publisher<List<ByteBuffer>>> response;
        try {
            response = client.send(request.build(), HttpResponse.BodyHandlers.ofPublisher());
        } catch (IOException e) { // also time-outs, and hosts without an address
            String why = e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
            throw new Dropped(uri.getHost() + " did not answer" + through(uri) + " (" + why + ")", e);
        }
        if (response.statusCode() == 407) { // of the proxy, and without a body
            throw new IOException("cannot reach " + uri.getHost() + through(uri)
                    + ": it asks for a name and a password (status 407), which cannot be given here; fetch the files of "
                    + settings.endpoint() + "/" + id.name() + " by other means and load their folder");
        }
        HubBody body = new HubBody(settings.timeout());
        response.body().subscribe(body);
        return new Answer(response.statusCode(), response.headers(), body);
    }

    private String through(URI uri) {
        return HubProxies.through(settings.proxies(), uri);
    }

    private boolean isEndpoint(URI uri) {
        URI endpoint = settings.endpoint();
        return endpoint.getScheme().equals(uri.getScheme())
                && endpoint.getHost().equalsIgnoreCase(uri.getHost())
                && endpoint.getPort() == uri.getPort();
    }

    private static URI redirected(URI from, HttpHeaders headers) throws IOException {
        String location = headers.firstValue("Location").orElse("");
        URI to;
        try {
            to = from.resolve(location);
        } catch (IllegalArgumentException e) {
            throw new IOException(from + " redirects to " + Damage.quote(location) + ", which is no address", e);
        }
        boolean safe =
                "https".equals(to.getScheme()) || ("http".equals(to.getScheme()) && "http".equals(from.getScheme()));
        if (location.isEmpty() || to.getHost() == null || !safe) {
            throw new IOException(from + " redirects to " + Damage.quote(location)
                    + "; only http and https addresses are followed, and from https only https");
        }
        return to;
    }

    private IOException refusal(Answer answer, URI uri) {
        int status = answer.status();
        if (status == 408 || status == 429 || status >= 500) {
            return new Dropped(uri.getHost() + " is busy or broken (status " + status + ")");
        }
        if (!isEndpoint(uri) || (status == 404 && uri.getPath().contains("/resolve/"))) {
            return new IOException(uri.getScheme() + "://" + uri.getHost() + uri.getPath() + " answers with status "
                    + status + "; try again later, or look at " + settings.endpoint() + "/" + id.name());
        }
        String code = answer.headers().firstValue("X-Error-Code").orElse("");
        String page = settings.endpoint() + "/" + id.name();
        if (code.equals("RevisionNotFound")) {
            throw new IllegalArgumentException(id.name() + " has no revision '" + id.revision() + "'; see " + page);
        }
        boolean gated = status == 403 || code.equals("GatedRepo");
        if (gated
                || (status == 401
                        && !code.equals("RepoNotFound")
                        && !settings.token().isEmpty())) {
            return new IOException("access to " + id + " was refused (status " + status + "): open " + page
                    + ", accept the licence there, and set HF_TOKEN to a token of the account that did");
        }
        if (status == 401 || status == 404) {
            throw new IllegalArgumentException("no model '" + id.name() + "' can be seen at " + settings.endpoint()
                    + " (status " + status + "); near names: "
                    + String.join(", ", NearestNames.of(id.name(), HubId.ALIASES.values(), 3))
                    + ". If it exists, it is private or gated: accept its licence at " + page + " and set HF_TOKEN");
        }
        return new IOException(uri + " answers with status " + status + "; try again later, or look at " + page);
    }
}
