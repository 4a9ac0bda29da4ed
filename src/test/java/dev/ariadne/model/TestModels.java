package dev.ariadne.model;

import java.nio.file.Path;

/** Small models for tests, and where their files are. */
final class TestModels {
    static final Path RESOURCES = Path.of("src/test/resources");
    static final long[][] TOKENS = {{5, 9, 3, 7, 30}, {8, 2, 40, 41, 9}};

    private TestModels() {}

    static HookedTransformer gpt2() {
        return HookedTransformer.load("gpt2-tiny", "cpu");
    }

    static HookedTransformer llama() {
        return HookedTransformer.load(RESOURCES.resolve("models/llama-tiny").toString(), "cpu");
    }
}
