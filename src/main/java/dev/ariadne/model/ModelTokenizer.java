package dev.ariadne.model;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * A model's tokenizer, or why it has none.
 *
 * @param whyAbsent the reason and what to do, when there is no tokenizer
 */
record ModelTokenizer(Optional<Tokenizer> found, String whyAbsent) {
    static ModelTokenizer of(Tokenizer tokenizer) {
        return new ModelTokenizer(Optional.of(tokenizer), "");
    }

    static ModelTokenizer absent(String why) {
        return new ModelTokenizer(Optional.empty(), why);
    }

    /** The tokenizer of the model of this name. */
    Tokenizer require(String model) {
        return found.orElseThrow(() -> new IllegalStateException("model '" + model + "' has no tokenizer: " + whyAbsent
                + ". Until then give token ids (long[][]) instead of text"));
    }

    /** A token, readable; its number without a tokenizer. */
    String piece(long id) {
        return found.map(t -> t.toSingleString(id)).orElse("#" + id);
    }

    /** One readable piece per id, padding included; empty without a tokenizer. */
    List<String> pieces(long... row) {
        return found.map(t -> Arrays.stream(row)
                        .mapToObj(id -> id == HookedTransformer.PADDING ? Padding.SHOWN : t.toSingleString(id))
                        .toList())
                .orElse(List.of());
    }
}
