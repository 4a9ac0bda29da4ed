package dev.ariadne.model.weights;

import ai.djl.ndarray.types.DataType;
import java.util.Arrays;
import java.util.Optional;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** How the values of one tensor lie in a file, and what they become in memory. */
enum StoredType {
    /** IEEE single precision, copied as it is. */
    F32(0, 1, 4, DataType.FLOAT32),
    /** IEEE half precision, widened. */
    F16(1, 1, 2, Dequantize::f16),
    /** The upper half of a float32, widened. */
    BF16(30, 1, 2, Dequantize::bf16),
    /** 32 four-bit values with a scale. */
    Q4_0(2, 32, 18, Dequantize::q40),
    /** 32 four-bit values with a scale and a minimum. */
    Q4_1(3, 32, 20, Dequantize::q41),
    /** 32 five-bit values with a scale. */
    Q5_0(6, 32, 22, Dequantize::q50),
    /** 32 five-bit values with a scale and a minimum. */
    Q5_1(7, 32, 24, Dequantize::q51),
    /** 32 eight-bit values with a scale. */
    Q8_0(8, 32, 34, Dequantize::q80),
    /** 256 four-bit values in 8 groups with six-bit scales and minima. */
    Q4_K(12, 256, 144, Dequantize::q4k),
    /** 256 five-bit values in 8 groups with six-bit scales and minima. */
    Q5_K(13, 256, 176, Dequantize::q5k),
    /** 256 six-bit values in 16 groups with eight-bit scales. */
    Q6_K(14, 256, 210, Dequantize::q6k),
    /** IEEE double precision, copied as it is. */
    F64(28, 1, 8, DataType.FLOAT64),
    /** Signed 8-bit integers. */
    I8(24, 1, 1, DataType.INT8),
    /** Signed 32-bit integers. */
    I32(26, 1, 4, DataType.INT32),
    /** Signed 64-bit integers. */
    I64(27, 1, 8, DataType.INT64),
    /** Unsigned 8-bit integers (safetensors only). */
    U8(-1, 1, 1, DataType.UINT8),
    /** One byte per truth value; anything but 0 is true (safetensors only). */
    BOOL(-1, 1, 1, DataType.BOOLEAN),
    /** Listed but not readable: the engine would abort the process on this type. */
    I16(25, 1, 2),
    /** Listed but not readable: the engine would abort the process on this type. */
    U16(-1, 1, 2),
    /** Listed but not readable: the engine would abort the process on this type. */
    U32(-1, 1, 4),
    /** Listed but not readable: the engine would abort the process on this type. */
    U64(-1, 1, 8),
    /** Listed but not readable: eight-bit floats need scales this library does not read. */
    F8_E4M3(-1, 1, 1),
    /** Listed but not readable: eight-bit floats need scales this library does not read. */
    F8_E5M2(-1, 1, 1);

    /** Turns whole blocks of bytes into float32 values. */
    @FunctionalInterface
    interface Decoder {
        void decode(byte[] in, int at, float[] out, int blocks);
    }

    private final int ggmlId;
    private final int blockElements;
    private final int blockBytes;
    private final DataType dataType;

    @SuppressWarnings("ImmutableEnumChecker") // a reference to a static method
    private final @Nullable Decoder decoder; // null: the bytes are copied as they are

    StoredType(int ggmlId, int blockElements, int blockBytes, Decoder decoder) {
        this(ggmlId, blockElements, blockBytes, DataType.FLOAT32, decoder);
    }

    StoredType(int ggmlId, int blockElements, int blockBytes, DataType dataType) {
        this(ggmlId, blockElements, blockBytes, dataType, null);
    }

    StoredType(int ggmlId, int blockElements, int blockBytes) {
        this(ggmlId, blockElements, blockBytes, DataType.UNKNOWN, null);
    }

    StoredType(int ggmlId, int blockElements, int blockBytes, DataType dataType, @Nullable Decoder decoder) {
        this.ggmlId = ggmlId;
        this.blockElements = blockElements;
        this.blockBytes = blockBytes;
        this.dataType = dataType;
        this.decoder = decoder;
    }

    /** The type with this number in a GGUF file, or empty when this library cannot read it. */
    static Optional<StoredType> ofGgml(long id) {
        return Arrays.stream(values())
                .filter(t -> t.ggmlId >= 0 && t.ggmlId == id)
                .findFirst();
    }

    /** The type with this name in a safetensors file, or empty when there is none. */
    static Optional<StoredType> ofSafetensors(String name) {
        return Arrays.stream(values())
                .filter(t -> t.blockElements == 1 && t.name().equals(name))
                .findFirst();
    }

    /** Every type that {@link Checkpoint#read} turns into an array, for messages. */
    static String readable() {
        return Arrays.stream(values())
                .filter(StoredType::isReadable)
                .map(StoredType::name)
                .collect(Collectors.joining(", "));
    }

    boolean isReadable() {
        return dataType != DataType.UNKNOWN;
    }

    int blockElements() {
        return blockElements;
    }

    int blockBytes() {
        return blockBytes;
    }

    /** The type of the array in memory. */
    DataType dataType() {
        return dataType;
    }

    /** How blocks become float32 values; empty when the bytes are copied as they are. */
    Optional<Decoder> decoder() {
        return Optional.ofNullable(decoder);
    }
}
