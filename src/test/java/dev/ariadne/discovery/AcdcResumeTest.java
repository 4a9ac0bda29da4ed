package dev.ariadne.discovery;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDArray;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ariadne.circuit.Granularity;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.task.Metric;
import dev.ariadne.task.Task;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.CancellationException;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Searches that are cut short, and what they have written. */
class AcdcResumeTest {
    private static final ObjectMapper JSON = new ObjectMapper();

    @TempDir
    private Path folder;

    @Test
    @Timeout(180)
    void killedTenTimesItFindsWhatItFindsInOneGo() throws Exception {
        Path file = folder.resolve("search.json");
        Random random = new Random(5);
        for (int kill = 0; kill < 10; kill++) {
            Process process = start(file);
            try (BufferedReader out = output(process)) {
                assertThat(out.readLine()).isEqualTo("searching");
                if (kill % 2 == 1) { // at a random moment after it got further; else at any, however slow the machine
                    awaitChange(file, process);
                }
                Thread.sleep(random.nextInt(500));
                assertThat(process.isAlive()).as("kill " + kill).isTrue();
                process.destroyForcibly().waitFor();
            }
            if (kill == 5) {
                Files.writeString(folder.resolve("search.json.part"), "{\"format\":\"ariadne-acdc-1\",\"dec");
            }
        }
        int kept = JSON.readTree(file.toFile()).get("decisions").size();
        assertThat(kept).isGreaterThanOrEqualTo(5);
        String resumed = finish(start(file));
        String whole = finish(start(folder.resolve("whole.json")));
        assertThat(resumed).isEqualTo(whole);
        assertThat(whole.lines()).hasSizeGreaterThan(kept);
        try (Stream<Path> files = Files.list(folder)) {
            assertThat(files).noneMatch(path -> path.toString().endsWith(".part"));
        }
    }

    private static void awaitChange(Path file, Process process) throws IOException, InterruptedException {
        byte[] before = Files.exists(file) ? Files.readAllBytes(file) : new byte[0];
        while (process.isAlive() && (!Files.exists(file) || Arrays.equals(Files.readAllBytes(file), before))) {
            Thread.sleep(20);
        }
    }

