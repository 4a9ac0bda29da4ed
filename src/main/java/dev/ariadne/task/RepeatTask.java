package dev.ariadne.task;

import dev.ariadne.model.HookedTransformer;
import java.util.Arrays;
import java.util.Random;
import java.util.regex.Pattern;
import java.util.stream.LongStream;

/** Random tokens in which one stretch comes twice: what follows in the second one can be copied from the first (Olsson et al. 2022). */
final class RepeatTask {
    private static final int STRETCH = 10;
    private static final int LENGTH = 30;
    private static final int COMMON =
            4000; // words that a small model has seen often enough to copy; vocabularies begin with them
    private static final Pattern WORD = Pattern.compile(" ?\\p{L}+"); // no special token, no part of a character

    private RepeatTask() {}

    static Task induction(HookedTransformer model, int n, long seed) {
        Prompts.requireCount(n);
        long[] pool = pool(model);
        long[] bos = model.hasTokenizer() && model.tokenizer().prependsBos()
                ? new long[] {model.tokenizer().bosId().orElseThrow()}
                : new long[0];
        int length = bos.length + LENGTH;
        if (pool.length < LENGTH || length > model.config().nCtx()) {
            throw new IllegalArgumentException(
                    "induction needs a model with " + LENGTH + " tokens that are words and room for "
                            + length + "; '" + model.name() + "' has " + pool.length + " and room for "
                            + model.config().nCtx() + ". Take another model, or your own prompts: Task.of(...)");
        }
        Random random = new Random(seed);
        long[][] clean = new long[n][];
        long[][] corrupted = new long[n][];
        long[][] next = new long[n][length - 1];
        for (int i = 0; i < n; i++) {
            long[] drawn = draw(pool, random); // as many as a prompt has, and none twice
            int first = bos.length + random.nextInt(LENGTH - 2 * STRETCH + 1);
            int second = first + STRETCH + random.nextInt(length - 2 * STRETCH - first + 1);
            corrupted[i] =
                    LongStream.concat(LongStream.of(bos), LongStream.of(drawn)).toArray();
            clean[i] = corrupted[i].clone();
            System.arraycopy(corrupted[i], second, clean[i], first, STRETCH);
            Arrays.fill(next[i], HookedTransformer.PADDING);
            for (int pos = second; pos < second + STRETCH - 1; pos++) {
                next[i][pos] = clean[i][pos + 1];
            }
        }
        int[] where = LongStream.range(0, length - 1)
                .filter(pos -> Arrays.stream(next).anyMatch(row -> row[(int) pos] != HookedTransformer.PADDING))
                .mapToInt(pos -> (int) pos)
                .toArray();
        long[][] asked = Arrays.stream(next)
                .map(row -> Arrays.stream(where).mapToLong(pos -> row[pos]).toArray())
                .toArray(long[][]::new);
        return Task.of(model, Prompts.title("induction", seed), clean, corrupted, Metric.kl())
                .at(where)
                .answering(asked)
                .kl();
    }

    private static long[] pool(HookedTransformer model) {
        LongStream all = LongStream.range(0, model.config().dVocab());
        if (!model.hasTokenizer()) {
            return all.toArray();
        }
        long size = model.tokenizer().size();
        return all.filter(id -> id < size
                        && WORD.matcher(model.tokenizer().toSingleString(id)).matches())
                .limit(COMMON)
                .toArray();
    }

    private static long[] draw(long[] pool, Random random) {
        long[] shuffled = pool.clone();
        for (int i = 0; i < LENGTH; i++) {
            int j = i + random.nextInt(shuffled.length - i);
            long here = shuffled[i];
            shuffled[i] = shuffled[j];
            shuffled[j] = here;
        }
        return Arrays.copyOf(shuffled, LENGTH);
    }
}
