package dev.ariadne.display;

/** A small picture with one pixel per cell and a palette of at most 256 colors. */
final class IndexedImage {
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
        return PngWriter.indexed(width, height, palette, pixels);
    }
}
