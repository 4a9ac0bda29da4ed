package dev.ariadne.transcoder;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.ariadne.model.weights.Checkpoint;
import dev.ariadne.tensor.Tensors;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.regex.Pattern;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The same weights in every layout that is published, read as a whole and a piece at a time. */
class TranscoderLayoutsTest {
    private static final int FEATURES = 20;
    private static final int WIDTH = 8;

    private final NDManager manager = Tensors.engine().newBaseManager(Device.cpu());
    private final Random random = new Random(4);

    @TempDir
    private Path folder;

    @AfterEach
    void close() {
        manager.close();
    }

    private NDArray random(long... sizes) {
        Shape shape = new Shape(sizes);
        float[] values = new float[(int) shape.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return manager.create(values, shape);
    }

    /** JumpReLU, with or without a skip. */
    private Map<String, NDArray> arrays(boolean skip) {
        Map<String, NDArray> arrays = new LinkedHashMap<>();
        arrays.put("W_enc", random(FEATURES, WIDTH));
        arrays.put("b_enc", random(FEATURES));
        arrays.put("W_dec", random(FEATURES, WIDTH));
        arrays.put("b_dec", random(WIDTH));
        arrays.put("activation_function.threshold", random(FEATURES).abs());
        if (skip) {
            arrays.put("W_skip", random(WIDTH, WIDTH));
        }
        return arrays;
    }

    private static NDArray turned(NDArray array) {
        return array.transpose()
                .add(0)
                .reshape(-1)
                .reshape(array.getShape().get(1), array.getShape().get(0));
    }

    private static NDArray get(Map<String, NDArray> arrays, String name) {
        return Objects.requireNonNull(arrays.get(name), name);
    }

    private void write(String layout, Map<String, NDArray> arrays) throws IOException {
        Map<String, NDArray> stored = new LinkedHashMap<>();
        switch (layout) {
            case "gemma-scope" -> {
                arrays.forEach((name, array) -> stored.put(name.replace("activation_function.", ""), array));
                stored.put("W_enc", turned(get(arrays, "W_enc")));
                writeNpz(folder.resolve("layer_0/average_l0_76/params.npz"), stored);
                configure("hf://google/some-scope//layer_0/average_l0_76/params.npz?revision=main");
            }
            case "gemma-scope-2" -> {
                stored.put("w_enc", turned(get(arrays, "W_enc")));
                stored.put("w_dec", get(arrays, "W_dec"));
                stored.put("b_enc", get(arrays, "b_enc"));
                stored.put("b_dec", get(arrays, "b_dec"));
                stored.put("threshold", get(arrays, "activation_function.threshold"));
                stored.put("affine_skip_connection", turned(get(arrays, "W_skip")));
                Checkpoint.write(folder.resolve("params.safetensors"), stored, Map.of());
                configure("hf://google/gemma-scope-2-1b/transcoder_all/layer_0/params.safetensors");
            }
            default -> {
                DataType type = layout.equals("half") ? DataType.FLOAT16 : DataType.FLOAT32;
                arrays.forEach((name, array) -> stored.put(name, array.toType(type, false)));
                Checkpoint.write(folder.resolve("layer_0.safetensors"), stored, Map.of());
                Files.writeString(folder.resolve("config.yaml"), "model_kind: transcoder_set\n"); // names no files
            }
        }
    }

    private void configure(String file) throws IOException {
        Files.writeString(
                folder.resolve("config.yaml"), "model_kind: transcoder_set\ntranscoders:\n- \"" + file + "\"\n");
    }

    private static void writeNpz(Path file, Map<String, NDArray> arrays) throws IOException {
        Files.createDirectories(file.getParent());
        try (OutputStream out = Files.newOutputStream(file);
                ZipOutputStream zip = new ZipOutputStream(out)) {
            for (Map.Entry<String, NDArray> each : arrays.entrySet()) {
                String shape = each.getValue().getShape().toString().replaceAll("[()]", "");
                String text = "{'descr': '<f4', 'fortran_order': False, 'shape': (" + shape + ",), }";
                int odd = 30 + each.getKey().length() + 4 + 10 + text.length() + 1; // where the values would begin
                byte[] header = (text + " ".repeat((5 - odd % 4) % 4) + "\n").getBytes(StandardCharsets.US_ASCII);
                float[] values = each.getValue().toFloatArray();
                ByteBuffer all = ByteBuffer.allocate(10 + header.length + 4 * values.length)
                        .order(ByteOrder.LITTLE_ENDIAN);
                all.put(new byte[] {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0}).putShort((short) header.length);
                all.put(header).asFloatBuffer().put(values);
                ZipEntry entry = new ZipEntry(each.getKey() + ".npy");
                entry.setMethod(ZipEntry.STORED);
                entry.setSize(all.capacity());
                CRC32 sum = new CRC32();
                sum.update(all.array());
                entry.setCrc(sum.getValue());
                zip.putNextEntry(entry);
                zip.write(all.array());
                zip.closeEntry();
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"ours, true, 1e-6", "half, true, 2e-2", "gemma-scope, false, 1e-6", "gemma-scope-2, true, 1e-6"})
    void everyLayoutIsTheSameTranscoder(String layout, boolean skip, float tolerance) throws IOException {
        Map<String, NDArray> arrays = arrays(skip);
        write(layout, arrays);
        NDArray x = random(5, WIDTH);
        long[] some = {19, 0, 3, 4, 3};
        try (Transcoder expected = Transcoder.of(Activation.JUMP_RELU, arrays);
                Transcoders pieces = Transcoders.load(folder);
                TranscoderSet whole = TranscoderSet.load(folder).readWhole()) {
            for (Transcoders set : List.of(pieces, whole)) {
                assertThat(set.features(0)).isEqualTo(FEATURES);
                assertThat(set.activation(0)).isEqualTo(Activation.JUMP_RELU);
                close(set.preactivations(0, x), expected.preactivations(x), tolerance);
                close(set.encoderRows(0, some, manager), get(arrays, "W_enc").get(manager.create(some)), tolerance);
                close(set.decoderRows(0, some, 0, manager), get(arrays, "W_dec").get(manager.create(some)), tolerance);
                if (!layout.equals("half")) { // rounding moves features over their threshold
                    close(set.encode(0, x), expected.encode(x), tolerance);
                    close(set.reconstruct(0, List.of(x)), expected.reconstruct(x), 10 * tolerance);
                }
            }
            close(whole.transcoder(0).encoder(), get(arrays, "W_enc"), tolerance);
            assertThat(pieces.preactivations(0, x.toType(DataType.FLOAT64, false))
                            .getDataType())
                    .isEqualTo(DataType.FLOAT64);
        }
    }

    private static void close(NDArray found, NDArray expected, float tolerance) {
        assertThat(found.getShape()).isEqualTo(expected.getShape());
        assertThat(found.toType(DataType.FLOAT32, false).toFloatArray())
                .containsExactly(expected.toFloatArray(), within(tolerance));
    }

    /** Larger than what is read at a time, so that there are several pieces. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aMatrixInPiecesIsTheWholeMatrix(boolean turned) throws IOException {
        NDArray matrix = random(3100, 2800); // [row, width]
        Map<String, NDArray> stored = Map.of("w", turned ? turned(matrix) : matrix);
        writeNpz(folder.resolve("w.npz"), stored);
        long[] some = {3099, 0, 1500, 1501};
        NDArray x = random(3, 2800);
        NDArray b = random(3100);
        try (Checkpoint file = Checkpoint.open(folder.resolve("w.npz"))) {
            Matrix pieces = Matrix.of(file, "w", turned, manager);
            Matrix whole = Matrix.of(matrix);
            assertThat(pieces.array()).as("lies where it cannot be mapped").isNull();
            assertThat(pieces.rows()).isEqualTo(3100);
            assertThat(pieces.rows(some, manager)).isEqualTo(whole.rows(some, manager));
            close(pieces.read(x, b), whole.read(x, b), 1e-3f); // values up to 200
        }
    }

    @Test
    void aFileThatIsCutOffWhileItIsUsedIsNamed() throws IOException {
        write("half", arrays(true));
        Path file = folder.resolve("layer_0.safetensors");
        try (TranscoderSet set = TranscoderSet.load(folder)) {
            set.preactivations(0, random(1, WIDTH));
            Files.write(file, new byte[10]); // the same file, not a new one
            assertThatThrownBy(() -> set.decoderRows(0, new long[] {1}, 0, manager))
                    .isInstanceOf(UncheckedIOException.class)
                    .hasMessageContaining("layer_0.safetensors")
                    .hasMessageContaining("the file ended at byte");
        }
        write("half", arrays(true));
        try (TranscoderSet set = TranscoderSet.load(folder)) {
            Files.delete(file); // what is open stays readable
            assertThat(set.decoderRows(0, new long[] {1}, 0, manager).getShape())
                    .isEqualTo(new Shape(1, WIDTH));
        }
        assertThatThrownBy(() -> TranscoderSet.load(folder)).hasMessageContaining("there is no layer_0.safetensors");
    }

    @Test
    void placesOnTheHubAreReadStrictly() {
        assertThat(HubPlace.parse("org/name")).isEqualTo(new HubPlace("org/name", ""));
        assertThat(HubPlace.parse("org/name/a/b@v1")).isEqualTo(new HubPlace("org/name@v1", "a/b"));
        assertThat(HubPlace.parse("hf://org/name//a/b.npz?revision=v1"))
                .isEqualTo(new HubPlace("org/name@v1", "a/b.npz"));
        assertThat(HubPlace.parse("org/name/a").file("config.yaml")).isEqualTo("a/config.yaml");
        for (String text :
                List.of("name", "org/name/../x", "org/name/a/.git", "https://org/name", "org/name@a/b", "")) {
            assertThatThrownBy(() -> HubPlace.parse(text))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("neither a folder here nor a place on the hub");
        }
    }

    /** A hub in a folder: repositories by name. */
    private HubTranscoders.Source hub() {
        return new HubTranscoders.Source() {
            @Override
            public Path files(String repository, List<String> names) throws IOException {
                for (String name : names) {
                    if (!Files.isRegularFile(folder.resolve(repository).resolve(name))) {
                        throw new IOException(repository + " has no " + name);
                    }
                }
                return folder.resolve(repository);
            }

            @Override
            public Path filesMatching(String repository, Pattern names) {
                return folder.resolve(repository);
            }
        };
    }

    @Test
    void transcodersOnTheHubMayLieInAnotherRepository() throws IOException {
        Map<String, NDArray> stored = new LinkedHashMap<>(arrays(false));
        stored.put("threshold", get(stored, "activation_function.threshold"));
        stored.remove("activation_function.threshold");
        stored.put("W_enc", turned(get(stored, "W_enc")));
        for (int layer = 0; layer < 2; layer++) {
            writeNpz(folder.resolve("google/scope/layer_" + layer + "/params.npz"), stored);
        }
        Files.createDirectories(folder.resolve("someone/set/small"));
        Files.writeString(folder.resolve("someone/set/small/config.yaml"), """
                model_kind: transcoder_set
                transcoders:
                - hf://google/scope/layer_0/params.npz
                - hf://google/scope/layer_1/params.npz
                """);
        try (Transcoders set = HubTranscoders.load("someone/set/small", hub())) {
            assertThat(set.size()).isEqualTo(2);
            assertThat(set.features(1)).isEqualTo(FEATURES);
        }
        Files.delete(folder.resolve("google/scope/layer_1/params.npz"));
        assertThatThrownBy(() -> HubTranscoders.load("someone/set/small", hub()))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("google/scope has no layer_1/params.npz");
        Files.createDirectories(folder.resolve("someone/plain"));
        Files.writeString(folder.resolve("someone/plain/config.yaml"), "model_kind: transcoder_set\n");
        Checkpoint.write(folder.resolve("someone/plain/layer_0.safetensors"), arrays(true), Map.of());
        try (Transcoders set = HubTranscoders.load("someone/plain", hub())) {
            assertThat(set.skip(0)).isPresent();
        }
    }
}
