package dev.ariadne.model.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.ariadne.model.weights.TestFiles.GgufTensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DequantizeTest {
    @TempDir
    Path folder;

    @ParameterizedTest
    @ValueSource(strings = {"Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q4_K", "Q5_K", "Q6_K", "F16", "BF16", "F32"})
    void equalsTheReferenceBitForBit(String type) throws IOException {
        JsonNode recorded = new ObjectMapper()
                .readTree(TestFiles.resource("/gguf/dequant_blocks.json").toFile())
                .get(type);
        byte[] stored = HexFormat.of().parseHex(recorded.get("bytes_hex").asText());
        long blockElements = recorded.path("block_elements").asLong(1); // absent for the plain types
        long blocks = recorded.get("float32_le_hex").asText().length() / 8 / blockElements;
        int id = recorded.get("ggml_type").asInt();
        Path file = TestFiles.write(
                folder,
                "blocks.gguf",
                TestFiles.gguf(List.of(), new GgufTensor("t", id, stored, blockElements, blocks)));

        assertThat(bits(file, TensorReader.MOST_BUFFER_BYTES))
                .isEqualTo(recorded.get("float32_le_hex").asText());
        // the same values when the array has to be filled piece by piece, as one above 2^31 bytes must be
        assertThat(bits(file, 100)).isEqualTo(recorded.get("float32_le_hex").asText());
    }

    private static String bits(Path file, long mostBufferBytes) throws IOException {
        try (NDManager manager = NDManager.newBaseManager(Device.cpu());
                Checkpoint checkpoint = Checkpoint.open(file, mostBufferBytes);
                NDArray array = checkpoint.read(manager, "t")) {
            ByteBuffer bytes = array.toByteBuffer(false);
            byte[] copy = new byte[bytes.remaining()];
            bytes.get(copy);
            return HexFormat.of().formatHex(copy);
        }
    }

    @Test
    void widensEveryHalfAsItsDefinitionSays() {
        for (int bits = 0; bits < 65536; bits++) {
            int exponent = (bits >> 10) & 31;
            int mantissa = bits & 1023;
            double magnitude = exponent == 31
                    ? (mantissa == 0 ? Double.POSITIVE_INFINITY : Double.NaN)
                    : exponent == 0 ? mantissa * 0x1p-24 : Math.scalb(1 + mantissa / 1024.0, exponent - 15);
            float expected = (float) (bits < 32768 ? magnitude : -magnitude);
            assertThat(Float.compare(Dequantize.half(bits), expected))
                    .as("half %x", bits)
                    .isZero();
        }
    }

    @Test
    void readsARealTableSoThatAnEmbeddingHasTheRecordedNorm() throws IOException {
        for (String name : List.of("tiny-llama", "tiny-gemma3")) {
            JsonNode parity = new ObjectMapper()
                    .readTree(
                            TestFiles.resource("/gguf/" + name + ".parity.json").toFile());
            double scale = name.equals("tiny-gemma3") ? 8 : 1; // Gemma scales its embedding by sqrt(64)
            try (NDManager manager = NDManager.newBaseManager(Device.cpu());
                    Checkpoint checkpoint = Checkpoint.open(TestFiles.resource("/gguf/" + name + ".gguf"))) {
                NDArray table = checkpoint.read(manager, "token_embd.weight"); // [dVocab, dModel]
                for (JsonNode prompt : parity.get("prompts")) {
                    JsonNode ids = prompt.get("ids");
                    ByteBuffer row = table.get(ids.get(ids.size() - 1).asLong()).toByteBuffer(false);
                    double squares = 0;
                    for (float x : floats(row)) {
                        squares += (double) x * x;
                    }
                    double expected =
                            prompt.get("resid_last_row_per_layer_norm").get(0).asDouble();
                    assertThat(scale * Math.sqrt(squares) / expected).isCloseTo(1, within(1e-6));
                }
            }
        }
    }

    private static float[] floats(ByteBuffer bytes) {
        float[] values = new float[bytes.remaining() / 4];
        bytes.order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(values);
        return values;
    }
}
