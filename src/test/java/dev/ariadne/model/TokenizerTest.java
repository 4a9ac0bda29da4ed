package dev.ariadne.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.ariadne.model.weights.Checkpoint;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TokenizerTest {
    @TempDir
    Path folder;

    @ParameterizedTest
    @ValueSource(strings = {"tiny-llama", "tiny-gemma3"})
    void givesTheRecordedIdsForATinyGgufVocabulary(String name) throws IOException {
        JsonNode parity = json("/gguf/" + name + ".parity.json");
        try (Tokenizer tokenizer = Tokenizer.of(resource("/gguf/" + name + ".gguf"))) {
            for (JsonNode prompt : parity.get("prompts")) {
                if (prompt.hasNonNull("text")) {
                    String text = prompt.get("text").asText();
                    long[] ids = tokenizer.toTokens(text);
                    assertThat(ids).as(text).containsExactly(longs(prompt.get("ids")));
                    assertThat(tokenizer.toStrings(ids)).hasSameSizeAs(longs(prompt.get("ids")));
                }
            }
        }
    }

    @Test
    @Tag("model")
    void givesTheRecordedIdsForSmolLm2() throws IOException {
        assertRecorded(RealModels.smolLm2(), "/real/smollm2-135m-instruct-q4_1.tokens.json");
    }

    @Test
    @Tag("model")
    void givesTheRecordedIdsForGemma() throws IOException {
        assertRecorded(RealModels.gemma3(), "/real/gemma-3-270m-q4_k_m.tokens.json");
    }

    private static void assertRecorded(Path gguf, String tokens) throws IOException {
        JsonNode recorded = json(tokens);
        assertThat(recorded.get("strings")).hasSize(69);
        try (Tokenizer tokenizer = Tokenizer.of(gguf)) {
            for (JsonNode string : recorded.get("strings")) {
                String text = string.get("text").asText();
                boolean bos = recorded.at("/model/add_bos").asBoolean();
                assertThat(tokenizer.prependsBos()).isEqualTo(bos);
                assertThat(tokenizer.toTokens(text)).as(text).containsExactly(longs(string.get("ids")));
                assertThat(tokenizer.toText(tokenizer.toTokens(text, false))).isEqualTo(text);
            }
        }
    }

    @Test
    @Tag("model")
    void showsEveryTokenOfARealText() throws IOException {
        try (Tokenizer tokenizer = Tokenizer.of(RealModels.smolLm2())) {
            assertThat(tokenizer.toStrings("Dallas is\n in 17 小<|im_end|>"))
                    .containsExactly(
                            "D",
                            "allas",
                            " is",
                            "\\n",
                            " in",
                            " ",
                            "1",
                            "7",
                            " <0xE5>",
                            "<0xB0>",
                            "<0x8F>",
                            "<|im_end|>");
            assertThat(tokenizer.toSingleString(tokenizer.toSingleToken(" Texas")))
                    .isEqualTo(" Texas");
            assertThatThrownBy(() -> tokenizer.toSingleToken(" Tallahassee"))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("' Tallahassee' must be exactly one token, but it is ")
                    .hasMessageContaining("' Tall' (");
            assertThat(tokenizer.size()).isEqualTo(49152);
            assertThat(tokenizer.bosId()).hasValue(1);
            assertThat(tokenizer.eosId()).hasValue(2);
        }
    }

    @Test
    void neverCutsALongTextShort() throws IOException {
        try (Tokenizer tokenizer =
                Tokenizer.ofJson(tinyJson("\"truncation\":{\"max_length\":4,\"strategy\":\"LongestFirst\","
                        + "\"stride\":0,\"direction\":\"Right\"},"))) {
            assertThat(tokenizer.toTokens("a".repeat(3000))).hasSize(3000);
        }
    }

    @Test
    void addsNoSpecialTokenUnlessAskedTo() {
        try (Tokenizer plain = Tokenizer.ofJson(tinyJson(""))) {
            assertThat(plain.prependsBos()).isFalse();
            assertThat(plain.bosId()).isEmpty();
            assertThat(plain.toTokens("")).isEmpty();
            assertThat(plain.toText()).isEmpty();
            assertThatThrownBy(() -> plain.withBos(true))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("no BOS token");
        }
    }

    @Test
    void takesBosFromTheTemplateOfTheTokenizer() {
        String template =
                "\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"<s>\","
                        + "\"type_id\":0}},{\"Sequence\":{\"id\":\"A\",\"type_id\":0}}],\"pair\":[],\"special_tokens\":{\"<s>\":"
                        + "{\"id\":\"<s>\",\"ids\":[0],\"tokens\":[\"<s>\"]}}},";
        try (Tokenizer tokenizer = Tokenizer.ofJson(tinyJson(template))) {
            assertThat(tokenizer.prependsBos()).isTrue();
            assertThat(tokenizer.toTokens("ab")).containsExactly(0, 1, 2);
            assertThat(tokenizer.toStrings("ab")).containsExactly("<s>", "a", "b");
            assertThat(tokenizer.toTokens("ab", false)).containsExactly(1, 2);
            assertThat(tokenizer.withBos(false).toTokens("")).isEmpty();
            assertThat(tokenizer.toTokens("")).containsExactly(0);
        }
    }

    @Test
    void readsWhatTheFilesOfAFolderSayAboutBos() throws IOException {
        Files.writeString(folder.resolve("tokenizer.json"), tinyJson(""));
        Files.writeString(folder.resolve("config.json"), "{\"bos_token_id\":0,\"eos_token_id\":[2,1]}");
        try (Tokenizer tokenizer = Tokenizer.of(folder)) {
            assertThat(tokenizer.prependsBos()).isFalse();
            assertThat(tokenizer.bosId()).hasValue(0);
            assertThat(tokenizer.eosId()).hasValue(2);
            assertThat(tokenizer.withBos(true).toTokens("b")).containsExactly(0, 2);
        }
        Files.writeString(
                folder.resolve("tokenizer_config.json"),
                "{\"add_bos_token\":true,\"bos_token\":{\"content\":\"<s>\"},\"tokenizer_class\":\"GPT2Tokenizer\"}");
        try (Tokenizer tokenizer = Tokenizer.of(folder.resolve("tokenizer.json"))) {
            assertThat(tokenizer.toTokens("b")).containsExactly(0, 2);
        }
        Files.writeString(
                folder.resolve("tokenizer_config.json"),
                "{\"bos_token\":\"<s>\",\"tokenizer_class\":\"LlamaTokenizerFast\"}");
        try (Tokenizer tokenizer = Tokenizer.of(folder)) {
            assertThat(tokenizer.prependsBos()).isTrue();
        }
    }

    @Test
    void showsHowATextSplitsThatIsNotOneToken() throws IOException {
        try (Tokenizer tokenizer = Tokenizer.of(resource("/gguf/tiny-llama.gguf"))) {
            assertThatThrownBy(() -> tokenizer.toSingleToken("the"))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("'the' must be exactly one token, but it is 2 tokens: 't' (119) + 'he' (260);"
                            + " with a leading blank, ' the', it is one");
            assertThatThrownBy(() -> tokenizer.toSingleToken(""))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("it is no token");
            assertThatThrownBy(() -> tokenizer.toStrings(5, 320))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("token id 320 is not between 0 and 319");
            assertThatThrownBy(() -> tokenizer.toText(-1)).hasMessageContaining("token id -1");
        }
    }

    @Test
    void showsBytesAndBlanksOfASentencePieceVocabulary() throws IOException {
        try (Tokenizer tokenizer = Tokenizer.of(resource("/gguf/tiny-gemma3.gguf"))) {
            List<String> pieces = tokenizer.toStrings("  two 😀\n");
            assertThat(pieces).startsWith("<bos>", "  ").endsWith("<0xF0>", "<0x9F>", "<0x98>", "<0x80>", "\\n");
            assertThat(tokenizer.toText(tokenizer.toTokens("  two 😀\n", false)))
                    .isEqualTo("  two 😀\n");
        }
    }

    @Test
    void survivesTextThatIsNotUnicode() throws IOException {
        try (Tokenizer tokenizer = Tokenizer.of(resource("/gguf/tiny-llama.gguf"))) {
            assertThat(tokenizer.toTokens("a\uD83Db")).isNotEmpty(); // half of a surrogate pair
            assertThat(tokenizer.toText(tokenizer.toTokens("\0\u007f"))).isEqualTo("\0\u007f");
        }
    }

    @Test
    void refusesAVocabularyItCannotCutFor() throws IOException {
        try (Checkpoint checkpoint = Checkpoint.open(resource("/gguf/tiny-llama.gguf"))) {
            Map<String, Object> metadata = new HashMap<>(checkpoint.metadata());
            metadata.put("tokenizer.ggml.pre", "martian");
            assertThatThrownBy(() -> Tokenizer.ofGguf(metadata))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("'martian'")
                    .hasMessageContaining("smollm");
            metadata.put("tokenizer.ggml.pre", "smollm");
            metadata.put("tokenizer.ggml.bos_token_id", 320L);
            assertThatThrownBy(() -> Tokenizer.ofGguf(metadata))
                    .hasMessageContaining("tokenizer.ggml.bos_token_id is 320");
            metadata.put("tokenizer.ggml.bos_token_id", 1L);
            metadata.put("tokenizer.ggml.merges", List.of("Ġ t", "Ġ nothing"));
            assertThatThrownBy(() -> Tokenizer.ofGguf(metadata))
                    .hasMessageContaining("merge 1 of tokenizer.ggml.merges");
            metadata.put("tokenizer.ggml.model", "bert");
            assertThatThrownBy(() -> Tokenizer.ofGguf(metadata)).hasMessageContaining("'bert'");
        }
        assertThatThrownBy(() -> Tokenizer.ofGguf(Map.of())).hasMessageContaining("tokenizer.ggml.tokens is not in");
    }

    @ParameterizedTest
    @ValueSource(strings = {"smollm", "gpt-2", "llama-bpe", "qwen2", "default"})
    void cutsTextAsTheNamedVocabularyKindDoes(String pre) throws IOException {
        Map<String, Object> metadata = new HashMap<>();
        try (Checkpoint checkpoint = Checkpoint.open(resource("/gguf/tiny-llama.gguf"))) {
            metadata.putAll(checkpoint.metadata());
        }
        // a vocabulary that merges any run of 1s, and blanks before them, as far as the cut lets it
        List<String> tokens = List.of("1", "Ġ", "11", "1111", "Ġ1", "ĠĠ", "111", "x", "<s>");
        metadata.put("tokenizer.ggml.tokens", tokens);
        metadata.put("tokenizer.ggml.token_type", Collections.nCopies(tokens.size(), 1L));
        metadata.put("tokenizer.ggml.merges", List.of("1 1", "11 11", "11 1", "Ġ Ġ", "Ġ 1"));
        metadata.put("tokenizer.ggml.pre", pre);
        metadata.put("tokenizer.ggml.bos_token_id", 8L);
        Map<String, List<String>> expected = Map.of(
                "smollm", List.of("x", " ", "1", "1", "1", "1", "x", "  ", "1"),
                "gpt-2", List.of("x", " ", "1111", "x", " ", " 1"),
                "llama-bpe", List.of("x", " ", "111", "1", "x", " ", " ", "1"),
                "qwen2", List.of("x", " ", "1", "1", "1", "1", "x", " ", " ", "1"),
                "default", List.of("x", " ", "111", "1", "x", " ", " ", "1"));
        try (Tokenizer tokenizer = Tokenizer.ofGguf(metadata)) {
            assertThat(tokenizer.toStrings(tokenizer.toTokens("x 1111x  1", false)))
                    .isEqualTo(expected.get(pre));
            assertThat(tokenizer.prependsBos()).isFalse(); // the file says add_bos_token = false
        }
    }

    @Test
    void saysWhatIsMissing() {
        assertThatThrownBy(() -> Tokenizer.of(folder))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("tokenizer.json")
                .hasMessageContaining("save_pretrained");
        assertThatThrownBy(() -> Tokenizer.ofJson("nonsense"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("is not JSON");
        assertThatThrownBy(() -> Tokenizer.ofJson("{\"model\":{\"vocab\":{\"a\":0}}}"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("not a tokenizer");
        assertThatThrownBy(() -> Tokenizer.ofJson("{\"model\":{\"vocab\":{\"a\":0,\"b\":9000000}}}"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("2 tokens, with ids from 0 to 9000000");
        Tokenizer closed = Tokenizer.ofJson(tinyJson(""));
        closed.close();
        closed.close();
        assertThatThrownBy(() -> closed.toTokens("a"))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("closed");
    }

    private static String tinyJson(String more) {
        return "{\"version\":\"1.0\"," + more + "\"added_tokens\":[{\"id\":0,\"content\":\"<s>\",\"single_word\":false,"
                + "\"lstrip\":false,\"rstrip\":false,\"normalized\":false,\"special\":true}],"
                + "\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true,"
                + "\"use_regex\":true},\"decoder\":{\"type\":\"ByteLevel\",\"add_prefix_space\":false,"
                + "\"trim_offsets\":true,\"use_regex\":true},"
                + "\"model\":{\"type\":\"BPE\",\"vocab\":{\"<s>\":0,\"a\":1,\"b\":2},\"merges\":[]}}";
    }

    private static long[] longs(JsonNode ids) {
        return StreamSupport.stream(ids.spliterator(), false)
                .mapToLong(JsonNode::asLong)
                .toArray();
    }

    private static JsonNode json(String name) throws IOException {
        return new ObjectMapper().readTree(resource(name).toFile());
    }

    private static Path resource(String name) {
        try {
            return Path.of(Objects.requireNonNull(TokenizerTest.class.getResource(name), name)
                    .toURI());
        } catch (URISyntaxException e) {
            throw new AssertionError(e);
        }
    }
}
