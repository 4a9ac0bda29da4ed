package dev.ariadne.model.weights;

import dev.ariadne.model.weights.Checkpoint.Format;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** One open file of arrays, its header read and checked: a whole checkpoint, or a shard of one. */
record StoredFile(Path path, Format format, FileChannel channel, FileIndex index, TensorReader reader)
        implements AutoCloseable {

    static StoredFile open(Path path, long mostBufferBytes) throws IOException {
        boolean writable = true;
        FileChannel channel;
        try { // nothing is ever written: a private mapping needs a channel that could
            channel = FileChannel.open(path, StandardOpenOption.READ, StandardOpenOption.WRITE);
        } catch (FileSystemException | UnsupportedOperationException e) {
            writable = false;
            channel = openToRead(path);
        }
        boolean opened = false;
        try {
            Format format = formatOf(channel, path);
            FileIndex index = switch (format) {
                case GGUF -> Gguf.read(channel, path);
                case NPZ -> Npz.read(channel, path);
                case SAFETENSORS -> Safetensors.read(channel, path);
            };
            TensorReader reader = new TensorReader(channel, writable, new Damage(path), mostBufferBytes);
            StoredFile file = new StoredFile(path, format, channel, index, reader);
            opened = true;
            return file;
        } finally {
            if (!opened) {
                channel.close();
            }
        }
    }

    private static FileChannel openToRead(Path path) throws IOException {
        try {
            return FileChannel.open(path, StandardOpenOption.READ);
        } catch (NoSuchFileException e) {
            throw new NoSuchFileException(
                    path.toString(), null, "there is no such file or folder; look for the path with Files.exists");
        } catch (AccessDeniedException e) {
            throw new AccessDeniedException(path.toString(), null, "the file may not be read; check its permissions");
        }
    }

    private static Format formatOf(FileChannel channel, Path path) throws IOException {
        ByteBuffer head = ByteBuffer.allocate(16).order(ByteOrder.LITTLE_ENDIAN);
        int step = 0;
        while (step >= 0 && head.hasRemaining()) {
            step = channel.read(head, head.position());
        }
        head.flip();
        if (head.remaining() >= 4 && head.getInt(0) == Gguf.MAGIC) {
            return Format.GGUF;
        }
        boolean named = path.toString().endsWith(".safetensors");
        if (named || (head.remaining() >= 9 && head.get(8) == '{')) {
            return Format.SAFETENSORS;
        }
        String text = StandardCharsets.ISO_8859_1.decode(head).toString();
        if (text.startsWith("PK") && path.toString().endsWith(".npz")) {
            return Format.NPZ;
        }
        String detail = "the file begins with " + Damage.quote(text) + ", neither as GGUF nor as safetensors do";
        Damage damage = new Damage(path);
        if (text.startsWith("version https:")) {
            throw damage.unsupported(
                    detail, "It is a Git LFS pointer, not the model: run 'git lfs pull' or download the file itself");
        }
        if (text.startsWith("PK") || text.startsWith("\u0080")) {
            throw damage.unsupported(
                    detail, "It looks like a PyTorch pickle, which can run code when read: convert it to safetensors");
        }
        throw damage.of(detail);
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
