package dev.ariadne.model.weights;

import dev.ariadne.model.weights.HubBody.Dropped;
import dev.ariadne.model.weights.HubHttp.Answer;
import dev.ariadne.model.weights.HubListing.HubFile;
import dev.ariadne.view.Progress;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Fetches files of one model into its blobs, going on where an earlier attempt ended. */
final class HubDownload {
    private static final int MEGABYTE = 1_000_000;
    private static final long MUCH = 16L * MEGABYTE; // so much in one go, and the attempts count anew

    private final HubHttp http;
    private final HubListing listing;
    private final Path blobs;
    private final HubSettings.Disk disk;

    HubDownload(HubHttp http, HubListing listing, Path blobs, HubSettings.Disk disk) {
        this.http = http;
        this.listing = listing;
        this.blobs = blobs;
        this.disk = disk;
    }

    /** Makes each of these files a blob that is whole and has the right hash. */
    void fetch(List<HubFile> files) throws IOException, InterruptedException {
        List<HubFile> missing = new ArrayList<>();
        long bytes = 0;
        for (HubFile file : files) {
            Path blob = blobs.resolve(file.hash());
            if (!Files.isRegularFile(blob) || Files.size(blob) != file.size()) {
                missing.add(file);
                bytes += file.size() - HubPartial.sizeOf(file, blobs);
            }
        }
        long free = disk.free(blobs);
        if (bytes > free) {
            throw new IOException(listing.id() + " needs " + bytes / MEGABYTE + " MB more in " + blobs + ", where "
                    + free / MEGABYTE + " MB are free; make room, or set HF_HUB_CACHE to a folder on another disk");
        }
        try (Progress progress = Progress.of("downloading " + listing.id() + " (MB)", bytes / MEGABYTE)) {
            Meter meter = new Meter(progress, bytes / MEGABYTE);
            for (HubFile file : missing) {
                fetch(file, meter);
            }
        }
    }

    private void fetch(HubFile file, Meter meter) throws IOException, InterruptedException {
        try (HubPartial partial = HubPartial.open(file, blobs)) {
            while (!partial.isWhole()) {
                long before = partial.size();
                http.repeated("downloading " + file.name() + " of " + listing.id(), HubHttp.ATTEMPTS, () -> {
                    try {
                        receive(file, partial, meter);
                    } catch (Dropped e) {
                        if (partial.size() - before < MUCH) {
                            throw e;
                        }
                    }
                    return partial;
                });
            }
            partial.finish();
        }
    }

    private void receive(HubFile file, HubPartial partial, Meter meter) throws IOException, InterruptedException {
        if (partial.isWhole()) {
            return;
        }
        String path = "/" + listing.id().name() + "/resolve/" + listing.commit() + "/" + file.name();
        try (Answer answer = http.get(path, partial.size())) {
            String range = answer.headers().firstValue("Content-Range").orElse("");
            boolean goesOn = answer.status() == 206 && range.startsWith("bytes " + partial.size() + "-");
            if (!goesOn) {
                partial.restart();
            }
            if (!goesOn && answer.status() != 200) {
                throw new Dropped("the server does not go on where the download ended");
            }
            long rest = file.size() - partial.size();
            long said = answer.headers().firstValueAsLong("Content-Length").orElse(rest);
            if (said != rest) {
                throw new IOException("the server offers " + said + " bytes for " + file.name() + " of " + listing.id()
                        + ", but the hub's list of files says " + rest + "; try again later, or another HF_ENDPOINT");
            }
            for (List<ByteBuffer> piece = answer.body().next();
                    !piece.isEmpty();
                    piece = answer.body().next()) {
                for (ByteBuffer bytes : piece) {
                    meter.count(bytes.remaining(), file.name());
                    partial.append(bytes);
                }
            }
        }
        if (!partial.isWhole()) {
            throw new Dropped("the connection ended after " + partial.size() + " of " + file.size() + " bytes");
        }
    }

    /** Turns bytes into steps of a progress. */
    private static final class Meter {
        private final Progress progress;
        private final long total;
        private long bytes;
        private long steps;

        Meter(Progress progress, long total) {
            this.progress = progress;
            this.total = total;
        }

        void count(int more, String name) {
            bytes += more;
            while (steps < Math.min(total, bytes / MEGABYTE)) {
                steps++;
                if (!Thread.currentThread().isInterrupted()) { // else the wait for the next bytes ends, and says more
                    progress.step(name);
                }
            }
        }
    }
}
