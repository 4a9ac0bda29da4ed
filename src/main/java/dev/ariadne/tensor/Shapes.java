package dev.ariadne.tensor;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import java.util.StringJoiner;

/** Checks a shape once, at the door, and names all axes when it is wrong. */
public final class Shapes {
    private Shapes() {}

    /**
     * Requires a shape.
     *
     * @param array the array to check
     * @param name what the array is, for the message
     * @param sizes the expected sizes; -1 accepts any
     * @return the array
     * @throws IllegalArgumentException when the number of axes or a size differs
     */
    public static NDArray require(NDArray array, String name, long... sizes) {
        require(array.getShape(), name, sizes);
        return array;
    }

    static void require(Shape shape, String name, long... sizes) {
        boolean same = shape.dimension() == sizes.length;
        for (int i = 0; same && i < sizes.length; i++) {
            same = sizes[i] == -1 || sizes[i] == shape.get(i);
        }
        if (!same) {
            throw new IllegalArgumentException(
                    name + " must have shape " + text(sizes) + ", got " + text(shape.getShape()));
        }
    }

    /**
     * Requires that an array has the shape of the one it replaces.
     *
     * @param replacement the new array
     * @param original the array it stands in for
     * @param name what the array is, for the message
     * @param axes the names of the axes, in order, for the message
     * @return the replacement
     * @throws IllegalArgumentException when shape or data type differ
     */
    public static NDArray requireSame(NDArray replacement, NDArray original, String name, String axes) {
        if (!replacement.getShape().equals(original.getShape())) {
            throw new IllegalArgumentException(
                    name + " must keep the shape " + text(original.getShape().getShape()) + " [" + axes + "], got "
                            + text(replacement.getShape().getShape()));
        }
        if (replacement.getDataType() != original.getDataType()) {
            throw new IllegalArgumentException(name + " must keep the data type " + original.getDataType() + ", got "
                    + replacement.getDataType() + "; convert it with toType");
        }
        return replacement;
    }

    private static String text(long[] sizes) {
        StringJoiner text = new StringJoiner(", ", "(", ")");
        for (long size : sizes) {
            text.add(Long.toString(size));
        }
        return text.toString();
    }
}
