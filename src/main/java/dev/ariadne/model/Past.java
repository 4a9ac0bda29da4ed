package dev.ariadne.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;

/** Keys and values of the tokens before those that a run computes. */
interface Past {
    /**
     * Puts a layer's newest keys and values behind those of the past.
     *
     * @param k keys [batch, pos, kvHead, dHead]
     * @param v values, of the same shape
     * @return all keys and all values of the layer [batch, past + pos, kvHead, dHead], in the scope of k
     */
    NDList append(int layer, NDArray k, NDArray v);
}
