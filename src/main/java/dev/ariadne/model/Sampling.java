package dev.ariadne.model;

import java.util.List;

/**
 * How a text is continued. Tokens are left out in the order of Hugging Face's generate: temperature, then topK, then topP.
 *
 * <pre>{@code
 * Sampling.DEFAULT.withMaxNewTokens(20)                              // the most probable token, each time
 * Sampling.DEFAULT.withTemperature(0.8).withTopP(0.95).withSeed(7)   // drawn
 * }</pre>
 *
 * @param maxNewTokens the most tokens to add
 * @param temperature logits are divided by it; 0 takes the most probable token (of several, the one with the lowest id)
 * @param topK how many of the most probable tokens may be drawn (more where the last of them ties); 0 for all
 * @param topP the fewest most probable tokens that have this probability together may be drawn, in (0, 1]; 1 for all
 * @param stop the text ends as soon as it contains one of these, which is cut off
 * @param seed of the random numbers; prompt number i of a batch draws what it would draw alone with seed + i
 * @param stopAtEos whether the token that ends a text ends the generation
 * @param useCache whether keys and values are kept, so that each step runs one token; without, each step runs the whole text
 */
public record Sampling(
        int maxNewTokens,
        double temperature,
        int topK,
        double topP,
        List<String> stop,
        long seed,
        boolean stopAtEos,
        boolean useCache) {
    /** At most 50 tokens, the most probable each time. */
    public static final Sampling DEFAULT = new Sampling(50, 0, 0, 1, List.of(), 0, true, true);

    /** Checks the numbers. */
    public Sampling {
        stop = List.copyOf(stop);
        if (maxNewTokens < 1) {
            throw new IllegalArgumentException("maxNewTokens must be at least 1, got " + maxNewTokens);
        }
        if (!(temperature >= 0 && temperature < Double.POSITIVE_INFINITY)) { // also rejects NaN
            throw new IllegalArgumentException(
                    "temperature must be 0 (the most probable token) or more, and finite, got " + temperature);
        }
        if (topK < 0) {
            throw new IllegalArgumentException("topK must be 0 (all tokens) or more, got " + topK);
        }
        if (!(topP > 0 && topP <= 1)) {
            throw new IllegalArgumentException(
                    "topP must be a probability above 0, at most 1 (all tokens), got " + topP);
        }
        if (stop.contains("")) {
            throw new IllegalArgumentException("a stop string must not be empty: every text contains it; got "
                    + stop.size() + " stop strings, number " + stop.indexOf("") + " is empty");
        }
    }

    /** The same with another length. */
    public Sampling withMaxNewTokens(int value) {
        return new Sampling(value, temperature, topK, topP, stop, seed, stopAtEos, useCache);
    }

    /** The same with another temperature. */
    public Sampling withTemperature(double value) {
        return new Sampling(maxNewTokens, value, topK, topP, stop, seed, stopAtEos, useCache);
    }

    /** The same with another number of tokens that may be drawn. */
    public Sampling withTopK(int value) {
        return new Sampling(maxNewTokens, temperature, value, topP, stop, seed, stopAtEos, useCache);
    }

    /** The same with another probability of the tokens that may be drawn. */
    public Sampling withTopP(double value) {
        return new Sampling(maxNewTokens, temperature, topK, value, stop, seed, stopAtEos, useCache);
    }

    /** The same with other stop strings. */
    public Sampling withStop(String... values) {
        return new Sampling(maxNewTokens, temperature, topK, topP, List.of(values), seed, stopAtEos, useCache);
    }

    /** The same with another seed. */
    public Sampling withSeed(long value) {
        return new Sampling(maxNewTokens, temperature, topK, topP, stop, value, stopAtEos, useCache);
    }

    /** The same, going on or not after the token that ends a text. */
    public Sampling withStopAtEos(boolean value) {
        return new Sampling(maxNewTokens, temperature, topK, topP, stop, seed, value, useCache);
    }

    /** The same with keys and values kept, or not. */
    public Sampling withUseCache(boolean value) {
        return new Sampling(maxNewTokens, temperature, topK, topP, stop, seed, stopAtEos, value);
    }

    @Override
    public String toString() {
        return temperature == 0
                ? "greedy"
                : "temperature " + temperature + (topK == 0 ? "" : ", topK " + topK)
                        + (topP == 1 ? "" : ", topP " + topP) + ", seed " + seed;
    }
}
