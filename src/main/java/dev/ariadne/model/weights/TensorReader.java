package dev.ariadne.model.weights;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.util.Optional;
import java.util.UUID;

/** Turns entries of a file into arrays: mapped where that is safe, else read in pieces into the array's own memory. */
final class TensorReader {
    /** Smaller tensors are copied: a mapping costs a page-table entry and a system call each. */
    static final long LEAST_MAPPED_BYTES = 1 << 20;

    /** The engine shows at most 2^31 - 1 bytes of an array through one buffer. */
    static final long MOST_BUFFER_BYTES = 1 << 30;

    private static final int READ_BYTES = 1 << 16; // a new buffer for each tensor: small ones leave the heap small
    private static final int DECODE_VALUES = 1 << 12;

    private final FileChannel channel;
    private final boolean mappable;
    private final Damage damage;
    private final long mostBufferBytes;

    /**
     * @param mappable whether the channel may write, so that a private (copy-on-write) mapping is possible: an in-place
     *     operation on an array over a read-only mapping would end the process
     * @param mostBufferBytes the longest piece of an array to be filled at once
     */
    TensorReader(FileChannel channel, boolean mappable, Damage damage, long mostBufferBytes) {
        this.channel = channel;
        this.mappable = mappable;
        this.damage = damage;
        this.mostBufferBytes = mostBufferBytes;
    }

    NDArray read(NDManager manager, TensorEntry entry, boolean map) throws IOException {
        return placed(manager, cpu -> readOnCpu(cpu, entry, map));
    }

    /** Reads into the memory of the processor. */
    private interface Reading {
        NDArray on(NDManager cpu) throws IOException;
    }

    private static NDArray placed(NDManager manager, Reading reading) throws IOException {
        if (!manager.getDevice().isGpu()) {
            return reading.on(manager);
        }
        try (NDManager host = manager.newSubManager(Device.cpu())) {
            NDArray onDevice = reading.on(host).toDevice(manager.getDevice(), true);
            onDevice.attach(manager);
            return onDevice;
        }
    }

    /** Some rows of the last axis, each run of neighbors by one read. */
    NDArray readRows(NDManager manager, TensorEntry entry, long... rows) throws IOException {
        long width = entry.shape().dimension() == 0 ? 0 : entry.shape().getLastDimension();
        if (width == 0) {
            throw new IllegalArgumentException(
                    "tensor " + Damage.quote(entry.name()) + " has no rows; its shape is " + entry.shape());
        }
        int bytes = entry.type().dataType().getNumOfBytes();
        if (width % entry.type().blockElements() != 0 || rows.length > mostBufferBytes / (width * bytes)) {
            throw new IllegalArgumentException(rows.length + " rows of " + width + " values, stored as "
                    + entry.type() + ", cannot be read at once; rows are whole blocks of at most " + mostBufferBytes
                    + " bytes together");
        }
        for (long row : rows) {
            if (row < 0 || row >= entry.elements() / width) {
                throw new IllegalArgumentException("tensor " + Damage.quote(entry.name()) + " has rows 0 to "
                        + (entry.elements() / width - 1) + ", got " + row);
            }
        }
        Shape shape = new Shape(rows.length, width);
        return placed(manager, cpu -> rowsOnCpu(cpu, entry, shape, (int) (width * bytes), rows));
    }

    private NDArray rowsOnCpu(NDManager manager, TensorEntry entry, Shape shape, int rowBytes, long... rows)
            throws IOException {
        NDArray array = manager.create(shape, entry.type().dataType());
        int width = rowBytes / entry.type().dataType().getNumOfBytes();
        boolean complete = false;
        try {
            ByteBuffer all = array.toByteBuffer(true);
            for (int from = 0, to; from < rows.length; from = to) {
                to = from + 1;
                while (to < rows.length && rows[to] == rows[to - 1] + 1) {
                    to++;
                }
                ByteBuffer part = all.slice(from * rowBytes, (to - from) * rowBytes);
                fill(part, entry, rows[from] * width, (long) (to - from) * width);
            }
            complete = true;
            return array;
        } finally {
            if (!complete) {
                array.close();
            }
        }
    }

    private NDArray readOnCpu(NDManager manager, TensorEntry entry, boolean map) throws IOException {
        if (map && canMap(entry)) {
            Optional<NDArray> mapped = map(manager, entry);
            if (mapped.isPresent()) {
                return mapped.get();
            }
        }
        NDArray array = manager.create(entry.shape(), entry.type().dataType());
        boolean complete = false;
        try {
            fill(array, entry);
            complete = true;
            return array;
        } finally {
            if (!complete) {
                array.close();
            }
        }
    }

