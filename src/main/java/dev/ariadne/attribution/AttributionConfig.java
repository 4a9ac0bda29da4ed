package dev.ariadne.attribution;

/**
 * How an attribution graph is made.
 *
 * @param targets what it explains
 * @param maxFeatureNodes of the active features, so many at most become nodes: those with the most influence on the targets
 * @param memory how many bytes the computation may use, its result included
 */
public record AttributionConfig(Targets targets, int maxFeatureNodes, long memory) {
    /** The most probable next tokens, all features, 4 GiB. */
    public static final AttributionConfig DEFAULT = new AttributionConfig(Targets.SALIENT, Integer.MAX_VALUE, 4L << 30);

    /** Checks the numbers. */
    public AttributionConfig {
        if (maxFeatureNodes < 1) {
            throw new IllegalArgumentException(
                    "maxFeatureNodes must be at least 1, got " + maxFeatureNodes + "; leave it out for all features");
        }
        if (memory < 1) {
            throw new IllegalArgumentException("memory must be at least 1 byte, got " + memory);
        }
    }

    /** The same for other targets. */
    public AttributionConfig withTargets(Targets other) {
        return new AttributionConfig(other, maxFeatureNodes, memory);
    }

    /** The same with another limit on features. */
    public AttributionConfig withMaxFeatureNodes(int most) {
        return new AttributionConfig(targets, most, memory);
    }

    /** The same within so many bytes. */
    public AttributionConfig withMemory(long bytes) {
        return new AttributionConfig(targets, maxFeatureNodes, bytes);
    }
}
