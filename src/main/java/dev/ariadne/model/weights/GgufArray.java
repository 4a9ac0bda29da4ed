package dev.ariadne.model.weights;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.AbstractList;
import java.util.Objects;
import java.util.RandomAccess;

/** A list of numbers or truth values over the very bytes of the file: no object per element is kept. */
final class GgufArray extends AbstractList<Object> implements RandomAccess {
    private final GgufValue type;
    private final ByteBuffer bytes;

    GgufArray(GgufValue type, byte[] bytes) {
        this.type = type;
        this.bytes = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    @Override
    public Object get(int index) {
        return type.scalar(bytes, Objects.checkIndex(index, size()) * type.bytes());
    }

    @Override
    public int size() {
        return bytes.capacity() / type.bytes();
    }
}
