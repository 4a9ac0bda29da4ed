package dev.ariadne.model.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.model.Logits;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A model in several files is the model in one; types other than float32 are its values. */
class ShardsTest {
    private static final Path WHOLE = Path.of("src/test/resources/models/llama-tiny");
    private static final Path WEIGHTS = WHOLE.resolve("model.safetensors");
    private static final long[][] TOKENS = {{5, 9, 3, 7, 30}};

    @TempDir
    Path folder;

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 4, 8})
    void shardsAreReadAsOneFile(int count) throws IOException {
        ShardFiles.split(WEIGHTS, folder, count, UnaryOperator.identity());
        try (NDManager manager = NDManager.newBaseManager(Device.cpu());
                Checkpoint whole = Checkpoint.open(WEIGHTS);
                Checkpoint shards = Checkpoint.open(folder);
                Checkpoint byIndex = Checkpoint.open(folder.resolve("model.safetensors.index.json"))) {
            assertThat(shards.names()).containsExactlyInAnyOrderElementsOf(whole.names());
            assertThat(byIndex.names()).containsExactlyElementsOf(shards.names());
            assertThat(shards.path()).isEqualTo(folder.resolve("model.safetensors.index.json"));
            assertThat(shards.format()).isEqualTo(Checkpoint.Format.SAFETENSORS);
            for (String name : whole.names()) {
                assertThat(shards.shape(name)).isEqualTo(whole.shape(name));
                assertThat(shards.storedType(name)).isEqualTo(whole.storedType(name));
                assertThat(shards.read(manager, name)).isEqualTo(whole.read(manager, name));
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 4, 8})
    void aShardedModelComputesWhatTheWholeOneDoes(int count) throws IOException {
        ShardFiles.split(WEIGHTS, folder, count, UnaryOperator.identity());
        assertThat(logits(folder)).containsExactly(logits(WHOLE));
    }

    @Test
    void doublesBecomeTheFloatsTheyWereMadeOf() throws IOException {
        ShardFiles.split(WEIGHTS, folder, 2, tensor -> {
            ByteBuffer wide = ByteBuffer.allocate(2 * tensor.bytes().length).order(ByteOrder.LITTLE_ENDIAN);
            for (float value : tensor.floats()) {
                wide.putDouble(value);
            }
            return tensor.as("F64", wide.array());
        });
        assertThat(logits(folder)).containsExactly(logits(WHOLE));
    }

    @Test
    void typesMayBeMixedInOneModel() throws IOException {
        Path rounded = Files.createDirectory(folder.resolve("rounded")); // float32 with values that bfloat16 has
        Path mixed = Files.createDirectory(folder.resolve("mixed"));
        ShardFiles.split(WEIGHTS, rounded, 1, ShardsTest::rounded);
        ShardFiles.split(WEIGHTS, mixed, 3, tensor -> switch (tensor.name().length() % 3) {
            case 0 -> rounded(tensor);
            case 1 -> tensor.as("BF16", upperHalves(tensor));
            default -> tensor.as("F16", halves(rounded(tensor)));
        });
        try (Checkpoint checkpoint = Checkpoint.open(mixed)) {
            assertThat(checkpoint.names().stream().map(checkpoint::storedType).distinct())
                    .containsExactlyInAnyOrder("F32", "BF16", "F16");
        }
        assertThat(logits(mixed)).containsExactly(logits(rounded));
    }

    /** Values with 8 significant bits and no tiny ones: exact in float16 and bfloat16. */
    private static ShardFiles.Stored rounded(ShardFiles.Stored tensor) {
        ByteBuffer out = ByteBuffer.allocate(tensor.bytes().length).order(ByteOrder.LITTLE_ENDIAN);
        for (float value : tensor.floats()) {
            boolean tiny = Math.abs(value) < 0x1p-14f;
            out.putInt(tiny ? 0 : Float.floatToIntBits(value) & 0xffff0000);
        }
        return tensor.as("F32", out.array());
    }

    private static byte[] upperHalves(ShardFiles.Stored tensor) {
        ByteBuffer out = ByteBuffer.allocate(tensor.bytes().length / 2).order(ByteOrder.LITTLE_ENDIAN);
        for (float value : rounded(tensor).floats()) {
            out.putShort((short) (Float.floatToIntBits(value) >>> 16));
        }
        return out.array();
    }

    private static byte[] halves(ShardFiles.Stored tensor) {
        ByteBuffer out = ByteBuffer.allocate(tensor.bytes().length / 2).order(ByteOrder.LITTLE_ENDIAN);
        for (float value : tensor.floats()) {
            int bits = Float.floatToIntBits(value);
            int sign = bits >>> 16 & 0x8000;
            int exponent = (bits >>> 23 & 0xff) - 127 + 15;
            out.putShort((short) (value == 0 ? sign : sign | exponent << 10 | (bits >>> 13 & 0x3ff)));
        }
        return out.array();
    }

    private float[] logits(Path model) throws IOException {
        Path config = model.resolve("config.json");
        if (!Files.exists(config)) {
            Files.copy(WHOLE.resolve("config.json"), config);
        }
        try (HookedTransformer loaded = HookedTransformer.load(model.toString(), "cpu");
                Logits logits = loaded.run(TOKENS)) {
            return logits.array().toFloatArray();
        }
    }

    @Test
    void fiveGibibytesOpenWithoutBeingRead() throws IOException {
        ShardFiles.writeSparse(folder, 4, 5);
        var thread = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
        long heapBefore = thread.getCurrentThreadAllocatedBytes();
        try (NDManager manager = NDManager.newBaseManager(Device.cpu());
                Checkpoint checkpoint = Checkpoint.open(folder)) {
            assertThat(checkpoint.names()).hasSize(20);
            assertThat(thread.getCurrentThreadAllocatedBytes() - heapBefore).isLessThan(16 << 20);
            assumeTrue(Files.exists(Path.of("/proc/self/status")), "resident memory is looked up in /proc");
            long residentBefore = residentBytes();
            for (String name : checkpoint.names()) {
                checkpoint.read(manager, name);
            }
            try (NDArray value = checkpoint.read(manager, "w.3.4").get(8191).get(8191)) {
                assertThat(value.getFloat()).isZero();
            }
            assertThat(residentBytes() - residentBefore).isLessThan(64 << 20); // of 5 GiB
        }
    }

    private static long residentBytes() throws IOException {
        String line = Files.readAllLines(Path.of("/proc/self/status")).stream()
                .filter(l -> l.startsWith("VmRSS:"))
                .findFirst()
                .orElseThrow();
        return Long.parseLong(line.replaceAll("\\D", "")) << 10;
    }

    @Test
    void namesWhatAnIndexAndItsShardsDisagreeOn() throws IOException {
        ShardFiles.Stored a = new ShardFiles.Stored("a", "F32", new long[] {1}, TestFiles.floats(1));
        ShardFiles.Stored b = new ShardFiles.Stored("b", "F32", new long[] {1}, TestFiles.floats(2));
        Files.write(folder.resolve("one.safetensors"), ShardFiles.file(List.of(a)));
        Files.write(folder.resolve("two.safetensors"), ShardFiles.file(List.of(b)));
        Files.write(folder.resolve("both.safetensors"), ShardFiles.file(List.of(a, b)));
        refuses(Map.of("a", "one.safetensors", "b", "three.safetensors"), "names the shard three.safetensors", "too");
        refuses(Map.of("a", "one.safetensors", "b", "one.safetensors"), "'b' is said to be in one", "in no shard");
        refuses(Map.of("a", "two.safetensors", "b", "one.safetensors"), "'a' is said to be in two", "in one.safe");
        refuses(Map.of("a", "both.safetensors"), "'b' of shard both.safetensors is in no entry");
        refuses(Map.of("a", "one.safetensors", "b", "both.safetensors"), "'a' is in two shards, both.s", "one.s");
        Files.write(folder.resolve("two.safetensors"), new byte[] {1, 2, 3});
        refuses(Map.of("a", "one.safetensors", "b", "two.safetensors"), "two.safetensors: the file ends at byte 3");
        Files.write(folder.resolve("two.safetensors"), TestFiles.mixedGguf());
        refuses(Map.of("a", "one.safetensors", "b", "two.safetensors"), "two.safetensors is a GGUF file");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "../x.safetensors",
                "/etc/x.safetensors",
                "a/x.safetensors",
                "a\\\\x.safetensors",
                "C:x.safetensors",
                "..safetensors",
                "x.bin",
                "",
                "a\\u0000.safetensors"
            })
    void refusesShardNamesThatLeaveTheFolder(String shard) throws IOException {
        refuses(Map.of("a", shard), "a plain .safetensors file name, without folders");
    }

    @Test
    void refusesAnIndexThatIsNone() throws IOException {
        refusesText("no JSON", "not valid JSON");
        refusesText("[]", "no JSON object");
        refusesText("{}", "weight_map of 0 tensors");
        refusesText("{\"weight_map\": []}", "must be a JSON object");
        refusesText("{\"weight_map\": {\"a\": 1}}", "no file name for tensor 'a'");
        refusesText("{\"weight_map\": {\"a\": \"x.safetensors\"", "not valid JSON");
        refusesText("{\"weight_map\": {\"a\": \"x.safetensors\", \"a\": \"y.safetensors\"}}", "Duplicate field 'a'");
        Map<String, String> many = new TreeMap<>();
        for (int i = 0; i < 1001; i++) {
            many.put("t" + i, i + ".safetensors");
        }
        refuses(many, "in 1001 shards");
        try (var out = Files.newByteChannel(folder.resolve("model.safetensors.index.json"), StandardOpenOption.WRITE)) {
            out.position(100L << 20).write(ByteBuffer.allocate(1));
        }
        assertThatThrownBy(() -> Checkpoint.open(folder)).hasMessageContaining("104857601 bytes; it may have");
    }

    @Test
    void saysThatTheIndexOfShardsIsMissing() throws IOException {
        ShardFiles.split(WEIGHTS, folder, 2, UnaryOperator.identity());
        Files.delete(folder.resolve("model.safetensors.index.json"));
        assertThatThrownBy(() -> Checkpoint.open(folder))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("model-00001-of-00002.safetensors")
                .hasMessageContaining("there is no model.safetensors.index.json");
    }

    private void refuses(Map<String, String> shardOf, String... expected) throws IOException {
        refusesText(ShardFiles.index(new TreeMap<>(shardOf)), expected);
    }

    private void refusesText(String index, String... expected) throws IOException {
        Path file = folder.resolve("model.safetensors.index.json");
        Files.writeString(file, index);
        assertThatThrownBy(() -> Checkpoint.open(folder))
                .isInstanceOf(IOException.class)
                .hasMessageContaining(folder.toString())
                .hasMessageContainingAll(expected);
    }
}
