package dev.ariadne.model.weights;

import dev.ariadne.model.weights.HubListing.HubFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** What has come of a file: {@code <hash>.incomplete}, hashed as it grows, and renamed only when it is right. */
final class HubPartial implements AutoCloseable {
    private static final int READ_BYTES = 1 << 20;

    private final HubFile file;
    private final Path blob;
    private final Path part;
    private final FileChannel channel;
    private final MessageDigest digest;
    private long size;

    private HubPartial(HubFile file, Path blob, Path part, FileChannel channel) {
        this.file = file;
        this.blob = blob;
        this.part = part;
        this.channel = channel;
        try {
            this.digest = MessageDigest.getInstance(isGit() ? "SHA-1" : "SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError(e); // every Java has both
        }
    }

    private boolean isGit() {
        return file.hash().length() == 40;
    }

    /** How many bytes an earlier download has left. */
    static long sizeOf(HubFile file, Path blobs) throws IOException {
        Path part = blobs.resolve(file.hash() + ".incomplete");
        return Files.isRegularFile(part) ? Math.min(Files.size(part), file.size()) : 0;
    }

    /** Goes on with what an earlier download has left, if anything. */
    static HubPartial open(HubFile file, Path blobs) throws IOException {
        Path part = blobs.resolve(file.hash() + ".incomplete");
        FileChannel channel =
                FileChannel.open(part, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
        boolean opened = false;
        try {
            HubPartial partial = new HubPartial(file, blobs.resolve(file.hash()), part, channel);
            partial.restart(channel.size() > file.size() ? 0 : channel.size());
            opened = true;
            return partial;
        } finally {
            if (!opened) {
                channel.close();
            }
        }
    }

    /** Keeps the first bytes only. */
    private void restart(long kept) throws IOException {
        channel.truncate(kept);
        digest.reset();
        if (isGit()) {
            digest.update(("blob " + file.size() + "\0").getBytes(StandardCharsets.UTF_8));
        }
        ByteBuffer bytes = ByteBuffer.allocate(READ_BYTES);
        for (size = 0; size < kept; size += bytes.remaining()) {
            if (channel.read(bytes.clear(), size) < 0) {
                throw new IOException(part + " became shorter while it was read; load the model again");
            }
            digest.update(bytes.flip().duplicate());
        }
    }

    void restart() throws IOException {
        restart(0);
    }

    long size() {
        return size;
    }

    boolean isWhole() {
        return size == file.size();
    }

    void append(ByteBuffer bytes) throws IOException {
        if (bytes.remaining() > file.size() - size) {
            discard();
            throw new IOException("the server sends more than the " + file.size() + " bytes that " + file.name()
                    + " has; the download was deleted: try again later, or another HF_ENDPOINT");
        }
        digest.update(bytes.duplicate());
        while (bytes.hasRemaining()) {
            try {
                size += channel.write(bytes, size);
            } catch (ClosedByInterruptException e) {
                throw e;
            } catch (IOException e) {
                throw new IOException(
                        part + ": " + e.getMessage() + "; what has come is kept: make room and load the model again",
                        e);
            }
        }
    }

    /** Gives the whole file its final name, if its hash is right. */
    void finish() throws IOException {
        String found = HexFormat.of().formatHex(digest.digest());
        if (!found.equals(file.hash())) {
            discard();
            throw new IOException(file.name() + " came with the " + digest.getAlgorithm() + " " + found
                    + ", but the hub says " + file.hash() + "; the download was deleted: load the model again, and"
                    + " mistrust the connection or HF_ENDPOINT if it stays wrong");
        }
        channel.force(true);
        channel.close();
        Files.move(part, blob, StandardCopyOption.ATOMIC_MOVE);
    }

    private void discard() throws IOException {
        channel.close();
        Files.deleteIfExists(part);
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
