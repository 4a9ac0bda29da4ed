package dev.ariadne.model.weights;

import ai.djl.ndarray.types.Shape;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.ZipEntry;

/** Finds the arrays of an {@code .npz} file, a zip of {@code .npy} files: those that lie there as they are, as {@code numpy.savez} writes them. */
final class Npz {
    private static final String ENDING = ".npy";
    private static final int MOST_ENTRIES = 10_000;
    private static final int MOST_DIRECTORY_BYTES = 1 << 24;
    private static final long NARROW = 0xffffffffL; // 32 bits; as a value, "see the extra field"
    private static final int LOCAL = 0x04034b50;
    private static final int LOCAL_BYTES = 30;
    private static final int ENTRY = 0x02014b50;
    private static final int ENTRY_BYTES = 46;
    private static final int END = 0x06054b50;
    private static final int END_BYTES = 22;
    private static final int LOCATOR = 0x07064b50;
    private static final int LOCATOR_BYTES = 20;
    private static final int WIDE_END = 0x06064b50;
    private static final int WIDE_END_BYTES = 56;
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
        return new Npz(channel, new Damage(path)).index();
    }

    /**
     * An entry of the zip's directory, which {@code java.util.zip} reads, too, but without saying where things lie.
     *
     * @param name the whole path
     * @param plain whether it is neither compressed nor encrypted
     * @param size in bytes
     * @param local where its own header begins
     */
    private record Entry(String name, boolean plain, long size, long local) {}

    private FileIndex index() throws IOException {
        for (Entry entry : entries()) {
            String quoted = Damage.quote(entry.name());
            if (!entry.name().endsWith(ENDING)) {
                throw damage.of("it has an entry " + quoted + "; those of an .npz end with " + ENDING);
            }
            if (!entry.plain()) {
                throw damage.unsupported(
                        "the array " + quoted + " is compressed, so that its rows have no place of their own",
                        "Save it with numpy.savez instead of savez_compressed, or as safetensors");
            }
            array(entry, quoted);
        }
        return index.build(new LinkedHashMap<>());
    }

    /** The directory stands at the end; where there is a wide one (zip64), the narrow one points to it. */
    private List<Entry> entries() throws IOException {
        long size = channel.size();
        int tail = (int) Math.min(size, END_BYTES + 0xffff);
        ByteBuffer end = bytes(size - tail, tail);
        int at = tail - END_BYTES;
        while (at >= 0 && end.getInt(at) != END) {
            at--;
        }
        if (at < 0) {
            throw damage.of("it is no zip file: there is no directory at its end");
        }
        long count = end.getShort(at + 10) & 0xffffL;
        long length = end.getInt(at + 12) & NARROW;
        long start = end.getInt(at + 16) & NARROW;
        long where = size - tail + at;
        if (where >= LOCATOR_BYTES
                && bytes(where - LOCATOR_BYTES, LOCATOR_BYTES).getInt(0) == LOCATOR) {
            long place = bytes(where - LOCATOR_BYTES, LOCATOR_BYTES).getLong(8);
            requireInside(place, WIDE_END_BYTES, "its wide directory's end");
            ByteBuffer wide = bytes(place, WIDE_END_BYTES);
            if (wide.getInt(0) != WIDE_END) {
                throw damage.of("it is no zip file: its wide directory has no end");
            }
            count = wide.getLong(32);
            length = wide.getLong(40);
            start = wide.getLong(48);
        }
        if (count < 0 || count > MOST_ENTRIES || length > MOST_DIRECTORY_BYTES) {
            throw damage.of("it has more than " + MOST_ENTRIES + " entries, or a directory of more than "
                    + MOST_DIRECTORY_BYTES + " bytes");
        }
        requireInside(start, length, "its directory");
        ByteBuffer directory = bytes(start, (int) length);
        List<Entry> entries = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            entries.add(entry(directory, i));
        }
        entries.sort(Comparator.comparingLong(Entry::local));
        return entries;
    }

    private Entry entry(ByteBuffer directory, int number) throws IOException {
        ByteBuffer head = directory.slice().order(ByteOrder.LITTLE_ENDIAN);
        if (head.remaining() < ENTRY_BYTES || head.getInt(0) != ENTRY) {
            throw damage.of("its directory has no entry " + number);
        }
        int name = head.getShort(28) & 0xffff;
        int extra = head.getShort(30) & 0xffff;
        int whole = ENTRY_BYTES + name + extra + (head.getShort(32) & 0xffff);
        if (head.remaining() < whole) {
            throw damage.of("its directory is cut off in entry " + number);
        }
        long[] places = {head.getInt(24) & NARROW, head.getInt(20) & NARROW, head.getInt(42) & NARROW};
        widen(places, head.slice(ENTRY_BYTES + name, extra).order(ByteOrder.LITTLE_ENDIAN));
        directory.position(directory.position() + whole);
        boolean plain = head.getShort(10) == ZipEntry.STORED && (head.getShort(8) & 1) == 0 && places[0] == places[1];
        String text =
                StandardCharsets.UTF_8.decode(head.slice(ENTRY_BYTES, name)).toString();
        return new Entry(text, plain, places[0], places[2]);
    }

    /** Size, compressed size and place that do not fit into 32 bits stand in an extra field, those only. */
    private static void widen(long[] places, ByteBuffer extra) {
        while (extra.remaining() >= 4) {
            int kind = extra.getShort();
            int length = Math.min(extra.getShort() & 0xffff, extra.remaining());
            ByteBuffer field = extra.slice(extra.position(), length).order(ByteOrder.LITTLE_ENDIAN);
            for (int i = 0; i < places.length && kind == 1; i++) {
                if (places[i] == NARROW && field.remaining() >= Long.BYTES) {
                    places[i] = field.getLong();
                }
            }
            extra.position(extra.position() + length);
        }
    }

    private void requireInside(long start, long length, String what) throws IOException {
        if (start < 0 || length < 0 || length > channel.size() || start > channel.size() - length) {
            throw damage.of(what + " lies outside the file");
        }
    }

    private void array(Entry entry, String quoted) throws IOException {
        requireInside(entry.local(), LOCAL_BYTES, "the array " + quoted);
        ByteBuffer local = bytes(entry.local(), LOCAL_BYTES);
        if (local.getInt(0) != LOCAL) {
            throw damage.of("the array " + quoted + " has no header of its own in the zip");
        }
        long start = entry.local() + LOCAL_BYTES + (local.getShort(26) & 0xffff) + (local.getShort(28) & 0xffff);
        requireInside(start, entry.size(), "the array " + quoted);
        long end = start + entry.size();
        ByteBuffer head = bytes(start, (int) Math.min(12, entry.size()));
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
        if (version < 1 || version > 3 || length > MOST_HEADER_BYTES || prefix + length > entry.size()) {
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
        add(entry.name(), parts, start + prefix + length, end);
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
