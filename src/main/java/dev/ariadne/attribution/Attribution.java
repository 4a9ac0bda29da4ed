package dev.ariadne.attribution;

import ai.djl.ndarray.NDManager;
import dev.ariadne.view.Citation;
import dev.ariadne.view.Progress;
import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.IntStream;

/** Makes an attribution graph: runs the model, chooses the targets, sweeps, and, where not all features may be nodes, chooses those. */
final class Attribution {
    private static final int AT_ONCE = 2048; // features that are chosen by one look at their influence
    private static final double LEAST = 1e-8; // as published, while features are chosen

    private final ReplacementModel replacement;
    private final AttributionConfig config;
    private final String prompt;
    private final long[] tokens;

    Attribution(ReplacementModel replacement, AttributionConfig config, String prompt, long[] tokens) {
        this.replacement = replacement;
        this.config = config;
        this.prompt = prompt;
        this.tokens = tokens;
    }

    AttributionGraph graph() {
        try (CleanRun run = new CleanRun(
                        replacement,
                        tokens,
                        FrozenModel.hooks(replacement.model().config()),
                        replacement::label);
                NDManager owner = replacement.model().newOwner()) {
            Outputs outputs = Outputs.of(replacement, run, config.targets(), owner);
            Budget budget = Budget.of(replacement, run, outputs, config);
            try (Sweep sweep = new Sweep(replacement, run, outputs, owner, budget)) {
                return graph(run.features(), outputs, sweep);
            }
        }
    }

    private AttributionGraph graph(ActiveFeatures active, Outputs outputs, Sweep sweep) {
        int features = active.size();
        int rows = features + outputs.list().size();
        SparseRows matrix = SparseRows.ofSize(rows);
        Sweep.Rest[] rests = new Sweep.Rest[rows];
        int most = Math.min(features, config.maxFeatureNodes());
        int[] selected;
        try (Progress progress =
                Progress.of("attribution", most + outputs.list().size())) {
            if (most == features) {
                sweep.compute(IntStream.range(0, rows).toArray(), matrix, rests, progress);
                selected = IntStream.range(0, features).toArray();
            } else {
                selected = select(most, outputs, sweep, matrix, rests, progress);
            }
        }
        double[] values = IntStream.range(0, rows).mapToDouble(sweep::value).toArray();
        return new AttributionGraph(origin(), active, outputs.list(), selected, matrix, rests, values);
    }

    /** Takes the most influential features by what is known so far, a few at a time, and looks again with their rows. */
    private int[] select(
            int most, Outputs outputs, Sweep sweep, SparseRows matrix, Sweep.Rest[] rests, Progress progress) {
        int features = matrix.rows() - outputs.list().size();
        double[] start =
                outputs.list().stream().mapToDouble(Target::probability).toArray();
        boolean[] taken = new boolean[features];
        sweep.compute(IntStream.range(features, matrix.rows()).toArray(), matrix, rests, progress);
        for (int count = 0; count < most; ) {
            double[] influence = Influence.of(matrix, sweep.columns(), start, LEAST);
            int[] next = IntStream.range(0, features)
                    .filter(feature -> !taken[feature])
                    .boxed()
                    .sorted(Comparator.comparingDouble((Integer feature) -> -influence[feature]))
                    .limit(Math.min(AT_ONCE, most - count))
                    .mapToInt(feature -> feature)
                    .toArray();
            sweep.compute(next, matrix, rests, progress);
            Arrays.stream(next).forEach(feature -> taken[feature] = true);
            count += next.length;
        }
        return IntStream.range(0, features).filter(feature -> taken[feature]).toArray();
    }

    private AttributionGraph.Origin origin() {
        return new AttributionGraph.Origin(
                prompt,
                replacement.model().name(),
                replacement.transcoders().toString(),
                replacement.transcoders().size(),
                config,
                replacement.labels(),
                Citation.libraryVersion(),
                replacement.model());
    }
}
