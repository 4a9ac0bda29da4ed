package dev.ariadne.model.weights;

import ai.djl.ndarray.types.Shape;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Reads the header of a safetensors file: a length, a JSON object, then the data it describes, without holes. */
final class Safetensors {
    private static final long MAX_HEADER_BYTES = 100_000_000; // the limit of the format's reference reader
    private static final String METADATA = "__metadata__";

    private static final JsonFactory JSON = JsonFactory.builder()
            .streamReadConstraints(StreamReadConstraints.builder()
                    .maxNestingDepth(3) // header, tensor, shape
                    .maxNumberLength(20)
                    .maxNameLength(4096)
                    .maxStringLength((int) MAX_HEADER_BYTES)
                    .build())
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES)
            .disable(JsonFactory.Feature.INTERN_FIELD_NAMES)
            .build();

    private final FileChannel channel;
    private final long fileSize;
    private final Damage damage;

    private Safetensors(FileChannel channel, long fileSize, Damage damage) {
        this.channel = channel;
        this.fileSize = fileSize;
        this.damage = damage;
    }

    static FileIndex read(FileChannel channel, Path path) throws IOException {
        return new Safetensors(channel, channel.size(), new Damage(path)).index();
    }

    private FileIndex index() throws IOException {
        HeaderReader in = new HeaderReader(channel, fileSize, damage);
        long length = in.i64("the header length");
        if (length < 2 || length > in.remaining() || length > MAX_HEADER_BYTES) {
            throw damage.of(
                    "the header length is " + Long.toUnsignedString(length) + " bytes; it must be at least 2, at most "
                            + in.remaining() + " (what follows in the file) and at most " + MAX_HEADER_BYTES);
        }
        byte[] header = in.bytes(length, "the header");
        if (header[0] != '{') {
            throw damage.of("the header does not begin with '{'");
        }
        String text = in.utf8(header, "the header");
        FileIndex.Builder index = new FileIndex.Builder(damage);
        Map<String, Object> metadata = new LinkedHashMap<>();
        try (JsonParser json = JSON.createParser(text)) {
            expect(json.nextToken(), JsonToken.START_OBJECT, "the header");
            while (json.nextToken() == JsonToken.FIELD_NAME) {
                String name = json.currentName();
                if (name.equals(METADATA)) {
                    metadata(json, metadata);
                } else {
                    tensor(json, name, index, in.position());
                }
            }
            if (json.nextToken() != null) {
                throw damage.of("the header goes on after its closing brace");
            }
        } catch (JsonProcessingException e) {
            throw damage.of("the header is not the JSON object it must be: " + e.getOriginalMessage());
        }
        requireNoHoles(index, in.position());
        return index.build(metadata);
    }

    private void metadata(JsonParser json, Map<String, Object> metadata) throws IOException {
        expect(json.nextToken(), JsonToken.START_OBJECT, METADATA);
        while (json.nextToken() == JsonToken.FIELD_NAME) {
            String key = json.currentName();
            expect(json.nextToken(), JsonToken.VALUE_STRING, "metadata " + Damage.quote(key));
            metadata.put(key, json.getText());
        }
    }

    private void tensor(JsonParser json, String name, FileIndex.Builder index, long dataStart) throws IOException {
        String quoted = Damage.quote(name);
        String dtype = null;
        long[] shape = null;
        long[] range = null;
        expect(json.nextToken(), JsonToken.START_OBJECT, "tensor " + quoted);
        while (json.nextToken() == JsonToken.FIELD_NAME) {
            String field = json.currentName();
            switch (field) {
                case "dtype" -> {
                    expect(json.nextToken(), JsonToken.VALUE_STRING, "dtype of " + quoted);
                    dtype = json.getText();
                }
                case "shape" -> shape = numbers(json, "shape of " + quoted, FileIndex.MAX_DIMS);
                case "data_offsets" -> range = numbers(json, "data_offsets of " + quoted, 2);
                default ->
                    throw damage.of("tensor " + quoted + " has a field " + Damage.quote(field)
                            + "; only dtype, shape and data_offsets are known");
            }
        }
        if (dtype == null || shape == null || range == null || range.length != 2) {
            throw damage.of("tensor " + quoted + " must have dtype, shape and two data_offsets");
        }
        index.add(entry(name, dtype, shape, range, index, dataStart), dataStart, fileSize);
    }

    private TensorEntry entry(
            String name, String dtype, long[] shape, long[] range, FileIndex.Builder index, long dataStart)
            throws IOException {
        String quoted = Damage.quote(name);
        @Nullable StoredType type = StoredType.ofSafetensors(dtype).orElse(null);
        if (type == null) {
            throw damage.unsupported(
                    "tensor " + quoted + " has dtype " + Damage.quote(dtype),
                    "Types that are read: F64, F32, F16, BF16, I64, I32, I8, U8, BOOL. Save the tensor as one of these");
        }
        long elements = index.elements(name, shape);
        long bytes = index.bytes(name, type, elements);
        long begin = range[0];
        long end = range[1];
        if (begin < 0 || end < begin || end > fileSize - dataStart || end - begin != bytes) {
            throw damage.of("tensor " + quoted + " has data_offsets [" + begin + ", " + end + "], but " + dtype + " "
                    + Arrays.toString(shape) + " takes " + bytes + " bytes and " + (fileSize - dataStart)
                    + " bytes of data are in the file");
        }
        return new TensorEntry(name, type, new Shape(shape), elements, dataStart + begin, bytes);
    }

    private long[] numbers(JsonParser json, String what, int most) throws IOException {
        expect(json.nextToken(), JsonToken.START_ARRAY, what);
        List<Long> numbers = new ArrayList<>();
        while (json.nextToken() != JsonToken.END_ARRAY) {
            expect(json.currentToken(), JsonToken.VALUE_NUMBER_INT, "each number in the " + what);
            if (numbers.size() == most) {
                throw damage.of("the " + what + " has more than " + most + " numbers");
            }
            numbers.add(json.getLongValue());
        }
        return numbers.stream().mapToLong(Long::longValue).toArray();
    }

    private void requireNoHoles(FileIndex.Builder index, long dataStart) throws IOException {
        long covered = dataStart;
        for (TensorEntry entry : index.inFileOrder()) {
            if (entry.offset() > covered) {
                break;
            }
            covered = Math.max(covered, entry.offset() + entry.bytes());
        }
        if (covered != fileSize) {
            throw damage.of("no tensor claims byte " + covered + " although the file has " + fileSize
                    + " bytes; the tensors must cover all data");
        }
    }

    private void expect(@Nullable JsonToken found, JsonToken wanted, String what) throws IOException {
        if (found != wanted) {
            throw damage.of(what + " must be " + wanted + " in the JSON header, found " + found);
        }
    }
}
