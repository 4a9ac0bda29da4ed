package dev.ariadne.display;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.zip.Adler32;
import java.util.zip.CRC32;

/**
 * A small picture with one pixel per cell and a palette.
 *
 * <p>Its PNG is written here, uncompressed, and not by {@code ImageIO}: compressed bytes differ between builds of zlib,
 * and the same input must give the same SVG. PNG specification, sections 4.1 (IHDR, PLTE, IDAT) and RFC 1950, 1951.
 */
final class IndexedImage {
    private static final int BLOCK = 65_535; // the longest stored block of RFC 1951

    private final int width;
    private final int height;
    private final int[] palette;
    private final byte[] pixels; // row by row

    IndexedImage(int width, int height, int[] palette) {
        this.width = width;
        this.height = height;
        this.palette = palette;
        this.pixels = new byte[width * height];
    }

    int width() {
        return width;
    }

    int height() {
        return height;
    }

    void set(int x, int y, int index) {
        pixels[y * width + x] = (byte) index;
    }

    int rgb(int x, int y) {
        return palette[pixels[y * width + x] & 0xFF];
    }

    byte[] png() {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes(new byte[] {(byte) 0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'});
        ByteBuffer header = ByteBuffer.allocate(13).putInt(width).putInt(height);
        header.put((byte) 8).put((byte) 3); // 8 bits, palette; the other three bytes stay zero
        chunk(out, "IHDR", header.array());
        ByteBuffer colors = ByteBuffer.allocate(3 * palette.length);
        for (int rgb : palette) {
            colors.put((byte) (rgb >> 16)).put((byte) (rgb >> 8)).put((byte) rgb);
        }
        chunk(out, "PLTE", colors.array());
        chunk(out, "IDAT", stored(scanLines()));
        chunk(out, "IEND", new byte[0]);
        return out.toByteArray();
    }

    private byte[] scanLines() {
        ByteBuffer lines = ByteBuffer.allocate((width + 1) * height);
        for (int y = 0; y < height; y++) {
            lines.put((byte) 0).put(pixels, y * width, width); // 0: no filter
        }
        return lines.array();
    }

    private static byte[] stored(byte[] data) {
        ByteArrayOutputStream out = new ByteArrayOutputStream(data.length + 16);
        out.write(0x78);
        out.write(0x01);
        for (int start = 0; start < data.length; start += BLOCK) {
            int size = Math.min(BLOCK, data.length - start);
            out.write(start + size == data.length ? 1 : 0);
            out.write(size);
            out.write(size >> 8);
            out.write(~size);
            out.write(~size >> 8);
            out.write(data, start, size);
        }
        Adler32 sum = new Adler32();
        sum.update(data);
        out.writeBytes(ByteBuffer.allocate(4).putInt((int) sum.getValue()).array());
        return out.toByteArray();
    }

    private static void chunk(ByteArrayOutputStream out, String type, byte[] data) {
        byte[] name = type.getBytes(StandardCharsets.US_ASCII);
        CRC32 sum = new CRC32();
        sum.update(name);
        sum.update(data);
        out.writeBytes(ByteBuffer.allocate(4).putInt(data.length).array());
        out.writeBytes(name);
        out.writeBytes(data);
        out.writeBytes(ByteBuffer.allocate(4).putInt((int) sum.getValue()).array());
    }
}
