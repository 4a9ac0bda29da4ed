import com.sun.management.OperatingSystemMXBean;
import dev.ariadne.attribution.ReplacementModel;
import dev.ariadne.intervention.FeaturePatcher;
import dev.ariadne.intervention.Mode;
import dev.ariadne.intervention.PatchedRun;
import dev.ariadne.intervention.Positions;
import dev.ariadne.intervention.Setting;
import dev.ariadne.model.HookedTransformer;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/** Sets features of a model of GPT-2's size with random weights, 10 tokens, attention patterns frozen: CPU seconds of the process. */
final class InterventionBench {
    private static final int WARM_UP = 30; // the JVM compiles what runs often
    private static final int REPEATS = 7;
    private static final int ROWS = 1000;
    private static final double VALUE = 20;
    private static final OperatingSystemMXBean SYSTEM =
            (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();

    private InterventionBench() {}

    static void run() throws IOException {
        RandomWeights.writeAll(Bench.DATA);
        try (var model = HookedTransformer.load(Bench.DATA.resolve("gpt2").toString(), "cpu");
                var transcoders = AttributionBench.gpt2Transcoders(model)) {
            var replacement = ReplacementModel.of(model, transcoders);
            long[] tokens = AttributionBench.tokens(model, 10);
            try (var patcher = FeaturePatcher.of(replacement, tokens)) {
                for (int i = 0; i < WARM_UP; i++) {
                    patcher.next(one(0, 1), Mode.FROZEN).close();
                }
                for (int layer : new int[] {0, 6, 11}) {
                    one(replacement, tokens, patcher, layer);
                }
                batches(patcher, transcoders.size(), transcoders.features(0));
            }
        }
    }

    private static List<Setting> one(int layer, int position) {
        return List.of(Setting.of(layer, Positions.at(position), 3, VALUE));
    }

    private static void one(ReplacementModel replacement, long[] tokens, FeaturePatcher patcher, int layer) {
        String name = "intervention/gpt2/layer-" + layer;
        try (PatchedRun run = patcher.run(one(layer, 5), Mode.FROZEN)) { // figures that the peer must find, too
            AttributionBench.line(name + "/logits", norm(run, null), "");
            AttributionBench.line(name + "/moved", norm(run, patcher.clean()), "");
        }
        AttributionBench.line(
                name, median(() -> patcher.next(one(layer, 5), Mode.FROZEN).close()), "CPU s");
        AttributionBench.line(
                name + "/token-1",
                median(() -> patcher.next(one(layer, 1), Mode.FROZEN).close()),
                "CPU s");
        AttributionBench.line(
                name + "/with-clean-run-and-all-activations",
                median(() -> {
                    try (var fresh = FeaturePatcher.of(replacement, tokens);
                            var run = fresh.run(one(layer, 5), Mode.FROZEN)) {
                        for (int each = 0; each < replacement.transcoders().size(); each++) {
                            run.activations(each);
                        }
                    }
                }),
                "CPU s");
    }

    /** Of all logits, or of how they differ from others. */
    private static double norm(PatchedRun run, PatchedRun from) {
        float[] a = run.logits().array().toFloatArray();
        float[] b = from == null ? new float[a.length] : from.logits().array().toFloatArray();
        double sum = 0;
        for (int i = 0; i < a.length; i++) {
            sum += ((double) a[i] - b[i]) * ((double) a[i] - b[i]);
        }
        return Math.sqrt(sum);
    }

    /** A thousand interventions in one call: in one layer, and in layers and at tokens drawn at random. */
    private static void batches(FeaturePatcher patcher, int layers, int features) {
        var random = new SplittableRandom(3);
        List<List<Setting>> same = new ArrayList<>();
        List<List<Setting>> any = new ArrayList<>();
        for (int i = 0; i < ROWS; i++) {
            Positions at = Positions.at(1 + random.nextInt(9));
            int feature = random.nextInt(features);
            same.add(List.of(Setting.of(6, at, feature, VALUE)));
            any.add(List.of(Setting.of(random.nextInt(layers), at, feature, VALUE)));
        }
        batch("layer-6", patcher, same);
        batch("any-layer", patcher, any);
    }

    private static void batch(String name, FeaturePatcher patcher, List<List<Setting>> rows) {
        double seconds = median(1, 1, () -> patcher.nextOfAll(rows, Mode.FROZEN).close());
        AttributionBench.line("intervention/gpt2/batch/" + name, seconds, "CPU s for " + ROWS);
        AttributionBench.line("intervention/gpt2/batch/" + name + "/rate", ROWS / seconds, "interventions a CPU second");
    }

    private static double median(Runnable work) {
        return median(REPEATS, 5, work);
    }

    /** CPU seconds that one of several runs in a row takes: the clock has steps of 10 ms. */
    private static double median(int repeats, int inARow, Runnable work) {
        double[] times = new double[repeats];
        for (int i = -1; i < repeats; i++) {
            long start = SYSTEM.getProcessCpuTime();
            for (int k = 0; k < inARow; k++) {
                work.run();
            }
            if (i >= 0) { // the first is not counted
                times[i] = (SYSTEM.getProcessCpuTime() - start) / 1e9 / inARow;
            }
        }
        Arrays.sort(times);
        return times[repeats / 2];
    }
}
