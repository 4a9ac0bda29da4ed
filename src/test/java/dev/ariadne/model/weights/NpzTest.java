package dev.ariadne.model.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.ariadne.tensor.Tensors;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** NumPy's archives, written here as numpy.savez does, and what pretends to be one. */
class NpzTest {
    private final NDManager manager = Tensors.engine().newBaseManager(Device.cpu());

    @TempDir
    private Path folder;

    @AfterEach
    void close() {
        manager.close();
    }

    /** A .npy file of version 1. */
    private static byte[] npy(String header, byte... values) {
        byte[] text = header.getBytes(StandardCharsets.ISO_8859_1);
        ByteBuffer all = ByteBuffer.allocate(10 + text.length + values.length).order(ByteOrder.LITTLE_ENDIAN);
        all.put(new byte[] {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0}).putShort((short) text.length);
        return all.put(text).put(values).array();
    }

    private static String header(String type, String shape) {
        return "{'descr': '" + type + "', 'fortran_order': False, 'shape': (" + shape + "), }\n";
    }

    private static byte[] floats(float... values) {
        ByteBuffer bytes = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asFloatBuffer().put(values);
        return bytes.array();
    }

    private Path write(int method, Map<String, byte[]> entries) throws IOException {
        Path file = folder.resolve("params.npz");
        try (OutputStream out = Files.newOutputStream(file);
                ZipOutputStream zip = new ZipOutputStream(out)) {
            for (Map.Entry<String, byte[]> each : entries.entrySet()) {
                ZipEntry entry = new ZipEntry(each.getKey());
                entry.setMethod(method);
                if (method == ZipEntry.STORED) {
                    CRC32 sum = new CRC32();
                    sum.update(each.getValue());
                    entry.setCrc(sum.getValue());
                    entry.setSize(each.getValue().length);
                }
                zip.putNextEntry(entry);
                zip.write(each.getValue());
                zip.closeEntry();
            }
        }
        return file;
    }

    @Test
    void readsArraysWhereverTheyLie() throws IOException {
        Map<String, byte[]> entries = new LinkedHashMap<>();
        entries.put("a.npy", npy(header("<f4", "2, 3"), floats(1, 2, 3, 4, 5, 6)));
        entries.put("scalar.npy", npy(header("<f4", ""), floats(7)));
        entries.put("one.npy", npy(header("<i8", "2,"), new byte[] {1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0}));
        entries.put("half.npy", npy(header("<f2", "1, 2"), new byte[] {0, 0x3c, 0, (byte) 0xc0}));
        try (Checkpoint file = Checkpoint.open(write(ZipEntry.STORED, entries))) {
            assertThat(file.format()).isEqualTo(Checkpoint.Format.NPZ);
            assertThat(file.names()).containsExactly("a", "scalar", "one", "half");
            assertThat(file.shape("scalar")).isEmpty();
            assertThat(file.read(manager, "a").toFloatArray()).containsExactly(1, 2, 3, 4, 5, 6);
            assertThat(file.read(manager, "scalar").getFloat()).isEqualTo(7);
            assertThat(file.read(manager, "one").toLongArray()).containsExactly(1, 2);
            assertThat(file.read(manager, "half").toFloatArray()).containsExactly(1, -2);
        }
    }

