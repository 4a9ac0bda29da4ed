import dev.ariadne.discovery.Acdc;
import dev.ariadne.discovery.AcdcConfig;
import dev.ariadne.discovery.AcdcTrace;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.task.Metric;
import dev.ariadne.task.Task;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;

/** Searches for circuits in models with random weights, each once, and says what it took. */
final class AcdcBench {
    private final String name;
    private final HookedTransformer model;
    private final int prompts;
    private final int length;

    private AcdcBench(String name, HookedTransformer model, int prompts, int length) {
        this.name = name;
        this.model = model;
        this.prompts = prompts;
        this.length = length;
    }

    /** Everything, or what a name begins with. */
    static void run(List<String> names) throws IOException {
        try (var tiny = HookedTransformer.load("gpt2-tiny", "cpu")) {
            if (wanted("acdc/tiny", names)) {
                long start = System.nanoTime(); // the model is there, the engine has not computed yet
                new AcdcBench("acdc/tiny", tiny, 6, 10).search("kl", 0.02);
                line("acdc/tiny/with-warm-up", (System.nanoTime() - start) / 1e9, "s");
            }
        }
        Path gpt2 = Bench.DATA.resolve("gpt2");
        if (wanted("acdc/gpt2", names)) {
            try (var model = HookedTransformer.load(gpt2.toString(), "cpu")) {
                var size = new AcdcBench("acdc/gpt2/16x20", model, 16, 20);
                if (wanted("acdc/gpt2/16x20/logit-difference", names)) {
                    size.search("logit-difference", 0.0075);
                }
                if (wanted("acdc/gpt2/16x20/kl", names)) {
                    size.search("kl", 0.0002);
                }
            }
        }
        if (wanted("acdc/growth", names)) {
            growth();
        }
    }

    /** One thing twice as large at a time. */
    private static void growth() throws IOException {
        for (String shape : RandomWeights.growth(Bench.DATA)) {
            try (var model = HookedTransformer.load(Bench.DATA.resolve(shape).toString(), "cpu")) {
                new AcdcBench("acdc/growth/" + shape + "/8x16", model, 8, 16).search("kl", 0.001);
                if (shape.equals(RandomWeights.BASE)) {
                    new AcdcBench("acdc/growth/" + shape + "/8x32", model, 8, 32).search("kl", 0.001);
                    new AcdcBench("acdc/growth/" + shape + "/8x16/more-kept", model, 8, 16).search("kl", 0.0001);
                }
            }
        }
    }

    private static boolean wanted(String name, List<String> names) {
        return names.isEmpty()
                || names.stream().anyMatch(start -> name.startsWith(start) || start.startsWith(name + "/"));
    }

    private void search(String metric, double threshold) {
        var random = new SplittableRandom(1);
        long[][] clean = tokens(random, length);
        long[][] corrupted = tokens(random, length);
        long[][] answers = tokens(random, 2);
        long[] right = new long[prompts];
        long[] wrong = new long[prompts];
        for (int i = 0; i < prompts; i++) {
            right[i] = answers[i][0];
            wrong[i] = answers[i][1];
        }
        Metric measured = metric.equals("kl") ? Metric.kl() : Metric.logitDifference(right, wrong);
        Task task = Task.of(model, "random tokens", clean, corrupted, measured);
        // a logit difference of random weights is no behavior: what raises it matters as much as what lowers it
        var config = AcdcConfig.DEFAULT.withThreshold(threshold).withAbsolute(!metric.equals("kl"));
        long start = System.nanoTime();
        AcdcTrace trace = new Acdc(task, config).trace();
        double seconds = (System.nanoTime() - start) / 1e9;
        int edges = trace.decisions().size();
        String of = name + "/" + metric;
        line(of + "/seconds", seconds, "s");
        line(of + "/per-edge", seconds / edges, "s");
        line(of + "/per-evaluation", seconds / trace.evaluations(), "s");
        line(of + "/edges", edges, "edges");
        line(of + "/kept", trace.kept().size(), "edges");
        line(of + "/evaluations", trace.evaluations(), "evaluations");
        line(of + "/wasted", trace.measured() - trace.evaluations(), "evaluations");
        line(of + "/batches", trace.batches(), "batches");
    }

    private long[][] tokens(SplittableRandom random, int width) {
        long[][] rows = new long[prompts][width];
        for (long[] row : rows) {
            for (int i = 0; i < width; i++) {
                row[i] = random.nextInt(model.config().dVocab());
            }
        }
        return rows;
    }

    private static void line(String name, double value, String unit) {
        System.out.printf(Locale.ROOT, "%s\t%.6g\t%s\t-\t-%n", name, value, unit);
    }
}
