package dev.ariadne.model.weights;

import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.TRUNCATE_EXISTING;
import static java.nio.file.StandardOpenOption.WRITE;

import ai.djl.ndarray.NDArray;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;

/** Writes a safetensors file: the header's length, the header, the arrays one after the other, little endian. */
final class SafetensorsWriter {
    private static final int ALIGNMENT = 8;

    private SafetensorsWriter() {}

    /** Writes beside the file and moves it there when it is whole: whoever reads sees the old one or the new one. */
    static void write(Path file, Map<String, NDArray> arrays, Map<String, String> metadata) throws IOException {
        Path whole = file.toAbsolutePath();
        Path part = whole.resolveSibling(whole.getFileName() + ".part");
        try {
            try (FileChannel out = FileChannel.open(part, CREATE, TRUNCATE_EXISTING, WRITE)) {
                write(out, header(arrays, metadata));
                for (NDArray array : arrays.values()) {
                    try (NDArray flat = array.reshape(array.size())) { // in row-major order, whatever the view
                        write(out, flat.toByteBuffer());
                    }
                }
                out.force(true);
            }
            Files.move(part, whole, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } finally {
            Files.deleteIfExists(part);
        }
    }

    private static ByteBuffer header(Map<String, NDArray> arrays, Map<String, String> metadata) {
        ObjectNode json = new ObjectMapper().createObjectNode();
        if (!metadata.isEmpty()) {
            ObjectNode notes = json.putObject("__metadata__");
            new TreeMap<>(metadata).forEach(notes::put); // in one order: Map.of has another in each JVM
        }
        long offset = 0;
        for (Map.Entry<String, NDArray> entry : arrays.entrySet()) {
            NDArray array = entry.getValue();
            long end = offset + array.size() * array.getDataType().getNumOfBytes();
            ObjectNode tensor = json.putObject(entry.getKey());
            tensor.put("dtype", dtype(entry.getKey(), array));
            Arrays.stream(array.getShape().getShape()).forEach(tensor.putArray("shape")::add);
            tensor.putArray("data_offsets").add(offset).add(end);
            offset = end;
        }
        byte[] text = json.toString().getBytes(StandardCharsets.UTF_8);
        int padded = (text.length + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
        ByteBuffer header = ByteBuffer.allocate(Long.BYTES + padded).order(ByteOrder.LITTLE_ENDIAN);
        header.putLong(padded).put(text);
        while (header.hasRemaining()) {
            header.put((byte) ' ');
        }
        return header.flip();
    }

    private static String dtype(String name, NDArray array) {
        return switch (array.getDataType()) {
            case FLOAT32 -> "F32";
            case FLOAT64 -> "F64";
            case FLOAT16 -> "F16";
            case INT64 -> "I64";
            case INT32 -> "I32";
            default ->
                throw new IllegalArgumentException("'" + name + "' is of type " + array.getDataType()
                        + ", which is not written; convert it to FLOAT32, FLOAT64, FLOAT16, INT64 or INT32");
        };
    }

    private static void write(FileChannel out, ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            out.write(bytes);
        }
    }
}
