package dev.ariadne.display;

import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.zip.Adler32;
import java.util.zip.CRC32;
import java.util.zip.Deflater;

/**
 * Writes PNG files; {@code ImageIO} writes drawings two to three times as large, and needs a desktop module's plug-ins.
 * PNG specification, 11.2 (IHDR, PLTE, IDAT, IEND); RFC 1950 and 1951 for the data.
 */
final class PngWriter {
    private static final int PALETTE = 3; // color types of IHDR
    private static final int RGB = 2;
    private static final int BLOCK = 65_535; // the longest stored block of RFC 1951

    private PngWriter() {}

    /**
     * Writes a small picture with a palette, uncompressed: compressed bytes differ between builds of zlib, and this
     * one goes into an SVG, where the same input must give the same characters.
     */
    static byte[] indexed(int width, int height, int[] palette, byte[] pixels) {
        ByteBuffer colors = ByteBuffer.allocate(3 * palette.length);
        for (int rgb : palette) {
            colors.put((byte) (rgb >> 16)).put((byte) (rgb >> 8)).put((byte) rgb);
        }
        ByteBuffer lines = ByteBuffer.allocate((width + 1) * height);
        for (int y = 0; y < height; y++) {
            lines.put((byte) 0).put(pixels, y * width, width); // 0: no filter
        }
        return file(width, height, PALETTE, colors.array(), stored(lines.array()));
    }

    /** Writes a painted picture, compressed. */
    static byte[] rgb(BufferedImage image) {
        int width = image.getWidth();
        int height = image.getHeight();
        ByteBuffer lines = ByteBuffer.allocate((3 * width + 1) * height);
        int[] row = new int[width];
        for (int y = 0; y < height; y++) {
            lines.put((byte) 0);
            for (int rgb : image.getRGB(0, y, width, 1, row, 0, width)) {
                lines.put((byte) (rgb >> 16)).put((byte) (rgb >> 8)).put((byte) rgb);
            }
        }
        return file(width, height, RGB, new byte[0], deflated(lines.array()));
    }

    private static byte[] file(int width, int height, int type, byte[] palette, byte[] data) {
        ByteArrayOutputStream out = new ByteArrayOutputStream(data.length + palette.length + 100);
        out.writeBytes(new byte[] {(byte) 0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'});
        ByteBuffer header = ByteBuffer.allocate(13).putInt(width).putInt(height);
        header.put((byte) 8).put((byte) type); // 8 bits a channel; the other three bytes stay zero
        chunk(out, "IHDR", header.array());
        if (palette.length > 0) {
            chunk(out, "PLTE", palette);
        }
        chunk(out, "IDAT", data);
        chunk(out, "IEND", new byte[0]);
        return out.toByteArray();
    }

    private static byte[] deflated(byte[] data) {
        Deflater deflater = new Deflater(Deflater.BEST_COMPRESSION);
        try {
            deflater.setInput(data);
            deflater.finish();
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            byte[] buffer = new byte[8192];
            while (!deflater.finished()) {
                out.write(buffer, 0, deflater.deflate(buffer));
            }
            return out.toByteArray();
        } finally {
            deflater.end();
        }
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
