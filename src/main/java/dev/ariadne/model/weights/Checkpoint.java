package dev.ariadne.model.weights;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/**
 * Named arrays in a file, or in several that make one model: safetensors, GGUF or NPZ.
 *
 * <pre>{@code
 * try (var checkpoint = Checkpoint.open(Path.of("model.gguf"))) {
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
        GGUF,
        /** A zip of NumPy's arrays, not compressed. */
        NPZ
    }

    private final Path path;
    private final List<StoredFile> files;
    private final Map<String, StoredFile> fileOf;

    private Checkpoint(Path path, List<StoredFile> files) {
        this.path = path;
        this.files = List.copyOf(files);
        Map<String, StoredFile> byTensor = new LinkedHashMap<>();
        files.forEach(file -> file.index().tensors().keySet().forEach(name -> byTensor.put(name, file)));
        this.fileOf = Collections.unmodifiableMap(byTensor);
    }

    /**
     * Opens a {@code .safetensors}, {@code .gguf} or {@code .npz} file (told apart by their content), a {@code .safetensors.index.json}
     * with its shards beside it, or the one of these in a folder.
     *
     * @throws IOException naming the path, what is wrong and what to do, if there is no such file, if its header does
     *     not fit the file, or if an index does not fit its shards
     */
    public static Checkpoint open(Path fileOrFolder) throws IOException {
        return open(fileOrFolder, TensorReader.MOST_BUFFER_BYTES);
    }

    static Checkpoint open(Path fileOrFolder, long mostBufferBytes) throws IOException {
        Path path = Files.isDirectory(fileOrFolder) ? ModelFolder.weightsIn(fileOrFolder) : fileOrFolder;
        boolean sharded = path.toString().endsWith(ShardIndex.SUFFIX) && Files.isRegularFile(path);
        List<StoredFile> files = new ArrayList<>();
        boolean opened = false;
        try {
            if (sharded) {
                openShards(ShardIndex.read(path), files, mostBufferBytes);
            } else {
                files.add(StoredFile.open(path, mostBufferBytes));
            }
            Checkpoint checkpoint = new Checkpoint(path, files);
            opened = true;
            return checkpoint;
        } finally {
            if (!opened) {
                closeAll(files);
            }
        }
    }

    private static void openShards(ShardIndex index, List<StoredFile> files, long mostBufferBytes) throws IOException {
        Damage damage = new Damage(index.path());
        Map<String, List<String>> found = new LinkedHashMap<>();
        for (String shard : index.shards()) {
            Path path = index.path().resolveSibling(shard);
            if (!Files.isRegularFile(path)) {
                throw damage.unsupported(
                        "the index names the shard " + shard + ", which is not beside it", "Download that file too");
            }
            StoredFile file = StoredFile.open(path, mostBufferBytes);
            files.add(file);
            if (file.format() != Format.SAFETENSORS) {
                throw damage.of("the shard " + shard + " is a " + file.format() + " file; shards are safetensors");
            }
            for (String name : file.index().tensors().keySet()) {
                found.computeIfAbsent(name, n -> new ArrayList<>()).add(shard);
            }
        }
        index.requireAgreement(found);
    }

    /**
     * Writes arrays as one safetensors file, in their order. The file appears when it is whole, in place of an older one.
     *
     * @param file in a folder that exists
     * @param arrays of type FLOAT32, FLOAT64, FLOAT16, INT64 or INT32, by name
     * @param metadata what {@link #metadata} will say
     * @throws IllegalArgumentException naming an array of another type
     */
    public static void write(Path file, Map<String, NDArray> arrays, Map<String, String> metadata) throws IOException {
        SafetensorsWriter.write(file, arrays, metadata);
    }

    /** The file the arrays come from, or the index of its shards; inside the folder if a folder was opened. */
    public Path path() {
        return path;
    }

    /** The layout of the file, as found in it. */
    public Format format() {
        return files.get(0).format();
    }

    /** The names of all tensors, in file order; shards one after the other. */
    public Set<String> names() {
        return fileOf.keySet();
    }

    /** Whether the file has a tensor of this name. */
    public boolean contains(String name) {
        return fileOf.containsKey(name);
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
     * {@code List} of these; for safetensors the strings of {@code __metadata__} (in the first shard). In file order,
     * unmodifiable.
     */
    public Map<String, Object> metadata() {
        return files.get(0).index().metadata();
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
        return read(manager, name, true);
    }

    /**
     * Reads one tensor into memory of its own, never mapped: for an array that is soon replaced by another form of it, so
     * that the two do not add up; see {@link #read}.
     */
    public NDArray readCopy(NDManager manager, String name) throws IOException {
        return read(manager, name, false);
    }

    /**
     * Reads some rows of a tensor: what lies along its last axis, counted over all others.
     *
     * @param manager owns the array
     * @param rows which, from 0, in the order wanted; neighbors are read together
     * @return [chosen, as wide as the last axis], of the type that {@link #read} gives
     * @throws IllegalArgumentException if there is no such tensor or row, or the rows together have more than 1 GiB
     * @throws IOException if the file cannot be read
     */
    public NDArray readRows(NDManager manager, String name, long... rows) throws IOException {
        TensorEntry entry = readable(name);
        return file(name).reader().readRows(manager, entry, rows);
    }

    /** Whether {@link #read} maps a tensor, so that what is never looked at is never read. */
    public boolean isMapped(String name) {
        TensorEntry entry = entry(name);
        return Objects.requireNonNull(fileOf.get(name)).reader().canMap(entry);
    }

    private NDArray read(NDManager manager, String name, boolean map) throws IOException {
        TensorEntry entry = readable(name);
        return file(name).reader().read(manager, entry, map);
    }

    private TensorEntry readable(String name) {
        TensorEntry entry = entry(name);
        if (!entry.type().isReadable()) {
            throw new IllegalArgumentException("tensor " + Damage.quote(name) + " of " + path + " is stored as "
                    + entry.type() + ", which the engine cannot hold; types that are read: " + StoredType.readable()
                    + "; convert the tensor to one of these");
        }
        return entry;
    }

    private StoredFile file(String name) {
        StoredFile file = Objects.requireNonNull(fileOf.get(name)); // entry has found it
        if (!file.channel().isOpen()) {
            throw new IllegalStateException("the checkpoint " + path + " is closed; open it again to read "
                    + Damage.quote(name) + ", and keep it open until all tensors are read");
        }
        return file;
    }

    private TensorEntry entry(String name) {
        StoredFile file = fileOf.get(name);
        TensorEntry entry = file == null ? null : file.index().tensors().get(name);
        if (entry == null) {
            throw new IllegalArgumentException("no tensor " + Damage.quote(name) + " in " + path + "; nearest names: "
                    + String.join(", ", NearestNames.of(name, names(), 3)) + "; all are in names()");
        }
        return entry;
    }

    /** Closes the files; arrays read from it stay valid. */
    @Override
    public void close() throws IOException {
        closeAll(files);
    }

    private static void closeAll(List<StoredFile> files) throws IOException {
        for (StoredFile file : files) {
            file.close();
        }
    }

    @Override
    public String toString() {
        return "Checkpoint[" + path.getFileName() + ", " + format() + ", " + names().size() + " tensors"
                + (files.size() == 1 ? "]" : " in " + files.size() + " files]");
    }
}
