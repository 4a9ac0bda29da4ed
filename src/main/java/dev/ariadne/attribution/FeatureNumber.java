package dev.ariadne.attribution;

import java.math.BigInteger;
import java.util.OptionalLong;

/** The one number that graph files give a feature instead of its layer and its index: Cantor's, or in old files decimal digits. */
final class FeatureNumber {
    private static final long OLD = 100_000; // schema 0: layer and index side by side in decimal

    private FeatureNumber() {}

    /** Cantor's pairing, {@code (x+y)(x+y+1)/2 + y} with x the layer and y the index; exact for every layer and index there is. */
    static long cantor(int layer, long index) {
        long sum = Math.addExact(layer, index);
        // One of the two factors is even: halve it first, so that nothing overflows before the result does.
        long triangle = sum % 2 == 0 ? Math.multiplyExact(sum / 2, sum + 1) : Math.multiplyExact(sum, (sum + 1) / 2);
        return Math.addExact(triangle, index);
    }

    static long old(int layer, long index) {
        return Math.addExact(Math.multiplyExact(layer, OLD), index);
    }

    /**
     * Returns the index of a feature whose layer is known.
     *
     * @param number as written in a file
     * @param layer as written beside it
     * @param old whether the file is of schema 0, in which decimal digits come first
     * @return the index, or empty where the number is of another layer in either form
     */
    static OptionalLong index(long number, int layer, boolean old) {
        if (number < 0) {
            return OptionalLong.empty();
        }
        boolean digits = number / OLD == layer;
        long index = cantorIndex(number, layer);
        if (digits && (old || index < 0)) {
            return OptionalLong.of(number % OLD);
        }
        return index < 0 ? OptionalLong.empty() : OptionalLong.of(index);
    }

    /** The index y for which the pair (layer, y) has this number; -1 where there is none. */
    private static long cantorIndex(long number, int layer) {
        // An integer root: in double, numbers near a triangle number round into the wrong diagonal.
        BigInteger eight = BigInteger.valueOf(number).shiftLeft(3).add(BigInteger.ONE);
        long diagonal = eight.sqrt().subtract(BigInteger.ONE).shiftRight(1).longValueExact();
        long triangle = diagonal % 2 == 0 ? diagonal / 2 * (diagonal + 1) : (diagonal + 1) / 2 * diagonal;
        long index = number - triangle;
        return diagonal - index == layer ? index : -1;
    }
}
