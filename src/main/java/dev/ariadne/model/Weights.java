package dev.ariadne.model;

import ai.djl.ndarray.NDArray;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.UnaryOperator;

/**
 * A model's arrays, as the forward pass wants them: matrices are [out, in], as in {@code x·wᵀ + b}.
 *
 * @param embed [dVocab, dModel]
 * @param positions [nCtx, dModel], learned positions
 * @param layers one entry per block
 * @param finalNorm the norm before the unembedding
 * @param unembed [dVocab, dModel] and bias [dVocab]; the embedding itself when the two are tied
 */
record Weights(NDArray embed, Optional<NDArray> positions, List<Layer> layers, Affine finalNorm, Affine unembed) {
    Weights {
        layers = List.copyOf(layers);
    }

    /** Counts the numbers; an array used twice counts once. */
    long parameterCount() {
        AtomicLong count = new AtomicLong();
        map(array -> {
            count.addAndGet(array.size());
            return array;
        });
        return count.get();
    }

    /** Replaces every array, each once. */
    Weights map(UnaryOperator<NDArray> change) {
        IdentityHashMap<NDArray, NDArray> changed = new IdentityHashMap<>();
        UnaryOperator<NDArray> once = array -> changed.computeIfAbsent(array, change);
        List<Layer> newLayers = new ArrayList<>();
        for (Layer layer : layers) {
            Optional<Mlp> mlp = layer.mlp.map(
                    m -> new Mlp(m.norm.map(once), m.gate.map(g -> g.map(once)), m.in.map(once), m.out.map(once)));
            newLayers.add(new Layer(layer.ln1.map(once), layer.qkv.map(once), layer.out.map(once), mlp));
        }
        return new Weights(once.apply(embed), positions.map(once), newLayers, finalNorm.map(once), unembed.map(once));
    }

    /**
     * A matrix or a norm's weight, with its bias.
     *
     * @param w [out, in], or [dModel] for a norm
     * @param b [out], if there is one
     */
    record Affine(NDArray w, Optional<NDArray> b) {
        private Affine map(UnaryOperator<NDArray> change) {
            return new Affine(change.apply(w), b.map(change));
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
