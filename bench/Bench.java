import ai.djl.engine.Engine;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * The Java worker of bench/run. It reads one command per line and answers each with one line:
 * {@code load NAME} with {@code ok FIGURE} or {@code skip REASON}, {@code run} with a time in ms.
 */
public final class Bench {

    /** Where the cases find generated weights and leave nothing else. */
    static final Path DATA = Path.of(System.getProperty("ariadne.bench.data", "target/bench"));

    private static final Map<String, Supplier<Case>> CASES = new LinkedHashMap<>();

    static {
        CASES.put("engine-start", EngineStart::new);
    }

    private Bench() {}

    public static void main(String[] args) throws IOException, InterruptedException {
        switch (args.length == 0 ? "" : args[0]) {
            case "--list" -> CASES.keySet().forEach(System.out::println);
            case "--weights" -> RandomWeights.writeAll(DATA);
            case "--engine" -> EngineStart.startHere();
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
                current = load(line.substring(5), out);
            } else if (line.equals("run") && current.isPresent()) {
                out.printf(Locale.ROOT, "%.4f%n", current.get().run());
            } else {
                out.println("error expected 'load NAME', then 'run', or 'quit'; got '" + line + "'");
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

    /** A fresh JVM up to its first product of two matrices; a process can start the engine only once. */
    private static final class EngineStart implements Case {

        @Override
        public double load() throws IOException, InterruptedException {
            run(); // unpacks the native library where that was never done
            return Double.NaN;
        }

        @Override
        public double run() throws IOException, InterruptedException {
            var java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
            var child = new ProcessBuilder(java, "-cp", System.getProperty("java.class.path"), "Bench", "--engine")
                    .redirectErrorStream(true)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD);
            long start = System.nanoTime();
            int code = child.start().waitFor();
            double ms = (System.nanoTime() - start) / 1e6;
            if (code != 0) {
                throw new IOException("the engine did not start: exit code " + code + "; try 'java Bench --engine'");
            }
            return ms;
        }

        static void startHere() {
            try (NDManager manager = Engine.getInstance().newBaseManager()) {
                var ones = manager.ones(new Shape(2, 2)); // [2, 2]
                if (ones.matMul(ones).sum().getFloat() != 8f) {
                    throw new AssertionError("the engine cannot multiply");
                }
            }
        }
    }
}
