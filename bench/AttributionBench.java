import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import com.sun.management.OperatingSystemMXBean;
import dev.ariadne.attribution.AttributionConfig;
import dev.ariadne.attribution.AttributionGraph;
import dev.ariadne.attribution.PrunedGraph;
import dev.ariadne.attribution.ReplacementModel;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.tensor.Tensors;
import dev.ariadne.transcoder.Activation;
import dev.ariadne.transcoder.Transcoder;
import dev.ariadne.transcoder.TranscoderSet;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;

/** Makes attribution graphs of models with random weights and transcoders, and says what they took: CPU seconds and memory. */
final class AttributionBench {
    private static final int REPEATS = 3;
    private static final OperatingSystemMXBean SYSTEM =
            (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();

    private AttributionBench() {}

    /** Everything, or what a name begins with. */
    static void run(List<String> names) throws IOException {
        if (wanted("attribution/gpt2", names)) {
            gpt2();
        }
        if (wanted("attribution/growth", names)) {
            growth();
        }
        if (wanted("attribution/long", names)) {
            longPrompt();
        }
    }

    private static boolean wanted(String name, List<String> names) {
        return names.stream().anyMatch(start -> name.startsWith(start) || start.startsWith(name + "/"));
    }

    /** GPT-2's size, 10 tokens, 34 features active in each layer at each token but the first: 3,672. */
    private static void gpt2() throws IOException {
        RandomWeights.writeAll(Bench.DATA);
        try (var model = HookedTransformer.load(Bench.DATA.resolve("gpt2").toString(), "cpu");
                var transcoders = gpt2Transcoders(model)) {
            measure("attribution/gpt2", model, transcoders, 10, AttributionConfig.DEFAULT);
        }
    }

    /** Transcoders of 512 features a layer, of which 34 are active at each token; written once, for both sides. */
    static TranscoderSet gpt2Transcoders(HookedTransformer model) throws IOException {
        Path folder = Bench.DATA.resolve("gpt2-transcoders");
        if (!Files.exists(folder.resolve("config.yaml"))) { // written last
            try (var made = transcoders(model, 512, 34)) {
                made.save(folder, Map.of());
            }
        }
        return TranscoderSet.load(folder);
    }

    /** One thing twice as large at a time. */
    private static void growth() throws IOException {
        for (String shape : RandomWeights.growth(Bench.DATA)) {
            try (var model = HookedTransformer.load(Bench.DATA.resolve(shape).toString(), "cpu")) {
                String name = "attribution/growth/" + shape;
                if (shape.equals(RandomWeights.BASE)) {
                    warmUp(model);
                }
                measure(name + "/16-tokens/16-active", model, 512, 16, 16);
                if (shape.equals(RandomWeights.BASE)) {
                    measure(name + "/32-tokens/16-active", model, 512, 16, 32);
                    measure(name + "/16-tokens/32-active", model, 512, 32, 16);
                }
            }
        }
    }

    /** Lets the JVM compile what all cases run. */
    private static void warmUp(HookedTransformer model) {
        try (var transcoders = transcoders(model, 512, 16)) {
            var replacement = ReplacementModel.of(model, transcoders);
            for (int i = 0; i < 5; i++) {
                replacement.attribute(tokens(model, 16), AttributionConfig.DEFAULT).prune();
            }
        }
    }

    static long[] tokens(HookedTransformer model, int pos) {
        long[] tokens = new long[pos];
        Arrays.setAll(tokens, i -> (17 + 7919L * i) % model.config().dVocab());
        return tokens;
    }

    /** Two thousand tokens: a dense matrix of all nodes would take tens of gigabytes. */
    private static void longPrompt() throws IOException {
        Path folder = RandomWeights.longContext(Bench.DATA);
        long budget = 3L << 30;
        try (var model = HookedTransformer.load(folder.toString(), "cpu");
                var transcoders = transcoders(model, 256, 8)) {
            AttributionConfig config =
                    AttributionConfig.DEFAULT.withMaxFeatureNodes(2000).withMemory(budget);
            line("attribution/long/budget", budget / 1e9, "GB");
            AttributionGraph graph = measure("attribution/long/2000-tokens", model, transcoders, 2000, config);
            double nodes = graph.active().size() + 2000.0 * (model.config().nLayers() + 1);
            line("attribution/long/dense-matrix-would-be", nodes * nodes * 4 / 1e9, "GB");
        }
    }

    private static void measure(String name, HookedTransformer model, int features, int active, int pos) {
        try (var transcoders = transcoders(model, features, active)) {
            measure(name, model, transcoders, pos, AttributionConfig.DEFAULT);
        }
    }

    private static AttributionGraph measure(
            String name, HookedTransformer model, TranscoderSet transcoders, int pos, AttributionConfig config) {
        long[] tokens = tokens(model, pos);
        var replacement = ReplacementModel.of(model, transcoders);
        double[] graphs = new double[REPEATS];
        double[] prunings = new double[REPEATS];
        AttributionGraph graph = null;
        for (int i = 0; i < REPEATS; i++) {
            long start = SYSTEM.getProcessCpuTime();
            graph = replacement.attribute(tokens, config);
            long made = SYSTEM.getProcessCpuTime();
            PrunedGraph pruned = graph.prune();
            graphs[i] = (made - start) / 1e9;
            prunings[i] = (SYSTEM.getProcessCpuTime() - made) / 1e9;
            if (i == 0) {
                line(name + "/active-features", graph.active().size(), "");
                line(name + "/edges", graph.edgeCount(), "");
                line(name + "/kept-edges", pruned.edgeCount(), "");
                line(name + "/residual", graph.residual(), "");
                line(name + "/replacement-score", graph.replacementScore(), "");
            }
        }
        line(name + "/first-graph", graphs[0], "CPU s");
        Arrays.sort(graphs);
        line(name + "/graph", graphs[REPEATS / 2], "CPU s");
        line(name + "/first-pruning", prunings[0], "CPU s");
        Arrays.sort(prunings);
        line(name + "/pruning", prunings[REPEATS / 2], "CPU s");
        line(name + "/peak-memory-of-the-process", peak(), "GB");
        return graph;
    }

    /** The most this process has had in memory so far. */
    private static double peak() {
        try {
            for (String each : Files.readAllLines(Path.of("/proc/self/status"))) {
                if (each.startsWith("VmHWM:")) {
                    return Long.parseLong(each.replaceAll("\\D", "")) * 1024 / 1e9;
                }
            }
        } catch (IOException e) {
            // a system without /proc
        }
        return Double.NaN;
    }

    static void line(String name, double value, String unit) {
        System.out.printf(Locale.ROOT, "%s\t%.6g\t%s%n", name, value, unit);
    }

    private static TranscoderSet transcoders(HookedTransformer model, int features, int k) {
        int width = model.config().dModel();
        var random = new SplittableRandom(2);
        List<Transcoder> all = new ArrayList<>();
        try (NDManager manager = Tensors.engine().newBaseManager()) {
            for (int layer = 0; layer < model.config().nLayers(); layer++) {
                Map<String, NDArray> arrays = new LinkedHashMap<>();
                arrays.put("W_enc", normal(manager, random, features, width));
                arrays.put("b_enc", normal(manager, random, features));
                arrays.put("W_dec", normal(manager, random, features, width));
                arrays.put("b_dec", normal(manager, random, width));
                all.add(Transcoder.of(Activation.topK(k), arrays));
            }
        }
        return TranscoderSet.of(model.name(), "mlp.hook_in", "mlp.hook_out", all);
    }

    private static NDArray normal(NDManager manager, SplittableRandom random, long... sizes) {
        float[] values = new float[(int) new Shape(sizes).size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) (0.02 * random.nextGaussian());
        }
        return manager.create(values, new Shape(sizes));
    }
}
