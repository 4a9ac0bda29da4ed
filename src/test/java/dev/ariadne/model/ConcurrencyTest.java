package dev.ariadne.model;

import static dev.ariadne.model.TestModels.TOKENS;
import static org.assertj.core.api.Assertions.assertThat;

import dev.ariadne.task.Metric;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;

class ConcurrencyTest {
    @Test
    void runsAndGradientsOnSeveralThreadsDoNotDisturbEachOther() throws Exception {
        Metric metric = Metric.logitDifference(new long[] {4}, new long[] {17});
        ExecutorService pool = Executors.newFixedThreadPool(4);
        try (HookedTransformer model = TestModels.gpt2();
                ActivationCache alone = model.runWithGradients(TOKENS, metric, List.of("z"))) {
            float[] logits = alone.logits().array().toFloatArray();
            float[] grad = alone.grad("z", 0).toFloatArray();
            List<Future<?>> runs = new ArrayList<>();
            for (int i = 0; i < 200; i++) {
                boolean gradients = i % 2 == 0;
                runs.add(pool.submit(() -> {
                    if (gradients) {
                        try (ActivationCache cache = model.runWithGradients(TOKENS, metric, List.of("z"))) {
                            assertThat(cache.grad("z", 0).toFloatArray()).isEqualTo(grad);
                        }
                    } else {
                        try (Logits plain = model.run(TOKENS)) {
                            assertThat(plain.array().hasGradient()).isFalse();
                            assertThat(plain.array().toFloatArray())
                                    .containsExactly(logits, org.assertj.core.api.Assertions.within(1e-5f));
                        }
                    }
                }));
            }
            for (Future<?> run : runs) {
                run.get();
            }
        } finally {
            pool.shutdown();
        }
    }
}
