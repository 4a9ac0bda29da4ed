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
 * <p>A norm is absent where the model has none; one whose weight is folded into the matrices behind it has ones and zeros.
 *
 * @param embed [dVocab, dModel]
 * @param positions [nCtx, dModel], learned positions
 * @param layers one entry per block
 * @param finalNorm the norm before the unembedding
 * @param unembed [dVocabOut, dModel] and bias [dVocabOut]; the embedding itself when the two are tied
 * @param bigrams [dVocab, dVocabOut], what each token adds to the logits after it
 */
record Weights(
        NDArray embed,
        Optional<NDArray> positions,
        List<Layer> layers,
        Optional<Affine> finalNorm,
        Affine unembed,
        Optional<NDArray> bigrams) {
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
        layers.forEach(layer -> newLayers.add(layer.map(once)));
        return new Weights(
                once.apply(embed),
                positions.map(once),
                newLayers,
                map(finalNorm, once),
                unembed.map(once),
                bigrams.map(once));
    }

    private static Optional<Affine> map(Optional<Affine> affine, UnaryOperator<NDArray> change) {
        return affine.map(a -> a.map(change));
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
     * @param norm the norm before attention
     * @param qkv [(nHeads + 2·nKeyValueHeads)·dHead, dModel]: queries, keys, values
     * @param qNorm the norm of each head's queries [dHead]
     * @param kNorm the norm of each head's keys [dHead]
     * @param out [dModel, nHeads·dHead]
     * @param postNorm the norm after attention
     * @param mlp the MLP, if there is one
     * @param sinks the score of attending to nothing [nHeads]
     */
    record Layer(
            Optional<Affine> norm,
            Affine qkv,
            Optional<Affine> qNorm,
            Optional<Affine> kNorm,
            Affine out,
            Optional<Affine> postNorm,
            Optional<Mlp> mlp,
            Optional<NDArray> sinks) {
        private Layer map(UnaryOperator<NDArray> change) {
            return new Layer(
                    Weights.map(norm, change),
                    qkv.map(change),
                    Weights.map(qNorm, change),
                    Weights.map(kNorm, change),
                    out.map(change),
                    Weights.map(postNorm, change),
                    mlp.map(m -> m.map(change)),
                    sinks.map(change));
        }
    }

    /**
     * One MLP.
     *
     * @param norm the norm before it
     * @param gate [dMlp, dModel], if gated
     * @param in [dMlp, dModel]; behind a gate its bias is added after the product, as TransformerLens does
     * @param out [dModel, dMlp]
     * @param postNorm the norm after it
     */
    record Mlp(Optional<Affine> norm, Optional<Affine> gate, Affine in, Affine out, Optional<Affine> postNorm) {
        private Mlp map(UnaryOperator<NDArray> change) {
            return new Mlp(
                    Weights.map(norm, change),
                    gate.map(g -> g.map(change)),
                    in.map(change),
                    out.map(change),
                    Weights.map(postNorm, change));
        }
    }
}
