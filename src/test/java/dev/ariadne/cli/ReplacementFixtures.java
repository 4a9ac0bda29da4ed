package dev.ariadne.cli;

import dev.ariadne.attribution.ReplacementModel;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** The recorded models with transcoders, for tests of other packages. Loaded once, never closed. */
public final class ReplacementFixtures {
    public static final List<String> NAMES =
            List.of("gemma_small_jumprelu", "llama_small_topk_skip", "gpt2_small_clt_relu");

    /** The prompt of all recorded values. */
    public static long[] tokens() {
        return new long[] {0, 3, 4, 3, 2, 5, 3, 8};
    }

    private static final Path FOLDER = Path.of("src/test/resources/attribution");
    private static final Map<String, ReplacementModel> loaded = new TreeMap<>();

    private ReplacementFixtures() {}

    public static synchronized ReplacementModel load(String name) {
        return loaded.computeIfAbsent(name, each -> {
            try {
                return AttributionFixture.load(FOLDER, each).replacement();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        });
    }

    /** A recorded array, as numbers. */
    public static float[] floats(String name, String array) {
        try (Reference reference = new Reference(FOLDER.resolve(name + ".expected.safetensors"))) {
            return reference.floats(array);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** A recorded array of whole numbers. */
    public static long[] longs(String name, String array) {
        try (Reference reference = new Reference(FOLDER.resolve(name + ".expected.safetensors"))) {
            return reference.longs(array);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
