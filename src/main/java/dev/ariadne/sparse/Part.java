package dev.ariadne.sparse;

import java.util.Arrays;

/**
 * Which channels and which weights of a model are on; those between channels of which one is off count as off. Changes in place.
 *
 * @param channels [channel]
 * @param edges [edge]
 */
@SuppressWarnings("ArrayRecordComponent") // never leaves the package
record Part(boolean[] channels, boolean[] edges) {
    static Part all(Wiring wiring) {
        Part part = none(wiring);
        Arrays.fill(part.channels, true);
        Arrays.fill(part.edges, true);
        return part;
    }

    static Part none(Wiring wiring) {
        return new Part(new boolean[wiring.channels], new boolean[wiring.edges()]);
    }

    Part copy() {
        return new Part(channels.clone(), edges.clone());
    }

    /** What this one has off, on, and the other way round; all weights between channels that are on. */
    Part complement() {
        Part other = copy();
        for (int i = 0; i < channels.length; i++) {
            other.channels[i] = !channels[i];
        }
        Arrays.fill(other.edges, true);
        return other;
    }

    boolean has(Wiring wiring, int edge) {
        return edges[edge] && channels[wiring.from[edge]] && channels[wiring.to[edge]];
    }

    int channelCount() {
        int count = 0;
        for (boolean on : channels) {
            count += on ? 1 : 0;
        }
        return count;
    }

    int edgeCount(Wiring wiring) {
        int count = 0;
        for (int e = 0; e < edges.length; e++) {
            count += has(wiring, e) ? 1 : 0;
        }
        return count;
    }
}
