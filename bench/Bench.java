import ai.djl.engine.Engine;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.model.Logits;
import dev.ariadne.model.Sampling;
import dev.ariadne.task.Metric;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * The Java worker of bench/run. It reads one command per line and answers each with one line:
 * {@code load NAME} with {@code ok FIGURE} or {@code skip REASON}, {@code run} with a time in ms, {@code compiled} with the ms that the JVM has
 * compiled for.
 */
public final class Bench {

    /** Where the cases find generated weights and leave nothing else. */
    static final Path DATA = Path.of(System.getProperty("ariadne.bench.data", "target/bench"));

    /** Greedy, with a cache, and not ended by the model: the same number of tokens on both sides. */
    private static final Sampling GENERATION =
            Sampling.DEFAULT.withMaxNewTokens(64).withStopAtEos(false);

    private static final Map<String, Supplier<Case>> CASES = new LinkedHashMap<>();

    static {
        CASES.put("engine-start", () -> new FreshJvm("--engine"));
        for (String work : List.of("forward", "cache", "grad")) {
            for (String size : List.of("tiny/32x16", "gpt2/1x20", "gpt2/16x20", "smollm2/1x20")) {
                CASES.put(work + "/" + size, () -> new ModelCase(work, size));
            }
        }
        CASES.put("generate/smollm2/1x20", () -> new ModelCase("generate", "smollm2/1x20"));
        CASES.put("train/tutorial/96x11", TrainCase::new);
        CASES.put("train/sparse/40x24x32", SparseCase.Training::new);
        CASES.put("prune/sparse/quotes", SparseCase.Pruning::new);
        CASES.put("first-logits/smollm2", () -> new FreshJvm("--first-logits"));
    }

    private Bench() {}

    public static void main(String[] args) throws IOException, InterruptedException {
        switch (args.length == 0 ? "" : args[0]) {
            case "--list" -> CASES.keySet().forEach(System.out::println);
            case "--weights" -> RandomWeights.writeAll(DATA);
            case "--engine" -> multiply();
            case "--first-logits" -> askSmollm2();
            case "--acdc" -> AcdcBench.run(List.of(args).subList(1, args.length));
            case "--attribution" -> AttributionBench.run(List.of(args).subList(1, args.length));
            case "--intervention" -> InterventionBench.run();
            default -> serve();
        }
    }

    private static void serve() throws IOException, InterruptedException {
        var in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        var out = System.out;
        System.setOut(System.err); // whatever a library prints must not look like an answer
        Optional<Case> current = Optional.empty();
        for (String line = in.readLine(); line != null && !line.equals("quit"); line = in.readLine()) {
            if (line.startsWith("load ")) {
                current.ifPresent(Case::close);
                current = load(line.substring(5), out);
            } else if (line.equals("compiled")) {
                out.println(ManagementFactory.getCompilationMXBean().getTotalCompilationTime());
            } else if (line.equals("run") && current.isPresent()) {
                out.printf(Locale.ROOT, "%.4f%n", current.get().run());
            } else {
                out.println("error expected 'load NAME', then 'run', 'compiled' or 'quit'; got '" + line + "'");
            }
            out.flush();
        }
    }

    private static Optional<Case> load(String name, PrintStream out) throws InterruptedException {
        if (!CASES.containsKey(name)) {
            out.println("skip no case named '" + name + "'; bench/run --list names them");
            return Optional.empty();
        }
        try {
            var loaded = CASES.get(name).get();
            out.printf(Locale.ROOT, "ok %.6g%n", loaded.load());
            return Optional.of(loaded);
        } catch (IOException | RuntimeException absent) { // weights that are not there, most likely
            out.println("skip " + absent.toString().replace('\n', ' '));
            return Optional.empty();
        }
    }

    /** A fresh JVM that does one thing, from its start to its end: a process can start the engine only once. */
    private record FreshJvm(String command) implements Case {