    boolean canMap(TensorEntry entry) {
        return mappable
                && entry.type() == StoredType.F32
                && entry.bytes() >= LEAST_MAPPED_BYTES
                && entry.bytes() <= Integer.MAX_VALUE
                && entry.offset() % Float.BYTES == 0
                && ByteOrder.nativeOrder() == ByteOrder.LITTLE_ENDIAN;
    }

    private Optional<NDArray> map(NDManager manager, TensorEntry entry) {
        MappedByteBuffer bytes;
        try {
            bytes = channel.map(MapMode.PRIVATE, entry.offset(), entry.bytes());
        } catch (IOException | UnsupportedOperationException e) {
            return Optional.empty(); // this file system cannot map, or no address space is left: read instead
        }
        ByteBuffer values = bytes.slice().order(ByteOrder.nativeOrder());
        NDArray array = manager.create(values, entry.shape(), DataType.FLOAT32);
        // A view (reshape, slice) does not keep the mapping alive as the array itself does, and may move up to
        // a parent manager: so the outermost manager holds the buffer, by a resource it closes last.
        outermost(manager).attachInternal(UUID.randomUUID().toString(), values::clear);
        return Optional.of(array);
    }

    private static NDManager outermost(NDManager manager) {
        NDManager top = manager;
        for (NDManager up = top.getParentManager();
                up != null && !(up instanceof NDManager.SystemNDManager);
                up = up.getParentManager()) {
            top = up;
        }
        return top;
    }

    private void fill(NDArray array, TensorEntry entry) throws IOException {
        int valueBytes = entry.type().dataType().getNumOfBytes();
        if (entry.elements() <= mostBufferBytes / valueBytes) {
            if (entry.elements() > 0) {
                fill(array.toByteBuffer(true), entry, 0, entry.elements());
            }
            return;
        }
        int block = entry.type().blockElements();
        long step = Math.max(1, mostBufferBytes / valueBytes / block) * block;
        try (NDArray flat = array.reshape(-1)) { // [element]
            for (long from = 0; from < entry.elements(); from += step) {
                long to = Math.min(entry.elements(), from + step);
                try (NDArray part = flat.get(NDIndex.sliceAxis(0, from, to))) {
                    fill(part.toByteBuffer(true), entry, from, to - from);
                }
            }
        }
    }

    /** Fills a buffer that shares the array's memory with {@code count} values from value {@code first} on. */
    private void fill(ByteBuffer out, TensorEntry entry, long first, long count) throws IOException {
        out.order(ByteOrder.LITTLE_ENDIAN);
        StoredType type = entry.type();
        long offset = entry.offset() + first / type.blockElements() * type.blockBytes();
        Optional<StoredType.Decoder> decoder = type.decoder();
        if (decoder.isPresent()) {
            decode(decoder.get(), out.asFloatBuffer(), type, offset, count / type.blockElements());
            return;
        }
        copy(out, offset, entry);
        if (type == StoredType.BOOL) { // the engine expects 0 or 1
            for (int i = 0; i < count; i++) {
                out.put(i, (byte) (out.get(i) == 0 ? 0 : 1));
            }
        }
    }

    private void copy(ByteBuffer out, long offset, TensorEntry entry) throws IOException {
        out.clear();
        long at = offset;
        while (out.hasRemaining()) {
            int step = channel.read(out, at);
            if (step < 0) {
                throw damage.of("the file ended at byte " + at + ", inside tensor " + Damage.quote(entry.name()));
            }
            at += step;
        }
    }

    private void decode(StoredType.Decoder decoder, FloatBuffer out, StoredType type, long offset, long blocks)
            throws IOException {
        int blocksPerRead = (int) Math.min(blocks, READ_BYTES / type.blockBytes());
        int blocksPerStep = Math.min(blocksPerRead, Math.max(1, DECODE_VALUES / type.blockElements()));
        byte[] in = new byte[blocksPerRead * type.blockBytes()];
        float[] values = new float[blocksPerStep * type.blockElements()];
        for (long done = 0; done < blocks; done += blocksPerRead) {
            int now = (int) Math.min(blocksPerRead, blocks - done);
            readFully(in, now * type.blockBytes(), offset + done * type.blockBytes());
            for (int b = 0; b < now; b += blocksPerStep) {
                int step = Math.min(blocksPerStep, now - b);
                decoder.decode(in, b * type.blockBytes(), values, step);
                out.put(values, 0, step * type.blockElements());
            }
        }
    }

    private void readFully(byte[] bytes, int count, long offset) throws IOException {
        ByteBuffer in = ByteBuffer.wrap(bytes, 0, count);
        while (in.hasRemaining()) {
            if (channel.read(in, offset + in.position()) < 0) {
                throw damage.of("the file ended at byte " + (offset + in.position()) + ", before its tensor data did");
            }
        }
    }
}
