package dev.ariadne.train;

import java.util.List;

/** What a model learns from. */
@FunctionalInterface
public interface Batches {
    /**
     * The batch of a step, the same whenever it is asked for: so a training that is taken up again sees what it would have seen.
     *
     * @param step from 0
     * @return at least one example, all of one length
     */
    List<Example> batch(int step);
}
