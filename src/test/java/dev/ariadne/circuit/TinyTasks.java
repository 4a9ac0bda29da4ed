package dev.ariadne.circuit;

import ai.djl.ndarray.types.DataType;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.model.Initialization;
import dev.ariadne.model.ModelConfig;
import dev.ariadne.model.ModelConfig.Extras;
import dev.ariadne.model.ModelConfig.Norm;
import dev.ariadne.model.ModelConfig.Positions;
import dev.ariadne.model.TrainableModel;
import dev.ariadne.task.Metric;
import dev.ariadne.task.Task;
import dev.ariadne.tensor.Tensors;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** Random questions to small random models of every kind, computed in FLOAT64. */
final class TinyTasks {
    private static final String EXTRAS = "bigrams, sinks and slopes";

    private TinyTasks() {}

    /** Each family, each way to know positions, shared keys, windows, norms on both sides, blocks side by side, no MLPs, both directions. */
    static Stream<String> models() {
        return Stream.of(
                "models/gpt2-tiny",
                "models/pythia-tiny",
                "models/llama-tiny",
                "models/llama3-tied-tiny",
                "models/mistral-tiny",
                "models/qwen2-tiny",
                "models/qwen3-tiny",
                "models/gemma-tiny",
                "models/gemma2-tiny",
                "models/gemma3-tiny",
                "tl/attn-only-tiny",
                "tl/shortformer-tiny",
                "tl/parallel-tiny",
                "tl/relu-tiny",
                "tl/llama-like-tiny",
                "tl/gemma-like-tiny",
                "tracr/tracr-reverse",
                "tracr/tracr-xproportion",
                EXTRAS);
    }

    static HookedTransformer load(String name) {
        if (name.equals(EXTRAS)) {
            return extras();
        }
        try (HookedTransformer single =
                HookedTransformer.load(Path.of("src/test/resources", name).toString(), "cpu")) {
            return single.to(DataType.FLOAT64);
        }
    }

    /** What weight-sparse models have besides: a table of bigrams, attention sinks, scores that fall with distance. */
    private static HookedTransformer extras() {
        ModelConfig config = ModelConfig.builder()
                .nLayers(2)
                .dModel(8)
                .heads(2, 4)
                .dMlp(12)
                .dVocab(20)
                .nCtx(12)
                .norm(Norm.RMS_PRE)
                .positions(Positions.NONE)
                .extras(new Extras(0, true, true, List.of(0.0, 0.5)))
                .build();
        Random random = new Random(5);
        try (TrainableModel model = TrainableModel.random(config, Initialization.fanIn(2, 1), 5, "cpu")) {
            model.parameters().forEach((name, array) -> {
                if (name.contains("sinks") || name.contains("bigrams") || name.contains(".b_")) {
                    float[] values = new float[Math.toIntExact(array.size())];
                    for (int i = 0; i < values.length; i++) {
                        values[i] = (float) random.nextGaussian();
                    }
                    Tensors.recording(false, () -> {
                        array.set(values);
                        return array;
                    });
                }
            });
            try (HookedTransformer single = model.snapshot()) {
                return single.to(DataType.FLOAT64);
            }
        }
    }

    /** The graphs of a model: each granularity, and with the embedding split where that can be. */
    static List<ComputationalGraph> graphs(HookedTransformer model) {
        List<ComputationalGraph> graphs = new ArrayList<>();
        for (Granularity granularity : Granularity.values()) {
            graphs.add(ComputationalGraph.of(model.config(), granularity));
            if (model.config().positions() == Positions.LEARNED) {
                graphs.add(ComputationalGraph.of(model.config(), granularity, true));
            }
        }
        return graphs;
    }

    /** Some of {@link #tasks}. */
    static Map<Task, SlowMetric> some(HookedTransformer model, Random random, int count) {
        Map<Task, SlowMetric> tasks = tasks(model, random);
        List<Task> order = new ArrayList<>(tasks.keySet());
        Collections.shuffle(order, random);
        tasks.keySet().retainAll(order.subList(0, count));
        return tasks;
    }

    /** The same prompts, measured in different ways and at different positions: each with its metric in plain Java. */
    static Map<Task, SlowMetric> tasks(HookedTransformer model, Random random) {
        int pos = model.config().local().isPresent() ? 10 : 5; // longer than the windows
        int batch = model.config().local().isPresent() ? 2 : 3;
        int outputs = model.config().dVocabOut();
        long[] correct = random.longs(batch, 0, outputs).toArray();
        long[] wrong = Arrays.stream(correct)
                .map(id -> (id + 1 + random.nextInt(outputs - 1)) % outputs) // another one
                .toArray();
        long[][] clean = tokens(model, random, batch, pos);
        Task last = Task.of(model, "random", clean, tokens(model, random, batch, pos), Metric.kl());
        int[] columns = IntStream.range(0, model.config().dVocabOut()).toArray();
        Map<Task, SlowMetric> tasks = new LinkedHashMap<>();
        tasks.put(last, SlowMetric.kl());
        tasks.put(last.at(1, 2), SlowMetric.kl());
        tasks.put(last.measuring(Metric.meanSquaredError()).at(0, 2, pos - 2), SlowMetric.meanSquaredError(columns));
        tasks.put(last.measuring(Metric.meanSquaredError(0, 2)).at(1, pos - 1), SlowMetric.meanSquaredError(0, 2));
        Metric difference = Metric.logitDifference(correct, wrong);
        tasks.put(last.measuring(difference), SlowMetric.logitDifference(correct, wrong));
        tasks.put(last.measuring(difference).at(0, 2), SlowMetric.logitDifference(correct, wrong));
        return tasks;
    }

    private static long[][] tokens(HookedTransformer model, Random random, int batch, int pos) {
        long[][] tokens = new long[batch][];
        Arrays.setAll(
                tokens, row -> random.longs(pos, 0, model.config().dVocab()).toArray());
        return tokens;
    }

    /** Some of a graph's edges, few or many. */
    static Set<Edge> subset(ComputationalGraph graph, Random random) {
        double share = random.nextDouble();
        Set<Edge> some = new HashSet<>(graph.edges());
        some.removeIf(edge -> random.nextDouble() >= share);
        return some;
    }
}
