package dev.ariadne.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.types.DataType;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CancellationException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BadInputTest {
    private static final HookedTransformer model = TestModels.gpt2();

    @TempDir
    private Path folder;

    @Test
    void aModelNeedsAName() {
        for (String name : List.of("", " ")) {
            assertThatThrownBy(() -> HookedTransformer.load(name))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("a model needs a name, got '" + name + "'; give one of gpt2-tiny");
        }
    }

    @AfterAll
    static void close() {
        model.close();
    }

    @Test
    void aPromptLongerThanTheContext() {
        assertThatThrownBy(() -> model.run(new long[1][65]))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("65 tokens")
                .hasMessageContaining("at most 64")
                .hasMessageContaining("shorten");
    }

    @Test
    void anEmptyPrompt() {
        assertThatThrownBy(() -> model.next(""))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("empty");
        assertThatThrownBy(() -> model.run(new long[0][])).hasMessageContaining("empty");
        assertThatThrownBy(() -> model.run(new long[1][0])).hasMessageContaining("empty");
    }

    @Test
    void tokenIdsOutOfRange() {
        assertThatThrownBy(() -> model.run(new long[][] {{1, 2, 96}}))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("96")
                .hasMessageContaining("position 2")
                .hasMessageContaining("0 to 95");
        assertThatThrownBy(() -> model.run(new long[][] {{-1}})).hasMessageContaining("-1");
    }

    @Test
    void promptsOfDifferentLength() {
        assertThatThrownBy(() -> model.run(new long[][] {{1, 2}, {1}}))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("prompt 0 has 2")
                .hasMessageContaining("prompt 1 has 1");
    }

    @Test
    void aTypeTheEngineWouldDieOf() {
        assertThatThrownBy(() -> model.to(DataType.BFLOAT16)).hasMessageContaining("bfloat16");
        assertThatThrownBy(() -> model.to(DataType.INT32)).hasMessageContaining("FLOAT32 or FLOAT64");
    }

    @Test
    void aGpuThatIsAbsent() {
        org.junit.jupiter.api.Assumptions.assumeTrue(
                dev.ariadne.tensor.Tensors.engine().getGpuCount() == 0, "this machine has a GPU");
        assertThatThrownBy(() -> HookedTransformer.load("gpt2-tiny", "cuda"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("'cuda'")
                .hasMessageContaining("0 GPUs")
                .hasMessageContaining("\"cpu\"");
    }

    @Test
    void anInterruptedRun() {
        Thread.currentThread().interrupt();
        try {
            assertThatThrownBy(() -> model.run(TestModels.TOKENS))
                    .isInstanceOf(CancellationException.class)
                    .hasMessageContaining("interrupted")
                    .hasMessageContaining("block 0 of 2");
        } finally {
            assertThat(Thread.interrupted()).isTrue();
        }
        model.run(TestModels.TOKENS).close(); // nothing is broken
    }

    @Test
    void anInterruptedLoad() {
        Thread.currentThread().interrupt();
        try {
            assertThatThrownBy(TestModels::llama)
                    .isInstanceOf(CancellationException.class)
                    .hasMessageContaining("interrupted");
        } finally {
            assertThat(Thread.interrupted()).isTrue();
        }
        TestModels.llama().close();
    }

    @Test
    void aModelThatIsNotThere() {
        assertThatThrownBy(() -> HookedTransformer.load("no-such-model"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("'no-such-model'")
                .hasMessageContaining("gpt2-tiny");
    }

    @Test
    void aFolderWithoutConfiguration() throws IOException {
        copy("model.safetensors");
        assertThatThrownBy(() -> HookedTransformer.load(folder))
                .isInstanceOf(UncheckedIOException.class)
                .hasMessageContaining("no config.json in " + folder);
    }

    @Test
    void aConfigurationThatDoesNotFitTheWeights() throws IOException {
        copy("model.safetensors");
        String config = Files.readString(source("config.json"));
        Files.writeString(folder.resolve("config.json"), config.replace("\"vocab_size\": 96", "\"vocab_size\": 97"));
        assertThatThrownBy(() -> HookedTransformer.load(folder))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("model.embed_tokens.weight")
                .hasMessageContaining("(97, 32)")
                .hasMessageContaining("(96, 32)");
    }

    @Test
    void aTensorThatIsMissing() throws IOException {
        copy("model.safetensors");
        String config = Files.readString(source("config.json"));
        Files.writeString(
                folder.resolve("config.json"), config.replace("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3"));
        assertThatThrownBy(() -> HookedTransformer.load(folder)).hasMessageContaining("model.layers.2.");
    }

    @Test
    void anUnembeddingThatIsMissing() throws IOException {
        Path tied = TestModels.RESOURCES.resolve("models/llama3-tied-tiny");
        Files.copy(tied.resolve("model.safetensors"), folder.resolve("model.safetensors"));
        String config = Files.readString(tied.resolve("config.json"));
        Files.writeString(
                folder.resolve("config.json"),
                config.replace("\"tie_word_embeddings\": true", "\"tie_word_embeddings\": false"));
        assertThatThrownBy(() -> HookedTransformer.load(folder)).hasMessageContaining("lm_head.weight");
    }

    @Test
    void aLongContextCostsNothingUntilItIsUsed() throws IOException {
        copy("model.safetensors");
        String config = Files.readString(source("config.json"));
        Files.writeString(
                folder.resolve("config.json"),
                config.replace("\"max_position_embeddings\": 64", "\"max_position_embeddings\": 16777216"));
        try (HookedTransformer model = HookedTransformer.load(folder);
                HookedTransformer short64 = TestModels.llama();
                Logits a = model.run(TestModels.TOKENS);
                Logits b = short64.run(TestModels.TOKENS)) {
            assertThat(a.array().toFloatArray()).isEqualTo(b.array().toFloatArray());
        }
    }

    @Test
    void settingsThatMakeNoSense() throws IOException {
        copy("model.safetensors");
        String config = Files.readString(source("config.json"));
        String[][] changes = {
            {"\"num_attention_heads\": 4", "\"num_attention_heads\": -4", "num_attention_heads"},
            {"\"num_attention_heads\": 4", "\"num_attention_heads\": 2e99", "num_attention_heads"},
            {"\"num_key_value_heads\": 2", "\"num_key_value_heads\": 3", "multiple"},
            {"\"hidden_act\": \"silu\"", "\"hidden_act\": \"mish\"", "'mish'"},
            {"\"model_type\": \"llama\"", "\"model_type\": \"mamba\"", "'mamba'"},
            {"\"rope_scaling\": null", "\"rope_scaling\": {\"rope_type\": \"yarn\"}", "'yarn'"},
            {"\"head_dim\": 8", "\"head_dim\": 7", "even"},
            {"\"attention_bias\": false", "\"attention_bias\": true", "attention_bias=true"},
            {"\"max_position_embeddings\": 64", "\"max_position_embeddings\": 999999999", "max_position_embeddings"},
        };
        for (String[] change : changes) {
            assertThat(config).contains(change[0]);
            Files.writeString(folder.resolve("config.json"), config.replace(change[0], change[1]));
            assertThatThrownBy(() -> HookedTransformer.load(folder))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining(change[2]);
        }
        Files.writeString(folder.resolve("config.json"), "{\"model_type\": ");
        assertThatThrownBy(() -> HookedTransformer.load(folder))
                .isInstanceOf(UncheckedIOException.class)
                .hasMessageContaining("no valid JSON");
    }

    @Test
    void textForAModelWithoutTokenizer() {
        try (HookedTransformer bare = TestModels.llama()) {
            assertThatThrownBy(() -> bare.next("Dallas is in"))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("tokenizer");
            assertThat(bare.next(TestModels.TOKENS).top(1).get(0).token()).startsWith("#");
        }
    }

    private static Path source(String file) {
        return TestModels.RESOURCES.resolve("models/llama-tiny").resolve(file);
    }

    private void copy(String file) throws IOException {
        Files.copy(source(file), folder.resolve(file));
    }
}