        @Override
        public double load() throws IOException, InterruptedException {
            run(); // unpacks the native library where that was never done
            return Double.NaN;
        }

        @Override
        public double run() throws IOException, InterruptedException {
            var java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
            var child = new ProcessBuilder(java, "-cp", System.getProperty("java.class.path"), "Bench", command)
                    .redirectErrorStream(true)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD);
            long start = System.nanoTime();
            int code = child.start().waitFor();
            double ms = (System.nanoTime() - start) / 1e6;
            if (code != 0) {
                throw new IOException("exit code " + code + "; try 'java Bench " + command + "'");
            }
            return ms;
        }
    }

    /** Starts the engine and multiplies two matrices. */
    private static void multiply() {
        try (NDManager manager = Engine.getInstance().newBaseManager()) {
            var ones = manager.ones(new Shape(2, 2)); // [2, 2]
            if (ones.matMul(ones).sum().getFloat() != 8f) {
                throw new AssertionError("the engine cannot multiply");
            }
        }
    }

    /** From nothing to the next-token logits of one prompt: engine, GGUF file, tokenizer, forward pass. */
    private static void askSmollm2() {
        try (var model = HookedTransformer.load("smollm2-135m", "cpu");
                var logits = model.next("Dallas is in the state of")) {
            if (!logits.top(1).get(0).token().equals(" Texas")) {
                throw new AssertionError("the model does not know where Dallas is");
            }
        }
    }

    /** One run of a model, in one of four ways. */
    private static final class ModelCase implements Case {
        private final String work;
        private final HookedTransformer model;
        private final long[][] tokens;
        private final Metric metric = Metric.logitDifference(new long[] {1}, new long[] {2});

        ModelCase(String work, String size) {
            this.work = work;
            var parts = size.split("[/x]", -1);
            var name = parts[0].equals("smollm2") ? "smollm2-135m" : DATA.resolve(parts[0]).toString();
            model = HookedTransformer.load(name, "cpu");
            tokens = new long[Integer.parseInt(parts[1])][Integer.parseInt(parts[2])];
            for (int i = 0; i < tokens.length * tokens[0].length; i++) {
                tokens[i / tokens[0].length][i % tokens[0].length] = (17 + 7919L * i) % model.config().dVocab();
            }
        }

        @Override
        public double load() {
            switch (work) {
                case "forward" -> {
                    try (var logits = model.run(tokens)) {
                        return norm(logits);
                    }
                }
                case "cache" -> {
                    try (var cache = model.runWithCache(tokens)) {
                        return norm(cache.logits());
                    }
                }
                case "generate" -> {
                    var ids = model.generate(tokens, GENERATION).rows().get(0).tokens();
                    double sum = 0;
                    for (int i = 0; i < ids.size(); i++) {
                        sum += (i + 1.0) * ids.get(i).id();
                    }
                    return sum / (ids.size() * (ids.size() + 1) / 2.0);
                }
                default -> {
                    try (var cache = model.runWithGradients(tokens, metric, List.of("z"))) {
                        return Math.sqrt(cache.names().stream()
                                .mapToDouble(hook -> squares(cache.grad(hook.toString()).toFloatArray()))
                                .sum());
                    }
                }
            }
        }

        @Override
        public double run() {
            long start = System.nanoTime();
            switch (work) {
                case "forward" -> model.run(tokens).close();
                case "cache" -> model.runWithCache(tokens).close();
                case "generate" -> model.generate(tokens, GENERATION);
                default -> model.runWithGradients(tokens, metric, List.of("z")).close();
            }
            return (System.nanoTime() - start) / 1e6;
        }

        /** Of the last position of the first prompt. */
        private static double norm(Logits logits) {
            return Math.sqrt(squares(logits.array().get(0, -1).toFloatArray()));
        }

        private static double squares(float[] values) {
            double sum = 0;
            for (float value : values) {
                sum += (double) value * value;
            }
            return sum;
        }

        @Override
        public void close() {
            model.close();
        }
    }
}
