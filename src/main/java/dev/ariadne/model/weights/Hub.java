package dev.ariadne.model.weights;

import dev.ariadne.model.weights.HubListing.HubFile;
import java.io.IOException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.function.Predicate;

/**
 * Models by the name they have on the Hugging Face hub, from the cache that Python's tools share, or downloaded into it.
 *
 * <p>Obeys {@code HF_HUB_CACHE}, {@code HF_HOME}, {@code HF_ENDPOINT}, {@code HF_TOKEN} and {@code HF_HUB_OFFLINE}. A
 * download goes on where an interrupted one ended, and a file gets its name only when its hash is right.
 */
public final class Hub {
    private final HubSettings settings;
    private final HubCache cache;

    Hub(HubSettings settings) {
        this.settings = settings;
        this.cache = new HubCache(settings.cache(), settings.links());
    }

    /**
     * Finds a model's folder, and downloads what it needs if the cache lacks it.
     *
     * @param model "org/name", or a short name such as "gpt2" or "pythia-70m"; "@revision" may follow
     * @return the folder with config.json, safetensors and the tokenizer's files
     * @throws IllegalArgumentException when the text is no such name, the hub has no such model, or it is one that is not
     *     fetched automatically
     * @throws IOException when it cannot be fetched, with what to do
     * @throws CancellationException when the thread is interrupted; what has come is kept for the next time
     */
    public static Path folder(String model) throws IOException {
        HubId id = HubId.of(model); // before the settings: a typing mistake is the likelier one
        return new Hub(HubSettings.of(System.getenv(), Path.of(System.getProperty("user.home")))).folder(id);
    }

    /**
     * Finds files of a repository, and downloads those that the cache lacks.
     *
     * @param repository "org/name"; "@revision" may follow
     * @param names paths in the repository, such as "config.yaml" or "layer_0/params.npz"
     * @return the folder in which they lie under these paths
     * @throws IllegalArgumentException when there is no such repository, or a name is none
     * @throws IOException when they cannot be fetched, with what to do
     * @throws CancellationException when the thread is interrupted; what has come is kept for the next time
     */
    public static Path files(String repository, List<String> names) throws IOException {
        HubId id = HubId.of(repository);
        return new Hub(HubSettings.of(System.getenv(), Path.of(System.getProperty("user.home")))).files(id, names);
    }

    /**
     * Finds all files of a repository that have certain names, and downloads those that the cache lacks. Which there are is asked of the hub;
     * where that cannot be, those in the cache are all.
     *
     * @param repository "org/name"; "@revision" may follow
     * @param wanted says whether a path in the repository is wanted
     * @return the folder in which they lie under their paths
     * @throws IllegalArgumentException when there is no such repository
     * @throws IOException when there are none, or they cannot be fetched, with what to do
     * @throws CancellationException when the thread is interrupted; what has come is kept for the next time
     */
    public static Path filesNamed(String repository, Predicate<String> wanted) throws IOException {
        HubId id = HubId.of(repository);
        return new Hub(HubSettings.of(System.getenv(), Path.of(System.getProperty("user.home"))))
                .filesNamed(id, wanted);
    }

    Path filesNamed(HubId id, Predicate<String> wanted) throws IOException {
        Optional<Path> cached = cache.find(id, folder -> HubCache.has(folder, wanted));
        if (cached.isPresent() && settings.offline()) {
            return cached.get();
        }
        return found(id, Optional::empty, () -> {
            HubHttp http = new HubHttp(settings, id);
            HubListing listing;
            try {
                listing = listing(http, id);
            } catch (IOException e) {
                if (cached.isPresent()) {
                    return cached.get(); // no connection
                }
                throw e;
            }
            List<String> names =
                    listing.files().keySet().stream().filter(wanted).toList();
            if (names.isEmpty()) {
                throw new IOException(id + " has none of the files that are looked for; it holds "
                        + String.join(", ", listing.files().keySet()));
            }
            return fetch(http, listing, snapshot -> listing.checked(names, "it is listed"));
        });
    }

