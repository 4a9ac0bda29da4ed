package dev.ariadne.model.weights;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;

/** Takes safetensors files apart and writes them again: in shards, or with other types. */
final class ShardFiles {
    private ShardFiles() {}

    /** One tensor of a file with its bytes. */
    @SuppressWarnings("ArrayRecordComponent") // never compared
    record Stored(String name, String dtype, long[] shape, byte[] bytes) {
        float[] floats() {
            float[] values = new float[bytes.length / 4];
            ByteBuffer.wrap(bytes)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .asFloatBuffer()
                    .get(values);
            return values;
        }

        Stored as(String otherType, byte[] otherBytes) {
            return new Stored(name, otherType, shape, otherBytes);
        }

        @Override
        public String toString() {
            return dtype + " " + name + Arrays.toString(shape);
        }
    }

    static List<Stored> read(Path file) throws IOException {
        List<Stored> all = new ArrayList<>();
        try (StoredFile open = StoredFile.open(file, Long.MAX_VALUE)) {
            for (TensorEntry entry : open.index().tensors().values()) {
                ByteBuffer bytes = ByteBuffer.allocate((int) entry.bytes());
                open.channel().read(bytes, entry.offset());
                all.add(new Stored(
                        entry.name(), entry.type().name(), entry.shape().getShape(), bytes.array()));
            }
        }
        return all;
    }

    static byte[] file(List<Stored> tensors) {
        TestFiles.Bytes data = new TestFiles.Bytes();
        List<String> entries = new ArrayList<>();
        long at = 0;
        for (Stored tensor : tensors) {
            data.raw(tensor.bytes());
            entries.add(entry(tensor.name(), tensor.dtype(), tensor.shape(), at, at + tensor.bytes().length));
            at += tensor.bytes().length;
        }
        return TestFiles.safetensors(entries.stream().collect(Collectors.joining(",", "{", "}")), data.done());
    }

    static String entry(String name, String dtype, long[] shape, long from, long to) {
        return "\"" + name + "\":{\"dtype\":\"" + dtype + "\",\"shape\":" + Arrays.toString(shape)
                + ",\"data_offsets\":[" + from + "," + to + "]}";
    }

    /** Writes {@code count} shards and their index into the folder; neighbours go into different shards. */
    static void split(Path file, Path folder, int count, UnaryOperator<Stored> change) throws IOException {
        List<Stored> all = read(file);
        Map<String, String> shardOf = new TreeMap<>();
        for (int s = 0; s < count; s++) {
            List<Stored> own = new ArrayList<>();
            String shard = name(s, count);
            for (int i = s; i < all.size(); i += count) {
                own.add(change.apply(all.get(i)));
                shardOf.put(all.get(i).name(), shard);
            }
            Files.write(folder.resolve(shard), file(own));
        }
        Files.writeString(folder.resolve("model.safetensors.index.json"), index(shardOf));
    }

    static String name(int shard, int count) {
        return String.format("model-%05d-of-%05d.safetensors", shard + 1, count);
    }

    static String index(Map<String, String> shardOf) {
        return shardOf.entrySet().stream()
                .map(e -> "\"" + e.getKey() + "\": \"" + e.getValue() + "\"")
                .collect(Collectors.joining(", ", "{\"metadata\": {\"total_size\": 1}, \"weight_map\": {", "}}"));
    }

    /** Writes shards of float32 zeros that take no room on the disk: 2^26 values (256 MiB) to a tensor. */
    static void writeSparse(Path folder, int shards, int tensorsEach) throws IOException {
        long bytes = 4L << 26;
        Map<String, String> shardOf = new TreeMap<>();
        for (int s = 0; s < shards; s++) {
            List<String> entries = new ArrayList<>();
            for (int t = 0; t < tensorsEach; t++) {
                String name = "w." + s + "." + t;
                shardOf.put(name, name(s, shards));
                entries.add(entry(name, "F32", new long[] {8192, 8192}, t * bytes, (t + 1) * bytes));
            }
            byte[] head = TestFiles.safetensors(padded(String.join(",", entries)), new byte[0]);
            try (FileChannel out = FileChannel.open(
                    folder.resolve(name(s, shards)),
                    StandardOpenOption.CREATE_NEW,
                    StandardOpenOption.WRITE,
                    StandardOpenOption.SPARSE)) {
                out.write(ByteBuffer.wrap(head));
                out.write(ByteBuffer.allocate(1), head.length + tensorsEach * bytes - 1);
            }
        }
        Files.writeString(folder.resolve("model.safetensors.index.json"), index(shardOf));
    }

    private static String padded(String entries) {
        String header = "{" + entries + "}";
        return header + " ".repeat((8 - header.length() % 8) % 8);
    }
}
