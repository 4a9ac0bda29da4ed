package dev.ariadne.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.index.NDIndex;
import dev.ariadne.model.ModelConfig.Positions;

/**
 * The first tokens of a text, as a run over all of it has kept their keys and values; one row for every row of a batch.
 *
 * @param cache of that run
 * @param keys where it has the keys as they are attended to
 * @param length how many tokens
 */
record KeptPast(ActivationCache cache, Site keys, int length) implements Past {
    /**
     * What the cache of one text has of its first tokens.
     *
     * @throws IllegalArgumentException when tokens attend to later ones, or the keys that are attended to have no name
     */
    static KeptPast of(ModelConfig config, ActivationCache cache, int length) {
        if (!canStand(config)) {
            throw new IllegalArgumentException("what comes first in a text cannot be taken from another run where "
                    + (config.causal() ? "keys are normalized and not rotated" : "tokens attend to later ones")
                    + "; run all of it, by HookedTransformer.runFrom");
        }
        return new KeptPast(cache, config.positions() == Positions.ROTARY ? Site.ROT_K : Site.K, length);
    }

    /** Whether earlier tokens of such a model are the same whatever is changed at later ones, and a cache has their keys. */
    static boolean canStand(ModelConfig config) {
        return config.causal() && (!config.qkNorms() || config.positions() == Positions.ROTARY);
    }

    @Override
    public NDList append(int layer, NDArray k, NDArray v) {
        return new NDList(join(keys, layer, k), values(layer, v));
    }

    /** All values of a layer, where its keys do not count. */
    NDArray values(int layer, NDArray v) {
        return join(Site.V, layer, v);
    }

    private NDArray join(Site site, int layer, NDArray now) {
        NDArray before = cache.array(new HookName(site, layer)).get(now.getManager(), new NDIndex(":, :" + length));
        long rows = now.getShape().get(0);
        return (rows == 1 ? before : before.repeat(0, rows)).concat(now, 1);
    }
}
