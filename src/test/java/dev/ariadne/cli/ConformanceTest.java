package dev.ariadne.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

class ConformanceTest {
    private static final Path FIXTURES = Path.of("src/test/resources");

    @TempDir
    private Path folder;

    /** One test per file; what needs a model that is not there is skipped, with the reason. */
    @TestFactory
    List<DynamicTest> everyFileAgrees() {
        List<DynamicTest> tests = new ArrayList<>();
        for (Outcome outcome : Conformance.run(FIXTURES, o -> {})) {
            tests.add(DynamicTest.dynamicTest(outcome.file(), () -> {
                assumeTrue(outcome.status() != Outcome.Status.SKIP, outcome.note());
                assertThat(outcome.status()).as(outcome.toString()).isEqualTo(Outcome.Status.PASS);
            }));
        }
        assertThat(tests).hasSizeGreaterThanOrEqualTo(9);
        return tests;
    }

    @Test
    void aChangedWeightFails() throws IOException {
        Path model = copyModel();
        byte[] weights = Files.readAllBytes(model.resolve("model.safetensors"));
        weights[weights.length - 1] ^= 0x40; // the exponent of the last value
        Files.write(model.resolve("model.safetensors"), weights);
        List<Outcome> outcomes = Conformance.run(folder, o -> {});
        assertThat(outcomes).hasSize(1);
        assertThat(outcomes.get(0).status()).isEqualTo(Outcome.Status.FAIL);
        assertThat(outcomes.get(0).error()).isGreaterThan(1e-4);
    }

    @Test
    void theCommandPrintsALinePerFileAndFailsWithThem() throws IOException {
        Path model = copyModel();
        Files.writeString(folder.resolve("unknown.json"), "{}");
        StringWriter out = new StringWriter();
        CommandLine command = new CommandLine(new Main()).setOut(new PrintWriter(out));
        assertThat(command.execute("conformance", folder.toString())).isZero();
        assertThat(out.toString())
                .contains("pass  models/gpt2-tiny/expected.safetensors")
                .contains("skip  unknown.json")
                .contains("1 passed, 0 failed, 1 skipped");
        Files.writeString(model.resolve("config.json"), "no json");
        assertThat(command.execute("conformance", folder.toString())).isEqualTo(1);
        assertThat(out.toString()).contains("fail  models/gpt2-tiny").contains("no valid JSON");
    }

    private Path copyModel() throws IOException {
        Path model = folder.resolve("models/gpt2-tiny");
        Files.createDirectories(model);
        for (String file : List.of("config.json", "model.safetensors", "expected.safetensors")) {
            Files.copy(FIXTURES.resolve("models/gpt2-tiny").resolve(file), model.resolve(file));
        }
        return model;
    }
}
