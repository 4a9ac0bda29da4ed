package dev.ariadne.task;

import dev.ariadne.model.HookedTransformer;
import dev.ariadne.model.ModelConfig;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;

/** The compiled programs (Lindner et al. 2023), measured by the squared error of their outputs (Conmy et al. 2023, appendix). */
final class ProgramTasks {
    private static final long REVERSE_BOS = 3; // after the words "1", "2", "3", ids 0 to 2
    private static final long PROPORTION_BOS = 0; // before the padding and the words "w", "x", "y", "z", ids 2 to 5
    private static final int WORDS = 4; // of a prompt of the other program

    private ProgramTasks() {}

    static Task reverse(HookedTransformer model, long seed) {
        require(model, "tracr-reverse", 4, 5, 3);
        List<long[]> clean = new ArrayList<>();
        List<long[][]> correct = new ArrayList<>();
        List<long[][]> wrong = new ArrayList<>();
        for (int i = 0; i < 9; i++) {
            long a = i / 3;
            long b = i % 3;
            long c = 3 - a - b;
            if (a != b) {
                clean.add(new long[] {REVERSE_BOS, a, b, c});
                correct.add(new long[][] {{c}, {b}, {a}});
                wrong.add(new long[][] {{a, b}, {a, c}, {b, c}});
            }
        }
        Answers answers = Answers.of(
                correct.toArray(long[][][]::new),
                wrong.toArray(long[][][]::new),
                clean.size(),
                model.config().dVocabOut());
        return task(model, "tracr-reverse", clean, seed, Metric.meanSquaredError())
                .at(1, 2, 3)
                .answering(answers);
    }

    static Task proportion(HookedTransformer model, int n, long seed, boolean published) {
        Prompts.requireCount(n);
        require(model, "tracr-xproportion", 2, 6, 4);
        Random random = new Random(seed);
        List<long[]> clean = new ArrayList<>();
        for (int i = 0; i < n; i++) {
            clean.add(
                    published
                            ? random.longs(WORDS, 0, WORDS).toArray()
                            : new long[] {PROPORTION_BOS, word(random), word(random), word(random), word(random)});
        }
        String name = published ? "tracr-xproportion, published coding" : "tracr-xproportion";
        Task task = task(model, name, clean, seed, Metric.meanSquaredError(0));
        return published ? task.at(1, 2, 3) : task.at(1, 2, 3, 4);
    }

    private static long word(Random random) {
        return PROPORTION_BOS + 2 + random.nextInt(WORDS);
    }

    /** Each prompt corrupted by another one: the examples in an order that leaves none in its place. */
    private static Task task(HookedTransformer model, String name, List<long[]> clean, long seed, Metric metric) {
        List<Integer> order = new ArrayList<>();
        for (int i = 0; i < clean.size(); i++) {
            order.add(i);
        }
        Random random = new Random(seed);
        for (int i = order.size() - 1; i > 0; i--) {
            Collections.swap(order, i, random.nextInt(i)); // Sattolo's: one cycle through all
        }
        return Task.of(
                model,
                Prompts.title(name, seed),
                clean.toArray(long[][]::new),
                order.stream().map(clean::get).toArray(long[][]::new),
                metric);
    }

    private static void require(HookedTransformer model, String program, int layers, int dVocab, int dVocabOut) {
        ModelConfig config = model.config();
        if (config.nLayers() != layers || config.dVocab() != dVocab || config.dVocabOut() != dVocabOut) {
            throw new IllegalArgumentException("this is the task of the compiled program " + program + " (" + layers
                    + " layers, reads " + dVocab + " tokens, writes " + dVocabOut + " numbers), but '" + model.name()
                    + "' has " + config.nLayers() + " layers, " + config.dVocab() + " tokens and " + config.dVocabOut()
                    + "; load it with HookedTransformer.load(\"" + program + "\")");
        }
    }
}
