package dev.ariadne.model.weights;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Models on this machine, laid out as Python's {@code huggingface_hub} does it, so that both find what the other fetched:
 * {@code blobs/<hash>} are the files, {@code snapshots/<commit>/<name>} link to them, {@code refs/<revision>} is a commit.
 */
final class HubCache {
    private static final Pattern FOLDER = Pattern.compile("[\\p{Alnum}_-]+");
    private static final int LONGEST_REF = 100;
    private static final int DEEPEST = 8; // folders
    private static final long LOCK_MILLIS = 200;

    private final Path root;
    private final boolean links;

    HubCache(Path root, boolean links) {
        this.root = root;
        this.links = links;
    }

    /** The folder with a model's configuration and all its weights, if they are there. */
    Optional<Path> find(HubId id) throws IOException {
        return find(id, HubCache::isComplete);
    }

    /** The folder of a revision that has what is wanted. */
    Optional<Path> find(HubId id, Predicate<Path> wanted) throws IOException {
        for (String folder : id.cacheFolders()) {
            Path ref = root.resolve(folder).resolve("refs").resolve(id.revision());
            String commit = id.revision();
            if (Files.isRegularFile(ref) && Files.size(ref) <= LONGEST_REF) {
                commit = Files.readString(ref).strip();
            }
            if (FOLDER.matcher(commit).matches()) {
                Path snapshot = root.resolve(folder).resolve("snapshots").resolve(commit);
                if (wanted.test(snapshot)) {
                    return Optional.of(snapshot);
                }
            }
        }
        return Optional.empty();
    }

    /** Whether a snapshot has a file of such a name. */
    static boolean has(Path snapshot, Predicate<String> wanted) {
        if (!Files.isDirectory(snapshot)) {
            return false;
        }
        try (Stream<Path> files = Files.walk(snapshot, DEEPEST)) {
            return files.filter(Files::isRegularFile)
                    .map(file -> snapshot.relativize(file).toString().replace('\\', '/'))
                    .anyMatch(wanted);
        } catch (IOException | UncheckedIOException e) {
            return false; // what cannot be looked through is fetched
        }
    }

    private static boolean isComplete(Path snapshot) {
        if (!Files.isDirectory(snapshot)) {
            return false;
        }
        try {
            Path weights = ModelFolder.weightsIn(snapshot);
            if (weights.toString().endsWith(ShardIndex.SUFFIX)) {
                for (String shard : ShardIndex.read(weights).shards()) {
                    if (!Files.isRegularFile(snapshot.resolve(shard))) {
                        return false;
                    }
                }
            }
            boolean configured = Files.isRegularFile(snapshot.resolve("config.json"));
            return Files.isRegularFile(weights)
                    && (configured || weights.toString().endsWith(".gguf"));
        } catch (IOException e) {
            return false; // what is half there, or damaged, is fetched
        }
    }

    private Path repository(HubId id) {
        return root.resolve(id.cacheFolders().get(0));
    }

    Path snapshot(HubId id, String commit) throws IOException {
        return Files.createDirectories(repository(id).resolve("snapshots").resolve(commit));
    }

    Path blobs(HubId id) throws IOException {
        return Files.createDirectories(repository(id).resolve("blobs"));
    }

    /** Gives a complete file its name in a snapshot. */
    void place(Path blob, Path snapshot, String name) throws IOException {
        Path target = snapshot.resolve(name);
        if (Files.isRegularFile(target)) {
            return;
        }
        Path folder = Files.createDirectories(Objects.requireNonNull(target.getParent(), "a file in a snapshot"));
        Files.deleteIfExists(target); // a link to a file that is gone
        if (links) {
            try {
                Files.createSymbolicLink(target, folder.relativize(blob));
                return;
            } catch (FileSystemException | UnsupportedOperationException e) {
                // some systems allow links to administrators only, some file systems to nobody: copied below
            }
        }
        Path half = snapshot.resolve(name + ".incomplete");
        Files.copy(blob, half, StandardCopyOption.REPLACE_EXISTING);
        Files.move(half, target, StandardCopyOption.ATOMIC_MOVE);
    }

    void writeRef(HubId id, String commit) throws IOException {
        if (id.revision().equals(commit)) {
            return;
        }
        Path refs = Files.createDirectories(repository(id).resolve("refs"));
        Path half = Files.writeString(refs.resolve(id.revision() + ".incomplete"), commit);
        Files.move(half, refs.resolve(id.revision()), StandardCopyOption.ATOMIC_MOVE);
    }

    /** Waits until no other download of this model runs, in this process or another; closing the channel ends the wait. */
    FileChannel lock(HubId id) throws IOException, InterruptedException {
        Path folder = Files.createDirectories(
                root.resolve(".locks").resolve(id.cacheFolders().get(0)));
        FileChannel channel =
                FileChannel.open(folder.resolve("ariadne.lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        boolean locked = false;
        try {
            while (!isLocked(channel)) {
                Thread.sleep(LOCK_MILLIS);
            }
            locked = true;
            return channel;
        } finally {
            if (!locked) {
                channel.close();
            }
        }
    }

    private static boolean isLocked(FileChannel channel) throws IOException {
        try {
            return channel.tryLock() != null;
        } catch (OverlappingFileLockException e) {
            return false; // another thread has it
        } catch (ClosedChannelException e) {
            throw e;
        } catch (IOException e) {
            return true; // a network file system without locks: the hashes find what two writers have mixed
        }
    }
}
