package dev.ariadne.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import dev.ariadne.tensor.Tensors;
import org.jspecify.annotations.Nullable;

/** The keys and values of the tokens that were run so far, layer by layer, so that the next token need not run them again. */
final class KeyValueCache implements AutoCloseable {
    private final NDManager owner;
    private final @Nullable NDArray[] keys; // [batch, past, kvHead, dHead] each
    private final @Nullable NDArray[] values;
    private int length;

    KeyValueCache(NDManager parent, int layers) {
        this.owner = parent.newSubManager();
        this.keys = new NDArray[layers];
        this.values = new NDArray[layers];
    }

    /** How many tokens are kept. */
    int length() {
        return length;
    }

    /** Counts the tokens of a run, once all its layers are kept. */
    void advance(int count) {
        length += count;
    }

    /** All keys of a layer, these appended: [batch, pos, kvHead, dHead] → [batch, past + pos, kvHead, dHead], in their scope. */
    NDArray keys(int layer, NDArray now) {
        return append(keys, layer, now);
    }

    /** All values of a layer, these appended. */
    NDArray values(int layer, NDArray now) {
        return append(values, layer, now);
    }

    private NDArray append(@Nullable NDArray[] kept, int layer, NDArray now) {
        NDManager scope = now.getManager();
        NDArray before = kept[layer];
        NDArray all = before == null ? now.duplicate() : NDArrays.concat(new NDList(before, now), 1);
        all.attach(owner);
        if (before != null) {
            before.close();
        }
        kept[layer] = all;
        return Tensors.alias(all, scope);
    }

    /** Frees everything. */
    @Override
    public void close() {
        owner.close();
    }
}
