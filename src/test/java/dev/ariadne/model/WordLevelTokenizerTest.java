package dev.ariadne.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Vocabularies of whole words, as small models of one's own have them. */
class WordLevelTokenizerTest {
    @TempDir
    Path folder;

    private static String json(String unknown, String cut) {
        return "{\"version\": \"1.0\", \"truncation\": null, \"padding\": null, \"added_tokens\": [{\"id\": 0, \"content\":"
                + " \"BOS\", \"single_word\": false, \"lstrip\": false, \"rstrip\": false, \"normalized\": false,"
                + " \"special\": true}], \"normalizer\": null, \"pre_tokenizer\": {\"type\": \"" + cut + "\"},"
                + " \"post_processor\": null, \"decoder\": null, \"model\": {\"type\": \"WordLevel\", \"unk_token\": \""
                + unknown
                + "\", \"vocab\": {\"BOS\": 0, \"the\": 1, \"dog\": 2, \"größer\": 3, \"[UNK]\": 4, \".\": 5}}}";
    }

    @ParameterizedTest
    @ValueSource(strings = {"Whitespace", "WhitespaceSplit"})
    void wordsAreTokensAndTextHasBlanksBetweenThem(String cut) {
        try (Tokenizer tokenizer = Tokenizer.ofJson(json("[UNK]", cut))) {
            assertThat(tokenizer.size()).isEqualTo(6);
            assertThat(tokenizer.toTokens("BOS the größer\n  dog .")).containsExactly(0, 1, 3, 2, 5);
            assertThat(tokenizer.toStrings(0, 1, 3, 2, 5)).containsExactly("BOS", "the", "größer", "dog", ".");
            assertThat(tokenizer.toText(0, 1, 3, 2, 5)).isEqualTo("BOS the größer dog .");
            assertThat(tokenizer.toSingleToken("größer")).isEqualTo(3);
            assertThat(tokenizer.toTokens("")).isEmpty();
        }
    }

    @Test
    void anUnknownWordIsTheTokenForUnknownOnes() {
        try (Tokenizer tokenizer = Tokenizer.ofJson(json("[UNK]", "Whitespace"))) {
            long[] ids = tokenizer.toTokens("the zebra dog. The");
            assertThat(ids).containsExactly(1, 4, 2, 5, 4);
            assertThat(tokenizer.toText(ids)).isEqualTo("the [UNK] dog . [UNK]");
        }
    }

    @Test
    void anUnknownWordIsNamedWhereThereIsNoTokenForIt() {
        try (Tokenizer tokenizer = Tokenizer.ofJson(json("none", "Whitespace"))) {
            assertThat(tokenizer.toTokens("the dog.")).containsExactly(1, 2, 5);
            assertUnknown(tokenizer, "the dog. zebra! the", "zebra");
            assertUnknown(tokenizer, "the dog! zebra", "!");
        }
        try (Tokenizer tokenizer = Tokenizer.ofJson(json("none", "WhitespaceSplit"))) {
            assertUnknown(tokenizer, "the dog. the", "dog."); // each part is known, the word is not
        }
    }

    private static void assertUnknown(Tokenizer tokenizer, String text, String word) {
        assertThatThrownBy(() -> tokenizer.toTokens(text))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("the word '" + word + "' is not in the vocabulary");
    }

    @Test
    void aModelWithSuchAVocabularyTakesText() throws IOException {
        Path source = TestModels.RESOURCES.resolve("models/llama-tiny");
        for (String name : new String[] {"config.json", "model.safetensors"}) {
            Files.copy(source.resolve(name), folder.resolve(name));
        }
        Files.writeString(folder.resolve("tokenizer.json"), json("[UNK]", "Whitespace"));
        try (HookedTransformer model = HookedTransformer.load(folder.toString(), "cpu");
                Logits byText = model.run("the dog");
                Logits byIds = model.run(new long[][] {model.tokenizer().toTokens("the dog")})) {
            assertThat(byText.array()).isEqualTo(byIds.array());
            assertThat(model.tokenizer().toTokens("the dog", false)).containsExactly(1, 2);
        }
    }
}
