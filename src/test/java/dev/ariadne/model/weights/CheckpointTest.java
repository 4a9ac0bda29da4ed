package dev.ariadne.model.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.ariadne.model.weights.TestFiles.Bytes;
import java.io.IOException;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CheckpointTest {
    private static final int LARGE = 1 << 19; // floats: 2 MiB, above the least mapped size

    @TempDir
    Path folder;

    private NDManager manager;

    @BeforeEach
    void openManager() {
        manager = NDManager.newBaseManager(Device.cpu());
    }

    @AfterEach
    void closeManager() {
        manager.close();
    }

    @Test
    void readsEverySafetensorsTypeWithItsValues() throws IOException {
        byte[] data = new Bytes()
                .raw(TestFiles.floats(1.5f, -2f))
                .raw(new byte[] {0, 0x3c, 0, (byte) 0xc0}) // half 1, -2
                .raw(new byte[] {(byte) 0x80, 0x3f, 0, (byte) 0xc0}) // bfloat16 1, -2
                .u64(Double.doubleToLongBits(0.1))
                .u64(-5)
                .u32(-6)
                .raw(new byte[] {-7, -8, 0, 2})
                .done();
        String header = "{\"__metadata__\":{\"format\":\"pt\"},"
                + "\"f32\":{\"dtype\":\"F32\",\"shape\":[2,1],\"data_offsets\":[0,8]},"
                + "\"f16\":{\"dtype\":\"F16\",\"shape\":[2],\"data_offsets\":[8,12]},"
                + "\"bf16\":{\"dtype\":\"BF16\",\"shape\":[2],\"data_offsets\":[12,16]},"
                + "\"f64\":{\"dtype\":\"F64\",\"shape\":[],\"data_offsets\":[16,24]},"
                + "\"i64\":{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[24,32]},"
                + "\"i32\":{\"dtype\":\"I32\",\"shape\":[1],\"data_offsets\":[32,36]},"
                + "\"i8\":{\"dtype\":\"I8\",\"shape\":[1],\"data_offsets\":[36,37]},"
                + "\"u8\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[37,38]},"
                + "\"bool\":{\"dtype\":\"BOOL\",\"shape\":[2],\"data_offsets\":[38,40]},"
                + "\"empty\":{\"dtype\":\"F32\",\"shape\":[0,3],\"data_offsets\":[40,40]}}   ";
        Path file = TestFiles.write(folder, "all.safetensors", TestFiles.safetensors(header, data));
        try (Checkpoint checkpoint = Checkpoint.open(file)) {
            assertThat(checkpoint.format()).isEqualTo(Checkpoint.Format.SAFETENSORS);
            assertThat(checkpoint.names())
                    .containsExactly("f32", "f16", "bf16", "f64", "i64", "i32", "i8", "u8", "bool", "empty");
            assertThat(checkpoint.metadata()).isEqualTo(Map.of("format", "pt"));
            assertThat(checkpoint.storedType("bf16")).isEqualTo("BF16");
            NDArray f32 = checkpoint.read(manager, "f32");
            assertThat(f32.getShape()).isEqualTo(new Shape(2, 1));
            assertThat(f32.toFloatArray()).containsExactly(1.5f, -2);
            assertThat(checkpoint.read(manager, "f16").toFloatArray()).containsExactly(1, -2);
            assertThat(checkpoint.read(manager, "bf16").toFloatArray()).containsExactly(1, -2);
            NDArray f64 = checkpoint.read(manager, "f64");
            assertThat(f64.getShape()).isEqualTo(new Shape());
            assertThat(f64.toDoubleArray()).containsExactly(0.1);
            assertThat(checkpoint.read(manager, "i64").toLongArray()).containsExactly(-5);
            assertThat(checkpoint.read(manager, "i32").toIntArray()).containsExactly(-6);
            assertThat(checkpoint.read(manager, "i8").toByteArray()).containsExactly(-7);
            assertThat(checkpoint.read(manager, "u8").toUint8Array()).containsExactly(248);
            NDArray truth = checkpoint.read(manager, "bool");
            assertThat(truth.getDataType()).isEqualTo(DataType.BOOLEAN);
            assertThat(truth.toBooleanArray()).containsExactly(false, true);
            assertThat(checkpoint.read(manager, "empty").getShape()).isEqualTo(new Shape(0, 3));
        }
    }

    @Test
    void readsGgufMetadataAsJavaValues() throws IOException {
        Path file = TestFiles.write(folder, "m.gguf", TestFiles.mixedGguf());
        try (Checkpoint checkpoint = Checkpoint.open(file)) {
            Map<String, Object> metadata = checkpoint.metadata();
            assertThat(metadata)
                    .containsEntry("general.architecture", "llama")
                    .containsEntry("llama.block_count", 2L)
                    .containsEntry("llama.eps", 0.5)
                    .containsEntry("flag", true)
                    .containsEntry("words", List.of("a", "é"))
                    .containsEntry("types", List.of(-1L, 0L, 7L))
                    .containsEntry("nested", List.of(List.of(5L, 6L)));
            assertThat(checkpoint.shape("quantised")).containsExactly(2, 64); // the file says 64, 2
            assertThat(checkpoint.storedType("quantised")).isEqualTo("Q8_0");
            assertThat(checkpoint.read(manager, "norm").toFloatArray()).containsExactly(1, 2, 3);
        }
    }

    @Test
    void recognizesAFileByItsContentNotByItsName() throws IOException {
        Path file = TestFiles.write(folder, "model.safetensors", TestFiles.mixedGguf());
        try (Checkpoint checkpoint = Checkpoint.open(file)) {
            assertThat(checkpoint.format()).isEqualTo(Checkpoint.Format.GGUF);
        }
        Path blob = TestFiles.write(folder, "blob", TestFiles.mixedSafetensors());
        try (Checkpoint checkpoint = Checkpoint.open(blob)) {
            assertThat(checkpoint.format()).isEqualTo(Checkpoint.Format.SAFETENSORS);
        }
    }

    @Test
    void findsTheOneFileOfAFolder() throws IOException {
        TestFiles.write(folder, "config.json", new byte[] {'{', '}'});
        assertThatThrownBy(() -> Checkpoint.open(folder))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("found config.json");
        Path only = TestFiles.write(folder, "a.gguf", TestFiles.mixedGguf());
        try (Checkpoint checkpoint = Checkpoint.open(folder)) {
            assertThat(checkpoint.path()).isEqualTo(only);
        }
        TestFiles.write(folder, "b.safetensors", TestFiles.mixedSafetensors());
        assertThatThrownBy(() -> Checkpoint.open(folder))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("found a.gguf, b.safetensors");
        TestFiles.write(folder, "weights.safetensors", TestFiles.mixedSafetensors());
        try (Checkpoint checkpoint = Checkpoint.open(folder)) {
            assertThat(checkpoint.path()).hasFileName("weights.safetensors");
        }
    }

    @Test
    void offersTheNearestNamesForAMissingTensor() throws IOException {
        try (Checkpoint checkpoint = Checkpoint.open(TestFiles.resource("/gguf/tiny-llama.gguf"))) {
            assertThatThrownBy(() -> checkpoint.read(manager, "blk.0.atn_q.weight"))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("'blk.0.atn_q.weight'")
                    .hasMessageContaining("nearest names: blk.0.attn_q.weight, ");
            assertThat(checkpoint.contains("blk.0.atn_q.weight")).isFalse();
        }
    }

    @Test
    void refusesATypeThatWouldAbortTheProcess() throws IOException {
        String header = "{\"a\":{\"dtype\":\"I16\",\"shape\":[1],\"data_offsets\":[0,2]}}";
        Path file = TestFiles.write(folder, "a.safetensors", TestFiles.safetensors(header, new byte[2]));
        try (Checkpoint checkpoint = Checkpoint.open(file)) {
            assertThat(checkpoint.storedType("a")).isEqualTo("I16");
            assertThatThrownBy(() -> checkpoint.read(manager, "a"))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("'a'")
                    .hasMessageContaining("I16")
                    .hasMessageContaining("BF16");
        }
    }

    @Test
    void keepsMappedArraysAndTheirViewsValidAfterClosing() throws IOException {
        Path file = TestFiles.write(folder, "large.safetensors", large());
        NDArray view;
        NDArray whole;
        try (NDManager scope = manager.newSubManager();
                Checkpoint checkpoint = Checkpoint.open(file)) {
            whole = checkpoint.read(manager, "w");
            NDArray short1 = checkpoint.read(scope, "w");
            view = short1.reshape(2, LARGE / 2); // shares the mapping, outlives both the array and its manager
            view.attach(manager);
        }
        Files.delete(file);
        for (int i = 0; i < 3; i++) {
            System.gc(); // would unmap what nothing refers to
        }
        assertThat(whole.getFloat(LARGE - 1)).isEqualTo(LARGE - 1);
        assertThat(view.getFloat(1, LARGE / 2 - 1)).isEqualTo(LARGE - 1);
        whole.addi(1); // a read-only mapping would end the process here
        assertThat(whole.getFloat(7)).isEqualTo(8);
        assertThat(view.getFloat(0, 7)).isEqualTo(7);
    }

    @Test
    void mapsLargeFloatTensorsInsteadOfCopyingThem() throws IOException {
        Path maps = Path.of("/proc/self/maps");
        assumeTrue(Files.isReadable(maps), "only Linux lists a process's mappings in " + maps);
        Path file = TestFiles.write(folder, "large-and-mapped.safetensors", large());
        try (Checkpoint checkpoint = Checkpoint.open(file)) {
            NDArray mapped = checkpoint.read(manager, "w");
            assertThat(mapped.getFloat(9)).isEqualTo(9);
            assertThat(Files.readString(maps)).contains("large-and-mapped.safetensors");
        }
    }

    @Test
    void neverWritesToTheFile() throws IOException {
        byte[] before = large();
        Path file = TestFiles.write(folder, "large.safetensors", before);
        try (Checkpoint checkpoint = Checkpoint.open(file)) {
            NDArray mapped = checkpoint.read(manager, "w");
            mapped.muli(2);
            assertThat(mapped.getFloat(3)).isEqualTo(6);
        }
        assertThat(Files.readAllBytes(file)).isEqualTo(before);
    }

    @Test
    void copiesWhereMappingIsImpossible() throws IOException {
        Path zip = folder.resolve("weights.zip");
        try (FileSystem files = FileSystems.newFileSystem(zip, Map.of("create", "true"))) {
            Path inside = Files.write(files.getPath("/w.safetensors"), large());
            try (Checkpoint checkpoint = Checkpoint.open(inside)) {
                assertThat(checkpoint.read(manager, "w").getFloat(12345)).isEqualTo(12345);
            }
        }
        String padded = "{\"odd\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
                + "\"w\":{\"dtype\":\"F32\",\"shape\":[" + LARGE + "],\"data_offsets\":[1," + (4 * LARGE + 1) + "]}}";
        byte[] shifted = new Bytes().u8(0).raw(ramp()).done();
        for (String spaces : List.of("", " ", "  ", "   ")) { // each alignment of the data once
            Path file = TestFiles.write(folder, "odd.safetensors", TestFiles.safetensors(padded + spaces, shifted));
            try (Checkpoint checkpoint = Checkpoint.open(file)) {
                assertThat(checkpoint.read(manager, "w").getFloat(54321)).isEqualTo(54321);
            }
        }
    }

    @Test
    void aCopyDoesNotChangeWithTheFile() throws IOException {
        Path file = TestFiles.write(folder, "w.safetensors", large());
        try (Checkpoint checkpoint = Checkpoint.open(file)) {
            NDArray copy = checkpoint.readCopy(manager, "w");
            assertThat(copy).isEqualTo(checkpoint.read(manager, "w"));
            Files.write(
                    file, new byte[(int) Files.size(file)], StandardOpenOption.WRITE); // in place: a mapping shows it
            assertThat(copy.getFloat(12345)).isEqualTo(12345);
        }
    }

    @Test
    void saysThatItIsClosed() throws IOException {
        Checkpoint checkpoint = Checkpoint.open(TestFiles.resource("/gguf/tiny-llama.gguf"));
        checkpoint.close();
        assertThatThrownBy(() -> checkpoint.read(manager, "output_norm.weight"))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("closed");
    }

    @Test
    void leavesNoArrayBehindWhenReadingFails() throws IOException {
        Path file = TestFiles.write(folder, "cut.gguf", TestFiles.mixedGguf());
        try (Checkpoint checkpoint = Checkpoint.open(file)) {
            byte[] cut = Arrays.copyOf(TestFiles.mixedGguf(), TestFiles.mixedGguf().length - 20);
            Files.write(file, cut);
            assertThatThrownBy(() -> checkpoint.read(manager, "half"))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("cut.gguf");
            assertThat(manager.getManagedArrays()).isEmpty();
        }
    }

    private static byte[] ramp() {
        float[] values = new float[LARGE];
        for (int i = 0; i < LARGE; i++) {
            values[i] = i;
        }
        return TestFiles.floats(values);
    }

    private static byte[] large() {
        String header = "{\"w\":{\"dtype\":\"F32\",\"shape\":[" + LARGE + "],\"data_offsets\":[0," + 4 * LARGE + "]}}";
        String aligned = header + " ".repeat((8 - header.length() % 8) % 8);
        return TestFiles.safetensors(aligned, ramp());
    }

    @Test
    void theSameContentIsTheSameBytesInWhateverOrderItsNotesCome(@TempDir Path folder) throws IOException {
        Map<String, String> forward = new LinkedHashMap<>();
        Map<String, String> backward = new LinkedHashMap<>();
        for (int i = 0; i < 9; i++) {
            forward.put("note" + i, "x");
            backward.put("note" + (8 - i), "x");
        }
        Checkpoint.write(folder.resolve("a.safetensors"), Map.of(), forward);
        Checkpoint.write(folder.resolve("b.safetensors"), Map.of(), backward);
        assertThat(folder.resolve("a.safetensors"))
                .hasBinaryContent(Files.readAllBytes(folder.resolve("b.safetensors")));
    }
}