    private static Process start(Path file) throws IOException {
        ProcessBuilder java = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-cp",
                        System.getProperty("java.class.path"),
                        Search.class.getName(),
                        file.toString())
                .redirectError(new File(file + ".err"));
        java.environment().remove("JAVA_TOOL_OPTIONS");
        return java.start();
    }

    private static BufferedReader output(Process process) {
        return new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
    }

    private static String finish(Process process) throws IOException, InterruptedException {
        String all = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(process.exitValue()).isZero();
        return all;
    }

    /** A metric that takes its time, so that a search lasts some seconds on any machine. */
    private record Slow(Metric metric) implements Metric {
        @Override
        public String name() {
            return metric.name();
        }

        @Override
        public String unit() {
            return metric.unit();
        }

        @Override
        public boolean higherIsBetter() {
            return metric.higherIsBetter();
        }

        @Override
        public NDArray perPrompt(NDArray logits) {
            try {
                Thread.sleep(100);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            return metric.perPrompt(logits);
        }
    }

    /** What runs in the other JVM: a search of some seconds, every decision and counter printed. */
    static final class Search {
        private Search() {}

        public static void main(String[] args) {
            try (HookedTransformer model = SmallTasks.load("tl/gpt2-tiny")) {
                Task task = task(model, 50);
                Metric slow = new Slow(Metric.negativeLogProbability(new long[50]));
                Acdc acdc = new Acdc(task.measuring(slow), AcdcConfig.DEFAULT.withThreshold(1e-5))
                        .withCheckpoint(Path.of(args[0]));
                System.out.println("searching");
                long start = System.nanoTime();
                System.out.println(text(acdc.trace()));
                System.err.println((System.nanoTime() - start) / 1e9);
            }
        }
    }

    private static Task task(HookedTransformer model, int prompts) {
        Random random = new Random(3);
        return Task.of(model, "random", tokens(model, prompts, random), tokens(model, prompts, random), Metric.kl());
    }

    private static long[][] tokens(HookedTransformer model, int prompts, Random random) {
        return Stream.generate(
                        () -> random.longs(12, 0, model.config().dVocab()).toArray())
                .limit(prompts)
                .toArray(long[][]::new);
    }

    private static String text(AcdcTrace trace) {
        StringBuilder all = new StringBuilder();
        trace.decisions().forEach(decision -> all.append(decision).append('\n'));
        return all + "" + trace.metric() + ' ' + trace.evaluations() + ' ' + trace.measured() + ' ' + trace.batches();
    }

    @Test
    @Timeout(60)
    void anInterruptStopsItSoonAndKeepsWhatIsDecided() throws Exception {
        try (HookedTransformer model = SmallTasks.load("tl/gpt2-tiny")) {
            Path file = folder.resolve("search.json");
            Acdc acdc = new Acdc(task(model, 300), AcdcConfig.DEFAULT.withThreshold(1e-5));
            acdc.withThreshold(1).trace(); // the engine's start is no part of the time
            long start = System.nanoTime();
            String whole = text(acdc.trace());
            long took = (System.nanoTime() - start) / 1_000_000;
            Random random = new Random(8);
            int stopped = 0;
            for (int i = 0; i < 5; i++) {
                stopped += interrupt(acdc.withCheckpoint(file), took * (10 + random.nextInt(30)) / 100) ? 1 : 0;
            }
            assertThat(stopped).isPositive();
            assertThat(file).exists();
            assertThat(text(acdc.withCheckpoint(file).trace())).isEqualTo(whole);
            assertThat(text(acdc.withCheckpoint(file).trace()))
                    .as("from its end")
                    .isEqualTo(whole);
        }
    }

    @Test
    void anInterruptBeforeTheFirstDecisionSaysHowToGoOn() {
        try (HookedTransformer model = SmallTasks.load("tl/gpt2-tiny")) {
            Path file = folder.resolve("search.json");
            Acdc acdc = new Acdc(task(model, 4), AcdcConfig.DEFAULT).withCheckpoint(file);
            Thread.currentThread().interrupt();
            assertThatThrownBy(acdc::trace)
                    .isInstanceOf(CancellationException.class)
                    .hasMessageContaining("search.json: run the cell again to go on");
        } finally {
            Thread.interrupted();
        }
    }

    /** Whether the interrupt came before the end. */
    private static boolean interrupt(Acdc acdc, long delay) throws InterruptedException {
        Thread test = Thread.currentThread();
        long[] when = new long[1];
        Thread user = new Thread(() -> {
            try {
                Thread.sleep(delay);
            } catch (InterruptedException e) {
                return;
            }
            when[0] = System.nanoTime();
            test.interrupt();
        });
        user.start();
        try {
            acdc.trace();
            return false;
        } catch (CancellationException e) {
            assertThat(System.nanoTime() - when[0]).isLessThan(TimeUnit.SECONDS.toNanos(2));
            assertThat(e).hasMessageContaining("search.json: run the cell again to go on");
            return true;
        } finally {
            user.interrupt();
            user.join();
            Thread.interrupted();
        }
    }

    @Test
    void anInterruptedSearchWithoutACheckpointSaysSo() {
        try (HookedTransformer model = SmallTasks.load("tl/gpt2-tiny")) {
            Acdc acdc = new Acdc(task(model, 10), AcdcConfig.DEFAULT);
            Thread.currentThread().interrupt();
            assertThatThrownBy(acdc::trace)
                    .isInstanceOf(CancellationException.class)
                    .hasMessageContaining("run the cell again to start over");
        } finally {
            Thread.interrupted();
        }
    }

    @Test
    void refusesACheckpointOfAnotherSearch() {
        Path file = folder.resolve("search.json");
        AcdcConfig config = AcdcConfig.DEFAULT.withThreshold(1e-4);
        try (HookedTransformer model = SmallTasks.load("tl/gpt2-tiny");
                HookedTransformer other = SmallTasks.load("models/gpt2-tiny")) {
            Task task = task(model, 10);
            new Acdc(task, config).withCheckpoint(file).trace();
            refuses(new Acdc(task, config.withThreshold(1e-3)), file, "its config is");
            refuses(new Acdc(task, config.withGranularity(Granularity.HEADS)), file, "its config is");
            refuses(new Acdc(task(model, 9), config), file, "its prompts is");
            refuses(new Acdc(task.at(3), config), file, "its prompts is");
            refuses(new Acdc(task.measuring(Metric.meanSquaredError()), config), file, "its metric is");
            refuses(new Acdc(task(other, 10), config), file, "its ");
        }
    }

    private static void refuses(Acdc acdc, Path file, String what) {
        assertThatThrownBy(() -> acdc.withCheckpoint(file).trace())
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("the checkpoint " + file)
                .hasMessageContaining("belongs to another search")
                .hasMessageContaining(what)
                .hasMessageContaining("name another file, or delete this one");
    }

    @Test
    void refusesWhatNoSearchHasWritten() throws IOException {
        Path file = folder.resolve("search.json");
        try (HookedTransformer model = SmallTasks.load("tl/gpt2-tiny")) {
            Acdc acdc = new Acdc(task(model, 10), AcdcConfig.DEFAULT.withThreshold(1e-4)).withCheckpoint(file);
            String whole = text(acdc.trace());
            byte[] good = Files.readAllBytes(file);
            Random random = new Random(4);
            for (int i = 0; i < 20; i++) {
                byte[] bytes = new byte[random.nextInt(300)];
                random.nextBytes(bytes);
                refuses(acdc, file, bytes, "the checkpoint " + file);
                refuses(
                        acdc,
                        file,
                        Stream.of(new String(good, StandardCharsets.UTF_8)
                                        .substring(0, random.nextInt(good.length - 1)))
                                .findFirst()
                                .orElseThrow()
                                .getBytes(StandardCharsets.UTF_8),
                        "the checkpoint " + file);
            }
            refuses(acdc, file, good, root -> root.put("decisions", 3), "should have 1 to");
            refuses(acdc, file, good, root -> root.putArray("decisions"), "but has 0");
            refuses(acdc, file, good, root -> more(root, 5000), "but has 5");
            refuses(acdc, file, good, root -> root.put("measured", -1), "its 'measured' should be from 1");
            refuses(acdc, file, good, root -> root.put("measured", 1L << 40), "its 'measured'");
            refuses(acdc, file, good, root -> root.put("batches", "many"), "its 'batches'");
            refuses(acdc, file, good, root -> root.put("length", 1_000_000), "its 'length' should be from 1 to 64");
            refuses(acdc, file, good, root -> root.put("full", "NaN"), "metric of the model's weights");
            refuses(acdc, file, good, root -> decision(root, 3).set(0, "m9->logits"), "the nearest are [");
            refuses(acdc, file, good, root -> decision(root, 3).set(0, 7), "an edge is written");
            refuses(acdc, file, good, root -> decision(root, 3).set(2, "NaN"), "decision 3");
            refuses(acdc, file, good, root -> decision(root, 3).set(2, Double.POSITIVE_INFINITY), "is no metric");
            refuses(acdc, file, good, root -> decision(root, 3).set(3, "MAYBE"), "MAYBE");
            refuses(acdc, file, good, root -> decision(root, 3).removeAll(), "decision 3 is []");
            refuses(acdc, file, good, root -> decision(root, 0).set(1, 5.0), "metric of the model's weights");
            refuses(acdc, file, good, root -> decision(root, 3).set(1, 5.0), "decision 3 should be about");
            refuses(acdc, file, good, root -> decision(root, 3).set(2, -1e300), "decision 3 should be about");
            refuses(acdc, file, good, AcdcResumeTest::swap, "decision 1 should be about");
            refuses(acdc, file, good, AcdcResumeTest::shorten, "but is missing");
            Files.write(file, good);
            assertThat(text(acdc.trace())).isEqualTo(whole);
        }
    }

    private static ArrayNode decisions(ObjectNode root) {
        return (ArrayNode) root.get("decisions");
    }

    private static ArrayNode decision(ObjectNode root, int at) {
        return (ArrayNode) decisions(root).get(at);
    }

    private static void more(ObjectNode root, int count) {
        for (int i = 0; i < count; i++) {
            decisions(root).add(decision(root, 0).deepCopy());
        }
    }

    private static void swap(ObjectNode root) {
        decisions(root).add(decisions(root).remove(1));
    }

    private static void shorten(ObjectNode root) {
        while (decisions(root).size() > 2) {
            decisions(root).remove(2);
        }
    }

    private static void refuses(Acdc acdc, Path file, byte[] good, Consumer<ObjectNode> change, String what)
            throws IOException {
        ObjectNode root = (ObjectNode) JSON.readTree(good);
        change.accept(root);
        refuses(acdc, file, JSON.writeValueAsBytes(root), what);
    }

    /** A file that is refused stays as it is. */
    private static void refuses(Acdc acdc, Path file, byte[] bytes, String what) throws IOException {
        Files.write(file, bytes);
        assertThatThrownBy(acdc::trace)
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(what)
                .hasMessageContaining("delete");
        assertThat(file).hasBinaryContent(bytes);
    }

    @Test
    void saysAtOnceThatACheckpointCannotBeWritten() throws IOException {
        try (HookedTransformer model = SmallTasks.load("tl/gpt2-tiny")) {
            Acdc acdc = new Acdc(task(model, 3), AcdcConfig.DEFAULT);
            Path plain = Files.writeString(folder.resolve("plain"), "no folder");
            Path blocked = folder.resolve("blocked.json");
            Files.createDirectory(folder.resolve("blocked.json.part"));
            for (Path file : new Path[] {folder, folder.resolve("none/a.json"), plain.resolve("a.json"), blocked}) {
                assertThatThrownBy(() -> acdc.withCheckpoint(file).trace())
                        .isInstanceOf(UncheckedIOException.class)
                        .hasMessageContaining("cannot write the checkpoint " + file)
                        .hasMessageContaining("name a file in a folder that exists");
            }
        }
    }
}
