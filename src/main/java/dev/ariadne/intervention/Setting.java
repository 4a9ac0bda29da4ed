package dev.ariadne.intervention;

import dev.ariadne.transcoder.Feature;
import java.util.Arrays;

/**
 * What a feature's activation is set to: an absolute value, no difference and no factor.
 *
 * @param layer of the feature, from 0
 * @param positions at which tokens
 * @param index its number in the layer, from 0
 * @param values one for all positions, or one for each; copied, and so is what is returned
 */
@SuppressWarnings("ArrayRecordComponent") // copied on the way in and out, compared by content below
public record Setting(int layer, Positions positions, int index, double[] values) {
    /** Copies the values and requires them finite. */
    public Setting {
        values = values.clone();
        if (layer < 0 || index < 0) {
            throw new IllegalArgumentException(
                    "a feature has a layer and an index from 0 on, got layer " + layer + ", index " + index);
        }
        if (values.length == 0 || !Arrays.stream(values).allMatch(Double::isFinite)) {
            throw new IllegalArgumentException("feature " + index + " of layer " + layer
                    + " must be set to finite numbers, got " + Arrays.toString(values));
        }
    }

    /** One feature at its token. */
    public static Setting of(Feature feature, double value) {
        return of(feature.layer(), Positions.at(feature.position()), feature.index(), value);
    }

    /** One feature at some tokens. */
    public static Setting of(int layer, Positions positions, int index, double value) {
        return new Setting(layer, positions, index, new double[] {value});
    }

    @Override
    public double[] values() {
        return values.clone();
    }

    /** The value at one of several positions. */
    double value(int which, int of) {
        if (values.length != 1 && values.length != of) {
            throw new IllegalArgumentException("feature " + index + " of layer " + layer + " is set at " + of
                    + " positions (" + positions + ") and has " + values.length + " values; give one, or one for each");
        }
        return values.length == 1 ? values[0] : values[which];
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Setting that
                && layer == that.layer
                && index == that.index
                && positions.equals(that.positions)
                && Arrays.equals(values, that.values);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(values) + 31 * (layer + 31 * (index + 31 * positions.hashCode()));
    }

    @Override
    public String toString() {
        return layer + "_" + index + "_" + positions + " = "
                + (values.length == 1 ? Double.toString(values[0]) : Arrays.toString(values));
    }
}
