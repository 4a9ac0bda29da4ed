package dev.ariadne.cli;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Stream;

/**
 * Compares the library with values recorded from other programs, file by file.
 *
 * <p>Each family of fixtures has a check that says which files it reads; what no check reads is listed as skipped.
 */
final class Conformance {
    private static final List<Check> CHECKS = List.of(
            new HubModelCheck(),
            new LensCacheCheck(),
            new LensFolderCheck(),
            new LensStackCheck(),
            new LensHeadsCheck(),
            new LensModelCheck(),
            new NodePatchCheck(),
            new AcdcCheck(),
            new PlainAcdcCheck(),
            new EdgeScoreCheck(),
            new HeadImportanceCheck(),
            new TracrCheck(),
            new ProcessedCheck(),
            new CircuitCheck(),
            new PublishedCircuitCheck(),
            new RocCheck(),
            new AttributionCheck(),
            new DequantizeCheck(),
            new GgufCheck(),
            new RealModelCheck());

    private Conformance() {}

    /** One family of reference files. */
    interface Check {
        /** Whether the check reads this file (given relative to the folder, with forward slashes). */
        boolean reads(String file);

        /** Compares one file. */
        void compare(Path folder, String file, Comparison comparison) throws IOException;
    }

    /** Says that a file cannot be compared, and why. */
    static final class Skip extends RuntimeException {
        private static final long serialVersionUID = 1;

        Skip(String why) {
            super(why);
        }
    }

    static List<Outcome> run(Path folder, Consumer<Outcome> report) {
        if (!Files.isDirectory(folder)) {
            throw new IllegalArgumentException("no folder " + folder + "; give one that is laid out like the fixtures");
        }
        List<Outcome> outcomes = new ArrayList<>();
        for (String file : files(folder)) {
            Outcome outcome = CHECKS.stream()
                    .filter(check -> check.reads(file))
                    .findFirst()
                    .map(check -> compare(check, folder, file))
                    .orElseGet(() -> new Outcome(Outcome.Status.SKIP, file, 0, 0, 0, "no check reads it yet"));
            outcomes.add(outcome);
            report.accept(outcome);
        }
        return outcomes;
    }

    /** Inputs of a comparison are no result to compare: weights, configurations, descriptions. */
    private static boolean isInput(String file) {
        return file.endsWith(".md")
                || file.matches(
                        "(models|tl|tracr)/[^/]+/(config.*\\.json|model\\.safetensors|weights\\.safetensors|program\\.json)")
                || file.matches("(tl|tracr)/[^/]+/acdc_data.*\\.safetensors")
                || file.equals("roc/roc_points.csv")
                || file.matches("attribution/[^/]+\\.weights\\.safetensors")
                || file.endsWith(".gguf");
    }

    private static List<String> files(Path folder) {
        try (Stream<Path> all = Files.walk(folder)) {
            List<String> files = all.filter(Files::isRegularFile)
                    .map(path -> folder.relativize(path).toString().replace('\\', '/'))
                    .sorted()
                    .toList();
            return files.stream()
                    .filter(f -> !isInput(f) || new LensModelCheck().reads(f))
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException("cannot list " + folder, e);
        }
    }

    private static Outcome compare(Check check, Path folder, String file) {
        long start = System.nanoTime();
        Comparison comparison = new Comparison();
        try {
            check.compare(folder, file, comparison);
            return comparison.outcome(file, (System.nanoTime() - start) / 1_000_000);
        } catch (Skip e) {
            return new Outcome(Outcome.Status.SKIP, file, 0, 0, 0, String.valueOf(e.getMessage()));
        } catch (IOException | RuntimeException e) {
            return new Outcome(Outcome.Status.FAIL, file, Double.POSITIVE_INFINITY, 0, 0, String.valueOf(e));
        }
    }
}
