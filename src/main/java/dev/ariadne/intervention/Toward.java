package dev.ariadne.intervention;

import dev.ariadne.model.Tokenizer;
import java.util.Collection;
import java.util.List;

/**
 * A difference of logits of the next token: the mean over some tokens, less the mean over others.
 *
 * @param tokens their texts, each a single token
 * @param others their texts; none where the mean itself is meant
 */
public record Toward(List<String> tokens, List<String> others) {
    /** Copies the lists. */
    public Toward {
        tokens = List.copyOf(tokens);
        others = List.copyOf(others);
        if (tokens.isEmpty() || tokens.stream().anyMatch(others::contains)) {
            throw new IllegalArgumentException("a difference of logits has a token on one side at least, and none on"
                    + " both; got " + tokens + " less " + others);
        }
    }

    /** One token against the others of some. */
    public static Toward of(String token, Collection<String> among) {
        return new Toward(
                List.of(token),
                among.stream().filter(other -> !other.equals(token)).distinct().toList());
    }

    /** What each token of the vocabulary counts [dVocab]. */
    float[] weights(Tokenizer tokenizer, int dVocab) {
        float[] weights = new float[dVocab];
        tokens.forEach(token -> weights[(int) tokenizer.toSingleToken(token)] += 1f / tokens.size());
        others.forEach(token -> weights[(int) tokenizer.toSingleToken(token)] -= 1f / others.size());
        return weights;
    }
}
