import com.fasterxml.jackson.databind.ObjectMapper;
import dev.ariadne.model.HookedTransformer;
import dev.ariadne.sparse.CircuitPruner;
import dev.ariadne.sparse.MiniPython;
import dev.ariadne.sparse.Pair;
import dev.ariadne.sparse.PairTask;
import dev.ariadne.sparse.PruneConfig;
import dev.ariadne.sparse.PruneConfig.Ranking;
import dev.ariadne.sparse.SparseConfig;
import dev.ariadne.sparse.SparseTrainer;
import dev.ariadne.sparse.SparseTransformer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Work of the package sparse: what it is done on is written where the peer finds it. */
abstract class SparseCase implements Case {
    /** As the model "sparse" was trained, but 40 steps in which weights go, on one batch; one step that changes nothing comes first. */
    static final class Training extends SparseCase {
        private static final SparseConfig CONFIG =
                SparseConfig.TWO_PHASE.withSteps(1, 40).withRates(1e-30, 0.02);
        private final List<long[]> rows = MiniPython.corpus(CONFIG.batch(), 0);

        /** The loss of the last step. */
        @Override
        public double load() throws IOException {
            Path folder = Bench.DATA.resolve("sparse-training");
            try (var start = SparseTrainer.of(CONFIG.withSteps(1, 0)).fit(rows)) {
                start.save(folder);
            }
            write(folder.resolve("rows.json"), rows);
            try (var trained = SparseTrainer.of(CONFIG).fit(rows)) {
                double[] losses = trained.trainings().get(1).losses();
                return losses[losses.length - 1];
            }
        }

        @Override
        public double run() {
            long start = System.nanoTime();
            SparseTrainer.of(CONFIG).fit(rows).close();
            return (System.nanoTime() - start) / 1e6;
        }
    }

    /** Cuts the circuit for quotes out of the model "sparse": gradients once, bisection, then elimination down to a minimal circuit. */
    static final class Pruning extends SparseCase {
        private final SparseTransformer sparse =
                SparseTransformer.of(HookedTransformer.load("sparse", "cpu"), MiniPython.corpus(200, 0));
        private final PairTask task = MiniPython.task("single_double_quote", 48, 0);
        private final CircuitPruner pruner =
                CircuitPruner.of(sparse, PruneConfig.DEFAULT.withRanking(Ranking.ATTRIBUTION));

        /** The number of channels and weights that are left. */
        @Override
        public double load() throws IOException {
            Path folder = Bench.DATA.resolve("sparse-pruning");
            sparse.save(folder);
            List<Object> pairs = new ArrayList<>();
            for (Pair pair : task.pairs()) {
                Map<String, Object> one = new LinkedHashMap<>();
                one.put("prompts", List.of(pair.first(), pair.second()));
                one.put("answers", List.of(pair.firstAnswer(), pair.secondAnswer()));
                pairs.add(one);
            }
            write(folder.resolve("pairs.json"), pairs);
            write(folder.resolve("rows.json"), sparse.rows());
            var circuit = pruner.prune(task);
            return circuit.channelCount() + circuit.edgeCount();
        }

        @Override
        public double run() {
            long start = System.nanoTime();
            pruner.prune(task);
            return (System.nanoTime() - start) / 1e6;
        }

        @Override
        public void close() {
            sparse.close();
        }
    }

    static void write(Path file, Object what) throws IOException {
        new ObjectMapper().writeValue(file.toFile(), what);
    }
}