    Path files(HubId id, List<String> names) throws IOException {
        for (String name : names) {
            if (!HubListing.isPlain(name)) {
                throw new IllegalArgumentException(Damage.quote(name) + " is no file of " + id
                        + ": a name is of letters," + " digits, '.', '_', '+' and '-', with '/' between folders");
            }
        }
        return found(
                id,
                () -> cache.find(
                        id, folder -> names.stream().allMatch(name -> Files.isRegularFile(folder.resolve(name)))),
                () -> {
                    HubHttp http = new HubHttp(settings, id);
                    HubListing listing = listing(http, id);
                    return fetch(http, listing, snapshot -> listing.checked(names, "it is asked for"));
                });
    }

    Path folder(HubId id) throws IOException {
        if (id.isGemma() && cache.find(id).isEmpty()) {
            throw gemma(id);
        }
        return found(id, () -> cache.find(id), () -> {
            HubHttp http = new HubHttp(settings, id);
            HubListing listing = listing(http, id);
            listing.requireWeights();
            return fetch(
                    http,
                    listing,
                    snapshot -> listing.small(),
                    listing::weights); // last: a snapshot with weights is complete
        });
    }

    /** Looks into the cache. */
    private interface Look {
        Optional<Path> look() throws IOException;
    }

    /** Fetches what the cache has not. */
    private interface Fetch {
        Path fetch() throws IOException, InterruptedException;
    }

    private Path found(HubId id, Look look, Fetch fetch) throws IOException {
        Optional<Path> cached = look.look();
        if (cached.isPresent()) {
            return cached.get();
        }
        if (settings.offline()) {
            throw new IllegalArgumentException(id + " is not in " + settings.cache()
                    + ", and HF_HUB_OFFLINE forbids to download it; unset it, or set HF_HUB_CACHE to where it is");
        }
        try {
            return downloadAlone(id, look, fetch);
        } catch (InterruptedException | ClosedByInterruptException e) {
            Thread.currentThread().interrupt();
            throw (CancellationException) new CancellationException("interrupted while downloading " + id
                            + "; what has come is kept: run the cell again to go on")
                    .initCause(e);
        }
    }

    private Path downloadAlone(HubId id, Look look, Fetch fetch) throws IOException, InterruptedException {
        FileChannel lock = cache.lock(id);
        try {
            Optional<Path> meanwhile = look.look();
            return meanwhile.isPresent() ? meanwhile.get() : fetch.fetch();
        } finally {
            lock.close();
        }
    }

    private HubListing listing(HubHttp http, HubId id) throws IOException, InterruptedException {
        HubListing listing = HubListing.fetch(http, id);
        if (listing.gemma()) {
            throw gemma(id);
        }
        return listing;
    }

    /** Files to fetch, which may depend on those that lie in the snapshot already. */
    private interface Wanted {
        List<HubFile> in(Path snapshot) throws IOException;
    }

    /** Fetches them one list after the other, and says only then which commit is there. */
    private Path fetch(HubHttp http, HubListing listing, Wanted... wanted) throws IOException, InterruptedException {
        HubId id = listing.id();
        Path blobs = cache.blobs(id);
        Path snapshot = cache.snapshot(id, listing.commit());
        HubDownload download = new HubDownload(http, listing, blobs, settings.disk());
        for (Wanted some : wanted) {
            List<HubFile> files = some.in(snapshot);
            download.fetch(files);
            for (HubFile file : files) {
                cache.place(blobs.resolve(file.hash()), snapshot, file.name());
            }
        }
        cache.writeRef(id, listing.commit());
        return snapshot;
    }

    private IllegalArgumentException gemma(HubId id) {
        String page = settings.endpoint() + "/" + id.name();
        return new IllegalArgumentException(id
                + " is under the Gemma terms, so it is never fetched automatically, and it"
                + " is not in " + settings.cache() + ". Accept the licence at " + page + ", fetch it yourself with"
                + " 'hf auth login' and 'hf download " + id.name() + "', and load it again");
    }
}
