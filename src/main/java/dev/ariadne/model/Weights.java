package dev.ariadne.model;

import ai.djl.ndarray.NDArray;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * A model's arrays, as the forward pass wants them: matrices are [out, in], as in {@code x·wᵀ + b}.
 *
 * @param embed [dVocab, dModel]
 * @param positions [nCtx, dModel], learned positions
 * @param layers one entry per block
 * @param finalNorm the norm before the unembedding
 * @param unembed [dVocab, dModel] and bias [dVocab]; the embedding itself when the two are tied
 */
record Weights(
        NDArray embed,
        Optional<NDArray> positions,
        List<Layer> layers,
        Affine finalNorm,
        Affine unembed) {
    Weights {
        layers = List.copyOf(layers);
    }

    /** Counts the numbers; an array used twice counts once. */
    long parameterCount() {
        Set<NDArray> arrays = Collections.newSetFromMap(new IdentityHashMap<>());
        arrays.add(embed);
        positions.ifPresent(arrays::add);
        finalNorm.addTo(arrays);
        unembed.addTo(arrays);
        for (Layer layer : layers) {
            layer.ln1.addTo(arrays);
            layer.qkv.addTo(arrays);
            layer.out.addTo(arrays);
            layer.mlp.ifPresent(mlp -> {
                mlp.norm.addTo(arrays);
                mlp.gate.ifPresent(gate -> gate.addTo(arrays));
                mlp.in.addTo(arrays);
                mlp.out.addTo(arrays);
            });
        }
        return arrays.stream().mapToLong(NDArray::size).sum();
    }

    /**
     * A matrix or a norm's weight, with its bias.
     *
     * @param w [out, in], or [dModel] for a norm
     * @param b [out], if there is one
     */
    record Affine(NDArray w, Optional<NDArray> b) {
        private void addTo(Set<NDArray> arrays) {
            arrays.add(w);
            b.ifPresent(arrays::add);
        }
    }

    /**
     * One block.
     *
     * @param ln1 the norm before attention
     * @param qkv [(nHeads + 2·nKeyValueHeads)·dHead, dModel]: queries, keys, values
     * @param out [dModel, nHeads·dHead]
     * @param mlp the MLP, if there is one
     */
    record Layer(Affine ln1, Affine qkv, Affine out, Optional<Mlp> mlp) {}

    /**
     * One MLP.
     *
     * @param norm the norm before it
     * @param gate [dMlp, dModel], if gated
     * @param in [dMlp, dModel]
     * @param out [dModel, dMlp]
     */
    record Mlp(Affine norm, Optional<Affine> gate, Affine in, Affine out) {}
}
