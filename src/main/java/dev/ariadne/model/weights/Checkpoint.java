package dev.ariadne.model.weights;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import java.util.Set;

/**
 * A file of named arrays: safetensors or GGUF.
 *
 * <pre>{@code
 * try (var checkpoint = Checkpoint.open(Path.of("SmolLM2-135M-Instruct.Q4_1.gguf"))) {
 *     checkpoint.names();                                     // in file order
 *     checkpoint.read(manager, "blk.0.attn_q.weight");        // [dModel, dModel], float32
 * }
 * }</pre>
 *
 * <p>Opening reads and checks the header only. Every tensor is read when it is asked for, and belongs to the manager it
 * is read into; closing the checkpoint leaves those arrays as they are. Large float32 tensors of a safetensors file are
 * mapped, not copied: do not change such a file in place while its arrays are in use (replacing it is fine).
 */
public final class Checkpoint implements AutoCloseable {
    /** The layout of the file. */
    public enum Format {
        /** A JSON header and plain arrays. */
        SAFETENSORS,
        /** Metadata, tokenizer and (mostly quantised) arrays. */
        GGUF
    }

    private final Path path;
    private final Format format;
    private final FileChannel channel;
    private final FileIndex index;
    private final TensorReader reader;

    private Checkpoint(Path path, Format format, FileChannel channel, FileIndex index, TensorReader reader) {
        this.path = path;
        this.format = format;
        this.channel = channel;
        this.index = index;
        this.reader = reader;
    }

    /**
     * Opens a {@code .safetensors} or {@code .gguf} file (told apart by their content), or the one such file in a folder.
     *
     * @throws IOException naming the path, what is wrong and what to do, if there is no such file, or if its header does
     *     not fit the file
     */
    public static Checkpoint open(Path fileOrFolder) throws IOException {
        return open(fileOrFolder, TensorReader.MOST_BUFFER_BYTES);
    }

    static Checkpoint open(Path fileOrFolder, long mostBufferBytes) throws IOException {
        Path path = Files.isDirectory(fileOrFolder) ? ModelFolder.weightsIn(fileOrFolder) : fileOrFolder;
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
            FileIndex index = format == Format.GGUF ? Gguf.read(channel, path) : Safetensors.read(channel, path);
            TensorReader reader = new TensorReader(channel, writable, new Damage(path), mostBufferBytes);
            Checkpoint checkpoint = new Checkpoint(path, format, channel, index, reader);
            opened = true;
            return checkpoint;
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

    /** The file the arrays come from; inside the folder if a folder was opened. */
    public Path path() {
        return path;
    }

    /** The layout of the file, as found in it. */
    public Format format() {
        return format;
    }

    /** The names of all tensors, in file order. */
    public Set<String> names() {
        return index.tensors().keySet();
    }

    /** Whether the file has a tensor of this name. */
    public boolean contains(String name) {
        return index.tensors().containsKey(name);
    }

    /** The tensor's sizes in row-major order, slowest first (GGUF files list them the other way round). */
    public long[] shape(String name) {
        return entry(name).shape().getShape().clone();
    }

    /** How the values are stored: {@code F32}, {@code BF16}, {@code Q4_1}, … */
    public String storedType(String name) {
        return entry(name).type().name();
    }

    /**
     * The key/value pairs of the file: for GGUF {@code String}, {@code Long}, {@code Double}, {@code Boolean} or a
     * {@code List} of these; for safetensors the strings of {@code __metadata__}. In file order, unmodifiable.
     */
    public Map<String, Object> metadata() {
        return index.metadata();
    }

    /**
     * Reads one tensor: floats and quantised values become float32, integers, truth values and doubles keep their type.
     *
     * @param manager owns the array, and its device is where the array lies
     * @return the array, of shape {@link #shape}
     * @throws IllegalArgumentException if there is no such tensor (the nearest names are given), or the engine has no such
     *     type
     * @throws IOException if the file cannot be read
     */
    public NDArray read(NDManager manager, String name) throws IOException {
        TensorEntry entry = entry(name);
        if (!entry.type().isReadable()) {
            throw new IllegalArgumentException("tensor " + Damage.quote(name) + " of " + path + " is stored as "
                    + entry.type() + ", which the engine cannot hold; types that are read: " + StoredType.readable()
                    + "; convert the tensor to one of these");
        }
        if (!channel.isOpen()) {
            throw new IllegalStateException("the checkpoint " + path + " is closed; open it again to read "
                    + Damage.quote(name) + ", and keep it open until all tensors are read");
        }
        return reader.read(manager, entry);
    }

    private TensorEntry entry(String name) {
        TensorEntry entry = index.tensors().get(name);
        if (entry == null) {
            throw new IllegalArgumentException("no tensor " + Damage.quote(name) + " in " + path + "; nearest names: "
                    + String.join(", ", NearestNames.of(name, names(), 3)) + "; all are in names()");
        }
        return entry;
    }

    /** Closes the file; arrays read from it stay valid. */
    @Override
    public void close() throws IOException {
        channel.close();
    }

    @Override
    public String toString() {
        return "Checkpoint[" + path.getFileName() + ", " + format + ", " + names().size() + " tensors]";
    }
}
