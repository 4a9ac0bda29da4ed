package dev.ariadne.model.weights;

/**
 * The block formats of GGUF, one method each: {@code blocks} whole blocks at {@code in[at]} become float32 values at
 * {@code out[0]}. The order of the float32 operations is part of the format: the results are equal bit for bit to those
 * of other readers only with {@code d * scale} first, then times the value, and the minimum added or subtracted last.
 */
final class Dequantize {
    private Dequantize() {}

    /** The value of an IEEE half (Java 17 has no such conversion). */
    static float half(int bits) {
        int sign = (bits & 0x8000) << 16;
        int exponent = (bits >>> 10) & 31;
        int mantissa = bits & 0x3ff;
        if (exponent == 0) {
            float tiny = mantissa * 0x1p-24f;
            return sign == 0 ? tiny : -tiny;
        }
        int widened = exponent == 31 ? 0xff : exponent + 112; // 112 = 127 - 15, the two exponent biases
        return Float.intBitsToFloat(sign | (widened << 23) | (mantissa << 13));
    }

    private static int u16(byte[] in, int at) {
        return (in[at] & 255) | ((in[at + 1] & 255) << 8);
    }

    private static int u32(byte[] in, int at) {
        return u16(in, at) | (u16(in, at + 2) << 16);
    }

    /** Four low bits and, above them, the lowest bit of {@code high}. */
    private static int five(int low, int high) {
        return low | ((high & 1) << 4);
    }

    /** Four low bits and, above them, the two lowest bits of {@code high}. */
    private static int six(int low, int high) {
        return low | ((high & 3) << 4);
    }

    static void f16(byte[] in, int at, float[] out, int blocks) {
        for (int i = 0; i < blocks; i++) {
            out[i] = half(u16(in, at + 2 * i));
        }
    }

    static void bf16(byte[] in, int at, float[] out, int blocks) {
        for (int i = 0; i < blocks; i++) {
            out[i] = Float.intBitsToFloat(u16(in, at + 2 * i) << 16);
        }
    }

    static void q40(byte[] in, int at, float[] out, int blocks) {
        for (int b = 0, p = at, y = 0; b < blocks; b++, p += 18, y += 32) {
            float d = half(u16(in, p));
            for (int j = 0; j < 16; j++) {
                int q = in[p + 2 + j];
                out[y + j] = d * ((q & 15) - 8);
                out[y + j + 16] = d * (((q >> 4) & 15) - 8);
            }
        }
    }

    static void q41(byte[] in, int at, float[] out, int blocks) {
        for (int b = 0, p = at, y = 0; b < blocks; b++, p += 20, y += 32) {
            float d = half(u16(in, p));
            float m = half(u16(in, p + 2));
            for (int j = 0; j < 16; j++) {
                int q = in[p + 4 + j];
                out[y + j] = d * (q & 15) + m;
                out[y + j + 16] = d * ((q >> 4) & 15) + m;
            }
        }
    }

    static void q50(byte[] in, int at, float[] out, int blocks) {
        for (int b = 0, p = at, y = 0; b < blocks; b++, p += 22, y += 32) {
            float d = half(u16(in, p));
            int high = u32(in, p + 2);
            for (int j = 0; j < 16; j++) {
                int q = in[p + 6 + j];
                out[y + j] = d * (five(q & 15, high >>> j) - 16);
                out[y + j + 16] = d * (five((q >> 4) & 15, high >>> (j + 16)) - 16);
            }
        }
    }

    static void q51(byte[] in, int at, float[] out, int blocks) {
        for (int b = 0, p = at, y = 0; b < blocks; b++, p += 24, y += 32) {
            float d = half(u16(in, p));
            float m = half(u16(in, p + 2));
            int high = u32(in, p + 4);
            for (int j = 0; j < 16; j++) {
                int q = in[p + 8 + j];
                out[y + j] = d * five(q & 15, high >>> j) + m;
                out[y + j + 16] = d * five((q >> 4) & 15, high >>> (j + 16)) + m;
            }
        }
    }

    static void q80(byte[] in, int at, float[] out, int blocks) {
        for (int b = 0, p = at, y = 0; b < blocks; b++, p += 34, y += 32) {
            float d = half(u16(in, p));
            for (int j = 0; j < 32; j++) {
                out[y + j] = d * in[p + 2 + j];
            }
        }
    }

    static void q4k(byte[] in, int at, float[] out, int blocks) {
        for (int b = 0, p = at, y = 0; b < blocks; b++, p += 144, y += 256) {
            float d = half(u16(in, p));
            float dMin = half(u16(in, p + 2));
            for (int g = 0; g < 8; g++) {
                float scale = d * scaleOf(in, p + 4, g);
                float min = dMin * minOf(in, p + 4, g);
                int q = p + 16 + 32 * (g / 2);
                int shift = 4 * (g & 1); // even groups in the low half of each byte, odd ones in the high half
                for (int l = 0; l < 32; l++) {
                    out[y + 32 * g + l] = scale * ((in[q + l] >> shift) & 15) - min;
                }
            }
        }
    }

    static void q5k(byte[] in, int at, float[] out, int blocks) {
        for (int b = 0, p = at, y = 0; b < blocks; b++, p += 176, y += 256) {
            float d = half(u16(in, p));
            float dMin = half(u16(in, p + 2));
            for (int g = 0; g < 8; g++) {
                float scale = d * scaleOf(in, p + 4, g);
                float min = dMin * minOf(in, p + 4, g);
                int q = p + 48 + 32 * (g / 2);
                int shift = 4 * (g & 1);
                for (int l = 0; l < 32; l++) {
                    int value = five((in[q + l] >> shift) & 15, in[p + 16 + l] >> g);
                    out[y + 32 * g + l] = scale * value - min;
                }
            }
        }
    }

    /** The six-bit scale of group {@code g}; the last four groups are spread over two places. */
    private static int scaleOf(byte[] in, int s, int g) {
        return g < 4 ? in[s + g] & 63 : six(in[s + g + 4] & 15, in[s + g - 4] >> 6);
    }

    private static int minOf(byte[] in, int s, int g) {
        return g < 4 ? in[s + g + 4] & 63 : six((in[s + g + 4] >> 4) & 15, in[s + g] >> 6);
    }

    static void q6k(byte[] in, int at, float[] out, int blocks) {
        for (int b = 0, p = at, y = 0; b < blocks; b++, p += 210, y += 256) {
            float d = half(u16(in, p + 208));
            for (int h = 0; h < 2; h++) {
                int low = p + 64 * h;
                int high = p + 128 + 32 * h;
                int scales = p + 192 + 8 * h;
                int to = y + 128 * h;
                for (int l = 0; l < 32; l++) {
                    int i = l / 16;
                    int l0 = in[low + l];
                    int l1 = in[low + l + 32];
                    int top = in[high + l];
                    out[to + l] = d * in[scales + i] * (six(l0 & 15, top) - 32);
                    out[to + l + 32] = d * in[scales + 2 + i] * (six(l1 & 15, top >> 2) - 32);
                    out[to + l + 64] = d * in[scales + 4 + i] * (six((l0 >> 4) & 15, top >> 4) - 32);
                    out[to + l + 96] = d * in[scales + 6 + i] * (six((l1 >> 4) & 15, top >> 6) - 32);
                }
            }
        }
    }
}