    @Test
    void someRowsAreThoseOfTheWholeArray() throws IOException {
        Path file = folder.resolve("rows.safetensors");
        float[] values = new float[50 * 6];
        Random random = new Random(1);
        for (int i = 0; i < values.length; i++) {
            values[i] = random.nextFloat();
        }
        NDArray array = manager.create(values, new Shape(50, 2, 3));
        Map<String, NDArray> arrays = new LinkedHashMap<>();
        arrays.put("single", array);
        arrays.put("half", array.toType(DataType.FLOAT16, true));
        arrays.put("double", array.toType(DataType.FLOAT64, true));
        Checkpoint.write(file, arrays, Map.of());
        long[] rows = {99, 0, 1, 2, 7, 7, 6};
        try (Checkpoint opened = Checkpoint.open(file)) {
            for (String name : arrays.keySet()) {
                NDArray all = opened.read(manager, name);
                NDArray some = opened.readRows(manager, name, rows);
                assertThat(some).as(name).isEqualTo(all.reshape(100, 3).get(manager.create(rows)));
            }
            assertThatThrownBy(() -> opened.readRows(manager, "half", 100))
                    .hasMessageContaining("has rows 0 to 99, got 100");
            assertThatThrownBy(() -> opened.readRows(manager, "half", -1)).hasMessageContaining("got -1");
            assertThatThrownBy(() -> opened.readRows(manager, "none", 1)).hasMessageContaining("no tensor 'none'");
        }
        try (Checkpoint small = Checkpoint.open(file, 50)) {
            assertThatThrownBy(() -> small.readRows(manager, "half", rows))
                    .hasMessageContaining("cannot be read at once");
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }; in Fortran's order",
                "{'descr': '>f4', 'fortran_order': False, 'shape': (2, 3), }; is of type '>f4'",
                "{'descr': '|O', 'fortran_order': False, 'shape': (2, 3), }; is of type '|O'",
                "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 4), }; takes 32 bytes, and has 24",
                "{'descr': '<f4', 'fortran_order': False, 'shape': (999999999999999999, 999999999999999999), }; does not fit",
                "{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 4), }; has a size",
                "{'descr': '<f4', 'fortran_order': False, 'shape': (-2, 3), }; it must say 'descr'",
                "{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1), }; more than 8",
                "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2, 3), }; it must say 'descr'",
                "__import__('os').system('true'); it must say 'descr'"
            })
    void aHeaderThatPromisesTooMuchIsRefused(String header, String message) throws IOException {
        Path file = write(ZipEntry.STORED, Map.of("a.npy", npy(header, floats(1, 2, 3, 4, 5, 6))));
        assertThatThrownBy(() -> Checkpoint.open(file))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("params.npz")
                .hasMessageContaining(message);
    }

    @Test
    void whatIsNoArchiveOfArraysIsRefused() throws IOException {
        byte[] good = npy(header("<f4", "2,"), floats(1, 2));
        Path compressed = write(ZipEntry.DEFLATED, Map.of("a.npy", good));
        assertThatThrownBy(() -> Checkpoint.open(compressed)).hasMessageContaining("numpy.savez instead");
        Path other = write(ZipEntry.STORED, Map.of("a.pkl", good));
        assertThatThrownBy(() -> Checkpoint.open(other)).hasMessageContaining("'a.pkl'");
        Path empty = write(ZipEntry.STORED, Map.of("a.npy", new byte[0]));
        assertThatThrownBy(() -> Checkpoint.open(empty)).hasMessageContaining("does not begin as .npy files do");
        byte[] long3 = good.clone();
        long3[6] = 3;
        Path version = write(ZipEntry.STORED, Map.of("a.npy", long3));
        assertThatThrownBy(() -> Checkpoint.open(version)).hasMessageContaining("a header of version 3");
        byte[] whole = Files.readAllBytes(write(ZipEntry.STORED, Map.of("a.npy", good)));
        Random random = new Random(5);
        for (int i = 0; i < 2000; i++) { // whatever is changed: an array, or a message
            byte[] damaged = Arrays.copyOf(whole, i % 4 == 0 ? random.nextInt(whole.length) : whole.length);
            for (int n = 0; n < 3 && damaged.length > 4; n++) {
                damaged[4 + random.nextInt(damaged.length - 4)] = (byte) random.nextInt();
            }
            Path file = Files.write(folder.resolve("damaged.npz"), damaged);
            try (Checkpoint opened = Checkpoint.open(file)) {
                for (String name : opened.names()) {
                    opened.read(manager, name).close();
                }
            } catch (IOException e) {
                assertThat(e).hasMessageContaining("damaged.npz");
            }
        }
    }

    /** As zip files of 4 GB and more are written: sizes and places in extra fields, and a second end of the directory. */
    @Test
    void aWideDirectoryIsReadLikeANarrowOne() throws IOException {
        byte[] array = npy(header("<f4", "2,"), floats(1, 2));
        ByteBuffer narrow = ByteBuffer.wrap(Files.readAllBytes(write(ZipEntry.STORED, Map.of("a.npy", array))))
                .order(ByteOrder.LITTLE_ENDIAN);
        int end = narrow.capacity() - 22;
        int directory = narrow.getInt(end + 16);
        ByteBuffer wide = ByteBuffer.allocate(narrow.capacity() + 28 + 56 + 20).order(ByteOrder.LITTLE_ENDIAN);
        wide.put(narrow.slice(0, directory + 46 + "a.npy".length()));
        wide.putInt(directory + 20, -1).putInt(directory + 24, -1).putInt(directory + 42, -1);
        wide.putShort(directory + 30, (short) 28).putShort(directory + 32, (short) 0);
        wide.putShort((short) 1)
                .putShort((short) 24)
                .putLong(array.length)
                .putLong(array.length)
                .putLong(0);
        int length = wide.position() - directory;
        int second = wide.position();
        wide.putInt(0x06064b50)
                .putLong(44)
                .putInt(0)
                .putInt(0)
                .putInt(0)
                .putLong(1)
                .putLong(1);
        wide.putLong(length).putLong(directory);
        wide.putInt(0x07064b50).putInt(0).putLong(second).putInt(1);
        wide.putInt(0x06054b50)
                .putInt(0)
                .putShort((short) -1)
                .putShort((short) -1)
                .putInt(-1)
                .putInt(-1)
                .putShort((short) 0);
        Path file = Files.write(folder.resolve("wide.npz"), Arrays.copyOf(wide.array(), wide.position()));
        try (Checkpoint opened = Checkpoint.open(file)) {
            assertThat(opened.read(manager, "a").toFloatArray()).containsExactly(1, 2);
        }
    }
}
