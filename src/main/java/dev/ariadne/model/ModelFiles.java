package dev.ariadne.model;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.ariadne.model.weights.Checkpoint;
import dev.ariadne.model.weights.Hub;
import dev.ariadne.tensor.Tensors;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.stream.Stream;

/** From a name or a path to a model: finds the files, reads the configuration, picks the names of the weights. */
final class ModelFiles {
    private static final long LARGEST_CONFIG = 16 << 20; // bytes
    private static final List<String> EMBEDDED = List.of(
            "gpt2-tiny",
            "induction-2l",
            "sparse",
            "sparse-1in16",
            "sparse-1in8",
            "sparse-1in1",
            "tracr-reverse",
            "tracr-xproportion",
            "tutorial");
    private static final List<String> EMBEDDED_FILES =
            List.of("config.json", "weights.safetensors", "tokenizer.json", "tokenizer_config.json");
    private static final String SMOLLM2 = "smollm2-135m";

    private ModelFiles() {}

    /** Finds what a name stands for: an embedded model, a model in the cache of {@code ./run --model}, a path, or a hub id. */
    static HookedTransformer load(String name, Device device) {
        if (name.isBlank()) {
            throw new IllegalArgumentException("a model needs a name, got '" + name + "'; give one of "
                    + String.join(", ", EMBEDDED) + ", " + SMOLLM2
                    + ", an id of the hub, or the path of a file or folder (\".\" for this one)");
        }
        try {
            if (EMBEDDED.contains(name)) {
                return loadEmbedded(name, device);
            }
            return load(name.equals(SMOLLM2) ? smollm2() : path(name), name, device);
        } catch (ClosedByInterruptException e) {
            throw (CancellationException)
                    new CancellationException("interrupted while loading " + name + "; run the cell again")
                            .initCause(e);
        } catch (IOException e) {
            throw new UncheckedIOException(e.getMessage(), e);
        }
    }

    private static Path path(String name) throws IOException {
        try {
            Path path = Path.of(name);
            if (Files.exists(path)) {
                return path;
            }
        } catch (InvalidPathException e) {
            // reported below, like a path that does not exist
        }
        try {
            return Hub.folder(name);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(
                    "no model '" + name + "': it is neither a file or folder here ("
                            + Path.of("").toAbsolutePath() + ") nor one of " + String.join(", ", EMBEDDED) + ", "
                            + SMOLLM2
                            + ", and not to be had from the hub: " + e.getMessage(),
                    e);
        }
    }

    /** Where SmolLM2 is looked for: the property ariadne.smollm2, the variable ARIADNE_SMOLLM2, the user's cache. */
    static Path smollm2() {
        String set = Optional.ofNullable(System.getProperty("ariadne.smollm2"))
                .orElse(System.getenv().getOrDefault("ARIADNE_SMOLLM2", ""));
        String cache = System.getenv().getOrDefault("XDG_CACHE_HOME", "");
        Path folder = cache.isEmpty() ? Path.of(System.getProperty("user.home"), ".cache") : Path.of(cache);
        Path path = set.isEmpty() ? folder.resolve("ariadne/SmolLM2-135M-Instruct.Q4_1.gguf") : Path.of(set);
        if (!Files.isRegularFile(path)) {
            throw new IllegalArgumentException("SmolLM2-135M is not at " + path
                    + "; fetch it with ./run --model, or set ARIADNE_SMOLLM2 to the .gguf file");
        }
        return path;
    }

    private static HookedTransformer loadEmbedded(String name, Device device) throws IOException {
        Path folder = Files.createTempDirectory("ariadne-" + name);
        try {
            for (String file : EMBEDDED_FILES) {
                try (InputStream in =
                        ModelFiles.class.getResourceAsStream("/dev/ariadne/models/" + name + "/" + file)) {
                    if (in == null) {
                        throw new AssertionError("the library's jar lacks its model file " + file);
                    }
                    Files.copy(in, folder.resolve(file));
                }
            }
            return load(folder, name, device);
        } finally {
            deleteTree(folder);
        }
    }

    private static void deleteTree(Path folder) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                if (!file.toFile().delete()) {
                    file.toFile().deleteOnExit(); // a system that keeps mapped files
                }
            }
        }
    }

    static HookedTransformer load(Path path, String name, Device device) throws IOException {
        NDManager manager = Tensors.engine().newBaseManager(device);
        try (Checkpoint file = Checkpoint.open(path)) {
            ModelConfig config = config(path, file);
            Weights weights;
            try (WeightReader reader = new WeightReader(file, WeightNames.of(config, file.format()), config, manager)) {
                weights = reader.read();
            }
            ModelTokenizer tokenizer = tokenizer(path, file);
            Constants constants = Constants.of(manager, config, DataType.FLOAT32);
            return new HookedTransformer(name, config, weights, constants, tokenizer, manager, manager::close);
        } catch (IOException | RuntimeException | Error e) {
            manager.close();
            throw e;
        }
    }

    private static ModelConfig config(Path path, Checkpoint file) throws IOException {
        if (file.format() == Checkpoint.Format.GGUF) {
            return GgufConfig.read(file);
        }
        Path folder = folder(path);
        Path json = folder.resolve("config.json");
        if (!Files.isRegularFile(json)) {
            throw new IOException("no config.json in " + folder
                    + "; a safetensors model needs it beside the weights (Hugging Face or TransformerLens layout)");
        }
        return ConfigReader.read(readJson(json), json.toString());
    }

    /** Where a model's other files are: the folder itself, or the one its weights lie in. */
    private static Path folder(Path path) {
        return Files.isDirectory(path) ? path : path.toAbsolutePath().resolveSibling("");
    }

    static JsonNode readJson(Path json) throws IOException {
        if (Files.size(json) > LARGEST_CONFIG) {
            throw new IOException(json + " has " + Files.size(json) + " bytes, more than the " + LARGEST_CONFIG
                    + " a configuration may have");
        }
        try {
            return new ObjectMapper().readTree(json.toFile());
        } catch (JsonProcessingException e) {
            throw new IOException(json + " is no valid JSON: " + e.getOriginalMessage(), e);
        }
    }

    /** A tokenizer.json beside the weights comes first; a model whose vocabulary cannot be read still takes token ids. */
    private static ModelTokenizer tokenizer(Path path, Checkpoint file) throws IOException {
        Path json = folder(path).resolve("tokenizer.json");
        if (Files.isRegularFile(json)) {
            return ModelTokenizer.of(Tokenizer.of(json));
        }
        if (file.format() != Checkpoint.Format.GGUF) {
            return ModelTokenizer.absent("there was no " + json + "; put one there and load again");
        }
        try {
            return ModelTokenizer.of(Tokenizer.ofGguf(file.metadata()));
        } catch (IllegalArgumentException e) {
            return ModelTokenizer.absent(String.valueOf(e.getMessage()));
        }
    }
}
