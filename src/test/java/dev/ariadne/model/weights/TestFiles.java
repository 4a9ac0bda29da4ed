package dev.ariadne.model.weights;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.stream.Collectors;

/** Writes small safetensors and GGUF files, right ones and wrong ones, and finds the recorded ones. */
final class TestFiles {
    private TestFiles() {}

    static Path resource(String name) {
        try {
            return Path.of(Objects.requireNonNull(TestFiles.class.getResource(name), name)
                    .toURI());
        } catch (URISyntaxException e) {
            throw new AssertionError(e);
        }
    }

    static byte[] safetensors(String header, byte[] data) {
        byte[] json = header.getBytes(StandardCharsets.UTF_8);
        return ByteBuffer.allocate(8 + json.length + data.length)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(json.length)
                .put(json)
                .put(data)
                .array();
    }

    static Path write(Path folder, String name, byte[] bytes) throws IOException {
        return Files.write(folder.resolve(name), bytes);
    }

    static byte[] floats(float... values) {
        ByteBuffer bytes = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asFloatBuffer().put(values);
        return bytes.array();
    }

    /** A tensor to be written; sizes in the order of the file, fastest first. */
    @SuppressWarnings("ArrayRecordComponent") // never compared
    record GgufTensor(String name, int type, byte[] data, long... sizes) {
        @Override
        public String toString() {
            return name + " " + type + " " + Arrays.toString(sizes) + " " + data.length;
        }
    }

    /** Little-endian bytes, one value after the other. */
    static final class Bytes {
        private final ByteArrayOutputStream out = new ByteArrayOutputStream();

        Bytes u8(int value) {
            out.write(value);
            return this;
        }

        Bytes u32(long value) {
            return raw(ByteBuffer.allocate(4)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putInt((int) value)
                    .array());
        }

        Bytes u64(long value) {
            return raw(ByteBuffer.allocate(8)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putLong(value)
                    .array());
        }

        Bytes string(String text) {
            byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
            return u64(bytes.length).raw(bytes);
        }

        Bytes raw(byte[] bytes) {
            out.writeBytes(bytes);
            return this;
        }

        Bytes align(int alignment) {
            while (out.size() % alignment != 0) {
                out.write(0);
            }
            return this;
        }

        byte[] done() {
            return out.toByteArray();
        }
    }

    /** A GGUF file with these metadata pairs (each already in bytes) and tensors. */
    static byte[] gguf(List<byte[]> pairs, GgufTensor... tensors) {
        Bytes out = new Bytes().u32(Gguf.MAGIC).u32(3).u64(tensors.length).u64(pairs.size());
        pairs.forEach(out::raw);
        Bytes data = new Bytes();
        for (GgufTensor tensor : tensors) {
            data.align(32);
            out.string(tensor.name()).u32(tensor.sizes().length);
            Arrays.stream(tensor.sizes()).forEach(out::u64);
            out.u32(tensor.type()).u64(data.done().length);
            data.raw(tensor.data());
        }
        return out.align(32).raw(data.done()).done();
    }

    /** A safetensors file with all readable types in it. */
    static byte[] mixedSafetensors() {
        Bytes data = new Bytes();
        List<String> entries = new ArrayList<>(List.of("\"__metadata__\":{\"format\":\"pt\"}"));
        List<String> types = List.of("F32", "F16", "BF16", "F64", "I64", "I32", "I8", "U8", "BOOL");
        List<Integer> widths = List.of(4, 2, 2, 8, 8, 4, 1, 1, 1);
        for (int i = 0; i < types.size(); i++) {
            int begin = data.done().length;
            data.raw(new byte[6 * widths.get(i)]);
            entries.add("\"t." + types.get(i) + "\":{\"dtype\":\"" + types.get(i)
                    + "\",\"shape\":[2,3],\"data_offsets\":[" + begin + "," + data.done().length + "]}");
        }
        return safetensors(entries.stream().collect(Collectors.joining(",", "{", "}")), data.done());
    }

    /** A GGUF file with several metadata types and three tensors. */
    static byte[] mixedGguf() {
        List<byte[]> pairs = List.of(
                new Bytes()
                        .string("general.architecture")
                        .u32(8)
                        .string("llama")
                        .done(),
                new Bytes().string("llama.block_count").u32(4).u32(2).done(),
                new Bytes()
                        .string("llama.eps")
                        .u32(6)
                        .u32(Float.floatToIntBits(0.5f))
                        .done(),
                new Bytes().string("flag").u32(7).u8(1).done(),
                new Bytes()
                        .string("words")
                        .u32(9)
                        .u32(8)
                        .u64(2)
                        .string("a")
                        .string("é")
                        .done(),
                new Bytes()
                        .string("types")
                        .u32(9)
                        .u32(5)
                        .u64(3)
                        .u32(-1)
                        .u32(0)
                        .u32(7)
                        .done(),
                new Bytes()
                        .string("nested")
                        .u32(9)
                        .u32(9)
                        .u64(1)
                        .u32(4)
                        .u64(2)
                        .u32(5)
                        .u32(6)
                        .done());
        return gguf(
                pairs,
                new GgufTensor("norm", 0, floats(1, 2, 3), 3),
                new GgufTensor("quantised", 8, new byte[4 * 34], 64, 2),
                new GgufTensor("half", 1, new byte[12], 3, 2));
    }

    /** A GGUF file with one block of every quantised type. */
    static byte[] quantisedGguf() {
        List<StoredType> types = Arrays.stream(StoredType.values())
                .filter(type -> type.blockElements() > 1)
                .toList();
        List<Integer> ids = List.of(2, 3, 6, 7, 8, 12, 13, 14);
        GgufTensor[] tensors = new GgufTensor[types.size()];
        for (int i = 0; i < tensors.length; i++) {
            StoredType type = types.get(i);
            tensors[i] = new GgufTensor(type.name(), ids.get(i), new byte[type.blockBytes()], type.blockElements(), 1);
        }
        return gguf(
                List.of(new Bytes().string("general.alignment").u32(4).u32(32).done()), tensors);
    }
}
