package dev.ariadne.model.weights;

import java.nio.ByteBuffer;

/** The types of a GGUF metadata value, in the order of their numbers in the file. */
enum GgufValue {
    U8(1),
    I8(1),
    U16(2),
    I16(2),
    U32(4),
    I32(4),
    F32(4),
    BOOL(1),
    STRING(8),
    ARRAY(12),
    U64(8),
    I64(8),
    F64(8);

    private final int bytes;

    GgufValue(int bytes) {
        this.bytes = bytes;
    }

    /** Bytes of a scalar; for a string or an array the fewest bytes one can have. */
    int bytes() {
        return bytes;
    }

    boolean isScalar() {
        return this != STRING && this != ARRAY;
    }

    /** The scalar at this place as {@code Long}, {@code Double} or {@code Boolean}. */
    Object scalar(ByteBuffer in, int at) {
        return switch (this) {
            case U8 -> (long) (in.get(at) & 255);
            case I8 -> (long) in.get(at);
            case U16 -> (long) (in.getShort(at) & 65535);
            case I16 -> (long) in.getShort(at);
            case U32 -> in.getInt(at) & 0xffffffffL;
            case I32 -> (long) in.getInt(at);
            case U64, I64 -> in.getLong(at); // above 2^63 an unsigned value shows as negative
            case F32 -> (double) in.getFloat(at);
            case F64 -> in.getDouble(at);
            case BOOL -> in.get(at) != 0;
            case STRING, ARRAY -> throw new AssertionError("not a scalar: " + this);
        };
    }
}
