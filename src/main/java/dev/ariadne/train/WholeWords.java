package dev.ariadne.train;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ariadne.view.WholeFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Tokenizers in Hugging Face's form whose tokens are whole words; what lies between words is dropped. */
public final class WholeWords {
    private WholeWords() {}

    /**
     * Writes the tokenizer beside a model's weights, so that {@code HookedTransformer.load} reads texts.
     *
     * @param folder that exists
     * @param vocabulary by id; the first one begins a text
     * @param pattern what a word is, in the common part of Java's and Oniguruma's notations
     */
    public static void write(Path folder, List<String> vocabulary, String pattern) throws IOException {
        String tokenizer = json(vocabulary, pattern);
        ObjectNode settings = new ObjectMapper().createObjectNode();
        settings.put("bos_token", vocabulary.get(0)).put("add_bos_token", true);
        settings.put("tokenizer_class", "PreTrainedTokenizerFast");
        String beside = settings.toPrettyString() + "\n";
        WholeFile.write(folder.resolve("tokenizer.json"), file -> Files.writeString(file, tokenizer));
        WholeFile.write(folder.resolve("tokenizer_config.json"), file -> Files.writeString(file, beside));
    }

    private static String json(List<String> vocabulary, String pattern) {
        ObjectNode json = new ObjectMapper().createObjectNode();
        json.put("version", "1.0").putNull("truncation").putNull("padding");
        json.putArray("added_tokens")
                .addObject()
                .put("id", 0)
                .put("content", vocabulary.get(0))
                .put("single_word", false)
                .put("lstrip", false)
                .put("rstrip", false)
                .put("normalized", false)
                .put("special", true);
        json.putNull("normalizer");
        json.putObject("pre_tokenizer")
                .put("type", "Split")
                .put("behavior", "Removed")
                .put("invert", true)
                .putObject("pattern")
                .put("Regex", pattern);
        json.putNull("post_processor").putNull("decoder");
        ObjectNode model = json.putObject("model").put("type", "WordLevel");
        ObjectNode words = model.putObject("vocab");
        for (int id = 0; id < vocabulary.size(); id++) {
            words.put(vocabulary.get(id), id);
        }
        model.put("unk_token", "[none]"); // not in the vocabulary: an unknown word is an error, not a guess
        return json.toPrettyString() + "\n";
    }
}
