package dev.ariadne.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.djl.ndarray.types.DataType;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.lang.ref.WeakReference;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Who owns a tokenizer, and what a model does that has none it can read. */
class ModelTokenizerTest {
    private static final Path TINY_LLAMA = TestModels.RESOURCES.resolve("gguf/tiny-llama.gguf");

    @TempDir
    Path folder;

    @Test
    void tokenizerKeptAloneOutlivesItsLostModel() throws InterruptedException {
        HookedTransformer model = TestModels.gpt2();
        WeakReference<HookedTransformer> lost = new WeakReference<>(model);
        Tokenizer kept = model.tokenizer();
        long[] ids = kept.toTokens("Dallas is");
        model = null;
        collectUntil(() -> lost.refersTo(null));
        Thread.sleep(200); // what the cleaner does comes after the reference is cleared
        assertThat(kept.toTokens("Dallas is")).containsExactly(ids);
    }

    @Test
    void copiesKeepTheTokenizerWhenTheModelIsClosed() {
        HookedTransformer model = TestModels.gpt2();
        long[] ids = model.tokenizer().toTokens("Dallas is", false);
        Tokenizer other = model.tokenizer().withBos(false);
        try (HookedTransformer copy = model.to(DataType.FLOAT64)) {
            model.close();
            assertThat(copy.tokenizer().toTokens("Dallas is", false)).containsExactly(ids);
            assertThat(copy.tokenizer().toText(ids)).isEqualTo("Dallas is");
            assertThat(other.toTokens("Dallas is")).containsExactly(ids);
        }
    }

    @Test
    void nativePartIsFreedWhenTheLastUserIsGone() throws IOException, InterruptedException {
        String json = Files.readString(Path.of("src/main/resources/dev/ariadne/models/gpt2-tiny/tokenizer.json"));
        HuggingFaceTokenizer watched = HuggingFaceTokenizer.newInstance(
                new ByteArrayInputStream(json.getBytes(StandardCharsets.UTF_8)), Map.of());
        TokenizerEngine engine = new TokenizerEngine(watched);
        assertThat(engine.decode(engine.encode("a"))).isEqualTo("a");
        assertThat(watched.isReleased()).isFalse();
        engine = null;
        collectUntil(watched::isReleased);
    }

    @Test
    void aGgufModelOfUnknownVocabularyKindTakesTokenIdsAndSaysWhy() throws IOException {
        Path gguf = patched("tokenizer.ggml.pre", valueOf("tokenizer.ggml.pre"), "~");
        assertLoadsWithout(gguf, "tokenizer.ggml.pre is '~");
    }

    @Test
    void aGgufModelWithoutVocabularyTakesTokenIdsAndSaysWhy() throws IOException {
        Path gguf = patched("tokenizer.ggml.tokens", "tokenizer.ggml.tokens", "t");
        assertLoadsWithout(gguf, "tokenizer.ggml.tokens is not in the GGUF metadata");
    }

    private static void assertLoadsWithout(Path gguf, String why) {
        try (HookedTransformer model = HookedTransformer.load(gguf.toString(), "cpu")) {
            assertThat(model.hasTokenizer()).isFalse();
            assertThatThrownBy(model::tokenizer)
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining(why)
                    .hasMessageContaining("tokenizer.json beside the .gguf file");
            assertThat(model.next(TestModels.TOKENS).top(1).get(0).token()).startsWith("#");
        }
    }

    @Test
    void aTokenizerJsonBesideAGgufFileIsPreferred() throws IOException {
        Path gguf = patched("tokenizer.ggml.pre", valueOf("tokenizer.ggml.pre"), "~");
        Path json = Path.of("src/main/resources/dev/ariadne/models/gpt2-tiny/tokenizer.json");
        Files.copy(json, folder.resolve("tokenizer.json"));
        try (HookedTransformer model = HookedTransformer.load(gguf.toString(), "cpu");
                Tokenizer same = Tokenizer.of(json)) {
            assertThat(model.tokenizer().toTokens("Dallas is", false)).isEqualTo(same.toTokens("Dallas is", false));
        }
    }

    private static void collectUntil(BooleanSupplier done) throws InterruptedException {
        for (int i = 0; i < 100 && !done.getAsBoolean(); i++) {
            System.gc();
            Thread.sleep(20);
        }
        assertThat(done.getAsBoolean()).isTrue();
    }

    /** The text that follows a key of the tiny model: u32 type, u64 length, bytes. */
    private static String valueOf(String key) throws IOException {
        String bytes = Files.readString(TINY_LLAMA, StandardCharsets.ISO_8859_1);
        int at = bytes.indexOf(key) + key.length() + 4;
        return bytes.substring(at + 8, at + 8 + bytes.charAt(at));
    }

    /** A copy of the tiny model whose {@code text}, at or after {@code key}, is overwritten from its end. */
    private Path patched(String key, String text, String end) throws IOException {
        String bytes = Files.readString(TINY_LLAMA, StandardCharsets.ISO_8859_1);
        int at = bytes.indexOf(text, bytes.indexOf(key) + (text.equals(key) ? 0 : key.length()));
        String other = end + text.substring(end.length()).toUpperCase(Locale.ROOT);
        Path copy = folder.resolve("patched.gguf");
        Files.writeString(
                copy,
                bytes.substring(0, at) + other + bytes.substring(at + text.length()),
                StandardCharsets.ISO_8859_1);
        return copy;
    }
}
