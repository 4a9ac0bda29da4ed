package dev.ariadne.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ariadne.tensor.Tensors;
import org.jspecify.annotations.Nullable;

/** The keys and values of the tokens that were run so far, layer by layer, so that the next token need not run them again. */
final class KeyValueCache implements Past, AutoCloseable {
    private static final int FIRST = 64; // tokens there is room for at first

    private final NDManager owner;
    private final @Nullable NDList[] kept; // keys and values, [batch, room, kvHead, dHead] each
    private int length;
    private NDArray end; // length, as an array

    KeyValueCache(NDManager parent, int layers) {
        this.owner = parent.newSubManager();
        this.kept = new NDList[layers];
        this.end = owner.create(0L);
    }

    /** How many tokens are kept. */
    int length() {
        return length;
    }

    /** Counts the tokens of a run, once all its layers are kept. */
    void advance(int count) {
        length += count;
        end.close();
        end = owner.create((long) length);
    }

    /** Keeps a layer's newest keys and values, and returns all, as views. */
    @Override
    public NDList append(int layer, NDArray k, NDArray v) {
        NDList room = room(layer, k.getShape(), k);
        return Tensors.append(k, v, room.get(0), room.get(1), end);
    }

    /** Arrays with room for what is kept and what comes; they grow by half, so that little is copied however long a text gets. */
    private NDList room(int layer, Shape now, NDArray like) {
        NDList before = kept[layer];
        long needed = length + now.get(1);
        if (before != null && before.get(0).getShape().get(1) >= needed) {
            return before;
        }
        Shape shape = new Shape(now.get(0), Math.max(FIRST, needed + needed / 2), now.get(2), now.get(3));
        NDList grown = new NDList(owner.create(shape, like.getDataType()), owner.create(shape, like.getDataType()));
        if (before != null) {
            String past = ":, :" + length;
            try (NDArray start = owner.create(0L);
                    NDList old =
                            new NDList(before.get(0).get(past), before.get(1).get(past))) {
                Tensors.append(old.get(0), old.get(1), grown.get(0), grown.get(1), start)
                        .close();
            }
            before.close();
        }
        kept[layer] = grown;
        return grown;
    }

    /** Frees everything. */
    @Override
    public void close() {
        owner.close();
    }
}
