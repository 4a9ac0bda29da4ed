package dev.ariadne.model.weights;

import ai.djl.ndarray.types.Shape;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Reads the header of a GGUF file: metadata, then tensor descriptions; the data follows, aligned. */
final class Gguf {
    /** The four bytes a GGUF file begins with, as a little-endian number. */
    static final int MAGIC = 0x46554747;

    private static final int MAX_ARRAY_DEPTH = 4;
    private static final int LEAST_PAIR_BYTES = 8 + 4 + 1; // key length, type, a one-byte value
    private static final int LEAST_TENSOR_BYTES = 8 + 4 + 4 + 8; // name length, n_dims, type, offset
    private static final long DEFAULT_ALIGNMENT = 32;
    private static final long MAX_ALIGNMENT = 1 << 20;

    private final HeaderReader in;
    private final long fileSize;
    private final Damage damage;

    private Gguf(FileChannel channel, long fileSize, Damage damage) {
        this.in = new HeaderReader(channel, fileSize, damage);
        this.fileSize = fileSize;
        this.damage = damage;
    }

    static FileIndex read(FileChannel channel, Path path) throws IOException {
        return new Gguf(channel, channel.size(), new Damage(path)).index();
    }

    private FileIndex index() throws IOException {
        if (in.u32AsInt("the magic number") != MAGIC) {
            throw damage.of("the file does not begin with 'GGUF'");
        }
        int version = in.u32AsInt("the version");
        if (version != 2 && version != 3) { // 2 and 3 differ only in what big-endian files are called
            boolean bigEndian = Integer.reverseBytes(version) == 3;
            throw damage.unsupported(
                    bigEndian ? "this is a big-endian GGUF file" : "GGUF version " + Integer.toUnsignedString(version),
                    "Little-endian versions 2 and 3 are read: convert the model again with a current converter");
        }
        long tensorCount = in.count("the number of tensors", LEAST_TENSOR_BYTES);
        long pairCount = in.count("the number of metadata pairs", LEAST_PAIR_BYTES);
        Map<String, Object> metadata = new LinkedHashMap<>();
        for (long i = 0; i < pairCount; i++) {
            String key = in.string("metadata key " + i);
            String what = "value of " + Damage.quote(key);
            if (metadata.put(key, value(type(what), 0, what)) != null) {
                throw damage.of("metadata key " + Damage.quote(key) + " appears twice; keys must be unique");
            }
        }
        return tensors(tensorCount, metadata);
    }

    private GgufValue type(String what) throws IOException {
        long id = in.u32("type of the " + what);
        GgufValue[] types = GgufValue.values();
        if (id >= types.length) {
            throw damage.of("the " + what + " has type " + id + "; types are 0 to " + (types.length - 1));
        }
        return types[(int) id];
    }

    private Object value(GgufValue type, int depth, String what) throws IOException {
        if (type.isScalar()) {
            return type.scalar(ByteBuffer.wrap(in.bytes(type.bytes(), what)).order(ByteOrder.LITTLE_ENDIAN), 0);
        }
        if (type == GgufValue.STRING) {
            return in.string(what);
        }
        if (depth == MAX_ARRAY_DEPTH) {
            throw damage.of("the " + what + " nests arrays deeper than " + MAX_ARRAY_DEPTH);
        }
        GgufValue element = type(what);
        long count = in.count("the number of elements in the " + what, element.bytes());
        if (element.isScalar()) {
            return new GgufArray(element, in.bytes(count * element.bytes(), what));
        }
        List<Object> values = new ArrayList<>();
        for (long i = 0; i < count; i++) {
            values.add(value(element, depth + 1, what));
        }
        return Collections.unmodifiableList(values);
    }

    private FileIndex tensors(long count, Map<String, Object> metadata) throws IOException {
        FileIndex.Builder index = new FileIndex.Builder(damage);
        long alignment = alignment(metadata);
        List<TensorEntry> relative = new ArrayList<>();
        for (long i = 0; i < count; i++) {
            relative.add(tensor(i, index, alignment));
        }
        long dataStart = Math.min(fileSize, (in.position() + alignment - 1) / alignment * alignment);
        for (TensorEntry e : relative) {
            long offset = e.offset() > fileSize - dataStart ? fileSize + 1 : dataStart + e.offset();
            index.add(
                    new TensorEntry(e.name(), e.type(), e.shape(), e.elements(), offset, e.bytes()),
                    dataStart,
                    fileSize);
        }
        return index.build(metadata);
    }

    private long alignment(Map<String, Object> metadata) throws IOException {
        Object alignment = metadata.getOrDefault("general.alignment", DEFAULT_ALIGNMENT);
        if (!(alignment instanceof Long value) || value < 1 || value > MAX_ALIGNMENT || Long.bitCount(value) != 1) {
            throw damage.of("general.alignment is " + Damage.quote(alignment.toString())
                    + "; it must be a power of two up to " + MAX_ALIGNMENT);
        }
        return value;
    }

    private TensorEntry tensor(long i, FileIndex.Builder index, long alignment) throws IOException {
        String name = in.string("name of tensor " + i);
        String quoted = Damage.quote(name);
        long dims = in.u32("number of sizes of " + quoted);
        if (dims > FileIndex.MAX_DIMS) {
            throw damage.of(
                    "tensor " + quoted + " has " + dims + " sizes; at most " + FileIndex.MAX_DIMS + " are allowed");
        }
        long[] shape = new long[(int) dims];
        for (int d = shape.length - 1; d >= 0; d--) { // the file lists the fastest size first
            shape[d] = in.i64("sizes of " + quoted);
        }
        StoredType type = storedType(quoted);
        long elements = index.elements(name, shape);
        if (shape.length == 0 ? type.blockElements() > 1 : shape[shape.length - 1] % type.blockElements() != 0) {
            throw damage.of("tensor " + quoted + " has rows of " + (shape.length == 0 ? 1 : shape[shape.length - 1])
                    + " values; rows of type " + type + " are multiples of " + type.blockElements());
        }
        long offset = in.i64("offset of " + quoted);
        if (offset < 0 || offset % alignment != 0) {
            throw damage.of("tensor " + quoted + " has offset " + Long.toUnsignedString(offset)
                    + "; offsets are multiples of the alignment, " + alignment);
        }
        return new TensorEntry(name, type, new Shape(shape), elements, offset, index.bytes(name, type, elements));
    }

    private StoredType storedType(String quoted) throws IOException {
        long id = in.u32("type of " + quoted);
        Optional<StoredType> type = StoredType.ofGgml(id);
        if (type.isEmpty()) {
            throw damage.unsupported(
                    "tensor " + quoted + " is stored with ggml type " + id,
                    "Types that are read: " + StoredType.readable()
                            + ". Use another quantisation of the model, Q8_0 or Q4_K_M for example");
        }
        return type.get();
    }
}
