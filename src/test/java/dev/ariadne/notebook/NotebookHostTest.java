package dev.ariadne.notebook;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ariadne.model.Hook;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.model.Sampling;
import dev.ariadne.view.DisplayHost;
import dev.ariadne.view.DisplayHost.Live;
import dev.ariadne.view.Displayable;
import dev.ariadne.view.View;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class NotebookHostTest {
    private final RecordingKernel kernel = new RecordingKernel();

    @AfterEach
    void forgetTheKernel() {
        Kernels.reset();
    }

    @Test
    void isTheHostThatDisplayablesFind() {
        assertThat(Displayable.HOST).isInstanceOf(NotebookHost.class);
    }

    @Test
    void findsNoKernelOutsideANotebook() {
        assertThat(Notebook.init()).isEqualTo("none");
    }

    @Test
    void registersWithAKernelOnce() {
        Kernels.use(kernel);
        assertThat(Notebook.init()).isEqualTo("recording");
        new NotebookHost().install();
        assertThat(kernel.calls).containsExactly("install");
    }

    @Test
    void degradesToTextWhenTheKernelHasChanged() {
        Kernels.use(new Changed());
        assertThat(Notebook.init()).isEqualTo("none");
    }

    @Test
    void showsInTheKernel() {
        Kernels.use(kernel);
        View view = new View.Text("t", "body");
        view.show();
        Notebook.show("a string");
        assertThat(kernel.calls).containsExactly("install", "show " + view, "show a string");
    }

    @Test
    void updatesOneDisplayOfTheKernel() {
        Kernels.use(kernel);
        DisplayHost host = new NotebookHost();
        Live live = host.open().orElseThrow();
        live.update(0.25, "sweep <1>: 1/4");
        live.update(0.5, "sweep: 2/4");
        live.finish("sweep: 4 of 4 in 3 s");
        String id = kernel.calls.get(1).substring("open ".length());
        assertThat(kernel.calls).containsExactly("install", "open " + id, "update " + id, "update " + id);
        assertThat(kernel.bundles.get(0))
                .containsEntry("text/plain", "sweep <1>: 1/4")
                .hasEntrySatisfying(
                        "text/html",
                        html -> assertThat(html)
                                .contains("<progress value=\"0.2500\" max=\"1\"", "sweep &lt;1&gt;: 1/4"));
        assertThat(kernel.bundles.get(2))
                .as("what is saved must not tell how long it took")
                .isEqualTo(Map.of("text/html", "", "text/plain", ""));
    }

    @Test
    void leavesALineWhereWorkWasCutShort() {
        Kernels.use(kernel);
        Live live = new NotebookHost().open().orElseThrow();
        live.update(0.25, "sweep: 1/4");
        live.stop("sweep: stopped after 1 of 4, 3.0 s");
        assertThat(kernel.bundles.get(1)).containsEntry("text/plain", "sweep: stopped after 1 of 4, 3.0 s");
        assertThat(kernel.bundles.get(1).get("text/html")).doesNotContain("<progress");
    }

    @Test
    void showsWhatHasBeenMadeBelowTheBarAndKeepsItWhereWorkWasCutShort() {
        Kernels.use(kernel);
        Live live = new NotebookHost().open().orElseThrow();
        live.update(0.25, "generating: 1/4", new View.Text("", "once <upon>"));
        live.update(0.5, "generating: 2/4", new View.Text("", "once upon a\ntime"));
        live.stop("generating: stopped after 2 of 4, 3.0 s");
        assertThat(kernel.bundles.get(0).get("text/html"))
                .contains("<progress", "generating: 1/4", "once &lt;upon&gt;");
        assertThat(kernel.bundles.get(0).get("text/plain")).isEqualTo("generating: 1/4\nonce <upon>\n");
        assertThat(kernel.bundles.get(2).get("text/html"))
                .contains("stopped after 2 of 4", "once upon a\ntime")
                .doesNotContain("<progress");
    }

    /** A text grows in the cell; half a second of nothing, then a frame each quarter. */
    @Test
    void aGenerationIsSeenWhileItGrows() {
        Kernels.use(kernel);
        int[] steps = {0};
        Hook slow = Hook.observe("blocks.0.hook_resid_pre", x -> {
            LockSupport.parkNanos(150_000_000);
            steps[0]++;
        });
        Sampling sampling = Sampling.DEFAULT.withMaxNewTokens(16).withTemperature(1);
        try (HookedTransformer model = HookedTransformer.load("gpt2-tiny", "cpu")) {
            String text = model.generate("abc", sampling, slow).text();
            List<String> shown = kernel.bundles.stream()
                    .map(bundle -> bundle.get("text/plain"))
                    .toList();
            assertThat(shown).hasSizeGreaterThan(3).last().isEqualTo("");
            for (String frame : shown.subList(0, shown.size() - 1)) {
                assertThat(frame).startsWith("generating with gpt2-tiny: ");
                String soFar = frame.substring(frame.indexOf('\n') + 1).stripTrailing();
                assertThat("abc" + text).startsWith(soFar);
                assertThat(soFar.length()).isGreaterThan("abc".length());
            }
            kernel.bundles.clear();
            steps[0] = 0;
            Hook interrupting = Hook.observe("blocks.1.hook_resid_pre", x -> {
                if (steps[0] == 10) {
                    Thread.currentThread().interrupt();
                }
            });
            String cut = model.generate("abc", sampling, slow, interrupting).text();
            assertThat(text).startsWith(cut);
            assertThat(kernel.bundles.get(kernel.bundles.size() - 1).get("text/plain"))
                    .startsWith("generating with gpt2-tiny: stopped after 10 of 16")
                    .endsWith("\nabc" + cut + "\n");
        } finally {
            assertThat(Thread.interrupted()).isTrue();
        }
    }

    @Test
    void overwritesOneLineOfAConsole() {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ConsoleProgress console = new ConsoleProgress(new PrintStream(out, true, StandardCharsets.UTF_8));
        console.update(0.5, "sweep: 2/4, long note\n");
        console.finish("sweep: 4 of 4");
        assertThat(out.toString(StandardCharsets.UTF_8))
                .startsWith("\r[##########----------] sweep: 2/4, long note ")
                .endsWith("\rsweep: 4 of 4" + " ".repeat(32) + System.lineSeparator());
        out.reset();
        console.update(0.5, "generating: 2/4", new View.Text("", "Once upon\na time, " + "there was ".repeat(20)));
        assertThat(out.toString(StandardCharsets.UTF_8))
                .startsWith("\r[##########----------] generating: 2/4: …")
                .endsWith("was there was there was")
                .doesNotContain("\n");
    }

    /** A kernel of a version that lacks a method. */
    private static final class Changed implements Kernel {
        @Override
        public String name() {
            return "changed";
        }

        @Override
        public void install() {
            throw new NoSuchMethodError("getRenderer");
        }

        @Override
        public void show(Object value) {}

        @Override
        public void open(String id, Map<String, String> bundle) {}

        @Override
        public void update(String id, Map<String, String> bundle) {}
    }
}
