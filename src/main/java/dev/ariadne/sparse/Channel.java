package dev.ariadne.sparse;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.Shape;
import dev.ariadne.model.ActivationCache;
import dev.ariadne.model.Hook;

/**
 * A node of a weight-sparse model's circuit: one channel at one place of a block. Written as in the published circuits, {@code 10.attn.v.1312}.
 *
 * @param layer the block, from 0
 * @param place where in the block
 * @param index which channel, from 0; those of all heads are numbered through
 */
public record Channel(int layer, Place place, int index) implements Comparable<Channel> {
    /** Checks the numbers. */
    public Channel {
        if (layer < 0 || index < 0) {
            throw new IllegalArgumentException(
                    "a channel's block and number count from 0, got block " + layer + " and channel " + index);
        }
    }

    /**
     * Reads what {@link #toString} writes.
     *
     * @throws IllegalArgumentException when it is no such name
     */
    public static Channel parse(String name) {
        for (Place place : Place.values()) {
            String middle = "." + place + ".";
            int at = name.indexOf(middle);
            String index = at < 0 ? "" : name.substring(at + middle.length());
            if (at > 0 && (name.substring(0, at) + index).matches("\\d{1,9}") && index.length() < 8 && at < 4) {
                return new Channel(Integer.parseInt(name.substring(0, at)), place, Integer.parseInt(index));
            }
        }
        throw new IllegalArgumentException(
                "no channel is called '" + name + "'; names look like '0.attn.k.34' or '1.mlp.post_act.41'");
    }

    /** The name with head and channel apart: {@code 0.attn.k.head2.ch2}. */
    public String inHead(int dHead) {
        return place.inHead() ? layer + "." + place + ".head" + index / dHead + ".ch" + index % dHead : toString();
    }

    /**
     * Its value at a position of the first prompt of a run.
     *
     * @param cache of a run that kept {@link Place#hook} of its block
     */
    public double value(ActivationCache cache, int position) {
        NDArray x = cache.get(place.hook(layer)).array(); // [batch, pos, channel] or [batch, pos, head, dHead]
        NDArray own = x.reshape(x.getShape().get(0), x.getShape().get(1), -1);
        requireIn(own.getShape(), position);
        return own.getFloat(0, position, index);
    }

    private void requireIn(Shape shape, int position) {
        if (position < 0 || position >= shape.get(1) || index >= shape.get(2)) {
            throw new IllegalArgumentException(this + " at position " + position + " is not in this run: there are "
                    + shape.get(1) + " positions and " + shape.get(2) + " channels, from 0");
        }
    }

    /** A hook that gives it a value at one position of all prompts, whatever the model computes. */
    public Hook set(int position, double value) {
        return Hook.at(place.hook(layer), x -> {
            Shape shape = x.getShape();
            NDArray own = x.reshape(shape.get(0), shape.get(1), -1).duplicate();
            requireIn(own.getShape(), position);
            own.set(new NDIndex(":, " + position + ", " + index), value);
            return own.reshape(shape);
        });
    }

    @Override
    public int compareTo(Channel other) {
        int byLayer = Integer.compare(layer, other.layer);
        int byPlace = place.compareTo(other.place);
        return byLayer != 0 ? byLayer : byPlace != 0 ? byPlace : Integer.compare(index, other.index);
    }

    @Override
    public String toString() {
        return layer + "." + place + "." + index;
    }
}
