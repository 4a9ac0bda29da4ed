package dev.ariadne.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.Map;

/** Quantized blocks, bit for bit: the blocks are put into a GGUF file, which is then read like any other. */
final class DequantizeCheck implements Conformance.Check {
    private static final int ALIGNMENT = 32;

    @Override
    public boolean reads(String file) {
        return file.equals("gguf/dequant_blocks.json");
    }

    @Override
    public void compare(Path folder, String file, Comparison comparison) throws IOException {
        JsonNode recorded = new ObjectMapper().readTree(folder.resolve(file).toFile());
        Path gguf = Files.createTempFile("ariadne-blocks", ".gguf");
        try {
            Files.write(gguf, write(recorded));
            try (Reference reference = new Reference(gguf)) {
                for (Map.Entry<String, JsonNode> type : recorded.properties()) {
                    float[] actual = reference.floats(type.getKey());
                    float[] expected = expected(type.getValue());
                    comparison.same(type.getKey() + " count", actual.length, expected.length);
                    for (int i = 0; i < Math.min(actual.length, expected.length); i++) {
                        comparison.same(
                                type.getKey() + "[" + i + "] bits",
                                Integer.toHexString(Float.floatToRawIntBits(actual[i])),
                                Integer.toHexString(Float.floatToRawIntBits(expected[i])));
                    }
                }
            }
        } finally {
            Files.delete(gguf);
        }
    }

    private static float[] expected(JsonNode type) {
        ByteBuffer bytes = ByteBuffer.wrap(
                        HexFormat.of().parseHex(type.get("float32_le_hex").asText()))
                .order(ByteOrder.LITTLE_ENDIAN);
        float[] values = new float[bytes.remaining() / Float.BYTES];
        bytes.asFloatBuffer().get(values);
        return values;
    }

    /** One tensor per type, of as many values as there are. */
    private static byte[] write(JsonNode recorded) {
        ByteArrayOutputStream header = new ByteArrayOutputStream();
        ByteArrayOutputStream data = new ByteArrayOutputStream();
        header.writeBytes("GGUF".getBytes(StandardCharsets.US_ASCII));
        header.writeBytes(little(4).putInt(3).array());
        header.writeBytes(little(16).putLong(recorded.size()).putLong(0).array());
        for (Map.Entry<String, JsonNode> type : recorded.properties()) {
            byte[] name = type.getKey().getBytes(StandardCharsets.UTF_8);
            header.writeBytes(little(8).putLong(name.length).array());
            header.writeBytes(name);
            long values = expected(type.getValue()).length;
            header.writeBytes(little(12).putInt(1).putLong(values).array());
            header.writeBytes(little(12)
                    .putInt(type.getValue().get("ggml_type").asInt())
                    .putLong(data.size())
                    .array());
            data.writeBytes(
                    HexFormat.of().parseHex(type.getValue().get("bytes_hex").asText()));
            pad(data);
        }
        pad(header);
        header.writeBytes(data.toByteArray());
        return header.toByteArray();
    }

    private static ByteBuffer little(int size) {
        return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
    }

    private static void pad(ByteArrayOutputStream bytes) {
        while (bytes.size() % ALIGNMENT != 0) {
            bytes.write(0);
        }
    }
}
