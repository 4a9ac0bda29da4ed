package dev.ariadne.model.weights;

import dev.ariadne.model.weights.HubListing.HubFile;
import java.io.IOException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CancellationException;

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

    Path folder(HubId id) throws IOException {
        Optional<Path> cached = cache.find(id);
        if (cached.isPresent()) {
            return cached.get();
        }
        if (id.isGemma()) {
            throw gemma(id);
        }
        if (settings.offline()) {
            throw new IllegalArgumentException(id + " is not in " + settings.cache()
                    + ", and HF_HUB_OFFLINE forbids to download it; unset it, or set HF_HUB_CACHE to where it is");
        }
        try {
            return downloadAlone(id);
        } catch (InterruptedException | ClosedByInterruptException e) {
            Thread.currentThread().interrupt();
            throw (CancellationException) new CancellationException("interrupted while downloading " + id
                            + "; what has come is kept: run the cell again to go on")
                    .initCause(e);
        }
    }

    private Path downloadAlone(HubId id) throws IOException, InterruptedException {
        FileChannel lock = cache.lock(id);
        try {
            Optional<Path> meanwhile = cache.find(id);
            return meanwhile.isPresent() ? meanwhile.get() : download(id);
        } finally {
            lock.close();
        }
    }

    private Path download(HubId id) throws IOException, InterruptedException {
        HubHttp http = new HubHttp(settings, id);
        HubListing listing = HubListing.fetch(http, id);
        if (listing.gemma()) {
            throw gemma(id);
        }
        listing.requireWeights();
        Path blobs = cache.blobs(id);
        Path snapshot = cache.snapshot(id, listing.commit());
        HubDownload download = new HubDownload(http, listing, blobs, settings.disk());
        fetch(download, listing.small(), blobs, snapshot);
        fetch(download, listing.weights(snapshot), blobs, snapshot); // last: a snapshot with weights is complete
        cache.writeRef(id, listing.commit());
        return snapshot;
    }

    private void fetch(HubDownload download, List<HubFile> files, Path blobs, Path snapshot)
            throws IOException, InterruptedException {
        download.fetch(files);
        for (HubFile file : files) {
            cache.place(blobs.resolve(file.hash()), snapshot, file.name());
        }
    }

    private IllegalArgumentException gemma(HubId id) {
        String page = settings.endpoint() + "/" + id.name();
        return new IllegalArgumentException(id
                + " is under the Gemma terms, so it is never fetched automatically, and it"
                + " is not in " + settings.cache() + ". Accept the licence at " + page + ", fetch it yourself with"
                + " 'hf auth login' and 'hf download " + id.name() + "', and load it again");
    }
}
