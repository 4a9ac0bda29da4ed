package dev.ariadne.model;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

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

    /** Every kind of model there is: each family, each way to know positions, windows, no norms, both directions. */
    static List<String> kinds() {
        return List.of(
                "models/gpt2-tiny",
                "models/pythia-tiny",
                "models/llama-tiny",
                "models/llama3-tied-tiny",
                "models/qwen2-tiny",
                "models/qwen3-tiny",
                "models/gemma2-tiny",
                "models/gemma3-tiny",
                "tl/gpt2-tiny",
                "tl/attn-only-tiny",
                "tl/shortformer-tiny",
                "tl/gemma-like-tiny",
                "tl/parallel-tiny",
                "tl/attn-only-tiny with none positions");
    }

    /** One of {@link #kinds}; what has other positions than its files say is copied into a folder of its own. */
    static HookedTransformer load(String name, Path folder) throws IOException {
        Matcher changed = Pattern.compile("(.+) with (.+) positions").matcher(name);
        if (!changed.matches()) {
            return HookedTransformer.load(RESOURCES.resolve(name).toString(), "cpu");
        }
        Path source = RESOURCES.resolve(changed.group(1));
        String config = Files.readString(source.resolve("config.json"));
        Files.writeString(
                folder.resolve("config.json"), config.replace("\"standard\"", "\"" + changed.group(2) + "\""));
        Files.copy(source.resolve("weights.safetensors"), folder.resolve("weights.safetensors"));
        return HookedTransformer.load(folder.toString(), "cpu");
    }
}
