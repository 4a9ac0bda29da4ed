package dev.ariadne.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Values no tokenizer file should have. */
class DamagedTokenizerTest {
    @TempDir
    Path folder;

    @Test
    void namesAnEntryOfTheWrongType() {
        assertRefused("tokenizer.ggml.scores", List.of(0.0, "x", 0.0), "entry 1 of tokenizer.ggml.scores is x");
        assertRefused("tokenizer.ggml.scores", "x", "tokenizer.ggml.scores is x");
        assertRefused("tokenizer.ggml.scores", List.of(0.0), "tokenizer.ggml.scores has 1 entries");
        assertRefused("tokenizer.ggml.token_type", List.of(1L, 1L, "x"), "entry 2 of tokenizer.ggml.token_type is x");
        assertRefused("tokenizer.ggml.token_type", true, "tokenizer.ggml.token_type is true");
        assertRefused("tokenizer.ggml.tokens", List.of("a", 7L, "ab"), "entry 1 of tokenizer.ggml.tokens is 7");
        assertRefused("tokenizer.ggml.bos_token_id", "first", "tokenizer.ggml.bos_token_id is first");
        assertRefused("tokenizer.ggml.eos_token_id", -1L, "tokenizer.ggml.eos_token_id is -1");
    }

    @Test
    void refusesAPieceOfMegabytesAtOnce() {
        String huge = "a".repeat(4 << 20); // trying every cut of it would copy terabytes
        assertRefused("tokenizer.ggml.tokens", List.of("a", "b", huge), "token 2 of tokenizer.ggml.tokens has 4194304");
    }

    @Test
    void mergesAWellFormedVocabulary() {
        try (Tokenizer tokenizer = Tokenizer.ofGguf(sentencePiece())) {
            assertThat(tokenizer.toTokens("abba", false)).containsExactly(2, 1, 0);
        }
    }

    private static void assertRefused(String key, Object value, String message) {
        Map<String, Object> metadata = sentencePiece();
        metadata.put(key, value);
        assertThatThrownBy(() -> Tokenizer.ofGguf(metadata))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(message)
                .hasMessageContaining("; ");
    }

    private static Map<String, Object> sentencePiece() {
        return new HashMap<>(Map.of(
                "tokenizer.ggml.model",
                "llama",
                "tokenizer.ggml.add_space_prefix",
                false,
                "tokenizer.ggml.tokens",
                List.of("a", "b", "ab"),
                "tokenizer.ggml.scores",
                List.of(-2.0, -3.0, -1.0)));
    }

    @ParameterizedTest
    @ValueSource(strings = {"-1", "2147483648", "99999999999999999999", "\"x\"", "1.5", "null", "2000000000"})
    void refusesTheIdOfAnAddedToken(String id) {
        String first = "{\"added_tokens\":[{\"content\":\"<s>\",\"id\":" + id + "},{\"content\":\"<s>\",\"id\":1}],";
        assertThatThrownBy(() -> Tokenizer.ofJson(first + "\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0}}}"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(id)
                .hasMessageContaining("count up from 0");
    }

    @Test
    void refusesASpecialTokenOutsideTheVocabulary() throws IOException {
        Files.writeString(
                folder.resolve("tokenizer.json"),
                "{\"version\":\"1.0\",\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":1},\"merges\":[]}}");
        for (String id : List.of("2", "-1", "99999999999999999999", "\"a\"")) {
            Files.writeString(folder.resolve("config.json"), "{\"bos_token_id\":" + id + "}");
            assertThatThrownBy(() -> Tokenizer.of(folder))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("bos_token_id in config.json is '" + id)
                    .hasMessageContaining("between 0 and 1");
        }
        Files.writeString(folder.resolve("config.json"), "{\"bos_token_id\":null,\"eos_token_id\":[1,0]}");
        try (Tokenizer tokenizer = Tokenizer.of(folder)) {
            assertThat(tokenizer.bosId()).isEmpty();
            assertThat(tokenizer.eosId()).hasValue(1);
        }
    }

    @Test
    void readsNoFileBeyondItsLimit() throws IOException {
        Path json = folder.resolve("tokenizer.json");
        setLength(json, (256L << 20) + 1);
        assertUnreadable("tokenizer.json has 268435457 bytes");
        Files.writeString(json, "{}");
        for (String settings : List.of("config.json", "tokenizer_config.json")) {
            setLength(folder.resolve(settings), (16L << 20) + 1);
            assertUnreadable(settings + " has 16777217 bytes");
            Files.delete(folder.resolve(settings));
        }
        byte[] noText = new byte[8];
        Arrays.fill(noText, (byte) 0xff);
        Files.write(json, noText);
        assertUnreadable("not text in UTF-8");
    }

    private void assertUnreadable(String message) {
        assertThatThrownBy(() -> Tokenizer.of(folder))
                .isInstanceOf(IOException.class)
                .hasMessageContaining(message);
    }

    private static void setLength(Path file, long length) throws IOException {
        try (RandomAccessFile sparse = new RandomAccessFile(file.toFile(), "rw")) {
            sparse.setLength(length);
        }
    }
}
