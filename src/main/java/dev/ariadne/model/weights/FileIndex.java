package dev.ariadne.model.weights;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What a header says: metadata and tensors, each tensor checked to lie inside the file.
 *
 * @param metadata the file's key/value pairs in file order, unmodifiable
 * @param tensors by name, in file order, unmodifiable
 */
record FileIndex(Map<String, Object> metadata, Map<String, TensorEntry> tensors) {
    /** More sizes than any format has; the engine's own limit is far above. */
    static final int MAX_DIMS = 8;

    /** Gathers the tensors of one header and checks each against the file and against the others. */
    static final class Builder {
        private final Damage damage;
        private final Map<String, TensorEntry> tensors = new LinkedHashMap<>();

        Builder(Damage damage) {
            this.damage = damage;
        }

        /** Checks and computes the number of elements; no size may be negative and the product must fit. */
        long elements(String name, long[] shape) throws IOException {
            long elements = 1;
            long sizes = 1; // the product without zeros: the engine computes strides from it
            for (long size : shape) {
                if (size < 0) {
                    throw damage.of("tensor " + Damage.quote(name) + " has a size of " + Long.toUnsignedString(size)
                            + "; sizes are between 0 and 2^63");
                }
                if (sizes > Long.MAX_VALUE / 8 / Math.max(1, size)) {
                    throw damage.of("tensor " + Damage.quote(name) + " has sizes " + Arrays.toString(shape)
                            + ", whose product does not fit in 60 bits");
                }
                sizes *= Math.max(1, size);
                elements = size == 0 ? 0 : elements * size;
            }
            return elements;
        }

        /** The bytes that this many elements of the type take in the file. */
        long bytes(String name, StoredType type, long elements) throws IOException {
            long blocks = elements / type.blockElements();
            if (blocks > Long.MAX_VALUE / type.blockBytes()) {
                throw damage.of(
                        "tensor " + Damage.quote(name) + " has " + elements + " values, more than any file holds");
            }
            return blocks * type.blockBytes();
        }

        void add(TensorEntry entry, long dataStart, long dataEnd) throws IOException {
            if (entry.offset() < dataStart || entry.offset() > dataEnd || entry.bytes() > dataEnd - entry.offset()) {
                throw damage.of("tensor " + Damage.quote(entry.name()) + " needs " + entry.bytes() + " bytes from byte "
                        + entry.offset() + " on, but tensor data lies between bytes " + dataStart + " and " + dataEnd);
            }
            if (tensors.put(entry.name(), entry) != null) {
                throw damage.of("tensor " + Damage.quote(entry.name()) + " is listed twice; names must be unique");
            }
        }

        /** The index, once no two tensors share a byte. */
        FileIndex build(Map<String, Object> metadata) throws IOException {
            List<TensorEntry> byOffset = inFileOrder();
            for (int i = 1; i < byOffset.size(); i++) {
                TensorEntry before = byOffset.get(i - 1);
                TensorEntry entry = byOffset.get(i);
                if (entry.offset() < before.offset() + before.bytes()) {
                    throw damage.of("tensors " + Damage.quote(before.name()) + " and " + Damage.quote(entry.name())
                            + " overlap at byte " + entry.offset() + "; each must have bytes of its own");
                }
            }
            return new FileIndex(Collections.unmodifiableMap(metadata), Collections.unmodifiableMap(tensors));
        }

        /** The tensors that have bytes, by their place in the file. */
        List<TensorEntry> inFileOrder() {
            List<TensorEntry> byOffset = new ArrayList<>(tensors.values());
            byOffset.removeIf(e -> e.bytes() == 0);
            byOffset.sort(Comparator.comparingLong(TensorEntry::offset));
            return byOffset;
        }
    }
}
