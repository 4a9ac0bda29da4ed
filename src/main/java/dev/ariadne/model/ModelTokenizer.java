package dev.ariadne.model;

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
}
