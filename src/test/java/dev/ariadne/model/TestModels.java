package dev.ariadne.model;

import java.nio.file.Path;
import java.util.List;

/** Small models for tests, and where their files are. */
final class TestModels {
    static final Path RESOURCES = Path.of("src/test/resources");
    static final long[][] TOKENS = {{5, 9, 3, 7, 30}, {8, 2, 40, 41, 9}};

    private TestModels() {}

    static HookedTransformer gpt2() {
        return HookedTransformer.load("gpt2-tiny", "cpu");
    }

    /** All hub-layout models, one per family. */
    static List<String> all() {
        return List.of(
                "gpt2-tiny",
                "llama-tiny",
                "llama3-tied-tiny",
                "gemma2-tiny",
                "gemma3-tiny",
                "qwen2-tiny",
                "qwen3-tiny",
                "pythia-tiny");
    }

    /** A model of the folder {@code models}, or of another: "tl/attn-only-tiny". */
    static HookedTransformer load(String name) {
        Path folder = RESOURCES.resolve(name.contains("/") ? name : "models/" + name);
        return HookedTransformer.load(folder.toString(), "cpu");
    }

    static HookedTransformer llama() {
        return HookedTransformer.load(RESOURCES.resolve("models/llama-tiny").toString(), "cpu");
    }
}
