package dev.ariadne.model.weights;

import ai.djl.ndarray.types.Shape;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.ZipEntry;
import org.apache.commons.compress.archivers.zip.ZipArchiveEntry;
import org.apache.commons.compress.archivers.zip.ZipFile;

/** Finds the arrays of an {@code .npz} file, a zip of {@code .npy} files: those that lie there as they are, as {@code numpy.savez} writes them. */
final class Npz {
    private static final String ENDING = ".npy";
    private static final int MOST_ENTRIES = 10_000;
    private static final int MOST_HEADER_BYTES = 1 << 16;
    private static final byte[] MAGIC = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y'};
    private static final Pattern HEADER = Pattern.compile(
            "\\{\\s*'descr'\\s*:\\s*'([^']{1,16})'\\s*,"
                    + "\\s*'fortran_order'\\s*:\\s*(True|False)\\s*,\\s*'shape'\\s*:\\s*\\(([0-9, ]{0,200})\\)\\s*,?\\s*\\}\\s*");
    private static final Map<String, StoredType> TYPES = Map.of(
            "<f4", StoredType.F32,
            "<f2", StoredType.F16,
            "<f8", StoredType.F64,
            "<i4", StoredType.I32,
            "<i8", StoredType.I64,
            "|i1", StoredType.I8,
            "|u1", StoredType.U8,
            "|b1", StoredType.BOOL);

    private final FileChannel channel;
    private final Damage damage;
    private final FileIndex.Builder index;

    private Npz(FileChannel channel, Damage damage) {
        this.channel = channel;
        this.damage = damage;
        this.index = new FileIndex.Builder(damage);
    }

    static FileIndex read(FileChannel channel, Path path) throws IOException {
        Damage damage = new Damage(path);
        try (ZipFile zip = open(path, damage)) {
            return new Npz(channel, damage).index(zip);
        }
    }

    private static ZipFile open(Path path, Damage damage) throws IOException {
        try {
            return ZipFile.builder().setPath(path).get();
        } catch (IOException | IllegalArgumentException e) {
            throw damage.of("it is no zip file: " + e.getMessage());
        }
    }

    private FileIndex index(ZipFile zip) throws IOException {
        int count = 0;
        for (ZipArchiveEntry entry : Collections.list(zip.getEntriesInPhysicalOrder())) {
            if (++count > MOST_ENTRIES) {
                throw damage.of("it has more than " + MOST_ENTRIES + " entries");
            }
            String quoted = Damage.quote(entry.getName());
            if (!entry.getName().endsWith(ENDING)) {
                throw damage.of("it has an entry " + quoted + "; those of an .npz end with " + ENDING);
            }
            if (entry.getMethod() != ZipEntry.STORED || entry.getSize() != entry.getCompressedSize()) {
                throw damage.unsupported(
                        "the array " + quoted + " is compressed, so that its rows have no place of their own",
                        "Save it with numpy.savez instead of savez_compressed, or as safetensors");
            }
            array(entry, quoted);
        }
        return index.build(new LinkedHashMap<>());
    }

    private void array(ZipArchiveEntry entry, String quoted) throws IOException {
        long start = entry.getDataOffset();
        long end = start + entry.getSize();
        if (start < 0 || end < start || end > channel.size()) {
            throw damage.of("the array " + quoted + " lies outside the file");
        }
        ByteBuffer head = bytes(start, (int) Math.min(12, entry.getSize()));
        byte[] magic = new byte[MAGIC.length];
        if (head.remaining() == 12) {
            head.get(magic);
        }
        if (!Arrays.equals(magic, MAGIC)) {
            throw damage.of("the array " + quoted + " does not begin as .npy files do");
        }
        int version = head.get();
        int prefix = version == 1 ? 10 : 12;
        long length = version == 1 ? head.getShort(8) & 0xffff : head.getInt(8) & 0xffffffffL;
        if (version < 1 || version > 3 || length > MOST_HEADER_BYTES || prefix + length > entry.getSize()) {
            throw damage.of("the array " + quoted + " has a header of version " + version + " and " + length
                    + " bytes; known are versions 1 to 3, of at most " + MOST_HEADER_BYTES + " bytes");
        }
        String header = StandardCharsets.ISO_8859_1
                .decode(bytes(start + prefix, (int) length))
                .toString();
        Matcher parts = HEADER.matcher(header);
        if (!parts.matches()) {
            throw damage.of("the array " + quoted + " has the header " + Damage.quote(header)
                    + "; it must say 'descr', 'fortran_order' and 'shape'");
        }
        add(entry.getName(), parts, start + prefix + length, end);
    }

    private void add(String name, Matcher header, long start, long end) throws IOException {
        String quoted = Damage.quote(name);
        StoredType type = TYPES.get(header.group(1));
        if (type == null || header.group(2).equals("True")) {
            throw damage.unsupported(
                    "the array " + quoted + " is of type " + Damage.quote(header.group(1))
                            + (header.group(2).equals("True") ? " in Fortran's order" : ""),
                    "Types that are read: "
                            + String.join(", ", TYPES.keySet().stream().sorted().toList())
                            + ", in C's order. Save numpy.ascontiguousarray of it");
        }
        String[] sizes = header.group(3).isBlank()
                ? new String[0]
                : header.group(3).strip().split("\\s*,\\s*");
        long[] shape = new long[sizes.length];
        if (sizes.length > FileIndex.MAX_DIMS) {
            throw damage.of("the array " + quoted + " has " + sizes.length + " sizes, more than " + FileIndex.MAX_DIMS);
        }
        for (int i = 0; i < shape.length; i++) {
            if (!sizes[i].matches("\\d{1,18}")) {
                throw damage.of("the array " + quoted + " has a size " + Damage.quote(sizes[i]));
            }
            shape[i] = Long.parseLong(sizes[i]);
        }
        long elements = index.elements(name, shape);
        long bytes = index.bytes(name, type, elements);
        if (bytes != end - start) {
            throw damage.of("the array " + quoted + " of " + new Shape(shape) + " takes " + bytes + " bytes, and has "
                    + (end - start));
        }
        String plain = name.substring(0, name.length() - ENDING.length());
        index.add(new TensorEntry(plain, type, new Shape(shape), elements, start, bytes), start, end);
    }

    private ByteBuffer bytes(long from, int count) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(count).order(ByteOrder.LITTLE_ENDIAN);
        while (bytes.hasRemaining()) {
            if (channel.read(bytes, from + bytes.position()) < 0) {
                throw damage.of("the file ended at byte " + (from + bytes.position()));
            }
        }
        return bytes.flip();
    }
}
