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
    void aChangedProgramFails() throws IOException {
        Path program = Files.createDirectories(folder.resolve("tracr/tracr-reverse"));
        for (String file : List.of("config.json", "program.json", "weights.safetensors", "expected.safetensors")) {
            Files.copy(FIXTURES.resolve("tracr/tracr-reverse").resolve(file), program.resolve(file));
        }
        assertThat(Conformance.run(folder, o -> {}).get(0).status()).isEqualTo(Outcome.Status.PASS);
        String text = Files.readString(program.resolve("program.json"));
        Files.writeString(
                program.resolve("program.json"),
                text.replaceFirst("(?s)\"decoded\":(\\s*)\\[(.*?)3", "\"decoded\":[$2 2"));
        Outcome wrongAnswer = Conformance.run(folder, o -> {}).get(0);
        assertThat(wrongAnswer.status()).as(wrongAnswer.toString()).isEqualTo(Outcome.Status.FAIL);
        assertThat(wrongAnswer.note()).contains("decoded");
        Files.writeString(program.resolve("program.json"), text);
        String config = Files.readString(program.resolve("config.json"));
        Files.writeString(program.resolve("config.json"), config.replace("bidirectional", "causal"));
        assertThat(Conformance.run(folder, o -> {}).get(0).status()).isEqualTo(Outcome.Status.FAIL);
    }

    @Test
    void saysWhatOfAFileItDidNotCompare() throws IOException {
        Comparison comparison = new Comparison();
        comparison.add("a", 0, 1);
        assertThat(comparison.outcome("f", 0).note()).isEqualTo("1 values, worst at a");
        comparison.leave(List.of("b", "c", "d", "e"));
        assertThat(comparison.outcome("f", 0).note()).endsWith("; 4 entries not compared yet: b, c, d, …");
        for (String file : List.of(
                "tl/gpt2-tiny/config.json",
                "tl/gpt2-tiny/weights.safetensors",
                "transformerlens/gpt2_tiny_hooks.safetensors")) {
            Files.createDirectories(folder.resolve(file).getParent());
            Files.copy(FIXTURES.resolve(file), folder.resolve(file));
        }
        Outcome lens = Conformance.run(folder, o -> {}).get(1);
        assertThat(lens.status()).isEqualTo(Outcome.Status.PASS);
        assertThat(lens.note()).doesNotContain("not compared");
    }

    @Test
    void aModelThatDoesNotLoadFails() throws IOException {
        Path config = copyModel().resolve("config.json");
        String text = Files.readString(config);
        for (String change : List.of("\"gpt2\" \"gpt3\"", "gelu_new gelu_newer")) {
            String[] fromTo = change.split(" ", -1);
            Files.writeString(config, text.replace(fromTo[0], fromTo[1]));
            assertThat(Conformance.run(folder, o -> {}).get(0).status()).isEqualTo(Outcome.Status.FAIL);
        }
    }

    @Test
    void theVersionIsAskedOfTheJar() {
        StringWriter out = new StringWriter();
        CommandLine command = new CommandLine(new Main()).setOut(new PrintWriter(out));
        assertThat(command.execute("--version")).isZero();
        assertThat(out.toString()).contains("ariadne (not from a jar)");
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
