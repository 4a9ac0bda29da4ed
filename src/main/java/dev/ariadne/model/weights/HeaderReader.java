package dev.ariadne.model.weights;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.CharBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/** Reads little-endian values from the start of a file and never past its end; lengths are checked before use. */
final class HeaderReader {
    private static final int BUFFER_BYTES = 1 << 16;
    private static final char REPLACEMENT = '\uFFFD'; // what decoding puts for bytes that are not UTF-8

    private final FileChannel channel;
    private final long size;
    private final Damage damage;
    private final ByteBuffer buffer;
    private long bufferStart; // file position of buffer index 0

    HeaderReader(FileChannel channel, long size, Damage damage) {
        this.channel = channel;
        this.size = size;
        this.damage = damage;
        this.buffer = ByteBuffer.allocate((int) Math.min(BUFFER_BYTES, size)).order(ByteOrder.LITTLE_ENDIAN);
        buffer.limit(0);
    }

    long position() {
        return bufferStart + buffer.position();
    }

    long remaining() {
        return size - position();
    }

    int u8(String what) throws IOException {
        return need(1, what).get() & 255;
    }

    int u32AsInt(String what) throws IOException {
        return need(4, what).getInt();
    }

    long u32(String what) throws IOException {
        return Integer.toUnsignedLong(u32AsInt(what));
    }

    long i64(String what) throws IOException {
        return need(8, what).getLong();
    }

    /** A 64-bit count of things that take at least {@code bytesEach} bytes each, so that no lie outgrows the file. */
    long count(String what, int bytesEach) throws IOException {
        long count = i64(what);
        if (count < 0 || count > remaining() / bytesEach) {
            throw damage.of(what + " is " + Long.toUnsignedString(count) + ", but only " + remaining()
                    + " bytes follow and each takes at least " + bytesEach);
        }
        return count;
    }

    /** {@code length} bytes; the caller has a length that {@link #count} has checked. */
    byte[] bytes(long length, String what) throws IOException {
        if (length > remaining() || length > Integer.MAX_VALUE - 8) {
            throw damage.of(what + " has " + length + " bytes, but only " + remaining() + " follow");
        }
        byte[] bytes = new byte[(int) length];
        for (int done = 0; done < bytes.length; ) {
            if (!buffer.hasRemaining()) {
                need(1, what);
            }
            int step = Math.min(buffer.remaining(), bytes.length - done);
            buffer.get(bytes, done, step);
            done += step;
        }
        return bytes;
    }

    /** A string with a 64-bit length before it. */
    String string(String what) throws IOException {
        long length = i64(what);
        if (length < 0 || length > remaining()) {
            throw damage.of("the length of the " + what + " is " + Long.toUnsignedString(length) + ", but only "
                    + remaining() + " bytes follow");
        }
        if (length > buffer.capacity()) {
            return utf8(bytes(length, what), what);
        }
        need((int) length, what);
        String text = new String(buffer.array(), buffer.position(), (int) length, StandardCharsets.UTF_8);
        if (text.indexOf(REPLACEMENT) >= 0) {
            return utf8(bytes(length, what), what);
        }
        buffer.position(buffer.position() + (int) length);
        return text;
    }

    String utf8(byte[] bytes, String what) throws IOException {
        String text = new String(bytes, StandardCharsets.UTF_8);
        if (text.indexOf(REPLACEMENT) < 0) {
            return text;
        }
        try { // the replacement character may be real: decode again, strictly
            CharBuffer strict = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes));
            return strict.toString();
        } catch (CharacterCodingException e) {
            throw damage.of(what + " is not valid UTF-8: " + Damage.quote(text));
        }
    }

    private ByteBuffer need(int count, String what) throws IOException {
        if (buffer.remaining() >= count) {
            return buffer;
        }
        if (remaining() < count) {
            throw damage.of("the file ends at byte " + size + ", in the middle of " + what);
        }
        bufferStart = position();
        buffer.compact(); // keeps the unread tail at index 0
        while (buffer.position() < count) {
            if (channel.read(buffer, bufferStart + buffer.position()) < 0) {
                throw damage.of("the file became shorter than " + size + " bytes while it was read");
            }
        }
        buffer.flip();
        return buffer;
    }
}
