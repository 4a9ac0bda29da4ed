package dev.ariadne.display;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.ariadne.model.HookedTransformer;
import dev.ariadne.model.Logits;
import dev.ariadne.task.Metric;
import dev.ariadne.task.Task;
import dev.ariadne.view.Displayable;
import dev.ariadne.view.View;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is written for LaTeX is LaTeX, by pdflatex itself where it is installed, with no package but tikz. */
class LatexTest {
    private static final View BRACKETS = new View.Table(
            "", List.of("[head", "n"), List.of(List.of("[2pt]", "1"), List.of("*", "2"), List.of(" [", "[x")));

    @TempDir
    private Path folder;

    @Test
    void aRowThatBeginsWithABracketOrAStarIsNotTheOptionOfTheRowAbove() {
        assertThat(Display.latex(BRACKETS)).contains("\n{}[2pt] & 1", "\n{}* & 2", "\n{} [ & [x", "\n{}[head & n");
    }

    @Test
    void signsThatTheLibraryWritesAreFormulas() {
        assertThat(Display.latex(new View.Table("", List.of("right"), List.of(List.of("✓"), List.of("✗")))))
                .contains("\\ensuremath{\\surd} \\\\", "\\ensuremath{\\times} \\\\");
    }

    @Test
    void pdflatexReadsTables() throws IOException, InterruptedException {
        try (HookedTransformer model = HookedTransformer.load("sparse", "cpu");
                Logits next = model.next("current =")) {
            compile(Display.latex(next), Display.tikz(next), Display.latex(BRACKETS));
        }
        try (HookedTransformer model = HookedTransformer.load("gpt2-tiny", "cpu")) {
            long[][] prompts = {{41, 42, 43}, {44, 45, 46}};
            compile(Display.tikz(Task.of(model, "task", prompts, prompts, Metric.kl())
                    .answering(new long[] {1, 2}, new long[] {2, 1})));
        }
        String signs = "✓ ✗ − → ← ≤ ≥ ⚠ ↵ ⇥ ␣ Δ Σ λ τ ‖ √ ∞ ∅ ᵀ × · … “a” ² é";
        Displayable table = new View.Table("", List.of("signs"), List.of(List.of(signs)));
        compile(Display.latex(table), Display.tikz(table));
    }

    private void compile(String... parts) throws IOException, InterruptedException {
        assumeTrue(
                Stream.of(System.getenv("PATH").split(File.pathSeparator, -1))
                        .anyMatch(path -> Files.isExecutable(Path.of(path, "pdflatex"))),
                "no pdflatex on the path");
        Files.writeString(
                folder.resolve("t.tex"),
                "\\documentclass{article}\n\\usepackage{tikz}\n\\begin{document}\n" + String.join("\n\n", parts)
                        + "\\end{document}\n");
        Process process = new ProcessBuilder("pdflatex", "-halt-on-error", "-interaction=nonstopmode", "t.tex")
                .directory(folder.toFile())
                .redirectErrorStream(true)
                .redirectOutput(folder.resolve("log").toFile())
                .start();
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(process.exitValue())
                .as(() -> {
                    try {
                        return Files.readString(folder.resolve("log"));
                    } catch (IOException e) {
                        return e.toString();
                    }
                })
                .isZero();
    }
}
